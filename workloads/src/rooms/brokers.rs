//! A broker without its shell: it feeds its replicas and does what they want done, in order.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::controller::MetadataImage;
use highwater::host::probe::{BatchId, Observation};
use highwater::replication::{
    Assignment, Effect, Event, ProduceTicket, Replica, ReplicaStanding, Role, Settings,
};
use highwater::types::{
    BrokerEpoch, BrokerId, Incarnation, LeaderEpoch, Millis, NodeId, Offset, PartitionRecord,
};

use super::clients::Produce;
use super::fetching::Fetch;
use super::model_log::ModelLog;
use super::world::{Happening, Weather, World};
use crate::invariants::leader_epochs_match;

/// One broker.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) id: BrokerId,
    pub(super) up: bool,
    /// Counts the runs of its process.
    pub(super) run: u32,
    pub(super) incarnation: Incarnation,
    /// The epoch that this run was registered with.
    pub(super) epoch: Option<BrokerEpoch>,
    /// The epoch in the clean-shutdown marker.
    pub(super) marker: Option<BrokerEpoch>,
    /// It wants to shut down.
    pub(super) leaving: bool,
    /// What it has applied, and how many batches that was.
    pub(super) image: MetadataImage,
    pub(super) applied: usize,
    /// Which controller it takes for the active one.
    pub(super) controller: usize,
    /// Until then it hears no metadata.
    pub(super) deaf_until: Millis,
    /// Until then its heartbeats do not get through.
    pub(super) mute_until: Millis,
    /// How many batches it gets per fetch.
    pub(super) fetch_batches_max: usize,
    pub(super) hosted: Vec<Hosted>,
}

/// One replica on a broker, and what a shell keeps about it.
#[derive(Debug)]
pub(super) struct Hosted {
    pub(super) replica: Replica,
    pub(super) log: ModelLog,
    /// The high watermark on disk.
    pub(super) checkpoint: Offset,
    /// Whom to fetch from, in which epoch.
    pub(super) source: Option<(BrokerId, LeaderEpoch)>,
    /// The request that is under way.
    pub(super) outstanding: Option<u64>,
    /// Fetches that wait for records.
    pub(super) parked: Vec<Fetch>,
    /// Produce requests that wait for the commit.
    pub(super) produces: BTreeMap<ProduceTicket, Produce>,
}

impl Broker {
    pub(super) fn new(at: usize, weather: &Weather) -> Self {
        let id = BrokerId(i32::try_from(at + 1).expect("a few brokers"));
        let hosted = (0..weather.partitions).map(|_| Hosted {
            replica: new_replica(id, weather, Offset::ZERO),
            log: ModelLog::default(),
            checkpoint: Offset::ZERO,
            source: None,
            outstanding: None,
            parked: Vec::new(),
            produces: BTreeMap::new(),
        });
        Self {
            id,
            up: false,
            run: 0,
            incarnation: Incarnation::default(),
            epoch: None,
            marker: None,
            leaving: false,
            image: MetadataImage::default(),
            applied: 0,
            controller: 0,
            deaf_until: Millis(0),
            mute_until: Millis(0),
            fetch_batches_max: weather.fetch_batches,
            hosted: hosted.collect(),
        }
    }

    pub(super) fn node(&self) -> NodeId {
        self.id.into()
    }
}

pub(super) fn new_replica(me: BrokerId, weather: &Weather, high_watermark: Offset) -> Replica {
    let settings = Settings {
        me,
        replica_lag_time_max: Duration::from_millis(weather.replica_lag_time_max),
        alter_partition_retry: Duration::from_millis(15),
        wait_for_caught_up_followers: weather.wait_for_caught_up_followers,
    };
    Replica::new(settings, high_watermark)
}

/// Whether a replica wants its fetcher to wait before it asks again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask again at once.
    #[default]
    AtOnce,
    /// Ask again later, or not at all; it is arranged for.
    Arranged,
}

impl World {
    /// Feeds one replica, and performs the effects.
    pub(super) fn feed(&mut self, broker: usize, partition: usize, event: Event) -> Next {
        self.feed_with(broker, partition, event, &[])
    }

    /// The same, with the batches that came with a fetch's answer.
    pub(super) fn feed_with(
        &mut self,
        broker: usize,
        partition: usize,
        event: Event,
        batches: &[BatchId],
    ) -> Next {
        let now = self.now;
        let hosted = &mut self.brokers[broker].hosted[partition];
        let effects = hosted.replica.step(now, hosted.log.markers(), event);
        let mut next = Next::AtOnce;
        for effect in effects {
            if self.perform(broker, partition, effect, batches) == Next::Arranged {
                next = Next::Arranged;
            }
        }
        let hosted = &self.brokers[broker].hosted[partition];
        let (log, end) = (&hosted.log, hosted.log.end());
        if let Err(what) = leader_epochs_match(log.epochs(), log.batches(), Offset::ZERO, end) {
            let what = format!("broker {}: {what}", self.brokers[broker].id);
            self.object("LS3", partition, what);
        }
        next
    }

    fn perform(
        &mut self,
        broker: usize,
        partition: usize,
        effect: Effect,
        batches: &[BatchId],
    ) -> Next {
        let hosted = &mut self.brokers[broker].hosted[partition];
        match effect {
            Effect::AssignLeaderEpoch { epoch, start_offset } => {
                hosted.log.epochs_mut().assign(epoch, start_offset);
            }
            Effect::CompleteProduce(completed) => {
                self.produce_completed(broker, partition, completed);
            }
            Effect::ProposeInSyncReplicas(ref proposal) => {
                self.propose(broker, partition, proposal.clone());
            }
            Effect::Fetch { leader, leader_epoch } => {
                hosted.source = Some((leader, leader_epoch));
                hosted.outstanding = None;
                let run = self.brokers[broker].run;
                self.schedule_within(2, Happening::FetchDue { broker, run, partition });
                return Next::Arranged;
            }
            Effect::StopFetching => {
                hosted.source = None;
                hosted.outstanding = None;
                return Next::Arranged;
            }
            Effect::BackOffFetching => {
                let run = self.brokers[broker].run;
                self.schedule_within(10, Happening::FetchDue { broker, run, partition });
                return Next::Arranged;
            }
            Effect::AskLeaderBounds => {
                self.ask_bounds(broker, partition);
                return Next::Arranged;
            }
            Effect::AppendFetched => {
                for batch in batches {
                    self.append(broker, partition, *batch, false);
                }
            }
            Effect::Truncate { to } => hosted.log.truncate(to),
            Effect::RestartLog { at: to } | Effect::AdvanceLogStart { to } => {
                let what = format!("broker {broker} deletes up to {to}; no log ever lost its head");
                self.object("R11", partition, what);
            }
            Effect::WakeFetches if !hosted.parked.is_empty() => {
                let run = self.brokers[broker].run;
                self.schedule(0, Happening::Woken { broker, run, partition });
            }
            Effect::AdvanceHighWatermark { .. }
            | Effect::WakeFetches
            | Effect::ReportLeader { .. }
            | Effect::ReportFollower { .. }
            | Effect::ReportInSyncReplicas { .. } => {}
        }
        self.report(broker, partition, effect);
        Next::AtOnce
    }

    /// Tells the picture what an effect came to, in the words of the probe.
    fn report(&mut self, broker: usize, at: usize, effect: Effect) {
        let partition = self.name(at);
        let role = self.brokers[broker].hosted[at].replica.role();
        let leading_in = match role {
            Role::Leader { leader_epoch, .. } => Some(leader_epoch),
            Role::Follower { .. } | Role::Idle | Role::Failed => None,
        };
        let observation = match effect {
            Effect::AdvanceHighWatermark { to } => {
                Observation::HighWatermark { partition, to, leading_in }
            }
            Effect::Truncate { to } => Observation::Truncated { partition, to },
            Effect::ReportLeader { leader_epoch, start_offset } => Observation::BecameLeader {
                partition,
                leader_epoch,
                leader_epoch_start_offset: start_offset,
            },
            Effect::ReportFollower { leader_epoch, leader } => {
                Observation::BecameFollower { partition, leader_epoch, leader }
            }
            Effect::ReportInSyncReplicas { leader_epoch, partition_epoch, committed, maximal } => {
                Observation::InSyncReplicas {
                    partition,
                    leader_epoch,
                    partition_epoch,
                    committed,
                    maximal,
                }
            }
            Effect::AssignLeaderEpoch { .. }
            | Effect::CompleteProduce(_)
            | Effect::ProposeInSyncReplicas(_)
            | Effect::Fetch { .. }
            | Effect::StopFetching
            | Effect::BackOffFetching
            | Effect::AskLeaderBounds
            | Effect::AppendFetched
            | Effect::RestartLog { .. }
            | Effect::AdvanceLogStart { .. }
            | Effect::WakeFetches => return,
        };
        let node = self.brokers[broker].node();
        self.observe(node, &observation);
    }

    pub(super) fn append(
        &mut self,
        broker: usize,
        partition: usize,
        batch: BatchId,
        as_leader: bool,
    ) {
        self.brokers[broker].hosted[partition].log.append(batch);
        let observation =
            Observation::Appended { partition: self.name(partition), batch, as_leader };
        let node = self.brokers[broker].node();
        self.observe(node, &observation);
    }

    pub(super) fn tick(&mut self, broker: usize, run: u32) {
        if !self.runs(broker, run) {
            return;
        }
        for partition in 0..self.weather.partitions {
            self.feed(broker, partition, Event::Tick);
        }
        self.schedule(12, Happening::Tick { broker, run });
    }

    /// The committed metadata reaches a broker: the next batch, or several in one go.
    pub(super) fn metadata_arrives(&mut self, broker: usize, run: u32) {
        let Some(epoch) = self.brokers[broker].epoch.filter(|_| self.runs(broker, run)) else {
            return;
        };
        let deaf = self.brokers[broker].deaf_until;
        if deaf > self.now && !self.healed {
            let after = deaf.0 - self.now.0;
            self.schedule(after, Happening::Metadata { broker, run });
            return;
        }
        let known = self.quorum.log().len();
        if self.brokers[broker].applied == known {
            return;
        }
        let all_at_once = self.one_in(2);
        let state = &mut self.brokers[broker];
        while state.applied < known {
            let (offset, records) = &self.quorum.log()[state.applied];
            state.image.apply(*offset, records);
            state.applied += 1;
            // It begins to act only once it knows of its own registration.
            if !all_at_once && offset.0 >= epoch.0 {
                break;
            }
        }
        let (node, offset) = (state.node(), state.image.offset);
        if state.applied < known {
            self.schedule_within(3, Happening::Metadata { broker, run });
        }
        self.observe(node, &Observation::MetadataApplied { offset });
        for partition in 0..self.weather.partitions {
            let image = &self.brokers[broker].image;
            let index = i32::try_from(partition).expect("a few partitions");
            let Some(record) = image.partition("orders", index) else { continue };
            let event = Event::MetadataApplied(self.assignment(image, record));
            self.feed(broker, partition, event);
        }
    }

    fn assignment(&self, image: &MetadataImage, record: &PartitionRecord) -> Assignment {
        let default = self.weather.min_in_sync_replicas;
        let standing = |id: &BrokerId| ReplicaStanding {
            broker_epoch: image.brokers.get(id).map(|broker| broker.epoch),
            active: image.is_active(*id),
        };
        Assignment {
            leader: record.leader,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            in_sync_replicas: record.in_sync_replicas.clone(),
            replicas: record.replicas.iter().map(|id| (*id, standing(id))).collect(),
            recovery_state: record.recovery_state,
            min_in_sync_replicas: image
                .topics
                .get(&record.topic_id)
                .map_or(default, |topic| image.min_in_sync_replicas(topic, default)),
        }
    }
}
