//! The brokers' lives: registered, unfenced, fenced, shutting down (R19–R21).

use super::active::Active;
use super::{HeartbeatReply, HeartbeatRequest, RegisterBrokerRequest, Reply};
use crate::types::{BrokerEpoch, BrokerId, BrokerRecord, MetadataRecord, Millis};

/// How a broker stands after a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Fenced,
    Unfenced,
    ShuttingDown,
    /// Fenced for good: it may exit.
    ShutDown,
}

impl Active {
    /// R19. The new incarnation begins fenced, and whatever its predecessor led or was in sync
    /// with is taken from it in the same batch. One that the registered incarnation has followed is
    /// refused, which Kafka cannot tell.
    pub(super) fn register_broker(
        &mut self,
        now: Millis,
        request: &RegisterBrokerRequest,
    ) -> Reply {
        let known = self.image.brokers.get(&request.id);
        if let Some(known) = known {
            if known.incarnation == request.incarnation {
                return Reply::Registered(Ok(self.register_again(now, request, &known.clone())));
            }
            if is_late(request, known) {
                return Reply::Registered(Err(known.incarnation));
            }
            if !known.fenced && self.sessions.is_alive(known.id, now) {
                return Reply::Registered(Err(known.incarnation));
            }
        }
        let clean = known.is_some_and(|known| request.previous_broker_epoch == Some(known.epoch));
        let epoch = BrokerEpoch(self.batch_offset().0);
        self.write(MetadataRecord::Broker(BrokerRecord {
            id: request.id,
            epoch,
            incarnation: request.incarnation,
            host: request.host.clone(),
            port: request.port,
            rack: request.rack.clone(),
            fenced: true,
            in_controlled_shutdown: false,
            directories: request.directories.clone(),
        }));
        self.take_everything_from(request.id, !clean);
        self.sessions.open(request.id, now);
        Reply::Registered(Ok(epoch))
    }

    /// The same run of the broker asks again, perhaps because it missed the answer: it keeps its
    /// epoch and its standing (KAFKA-16952).
    fn register_again(
        &mut self,
        now: Millis,
        request: &RegisterBrokerRequest,
        known: &BrokerRecord,
    ) -> BrokerEpoch {
        let amended = BrokerRecord {
            host: request.host.clone(),
            port: request.port,
            rack: request.rack.clone(),
            directories: request.directories.clone(),
            ..known.clone()
        };
        if amended != *known {
            self.write(MetadataRecord::Broker(amended));
        }
        self.sessions.touch(request.id, now);
        known.epoch
    }

    /// R20, R21.
    pub(super) fn heartbeat(&mut self, now: Millis, request: HeartbeatRequest) -> HeartbeatReply {
        let Some(broker) = self.image.brokers.get(&request.id).cloned() else {
            return HeartbeatReply::NotRegistered;
        };
        if broker.epoch != request.broker_epoch {
            return HeartbeatReply::StaleBrokerEpoch;
        }
        self.sessions.touch(broker.id, now);
        self.sessions.applied(broker.id, request.metadata_offset);
        // The broker's epoch is the position of its own registration.
        let caught_up = request.metadata_offset.0 >= broker.epoch.0;
        let mut standing = next_standing(&broker, request, caught_up);
        match standing {
            Standing::Fenced | Standing::ShutDown => self.fence(&broker),
            Standing::Unfenced => self.unfence(&broker),
            Standing::ShuttingDown => {
                self.begin_shutdown(&broker);
                if self.may_exit(broker.id) {
                    standing = Standing::ShutDown;
                    self.fence(&BrokerRecord { in_controlled_shutdown: true, ..broker });
                }
            }
        }
        HeartbeatReply::Alive {
            caught_up,
            fenced: matches!(standing, Standing::Fenced | Standing::ShutDown),
            should_shut_down: standing == Standing::ShutDown,
        }
    }

    /// Fences every unfenced broker whose session has run out, all in one batch: none of them is
    /// elected in the place of another.
    pub(super) fn fence_silent_brokers(&mut self, now: Millis) {
        let brokers = self.image.brokers.values();
        let silent: Vec<BrokerRecord> = brokers
            .filter(|broker| !broker.fenced && !self.sessions.is_alive(broker.id, now))
            .cloned()
            .collect();
        if silent.is_empty() {
            return;
        }
        for broker in &silent {
            let fenced = BrokerRecord { fenced: true, ..broker.clone() };
            self.write(MetadataRecord::Broker(fenced));
        }
        let is_silent = |id: &BrokerId| silent.iter().any(|broker| broker.id == *id);
        self.reconsider(
            |partition| {
                partition.in_sync_replicas.iter().any(is_silent)
                    || partition.leader.as_ref().is_some_and(is_silent)
            },
            None,
        );
    }

    fn fence(&mut self, broker: &BrokerRecord) {
        if broker.fenced {
            return;
        }
        self.write(MetadataRecord::Broker(BrokerRecord { fenced: true, ..broker.clone() }));
        self.take_everything_from(broker.id, false);
    }

    /// The broker serves again, and partitions that waited for it get it as their leader.
    fn unfence(&mut self, broker: &BrokerRecord) {
        if !broker.fenced {
            return;
        }
        self.write(MetadataRecord::Broker(BrokerRecord { fenced: false, ..broker.clone() }));
        let id = broker.id;
        self.reconsider(
            |partition| partition.leader.is_none() && partition.replicas.contains(&id),
            None,
        );
    }

    fn begin_shutdown(&mut self, broker: &BrokerRecord) {
        if broker.in_controlled_shutdown {
            return;
        }
        let leaving = BrokerRecord { in_controlled_shutdown: true, ..broker.clone() };
        self.write(MetadataRecord::Broker(leaving));
        self.take_everything_from(broker.id, false);
    }

    /// Whether the broker leads nothing and every active broker knows that (D13).
    fn may_exit(&mut self, id: BrokerId) -> bool {
        let barrier = self.sessions.shutdown_barrier(id, self.image.offset);
        let mut partitions = self.image.topics.values().flat_map(|topic| topic.partitions.values());
        let leads = partitions.any(|partition| partition.leader == Some(id));
        let mut brokers = self.image.brokers.keys();
        !leads
            && brokers.all(|other| {
                !self.image.is_active(*other) || self.sessions.metadata_offset(*other) >= barrier
            })
    }

    /// A broker that has just become inactive leads nothing and is in sync with nothing.
    fn take_everything_from(&mut self, id: BrokerId, uncleanly_restarted: bool) {
        self.reconsider(
            |partition| {
                partition.in_sync_replicas.contains(&id)
                    || partition.leader == Some(id)
                    || (uncleanly_restarted && partition.eligible_leader_replicas.contains(&id))
            },
            uncleanly_restarted.then_some(id),
        );
    }
}

/// Whether the request comes from a run that had ended before the registered one began. It was on
/// its way when its sender died. Nobody waits for the answer, and it must not count as another
/// restart: an unclean one would take the last right to lead from a broker that has lost nothing.
///
/// Only runs on the same log directories are counted alike.
fn is_late(request: &RegisterBrokerRequest, known: &BrokerRecord) -> bool {
    request.directories == known.directories && request.incarnation.run() < known.incarnation.run()
}

fn next_standing(broker: &BrokerRecord, request: HeartbeatRequest, caught_up: bool) -> Standing {
    if request.want_shut_down && (broker.fenced || request.want_fence) {
        Standing::ShutDown
    } else if broker.fenced {
        // One that was let go does not come back without registering: a heartbeat may be late.
        let stays = request.want_fence || broker.in_controlled_shutdown || !caught_up;
        if stays { Standing::Fenced } else { Standing::Unfenced }
    } else if request.want_fence {
        Standing::Fenced
    } else if request.want_shut_down || broker.in_controlled_shutdown {
        Standing::ShuttingDown
    } else {
        Standing::Unfenced
    }
}
