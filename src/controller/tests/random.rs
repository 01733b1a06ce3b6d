//! Random histories of two controllers that share one committed log, with failovers in between.
//!
//! After every step the invariants GS9 and GS10 are checked on every image, and GS1 as far as the
//! controller can break it: a ghost keeps, for each partition, the set of brokers that certainly
//! hold everything committed, and nobody outside that set may be in sync or eligible.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
use super::scene::settings;
use crate::types::{
    BrokerEpoch, BrokerId, Incarnation, MetadataOffset, MetadataRecord, Millis, PartitionEpoch,
    PartitionRecord, RecoveryState, TopicId,
};

const BROKERS: i32 = 4;
const DEFAULT_MIN: usize = 2;

#[derive(Clone, Debug)]
enum Op {
    Register { broker: i32, log_lost: bool },
    RegisterAgain { broker: i32 },
    Heartbeat { broker: i32, behind: bool, want_fence: bool, want_shut_down: bool },
    CreateTopic { name: u8, dice: u64 },
    PrepareWish { name: u8, members: u8 },
    SendWish { twice: bool },
    Elect { kind: ElectionKind },
    Configure { name: u8, min: u8 },
    Pass { seconds: u64 },
    Commit { batches: usize },
    Catch,
    FailOver { survive: usize },
    Depose,
}

fn op() -> impl Strategy<Value = Op> {
    let broker = 0..BROKERS;
    prop_oneof![
        3 => (broker.clone(), any::<bool>())
            .prop_map(|(broker, log_lost)| Op::Register { broker, log_lost }),
        1 => broker.clone().prop_map(|broker| Op::RegisterAgain { broker }),
        10 => (broker, prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.1))
            .prop_map(|(broker, behind, want_fence, want_shut_down)| {
                Op::Heartbeat { broker, behind, want_fence, want_shut_down }
            }),
        2 => (0..3_u8, any::<u64>()).prop_map(|(name, dice)| Op::CreateTopic { name, dice }),
        4 => (0..3_u8, any::<u8>()).prop_map(|(name, members)| Op::PrepareWish { name, members }),
        4 => any::<bool>().prop_map(|twice| Op::SendWish { twice }),
        1 => prop_oneof![Just(ElectionKind::Preferred)].prop_map(|kind| Op::Elect { kind }),
        1 => (0..3_u8, 1..4_u8).prop_map(|(name, min)| Op::Configure { name, min }),
        3 => (1..12_u64).prop_map(|seconds| Op::Pass { seconds }),
        8 => (1..4_usize).prop_map(|batches| Op::Commit { batches }),
        1 => Just(Op::Catch),
        1 => (0..4_usize).prop_map(|survive| Op::FailOver { survive }),
        1 => Just(Op::Depose),
    ]
}

type Batch = (MetadataOffset, Arc<Vec<MetadataRecord>>);

struct World {
    settings: Settings,
    controllers: [Controller; 2],
    delivered: [usize; 2],
    /// Which controller the quorum believes in.
    active: usize,
    log: Vec<Batch>,
    pending: VecDeque<Batch>,
    next_offset: i64,
    now: Millis,
    epoch: u64,
    runs: u8,
    wish: Option<AlterPartitionRequest>,
    tickets: u64,
    asked: BTreeMap<RequestTicket, (usize, Request)>,
    /// What the log adds up to, and who holds everything committed.
    truth: MetadataImage,
    complete: BTreeMap<(TopicId, i32), BTreeSet<BrokerId>>,
}

impl World {
    fn new(settings: Settings) -> Self {
        let controller = Controller::new(settings.clone());
        let mut world = Self {
            settings,
            controllers: [controller.clone(), controller],
            delivered: [0, 0],
            active: 0,
            log: Vec::new(),
            pending: VecDeque::new(),
            next_offset: 2,
            now: Millis(0),
            epoch: 1,
            runs: 0,
            wish: None,
            tickets: 0,
            asked: BTreeMap::new(),
            truth: MetadataImage::default(),
            complete: BTreeMap::new(),
        };
        world.elected();
        world
    }

    fn elected(&mut self) {
        let next_offset = MetadataOffset(self.next_offset);
        self.step(self.active, Event::Elected { epoch: self.epoch, next_offset });
    }

    fn perform(&mut self, op: Op) {
        match op {
            Op::Register { broker, log_lost } => self.register(broker, log_lost),
            Op::RegisterAgain { broker } => {
                if let Some(known) = self.truth.brokers.get(&BrokerId(broker)).cloned() {
                    self.request(registration(known.id, known.incarnation, None));
                }
            }
            Op::Heartbeat { broker, behind, want_fence, want_shut_down } => {
                let id = BrokerId(broker);
                let known = self.truth.brokers.get(&id);
                let offset = if behind { MetadataOffset(0) } else { self.truth.offset };
                self.request(Request::Heartbeat(HeartbeatRequest {
                    id,
                    broker_epoch: known.map_or(BrokerEpoch(-1), |known| known.epoch),
                    metadata_offset: offset,
                    want_fence,
                    want_shut_down,
                }));
            }
            Op::CreateTopic { name, dice } => self.request(create(name, dice)),
            Op::PrepareWish { name, members } => self.prepare_wish(name, members),
            Op::SendWish { twice } => {
                for wish in self.wish.clone().into_iter().cycle().take(1 + usize::from(twice)) {
                    self.request(Request::AlterPartition(wish));
                }
            }
            Op::Elect { kind } => self.request(Request::ElectLeaders { kind, partitions: None }),
            Op::Configure { name, min } => {
                let min = (min < 3).then(|| min.to_string());
                self.request(Request::AlterTopicConfigs {
                    topic: format!("topic-{name}").into(),
                    changes: BTreeMap::from([("min.insync.replicas".to_owned(), min)]),
                });
            }
            Op::Pass { seconds } => {
                self.now = self.now + Duration::from_secs(seconds);
                for node in 0..2 {
                    self.step(node, Event::Tick { dice: 0 });
                }
            }
            Op::Commit { batches } => self.commit(batches),
            Op::Catch => {
                // A deposed leader hears that it is one before it hears of new records.
                if !self.controllers[1 - self.active].is_active() {
                    self.catch_up(1 - self.active);
                }
            }
            Op::FailOver { survive } => self.fail_over(survive),
            Op::Depose => self.depose(1 - self.active),
        }
    }

    fn register(&mut self, broker: i32, log_lost: bool) {
        self.runs += 1;
        let id = BrokerId(broker);
        let known = self.truth.brokers.get(&id);
        let previous = known.filter(|_| !log_lost).map(|known| known.epoch);
        let mut incarnation = [self.runs; 16];
        incarnation[15] = u8::from(log_lost);
        self.request(registration(id, Incarnation(incarnation), previous));
    }

    /// A leader computes a wish now; it may arrive late.
    fn prepare_wish(&mut self, name: u8, members: u8) {
        let Some(partition) = self.truth.partition(&format!("topic-{name}"), 0) else { return };
        let Some(leader) = partition.leader else { return };
        let epoch = |id: &BrokerId| self.truth.brokers.get(id).map(|broker| broker.epoch);
        let wanted = |id: &BrokerId| *id == leader || members >> id.0 & 1 == 1;
        let replicas = partition.replicas.iter().filter(|id| wanted(id));
        self.wish = Some(AlterPartitionRequest {
            broker: leader,
            broker_epoch: epoch(&leader).expect("a leader is registered"),
            topic_id: partition.topic_id,
            partition: 0,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            in_sync_replicas: replicas.map(|id| (*id, epoch(id))).collect(),
            recovery_state: RecoveryState::Recovered,
        });
    }

    /// Both controllers get every request: brokers do not know who is active.
    fn request(&mut self, request: Request) {
        for node in 0..2 {
            let ticket = RequestTicket(self.tickets);
            self.tickets += 1;
            self.asked.insert(ticket, (node, request.clone()));
            self.step(node, Event::Requested { ticket, request: request.clone() });
        }
    }

    fn commit(&mut self, batches: usize) {
        for _ in 0..batches {
            let Some(batch) = self.pending.pop_front() else { break };
            self.append(batch);
            self.catch_up(self.active);
        }
    }

    fn catch_up(&mut self, node: usize) {
        while let Some((offset, records)) = self.log.get(self.delivered[node]).cloned() {
            self.delivered[node] += 1;
            self.step(node, Event::Committed { offset, records });
        }
    }

    /// The other node is elected; a prefix of what was pending survives. The old one may go on
    /// for a while without noticing.
    fn fail_over(&mut self, survive: usize) {
        let other = 1 - self.active;
        self.depose(other);
        for batch in std::mem::take(&mut self.pending).into_iter().take(survive) {
            self.append(batch);
        }
        self.next_offset = self.log.last().map_or(1, |(offset, _)| offset.0) + 2;
        self.active = other;
        self.epoch += 1;
        self.catch_up(other);
        self.elected();
    }

    fn depose(&mut self, node: usize) {
        self.step(node, Event::Deposed);
        assert!(!self.controllers[node].is_active());
        self.asked.retain(|ticket, (asked, request)| {
            assert!(*asked != node, "{ticket:?} {request:?} was never answered");
            true
        });
        self.catch_up(node);
    }

    fn step(&mut self, node: usize, event: Event) {
        let effects = self.controllers[node].step(self.now, event);
        for effect in effects {
            match effect {
                Effect::Propose(records) if node == self.active => {
                    assert!(!records.is_empty());
                    let offset = MetadataOffset(self.next_offset);
                    self.next_offset += 1;
                    self.pending.push_back((offset, Arc::new(records)));
                }
                Effect::Propose(_) | Effect::Elections { .. } => {}
                Effect::Reply { ticket, reply } => {
                    let (asked, request) = self.asked.remove(&ticket).expect("answered once");
                    assert_eq!(asked, node);
                    self.check_reply(node, &request, &reply);
                }
            }
        }
        let controller = &self.controllers[node];
        self.check_image(controller.image());
        if let Some(active) = &controller.active {
            self.check_image(&active.image);
        }
        if controller.image().offset == self.truth.offset {
            assert_eq!(*controller.image(), self.truth);
        }
    }

    /// D05: whatever a reply says is committed.
    fn check_reply(&self, node: usize, request: &Request, reply: &Reply) {
        let image = self.controllers[node].image();
        match (request, reply) {
            (Request::AlterPartition(request), Reply::AlterPartition(Ok(granted))) => {
                let partition = &image.topics[&request.topic_id].partitions[&0];
                assert!(granted.partition_epoch <= partition.partition_epoch, "{granted:?}");
                // Nothing came between what the leader knew and what it got (C04, C05).
                assert_eq!(granted.partition_epoch.0, request.partition_epoch.0 + 1);
                assert_eq!(granted.leader_epoch, request.leader_epoch);
                assert_eq!(granted.leader, Some(request.broker));
            }
            (Request::RegisterBroker(request), Reply::Registered(Ok(epoch))) => {
                assert!(image.brokers[&request.id].epoch >= *epoch);
            }
            (Request::CreateTopics { .. }, Reply::TopicsCreated(topics)) => {
                for (name, result) in topics {
                    assert!(result.is_err() || image.topic(name).is_some());
                }
            }
            _ => {}
        }
    }

    /// GS10.
    fn check_image(&self, image: &MetadataImage) {
        for (topic, partition) in
            image.topics.values().flat_map(|t| t.partitions.values().map(move |p| (t, p)))
        {
            let p = partition;
            let isr = &p.in_sync_replicas;
            let elr = &p.eligible_leader_replicas;
            assert!(isr.iter().chain(elr).all(|member| p.replicas.contains(member)), "{p:?}");
            assert!(p.leader.is_none_or(|leader| isr.contains(&leader)), "{p:?}");
            assert!(isr.iter().all(|member| !elr.contains(member)), "{p:?}");
            let min = image.min_in_sync_replicas(topic, DEFAULT_MIN);
            assert!(elr.is_empty() || isr.len() < min, "{p:?}, min {min}");
            let last_one = !self.settings.eligible_leader_replicas && isr.len() == 1;
            let stray = isr.iter().find(|member| !image.is_active(**member));
            assert!(stray.is_none() || (last_one && p.leader.is_none()), "{p:?}");
            assert!(self.settings.eligible_leader_replicas || (!isr.is_empty() && elr.is_empty()));
            let in_order: Vec<_> = p.replicas.iter().filter(|r| isr.contains(r)).collect();
            assert_eq!(in_order, isr.iter().collect::<Vec<_>>());
        }
    }

    /// Appends to the committed log and checks the step from one version to the next.
    fn append(&mut self, batch: Batch) {
        let (offset, records) = &batch;
        let before = self.truth.clone();
        self.truth.apply(*offset, records);
        for record in records.iter() {
            match record {
                MetadataRecord::Broker(broker) => {
                    if let Some(old) = before.brokers.get(&broker.id) {
                        assert!(broker.epoch >= old.epoch);
                        assert_eq!(
                            broker.epoch == old.epoch,
                            broker.incarnation == old.incarnation
                        );
                    }
                    let fresh = broker.epoch.0 == offset.0;
                    if fresh && broker.incarnation.0[15] == 1 {
                        for complete in self.complete.values_mut() {
                            complete.remove(&broker.id);
                        }
                    }
                }
                MetadataRecord::Partition(next) => {
                    let key = (next.topic_id, next.partition);
                    let topic = before.topics.get(&next.topic_id);
                    match topic.and_then(|topic| topic.partitions.get(&next.partition)) {
                        Some(old) => check_versions(old, next),
                        None => {
                            let all = next.replicas.iter().copied().collect();
                            self.complete.insert(key, all);
                        }
                    }
                }
                MetadataRecord::Topic(_)
                | MetadataRecord::ProducerIds { .. }
                | MetadataRecord::Controller(_) => {}
            }
        }
        self.check_candidates();
        self.log.push(batch);
    }

    fn check_candidates(&mut self) {
        for topic in self.truth.topics.values() {
            let min = self.truth.min_in_sync_replicas(topic, DEFAULT_MIN);
            for p in topic.partitions.values() {
                let complete = self.complete.get_mut(&(p.topic_id, p.partition)).unwrap();
                let isr: BTreeSet<_> = p.in_sync_replicas.iter().copied().collect();
                if self.settings.eligible_leader_replicas {
                    let elr = &p.eligible_leader_replicas;
                    assert!(elr.iter().all(|r| complete.contains(r)), "{p:?}, {complete:?}");
                }
                // A member that joins has fetched everything; enough members commit alone.
                if isr.len() >= min {
                    *complete = isr;
                } else {
                    complete.extend(isr);
                }
            }
        }
    }
}

fn check_versions(old: &PartitionRecord, next: &PartitionRecord) {
    assert_eq!(next.partition_epoch, PartitionEpoch(old.partition_epoch.0 + 1));
    let bump = i32::from(old.leader != next.leader);
    assert_eq!(next.leader_epoch.0, old.leader_epoch.0 + bump, "{old:?} {next:?}");
    if let Some(leader) = next.leader {
        let candidates = [&old.in_sync_replicas, &old.eligible_leader_replicas];
        assert!(candidates.iter().any(|set| set.contains(&leader)), "{old:?} {next:?}");
    }
}

fn registration(id: BrokerId, incarnation: Incarnation, previous: Option<BrokerEpoch>) -> Request {
    Request::RegisterBroker(RegisterBrokerRequest {
        id,
        incarnation,
        host: "host".into(),
        port: 9092,
        rack: Some(format!("rack-{}", id.0 % 2).into()),
        previous_broker_epoch: previous,
        directories: Vec::new(),
    })
}

fn create(name: u8, dice: u64) -> Request {
    let topic = CreateTopicRequest {
        name: format!("topic-{name}").into(),
        partitions: None,
        replication_factor: None,
        assignment: BTreeMap::new(),
        configs: BTreeMap::new(),
    };
    Request::CreateTopics { topics: vec![topic], validate_only: false, dice: [dice, 1] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_histories_keep_the_controllers_invariants(
        eligible_leader_replicas in any::<bool>(),
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let settings = Settings {
            eligible_leader_replicas,
            elect_last_known_leader: false,
            auto_rebalance: true,
            preferred_check_interval: Duration::from_secs(20),
            unclean_retry_interval: Duration::from_secs(15),
            min_in_sync_replicas: DEFAULT_MIN,
            ..settings()
        };
        let mut world = World::new(settings);
        for broker in 0..BROKERS {
            world.register(broker, false);
            world.commit(1);
            let (behind, want_fence, want_shut_down) = (false, false, false);
            world.perform(Op::Heartbeat { broker, behind, want_fence, want_shut_down });
            world.commit(1);
        }
        world.perform(Op::CreateTopic { name: 0, dice: 5 });
        world.commit(1);
        prop_assert!(world.truth.topic("topic-0").is_some());
        for op in ops {
            world.perform(op);
        }
        world.commit(usize::MAX);
        world.depose(1 - world.active);
        world.depose(world.active);
    }
}
