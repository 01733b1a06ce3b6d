//! Linearizability of one append-only log, decided near-linearly.
//!
//! A general search tries orders of operations. A log does not need one: an acknowledgement
//! carries the offset at which its records landed, so the order is told, and only has to be held
//! against real time.
//!
//! # The object
//!
//! One log is a sequence σ of records, at first empty. Every record has a value of its own.
//!
//! - An append of the records b takes effect at one instant and whole: σ becomes σ·b. It is
//!   [`Fate::Acknowledged`] at offset o only if |σ| = o at that instant. [`Fate::Failed`] never
//!   takes effect. [`Fate::Unknown`] takes effect at one instant after its call, however late, or
//!   never; with an offset hint ([`Fate::UnknownAt`]) only at that offset. If it `repeats`, it may
//!   take effect again, whole, at any later instants, at any offsets.
//! - A prefix read ([`Reach::Prefix`]) of the records w at offset o demands |σ| ≥ o + |w| and
//!   σ\[o..o+|w|\] = w at one instant between its call and its return. It says nothing of
//!   freshness. Without records it demands |σ| ≥ o.
//! - A tail read ([`Reach::Tail`]) also demands |σ| = o + |w|. Without records it is a
//!   linearizable question for the log's end.
//!
//! σ is the *committed* log: an append takes effect when its offset is committed.
//!
//! # What is decided
//!
//! Whether every operation can be given its instant. Give each position p the time T(p) at which
//! the record there was appended; T never falls. All that operations demand bounds one T each: let
//! L(p) be the latest call among the append at p and the tail reads that ended at p, and D(p)
//! the earliest return among the append at p and the reads that saw up to p. If every position is
//! bound to a record, **the history is linearizable iff max L(0..=j) ≤ D(j) for every j**. It must
//! be so, because T never falls; and it is enough, because T(p) = max L(0..=p) meets every bound,
//! and at equal times the order of positions decides. Binding is one pass over the
//! operations, the test one sweep over the positions.
//!
//! A *hole* is a position that must exist though nobody named its record. Only appends of unknown
//! fate that nobody saw can fill it, and they have no deadline of their own. If all of them are
//! single records, the k-th hole takes the k-th earliest of them, which works iff each call is no
//! later than min D over the hole and all that follows (exchange any two that are out of order:
//! neither gets worse). Batches of several records must tile the holes, which is searched within
//! a budget.
//!
//! # Where it is complete
//!
//! The answer is exact, `Linearizable` or `Violated`, if every acknowledged append tells its
//! offset and no batch of several records whose fate is unknown stays unseen where a hole is. A
//! final read of the whole log sees to the latter. Otherwise it is exact within the budget of
//! the search, and `Unknown` beyond; `Unknown` is also the answer for a history that cannot be
//! held (see [`LogHistory`]).
//!
//! With [`Options::sparse`], the log itself may append control batches, which take offsets and
//! are shown to nobody. Then a hole demands nothing. Still every read is a run of consecutive
//! offsets; what a consumer's poll left out between two runs is judged by the checker of log
//! anomalies, not here. Acknowledged appends that neither told their offset nor were seen are
//! placed at the end of a sparse log or not at all (`Unknown`).
//!
//! Not judged here: retention and compaction, transactions, session guarantees.

mod binding;
mod convert;
mod exhibits;
mod gaps;
mod holes;
mod packed;
mod places;
mod sweep;
mod tiling;
mod violation;

#[cfg(test)]
mod tests;

pub use convert::{Counts, EndOffsets, Judged, LogContract, check_history};
pub use packed::{Append, Fate, LogHistory, Moment, Reach, Read, Record, Span};
pub use violation::{Violation, ViolationKind};

use binding::Binding;
use violation::{Findings, Names};

/// What kind of log it is, and how long may be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether control batches, which nobody sent and nobody is shown, may take offsets.
    pub sparse: bool,
    /// How many states the search for a tiling of the holes may visit.
    pub budget: u64,
}

impl Options {
    /// A log whose offsets count its records, and a search of at most a second or so.
    pub const fn dense() -> Self {
        Self { sparse: false, budget: 100_000 }
    }
}

/// What the checker concludes of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every operation has its instant.
    Linearizable,
    /// It was not decided, and why.
    Unknown(String),
    /// There is no such order; at least one proof of it. Examples are capped per kind.
    Violated(Vec<Violation>),
}

/// The outcome and what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The conclusion.
    pub outcome: Outcome,
    /// Positions that the log must have had.
    pub positions: u64,
    /// Those of them whose record nobody named.
    pub holes: u64,
    /// The most memory that the checker held beside the history, in bytes.
    pub bytes: usize,
}

/// Judges one log. The condition that it decides is stated at the head of this module.
///
/// One pass over the operations and one over the positions; memory of 12 bytes for each record
/// that can be in the log. It never panics, whatever the history holds.
///
/// ```
/// use harness::checker::linearizable::log::{
///     Append, Fate, LogHistory, Moment, Options, Outcome, Reach, Read, Span, check,
/// };
///
/// let mut history = LogHistory::new();
/// let span = Span::new(Moment(0), Moment(1));
/// let fate = Fate::Acknowledged { offset: 0 };
/// let first = history.append(Append { span, records: 1, fate, repeats: false });
/// let span = Span::new(Moment(2), Moment(3));
/// // Somebody reads the record, and then somebody is told that the log is empty.
/// history.read(Read { span, offset: 0, records: &[first], reach: Reach::Prefix });
/// assert_eq!(check(&history, &Options::dense()).outcome, Outcome::Linearizable);
/// let span = Span::new(Moment(4), Moment(5));
/// history.read(Read { span, offset: 0, records: &[], reach: Reach::Tail });
/// let Outcome::Violated(violations) = check(&history, &Options::dense()).outcome else {
///     panic!("a linearizable end cannot lie before a record that was read");
/// };
/// assert_eq!(violations[0].kind.name(), "stale end");
/// ```
pub fn check(history: &LogHistory, options: &Options) -> Judgement {
    check_named(history, options, &|record: Record| format!("record {}", record.0))
}

/// As [`check`]; records are called in the summaries what `names` calls them.
pub(crate) fn check_named(history: &LogHistory, options: &Options, names: Names<'_>) -> Judgement {
    let mut judgement =
        Judgement { outcome: Outcome::Linearizable, positions: 0, holes: 0, bytes: 0 };
    if let Some(flaw) = history.flaw() {
        judgement.outcome = Outcome::Unknown(flaw.to_string());
        return judgement;
    }
    let mut found = Findings::default();
    let mut binding = Binding::new(history, options);
    binding.bind_all(&mut found);
    judgement.positions = binding.extent();
    judgement.bytes = binding.bytes();
    if found.is_empty() {
        let swept = sweep::sweep(&binding, &mut found);
        judgement.holes = swept.holes;
        if found.is_empty() {
            let filled = holes::fill(&binding, &swept, options, &mut found);
            judgement.bytes += filled.bytes;
            if let Some(reason) = filled.undecided {
                judgement.outcome = Outcome::Unknown(reason);
            }
        }
    }
    if !found.is_empty() {
        judgement.outcome = Outcome::Violated(found.into_violations(&binding, names));
    }
    judgement
}
