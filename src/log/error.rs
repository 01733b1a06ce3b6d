//! What can go wrong with a log, as closed enums: one for each thing that one may ask of it.
//!
//! None of these says "other". A caller has to tell three families apart: the request was wrong
//! (nothing happened), the bytes on the disk are wrong (this replica must not serve them), and the
//! device failed (this replica goes offline).

use std::io;

use crate::protocol::batch::BatchError;
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

/// Bytes on the disk that are not what was written there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{segment} is corrupt at position {position}: {why}")]
pub struct Corruption {
    /// The segment's file, with its directory.
    pub segment: String,
    /// Where in the file the batch begins that cannot be trusted, in bytes.
    pub position: u64,
    /// What is wrong with it.
    pub why: String,
}

/// Why a log cannot be opened, cut or kept.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The device failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: String,
        /// What the device said.
        source: io::Error,
    },
    /// A batch on the disk is not what was written.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// The device failed earlier in a way that leaves the log in doubt. Only a restart of the broker,
    /// which recovers the log, ends this.
    #[error("the log failed earlier: {reason}")]
    Failed {
        /// What happened then.
        reason: String,
    },
    /// An offset that the log cannot begin at.
    #[error("offset {asked} is outside {start}..={end}")]
    OutOfRange {
        /// The offset asked for.
        asked: Offset,
        /// The log start offset.
        start: Offset,
        /// The log end offset.
        end: Offset,
    },
}

/// Why batches were not appended. Whatever the reason, nothing of the request is in the log.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// There was no batch.
    #[error("nothing to append")]
    Empty,
    /// A batch cannot be parsed, or its checksum is wrong (CORRUPT_MESSAGE).
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// MESSAGE_TOO_LARGE.
    #[error("batch of {size} bytes is larger than max.message.bytes {max}")]
    MessageTooLarge {
        /// The batch's size.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// RECORD_LIST_TOO_LARGE.
    #[error("{size} bytes of batches do not fit into a segment of {max}")]
    RecordListTooLarge {
        /// The size of all batches of the request.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// A fetched batch does not continue the log.
    #[error("batch begins at offset {got}, the log ends at {expected}")]
    UnexpectedOffset {
        /// The log end offset, or the end of the batch before.
        expected: Offset,
        /// The batch's base offset.
        got: Offset,
    },
    /// Leader epochs never decrease along a log (R1).
    #[error("leader epoch {got} is older than {latest}")]
    LeaderEpochDecreased {
        /// The epoch reached.
        latest: LeaderEpoch,
        /// The batch's.
        got: LeaderEpoch,
    },
    /// The log has no offsets left for the batch.
    #[error("offset {base} plus {records} records is past the largest offset")]
    OffsetsExhausted {
        /// Where the batch would begin.
        base: Offset,
        /// Its last offset delta.
        records: i32,
    },
    /// INVALID_PRODUCER_EPOCH (R28).
    #[error("producer {producer_id} is at epoch {current}, the batch says {got}")]
    InvalidProducerEpoch {
        /// The producer.
        producer_id: ProducerId,
        /// The newest epoch seen.
        current: ProducerEpoch,
        /// The batch's.
        got: ProducerEpoch,
    },
    /// OUT_OF_ORDER_SEQUENCE_NUMBER (R28).
    #[error("producer {producer_id} must continue with sequence {expected}, the batch says {got}")]
    OutOfOrderSequence {
        /// The producer.
        producer_id: ProducerId,
        /// The sequence that would have been accepted.
        expected: Sequence,
        /// The batch's.
        got: Sequence,
    },
    /// The log itself is the trouble.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// OFFSET_OUT_OF_RANGE.
    #[error("offset {asked} is outside {start}..={end}")]
    OffsetOutOfRange {
        /// The offset asked for.
        asked: Offset,
        /// The log start offset.
        start: Offset,
        /// The log end offset.
        end: Offset,
    },
    /// The batch that would be served is not what was written.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// The device failed.
    #[error("{path}: {source}")]
    Io {
        /// The segment's file.
        path: String,
        /// What the device said.
        source: io::Error,
    },
    /// The log failed earlier; see [`LogError::Failed`].
    #[error("the log failed earlier: {reason}")]
    Failed {
        /// What happened then.
        reason: String,
    },
}

impl From<ReadError> for LogError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::OffsetOutOfRange { asked, start, end } => {
                Self::OutOfRange { asked, start, end }
            }
            ReadError::Corrupt(corruption) => Self::Corrupt(corruption),
            ReadError::Io { path, source } => Self::Io { path, source },
            ReadError::Failed { reason } => Self::Failed { reason },
        }
    }
}

/// Why a small file beside the logs cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The device failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the device said.
        source: io::Error,
    },
    /// The file is not what was written. Its owner starts from zero, which is always safe: a
    /// checkpoint only spares work.
    #[error("{path} line {line}: {why}")]
    Broken {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}
