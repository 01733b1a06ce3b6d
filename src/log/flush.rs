//! Flushing: making a prefix of the log durable, and knowing how long that prefix is (R31, R32).
//!
//! Waiting for the device takes long, so it happens outside the log: a [`FlushTicket`] owns the files
//! to fsync, and the log may be appended to and even cut while it runs. What it then reports counts
//! only if the log has not been cut in between.

use std::io;
use std::sync::Arc;

use super::names::FileKind;
use super::{Failure, Log, LogConfig, LogError, io_error, small_file};
use crate::host::{File, OpenMode, Storage};
use crate::types::Offset;

/// How much of the log is on the device.
#[derive(Debug)]
pub(super) struct FlushState {
    /// Everything below is on the device.
    flushed_end: Offset,
    /// Everything below counts towards the high watermark.
    committable_end: Offset,
    /// Counts the cuts: a flush from before a cut proves nothing after it.
    generation: u64,
    /// Counts the files that came, went or were renamed; and up to where that is on the device.
    directory_version: u64,
    directory_synced: u64,
    /// The largest recovery point that may be on record somewhere.
    recorded_max: Offset,
    /// From where on that record must not be believed: the name of the `.cut` file.
    pub(super) cut: Option<Offset>,
}

impl FlushState {
    /// Of a log just opened that starts at `log_start`: `flushed_end` is on the device, names of
    /// files may not be.
    pub(super) fn new(log_start: Offset, flushed_end: Offset, recorded_max: Offset) -> Self {
        Self {
            flushed_end,
            committable_end: flushed_end.max(log_start),
            generation: 0,
            directory_version: 1,
            directory_synced: 0,
            recorded_max: recorded_max.max(flushed_end),
            cut: None,
        }
    }

    pub(super) fn committable_end(&self) -> Offset {
        self.committable_end
    }

    pub(super) fn directory_changed(&mut self) {
        self.directory_version += 1;
    }

    /// The log now ends at `log_end`, further on than before.
    pub(super) fn appended(&mut self, config: &LogConfig, log_end: Offset) {
        let Some(limit) = config.flush_messages else {
            self.committable_end = log_end;
            return;
        };
        if unflushed(self.flushed_end, log_end) < limit.max(1) {
            self.committable_end = log_end;
        } else {
            self.committable_end = self.committable_end.max(self.flushed_end);
        }
    }

    /// Another limit applies to what has not been flushed.
    pub(super) fn reconfigured(&mut self, config: &LogConfig, log_start: Offset, log_end: Offset) {
        self.committable_end = self.flushed_end.max(log_start);
        self.appended(config, log_end);
    }

    /// The log now ends at `log_end`, before what it held.
    pub(super) fn cut_back(&mut self, config: &LogConfig, log_end: Offset) {
        self.generation += 1;
        self.flushed_end = self.flushed_end.min(log_end);
        self.committable_end = self.committable_end.min(log_end);
        self.appended(config, log_end);
    }

    /// The log holds nothing and begins and ends at `at`. The old files may come back until the
    /// directory has been flushed, so the recovery point must not speak of more than it did.
    pub(super) fn restart(&mut self, at: Offset) {
        self.generation += 1;
        self.flushed_end = self.flushed_end.min(at);
        self.committable_end = at;
    }

    /// Nothing below `log_start` is held any more. That does not make it durable: what was dropped
    /// may come back, and the recorded log start offset may be an older one.
    pub(super) fn start_advanced(&mut self, log_start: Offset) {
        self.committable_end = self.committable_end.max(log_start);
    }
}

fn unflushed(flushed_end: Offset, log_end: Offset) -> u64 {
    u64::try_from(log_end.0.saturating_sub(flushed_end.0)).unwrap_or(0)
}

/// The right to make durable what the log held when this was drawn. Owns what it needs.
#[derive(Debug)]
#[must_use = "nothing is flushed until the ticket is run and reported"]
pub struct FlushTicket {
    storage: Arc<dyn Storage>,
    directory: String,
    files: Vec<(String, Arc<dyn File>)>,
    sync_directory: bool,
    sync_parent: bool,
    flushed: Flushed,
    failure: Failure,
}

/// What a flush achieved; to be handed to [`Log::flushed`].
#[derive(Debug)]
pub struct Flushed {
    end: Offset,
    generation: u64,
    directory_version: u64,
    epochs: Option<Arc<dyn File>>,
}

impl Flushed {
    /// The log end offset when the ticket was drawn.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.end
    }
}

impl FlushTicket {
    /// The log end offset when the ticket was drawn: what it makes durable lies below.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.flushed.end
    }

    /// Waits for the device. Segments and leader epochs first, then the names of files.
    ///
    /// # Errors
    /// The device failed. Nothing is known then about what it holds, and no later success mends it:
    /// the log that drew the ticket refuses everything from now on.
    pub async fn run(self) -> io::Result<Flushed> {
        for (path, file) in &self.files {
            if let Err(error) = file.sync().await {
                self.failure.set(format!("fsync of {path}: {error}"));
                return Err(error);
            }
        }
        let parent = small_file::parent(&self.directory);
        let directories =
            [(self.sync_directory, self.directory.as_str()), (self.sync_parent, parent)];
        for (_, path) in directories.into_iter().filter(|(wanted, _)| *wanted) {
            if let Err(error) = self.storage.sync_dir(path).await {
                self.failure.set(format!("fsync of directory {path:?}: {error}"));
                return Err(error);
            }
        }
        Ok(self.flushed)
    }
}

impl Log {
    /// Draws a ticket to flush all that the log holds now. Cheap if there is nothing to flush.
    pub fn flush_ticket(&self) -> FlushTicket {
        // A segment that was cut and has not been appended to since ends at the flushed end or
        // before: should its cut be undone, the next segment's name tells where it was.
        let mut files: Vec<(String, Arc<dyn File>)> = self
            .segments
            .iter()
            .filter(|segment| segment.next_offset > self.flush.flushed_end)
            .map(|segment| (segment.path.clone(), Arc::clone(&segment.file)))
            .collect();
        let epochs = self.epochs.unsynced().cloned();
        files.extend(epochs.iter().map(|file| (self.epochs.path().to_owned(), Arc::clone(file))));
        FlushTicket {
            storage: Arc::clone(&self.storage),
            directory: self.directory.clone(),
            files,
            sync_directory: self.flush.directory_version != self.flush.directory_synced,
            sync_parent: self.flush.directory_synced == 0,
            flushed: Flushed {
                end: self.log_end_offset,
                generation: self.flush.generation,
                directory_version: self.flush.directory_version,
                epochs,
            },
            failure: self.failure.clone(),
        }
    }

    /// A ticket's work is done: moves the recovery point and what counts towards the high watermark.
    /// A flush that ran across a cut moves neither.
    pub fn flushed(&mut self, flushed: Flushed) {
        if self.failure.check().is_err() {
            return;
        }
        if let Some(file) = &flushed.epochs {
            self.epochs.synced(file);
        }
        self.flush.directory_synced = self.flush.directory_synced.max(flushed.directory_version);
        if flushed.generation != self.flush.generation {
            return;
        }
        let state = &mut self.flush;
        state.flushed_end = state.flushed_end.max(flushed.end);
        state.recorded_max = state.recorded_max.max(state.flushed_end);
        state.appended(&self.config, self.log_end_offset);
        self.trust_again();
    }

    /// Everything below this offset is on the device. What the recovery-point checkpoint records.
    /// May lie below the log start offset.
    #[must_use]
    pub fn recovery_point(&self) -> Offset {
        self.flush.flushed_end
    }

    /// Whether somebody should draw a ticket now: `flush.messages` asks for it, or a segment that is
    /// no longer appended to has not been flushed.
    #[must_use]
    pub fn needs_flush(&self) -> bool {
        let flushed = self.flush.flushed_end;
        let active = self.segments.last().expect("a log has at least one segment");
        flushed < active.base_offset
            || self
                .config
                .flush_messages
                .is_some_and(|limit| unflushed(flushed, self.log_end_offset) >= limit.max(1))
    }

    /// Prepares a clean stop: leaves a snapshot of the producers so that the next start need not
    /// read the last segment. Flush afterwards, and only then write the clean marker.
    ///
    /// # Errors
    /// The device failed.
    pub fn close(&mut self) -> Result<FlushTicket, LogError> {
        self.failure.check()?;
        self.write_snapshot()?;
        let finished = self.active().finish();
        finished.map_err(io_error(&self.directory))?;
        Ok(self.flush_ticket())
    }

    /// Leaves word on the disk that from `from` on no recorded recovery point is to be believed,
    /// before anything there is cut and written anew. The name of the file is the word: file systems
    /// keep the order of such changes, so the word survives if the new segments do.
    pub(super) fn distrust(&mut self, from: Offset) -> Result<(), LogError> {
        let said = self.flush.cut.is_some_and(|cut| cut <= from);
        if from >= self.flush.recorded_max || said {
            return Ok(());
        }
        let path = FileKind::Cut.path(&self.directory, from);
        self.storage.open(&path, OpenMode::Create).map_err(io_error(&path))?;
        if let Some(higher) = self.flush.cut.replace(from) {
            let path = FileKind::Cut.path(&self.directory, higher);
            self.storage.remove_file(&path).map_err(io_error(&path))?;
        }
        self.flush.directory_changed();
        Ok(())
    }

    /// Takes the word back once every recovery point that may be on record is true again.
    pub(super) fn trust_again(&mut self) {
        if self.flush.flushed_end < self.flush.recorded_max {
            return;
        }
        if let Some(cut) = self.flush.cut {
            let path = FileKind::Cut.path(&self.directory, cut);
            // A word too many costs a longer scan at the next unclean start, nothing else; the next
            // flush tries again.
            if self.storage.remove_file(&path).is_ok() {
                self.flush.cut = None;
                self.flush.directory_changed();
            }
        }
    }
}
