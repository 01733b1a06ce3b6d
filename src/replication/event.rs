//! What a replica is told, what it may be asked, and what it answers with.

use std::collections::BTreeMap;

use crate::types::{
    BrokerEpoch, BrokerId, EpochEndOffset, LeaderEpoch, Offset, PartitionEpoch, RecoveryState,
};

/// Something that happened to a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The broker applied metadata that concerns this partition (R7, R8, R24). Also fed when only
    /// the standing of another replica's broker changed.
    MetadataApplied(Assignment),
    /// The local log grew at this leader; the markers tell how far. Fed again once an fsync that
    /// `flush.messages` asks for has moved `committable_end_offset`.
    Appended,
    /// A follower's fetch passed [`crate::replication::Replica::check_fetch`] (R12).
    FollowerFetched {
        /// Who fetched.
        follower: BrokerId,
        /// The broker epoch it sent; `None` where the request version has none (-1).
        broker_epoch: Option<BrokerEpoch>,
        /// The offset it asked for: its own log end offset.
        fetch_offset: Offset,
        /// Its log start offset.
        log_start_offset: Offset,
        /// This leader's log end offset when it read for the answer.
        leader_end_offset: Offset,
    },
    /// A produce request with acks=all has been appended (or recognised as a duplicate) and wants
    /// to know when it is committed.
    ProduceWaits {
        /// Names the request in the effects.
        ticket: ProduceTicket,
        /// Offset of its last record.
        last_offset: Offset,
    },
    /// The produce request's own time limit has passed.
    ProduceExpired {
        /// The request.
        ticket: ProduceTicket,
    },
    /// The controller answered, or failed to answer, the outstanding AlterPartition (R17).
    AlterPartitionAnswered {
        /// The proposal that was sent, unchanged.
        proposal: AlterPartitionProposal,
        /// The answer.
        answer: AlterPartitionAnswer,
    },
    /// Time has passed. Drives the shrinking of the in-sync set (R15) and retries.
    Tick,
    /// The leader answered a fetch of this follower (R11).
    FetchAnswered {
        /// What the fetch had asked, so that a late answer is recognised.
        request: FetchIdentity,
        /// The answer.
        answer: FetchAnswer,
    },
    /// The local disk failed; the replica is offline until the broker restarts.
    StorageFailed,
}

/// What a replica is asked to do. Performed in order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the log that `epoch` begins at `start_offset` (R7: also if nothing is ever written).
    AssignLeaderEpoch {
        /// The epoch that begins.
        epoch: LeaderEpoch,
        /// The log end offset at that moment.
        start_offset: Offset,
    },
    /// The high watermark moved. Wake consumers; the log's own record of it follows.
    AdvanceHighWatermark {
        /// The new value; may be lower than before on a follower.
        to: Offset,
    },
    /// Answer a waiting produce request.
    CompleteProduce(CompletedProduce),
    /// Send AlterPartition to the controller, once: only the replica repeats a proposal, because a
    /// refusal is final only if it knows of every attempt (R17). At most one is outstanding on a
    /// partition epoch (LS6); a proposal on a newer one replaces it, and its answer no longer counts.
    ProposeInSyncReplicas(AlterPartitionProposal),
    /// (Re)start fetching from `leader`, in `leader_epoch`, replacing any earlier instruction.
    Fetch {
        /// Whom to ask.
        leader: BrokerId,
        /// The epoch to send as `current_leader_epoch`.
        leader_epoch: LeaderEpoch,
    },
    /// Stop fetching until told otherwise.
    StopFetching,
    /// Fetch again, but only after `replica.fetch.backoff.ms`.
    BackOffFetching,
    /// Append the fetched batches to the local log, verbatim.
    AppendFetched,
    /// Cut the local log so that it ends at `to`, with its epochs and producer state.
    Truncate {
        /// The new log end offset.
        to: Offset,
    },
    /// Delete the whole local log and begin at `at` (the leader no longer has what is missing).
    RestartLog {
        /// The leader's log start offset.
        at: Offset,
    },
    /// Delete what lies below the leader's log start offset.
    AdvanceLogStart {
        /// The new log start offset.
        to: Offset,
    },
    /// Ask the leader where its log starts and ends (ListOffsets as a follower), then feed
    /// [`FetchAnswer::LeaderBounds`].
    AskLeaderBounds,
    /// The role, its epoch or the data that waiting fetches depend on changed: look at them again.
    WakeFetches,
    /// Tell the probe that the replica leads from now on.
    ReportLeader {
        /// The epoch.
        leader_epoch: LeaderEpoch,
        /// The log end offset at its start (LESO).
        start_offset: Offset,
    },
    /// Tell the probe that the replica follows from now on.
    ReportFollower {
        /// The epoch.
        leader_epoch: LeaderEpoch,
        /// Whom it follows; `None` while there is no leader.
        leader: Option<BrokerId>,
    },
    /// Tell the probe and the metrics what the leader now takes for the in-sync set.
    ReportInSyncReplicas {
        /// The leader's epoch.
        leader_epoch: LeaderEpoch,
        /// The committed set's version.
        partition_epoch: PartitionEpoch,
        /// The committed set.
        committed: Vec<BrokerId>,
        /// The committed set and the members of a pending proposal.
        maximal: Vec<BrokerId>,
    },
}

/// What the metadata says about this partition, as far as a replica cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who leads; `None` while the partition is offline.
    pub leader: Option<BrokerId>,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// The registration's version.
    pub partition_epoch: PartitionEpoch,
    /// The in-sync replicas that the controller has committed.
    pub in_sync_replicas: Vec<BrokerId>,
    /// Every assigned replica and how its broker stands. In the order of assignment.
    pub replicas: Vec<(BrokerId, ReplicaStanding)>,
    /// Whether the leader was elected cleanly.
    pub recovery_state: RecoveryState,
    /// `min.insync.replicas`, as configured (not yet bounded by the number of replicas).
    pub min_in_sync_replicas: usize,
}

/// How a replica's broker is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaStanding {
    /// The broker's epoch in this broker's metadata; `None` if it is not registered.
    pub broker_epoch: Option<BrokerEpoch>,
    /// Unfenced and not shutting down (KIP-841).
    pub active: bool,
}

/// Names a produce request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProduceTicket(pub u64);

/// A waiting produce request and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedProduce {
    /// The request.
    pub ticket: ProduceTicket,
    /// Its outcome.
    pub outcome: ProduceOutcome,
}

/// How a waiting produce request ends (R27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProduceOutcome {
    /// Committed.
    Committed,
    /// Committed, but by then fewer than `min.insync.replicas` were in sync
    /// (NOT_ENOUGH_REPLICAS_AFTER_APPEND). The records are in the log.
    NotEnoughReplicasAfterAppend,
    /// The time limit passed (REQUEST_TIMED_OUT). The records are in the log and may yet commit.
    TimedOut,
    /// This replica no longer leads in the epoch of the append (NOT_LEADER_OR_FOLLOWER).
    NotLeader,
    /// The disk failed after the append (KAFKA_STORAGE_ERROR).
    StorageFailed,
}

/// Why a produce request is refused before anything is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProduceRefusal {
    /// NOT_LEADER_OR_FOLLOWER.
    #[error("this replica does not lead")]
    NotLeader,
    /// NOT_ENOUGH_REPLICAS.
    #[error("{in_sync} replicas are in sync, {required} are required")]
    NotEnoughReplicas {
        /// How many are in the committed in-sync set.
        in_sync: usize,
        /// The effective `min.insync.replicas`.
        required: usize,
    },
    /// KAFKA_STORAGE_ERROR.
    #[error("the disk of this replica failed")]
    StorageFailed,
}

/// A fetch, as far as a replica judges it (R10, R29, R30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchRequestView {
    /// The follower that asks; `None` for a consumer.
    pub follower: Option<BrokerId>,
    /// The leader epoch that the asker believes in, if it sent one.
    pub current_leader_epoch: Option<LeaderEpoch>,
    /// The offset asked for.
    pub fetch_offset: Offset,
    /// The epoch of the last record the asker holds, if it sent one.
    pub last_fetched_epoch: Option<LeaderEpoch>,
}

/// What a fetch may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchVerdict {
    /// Read from the offset asked for up to `end` (exclusive): the log end for a follower, the high
    /// watermark for a consumer. `end` may lie below the offset asked for: answer with nothing.
    Read {
        /// Exclusive bound of what may be sent.
        end: Offset,
        /// The high watermark to send, sampled before the read.
        high_watermark: Offset,
    },
    /// The asker's log has diverged: it must cut back to this (R10d). No records are sent and the
    /// leader learns nothing about the follower.
    Diverging(EpochEndOffset),
}

impl FetchVerdict {
    /// Whether a follower's fetch proves that its log is the leader's up to the offset it asks for,
    /// and so is to be reported as [`Event::FollowerFetched`] (R12, KAFKA-13141).
    #[must_use]
    pub fn is_proof_of_end(&self) -> bool {
        match self {
            Self::Read { .. } => true,
            Self::Diverging(_) => mutant!(A09),
        }
    }
}

/// Why a fetch is refused. Each is the Kafka error of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchRefusal {
    /// FENCED_LEADER_EPOCH.
    #[error("leader epoch {asked} is older than {current}")]
    FencedLeaderEpoch {
        /// The asker's.
        asked: LeaderEpoch,
        /// This replica's.
        current: LeaderEpoch,
    },
    /// UNKNOWN_LEADER_EPOCH.
    #[error("leader epoch {asked} is newer than {current}")]
    UnknownLeaderEpoch {
        /// The asker's.
        asked: LeaderEpoch,
        /// This replica's.
        current: LeaderEpoch,
    },
    /// NOT_LEADER_OR_FOLLOWER.
    #[error("this replica does not lead")]
    NotLeader,
    /// UNKNOWN_LEADER_EPOCH to a broker that is not assigned, so that it waits for metadata (R10c).
    #[error("broker {0} is not a replica of this partition")]
    NotAssigned(BrokerId),
    /// OFFSET_OUT_OF_RANGE.
    #[error("fetch offset {asked} is outside {start}..={end}")]
    OffsetOutOfRange {
        /// The asker's.
        asked: Offset,
        /// Log start offset.
        start: Offset,
        /// The largest offset that may be asked for.
        end: Offset,
    },
    /// KAFKA_STORAGE_ERROR.
    #[error("the disk of this replica failed")]
    StorageFailed,
}

/// What a follower had asked for; an answer counts only if both still hold (KAFKA-18991).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchIdentity {
    /// The epoch sent.
    pub leader_epoch: LeaderEpoch,
    /// The offset asked for.
    pub fetch_offset: Offset,
}

/// What a follower got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchAnswer {
    /// Records, or none.
    Records(FetchedBatches),
    /// The leader says that this log diverges from its own.
    Diverging(EpochEndOffset),
    /// OFFSET_OUT_OF_RANGE.
    OffsetOutOfRange,
    /// Where the leader's log starts and ends, as asked by [`Effect::AskLeaderBounds`].
    LeaderBounds {
        /// Its log start offset.
        log_start_offset: Offset,
        /// Its log end offset.
        log_end_offset: Offset,
    },
    /// FENCED_LEADER_EPOCH.
    FencedLeaderEpoch,
    /// UNKNOWN_LEADER_EPOCH, NOT_LEADER_OR_FOLLOWER, or anything else that a later try may mend.
    Retry,
    /// The leader could not be reached or did not answer in time.
    Unreachable,
}

/// The records of one answer, summed up; the shell keeps the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchedBatches {
    /// Offset of the first record; `None` if there is none.
    pub base_offset: Option<Offset>,
    /// One past the last record; the fetch offset if there is none.
    pub end_offset: Offset,
    /// The largest leader epoch among the batches (KAFKA-18723).
    pub leader_epoch_max: Option<LeaderEpoch>,
    /// The leader's high watermark.
    pub high_watermark: Offset,
    /// The leader's log start offset.
    pub log_start_offset: Offset,
}

/// A wish to change the in-sync set (R17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterPartitionProposal {
    /// Tells this proposal from earlier ones of the same replica.
    pub attempt: u64,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// The version that the wish builds on.
    pub partition_epoch: PartitionEpoch,
    /// The wished in-sync set, each with the broker epoch the leader knows (KIP-903); `None` is -1.
    pub in_sync_replicas: BTreeMap<BrokerId, Option<BrokerEpoch>>,
    /// The recovery state to record.
    pub recovery_state: RecoveryState,
}

/// What the controller said to a proposal (R17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterPartitionAnswer {
    /// Done; the partition is now so.
    Committed {
        /// Who leads.
        leader: Option<BrokerId>,
        /// The leader's epoch.
        leader_epoch: LeaderEpoch,
        /// The new version.
        partition_epoch: PartitionEpoch,
        /// The in-sync set.
        in_sync_replicas: Vec<BrokerId>,
        /// The recovery state.
        recovery_state: RecoveryState,
    },
    /// INELIGIBLE_REPLICA or OPERATION_NOT_ATTEMPTED: certainly not done.
    Refused,
    /// FENCED_LEADER_EPOCH, INVALID_UPDATE_VERSION, NEW_LEADER_ELECTED, UNKNOWN_TOPIC_OR_PARTITION,
    /// INVALID_REQUEST: this leader is out of date; wait for metadata.
    OutOfDate,
    /// Anything else, including no answer at all: it may have been done. Try the same again.
    Ambiguous,
}
