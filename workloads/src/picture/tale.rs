//! A small language for tests: observations told one by one to a picture and its invariants.
//!
//! Brokers 1, 2 and 3 hold partition `orders-0`; two replicas must be in sync. The tale begins with
//! everybody running and registered and broker 1 leading in epoch 1.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater::host::probe::{BatchId, Observation};
use highwater::types::{
    Acks, BrokerEpoch, BrokerId, BrokerRecord, Incarnation, LeaderEpoch, MetadataOffset,
    MetadataRecord, NodeId, Offset, PartitionEpoch, PartitionRecord, ProducerEpoch, ProducerId,
    RecoveryState, Sequence, TopicId, TopicPartition, TopicRecord,
};

use super::{Settings, Stop};
use crate::invariants::{Inspector, Violation};
use crate::record::{Happened, Happening, Record};

pub(crate) struct Tale {
    pub(crate) inspector: Inspector,
    pub(crate) record: PartitionRecord,
    /// Everything that was told.
    pub(crate) told: Record,
    offset: i64,
    first: Option<Violation>,
}

pub(crate) fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

pub(crate) fn batch(offset: i64, epoch: i32, content: u32) -> BatchId {
    BatchId {
        base_offset: Offset(offset),
        last_offset: Offset(offset),
        leader_epoch: LeaderEpoch(epoch),
        crc: content,
        producer_id: ProducerId::NONE,
        producer_epoch: ProducerEpoch(-1),
        base_sequence: Sequence(-1),
    }
}

pub(crate) fn ids(brokers: &[i32]) -> Vec<BrokerId> {
    brokers.iter().copied().map(BrokerId).collect()
}

pub(crate) fn broker(id: i32, epoch: i64, fenced: bool) -> MetadataRecord {
    MetadataRecord::Broker(BrokerRecord {
        id: BrokerId(id),
        epoch: BrokerEpoch(epoch),
        incarnation: Incarnation::from_words(0, u64::try_from(epoch).unwrap()),
        host: "host".into(),
        port: 9092,
        rack: None,
        fenced,
        in_controlled_shutdown: false,
        directories: Vec::new(),
    })
}

impl Tale {
    pub(crate) fn begin() -> Self {
        Self::with(true)
    }

    pub(crate) fn with(eligible_leader_replicas: bool) -> Self {
        let settings = Settings {
            eligible_leader_replicas,
            min_in_sync_replicas_default: 2,
            unclean_leader_election_default: false,
        };
        let topic_id = TopicId([7; 16]);
        let record = PartitionRecord {
            topic_id,
            partition: 0,
            replicas: ids(&[1, 2, 3]),
            in_sync_replicas: ids(&[1, 2, 3]),
            eligible_leader_replicas: Vec::new(),
            last_known_leader: None,
            leader: Some(BrokerId(1)),
            leader_epoch: LeaderEpoch(1),
            partition_epoch: PartitionEpoch(1),
            recovery_state: RecoveryState::Recovered,
        };
        let (inspector, told) = (Inspector::new(settings), Record::new(settings));
        let mut tale = Self { inspector, record, told, offset: 0, first: None };
        for id in 1..=3 {
            tale.start(id);
            tale.commit(vec![broker(id, i64::from(id), false)]);
            tale.say(id, Observation::Registered { broker_epoch: BrokerEpoch(i64::from(id)) });
        }
        let topic = TopicRecord { id: topic_id, name: "orders".into(), configs: BTreeMap::new() };
        let partition = MetadataRecord::Partition(tale.record.clone());
        tale.commit(vec![MetadataRecord::Topic(topic), partition]);
        tale.lead(1, 1, 0);
        tale
    }

    pub(crate) fn say(&mut self, node: i32, observation: Observation) -> &mut Self {
        let verdict = self.inspector.observe(NodeId(node), self.now(), &observation);
        self.note(node, Happening::Observed(observation), verdict)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.offset).unwrap())
    }

    fn note(&mut self, node: i32, what: Happening, verdict: Result<(), Violation>) -> &mut Self {
        self.told.note(Happened { at: self.now(), node: NodeId(node), what });
        if let Err(violation) = verdict {
            self.told.note_violation(&violation);
            self.first.get_or_insert(violation);
        }
        self
    }

    pub(crate) fn start(&mut self, node: i32) -> &mut Self {
        let verdict = self.inspector.started(NodeId(node), self.now());
        self.note(node, Happening::Started, verdict)
    }

    pub(crate) fn stop(&mut self, node: i32, how: Stop) -> &mut Self {
        let verdict = self.inspector.stopped(NodeId(node), self.now(), how);
        self.note(node, Happening::Stopped(how), verdict)
    }

    pub(crate) fn commit(&mut self, records: Vec<MetadataRecord>) -> &mut Self {
        self.offset += 1;
        let offset = MetadataOffset(self.offset);
        self.say(100, Observation::MetadataCommitted { offset, records: Arc::new(records) })
    }

    /// Commits the partition with these sets, in the same leader epoch.
    pub(crate) fn in_sync(&mut self, in_sync: &[i32], eligible: &[i32]) -> &mut Self {
        self.record.in_sync_replicas = ids(in_sync);
        self.record.eligible_leader_replicas = ids(eligible);
        self.commit_partition(Vec::new())
    }

    /// Commits an election.
    pub(crate) fn elect(&mut self, leader: i32) -> &mut Self {
        self.record.leader = Some(BrokerId(leader));
        self.record.leader_epoch.0 += 1;
        self.commit_partition(Vec::new())
    }

    /// Commits the partition as `record` now says, after `others`.
    pub(crate) fn commit_partition(&mut self, others: Vec<MetadataRecord>) -> &mut Self {
        self.record.partition_epoch.0 += 1;
        let mut records = others;
        records.push(MetadataRecord::Partition(self.record.clone()));
        self.commit(records)
    }

    pub(crate) fn lead(&mut self, node: i32, epoch: i32, start: i64) -> &mut Self {
        self.say(
            node,
            Observation::BecameLeader {
                partition: orders(),
                leader_epoch: LeaderEpoch(epoch),
                leader_epoch_start_offset: Offset(start),
            },
        )
    }

    pub(crate) fn follow(&mut self, node: i32, leader: i32, epoch: i32) -> &mut Self {
        self.say(
            node,
            Observation::BecameFollower {
                partition: orders(),
                leader_epoch: LeaderEpoch(epoch),
                leader: Some(BrokerId(leader)),
            },
        )
    }

    pub(crate) fn append(&mut self, node: i32, batch: BatchId, as_leader: bool) -> &mut Self {
        self.say(node, Observation::Appended { partition: orders(), batch, as_leader })
    }

    /// The leader appends a batch and the followers copy it.
    pub(crate) fn replicate(&mut self, leader: i32, to: &[i32], batch: BatchId) -> &mut Self {
        self.append(leader, batch, true);
        for follower in to {
            self.append(*follower, batch, false);
        }
        self
    }

    pub(crate) fn truncate(&mut self, node: i32, to: i64) -> &mut Self {
        self.say(node, Observation::Truncated { partition: orders(), to: Offset(to) })
    }

    pub(crate) fn high_watermark(&mut self, node: i32, to: i64, epoch: Option<i32>) -> &mut Self {
        self.say(
            node,
            Observation::HighWatermark {
                partition: orders(),
                to: Offset(to),
                leading_in: epoch.map(LeaderEpoch),
            },
        )
    }

    pub(crate) fn believe(&mut self, node: i32, committed: &[i32], maximal: &[i32]) -> &mut Self {
        let (leader_epoch, partition_epoch) =
            (self.record.leader_epoch, self.record.partition_epoch);
        self.say(
            node,
            Observation::InSyncReplicas {
                partition: orders(),
                leader_epoch,
                partition_epoch,
                committed: ids(committed),
                maximal: ids(maximal),
            },
        )
    }

    pub(crate) fn acknowledge(&mut self, node: i32, offset: i64, acks: Acks) -> &mut Self {
        self.say(
            node,
            Observation::Acknowledged {
                partition: orders(),
                acks,
                leader_epoch: self.record.leader_epoch,
                base_offset: Offset(offset),
                last_offset: Offset(offset),
                duplicate: false,
            },
        )
    }

    pub(crate) fn open(&mut self, node: i32, batches: Vec<BatchId>, mark: i64) -> &mut Self {
        self.say(
            node,
            Observation::LogOpened {
                partition: orders(),
                log_start_offset: Offset::ZERO,
                batches,
                high_watermark: Offset(mark),
                bytes_cut: 0,
            },
        )
    }

    /// Whether nothing was found wrong.
    #[track_caller]
    pub(crate) fn is_legal(&self) {
        if let Some(violation) = &self.first {
            panic!("legal, but: {violation}");
        }
    }

    /// Whether the first thing found wrong was a breach of `invariant`.
    #[track_caller]
    pub(crate) fn breaks(&self, invariant: &str) {
        let violation = self.first.as_ref().expect("something is wrong");
        assert_eq!(violation.invariant, invariant, "{violation}");
    }

    /// What broke first, and on which occasion: `GS1 at a truncation`.
    pub(crate) fn shape(&self) -> String {
        let violation = self.first.as_ref().expect("something is wrong");
        format!("{} at {}", violation.invariant, violation.occasion.unwrap_or("nothing done"))
    }
}
