//! Finding an offset by time: the first record that is not older than a timestamp (ListOffsets).
//!
//! Within an uncompressed batch the record itself is found. A compressed batch is not opened: its
//! first offset is answered, from which a reader meets every record that is young enough and maybe
//! some that are older.

use bytes::{Buf, Bytes};

use super::Log;
use super::error::{LogError, ReadError};
use super::header::BatchHeader;
use super::segment::Segment;
use super::walk::HEADER_BYTES;
use crate::types::{LeaderEpoch, Offset};

const COMPRESSION: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 1 << 3;

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampedOffset {
    /// The record's timestamp, in milliseconds since 1970; for a compressed batch the largest in it,
    /// unless its first record is young enough.
    pub timestamp: i64,
    /// The record's offset; for a compressed batch the first one's.
    pub offset: Offset,
    /// The epoch in which it was appended.
    pub leader_epoch: LeaderEpoch,
}

impl Log {
    /// The first record with a timestamp of at least `timestamp`, in milliseconds since 1970; `None`
    /// if all records are older. The caller bounds the answer by the high watermark.
    ///
    /// # Errors
    /// A batch on the way is corrupt, or the device failed.
    pub fn offset_for_timestamp(
        &self,
        timestamp: i64,
    ) -> Result<Option<TimestampedOffset>, ReadError> {
        if let Err(LogError::Failed { reason }) = self.failure.check() {
            return Err(ReadError::Failed { reason });
        }
        for segment in &self.segments {
            if segment.largest_timestamp().is_none_or(|largest| largest < timestamp) {
                continue;
            }
            if let Some(found) = self.find_in(segment, timestamp)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn find_in(
        &self,
        segment: &Segment,
        timestamp: i64,
    ) -> Result<Option<TimestampedOffset>, ReadError> {
        // Up to the offset of an older entry, every record is older.
        let older = segment.time_index.last_where(|entry| entry.timestamp < timestamp);
        let from = older.map_or(segment.base_offset, |entry| {
            segment.base_offset.plus(i64::from(entry.relative_offset))
        });
        let from = from.max(self.log_start_offset);
        if from >= segment.next_offset {
            return Ok(None);
        }
        let (position, first) = segment.locate(from)?;
        for step in segment.headers_from(position, first.base_offset) {
            let step = step.map_err(|stop| segment.explain(stop))?;
            if step.header.max_timestamp < timestamp {
                continue;
            }
            let size = step.header.size();
            let bytes = segment
                .file
                .read_at(step.position, size)
                .map_err(|source| ReadError::Io { path: segment.path.clone(), source })?;
            let found = find_record(&step.header, bytes, timestamp, self.log_start_offset)
                .ok_or_else(|| segment.corrupt(step.position, "its records end early".to_owned()))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// The first record of a batch that is young enough and not below `start`; the outer `None` says
/// that the batch's records are not what its header promises.
fn find_record(
    header: &BatchHeader,
    mut batch: Bytes,
    timestamp: i64,
    start: Offset,
) -> Option<Option<TimestampedOffset>> {
    let found = |timestamp, offset: Offset| {
        let leader_epoch = header.partition_leader_epoch;
        Some(Some(TimestampedOffset { timestamp, offset, leader_epoch }))
    };
    let first = header.base_offset.max(start);
    if header.attributes & LOG_APPEND_TIME != 0 {
        return found(header.max_timestamp, first);
    }
    if header.attributes & COMPRESSION != 0 {
        let young = header.base_timestamp >= timestamp && first == header.base_offset;
        return found(if young { header.base_timestamp } else { header.max_timestamp }, first);
    }
    batch.try_advance(HEADER_BYTES)?;
    for _ in 0..header.records_count {
        let len = usize::try_from(varint(&mut batch)?).ok()?;
        if len > batch.len() {
            return None;
        }
        let mut record = batch.split_to(len);
        record.try_advance(1)?;
        let time = header.base_timestamp.checked_add(varint(&mut record)?)?;
        let offset = Offset(header.base_offset.0.checked_add(varint(&mut record)?)?);
        if time >= timestamp && offset >= start {
            return found(time, offset);
        }
    }
    Some(None)
}

trait TryAdvance {
    fn try_advance(&mut self, bytes: usize) -> Option<()>;
}

impl TryAdvance for Bytes {
    fn try_advance(&mut self, bytes: usize) -> Option<()> {
        (self.len() >= bytes).then(|| self.advance(bytes))
    }
}

/// A zigzag-coded number of up to 64 bits, as records hold them.
fn varint(bytes: &mut Bytes) -> Option<i64> {
    let mut value: u64 = 0;
    for shift in (0..64).step_by(7) {
        if bytes.is_empty() {
            return None;
        }
        let byte = bytes.get_u8();
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let magnitude = i64::try_from(value >> 1).ok()?;
            return Some(if value & 1 == 0 { magnitude } else { -magnitude - 1 });
        }
    }
    None
}
