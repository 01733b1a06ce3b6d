//! Appending: as a leader, who numbers and stamps, and as a follower, who copies.
//!
//! Batches stay as they were sent. A leader changes the first 16 bytes of each, which lie outside the
//! checksum, and writes `[head][rest]` without copying the rest. Nothing that is remembered changes
//! before the write has succeeded (KAFKA-6683).

use bytes::Bytes;

use super::error::{AppendError, LogError};
use super::producers::Verdict;
use super::recovery::write_snapshot;
use super::segment::Segment;
use super::walk::bytes_u64;
use super::{Log, io_error};
use crate::host::probe::BatchId;
use crate::protocol::batch::{Batch, BatchError, BatchHeader, Batches, STAMP_BYTES};
use crate::types::{LeaderEpoch, LeaderEpochCache, Offset};

/// What became of batches that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendedAsLeader {
    /// They are in the log now.
    Appended {
        /// Offset of the first record.
        base_offset: Offset,
        /// Offset of the last record.
        last_offset: Offset,
        /// Each batch.
        batches: Vec<BatchId>,
    },
    /// They were in the log before: a retry (R28). To be answered like the original, when the
    /// original is committed.
    Duplicate {
        /// Offset of the first record.
        base_offset: Offset,
        /// Offset of the last record.
        last_offset: Offset,
    },
}

/// What became of batches that a leader sent.
#[derive(Debug, Default)]
pub struct AppendedAsFollower {
    /// Each batch that is in the log now, in order.
    pub batches: Vec<BatchId>,
    /// Why the batches after these are not: the device failed after it had written a whole segment.
    pub failure: Option<LogError>,
}

impl Log {
    /// Appends what a client sent, as the leader in `leader_epoch`: assigns offsets, stamps the
    /// epoch, recognises retries. The batches must have passed
    /// `protocol::batch::validate_produced`.
    ///
    /// # Errors
    /// The batches are too large, contradict their producer's earlier ones, or the device failed.
    /// Nothing has been appended then.
    pub fn append_as_leader(
        &mut self,
        batches: Bytes,
        leader_epoch: LeaderEpoch,
    ) -> Result<AppendedAsLeader, AppendError> {
        self.failure.check()?;
        let latest = self.epochs.cache.latest().unwrap_or(leader_epoch);
        if leader_epoch < latest {
            return Err(AppendError::LeaderEpochDecreased { latest, got: leader_epoch });
        }
        let (headers, rests) = self.number(batches, leader_epoch)?;
        if let Verdict::Duplicate { base_offset, last_offset } = self.producers.check(&headers)? {
            return Ok(AppendedAsLeader::Duplicate { base_offset, last_offset });
        }
        let heads: Vec<[u8; STAMP_BYTES]> = headers
            .iter()
            .map(|header| header.stamp_head(header.base_offset, leader_epoch))
            .collect();
        let parts: Vec<&[u8]> =
            heads.iter().zip(&rests).flat_map(|(head, rest)| [&head[..], &rest[..]]).collect();
        let base_offset = self.log_end_offset;
        self.write(&parts, &headers)?;
        Ok(AppendedAsLeader::Appended {
            base_offset,
            last_offset: self.log_end_offset.plus(-1),
            batches: headers.iter().map(BatchHeader::id).collect(),
        })
    }

    /// Gives batches their offsets; returns their headers as they will stand in the log, and what
    /// follows the head of each.
    fn number(
        &self,
        batches: Bytes,
        leader_epoch: LeaderEpoch,
    ) -> Result<(Vec<BatchHeader>, Vec<Bytes>), AppendError> {
        let size = batches.len();
        let max = usize::try_from(self.config.segment_bytes).unwrap_or(usize::MAX);
        let message_max = usize::try_from(self.config.max_message_bytes).unwrap_or(usize::MAX);
        let (mut headers, mut rests) = (Vec::with_capacity(1), Vec::with_capacity(1));
        let mut base = self.log_end_offset;
        for batch in Batches::new(batches) {
            let Batch { mut header, bytes } = batch?;
            if header.size() > message_max {
                return Err(AppendError::MessageTooLarge { size: header.size(), max: message_max });
            }
            let records = header.last_offset_delta;
            let Some(next) = base.0.checked_add(i64::from(records) + 1) else {
                return Err(AppendError::OffsetsExhausted { base, records });
            };
            header.base_offset = base;
            header.partition_leader_epoch = leader_epoch;
            headers.push(header);
            rests.push(bytes.slice(STAMP_BYTES..));
            base = Offset(next);
        }
        if size > max {
            return Err(AppendError::RecordListTooLarge { size, max });
        }
        if headers.is_empty() {
            return Err(AppendError::Empty);
        }
        Ok((headers, rests))
    }

    /// Appends what the leader sent, byte for byte. Checks the checksums (KAFKA-8722), that the
    /// offsets continue this log and that leader epochs do not decrease; does not judge producers.
    ///
    /// # Errors
    /// A batch is not whole or does not continue this log, or the device failed. Nothing has been
    /// appended then. A device that fails half way, after a whole segment, is no error of this kind:
    /// see [`AppendedAsFollower::failure`].
    pub fn append_as_follower(
        &mut self,
        batches: Bytes,
    ) -> Result<AppendedAsFollower, AppendError> {
        self.failure.check()?;
        let headers = self.check_fetched(&batches)?;
        let Some(first) = headers.first() else { return Ok(AppendedAsFollower::default()) };
        let restarted_at = self.begins_inside(first).then_some(self.log_end_offset);
        if let Some(at) = restarted_at {
            self.restart_at(first.base_offset)?;
            self.log_start_offset = at;
            self.flush.start_advanced(at);
        }
        let mut appended = AppendedAsFollower::default();
        let mut rest = batches;
        while appended.batches.len() < headers.len() {
            let fitting = self.fitting(&headers[appended.batches.len()..]);
            let part = rest.split_to(fitting.iter().map(BatchHeader::size).sum());
            match self.write(&[&part], fitting) {
                Ok(()) => appended.batches.extend(fitting.iter().map(BatchHeader::id)),
                Err(error) if appended.batches.is_empty() => {
                    if let Some(at) = restarted_at {
                        self.restart_at(at)?;
                    }
                    return Err(error.into());
                }
                Err(error) => {
                    appended.failure = Some(error);
                    break;
                }
            }
        }
        Ok(appended)
    }

    fn check_fetched(&self, batches: &Bytes) -> Result<Vec<BatchHeader>, AppendError> {
        // The epoch of the last record, not the newest one known: this replica may have led an epoch
        // in which it wrote nothing, and the records it lacks may be older than that.
        let last_epoch = self.epochs.cache.last_fetched_epoch(self.log_end_offset);
        let mut latest = last_epoch.unwrap_or(LeaderEpoch(i32::MIN));
        let mut expected = self.log_end_offset;
        let mut headers = Vec::new();
        for batch in Batches::new(batches.clone()) {
            let Batch { header, bytes } = match batch {
                Ok(batch) => batch,
                // The response reached its size limit within the batch.
                Err(BatchError::HeaderCut { .. } | BatchError::BatchCut { .. })
                    if !headers.is_empty() =>
                {
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            header.verify_crc(&bytes)?;
            let (base, got) = (header.base_offset, header.partition_leader_epoch);
            if base != expected && !(headers.is_empty() && self.begins_inside(&header)) {
                return Err(AppendError::UnexpectedOffset { expected, got: base });
            }
            if got < latest {
                return Err(AppendError::LeaderEpochDecreased { latest, got });
            }
            (expected, latest) = (header.next_offset(), got);
            headers.push(header);
        }
        Ok(headers)
    }

    /// Whether this empty log begins in the middle of the batch, as it does after a restart at a
    /// leader's log start offset that lies within a batch.
    fn begins_inside(&self, header: &BatchHeader) -> bool {
        let at = self.log_end_offset;
        self.log_start_offset == at && header.base_offset < at && at <= header.last_offset()
    }

    /// As many of the batches, at least one, as fit into the segment that the first will go into.
    fn fitting<'h>(&mut self, headers: &'h [BatchHeader]) -> &'h [BatchHeader] {
        let segment_bytes = self.config.segment_bytes;
        let first = &headers[0];
        let active = self.active();
        let fits = active.has_room(first.size(), first.last_offset(), segment_bytes);
        let (mut size, base) =
            if fits { (active.size, active.base_offset) } else { (0, first.base_offset) };
        let mut count = 0;
        for header in headers {
            size = size.saturating_add(bytes_u64(header.size()));
            let reach = header.last_offset().0 - base.0;
            let fits = size <= u64::from(segment_bytes) && reach <= i64::from(i32::MAX);
            if count > 0 && !fits {
                break;
            }
            count += 1;
        }
        &headers[..count]
    }

    /// Writes batches into one segment, then lets everything else follow.
    fn write(&mut self, parts: &[&[u8]], headers: &[BatchHeader]) -> Result<(), LogError> {
        let size = headers.iter().map(BatchHeader::size).sum();
        let last = headers.last().expect("callers have at least one batch");
        let (segment_bytes, interval) =
            (self.config.segment_bytes, self.config.index_interval_bytes);
        if !self.active().has_room(size, last.last_offset(), segment_bytes) {
            self.roll()?;
        }
        let epochs_before = self.record_epochs(headers)?;
        if let Err(failure) = self.active().append(parts, headers, interval) {
            // The file of epochs may be ahead now, by an entry that begins where the log ends. Such an
            // entry is dropped at the next start.
            if let Some(before) = epochs_before {
                self.epochs.cache = before;
            }
            let path = self.active().path.clone();
            if let Err(error) = failure.mended {
                self.failure.set(format!(
                    "{path} could not be cut back ({error}) after a failed append: {}",
                    failure.error
                ));
            }
            return Err(LogError::Io { path, source: failure.error });
        }
        for header in headers {
            self.producers.note(header);
        }
        self.log_end_offset = last.next_offset();
        self.flush.appended(&self.config, self.log_end_offset);
        Ok(())
    }

    /// Notes the epochs of batches that are about to be written; returns what was known before if
    /// that changed. The file is replaced first, so that it is never behind the batches.
    fn record_epochs(
        &mut self,
        headers: &[BatchHeader],
    ) -> Result<Option<LeaderEpochCache>, LogError> {
        let latest = self.epochs.cache.latest();
        if headers.iter().all(|header| Some(header.partition_leader_epoch) == latest) {
            return Ok(None);
        }
        let before = self.epochs.cache.clone();
        let mut cache = before.clone();
        for header in headers {
            note_epoch(&mut cache, header);
        }
        self.change_epochs(cache)?;
        Ok(Some(before))
    }

    /// Begins a new segment at the log's end.
    fn roll(&mut self) -> Result<(), LogError> {
        let base = self.log_end_offset;
        let finished = self.active().finish();
        finished.map_err(io_error(&self.directory))?;
        self.write_snapshot()?;
        let segment = Segment::create(&*self.storage, &self.directory, base)
            .map_err(io_error(&self.directory))?;
        self.flush.directory_changed();
        // A segment whose very first append failed is closed and holds nothing: the new one, of the
        // same name, has taken its place on the disk already.
        self.segments.pop_if(|last| last.base_offset == base);
        self.segments.push(segment);
        Ok(())
    }

    /// Leaves the producers' state on the disk, as of the log's end.
    pub(super) fn write_snapshot(&mut self) -> Result<(), LogError> {
        let offset = self.log_end_offset;
        write_snapshot(&*self.storage, &self.directory, offset, &self.producers)?;
        self.snapshots.insert(offset);
        self.flush.directory_changed();
        Ok(())
    }
}

/// Lets the epochs follow a batch. An epoch in which nothing was written gives way to an older one
/// that goes on at the same offset.
pub(super) fn note_epoch(cache: &mut LeaderEpochCache, header: &BatchHeader) {
    if cache.latest() != Some(header.partition_leader_epoch) {
        cache.truncate_end(header.base_offset);
        cache.assign(header.partition_leader_epoch, header.base_offset);
    }
}
