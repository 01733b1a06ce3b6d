//! What proves that a log is not linearizable, under a name that says what is wrong.

use std::collections::BTreeMap;
use std::fmt;

use super::Record;
use super::binding::Binding;
use super::exhibits;

/// How many violations of one kind are kept.
const EXAMPLES_MAX: usize = 4;

/// What a record is called in a summary.
pub(crate) type Names<'n> = &'n dyn Fn(Record) -> String;

/// One proof that there is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What sort it is.
    pub kind: ViolationKind,
    /// The offset that it is about.
    pub offset: i64,
    /// The operations that prove it, by the order in which they were entered, cause before
    /// consequence.
    pub operations: Vec<u32>,
    /// What happened, in one sentence.
    pub summary: String,
    /// How many of this kind there are, this one included.
    pub total: u64,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// The sorts of violations.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ViolationKind {
            $($(#[$doc])* $kind,)*
        }

        impl ViolationKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// In words.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// One offset is said to hold two records.
    Disagreement = "disagreement",
    /// A record was read that nobody appended.
    Phantom = "phantom",
    /// A record was read whose append had certainly failed.
    FailedButVisible = "failed but visible",
    /// One record is at two offsets, or not where its append was acknowledged.
    TwoOffsets = "two offsets",
    /// The records of one append are not side by side, or the log once ended between them.
    TornBatch = "torn batch",
    /// An operation names an offset that no log has.
    OutOfRange = "out of range",
    /// An append is before another one that had returned when it was called.
    AppendOrder = "append order",
    /// A read returned what was not yet appended, or what comes behind it.
    ReadTooEarly = "read too early",
    /// The log was said to end before a record that was known to be in it.
    StaleEnd = "stale end",
    /// A position must have held a record that nobody can have put there.
    Hole = "hole",
    /// An acknowledged append has no place.
    Unplaced = "unplaced",
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations: Vec<_> = self.operations.iter().map(u32::to_string).collect();
        write!(f, "{}: {} [{}]", self.kind, self.summary, operations.join(", "))
    }
}

/// A violation as it is found: just what is needed to tell it, should it become an example.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// `entry` puts `record` at an offset that `held` has.
    Disagreement { offset: i64, held: Record, record: Record, entry: u32 },
    /// `entry` read a record of no append at all.
    Phantom { offset: i64, record: Record, entry: u32 },
    /// `entry` read a record whose append failed.
    Failed { offset: i64, record: Record, entry: u32 },
    /// `entry` read at one offset what belongs to another.
    Elsewhere { offset: i64, record: Record, entry: u32, belongs: i64 },
    /// The log ended before this record, which is not the first of its append.
    EndsWithin { offset: i64, record: Record, entry: u32 },
    /// `entry` names an offset below 0, or one that implies such a one.
    OutOfRange { offset: i64, entry: u32 },
    /// What is at `low` was not there before `called`; somebody knew what is at `high`, which is
    /// no lower, when he returned at `returned`.
    Order { low: usize, called: u32, high: usize, returned: u32 },
    /// `entry` demands a position beyond all records.
    Beyond { offset: i64, entry: u32, records: u64 },
    /// Nothing that was called by `deadline`, when somebody knew what is at `high`, can fill this.
    Hole { place: usize, high: usize, deadline: u32 },
    /// No choice of appends fills the holes, this one among them.
    NoTiling { place: usize, high: usize, deadline: u32 },
    /// An append that was acknowledged without an offset fits nowhere.
    Unplaced { entry: u32, end: usize, called: u32 },
}

impl Found {
    /// What is counted together: the variant. Telling the exact kind of each would be slow.
    fn sort(&self) -> u8 {
        match self {
            Self::Disagreement { .. } => 0,
            Self::Phantom { .. } => 1,
            Self::Failed { .. } => 2,
            Self::Elsewhere { .. } => 3,
            Self::EndsWithin { .. } => 4,
            Self::OutOfRange { .. } => 5,
            Self::Order { .. } => 6,
            Self::Beyond { .. } => 7,
            Self::Hole { .. } => 8,
            Self::NoTiling { .. } => 9,
            Self::Unplaced { .. } => 10,
        }
    }
}

/// Violations as they are collected: all counted, a few kept.
#[derive(Debug, Default)]
pub(super) struct Findings {
    sorts: BTreeMap<u8, (u64, Vec<Found>)>,
}

impl Findings {
    pub(super) fn report(&mut self, found: Found) {
        let (total, examples) = self.sorts.entry(found.sort()).or_default();
        *total += 1;
        if examples.len() < EXAMPLES_MAX {
            examples.push(found);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sorts.is_empty()
    }

    /// The examples, told; each with the count of its sort.
    pub(super) fn into_violations(self, binding: &Binding<'_>, names: Names<'_>) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (total, examples) in self.sorts.into_values() {
            for found in examples {
                violations.push(exhibits::tell(binding, names, (found, total)));
            }
        }
        violations
    }
}
