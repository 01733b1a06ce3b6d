//! What a broker tells whoever watches it: one observation per fact, at the moment it becomes one.
//!
//! In production an observation is a log line. In a simulation the harness keeps a picture of the
//! cluster from them and checks its invariants against it, so a mistake is seen where it is made
//! and not when a client stumbles over it. The broker never reads anything back.

use std::sync::Arc;

use crate::types::{
    Acks, BrokerEpoch, BrokerId, LeaderEpoch, MetadataOffset, MetadataRecord, NodeId, Offset,
    PartitionEpoch, ProducerEpoch, ProducerId, Sequence, TopicPartition,
};

/// Is told what happens, synchronously and in order.
pub trait Probe: std::fmt::Debug + Send + Sync + 'static {
    /// `observation` has just become true on this host.
    fn observe(&self, observation: Observation);
}

/// A batch as a replica's log holds it: enough to tell two apart without their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// The epoch stamped by the leader that appended it.
    pub leader_epoch: LeaderEpoch,
    /// The batch's CRC-32C, which covers all that the producer sent.
    pub crc: u32,
    /// The idempotent producer, or [`ProducerId::NONE`].
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// The sequence of the first record.
    pub base_sequence: Sequence,
}

/// One fact about a broker or controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A replica's log was opened, or re-opened after recovery.
    LogOpened {
        /// Which replica.
        partition: TopicPartition,
        /// First offset held.
        log_start_offset: Offset,
        /// Every batch held.
        batches: Vec<BatchId>,
        /// The high watermark after clamping (R33).
        high_watermark: Offset,
        /// Bytes that recovery cut off because they were torn or corrupt.
        bytes_cut: u64,
    },
    /// A batch was appended, by the leader for a client or by a follower verbatim.
    Appended {
        /// Which replica.
        partition: TopicPartition,
        /// The batch.
        batch: BatchId,
        /// Whether this replica appended it as leader.
        as_leader: bool,
    },
    /// The log was cut at its end.
    Truncated {
        /// Which replica.
        partition: TopicPartition,
        /// The new log end offset.
        to: Offset,
    },
    /// Everything below `to` is known to be on the device.
    Flushed {
        /// Which replica.
        partition: TopicPartition,
        /// The end of what is durable.
        to: Offset,
    },
    /// Everything was deleted and the log begins anew at `at`.
    Restarted {
        /// Which replica.
        partition: TopicPartition,
        /// The new log start and end offset.
        at: Offset,
    },
    /// What lies below `to` was deleted: by retention, by DeleteRecords, or because the leader did.
    LogStartAdvanced {
        /// Which replica.
        partition: TopicPartition,
        /// The new log start offset.
        to: Offset,
    },
    /// The replica began to act as leader.
    BecameLeader {
        /// Which replica.
        partition: TopicPartition,
        /// In which epoch.
        leader_epoch: LeaderEpoch,
        /// The log end offset at that moment (LESO).
        leader_epoch_start_offset: Offset,
    },
    /// The replica began to follow, or stopped leading without a new leader known.
    BecameFollower {
        /// Which replica.
        partition: TopicPartition,
        /// In which epoch.
        leader_epoch: LeaderEpoch,
        /// Whom it follows.
        leader: Option<BrokerId>,
    },
    /// The replica's high watermark moved, in either direction.
    HighWatermark {
        /// Which replica.
        partition: TopicPartition,
        /// The new value.
        to: Offset,
        /// The epoch in which the replica leads; `None` on a follower.
        leading_in: Option<LeaderEpoch>,
    },
    /// The leader's view of the in-sync set changed: a proposal began, was committed or was dropped.
    InSyncReplicas {
        /// Which partition.
        partition: TopicPartition,
        /// The leader's epoch.
        leader_epoch: LeaderEpoch,
        /// The version of the committed set.
        partition_epoch: PartitionEpoch,
        /// The committed set.
        committed: Vec<BrokerId>,
        /// The committed set and the members of a pending proposal.
        maximal: Vec<BrokerId>,
    },
    /// A produce request is about to be answered with success.
    Acknowledged {
        /// Which partition.
        partition: TopicPartition,
        /// What the producer asked for.
        acks: Acks,
        /// The leader's epoch.
        leader_epoch: LeaderEpoch,
        /// Offset of the first record.
        base_offset: Offset,
        /// Offset of the last record.
        last_offset: Offset,
        /// Whether the batch was a duplicate, answered with its first offset (R28).
        duplicate: bool,
    },
    /// Records are about to be sent to a consumer.
    Served {
        /// Which partition.
        partition: TopicPartition,
        /// The offset asked for.
        from: Offset,
        /// One past the last record sent.
        to: Offset,
        /// Whether this replica serves as leader.
        as_leader: bool,
    },
    /// The metadata quorum committed a batch, as this controller sees it.
    MetadataCommitted {
        /// The batch's position.
        offset: MetadataOffset,
        /// Its records.
        records: Arc<Vec<MetadataRecord>>,
    },
    /// The broker applied metadata up to and including `offset`.
    MetadataApplied {
        /// The position reached.
        offset: MetadataOffset,
    },
    /// The broker registered and knows its epoch.
    Registered {
        /// The broker epoch given.
        broker_epoch: BrokerEpoch,
    },
    /// The node became the active controller, or stopped being it.
    ActiveController {
        /// Which node.
        node: NodeId,
        /// The quorum's epoch (raft term).
        epoch: u64,
        /// Whether it is active now.
        active: bool,
    },
    /// The broker's disk failed under a partition, which is now offline on this broker.
    StorageFailed {
        /// Which replica.
        partition: TopicPartition,
        /// What the device said.
        error: String,
    },
}

impl Observation {
    /// The partition that it is about, if it is about one.
    #[must_use]
    pub fn partition(&self) -> Option<&TopicPartition> {
        match self {
            Self::LogOpened { partition, .. }
            | Self::Appended { partition, .. }
            | Self::Truncated { partition, .. }
            | Self::Flushed { partition, .. }
            | Self::Restarted { partition, .. }
            | Self::LogStartAdvanced { partition, .. }
            | Self::BecameLeader { partition, .. }
            | Self::BecameFollower { partition, .. }
            | Self::HighWatermark { partition, .. }
            | Self::InSyncReplicas { partition, .. }
            | Self::Acknowledged { partition, .. }
            | Self::Served { partition, .. }
            | Self::StorageFailed { partition, .. } => Some(partition),
            Self::MetadataCommitted { .. }
            | Self::MetadataApplied { .. }
            | Self::Registered { .. }
            | Self::ActiveController { .. } => None,
        }
    }
}
