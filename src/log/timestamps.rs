//! Finding an offset by time: the first record that is not older than a timestamp (ListOffsets).
//!
//! Within an uncompressed batch the record itself is found. A compressed batch is not opened: its
//! first offset is answered, from which a reader meets every record that is young enough and maybe
//! some that are older.

use bytes::Bytes;

use super::Log;
use super::error::{LogError, ReadError};
use super::segment::Segment;
use crate::protocol::batch::{BatchError, BatchHeader, Compression, records};
use crate::types::{LeaderEpoch, Offset};

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

    /// The largest timestamp of any record, in milliseconds since 1970; `None` in an empty log.
    #[must_use]
    pub fn largest_timestamp(&self) -> Option<i64> {
        self.segments.iter().filter_map(Segment::largest_timestamp).max()
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
            let found = find_record(&step.header, &bytes, timestamp, self.log_start_offset)
                .map_err(|error| segment.corrupt(step.position, error.to_string()))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// The first record of a batch that is young enough and not below `start`.
fn find_record(
    header: &BatchHeader,
    batch: &Bytes,
    timestamp: i64,
    start: Offset,
) -> Result<Option<TimestampedOffset>, BatchError> {
    let leader_epoch = header.partition_leader_epoch;
    let found = |timestamp, offset| TimestampedOffset { timestamp, offset, leader_epoch };
    let first = header.base_offset.max(start);
    if header.attributes.is_log_append_time() {
        return Ok(Some(found(header.max_timestamp, first)));
    }
    if header.attributes.compression() != Compression::None {
        let young = header.base_timestamp >= timestamp && first == header.base_offset;
        let time = if young { header.base_timestamp } else { header.max_timestamp };
        return Ok(Some(found(time, first)));
    }
    for record in records(batch)? {
        let record = record?;
        if record.timestamp >= timestamp && record.offset >= start {
            return Ok(Some(found(record.timestamp, record.offset)));
        }
    }
    Ok(None)
}
