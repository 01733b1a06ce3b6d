//! Histories that others recorded, in the formats in which they are passed around.
//!
//! They are those of the test data of Porcupine, a checker in Go: logs that Jepsen wrote of an etcd
//! register ([`register_log`]), and texts of a key-value store ([`key_value_text`]). Either becomes
//! calls that [`check`](crate::checker::linearizable::check) can judge.

mod key_value_text;
mod register_log;

pub use key_value_text::key_value_text;
pub use register_log::register_log;

use std::io::{self, BufRead, Read as _};

use crate::checker::linearizable::Unpaired;

/// A longer line is refused: no operation is that long.
const LINE_MAX: u64 = 1 << 26;

/// Why a file cannot be read. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum Unrecorded {
    /// The file could not be read on.
    #[error("line {line}: {error}")]
    Io {
        /// The line that could not be had.
        line: u64,
        /// What the system said.
        error: io::Error,
    },
    /// A line is not what it should be.
    #[error("line {line}: {reason}")]
    Line {
        /// The line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// An operation does not follow from those before.
    #[error("line {line}: {unpaired}")]
    Unpaired {
        /// The line.
        line: u64,
        /// Why it does not.
        unpaired: Unpaired,
    },
    /// There is no operation, and so nothing to judge.
    #[error("there is no operation in it")]
    Empty,
}

/// Half an operation that a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        match name {
            ":invoke" => Some(Self::Invoke),
            ":ok" => Some(Self::Ok),
            ":fail" => Some(Self::Fail),
            ":info" => Some(Self::Info),
            _ => None,
        }
    }
}

/// Hands on each line with its number, until one is refused.
fn each_line(
    mut from: impl BufRead,
    mut take: impl FnMut(u64, &str) -> Result<(), Unrecorded>,
) -> Result<(), Unrecorded> {
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = from.by_ref().take(LINE_MAX).read_until(b'\n', &mut text);
        if read.map_err(|error| Unrecorded::Io { line, error })? == 0 {
            break;
        }
        if text.len() as u64 == LINE_MAX {
            return Err(wrong(line, format!("more than {LINE_MAX} bytes are no operation")));
        }
        let text = std::str::from_utf8(&text).map_err(|error| wrong(line, error.to_string()))?;
        take(line, text.trim())?;
    }
    Ok(())
}

fn wrong(line: u64, reason: impl Into<String>) -> Unrecorded {
    Unrecorded::Line { line, reason: reason.into() }
}
