//! The leader epochs of one log and their file, `leader-epoch-checkpoint` (R2, KIP-101).
//!
//! The file is replaced whenever an epoch begins or is cut, but not fsynced then: nothing rests on
//! it before the recovery point moves past the batches it speaks of, and the flush that moves it
//! fsyncs this file too. What lies above the recovery point is told by the batches themselves. A
//! file that a loss of power tore cannot be read, and then all batches are asked.

use std::io;
use std::sync::Arc;

use super::checkpoint::{self, Lines};
use super::error::CheckpointError;
use super::names::LEADER_EPOCHS;
use super::small_file;
use crate::host::{File, OpenMode, Storage};
use crate::types::{LeaderEpoch, LeaderEpochCache, Offset};

/// The cache, and the file that follows it.
#[derive(Debug)]
pub(super) struct Epochs {
    /// What is known; the file says the same.
    pub cache: LeaderEpochCache,
    path: String,
    /// The file as last written, while it is not known to be on the device.
    unsynced: Option<Arc<dyn File>>,
}

impl Epochs {
    /// No epochs, no file.
    pub(super) fn new(directory: &str) -> Self {
        let path = format!("{directory}/{LEADER_EPOCHS}");
        Self { cache: LeaderEpochCache::default(), path, unsynced: None }
    }

    /// What the file in `directory` says; `None` if there is none.
    ///
    /// # Errors
    /// The file is not what was written, or the device failed.
    pub(super) fn read(
        storage: &dyn Storage,
        directory: &str,
    ) -> Result<Option<LeaderEpochCache>, CheckpointError> {
        let path = format!("{directory}/{LEADER_EPOCHS}");
        let Some(mut lines) = Lines::open(storage, &path)? else { return Ok(None) };
        let mut cache = LeaderEpochCache::default();
        let count = lines.head()?;
        for _ in 0..count {
            let [epoch, start] = lines.fields()?;
            let epoch: LeaderEpoch = LeaderEpoch(lines.number(epoch)?);
            let start_offset = Offset(lines.number(start)?);
            let last = cache.entries().last().copied();
            let sorted = last.is_none_or(|l| l.epoch < epoch && l.start_offset < start_offset);
            if epoch.0 < 0 || start_offset.0 < 0 || !sorted {
                return Err(lines.broken("epochs and offsets must grow from line to line"));
            }
            cache.assign(epoch, start_offset);
        }
        lines.end()?;
        Ok(Some(cache))
    }

    /// Replaces what is known, first on the disk, then here. Without effect if it is the same.
    pub(super) fn change(
        &mut self,
        storage: &dyn Storage,
        cache: LeaderEpochCache,
    ) -> io::Result<bool> {
        if cache == self.cache {
            return Ok(false);
        }
        self.write(storage, cache)?;
        Ok(true)
    }

    /// As [`Self::change`], but writes the file in any case.
    pub(super) fn write(
        &mut self,
        storage: &dyn Storage,
        cache: LeaderEpochCache,
    ) -> io::Result<()> {
        let rows = cache.entries().iter().map(|e| format!("{} {}", e.epoch, e.start_offset));
        let content = checkpoint::encode(rows);
        self.unsynced = Some(small_file::replace(storage, &self.path, content.as_bytes())?);
        self.cache = cache;
        Ok(())
    }

    /// Takes over what the file is known to say; whether it is on the device is not known.
    pub(super) fn adopt(
        &mut self,
        storage: &dyn Storage,
        cache: LeaderEpochCache,
    ) -> io::Result<()> {
        self.unsynced = Some(storage.open(&self.path, OpenMode::Existing)?);
        self.cache = cache;
        Ok(())
    }

    /// The file that the next flush must fsync.
    pub(super) fn unsynced(&self) -> Option<&Arc<dyn File>> {
        self.unsynced.as_ref()
    }

    /// `file` is on the device; this settles it if no newer one has been written.
    pub(super) fn synced(&mut self, file: &Arc<dyn File>) {
        if self.unsynced.as_ref().is_some_and(|newest| Arc::ptr_eq(newest, file)) {
            self.unsynced = None;
        }
    }

    /// The file's path.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}
