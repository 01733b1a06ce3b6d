//! Walking along the batches of one segment file, trusting nothing.
//!
//! Every reader of a log goes through here, so a file can only be wrong in the ways that are
//! caught here: too short, not a batch, out of order, running past the end.

use std::io;

use bytes::Bytes;

use crate::host::File;
use crate::protocol::batch::{BatchHeader, HEADER_BYTES};
use crate::types::{LeaderEpoch, Offset};

/// How much to read at a time when only headers are wanted: some headers of small batches at once,
/// and not much in vain in front of a large one.
const HEADER_CHUNK: usize = 16 * 1024;

/// How much to read at a time when whole batches are wanted.
const BATCH_CHUNK: usize = 1024 * 1024;

/// Why a walk ends before the end of the file.
#[derive(Debug)]
pub(super) enum Stop {
    /// The device failed.
    Io(io::Error),
    /// What stands at this position is not the batch that must come next.
    Corrupt {
        /// Where, in bytes.
        position: u64,
        /// What is wrong.
        why: String,
    },
}

/// A batch met on the way.
#[derive(Debug)]
pub(super) struct Step {
    /// Where it begins, in bytes.
    pub position: u64,
    /// Its header, found to be plausible.
    pub header: BatchHeader,
    /// The whole batch if whole batches are asked for, otherwise its header alone.
    pub bytes: Bytes,
}

/// An iterator over the batches between two positions of a file. After a [`Stop`] it is at its end.
#[derive(Debug)]
pub(super) struct Walk<'file> {
    file: &'file dyn File,
    position: u64,
    end: u64,
    whole: bool,
    expected: Option<Offset>,
    epoch_min: LeaderEpoch,
    buffer: Bytes,
    buffer_position: u64,
}

impl<'file> Walk<'file> {
    /// Walks from `position`, where a batch begins, to `end`. `expected` is the base offset of the
    /// first batch, if it is known.
    pub(super) fn headers(
        file: &'file dyn File,
        position: u64,
        end: u64,
        expected: Option<Offset>,
    ) -> Self {
        Self {
            file,
            position,
            end,
            whole: false,
            expected,
            epoch_min: LeaderEpoch(i32::MIN),
            buffer: Bytes::new(),
            buffer_position: position,
        }
    }

    /// Reads whole batches, so that their checksums can be verified.
    pub(super) fn whole_batches(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The bytes from here to the end.
    fn left(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    /// The next `len` bytes, without moving on.
    fn peek(&mut self, len: usize) -> Result<Bytes, Stop> {
        let offset = usize::try_from(self.position - self.buffer_position).unwrap_or(usize::MAX);
        if self.buffer.len().checked_sub(offset).is_none_or(|buffered| buffered < len) {
            let chunk = if self.whole { BATCH_CHUNK } else { HEADER_CHUNK };
            let wanted = chunk.max(len).min(usize::try_from(self.left()).unwrap_or(usize::MAX));
            self.buffer = self.file.read_at(self.position, wanted).map_err(Stop::Io)?;
            self.buffer_position = self.position;
            if self.buffer.len() < len {
                return Err(self.corrupt("the file ends within a batch".to_owned()));
            }
            return Ok(self.buffer.slice(..len));
        }
        Ok(self.buffer.slice(offset..offset + len))
    }

    fn corrupt(&self, why: String) -> Stop {
        Stop::Corrupt { position: self.position, why }
    }

    fn step(&mut self) -> Result<Step, Stop> {
        let left = self.left();
        if left < bytes_u64(HEADER_BYTES) {
            return Err(self.corrupt(format!("{left} bytes are too few for a batch header")));
        }
        let head = self.peek(HEADER_BYTES)?;
        let header = BatchHeader::parse(&head).map_err(|error| self.corrupt(error.to_string()))?;
        let size = header.size();
        if bytes_u64(size) > left {
            return Err(self.corrupt(format!("a batch of {size} bytes, but {left} are left")));
        }
        check_order(&header, self.expected, self.epoch_min).map_err(|why| self.corrupt(why))?;
        let bytes = if self.whole { self.peek(size)? } else { head };
        let step = Step { position: self.position, header, bytes };
        self.position += bytes_u64(size);
        self.expected = Some(step.header.next_offset());
        self.epoch_min = step.header.partition_leader_epoch;
        Ok(step)
    }
}

/// Whether a batch may stand where it stands: it continues the one before, and leader epochs do not
/// decrease (R1).
pub(super) fn check_order(
    header: &BatchHeader,
    expected: Option<Offset>,
    epoch_min: LeaderEpoch,
) -> Result<(), String> {
    let base = header.base_offset;
    if let Some(expected) = expected
        && base != expected
    {
        return Err(format!("a batch at offset {base} where offset {expected} must come"));
    }
    let epoch = header.partition_leader_epoch;
    if epoch < epoch_min {
        return Err(format!("leader epoch {epoch} after {epoch_min}"));
    }
    Ok(())
}

impl Iterator for Walk<'_> {
    type Item = Result<Step, Stop>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left() == 0 {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.end = self.position;
        }
        Some(step)
    }
}

/// A length in memory as a length on the disk.
pub(super) fn bytes_u64(len: usize) -> u64 {
    u64::try_from(len).expect("a usize fits in 64 bits")
}
