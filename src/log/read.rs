//! Reading: whole batches, beginning with the one that contains the offset asked for.

use bytes::Bytes;

use super::error::{LogError, ReadError};
use super::segment::Segment;
use super::walk::check_order;
use super::{Log, LogConfig};
use crate::protocol::batch::{BatchHeader, HEADER_BYTES};
use crate::types::{LeaderEpoch, Offset};

impl Log {
    /// Reads batches from the one that contains `from`, as long as their last offset lies below `end`
    /// and they fit into `max_bytes`. The first is returned however large it is (KIP-74). Stops at
    /// the end of a segment. Empty if there is nothing between `from` and `end`.
    ///
    /// The batches are checked to be the ones that must stand there, but not their checksums: the
    /// reader, a follower or a consumer, does that.
    ///
    /// # Errors
    /// `from` is outside the log, the first batch is corrupt, or the device failed. A corrupt batch
    /// further on ends what is returned, and is met by the next read.
    pub fn read(&self, from: Offset, end: Offset, max_bytes: usize) -> Result<Bytes, ReadError> {
        self.read_batches(from, end, max_bytes, false)
    }

    /// As [`Self::read`], but verifies the checksum of every batch, so that rot on this disk is
    /// found here and does not look like the network's fault at every follower.
    ///
    /// # Errors
    /// As [`Self::read`]; and the first batch's checksum is wrong.
    pub fn read_verified(
        &self,
        from: Offset,
        end: Offset,
        max_bytes: usize,
    ) -> Result<Bytes, ReadError> {
        self.read_batches(from, end, max_bytes, true)
    }

    fn read_batches(
        &self,
        from: Offset,
        end: Offset,
        max_bytes: usize,
        verify: bool,
    ) -> Result<Bytes, ReadError> {
        self.check_readable(from)?;
        if from >= end || from == self.log_end_offset {
            return Ok(Bytes::new());
        }
        let segment = &self.segments[self.segment_index(from)];
        let (position, first) = segment.locate(from)?;
        if first.last_offset() >= end {
            return Ok(Bytes::new());
        }
        let left = usize::try_from(segment.size - position).unwrap_or(usize::MAX);
        let wanted = first.size().max(max_bytes.min(left));
        let bytes = segment
            .file
            .read_at(position, wanted)
            .map_err(|source| ReadError::Io { path: segment.path.clone(), source })?;
        let kept = keep(segment, position, &bytes, &Wanted { first, end, verify })?;
        Ok(bytes.slice(..kept))
    }

    /// Whether one may read from `from`.
    pub(super) fn check_readable(&self, from: Offset) -> Result<(), ReadError> {
        if let Err(LogError::Failed { reason }) = self.failure.check() {
            return Err(ReadError::Failed { reason });
        }
        let (start, end) = (self.log_start_offset, self.log_end_offset);
        if from < start || from > end {
            return Err(ReadError::OffsetOutOfRange { asked: from, start, end });
        }
        Ok(())
    }

    /// The settings the log was opened with.
    #[must_use]
    pub fn config(&self) -> &LogConfig {
        &self.config
    }
}

/// Which of the bytes read are to be kept.
struct Wanted {
    first: BatchHeader,
    end: Offset,
    verify: bool,
}

/// How many of `bytes`, read at `position`, are whole batches that are wanted.
fn keep(
    segment: &Segment,
    position: u64,
    bytes: &Bytes,
    wanted: &Wanted,
) -> Result<usize, ReadError> {
    let mut kept = 0;
    let mut expected = wanted.first.base_offset;
    let mut epoch_min = LeaderEpoch(i32::MIN);
    while bytes.len() - kept >= HEADER_BYTES {
        let rest = &bytes[kept..];
        match check(rest, expected, epoch_min, wanted.verify) {
            Ok(Some(header)) if header.last_offset() < wanted.end => {
                kept += header.size();
                expected = header.next_offset();
                epoch_min = header.partition_leader_epoch;
            }
            Ok(Some(_) | None) => break,
            Err(why) if kept == 0 => return Err(segment.corrupt(position, why)),
            Err(_) => break,
        }
    }
    if kept == 0 {
        let why = format!("{} bytes where a batch was found before", bytes.len());
        return Err(segment.corrupt(position, why));
    }
    Ok(kept)
}

/// The header of the batch at the front of `rest`; `None` if the batch is not there as a whole.
fn check(
    rest: &[u8],
    expected: Offset,
    epoch_min: LeaderEpoch,
    verify: bool,
) -> Result<Option<BatchHeader>, String> {
    let header = BatchHeader::parse(rest).map_err(|error| error.to_string())?;
    check_order(&header, Some(expected), epoch_min)?;
    let Some(batch) = rest.get(..header.size()) else { return Ok(None) };
    if verify {
        header.verify_crc(batch).map_err(|error| error.to_string())?;
    }
    Ok(Some(header))
}
