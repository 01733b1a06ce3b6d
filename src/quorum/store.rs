//! Raft's view of the log, in memory. What is durable is the shell's business: it performs
//! [`Effect::Persist`](super::Effect::Persist) before anything that relies on it.

use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};
use raft::{Error, GetEntriesContext, RaftState, Storage, StorageError, util::limit_size};

use super::{LogEntry, Saved, translate};

/// A snapshot and the entries behind it, without gaps.
#[derive(Debug)]
pub(super) struct Store {
    voters: Vec<u64>,
    started_with: HardState,
    snapshot: Base,
    entries: Vec<Entry>,
}

/// The last position of the snapshot; 0 if there is none.
#[derive(Debug, Default)]
struct Base {
    index: u64,
    epoch: u64,
    image: Bytes,
}

impl Store {
    /// Starts from state that [`Saved::mended`] has looked at.
    pub(super) fn new(saved: Saved, voters: Vec<u64>) -> Self {
        let (index, epoch, image) = saved.snapshot.unwrap_or_default();
        let started_with = HardState {
            term: saved.hard_state.epoch,
            vote: saved.hard_state.vote,
            commit: saved.hard_state.commit,
            ..HardState::default()
        };
        let entries = saved.entries.into_iter().map(translate::to_raft_entry).collect();
        Self { voters, started_with, snapshot: Base { index, epoch, image }, entries }
    }

    pub(super) fn snapshot_index(&self) -> u64 {
        self.snapshot.index
    }

    pub(super) fn snapshot_image(&self) -> Bytes {
        self.snapshot.image.clone()
    }

    /// Puts a snapshot in the place of everything.
    pub(super) fn replace(&mut self, index: u64, epoch: u64, image: Bytes) {
        self.snapshot = Base { index, epoch, image };
        self.entries.clear();
    }

    /// Appends entries, dropping what stands at their positions or behind.
    pub(super) fn append(&mut self, entries: &[LogEntry]) {
        let Some(first) = entries.first() else { return };
        self.entries.retain(|entry| entry.index < first.index);
        self.entries.extend(entries.iter().cloned().map(translate::to_raft_entry));
    }

    /// Drops the entries up to `index`, which `image` contains; answers with the epoch of the last
    /// one and the entries that stay. `None` if there is nothing to drop.
    pub(super) fn compact(&mut self, index: u64, image: Bytes) -> Option<(u64, Vec<LogEntry>)> {
        let epoch = self.entry(index)?.term;
        self.entries.retain(|entry| entry.index > index);
        self.snapshot = Base { index, epoch, image };
        Some((epoch, self.entries.iter().cloned().map(translate::entry).collect()))
    }

    /// Where in `entries` a position is; the length for the one behind the last.
    fn place(&self, index: u64) -> Option<usize> {
        let place = index.checked_sub(self.snapshot.index + 1)?;
        usize::try_from(place).ok().filter(|place| *place <= self.entries.len())
    }

    fn entry(&self, index: u64) -> Option<&Entry> {
        self.entries.get(self.place(index)?)
    }
}

impl Storage for Store {
    fn initial_state(&self) -> raft::Result<RaftState> {
        let conf_state = ConfState { voters: self.voters.clone(), ..ConfState::default() };
        Ok(RaftState::new(self.started_with.clone(), conf_state))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        let low = self.place(low).ok_or(Error::Store(StorageError::Compacted))?;
        let high = self.place(high).ok_or(Error::Store(StorageError::Unavailable))?;
        let mut entries = self.entries.get(low..high).unwrap_or_default().to_vec();
        limit_size(&mut entries, max_size.into());
        Ok(entries)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index == self.snapshot.index {
            return Ok(self.snapshot.epoch);
        }
        if index < self.snapshot.index {
            return Err(Error::Store(StorageError::Compacted));
        }
        let entry = self.entry(index).ok_or(Error::Store(StorageError::Unavailable))?;
        Ok(entry.term)
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.snapshot.index + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.entries.last().map_or(self.snapshot.index, |entry| entry.index))
    }

    fn snapshot(&self, request_index: u64, _to: u64) -> raft::Result<Snapshot> {
        if self.snapshot.index == 0 || self.snapshot.index < request_index {
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        }
        let Base { index, epoch, image } = &self.snapshot;
        Ok(translate::to_raft_snapshot((*index, *epoch, image.clone()), &self.voters))
    }
}
