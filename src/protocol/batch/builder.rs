//! Makes batches, as a producer does: uncompressed, with creation times.

use bytes::{BufMut, Bytes, BytesMut};

use super::{BatchError, CRC_END, HEADER_BYTES, LENGTH_END, MAGIC, RecordHeader, varint};
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

/// A record to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// What it is about, if anything.
    pub key: Option<Bytes>,
    /// What it says.
    pub value: Option<Bytes>,
    /// What is written beside it.
    pub headers: Vec<RecordHeader>,
    /// When it came about, in milliseconds since 1970.
    pub timestamp: i64,
}

/// An idempotent producer's stamp on a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// Who.
    pub id: ProducerId,
    /// Which incarnation.
    pub epoch: ProducerEpoch,
    /// The sequence of the first record.
    pub base_sequence: Sequence,
}

/// Collects records into one batch.
///
/// ```
/// use bytes::Bytes;
/// use highwater::protocol::batch::{NewRecord, RecordBatchBuilder, validate_produced};
///
/// let mut batch = RecordBatchBuilder::new();
/// batch.push(NewRecord { value: Some(Bytes::from_static(b"hello")), ..NewRecord::default() });
/// let bytes = batch.build()?;
/// assert_eq!(validate_produced(&bytes)?.records_count, 1);
/// # Ok::<(), highwater::protocol::BatchError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RecordBatchBuilder {
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    stamp: ProducerStamp,
    records: Vec<NewRecord>,
}

impl Default for RecordBatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordBatchBuilder {
    /// A batch of a producer that is not idempotent, as it is before a leader stamps it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base_offset: Offset::ZERO,
            leader_epoch: LeaderEpoch(-1),
            stamp: ProducerStamp {
                id: ProducerId::NONE,
                epoch: ProducerEpoch(-1),
                base_sequence: Sequence(-1),
            },
            records: Vec::new(),
        }
    }

    /// Stamps the batch as a leader does when it appends.
    #[must_use]
    pub fn appended_at(mut self, base_offset: Offset, leader_epoch: LeaderEpoch) -> Self {
        self.base_offset = base_offset;
        self.leader_epoch = leader_epoch;
        self
    }

    /// Stamps the batch as an idempotent producer does.
    #[must_use]
    pub fn produced_by(mut self, stamp: ProducerStamp) -> Self {
        self.stamp = stamp;
        self
    }

    /// Adds a record.
    pub fn push(&mut self, record: NewRecord) -> &mut Self {
        self.records.push(record);
        self
    }

    /// The batch.
    ///
    /// # Errors
    /// It has no record, or exceeds what a batch can be.
    pub fn build(&self) -> Result<Bytes, BatchError> {
        let records_count = i32::try_from(self.records.len())
            .map_err(|_| BatchError::TooLarge(self.records.len()))?;
        let (Some(base_timestamp), Some(max_timestamp)) = (
            self.records.first().map(|record| record.timestamp),
            self.records.iter().map(|record| record.timestamp).max(),
        ) else {
            return Err(BatchError::Count { records_count, last_offset_delta: -1 });
        };
        let mut batch = BytesMut::new();
        batch.put_i64(self.base_offset.0);
        batch.put_i32(0); // The length and the checksum are known at the end.
        batch.put_i32(self.leader_epoch.0);
        batch.put_i8(MAGIC);
        batch.put_u32(0);
        batch.put_i16(0);
        batch.put_i32(records_count - 1);
        batch.put_i64(base_timestamp);
        batch.put_i64(max_timestamp);
        batch.put_i64(self.stamp.id.0);
        batch.put_i16(self.stamp.epoch.0);
        batch.put_i32(self.stamp.base_sequence.0);
        batch.put_i32(records_count);
        debug_assert_eq!(batch.len(), HEADER_BYTES);
        for (offset_delta, record) in (0..).zip(&self.records) {
            write_record(record, base_timestamp, offset_delta, &mut batch);
        }
        let length = i32::try_from(batch.len() - LENGTH_END)
            .map_err(|_| BatchError::TooLarge(batch.len()))?;
        batch[8..LENGTH_END].copy_from_slice(&length.to_be_bytes());
        let crc = crc32c::crc32c(&batch[CRC_END..]);
        batch[CRC_END - 4..CRC_END].copy_from_slice(&crc.to_be_bytes());
        Ok(batch.freeze())
    }
}

fn write_record(record: &NewRecord, base_timestamp: i64, offset_delta: i64, batch: &mut BytesMut) {
    let mut body = BytesMut::new();
    body.put_i8(0);
    varint::write(record.timestamp.wrapping_sub(base_timestamp), &mut body);
    varint::write(offset_delta, &mut body);
    write_bytes(record.key.as_ref(), &mut body);
    write_bytes(record.value.as_ref(), &mut body);
    write_length(record.headers.len(), &mut body);
    for header in &record.headers {
        write_bytes(Some(&header.key), &mut body);
        write_bytes(header.value.as_ref(), &mut body);
    }
    write_length(body.len(), batch);
    batch.extend_from_slice(&body);
}

fn write_bytes(bytes: Option<&Bytes>, body: &mut BytesMut) {
    match bytes {
        None => varint::write(-1, body),
        Some(bytes) => {
            write_length(bytes.len(), body);
            body.extend_from_slice(bytes);
        }
    }
}

fn write_length(length: usize, body: &mut BytesMut) {
    varint::write(i64::try_from(length).expect("memory is smaller than 2^63 bytes"), body);
}
