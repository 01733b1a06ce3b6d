//! The history of one log in a packed form: 24 bytes an operation, 4 for each record that is
//! appended and 4 for each that is read.
//!
//! Records are numbered in the order in which their appends are entered, so that the checker
//! never looks a value up. Whoever has values of another kind numbers them first.

use std::fmt;
use std::mem::size_of;

/// The position of an event in the order of all events. Equal moments count as concurrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u32);

impl Moment {
    /// The end of time: the return of a call that never returns.
    pub const NEVER: Self = Self(u32::MAX);
}

/// A record by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record(pub u32);

impl Record {
    /// No record: the mark of a position whose record is not known.
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// When an operation was called, and when it returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub called: Moment,
    /// Its end; [`Moment::NEVER`] if it has none. Whether an append of unknown fate returned is of
    /// no consequence.
    pub returned: Moment,
}

impl Span {
    /// From a call to its return.
    pub const fn new(called: Moment, returned: Moment) -> Self {
        Self { called, returned }
    }

    /// A call that never returned.
    pub const fn open(called: Moment) -> Self {
        Self { called, returned: Moment::NEVER }
    }
}

/// How an append ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It took effect between its call and its return, at this offset.
    Acknowledged {
        /// Of its first record.
        offset: i64,
    },
    /// It took effect between its call and its return, nobody was told where.
    AcknowledgedSomewhere,
    /// It never took effect and never will.
    Failed,
    /// It took effect at some time after its call, or never.
    Unknown,
    /// As `Unknown`; but if it took effect, then at this offset.
    UnknownAt {
        /// Of its first record.
        offset: i64,
    },
}

/// One append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Append {
    /// When.
    pub span: Span,
    /// How many records it appends, side by side and at one instant. An acknowledged append of
    /// none is a tail read of nothing.
    pub records: u32,
    /// How it ended.
    pub fate: Fate,
    /// Whether it may have taken effect more than once, because it was sent again. Without an
    /// offset to tell which time is the acknowledged one, it is then held to no more than an
    /// append of unknown fate, and a hint is none.
    pub repeats: bool,
}

/// What a read says of the log's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing.
    Prefix,
    /// The log ended where the read ended.
    Tail,
}

/// One read of consecutive records. It must have returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read<'r> {
    /// When.
    pub span: Span,
    /// The first offset that was read.
    pub offset: i64,
    /// What was found there.
    pub records: &'r [Record],
    /// Whether the log ended behind it.
    pub reach: Reach,
}

/// Why a history cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It has more operations or records than 32-bit numbers can tell apart.
    TooLong,
    /// An operation ends before it begins.
    Backwards { operation: u32 },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the history of one log is longer than can be judged"),
            Self::Backwards { operation } => {
                write!(f, "operation {operation} of the log returns before it is called")
            }
        }
    }
}

/// What an operation is, beside its times and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Acknowledged,
    AcknowledgedSomewhere,
    Failed,
    Unknown,
    UnknownAt,
    PrefixRead,
    TailRead,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Acknowledged,
        Self::AcknowledgedSomewhere,
        Self::Failed,
        Self::Unknown,
        Self::UnknownAt,
        Self::PrefixRead,
        Self::TailRead,
    ];

    pub(super) fn is_read(self) -> bool {
        matches!(self, Self::PrefixRead | Self::TailRead)
    }
}

/// One operation. `first` is the first of its records: among all that are appended for an append,
/// in the list of all that were read for a read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) offset: i64,
    pub(super) called: u32,
    pub(super) returned: u32,
    pub(super) first: u32,
    /// The kind in the three lowest bits, then whether it repeats, then how many records.
    shape: u32,
}

const KIND_BITS: u32 = 3;
const LENGTH_SHIFT: u32 = 4;
const LENGTH_MAX: u32 = u32::MAX >> LENGTH_SHIFT;

/// The offset of an append that has none of its own; nobody asks for it.
const NOWHERE: i64 = i64::MIN;

impl Entry {
    pub(super) fn kind(&self) -> Kind {
        // Only `enter` makes entries, from one of these.
        Kind::ALL[(self.shape & ((1 << KIND_BITS) - 1)) as usize % Kind::ALL.len()]
    }

    pub(super) fn repeats(&self) -> bool {
        self.shape >> KIND_BITS & 1 == 1
    }

    pub(super) fn length(&self) -> u32 {
        self.shape >> LENGTH_SHIFT
    }

    /// The offset behind its last record; beyond all offsets if there is none such.
    pub(super) fn end(&self) -> i64 {
        self.offset.saturating_add(i64::from(self.length()))
    }
}

/// The operations of one log, packed. Entries are numbered from 0 in the order in which they are
/// made; violations quote these numbers.
///
/// Appends must be entered before the reads that name their records; apart from that the order is
/// free, though operations in the order of their offsets are judged fastest. At most 2^32 - 2
/// operations and records fit, 2^28 - 1 records in one operation; of a longer history the
/// judgement is `Unknown`.
#[derive(Clone, Debug, Default)]
pub struct LogHistory {
    entries: Vec<Entry>,
    /// By record: the entry that appends it, or `STRANGER`.
    owners: Vec<u32>,
    /// What the reads found, one after the other.
    seen: Vec<Record>,
    /// How many records can be in the log at most, each append counted once.
    appended: u64,
    /// The highest end that an operation names.
    end: i64,
    has_batches: bool,
    has_repeats: bool,
    flaw: Option<Flaw>,
}

/// Whether one operation can add so many to those that are held: all have numbers of 32 bits, and
/// the last of these stands for none.
fn has_room(held: usize, more: usize) -> bool {
    more <= LENGTH_MAX as usize && held.saturating_add(more) < u32::MAX as usize
}

/// The owner of a record that nobody appended.
const STRANGER: u32 = u32::MAX;

impl LogHistory {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty history with room for so many operations, appended records and records read.
    #[must_use]
    pub fn with_capacity(operations: usize, appended: usize, read: usize) -> Self {
        Self {
            entries: Vec::with_capacity(operations),
            owners: Vec::with_capacity(appended),
            seen: Vec::with_capacity(read),
            ..Self::default()
        }
    }

    /// Enters an append, and returns the first of its records; the others follow it.
    pub fn append(&mut self, append: Append) -> Record {
        let Append { span, records, fate, repeats } = append;
        let (kind, offset) = match fate {
            // Which of its copies is the acknowledged one, or the one at that offset, is not told.
            Fate::AcknowledgedSomewhere | Fate::UnknownAt { .. } if repeats => {
                (Kind::Unknown, NOWHERE)
            }
            Fate::Acknowledged { offset } if records == 0 => {
                self.read(Read { span, offset, records: &[], reach: Reach::Tail });
                return Record::NONE;
            }
            Fate::Acknowledged { offset } => (Kind::Acknowledged, offset),
            Fate::AcknowledgedSomewhere => (Kind::AcknowledgedSomewhere, NOWHERE),
            Fate::Failed => (Kind::Failed, NOWHERE),
            Fate::Unknown => (Kind::Unknown, NOWHERE),
            Fate::UnknownAt { offset } => (Kind::UnknownAt, offset),
        };
        let returned = match kind {
            Kind::Acknowledged | Kind::AcknowledgedSomewhere => span.returned,
            Kind::Failed | Kind::Unknown | Kind::UnknownAt | Kind::PrefixRead | Kind::TailRead => {
                Moment::NEVER
            }
        };
        let first = self.owners.len();
        let fits = has_room(first, records as usize);
        let span = Span { called: span.called, returned };
        let Some(entry) = self.enter(span, (kind, repeats, records), (offset, first, fits)) else {
            return Record::NONE;
        };
        self.owners.resize(first + records as usize, self.number(self.entries.len() - 1));
        if kind != Kind::Failed {
            self.appended += u64::from(records);
        }
        if kind == Kind::Acknowledged {
            self.end = self.end.max(entry.end());
        }
        self.has_batches |= records > 1;
        self.has_repeats |= repeats && kind != Kind::Failed;
        Record(entry.first)
    }

    /// Enters a read.
    pub fn read(&mut self, read: Read<'_>) {
        let Read { span, offset, records, reach } = read;
        let kind = match reach {
            Reach::Prefix => Kind::PrefixRead,
            Reach::Tail => Kind::TailRead,
        };
        let first = self.seen.len();
        let fits = has_room(first, records.len());
        let length = self.number(records.len());
        if let Some(entry) = self.enter(span, (kind, false, length), (offset, first, fits)) {
            self.seen.extend_from_slice(records);
            self.end = self.end.max(entry.end());
        }
    }

    /// A record that nobody appended, for reads that show one.
    pub fn stranger(&mut self) -> Record {
        if !has_room(self.owners.len(), 1) {
            self.flaw.get_or_insert(Flaw::TooLong);
            return Record::NONE;
        }
        self.owners.push(STRANGER);
        Record(self.number(self.owners.len() - 1))
    }

    fn enter(
        &mut self,
        span: Span,
        (kind, repeats, length): (Kind, bool, u32),
        (offset, first, fits): (i64, usize, bool),
    ) -> Option<Entry> {
        let operation = self.number(self.entries.len());
        if !fits || !has_room(self.entries.len(), 1) {
            self.flaw.get_or_insert(Flaw::TooLong);
            return None;
        }
        if span.returned < span.called {
            self.flaw.get_or_insert(Flaw::Backwards { operation });
            return None;
        }
        let shape = kind as u32 | u32::from(repeats) << KIND_BITS | length << LENGTH_SHIFT;
        let (called, returned) = (span.called.0, span.returned.0);
        let entry = Entry { offset, called, returned, first: self.number(first), shape };
        self.entries.push(entry);
        Some(entry)
    }

    /// A length as a number; `enter` refuses what does not fit.
    fn number(&self, length: usize) -> u32 {
        u32::try_from(length).unwrap_or(u32::MAX)
    }

    /// How many operations were entered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The memory that it holds, in bytes.
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.owners.capacity() * size_of::<u32>()
            + self.seen.capacity() * size_of::<Record>()
    }

    pub(super) fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of this number.
    pub(super) fn entry(&self, number: u32) -> &Entry {
        &self.entries[number as usize]
    }

    /// What a read found.
    pub(super) fn seen(&self, read: &Entry) -> &[Record] {
        let first = read.first as usize;
        self.seen.get(first..first + read.length() as usize).unwrap_or_default()
    }

    /// The number of the append that a record belongs to; `None` for a stranger.
    pub(super) fn owner(&self, record: Record) -> Option<u32> {
        self.owners.get(record.0 as usize).copied().filter(|owner| *owner != STRANGER)
    }

    /// How many records can be in the log, if each append takes effect once.
    pub(super) fn appended(&self) -> u64 {
        self.appended
    }

    /// The highest offset behind which an operation says that the log goes on.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Whether an append may have taken effect more than once.
    pub(super) fn has_repeats(&self) -> bool {
        self.has_repeats
    }

    /// Whether an append has several records.
    pub(super) fn has_batches(&self) -> bool {
        self.has_batches
    }
}

const _: () = assert!(size_of::<Entry>() == 24, "an operation is 24 bytes");

#[cfg(test)]
mod tests {
    use super::*;

    /// The bounds that the type's documentation gives, which no test has the memory to reach.
    #[test]
    fn what_has_no_number_has_no_room() {
        let [operation, all] = [(1 << 28) - 1, (1_usize << 32) - 2];
        assert!(has_room(0, operation) && !has_room(0, operation + 1));
        assert!(has_room(all - operation, operation) && !has_room(all - operation + 1, operation));
        assert!(has_room(all, 0) && !has_room(all, 1) && !has_room(usize::MAX, 1));
    }

    #[test]
    fn a_history_holds_what_it_has_room_for() {
        let mut history = LogHistory::with_capacity(10, 200, 3000);
        assert!(history.is_empty());
        let room = 10 * 24 + 200 * 4 + 3000 * 4;
        assert!((room..room + 1000).contains(&history.bytes()), "{}", history.bytes());
        let span = Span::open(Moment(0));
        history.append(Append { span, records: 1, fate: Fate::Unknown, repeats: false });
        assert!(!history.is_empty());
    }
}
