//! A segment: one file of batches and its two indexes.
//!
//! No byte of a segment's file is ever replaced by another. A file that has been cut is `closed`: what is
//! appended next goes into a new segment. So what was cut off cannot come back *behind* new batches
//! when a loss of power undoes the cut; it comes back in front of a segment that says by its name
//! where the cut was.

use std::io;
use std::sync::Arc;

use super::error::{Corruption, ReadError};
use super::index::{Index, Position, Timestamp};
use super::names::FileKind;
use super::small_file;
use super::walk::{Stop, Walk, bytes_u64};
use crate::host::{File, Storage};
use crate::protocol::batch::BatchHeader;
use crate::types::Offset;

/// Kafka stores positions and relative offsets in 31 bits.
const LIMIT: u64 = i32::MAX.unsigned_abs() as u64;

/// How much is written again at a time.
const REWRITE_CHUNK: u64 = 1024 * 1024;

/// One file of batches.
#[derive(Debug)]
pub(super) struct Segment {
    /// Offset of its first record, once it has one.
    pub base_offset: Offset,
    /// One past its last record.
    pub next_offset: Offset,
    /// Its path, for whoever must be told.
    pub path: String,
    /// Its batches.
    pub file: Arc<dyn File>,
    /// How many bytes of the file are batches.
    pub size: u64,
    /// Nothing may be appended to it any more.
    pub closed: bool,
    pub(super) index: Index<Position>,
    pub(super) time_index: Index<Timestamp>,
    /// Bytes appended since the last index entry.
    unindexed_bytes: u64,
    /// The largest timestamp, and the last offset of the batch that brought it.
    largest_timestamp: Option<(i64, Offset)>,
}

/// An append that failed.
#[derive(Debug)]
pub(super) struct WriteFailure {
    /// What the device said.
    pub error: io::Error,
    /// Whether the file has been cut back to what it held before; if not, what it holds is unknown.
    pub mended: io::Result<()>,
}

impl Segment {
    /// Makes an empty segment, in place of whatever has its name.
    pub(super) fn create(
        storage: &dyn Storage,
        directory: &str,
        base_offset: Offset,
    ) -> io::Result<Self> {
        let path = FileKind::Log.path(directory, base_offset);
        let file = small_file::fresh(storage, &path)?;
        Self::with_empty_indexes(storage, directory, base_offset, file)
    }

    /// A segment around `file`, of which nothing is known yet.
    pub(super) fn with_empty_indexes(
        storage: &dyn Storage,
        directory: &str,
        base_offset: Offset,
        file: Arc<dyn File>,
    ) -> io::Result<Self> {
        let index = Index::create(storage, &FileKind::Index.path(directory, base_offset))?;
        let time_index = Index::create(storage, &FileKind::TimeIndex.path(directory, base_offset))?;
        let path = FileKind::Log.path(directory, base_offset);
        Ok(Self::new(base_offset, path, file, (index, time_index)))
    }

    /// A segment that ends where its indexes end; the rest is to be [noted](Self::note).
    pub(super) fn new(
        base_offset: Offset,
        path: String,
        file: Arc<dyn File>,
        (index, time_index): (Index<Position>, Index<Timestamp>),
    ) -> Self {
        let largest_timestamp = time_index
            .last()
            .map(|entry| (entry.timestamp, base_offset.plus(i64::from(entry.relative_offset))));
        Self {
            base_offset,
            next_offset: base_offset,
            path,
            file,
            size: 0,
            closed: false,
            index,
            time_index,
            unindexed_bytes: 0,
            largest_timestamp,
        }
    }

    /// Whether `bytes` more, ending with `last_offset`, may go into this segment.
    pub(super) fn has_room(&self, bytes: usize, last_offset: Offset, segment_bytes: u32) -> bool {
        if self.closed || relative(self.base_offset, last_offset).is_none() {
            return false;
        }
        let limit = u64::from(segment_bytes).min(LIMIT);
        self.size == 0 || self.size.saturating_add(bytes_u64(bytes)) <= limit
    }

    /// Appends batches, whose bytes are `parts` and whose headers are `headers`. After a failure the
    /// segment is what it was before, unless cutting it back failed as well.
    pub(super) fn append(
        &mut self,
        parts: &[&[u8]],
        headers: &[BatchHeader],
        index_interval_bytes: u32,
    ) -> Result<(), WriteFailure> {
        let (size, next_offset) = (self.size, self.next_offset);
        let (unindexed, largest) = (self.unindexed_bytes, self.largest_timestamp);
        let written = self.file.write_at(size, parts).and_then(|()| {
            for header in headers {
                self.note(header, index_interval_bytes);
            }
            self.persist_indexes()
        });
        written.map_err(|error| {
            let mended = self.cut(size, next_offset);
            (self.unindexed_bytes, self.largest_timestamp) = (unindexed, largest);
            WriteFailure { error, mended }
        })
    }

    /// Counts the batch that stands at the end of what is known of the file.
    pub(super) fn note(&mut self, header: &BatchHeader, index_interval_bytes: u32) {
        let last_offset = header.last_offset();
        if self.largest_timestamp.is_none_or(|(largest, _)| header.max_timestamp > largest) {
            self.largest_timestamp = Some((header.max_timestamp, last_offset));
        }
        if self.unindexed_bytes > u64::from(index_interval_bytes) {
            self.add_index_entries(last_offset);
            self.unindexed_bytes = 0;
        }
        let size = bytes_u64(header.size());
        self.unindexed_bytes += size;
        self.size += size;
        self.next_offset = header.next_offset();
    }

    fn add_index_entries(&mut self, last_offset: Offset) {
        // A file that another program made may be larger than Kafka's indexes can tell. It is then
        // searched from its last entry on.
        let position = u32::try_from(self.size).ok().filter(|_| self.size <= LIMIT);
        if let (Some(position), Some(relative_offset)) =
            (position, relative(self.base_offset, last_offset))
        {
            self.index.push(Position { relative_offset, position });
        }
        self.add_time_index_entry();
    }

    fn add_time_index_entry(&mut self) {
        if let Some((timestamp, offset)) = self.largest_timestamp
            && let Some(relative_offset) = relative(self.base_offset, offset)
        {
            self.time_index.push(Timestamp { timestamp, relative_offset });
        }
    }

    /// Writes the index entries that are not on the disk yet.
    pub(super) fn persist_indexes(&mut self) -> io::Result<()> {
        self.index.persist()?;
        self.time_index.persist()
    }

    /// Notes down the largest timestamp, as Kafka does when a segment stops being the active one.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.add_time_index_entry();
        self.persist_indexes()
    }

    /// Cuts everything from `position` on, where a batch with base offset `next_offset` begins or
    /// the segment ends, and closes the segment.
    pub(super) fn cut(&mut self, position: u64, next_offset: Offset) -> io::Result<()> {
        self.closed = true;
        self.file.set_len(position)?;
        let base = self.base_offset;
        self.index.cut(|entry| u64::from(entry.position) >= position)?;
        self.time_index.cut(|entry| base.plus(i64::from(entry.relative_offset)) >= next_offset)?;
        self.size = position;
        self.next_offset = next_offset;
        Ok(())
    }

    /// Writes the bytes from `position` on once more, as they read, so that the next fsync has to
    /// bring them to the device. After an fsync that failed the cache calls them clean although the
    /// device never had them, and every later fsync passes over them.
    pub(super) fn rewrite(&self, position: u64) -> io::Result<()> {
        let mut at = position;
        while at < self.size {
            let len = usize::try_from((self.size - at).min(REWRITE_CHUNK)).expect("a small chunk");
            let bytes = self.file.read_at(at, len)?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.file.write_at(at, &[&bytes])?;
            at += bytes_u64(bytes.len());
        }
        Ok(())
    }

    /// Finds the largest timestamp again after a cut.
    pub(super) fn find_largest_timestamp(&mut self) -> Result<(), ReadError> {
        let base = self.base_offset;
        let mut largest = self
            .time_index
            .last()
            .map(|entry| (entry.timestamp, base.plus(i64::from(entry.relative_offset))));
        let from = self.index.last().map_or(0, |entry| u64::from(entry.position));
        for step in Walk::headers(&*self.file, from, self.size, None) {
            let header = step.map_err(|stop| self.explain(stop))?.header;
            if largest.is_none_or(|(timestamp, _)| header.max_timestamp > timestamp) {
                largest = Some((header.max_timestamp, header.last_offset()));
            }
        }
        self.largest_timestamp = largest;
        Ok(())
    }

    /// The largest timestamp of its batches; `None` if it has none.
    pub(super) fn largest_timestamp(&self) -> Option<i64> {
        self.largest_timestamp.map(|(timestamp, _)| timestamp)
    }

    /// Walks the headers of all its batches.
    pub(super) fn headers(&self) -> Walk<'_> {
        let first = (self.base_offset != self.next_offset).then_some(self.base_offset);
        Walk::headers(&*self.file, 0, self.size, first)
    }

    /// Walks the headers from a batch at `position` on.
    pub(super) fn headers_from(&self, position: u64, base_offset: Offset) -> Walk<'_> {
        Walk::headers(&*self.file, position, self.size, Some(base_offset))
    }

    /// Finds the batch that contains `offset`, which must lie within this segment.
    pub(super) fn locate(&self, offset: Offset) -> Result<(u64, BatchHeader), ReadError> {
        let entry = relative(self.base_offset, offset)
            .and_then(|wanted| self.index.last_where(|entry| entry.relative_offset <= wanted));
        if let Some(entry) = entry
            && let Ok(found) = self.locate_from(entry, offset)
        {
            return Ok(found);
        }
        // Without an entry, or with one that does not lead to its batch: the long way.
        self.search(self.headers(), offset)
    }

    fn locate_from(
        &self,
        entry: Position,
        offset: Offset,
    ) -> Result<(u64, BatchHeader), ReadError> {
        let position = u64::from(entry.position);
        let mut walk = Walk::headers(&*self.file, position, self.size, None).peekable();
        let indexed = self.base_offset.plus(i64::from(entry.relative_offset));
        match walk.peek() {
            Some(Ok(step)) if step.header.last_offset() == indexed => self.search(walk, offset),
            Some(_) | None => Err(self.corrupt(position, "not the batch of the index".to_owned())),
        }
    }

    fn search(
        &self,
        walk: impl Iterator<Item = Result<super::walk::Step, Stop>>,
        offset: Offset,
    ) -> Result<(u64, BatchHeader), ReadError> {
        for step in walk {
            let step = step.map_err(|stop| self.explain(stop))?;
            if step.header.last_offset() >= offset {
                return Ok((step.position, step.header));
            }
        }
        Err(self.corrupt(self.size, format!("no batch holds offset {offset}")))
    }

    /// A [`Stop`] with this segment's name.
    pub(super) fn explain(&self, stop: Stop) -> ReadError {
        match stop {
            Stop::Io(source) => ReadError::Io { path: self.path.clone(), source },
            Stop::Corrupt { position, why } => self.corrupt(position, why),
        }
    }

    /// An error that names this segment.
    pub(super) fn corrupt(&self, position: u64, why: String) -> ReadError {
        ReadError::Corrupt(Corruption { segment: self.path.clone(), position, why })
    }
}

/// How far `offset` is from `base`; `None` if an index cannot express it.
fn relative(base: Offset, offset: Offset) -> Option<u32> {
    let distance = offset.0.checked_sub(base.0)?;
    i32::try_from(distance).ok().and_then(|distance| u32::try_from(distance).ok())
}
