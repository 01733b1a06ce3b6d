//! Record batches as a broker sees them: a 61-byte header in front of opaque bytes.
//!
//! ```text
//!  0 base offset          8    23 last offset delta    4
//!  8 length behind this   4    27 base timestamp       8
//! 12 leader epoch         4    35 max timestamp        8
//! 16 magic (2)            1    43 producer id          8
//! 17 CRC-32C              4    51 producer epoch       2
//! 21 attributes           2    53 base sequence        4
//!                              57 records              4    61 ..
//! ```
//!
//! The CRC covers everything from byte 21 on. What a leader stamps, base offset and leader epoch,
//! lies in the first 16 bytes and outside of it, so a batch is stored as the producer made it.

mod batches;
mod builder;
mod records;
mod validate;
mod varint;

#[cfg(test)]
mod tests;

pub use batches::{Batch, Batches};
pub use builder::{NewRecord, ProducerStamp, RecordBatchBuilder};
pub use records::{Record, RecordHeader, Records, records};
pub use validate::validate_produced;

use bytes::Buf;

use crate::host::probe::BatchId;
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

/// Bytes of a batch's header.
pub const HEADER_BYTES: usize = 61;

/// Bytes in front of the part that a batch's length counts.
const LENGTH_END: usize = 12;

/// Where the part that the CRC covers begins.
const CRC_END: usize = 21;

/// The only format written since Kafka 0.11.
const MAGIC: i8 = 2;

/// What a leader stamps: base offset, length, leader epoch.
pub const STAMP_BYTES: usize = 16;

/// A batch's attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(pub i16);

/// How a batch's records are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
    /// A number without a meaning, 5 to 7.
    Unknown,
}

impl std::fmt::Display for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "no codec",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Unknown => "an unknown codec",
        })
    }
}

impl Attributes {
    /// How the records are compressed.
    #[must_use]
    pub fn compression(self) -> Compression {
        match self.0 & 0b111 {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Snappy,
            3 => Compression::Lz4,
            4 => Compression::Zstd,
            _ => Compression::Unknown,
        }
    }

    /// Every record bears the time of the append, which is the batch's max timestamp.
    #[must_use]
    pub fn is_log_append_time(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// The batch belongs to a transaction.
    #[must_use]
    pub fn is_transactional(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The batch holds a marker of the broker's and no records.
    #[must_use]
    pub fn is_control(self) -> bool {
        self.0 & 0x20 != 0
    }
}

/// A batch's header, parsed and in itself consistent: `size()`, `last_offset()` and
/// `next_offset()` cannot overflow, and the size is at least [`HEADER_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; whatever the producer likes until a leader stamps it.
    pub base_offset: Offset,
    /// Bytes behind the length field.
    pub batch_length: i32,
    /// The epoch stamped by the leader that appended the batch; -1 before.
    pub partition_leader_epoch: LeaderEpoch,
    /// The format.
    pub magic: i8,
    /// CRC-32C of everything behind it.
    pub crc: u32,
    /// Compression, timestamps, kind.
    pub attributes: Attributes,
    /// Offset of the last record, counted from the first.
    pub last_offset_delta: i32,
    /// Time of the first record, in milliseconds since 1970.
    pub base_timestamp: i64,
    /// The latest time among the records, in milliseconds since 1970.
    pub max_timestamp: i64,
    /// The idempotent producer, or [`ProducerId::NONE`].
    pub producer_id: ProducerId,
    /// The producer's epoch; -1 without a producer id.
    pub producer_epoch: ProducerEpoch,
    /// The sequence of the first record; -1 without a producer id.
    pub base_sequence: Sequence,
    /// How many records there are; fewer than offsets in a compacted batch.
    pub records_count: i32,
}

/// Why bytes are not a batch that we can use. The name of Kafka's error is given with each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// CORRUPT_MESSAGE: no whole header.
    #[error("{available} bytes are fewer than the {HEADER_BYTES} of a batch header")]
    HeaderCut {
        /// Bytes there are.
        available: usize,
    },
    /// CORRUPT_MESSAGE: the batch is longer than what there is of it.
    #[error("batch of {size} bytes ends after {available}")]
    BatchCut {
        /// Bytes the batch claims.
        size: usize,
        /// Bytes there are.
        available: usize,
    },
    /// CORRUPT_MESSAGE: a length that no batch can have.
    #[error("batch length {0} is less than a header's")]
    Length(i32),
    /// INVALID_RECORD: a format before Kafka 0.11, or none.
    #[error("magic {0} is not {MAGIC}")]
    Magic(i8),
    /// CORRUPT_MESSAGE: the bytes are not the ones that were written.
    #[error("stored checksum {stored:#010x} is not the computed {computed:#010x}")]
    Checksum {
        /// In the header.
        stored: u32,
        /// Of the bytes.
        computed: u32,
    },
    /// CORRUPT_MESSAGE: offsets that no log can have.
    #[error("base offset {base_offset} with last offset delta {last_offset_delta}")]
    Offsets {
        /// In the header.
        base_offset: Offset,
        /// In the header.
        last_offset_delta: i32,
    },
    /// INVALID_RECORD: a producer numbers its records without gaps, and sends at least one.
    #[error("{records_count} records with last offset delta {last_offset_delta}")]
    Count {
        /// In the header.
        records_count: i32,
        /// In the header.
        last_offset_delta: i32,
    },
    /// INVALID_RECORD: a request carries one batch per partition.
    #[error("{trailing} bytes follow the one batch of {size} bytes")]
    Several {
        /// Bytes of the first batch.
        size: usize,
        /// Bytes behind it.
        trailing: usize,
    },
    /// INVALID_RECORD: only brokers write control batches.
    #[error("clients may not write control batches")]
    Control,
    /// INVALID_TXN_STATE: transactions are not spoken.
    #[error("transactional batch of producer {0} without a transaction")]
    Transactional(ProducerId),
    /// INVALID_RECORD: producer id, epoch and sequence go together.
    #[error("producer {producer_id} epoch {producer_epoch} sequence {base_sequence}")]
    Producer {
        /// In the header.
        producer_id: ProducerId,
        /// In the header.
        producer_epoch: ProducerEpoch,
        /// In the header.
        base_sequence: Sequence,
    },
    /// UNSUPPORTED_COMPRESSION_TYPE: records that this build cannot read, or nobody.
    #[error("cannot read records compressed with {0}")]
    Compressed(Compression),
    /// INVALID_RECORD: a record's own bytes make no sense.
    #[error("record {index}: {reason}")]
    Record {
        /// Which record of the batch, from 0.
        index: i32,
        /// What is wrong.
        reason: &'static str,
    },
    /// MESSAGE_TOO_LARGE: more than a batch's numbers can say.
    #[error("batch of {0} bytes is larger than a batch can be")]
    TooLarge(usize),
}

impl BatchHeader {
    /// Reads the header that `bytes` begin with. The records need not be there, and the checksum
    /// is not looked at.
    ///
    /// # Errors
    /// The bytes are too few, of another format, or contradict themselves.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let available = bytes.len();
        let Some(mut header) = bytes.get(..HEADER_BYTES) else {
            return Err(BatchError::HeaderCut { available });
        };
        let header = Self {
            base_offset: Offset(header.get_i64()),
            batch_length: header.get_i32(),
            partition_leader_epoch: LeaderEpoch(header.get_i32()),
            magic: header.get_i8(),
            crc: header.get_u32(),
            attributes: Attributes(header.get_i16()),
            last_offset_delta: header.get_i32(),
            base_timestamp: header.get_i64(),
            max_timestamp: header.get_i64(),
            producer_id: ProducerId(header.get_i64()),
            producer_epoch: ProducerEpoch(header.get_i16()),
            base_sequence: Sequence(header.get_i32()),
            records_count: header.get_i32(),
        };
        header.consistent()
    }

    fn consistent(self) -> Result<Self, BatchError> {
        if self.magic != MAGIC {
            return Err(BatchError::Magic(self.magic));
        }
        let body = HEADER_BYTES - LENGTH_END;
        if usize::try_from(self.batch_length).map_or(true, |length| length < body) {
            return Err(BatchError::Length(self.batch_length));
        }
        let Self { base_offset, last_offset_delta, .. } = self;
        let next = base_offset.0.checked_add(i64::from(last_offset_delta) + 1);
        if base_offset < Offset::ZERO || last_offset_delta < 0 || next.is_none() {
            return Err(BatchError::Offsets { base_offset, last_offset_delta });
        }
        Ok(self)
    }

    /// Bytes of the whole batch, header included.
    #[must_use]
    pub fn size(&self) -> usize {
        LENGTH_END + usize::try_from(self.batch_length).expect("a parsed length is not negative")
    }

    /// Offset of the last record (or of where it was, in a compacted batch).
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        self.base_offset.plus(i64::from(self.last_offset_delta))
    }

    /// One past [`BatchHeader::last_offset`].
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.last_offset().plus(1)
    }

    /// Whether an idempotent producer made the batch.
    #[must_use]
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > ProducerId::NONE
    }

    /// The sequence of the last record; -1 without a producer id.
    #[must_use]
    pub fn last_sequence(&self) -> Sequence {
        if self.has_producer_id() {
            self.base_sequence.plus(self.last_offset_delta)
        } else {
            self.base_sequence
        }
    }

    /// Checks the checksum of `batch`, which begins with this header and may be longer.
    ///
    /// # Errors
    /// The batch is not all there, or its bytes are not the ones that were written.
    pub fn verify_crc(&self, batch: &[u8]) -> Result<(), BatchError> {
        let (size, available) = (self.size(), batch.len());
        let covered = batch.get(CRC_END..size).ok_or(BatchError::BatchCut { size, available })?;
        let computed = crc32c::crc32c(covered);
        if computed != self.crc {
            return Err(BatchError::Checksum { stored: self.crc, computed });
        }
        Ok(())
    }

    /// What tells this batch from any other.
    #[must_use]
    pub fn id(&self) -> BatchId {
        BatchId {
            base_offset: self.base_offset,
            last_offset: self.last_offset(),
            leader_epoch: self.partition_leader_epoch,
            crc: self.crc,
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
        }
    }

    /// The batch's first bytes as a leader appends them: with an offset and its epoch. Everything
    /// behind them stays as the producer made it.
    #[must_use]
    pub fn stamp_head(&self, base_offset: Offset, epoch: LeaderEpoch) -> [u8; STAMP_BYTES] {
        let mut head = [0; STAMP_BYTES];
        head[..8].copy_from_slice(&base_offset.0.to_be_bytes());
        head[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        head[12..].copy_from_slice(&epoch.0.to_be_bytes());
        head
    }
}
