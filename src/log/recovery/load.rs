//! Loading segments one by one: scanned whole, or believed but for their ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::error::{Corruption, LogError, ReadError};
use super::super::index::{Index, Position, Timestamp};
use super::super::names::FileKind;
use super::super::segment::Segment;
use super::super::walk::{Step, Stop, Walk};
use super::super::{io_error, small_file};
use super::Opening;
use crate::host::{File, OpenMode};
use crate::types::{LeaderEpoch, Offset};

/// Which segment to load, and how.
#[derive(Clone, Copy)]
struct Plan {
    base: Offset,
    /// Where the next segment begins, if there is one.
    next_base: Option<Offset>,
    /// Read and check every batch.
    scan: bool,
}

/// Why loading a segment ended before the end of its file.
enum End {
    /// The file was cut there before its successor was made, and the cut has come undone.
    OldCut,
    /// Something is there that nobody wrote.
    Damage { position: u64, why: String },
}

impl Opening {
    /// Loads the segments at `bases`, those from `scan_base` on batch by batch, as far as each
    /// continues the one before. Removes the rest.
    pub(super) fn load_segments(
        &mut self,
        bases: &BTreeSet<Offset>,
        scan_base: Option<Offset>,
    ) -> Result<Vec<Segment>, LogError> {
        let bases: Vec<Offset> = bases.iter().copied().collect();
        let mut segments: Vec<Segment> = Vec::new();
        for (index, base) in bases.iter().copied().enumerate() {
            if let Some(before) = segments.last()
                && before.next_offset != base
            {
                let path = FileKind::Log.path(&self.directory, base);
                self.recovery.blame(format!(
                    "{path} does not continue the segment before it, which ends at offset {}",
                    before.next_offset
                ));
                self.remove_segments(&bases[index..])?;
                break;
            }
            let next_base = bases.get(index + 1).copied();
            let scan = scan_base.is_some_and(|from| base >= from);
            let segment = self.load(Plan { base, next_base, scan })?;
            // Epochs must not decrease from segment to segment either.
            if let Some(why) = epoch_step(segments.last(), &segment)? {
                self.recovery.blame(format!("{}: {why}", segment.path));
                self.remove_segments(&bases[index..])?;
                break;
            }
            segments.push(segment);
        }
        Ok(segments)
    }

    /// Removes segments, the newest first.
    fn remove_segments(&mut self, bases: &[Offset]) -> Result<(), LogError> {
        for base in bases.iter().rev() {
            let path = FileKind::Log.path(&self.directory, *base);
            let file = self.storage.open(&path, OpenMode::Existing).map_err(io_error(&path))?;
            self.recovery.bytes_cut += file.size().map_err(io_error(&path))?;
            drop(file);
            for kind in FileKind::SEGMENT {
                let path = kind.path(&self.directory, *base);
                small_file::remove_if_exists(&*self.storage, &path).map_err(io_error(&path))?;
            }
            self.recovery.segments_removed += 1;
        }
        Ok(())
    }

    fn load(&mut self, plan: Plan) -> Result<Segment, LogError> {
        let path = FileKind::Log.path(&self.directory, plan.base);
        let file = self.storage.open(&path, OpenMode::Existing).map_err(io_error(&path))?;
        let size = file.size().map_err(io_error(&path))?;
        let (mut segment, from) = self.start(plan, &file, size)?;
        let expected = (from == 0).then_some(plan.base);
        let mut walk = Walk::headers(&*file, from, size, expected);
        if plan.scan {
            walk = walk.whole_batches();
        }
        let mut end = None;
        for step in walk {
            match check(step, plan) {
                Ok(Ok(step)) => segment.note(&step.header, self.config.index_interval_bytes),
                // In a segment that was believed: let it be scanned, and all that follow.
                Ok(Err(End::Damage { position, why })) if !plan.scan => {
                    return Err(Corruption { segment: path, position, why }.into());
                }
                Ok(Err(early)) => {
                    end = Some(early);
                    break;
                }
                Err(source) => return Err(LogError::Io { path, source }),
            }
        }
        if let Some(end) = end {
            segment = self.end_early(segment, size, end)?;
        }
        drop_stale_times(&mut segment)?;
        segment.persist_indexes().map_err(io_error(&path))?;
        Ok(segment)
    }

    /// A segment that knows nothing yet, or as much as its indexes tell, and the position from where
    /// on its batches are to be noted.
    fn start(
        &mut self,
        plan: Plan,
        file: &Arc<dyn File>,
        size: u64,
    ) -> Result<(Segment, u64), LogError> {
        let path = FileKind::Log.path(&self.directory, plan.base);
        if !plan.scan {
            match self.read_indexes(plan, file, size)? {
                Ok(started) => return Ok(started),
                Err(why) => self.recovery.note(format!("the index of {path} {why}; rebuilt")),
            }
        }
        let segment = Segment::with_empty_indexes(
            &*self.storage,
            &self.directory,
            plan.base,
            Arc::clone(file),
        );
        Ok((segment.map_err(io_error(&path))?, 0))
    }

    fn read_indexes(
        &self,
        plan: Plan,
        file: &Arc<dyn File>,
        size: u64,
    ) -> Result<Result<(Segment, u64), &'static str>, LogError> {
        let base = plan.base;
        let path = FileKind::Index.path(&self.directory, base);
        let index = Index::load(&*self.storage, &path).map_err(io_error(&path))?;
        let path = FileKind::TimeIndex.path(&self.directory, base);
        let time_index = Index::load(&*self.storage, &path).map_err(io_error(&path))?;
        let (index, time_index) = match (index, time_index) {
            (Ok(index), Ok(time_index)) => (index, time_index),
            (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
        };
        let path = FileKind::Log.path(&self.directory, base);
        let last: Option<Position> = index.last();
        let mut segment = Segment::new(base, path, Arc::clone(file), (index, time_index));
        let Some(last) = last else { return Ok(Ok((segment, 0))) };
        // The index and its segment were cut, and both cuts have come undone.
        let indexed = base.plus(i64::from(last.relative_offset));
        if plan.next_base.is_some_and(|next| indexed >= next) {
            return Ok(Err("reaches past the next segment"));
        }
        let position = u64::from(last.position);
        let first = Walk::headers(&**file, position.min(size), size, None).next();
        match first {
            Some(Ok(step)) if step.header.last_offset() == indexed => {
                segment.size = position;
                segment.next_offset = step.header.base_offset;
                Ok(Ok((segment, position)))
            }
            Some(Err(Stop::Io(source))) => Err(LogError::Io { path: segment.path, source }),
            Some(Ok(_) | Err(Stop::Corrupt { .. })) | None => {
                Ok(Err("does not lead to a batch of the log"))
            }
        }
    }

    /// Gives up what lies behind the last good batch of a segment.
    fn end_early(
        &mut self,
        mut segment: Segment,
        file_size: u64,
        end: End,
    ) -> Result<Segment, LogError> {
        match end {
            End::OldCut => self.recovery.note(format!(
                "{} was cut at offset {}, but the cut had not reached the device; cut again",
                segment.path, segment.next_offset
            )),
            End::Damage { position, why } => {
                self.recovery.bytes_cut += file_size.saturating_sub(position);
                self.recovery.blame(format!(
                    "{} at position {position}, offset {}: {why}",
                    segment.path, segment.next_offset
                ));
            }
        }
        if mutant!(E03) {
            segment.size = file_size;
            return Ok(segment);
        }
        if segment.size == 0 {
            // Nothing is left; a new file, so that the old bytes cannot come back under new ones.
            let created = Segment::create(&*self.storage, &self.directory, segment.base_offset);
            return created.map_err(io_error(&segment.path));
        }
        let cut = segment.cut(segment.size, segment.next_offset);
        cut.map_err(io_error(&segment.path))?;
        segment.find_largest_timestamp()?;
        Ok(segment)
    }
}

/// Drops entries of the time index that speak of records behind the segment's end: it was cut with
/// its segment, and its own cut has come undone.
fn drop_stale_times(segment: &mut Segment) -> Result<(), LogError> {
    let (base, end) = (segment.base_offset, segment.next_offset);
    let stale = |entry: &Timestamp| base.plus(i64::from(entry.relative_offset)) >= end;
    if segment.time_index.last().is_some_and(|entry| stale(&entry)) {
        segment.time_index.cut(stale).map_err(io_error(&segment.path))?;
        segment.find_largest_timestamp()?;
    }
    Ok(())
}

/// Judges the next step of the walk along a segment: go on, or end here.
fn check(step: Result<Step, Stop>, plan: Plan) -> Result<Result<Step, End>, std::io::Error> {
    let step = match step {
        Ok(step) => step,
        Err(Stop::Io(error)) => return Err(error),
        Err(Stop::Corrupt { position, why }) => return Ok(Err(End::Damage { position, why })),
    };
    if plan.next_base.is_some_and(|next| step.header.base_offset >= next) {
        return Ok(Err(End::OldCut));
    }
    if plan.scan
        && let Err(error) = step.header.verify_crc(&step.bytes)
    {
        return Ok(Err(End::Damage { position: step.position, why: error.to_string() }));
    }
    Ok(Ok(step))
}

/// What is wrong with the epoch that `segment` begins in, given the last batch of the one before.
fn epoch_step(before: Option<&Segment>, segment: &Segment) -> Result<Option<String>, ReadError> {
    let Some(before) = before else { return Ok(None) };
    if before.size == 0 || segment.size == 0 {
        return Ok(None);
    }
    let epoch_at = |segment: &Segment, offset| -> Result<LeaderEpoch, ReadError> {
        Ok(segment.locate(offset)?.1.partition_leader_epoch)
    };
    let last = epoch_at(before, before.next_offset.plus(-1))?;
    let first = epoch_at(segment, segment.base_offset)?;
    Ok((first < last).then(|| format!("leader epoch {first} after {last}")))
}
