//! What is known of a batch, and the error map: which answers prove that nothing was appended.

use crate::client::cluster::LookupError;
use crate::client::connection::CallError;
use crate::protocol::{BatchError, ErrorCode};
use crate::types::{BrokerId, LeaderEpoch, Offset};

/// A batch that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The leader says that it is appended, and, with `acks=all`, committed.
    Acknowledged {
        /// Offset of the first record.
        base_offset: Offset,
        /// Who said so.
        leader: BrokerId,
        /// The epoch in which this client believed it to lead.
        leader_epoch: Option<LeaderEpoch>,
    },
    /// `acks=0`: the batch was written to a socket. It may or may not be appended.
    Sent {
        /// Whose socket.
        leader: BrokerId,
    },
}

/// A batch that was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// None of its records is in the log or ever will be.
    #[error("not appended: {0}")]
    NotAppended(Refusal),
    /// Its records may be in the log, now or later.
    #[error("may be appended: {0}")]
    Indeterminate(Doubt),
}

/// Why a batch is certainly not appended.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The leader refused it before appending.
    #[error("{0}")]
    Code(ErrorCode),
    /// It was never sent: there is no connection.
    #[error("never sent: {0}")]
    Unreachable(CallError),
    /// It was never sent: there is no leader to send it to.
    #[error("never sent: {0}")]
    NoLeader(LookupError),
    /// It was never sent: no broker gave a producer id.
    #[error("never sent: no producer id: {0}")]
    NoProducerId(ErrorCode),
    /// It was never sent: its time was up before.
    #[error("never sent: the delivery timeout has passed")]
    OutOfTime,
    /// It was never sent: the records do not make a batch.
    #[error("never sent: {0}")]
    Batch(BatchError),
}

/// Why nobody knows whether a batch is appended.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    /// The leader reported an error that does not say so.
    #[error("{0}")]
    Code(ErrorCode),
    /// The batch was sent and no answer came back.
    #[error("{0}")]
    NoAnswer(CallError),
    /// The answer does not speak of the partition.
    #[error("the answer leaves the partition out")]
    LeftOut,
    /// The answer acknowledges the batch at an offset that cannot be.
    #[error("acknowledged at offset {0}")]
    Nowhere(Offset),
}

/// One attempt to append a batch.
pub(super) type Attempt = Result<Appended, Failure>;

/// How one attempt failed.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Refusal),
    Doubtful(Doubt),
}

impl Failure {
    pub(super) fn of(code: ErrorCode) -> Self {
        if proves_absence(code) {
            Self::Refused(Refusal::Code(code))
        } else {
            Self::Doubtful(Doubt::Code(code))
        }
    }

    /// Whether another attempt could fare better.
    pub(super) fn may_be_tried_again(&self) -> bool {
        match self {
            Self::Refused(Refusal::Code(code) | Refusal::NoProducerId(code))
            | Self::Doubtful(Doubt::Code(code)) => is_passing(*code),
            Self::Refused(Refusal::Unreachable(CallError::NotRepresentable(_))) => false,
            Self::Refused(Refusal::NoLeader(LookupError::Refused { code, .. })) => {
                is_passing(*code)
            }
            Self::Refused(Refusal::Unreachable(_) | Refusal::NoLeader(_))
            | Self::Doubtful(Doubt::NoAnswer(_)) => true,
            Self::Refused(Refusal::OutOfTime | Refusal::Batch(_))
            | Self::Doubtful(Doubt::LeftOut | Doubt::Nowhere(_)) => false,
        }
    }
}

impl Refusal {
    /// Whether the broker's idea of the producer and ours differ.
    pub(super) fn breaks_the_sequence(&self) -> bool {
        match self {
            Self::Code(code) => matches!(
                code,
                ErrorCode::OutOfOrderSequenceNumber | ErrorCode::InvalidProducerEpoch
            ),
            Self::Unreachable(_)
            | Self::NoLeader(_)
            | Self::NoProducerId(_)
            | Self::OutOfTime
            | Self::Batch(_) => false,
        }
    }
}

/// The error map: whether an answer with this code proves that the batch was not appended.
///
/// A short list on purpose. NOT_LEADER_OR_FOLLOWER is not on it: a leader that is deposed while a
/// batch waits to be committed answers so, and the batch may survive (KAFKA-13574).
#[must_use]
pub fn proves_absence(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::TopicAuthorizationFailed
            | ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::InvalidRecord
            | ErrorCode::MessageTooLarge
            | ErrorCode::RecordListTooLarge
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::NotEnoughReplicas
    )
}

/// Whether the state that the code tells of may pass, so that another attempt makes sense.
fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::CorruptMessage
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::RequestTimedOut
            | ErrorCode::BrokerNotAvailable
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::NetworkException
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::NotController
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::KafkaStorageError
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownLeaderEpoch
    )
}
