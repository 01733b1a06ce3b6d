//! Cutting: at the end when the leader's history differs, at the start when records are old, or all.
//!
//! Each cut takes its siblings along: index, leader epochs, producers, snapshots, recovery point. A
//! cut that fails half way leaves the log in doubt, and it says so until it is opened anew.

use super::append::note_epoch;
use super::error::{LogError, ReadError};
use super::names::FileKind;
use super::producers::Producers;
use super::recovery::newest_snapshot;
use super::segment::Segment;
use super::{Log, io_error, small_file};
use crate::protocol::batch::BatchHeader;
use crate::types::{LeaderEpochCache, Offset};

impl Log {
    /// Cuts the log so that it ends at `to`; if `to` lies within a batch, at that batch's base
    /// offset. Epochs that begin at or behind the end go even if no record does (KAFKA-10706). A log
    /// that is cut before its first segment begins anew at `to`.
    ///
    /// # Errors
    /// The device failed or the batch at `to` is corrupt: the log is in doubt from now on. Or `to` is
    /// no offset.
    pub fn truncate_to(&mut self, to: Offset) -> Result<(), LogError> {
        self.failure.check()?;
        if to < Offset::ZERO {
            return Err(self.out_of_range(to));
        }
        let done = if to >= self.log_end_offset {
            self.cut_epochs(to)
        } else if to <= self.segments[0].base_offset {
            self.begin_anew(to)
        } else {
            self.cut(to)
        };
        self.doubt_after("cut", done)
    }

    /// Deletes everything; the log is empty then and begins and ends at `at`.
    ///
    /// # Errors
    /// The device failed: the log is in doubt from now on. Or `at` is no offset.
    pub fn restart_at(&mut self, at: Offset) -> Result<(), LogError> {
        self.failure.check()?;
        if at < Offset::ZERO {
            return Err(self.out_of_range(at));
        }
        let done = self.begin_anew(at);
        self.doubt_after("restart", done)
    }

    /// Drops what lies below `to`: whole segments from the disk, the rest from sight. Without effect
    /// if the log starts there or later already.
    ///
    /// # Errors
    /// `to` is past the log's end, or the device failed: the log is in doubt from now on.
    pub fn advance_log_start(&mut self, to: Offset) -> Result<(), LogError> {
        self.failure.check()?;
        if to > self.log_end_offset {
            return Err(self.out_of_range(to));
        }
        if to <= self.log_start_offset {
            return Ok(());
        }
        let done = self.drop_before(to);
        self.doubt_after("advance of the log start", done)
    }

    fn out_of_range(&self, asked: Offset) -> LogError {
        LogError::OutOfRange { asked, start: self.log_start_offset, end: self.log_end_offset }
    }

    fn doubt_after(&self, what: &str, done: Result<(), LogError>) -> Result<(), LogError> {
        if let Err(error) = &done {
            self.failure.set(format!("a {what} did not finish: {error}"));
        }
        done
    }

    fn cut(&mut self, to: Offset) -> Result<(), LogError> {
        let index = self.segment_index(to);
        let (position, end) = if to == self.segments[index].base_offset {
            (0, to)
        } else {
            let (position, header) = self.segments[index].locate(to)?;
            (position, header.base_offset)
        };
        if position == 0 && index == 0 {
            return self.begin_anew(end);
        }
        self.distrust(end)?;
        while self.segments.len() > index + 1 {
            self.remove_last_segment()?;
        }
        if position == 0 {
            self.remove_last_segment()?;
            self.active().closed = true;
        } else {
            let segment = self.active();
            let cut = segment.cut(position, end);
            cut.map_err(io_error(&self.segments[index].path))?;
            self.active().find_largest_timestamp()?;
        }
        self.log_end_offset = end;
        self.log_start_offset = self.log_start_offset.min(end);
        self.flush.cut_back(&self.config, end);
        self.cut_epochs(end)?;
        self.roll_back_producers(end)
    }

    fn begin_anew(&mut self, at: Offset) -> Result<(), LogError> {
        self.distrust(at)?;
        // The newest first, so that a crash half way leaves a log without gaps.
        while !self.segments.is_empty() {
            self.remove_last_segment()?;
        }
        let segment = Segment::create(&*self.storage, &self.directory, at)
            .map_err(io_error(&self.directory))?;
        self.segments.push(segment);
        self.log_start_offset = at;
        self.log_end_offset = at;
        self.flush.restart(at);
        self.flush.directory_changed();
        self.change_epochs(LeaderEpochCache::default())?;
        self.producers.clear();
        self.remove_snapshots_from(Offset(i64::MIN))
    }

    fn drop_before(&mut self, to: Offset) -> Result<(), LogError> {
        while self.segments.len() > 1 && self.segments[0].next_offset <= to {
            let base = self.segments[0].base_offset;
            self.remove_segment_files(base)?;
            self.segments.remove(0);
        }
        let first = self.segments[0].base_offset;
        while let Some(oldest) = self.snapshots.first().copied().filter(|oldest| *oldest < first) {
            self.remove_snapshot(oldest)?;
        }
        self.log_start_offset = to;
        self.flush.start_advanced(to);
        let mut cache = self.epochs.cache.clone();
        cache.truncate_start(to);
        self.change_epochs(cache)
    }

    fn cut_epochs(&mut self, end: Offset) -> Result<(), LogError> {
        let mut cache = self.epochs.cache.clone();
        cache.truncate_end(end);
        self.change_epochs(cache)
    }

    /// Brings the producers back to what they were when the log ended at `end` (R28).
    fn roll_back_producers(&mut self, end: Offset) -> Result<(), LogError> {
        self.remove_snapshots_from(end.plus(1))?;
        let mut unreadable = Vec::new();
        let (from, mut producers) =
            newest_snapshot(&*self.storage, &self.directory, &self.snapshots, &mut unreadable)?;
        replay(&self.segments, from, |header| {
            if header.base_offset >= from {
                producers.note(header);
            }
        })?;
        self.producers = producers;
        Ok(())
    }

    pub(super) fn remove_last_segment(&mut self) -> Result<(), LogError> {
        if let Some(base) = self.segments.last().map(|segment| segment.base_offset) {
            self.remove_segment_files(base)?;
            self.segments.pop();
        }
        Ok(())
    }

    fn remove_segment_files(&mut self, base: Offset) -> Result<(), LogError> {
        self.flush.directory_changed();
        for kind in FileKind::SEGMENT {
            let path = kind.path(&self.directory, base);
            small_file::remove_if_exists(&*self.storage, &path).map_err(io_error(&path))?;
        }
        Ok(())
    }

    pub(super) fn remove_snapshots_from(&mut self, from: Offset) -> Result<(), LogError> {
        while let Some(newest) = self.snapshots.last().copied().filter(|newest| *newest >= from) {
            self.remove_snapshot(newest)?;
        }
        Ok(())
    }

    fn remove_snapshot(&mut self, offset: Offset) -> Result<(), LogError> {
        let path = FileKind::Snapshot.path(&self.directory, offset);
        small_file::remove_if_exists(&*self.storage, &path).map_err(io_error(&path))?;
        self.snapshots.remove(&offset);
        self.flush.directory_changed();
        Ok(())
    }
}

/// Walks the batches from the one that holds `from` to the end.
pub(super) fn replay(
    segments: &[Segment],
    from: Offset,
    mut each: impl FnMut(&BatchHeader),
) -> Result<(), ReadError> {
    for segment in segments.iter().filter(|segment| segment.next_offset > from) {
        let (position, base) = if from <= segment.base_offset {
            (0, segment.base_offset)
        } else {
            let (position, header) = segment.locate(from)?;
            (position, header.base_offset)
        };
        for step in segment.headers_from(position, base) {
            each(&step.map_err(|stop| segment.explain(stop))?.header);
        }
    }
    Ok(())
}

/// The epochs and producers that the batches tell, beginning with what is known of the batches
/// before `epochs.1` and `producers.1`.
pub(super) fn follow(
    segments: &[Segment],
    (cache, epochs_from): (&mut LeaderEpochCache, Offset),
    (producers, producers_from): (&mut Producers, Offset),
) -> Result<(), ReadError> {
    replay(segments, epochs_from.min(producers_from), |header| {
        if header.base_offset >= epochs_from {
            note_epoch(cache, header);
        }
        if header.base_offset >= producers_from {
            producers.note(header);
        }
    })
}
