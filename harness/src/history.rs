//! A history: what every client asked and was told, in the order in which it happened.
//!
//! It is the only thing that a checker looks at. So it holds no opinion: an operation whose fate
//! is unknown stays unknown (`Info`), and nothing is tidied away. Each call is recorded twice,
//! when it is invoked and when it completes; a call that never completed has only its first half.
//!
//! An [`Operation`] speaks of values that are appended to logs and read back. For any other object
//! there is [`Calls`], whose questions and answers are types of your own.
//!
//! A history can be kept as JSON Lines ([`file`]) and be told from another by its [`Digest`].
//! Jepsen's Kafka histories are read and written by [`jepsen`]. Histories of objects that are no
//! logs, such as registers, are [`object`]'s, and [`format`] tells which is which.

mod calls;
pub mod edn;
pub mod file;
pub mod format;
pub mod jepsen;
mod lines;
pub mod object;
mod operation;
pub mod recorded;
mod recorder;
mod words;

pub use calls::{CallCount, Caller, Calls, OpenCall};
pub use file::{Reader, Unreadable, VERSION, Writer};
pub use operation::{Action, Key, Operation, Phase, Promise};
pub use recorder::{OpenOperation, Process, Recorder};

use std::io::{self, BufRead, Write};

use crate::digest::{Digest, Digester};

/// How histories are digested. It is not the version of the file format: what a newer format can
/// hold beside leaves the digest of every older history as it was.
const DIGEST: u64 = 1;

/// The operations of one run, in the order of their indices.
///
/// A recorder and a [`Reader`] only make histories with strictly growing indices. A history made
/// by hand may hold anything; checkers go by the order of the list and must not panic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    operations: Vec<Operation>,
}

impl History {
    /// All operations, oldest first.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// How many operations there are; a completed call counts as two.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether nothing was ever asked.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The same in every build and every process, as long as the operations are the same.
    pub fn digest(&self) -> Digest {
        let mut digester = Digester::new();
        digester.number(DIGEST).length(self.operations.len());
        for operation in &self.operations {
            operation.digest(&mut digester);
        }
        digester.finish()
    }

    /// Writes the whole history as JSON Lines.
    ///
    /// # Errors
    /// Whatever the writer fails with.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        let mut writer = Writer::new(to)?;
        for operation in &self.operations {
            writer.append(operation)?;
        }
        writer.finish().map(drop)
    }

    /// Reads a whole history of JSON Lines.
    ///
    /// # Errors
    /// The first line that cannot be read, and why.
    pub fn read(from: impl BufRead) -> Result<Self, Unreadable> {
        Reader::new(from)?.collect()
    }
}

impl From<Vec<Operation>> for History {
    fn from(operations: Vec<Operation>) -> Self {
        Self { operations }
    }
}

impl FromIterator<Operation> for History {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        Self { operations: operations.into_iter().collect() }
    }
}
