//! A controller on a stage: short words for what happens to it, and a transcript of what it does.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use expect_test::Expect;

use super::super::*;
use crate::types::{
    BrokerEpoch, BrokerId, Incarnation, MetadataOffset, MetadataRecord, Millis, PartitionRecord,
    RecoveryState, TopicId,
};

/// The settings of the scenes: eligible leader replicas on, min ISR 2, nothing by itself.
pub(super) fn settings() -> Settings {
    Settings {
        me: NodeId(100),
        session_timeout: Duration::from_secs(9),
        eligible_leader_replicas: true,
        unclean_leader_election: false,
        min_in_sync_replicas: 2,
        default_partitions: 1,
        default_replication_factor: 3,
        preferred_check_interval: Duration::from_secs(300),
        auto_rebalance: false,
        unclean_retry_interval: Duration::from_secs(300),
        elect_last_known_leader: true,
    }
}

/// One active controller, the log it writes, and what was seen.
pub(super) struct Scene {
    pub(super) controller: Controller,
    pub(super) now: Millis,
    /// While set, proposals are not committed.
    pub(super) hold: bool,
    pending: VecDeque<(MetadataOffset, Vec<MetadataRecord>)>,
    next_offset: i64,
    next_ticket: u64,
    transcript: String,
}

impl Scene {
    pub(super) fn new(settings: Settings) -> Self {
        let mut scene = Self {
            controller: Controller::new(settings),
            now: Millis(0),
            hold: false,
            pending: VecDeque::new(),
            next_offset: 2,
            next_ticket: 0,
            transcript: String::new(),
        };
        scene.elect(1);
        scene
    }

    /// Brokers that are registered and unfenced, each in its own rack; nothing of it is told.
    pub(super) fn with_brokers(settings: Settings, brokers: &[i32]) -> Self {
        let mut scene = Self::new(settings);
        for broker in brokers {
            scene.register(*broker, 1, None);
            scene.heartbeat(*broker);
        }
        scene.transcript.clear();
        scene
    }

    pub(super) fn elect(&mut self, epoch: u64) {
        let next_offset = MetadataOffset(self.next_offset);
        self.step(Event::Elected { epoch, next_offset });
    }

    pub(super) fn depose(&mut self) {
        self.say("deposed");
        self.pending.clear();
        self.step(Event::Deposed);
    }

    pub(super) fn register(&mut self, id: i32, run: u8, previous: Option<i64>) {
        let previous_text = previous.map_or_else(|| "nothing".to_owned(), |p| p.to_string());
        self.say(&format!("broker {id} registers, run {run}, remembers {previous_text}"));
        self.request(Request::RegisterBroker(RegisterBrokerRequest {
            id: BrokerId(id),
            incarnation: Incarnation([run; 16]),
            host: format!("host-{id}").into(),
            port: 9092,
            rack: Some(format!("rack-{id}").into()),
            previous_broker_epoch: previous.map(BrokerEpoch),
            directories: Vec::new(),
        }));
    }

    /// A heartbeat of the broker's present incarnation that has applied everything.
    pub(super) fn heartbeat(&mut self, id: i32) {
        self.heartbeat_with(id, "is alive", |_| ());
    }

    pub(super) fn heartbeat_with(
        &mut self,
        id: i32,
        what: &str,
        adjust: impl FnOnce(&mut HeartbeatRequest),
    ) {
        self.say(&format!("broker {id} {what}"));
        let image = self.controller.image();
        let mut request = HeartbeatRequest {
            id: BrokerId(id),
            broker_epoch: image.brokers.get(&BrokerId(id)).map_or(BrokerEpoch(-1), |b| b.epoch),
            metadata_offset: image.offset,
            want_fence: false,
            want_shut_down: false,
        };
        adjust(&mut request);
        self.request(Request::Heartbeat(request));
    }

    /// All active brokers but `silent` send heartbeats, and the silent ones' sessions run out.
    pub(super) fn falls_silent(&mut self, silent: &[i32]) {
        self.say(&format!("silent for 9 s: {}", list(silent)));
        self.now = self.now + Duration::from_secs(9);
        let brokers = self.controller.image().brokers.clone();
        let told = std::mem::take(&mut self.transcript);
        for broker in brokers.values().filter(|b| !b.fenced && !silent.contains(&b.id.0)) {
            self.heartbeat(broker.id.0);
        }
        self.transcript = told;
        self.step(Event::Tick { dice: 0 });
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.say(&format!("{seconds} s pass"));
        self.now = self.now + Duration::from_secs(seconds);
        self.step(Event::Tick { dice: 0 });
    }

    /// Creates a topic with one partition on `replicas`; nothing of it is told.
    pub(super) fn topic(&mut self, name: &str, replicas: &[i32], configs: &[(&str, &str)]) {
        let told = std::mem::take(&mut self.transcript);
        self.request(Request::CreateTopics {
            topics: vec![CreateTopicRequest {
                name: name.into(),
                partitions: None,
                replication_factor: None,
                assignment: BTreeMap::from([(0, replicas.iter().copied().map(BrokerId).collect())]),
                configs: configs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            }],
            validate_only: false,
            dice: [self.next_ticket, 7],
        });
        self.transcript = told;
        assert!(self.controller.image().topic(name).is_some(), "the topic exists");
    }

    /// The leader of `topic` wishes for an in-sync set.
    pub(super) fn wish(
        &mut self,
        topic: &str,
        members: &[i32],
        adjust: impl FnOnce(&mut AlterPartitionRequest),
    ) {
        let image = self.controller.image();
        let partition = image.partition(topic, 0).unwrap().clone();
        let broker = partition.leader.unwrap_or(BrokerId(-1));
        let epoch =
            |id| image.brokers.get(&id).map(|broker: &crate::types::BrokerRecord| broker.epoch);
        let members = members.iter().copied().map(BrokerId);
        let mut request = AlterPartitionRequest {
            broker,
            broker_epoch: epoch(broker).unwrap_or(BrokerEpoch(-1)),
            topic_id: partition.topic_id,
            partition: 0,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            in_sync_replicas: members.map(|member| (member, epoch(member))).collect(),
            recovery_state: RecoveryState::Recovered,
        };
        adjust(&mut request);
        self.request(Request::AlterPartition(request));
    }

    pub(super) fn configure(&mut self, topic: &str, name: &str, value: Option<&str>) {
        self.say(&format!("{topic}: {name} becomes {value:?}"));
        self.request(Request::AlterTopicConfigs {
            topic: topic.into(),
            changes: BTreeMap::from([(name.to_owned(), value.map(str::to_owned))]),
        });
    }

    pub(super) fn partition(&self, topic: &str) -> &PartitionRecord {
        self.controller.image().partition(topic, 0).expect("the topic exists")
    }

    pub(super) fn say(&mut self, text: &str) {
        writeln!(self.transcript, "{text}").expect("a string takes everything");
    }

    pub(super) fn request(&mut self, request: Request) {
        let ticket = RequestTicket(self.next_ticket);
        self.next_ticket += 1;
        self.step(Event::Requested { ticket, request });
    }

    /// The quorum commits everything proposed.
    pub(super) fn commit(&mut self) {
        while let Some((offset, records)) = self.pending.pop_front() {
            self.step(Event::Committed { offset, records: Arc::new(records) });
        }
    }

    pub(super) fn step(&mut self, event: Event) {
        let effects = self.controller.step(self.now, event);
        for effect in effects {
            match effect {
                Effect::Propose(records) => {
                    self.say(&format!("  propose at {}", self.next_offset));
                    for record in &records {
                        let text = self.record(record, &records);
                        self.say(&format!("    {text}"));
                    }
                    self.pending.push_back((MetadataOffset(self.next_offset), records));
                    self.next_offset += 1;
                }
                Effect::Reply { ticket: _, reply } => self.say(&format!("  {}", text_of(&reply))),
                Effect::Elections { clean, eligible, unclean } => {
                    self.say(&format!(
                        "  elections: {clean} clean, {eligible} eligible, {unclean} unclean"
                    ));
                }
            }
        }
        if !self.hold {
            self.commit();
        }
    }

    pub(super) fn expect(self, expected: &Expect) {
        expected.assert_eq(&self.transcript);
    }

    fn record(&self, record: &MetadataRecord, batch: &[MetadataRecord]) -> String {
        match record {
            MetadataRecord::Broker(broker) => {
                let leaving = if broker.in_controlled_shutdown { ", leaving" } else { "" };
                let fenced = if broker.fenced { "fenced" } else { "unfenced" };
                format!("broker {} epoch {} {fenced}{leaving}", broker.id, broker.epoch)
            }
            MetadataRecord::Topic(topic) => format!("topic {} {:?}", topic.name, topic.configs),
            MetadataRecord::Partition(partition) => {
                format!(
                    "{} {}",
                    self.topic_name(partition.topic_id, batch),
                    partition_text(partition)
                )
            }
            MetadataRecord::ProducerIds { next } => format!("next producer id {next}"),
            MetadataRecord::Controller(controller) => format!("controller {}", controller.id),
        }
    }

    fn topic_name(&self, id: TopicId, batch: &[MetadataRecord]) -> Arc<str> {
        let created = batch.iter().find_map(|record| match record {
            MetadataRecord::Topic(topic) if topic.id == id => Some(topic.name.clone()),
            MetadataRecord::Topic(_)
            | MetadataRecord::Broker(_)
            | MetadataRecord::Partition(_)
            | MetadataRecord::ProducerIds { .. }
            | MetadataRecord::Controller(_) => None,
        });
        created.unwrap_or_else(|| self.controller.image().topics[&id].record.name.clone())
    }
}

/// A partition in one line: leader, leader epoch and version, in sync, eligible.
pub(super) fn partition_text(partition: &PartitionRecord) -> String {
    let ids = |brokers: &[BrokerId]| list(&brokers.iter().map(|b| b.0).collect::<Vec<_>>());
    let mut text = format!(
        "{}: leader {} epoch {} version {} in sync {} eligible {}",
        partition.partition,
        partition.leader.map_or_else(|| "-".to_owned(), |leader| leader.to_string()),
        partition.leader_epoch,
        partition.partition_epoch,
        ids(&partition.in_sync_replicas),
        ids(&partition.eligible_leader_replicas),
    );
    if let Some(leader) = partition.last_known_leader {
        write!(text, " last known {leader}").expect("a string takes everything");
    }
    if partition.recovery_state == RecoveryState::Recovering {
        text.push_str(" recovering");
    }
    text
}

fn text_of(reply: &Reply) -> String {
    match reply {
        Reply::Registered(Err(Incarnation(bytes))) => {
            format!("refused: run {} holds the id", bytes[0])
        }
        Reply::AlterPartition(Ok(partition)) => format!(
            "granted: leader {:?} epoch {} version {} in sync {}",
            partition.leader.map(|leader| leader.0),
            partition.leader_epoch,
            partition.partition_epoch,
            list(&partition.in_sync_replicas.iter().map(|b| b.0).collect::<Vec<_>>()),
        ),
        Reply::AlterPartition(Err(refusal)) => format!("refused: {refusal:?}"),
        Reply::TopicsCreated(topics) => {
            let one = |(name, result): &(Arc<str>, Result<CreateTopicReply, TopicRefusal>)| {
                match result {
                    Ok(created) => format!(
                        "{name}: {} x {} {:?}",
                        created.partitions, created.replication_factor, created.configs
                    ),
                    Err(refusal) => format!("{name}: {refusal}"),
                }
            };
            topics.iter().map(one).collect::<Vec<_>>().join("\n  ")
        }
        Reply::LeadersElected(partitions) => {
            let one =
                |p: &ElectLeadersReply| format!("{}-{}: {:?}", p.topic, p.partition, p.outcome);
            partitions.iter().map(one).collect::<Vec<_>>().join("\n  ")
        }
        Reply::NotController
        | Reply::Registered(Ok(_))
        | Reply::Heartbeat(_)
        | Reply::ProducerIds(_)
        | Reply::TopicConfigs(_) => format!("{reply:?}"),
    }
}

fn list(ids: &[i32]) -> String {
    if ids.is_empty() {
        return "-".to_owned();
    }
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
