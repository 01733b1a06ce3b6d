//! The contract: what was promised in this run, so that loss is judged and not switched off.
//!
//! The checker cannot know why a value that was only promised by one replica is gone. Whoever
//! watched the run from inside can, and is asked: [`Explain`].

use crate::history::{Key, Promise};

/// What this run's settings promise.
///
/// A setting has no default: the caller says what it wants. [`Contract::replicated`] is the usual
/// one, to be changed where a run differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// What `Ok` is worth for a `Durable` send.
    pub durable: Guarantee,
    /// What `Ok` is worth for a `Volatile` send.
    pub volatile: Guarantee,
    /// What `Ok` is worth for a `FireAndForget` send.
    pub fire_and_forget: Guarantee,
    /// Whether what was read once stays. If not `Kept`, readers may also be sent back, so skips
    /// and steps back between polls, and ends that go back, are only noted.
    pub reads: Guarantee,
    /// When one value may be found at two offsets.
    pub duplicates: Duplicates,
    /// Whether the values of one send appear together or not at all, so that one of them that is
    /// read proves the others.
    pub atomic_sends: bool,
    /// Whether each replica's final read must hold every committed record. If not, replicas may
    /// be behind: only the longest final read must be complete.
    pub replicas_converge: bool,
}

impl Contract {
    /// What a replicated log promises as long as faults stay within its budget: durable sends and
    /// everything that was read stay; other losses need an explanation.
    pub const fn replicated() -> Self {
        Self {
            durable: Guarantee::Kept,
            volatile: Guarantee::LossExplained,
            fire_and_forget: Guarantee::LossExplained,
            reads: Guarantee::Kept,
            duplicates: Duplicates::IfRetried,
            atomic_sends: false,
            replicas_converge: true,
        }
    }

    /// What `Ok` is worth for a send with this promise.
    pub const fn guarantee(&self, promise: Promise) -> Guarantee {
        match promise {
            Promise::Durable => self.durable,
            Promise::Volatile => self.volatile,
            Promise::FireAndForget => self.fire_and_forget,
        }
    }
}

/// What becomes of something that was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// It stays. A loss is an error, whatever explains it.
    Kept,
    /// It may be lost for a reason that [`Explain`] knows. An unexplained loss is an error.
    LossExplained,
    /// It may be lost. Losses are counted.
    LossCounted,
}

/// When one value may be found at two offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duplicates {
    /// Never.
    Never,
    /// If its send was not idempotent and the client sent it again, or may have done so.
    IfRetried,
}

/// Knows from outside why a value is gone.
pub trait Explain {
    /// Why the value that was acknowledged at (or read from) `offset` is not there any more, for
    /// example `its replica was cut off before anyone else had it`; `None` if there is no reason.
    /// The offset is unknown where the client was told none.
    fn explain(&self, key: &Key, offset: Option<i64>, value: u64) -> Option<String>;
}

impl<F: Fn(&Key, Option<i64>, u64) -> Option<String>> Explain for F {
    fn explain(&self, key: &Key, offset: Option<i64>, value: u64) -> Option<String> {
        self(key, offset, value)
    }
}

/// Has no explanation for anything.
#[derive(Clone, Copy, Debug)]
pub struct Unexplained;

impl Explain for Unexplained {
    fn explain(&self, _: &Key, _: Option<i64>, _: u64) -> Option<String> {
        None
    }
}
