//! Reads records of assigned partitions, and says where reading cannot go on.
//!
//! Nothing is reset behind the caller's back: an offset out of range or a truncated log is
//! reported, and the position stays until the caller assigns another.

mod fetch;
mod offsets;
mod position;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::ClientSettings;
use super::cluster::{Cluster, LookupError};
use super::connection::CallError;
use crate::host::Host;
use crate::protocol::{BatchError, ErrorCode};
use crate::types::{BrokerId, EpochEndOffset, LeaderEpoch, Offset, TopicPartition};
use position::Position;

/// How a consumer reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerSettings {
    /// `client.rack`: leaders send consumers of a rack to a replica there (KIP-392).
    pub rack: Option<Arc<str>>,
    /// `fetch.max.bytes`: bytes of one answer, roughly.
    pub fetch_bytes_max: u32,
    /// `max.partition.fetch.bytes`: bytes of one partition in one answer, roughly.
    pub partition_fetch_bytes_max: u32,
    /// `metadata.max.age.ms`: how long a leader's advice to read from a replica is followed.
    pub metadata_age_max: Duration,
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it was read.
    pub partition: TopicPartition,
    /// Its number.
    pub offset: Offset,
    /// Its time, in milliseconds since 1970.
    pub timestamp: i64,
    /// What it is about, if anything.
    pub key: Option<Bytes>,
    /// What it says.
    pub value: Option<Bytes>,
    /// The epoch of the leader that appended it.
    pub leader_epoch: LeaderEpoch,
}

/// Why a partition could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// There is no one to ask; may pass.
    #[error("{0}")]
    Lookup(#[from] LookupError),
    /// The broker did not answer; may pass.
    #[error("{0}")]
    Call(#[from] CallError),
    /// The broker refuses; NOT_LEADER_OR_FOLLOWER and its like may pass.
    #[error("broker {broker} refuses to read {partition}: {code}")]
    Refused {
        /// What was asked for.
        partition: TopicPartition,
        /// Who refuses.
        broker: BrokerId,
        /// What it said.
        code: ErrorCode,
    },
    /// The position is outside the replica's log. The caller decides where to go on.
    #[error("offset {asked} of {partition} is outside the log of broker {broker}")]
    OffsetOutOfRange {
        /// What was asked for.
        partition: TopicPartition,
        /// Who was asked.
        broker: BrokerId,
        /// The position.
        asked: Offset,
    },
    /// The log was cut below the position after a change of leaders (KIP-320): records that this
    /// consumer has read are gone or replaced. The caller decides where to go on.
    #[error("{partition} was truncated below offset {position}")]
    LogTruncated {
        /// Which log.
        partition: TopicPartition,
        /// The position, one past the last record read.
        position: Offset,
        /// Where the epoch of the last record read ends now; `None` if the leader knows it not.
        end: Option<EpochEndOffset>,
    },
    /// The bytes received are no batches, or are compressed.
    #[error("cannot read a batch of {partition} behind offset {position}: {reason}")]
    Batch {
        /// Which log.
        partition: TopicPartition,
        /// The position.
        position: Offset,
        /// What is wrong.
        reason: BatchError,
    },
    /// The answer does not speak of the partition asked for.
    #[error("the answer leaves {0} out")]
    LeftOut(TopicPartition),
    /// No partition of that name is assigned.
    #[error("{0} is not assigned")]
    NotAssigned(TopicPartition),
}

impl ConsumeError {
    /// Whether asking again may help without the caller's doing.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Lookup(_) | Self::Call(_) | Self::LeftOut(_) => true,
            Self::Refused { code, .. } => !matches!(
                code,
                ErrorCode::TopicAuthorizationFailed
                    | ErrorCode::ClusterAuthorizationFailed
                    | ErrorCode::InvalidRequest
                    | ErrorCode::UnsupportedVersion
            ),
            Self::OffsetOutOfRange { .. }
            | Self::LogTruncated { .. }
            | Self::Batch { .. }
            | Self::NotAssigned(_) => false,
        }
    }
}

/// A consumer of partitions that its caller assigns.
#[derive(Debug)]
pub struct Consumer {
    cluster: Cluster,
    settings: ConsumerSettings,
    positions: BTreeMap<TopicPartition, Position>,
    /// An error that a poll found beside records; the next poll returns it first.
    held_back: Option<ConsumeError>,
}

impl Consumer {
    /// A consumer without partitions.
    #[must_use]
    pub fn new(host: Host, client: ClientSettings, settings: ConsumerSettings) -> Self {
        let cluster = Cluster::new(host, client);
        Self { cluster, settings, positions: BTreeMap::new(), held_back: None }
    }

    /// What it knows of the cluster.
    pub fn cluster(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    /// Reads the partition from `offset` on, from now on. Replaces an earlier position.
    pub fn assign(&mut self, partition: TopicPartition, offset: Offset) {
        self.positions.insert(partition, Position::at(offset));
    }

    /// Reads the partition no more.
    pub fn unassign(&mut self, partition: &TopicPartition) {
        self.positions.remove(partition);
    }

    /// Reads every partition from this broker, leader or not, until told otherwise. `None` goes
    /// back to the leader and its advice.
    pub fn read_from(&mut self, broker: Option<BrokerId>) {
        for position in self.positions.values_mut() {
            position.pinned = broker;
        }
    }

    /// Where the partition is read next.
    #[must_use]
    pub fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        self.positions.get(partition).map(|position| position.offset)
    }

    /// The high watermark that came with the partition's last answer.
    #[must_use]
    pub fn high_watermark(&self, partition: &TopicPartition) -> Option<Offset> {
        self.positions.get(partition).and_then(|position| position.high_watermark)
    }

    /// Reads what there is, waiting up to `max_wait` for the first record, plus up to the request
    /// timeout for brokers that do not answer.
    ///
    /// Empty if the time passed without a record and without an error.
    ///
    /// # Errors
    /// What stands in the way of a partition, if no record was read. An error found beside records
    /// is returned by the next poll. Errors that may pass are tried again until the time is up.
    pub async fn poll(&mut self, max_wait: Duration) -> Result<Vec<Fetched>, ConsumeError> {
        if let Some(error) = self.held_back.take() {
            return Err(error);
        }
        let deadline = self.cluster.host().clock.now() + max_wait;
        let mut was_redirected = false;
        loop {
            let left = deadline - self.cluster.host().clock.now();
            let round = self.fetch_round(left).await;
            if !round.records.is_empty() {
                self.held_back = round.error;
                return Ok(round.records);
            }
            if let Some(error) = round.error
                && (!error.is_passing() || !self.has_time_for_another(deadline))
            {
                return Err(error);
            }
            if !self.has_time_for_another(deadline) {
                return Ok(Vec::new());
            }
            // The leader's advice to ask a replica is followed at once, but only once.
            if !round.redirected || was_redirected {
                let pause = self.cluster.settings().retry_backoff;
                self.cluster.host().clock.sleep(pause).await;
            }
            was_redirected |= round.redirected;
        }
    }

    fn has_time_for_another(&self, deadline: crate::types::Millis) -> bool {
        deadline - self.cluster.host().clock.now() > self.cluster.settings().retry_backoff
    }
}
