//! The lines of a file from anywhere: numbered, and none taken whole if it is too long.

use std::io::{BufRead, Read as _};

use super::Unreadable;

/// A longer line is refused: a final read of a million records has about 30 MB.
pub(super) const LINE_MAX: u64 = 1 << 30;

/// Reads lines. After an error there is nothing to be had.
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: R,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(from: R) -> Self {
        Self { from, line: 0 }
    }

    /// The next line that is not blank, and its number, from 1.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>, Unreadable> {
        loop {
            self.line += 1;
            let mut text = Vec::new();
            let line = self.line;
            let read = self.from.by_ref().take(LINE_MAX).read_until(b'\n', &mut text);
            match read.map_err(|error| Unreadable::Io { line, error })? {
                0 => return Ok(None),
                _ if text.trim_ascii().is_empty() => {}
                _ => return Ok(Some((line, text))),
            }
        }
    }
}
