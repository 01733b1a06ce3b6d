//! Opening a log: believing what can be believed, and saying what could not be (R33).
//!
//! After a clean stop the files are taken as they are, their shape aside. After any other stop,
//! everything from the segment that holds the recovery point on is read and checked, and the log is
//! cut at the first batch that is not whole. What lies before was on the device when the recovery
//! point was recorded. Should a batch there turn out to be rotten all the same, the scan begins
//! anew from its segment.
//!
//! What lies behind the recovery point is written once more before it counts for anything. If the
//! broker stopped because an fsync failed, those bytes still read well, but the cache takes them for
//! written and no later fsync brings them to the device. Written again they are dirty again, and the
//! next flush means what it says. They are the same bytes in the same place, so that a loss of
//! power in the midst of it can only leave what was there.

mod load;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::epochs::Epochs;
use super::error::{CheckpointError, LogError, ReadError};
use super::flush::FlushState;
use super::names::FileKind;
use super::producers::Producers;
use super::segment::Segment;
use super::truncate::follow;
use super::{Failure, Log, LogConfig, io_error, small_file, snapshot};
use crate::host::Storage;
use crate::types::{LeaderEpochCache, Offset};

/// What the broker's checkpoints say about a log that is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryHints {
    /// The last stop left a clean marker: everything was flushed.
    pub clean: bool,
    /// Everything below is on the device; zero if nothing is known.
    pub recovery_point: Offset,
    /// Nothing below is to be served; zero if nothing is known.
    pub log_start_offset: Offset,
}

/// What opening a log found, for the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes that were given up because they, or something before them, could not be trusted.
    pub bytes_cut: u64,
    /// Segments that were removed whole.
    pub segments_removed: usize,
    /// Why the log was cut; `None` if it was not.
    pub reason: Option<String>,
    /// What else was not as it should be and has been mended without loss, one sentence each.
    pub notes: Vec<String>,
    /// Where the scan began; `None` if there was none.
    pub scanned_from: Option<Offset>,
}

impl Recovery {
    /// Whether everything was as it should be.
    #[must_use]
    pub fn is_uneventful(&self) -> bool {
        self.bytes_cut == 0
            && self.segments_removed == 0
            && self.reason.is_none()
            && self.notes.is_empty()
    }

    fn note(&mut self, sentence: String) {
        self.notes.push(sentence);
    }

    /// Gives the first reason for a cut; later damage follows from it.
    fn blame(&mut self, sentence: String) {
        self.reason.get_or_insert(sentence);
    }
}

/// The files found in a log's directory, by kind.
#[derive(Debug, Default)]
struct Found {
    segments: BTreeSet<Offset>,
    snapshots: BTreeSet<Offset>,
    cuts: BTreeSet<Offset>,
}

/// A log that is being opened.
struct Opening {
    storage: Arc<dyn Storage>,
    directory: String,
    config: LogConfig,
    recovery: Recovery,
}

/// Everything that the files tell, put together.
struct Contents {
    segments: Vec<Segment>,
    epochs: Epochs,
    producers: Producers,
    snapshots: BTreeSet<Offset>,
}

impl Log {
    /// Opens the log in `directory`, or makes an empty one there. Two logs must never be open on one
    /// directory.
    ///
    /// # Errors
    /// The device failed. Whatever else the files hold, a log comes out; [`Recovery`] says what had
    /// to be given up.
    pub fn open(
        storage: Arc<dyn Storage>,
        directory: String,
        config: LogConfig,
        checkpoints: RecoveryHints,
    ) -> Result<(Self, Recovery), LogError> {
        storage.create_dir_all(&directory).map_err(io_error(&directory))?;
        let mut opening = Opening { storage, directory, config, recovery: Recovery::default() };
        let found = opening.list()?;
        let mut trusted =
            if checkpoints.clean { Offset(i64::MAX) } else { opening.trusted(&found, checkpoints) };
        let contents = loop {
            match opening.read(trusted, checkpoints.log_start_offset.max(Offset::ZERO)) {
                Err(LogError::Corrupt(corruption)) => {
                    // Below the recovery point, or after a clean stop: rot. Scan from there on.
                    let name = corruption.segment.rsplit('/').next().unwrap_or_default();
                    match FileKind::parse(name) {
                        Some((_, base)) if base < trusted => trusted = base,
                        Some(_) | None => return Err(LogError::Corrupt(corruption)),
                    }
                    opening.recovery.note(format!("{corruption}; it had been flushed"));
                }
                contents => break contents?,
            }
        };
        let mut log = opening.assemble(contents, trusted, checkpoints.recovery_point);
        log.settle_cuts(found.cuts, checkpoints)?;
        log.settle_log_start(checkpoints.log_start_offset, &mut opening.recovery)?;
        Ok((log, opening.recovery))
    }

    /// Keeps the one `.cut` file that still matters, and leaves one if less was found than the
    /// recovery point promised.
    fn settle_cuts(
        &mut self,
        mut cuts: BTreeSet<Offset>,
        checkpoints: RecoveryHints,
    ) -> Result<(), LogError> {
        let kept = cuts.pop_first();
        for path in cuts.iter().map(|cut| FileKind::Cut.path(&self.directory, *cut)) {
            self.storage.remove_file(&path).map_err(io_error(&path))?;
        }
        self.flush.cut = kept;
        if checkpoints.clean {
            self.trust_again();
        }
        self.distrust(self.log_end_offset)
    }

    /// The log starts where it was told to, or at its first segment, whichever is later.
    fn settle_log_start(&mut self, hint: Offset, recovery: &mut Recovery) -> Result<(), LogError> {
        if hint <= self.log_end_offset {
            return self.advance_log_start(hint);
        }
        if self.log_end_offset > self.log_start_offset {
            recovery.bytes_cut += self.size();
            recovery.blame(format!(
                "the log ends at offset {}, before its log start offset {hint}; it begins anew there",
                self.log_end_offset
            ));
        }
        self.restart_at(hint)
    }
}

impl Opening {
    /// Lists the files, and removes what a crash left half made.
    fn list(&self) -> Result<Found, LogError> {
        let mut found = Found::default();
        let mut indexes = BTreeSet::new();
        for name in self.storage.list(&self.directory).map_err(io_error(&self.directory))? {
            if name.ends_with(".tmp") {
                let path = format!("{}/{name}", self.directory);
                self.storage.remove_file(&path).map_err(io_error(&path))?;
                continue;
            }
            match FileKind::parse(&name) {
                Some((FileKind::Log, base)) => drop(found.segments.insert(base)),
                Some((FileKind::Snapshot, offset)) => drop(found.snapshots.insert(offset)),
                Some((FileKind::Cut, offset)) => drop(found.cuts.insert(offset)),
                Some((kind @ (FileKind::Index | FileKind::TimeIndex), base)) => {
                    indexes.insert((base, kind));
                }
                None => {}
            }
        }
        for (base, kind) in indexes {
            if !found.segments.contains(&base) {
                let path = kind.path(&self.directory, base);
                self.storage.remove_file(&path).map_err(io_error(&path))?;
            }
        }
        Ok(found)
    }

    /// Up to where the files may be believed after an unclean stop.
    fn trusted(&mut self, found: &Found, checkpoints: RecoveryHints) -> Offset {
        let recovery_point = checkpoints.recovery_point.max(Offset::ZERO);
        match found.cuts.first() {
            Some(cut) if *cut < recovery_point => {
                self.recovery.note(format!(
                    "the log was cut at offset {cut}, below recovery point {recovery_point}, and \
                     not flushed since; the scan begins there"
                ));
                *cut
            }
            Some(_) | None => recovery_point,
        }
    }

    /// Reads everything, cutting what cannot be trusted.
    fn read(&mut self, trusted: Offset, first_base: Offset) -> Result<Contents, LogError> {
        // Listed again, since an earlier attempt may have removed some.
        let found = self.list()?;
        let scan_base = found.segments.range(..=trusted).next_back().or(found.segments.first());
        let scan_base = if trusted == Offset(i64::MAX) { None } else { scan_base.copied() };
        self.recovery.scanned_from = scan_base;
        let mut segments = self.load_segments(&found.segments, scan_base)?;
        for segment in segments.iter().filter(|s| scan_base.is_some_and(|b| s.base_offset >= b)) {
            write_again(segment, trusted)?;
        }
        if segments.is_empty() {
            let created = Segment::create(&*self.storage, &self.directory, first_base);
            segments.push(created.map_err(io_error(&self.directory))?);
        }
        let end = segments.last().map_or(first_base, |segment| segment.next_offset);
        let believed = scan_base.unwrap_or(end).min(end);
        let mut snapshots = self.settle_snapshots(found.snapshots, &segments, believed)?;
        let (epochs, producers) = self.derive(&segments, &mut snapshots, (first_base, believed))?;
        Ok(Contents { segments, epochs, producers, snapshots })
    }

    /// Keeps the snapshots that speak of batches below `believed`. A later one may be of a history
    /// that has been cut off since.
    fn settle_snapshots(
        &self,
        snapshots: BTreeSet<Offset>,
        segments: &[Segment],
        believed: Offset,
    ) -> Result<BTreeSet<Offset>, LogError> {
        let first = segments.first().map_or(Offset::ZERO, |segment| segment.base_offset);
        let (kept, stale): (BTreeSet<Offset>, BTreeSet<Offset>) =
            snapshots.into_iter().partition(|offset| (first..=believed).contains(offset));
        for path in stale.iter().map(|offset| FileKind::Snapshot.path(&self.directory, *offset)) {
            self.storage.remove_file(&path).map_err(io_error(&path))?;
        }
        Ok(kept)
    }

    /// The epochs and producers: from their files as far as these go, then from the batches.
    fn derive(
        &mut self,
        segments: &[Segment],
        snapshots: &mut BTreeSet<Offset>,
        (log_start, believed): (Offset, Offset),
    ) -> Result<(Epochs, Producers), LogError> {
        let notes = &mut self.recovery.notes;
        let (producers_from, mut producers) =
            newest_snapshot(&*self.storage, &self.directory, snapshots, notes)?;
        let on_disk = self.read_epochs(segments)?;
        let mut cache = on_disk.clone().unwrap_or_default();
        let mut epochs_from = believed;
        cache.truncate_end(believed);
        if on_disk.is_none() || !agree(&cache, segments, (log_start, believed))? {
            if on_disk.is_some() {
                let sentence = "the leader epochs on record contradict the batches; rebuilt";
                self.recovery.note(sentence.to_owned());
            }
            cache.clear();
            epochs_from = Offset::ZERO;
        }
        for segment in segments {
            // Each segment keeps the producers' state as of its base, for the time when the segments
            // before it are dropped, and for cuts.
            let base = segment.base_offset;
            if base > producers_from && !snapshots.contains(&base) {
                write_snapshot(&*self.storage, &self.directory, base, &producers)?;
                snapshots.insert(base);
            }
            let known = (&mut cache, epochs_from);
            follow(std::slice::from_ref(segment), known, (&mut producers, producers_from))?;
        }
        // What the file says of batches that are no longer there, or were never seen again.
        if let (Some(first), Some(last)) = (segments.first(), segments.last()) {
            cache.truncate_start(first.base_offset);
            cache.truncate_end(last.next_offset);
        }
        let mut epochs = Epochs::new(&self.directory);
        // After an unclean stop the file is written in any case: its own fsync may have failed.
        let is_unclean = self.recovery.scanned_from.is_some();
        let adopted = match on_disk {
            Some(same) if same == cache && !is_unclean => epochs.adopt(&*self.storage, cache),
            Some(_) | None => epochs.write(&*self.storage, cache),
        };
        adopted.map_err(io_error(epochs.path()))?;
        Ok((epochs, producers))
    }

    fn read_epochs(&mut self, segments: &[Segment]) -> Result<Option<LeaderEpochCache>, LogError> {
        match Epochs::read(&*self.storage, &self.directory) {
            Ok(Some(cache)) => Ok(Some(cache)),
            Ok(None) => {
                if segments.iter().any(|segment| segment.size > 0) {
                    self.recovery.note("the leader epochs were missing; rebuilt".to_owned());
                }
                Ok(None)
            }
            Err(broken @ CheckpointError::Broken { .. }) => {
                self.recovery.note(format!("{broken}; the leader epochs have been rebuilt"));
                Ok(None)
            }
            Err(CheckpointError::Io { path, source }) => Err(LogError::Io { path, source }),
        }
    }

    fn assemble(&self, contents: Contents, trusted: Offset, recovery_point: Offset) -> Log {
        let Contents { segments, epochs, producers, snapshots } = contents;
        let start = segments.first().map_or(Offset::ZERO, |segment| segment.base_offset);
        let end = segments.last().map_or(Offset::ZERO, |segment| segment.next_offset);
        let mut flush = FlushState::new(start, trusted.min(end), recovery_point);
        flush.appended(&self.config, end);
        Log {
            storage: Arc::clone(&self.storage),
            directory: self.directory.clone(),
            config: self.config.clone(),
            segments,
            log_start_offset: start,
            log_end_offset: end,
            epochs,
            producers,
            snapshots,
            flush,
            failure: Failure::default(),
        }
    }
}

/// Writes what a segment holds behind the recovery point `trusted` once more.
fn write_again(segment: &Segment, trusted: Offset) -> Result<(), LogError> {
    let position = if trusted <= segment.base_offset {
        0
    } else if trusted >= segment.next_offset {
        return Ok(());
    } else {
        segment.locate(trusted)?.0
    };
    segment.rewrite(position).map_err(io_error(&segment.path))
}

/// Whether recorded epochs are those of the batches from `log_start` to `believed`, as far as the
/// first batch of each segment and the last one of all tell.
fn agree(
    cache: &LeaderEpochCache,
    segments: &[Segment],
    (log_start, believed): (Offset, Offset),
) -> Result<bool, ReadError> {
    let oldest = cache.entries().first().map_or(believed, |entry| entry.start_offset);
    let mut probes: Vec<Offset> = segments.iter().map(|segment| segment.base_offset).collect();
    probes.push(believed.plus(-1));
    for segment in segments.iter().filter(|segment| segment.size > 0) {
        let held = segment.base_offset..segment.next_offset.min(believed);
        for probe in probes.iter().filter(|probe| held.contains(probe)) {
            let epoch = segment.locate(*probe)?.1.partition_leader_epoch;
            // Below the oldest entry the log has been dropped; what is left of it is not served.
            if *probe >= oldest && cache.epoch_at(*probe) != Some(epoch) {
                return Ok(false);
            }
        }
    }
    // The oldest entry reaches down to the first record served.
    let first = segments.iter().find(|segment| segment.size > 0);
    let served = first.map_or(believed, |segment| segment.base_offset.max(log_start));
    Ok(served >= believed || oldest <= served)
}

/// Leaves the producers' state as of `offset` on the disk.
pub(super) fn write_snapshot(
    storage: &dyn Storage,
    directory: &str,
    offset: Offset,
    producers: &Producers,
) -> Result<(), LogError> {
    let path = FileKind::Snapshot.path(directory, offset);
    let content = snapshot::encode(producers);
    small_file::replace(storage, &path, &content).map(drop).map_err(io_error(&path))
}

/// The producers' state from the newest snapshot that can be read, and the offset it is of; the
/// empty state at zero if there is none. Says which could not be read.
pub(super) fn newest_snapshot(
    storage: &dyn Storage,
    directory: &str,
    snapshots: &BTreeSet<Offset>,
    notes: &mut Vec<String>,
) -> Result<(Offset, Producers), LogError> {
    for offset in snapshots.iter().rev() {
        let path = FileKind::Snapshot.path(directory, *offset);
        let content = small_file::read(storage, &path).map_err(io_error(&path))?;
        match snapshot::decode(&content.unwrap_or_default()) {
            Ok(producers) => return Ok((*offset, producers)),
            Err(why) => notes.push(format!("producer snapshot {path}: {why}; not used")),
        }
    }
    Ok((Offset::ZERO, Producers::default()))
}
