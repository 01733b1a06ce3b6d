//! The two sparse indexes of a segment: offsets to positions, and timestamps to offsets.
//!
//! Both live in memory and follow on the disk in Kafka's layout. The disk's copy is only a shortcut
//! for the next start: it is never fsynced, its shape is checked when it is loaded, and whoever
//! looks something up checks the batch that it points to. In doubt it is rebuilt from the log.

use std::io;
use std::sync::Arc;

use bytes::{Buf, BufMut};

use super::small_file;
use crate::host::{File, OpenMode, Storage};

/// How an entry is laid out on the disk.
pub(super) trait Entry: Copy + std::fmt::Debug {
    /// Its size in bytes.
    const SIZE: usize;
    /// Reads one; `None` if no such entry is ever written.
    fn get(bytes: &mut &[u8]) -> Option<Self>;
    /// Writes it.
    fn put(self, bytes: &mut Vec<u8>);
    /// Whether it may come right after `before`.
    fn follows(self, before: Self) -> bool;
}

/// The batch that ends with this offset is found at this position. Eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The batch's last offset, relative to the segment's base offset.
    pub relative_offset: u32,
    /// Where the batch begins, in bytes.
    pub position: u32,
}

/// No record up to this offset is younger than this timestamp. Twelve bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timestamp {
    /// The largest timestamp so far, in milliseconds since 1970.
    pub timestamp: i64,
    /// The last offset of the batch that brought it, relative to the segment's base offset.
    pub relative_offset: u32,
}

impl Entry for Position {
    const SIZE: usize = 8;

    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let entry = Self { relative_offset: bytes.get_u32(), position: bytes.get_u32() };
        (i32::try_from(entry.relative_offset).is_ok()).then_some(entry)
    }

    fn put(self, bytes: &mut Vec<u8>) {
        bytes.put_u32(self.relative_offset);
        bytes.put_u32(self.position);
    }

    fn follows(self, before: Self) -> bool {
        self.relative_offset > before.relative_offset && self.position > before.position
    }
}

impl Entry for Timestamp {
    const SIZE: usize = 12;

    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let entry = Self { timestamp: bytes.get_i64(), relative_offset: bytes.get_u32() };
        (i32::try_from(entry.relative_offset).is_ok()).then_some(entry)
    }

    fn put(self, bytes: &mut Vec<u8>) {
        bytes.put_i64(self.timestamp);
        bytes.put_u32(self.relative_offset);
    }

    fn follows(self, before: Self) -> bool {
        self.timestamp > before.timestamp && self.relative_offset > before.relative_offset
    }
}

/// A sorted list of entries, in memory and on the disk.
#[derive(Debug)]
pub(super) struct Index<E> {
    file: Arc<dyn File>,
    entries: Vec<E>,
    /// How many of the entries the file holds.
    written: usize,
}

impl<E: Entry> Index<E> {
    /// An empty index in a new file.
    pub(super) fn create(storage: &dyn Storage, path: &str) -> io::Result<Self> {
        Ok(Self { file: small_file::fresh(storage, path)?, entries: Vec::new(), written: 0 })
    }

    /// The index in the file at `path`, or what is wrong with it.
    pub(super) fn load(
        storage: &dyn Storage,
        path: &str,
    ) -> io::Result<Result<Self, &'static str>> {
        if !storage.exists(path) {
            return Ok(Err("is missing"));
        }
        let file = storage.open(path, OpenMode::Existing)?;
        let size = usize::try_from(file.size()?).map_err(io::Error::other)?;
        let bytes = file.read_at(0, size)?;
        Ok(match Self::decode(&bytes) {
            Ok(entries) => Ok(Self { written: entries.len(), file, entries }),
            Err(why) => Err(why),
        })
    }

    fn decode(mut bytes: &[u8]) -> Result<Vec<E>, &'static str> {
        if !bytes.len().is_multiple_of(E::SIZE) {
            return Err("ends within an entry");
        }
        let mut entries: Vec<E> = Vec::with_capacity(bytes.len() / E::SIZE);
        while !bytes.is_empty() {
            let entry = E::get(&mut bytes).ok_or("holds an entry that nobody writes")?;
            if entries.last().is_some_and(|before| !entry.follows(*before)) {
                return Err("is not sorted");
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Adds an entry in memory, unless the last one is as far along already.
    pub(super) fn push(&mut self, entry: E) {
        if self.entries.last().is_none_or(|before| entry.follows(*before)) {
            self.entries.push(entry);
        }
    }

    /// Writes what the file does not hold yet.
    pub(super) fn persist(&mut self) -> io::Result<()> {
        let new = &self.entries[self.written..];
        if new.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(new.len() * E::SIZE);
        for entry in new {
            entry.put(&mut bytes);
        }
        self.file.write_at(position_of::<E>(self.written), &[&bytes])?;
        self.written = self.entries.len();
        Ok(())
    }

    /// Drops every entry from the first that `beyond` holds for.
    pub(super) fn cut(&mut self, beyond: impl Fn(&E) -> bool) -> io::Result<()> {
        let keep = self.entries.partition_point(|entry| !beyond(entry));
        self.entries.truncate(keep);
        self.written = self.written.min(keep);
        // Also undoes a write that failed half way, of which `written` knows nothing.
        self.file.set_len(position_of::<E>(self.written))
    }

    /// The last entry of those that `reached` holds for, which must be a beginning of the list.
    pub(super) fn last_where(&self, reached: impl Fn(&E) -> bool) -> Option<E> {
        let count = self.entries.partition_point(reached);
        count.checked_sub(1).map(|last| self.entries[last])
    }

    /// The last entry.
    pub(super) fn last(&self) -> Option<E> {
        self.entries.last().copied()
    }
}

fn position_of<E: Entry>(entries: usize) -> u64 {
    u64::try_from(entries * E::SIZE).expect("a usize fits in 64 bits")
}
