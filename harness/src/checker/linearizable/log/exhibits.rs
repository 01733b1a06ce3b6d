//! Exhibits: the operations that prove a violation, and the sentence that says so.
//!
//! The checker keeps no more than it needs to decide. What it takes to tell is looked up in the
//! history again, for the few examples that are told.

use super::binding::Binding;
use super::packed::{Entry, Kind, Record};
use super::violation::{Found, Names, Violation, ViolationKind};

/// Tells one finding of so many.
pub(super) fn tell(
    binding: &Binding<'_>,
    names: Names<'_>,
    (found, total): (Found, u64),
) -> Violation {
    let case = Case { binding, names };
    let mut violation = match found {
        Found::Disagreement { offset, held, record, entry } => {
            let operations = vec![case.origin(held, offset), entry];
            let (held, record) = (names(held), names(record));
            let summary = format!("offset {offset} holds {held} and {record}");
            case.violation(ViolationKind::Disagreement, offset, (operations, summary))
        }
        Found::Phantom { offset, record, entry } => {
            let record = names(record);
            let summary = format!("{record} was read at offset {offset}, but nobody appended it");
            case.violation(ViolationKind::Phantom, offset, (vec![entry], summary))
        }
        Found::Failed { offset, record, entry } => {
            let operations = case.owner(record).into_iter().chain([entry]).collect();
            let record = names(record);
            let summary = format!("{record} was read at offset {offset}, but its append failed");
            case.violation(ViolationKind::FailedButVisible, offset, (operations, summary))
        }
        Found::Elsewhere { offset, record, entry, belongs } => {
            case.elsewhere((offset, record), entry, belongs)
        }
        Found::EndsWithin { offset, record, entry } => {
            let operations = vec![case.origin(record, offset), entry];
            let record = names(record);
            let summary = format!(
                "the log was said to end at offset {offset}, where {record} is, which was \
                 appended together with what is before it"
            );
            case.violation(ViolationKind::TornBatch, offset, (operations, summary))
        }
        Found::OutOfRange { offset, entry } => {
            let summary = format!("no log can hold something at offset {offset}");
            case.violation(ViolationKind::OutOfRange, offset, (vec![entry], summary))
        }
        Found::Order { low, called, high, returned } => case.order((low, called), (high, returned)),
        Found::Beyond { offset, entry, records } => {
            let summary = format!(
                "the log was seen to reach offset {offset}, beyond all records that can be in \
                 it, which are {records}"
            );
            case.violation(ViolationKind::Hole, offset, (vec![entry], summary))
        }
        Found::Hole { place, high, deadline } => {
            let summary = |offset, known: &str| {
                format!(
                    "nobody named the record at offset {offset}, and nothing that may be there had \
                     been sent when {known}"
                )
            };
            case.hole((place, high, deadline), summary)
        }
        Found::NoTiling { place, high, deadline } => {
            let summary = |offset, known: &str| {
                format!(
                    "nobody named the record at offset {offset}, and no choice of appends of \
                     unknown fate can have filled all such offsets when {known}"
                )
            };
            case.hole((place, high, deadline), summary)
        }
        Found::Unplaced { entry, end, called } => case.unplaced(entry, (end, called)),
    };
    violation.total = total;
    violation
}

struct Case<'b> {
    binding: &'b Binding<'b>,
    names: Names<'b>,
}

/// Who set a bound on the time of a position.
enum Witness {
    Append { entry: u32, record: Record },
    Read { entry: u32 },
}

impl Case<'_> {
    fn violation(
        &self,
        kind: ViolationKind,
        offset: i64,
        (mut operations, summary): (Vec<u32>, String),
    ) -> Violation {
        operations.dedup();
        Violation { kind, offset, operations, summary, total: 1 }
    }

    fn entries(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (0..).zip(self.binding.history.entries())
    }

    fn owner(&self, record: Record) -> Option<u32> {
        self.binding.history.owner(record)
    }

    /// The first read that found this record at this offset.
    fn sighting(&self, record: Record, offset: i64) -> Option<u32> {
        let mut reads = self.entries().filter(|(_, entry)| {
            let inside = offset.checked_sub(entry.offset).and_then(|i| usize::try_from(i).ok());
            let seen = || inside.and_then(|at| self.binding.history.seen(entry).get(at));
            entry.kind().is_read() && seen() == Some(&record)
        });
        reads.next().map(|(number, _)| number)
    }

    /// The operation by which a record is known to be at an offset: its acknowledgement, or the
    /// first read that saw it, or that saw another record of its append where that belongs.
    fn origin(&self, record: Record, offset: i64) -> u32 {
        let Some(number) = self.owner(record) else { return 0 };
        let owner = self.binding.history.entry(number);
        let from = offset - i64::from(record.0 - owner.first);
        if owner.kind() == Kind::Acknowledged && owner.offset == from {
            return number;
        }
        let records = (owner.first..owner.first + owner.length()).map(Record);
        let seen = records.zip(from..).filter_map(|(record, at)| self.sighting(record, at));
        self.sighting(record, offset).or(seen.min()).unwrap_or(number)
    }

    fn elsewhere(&self, (offset, record): (i64, Record), entry: u32, belongs: i64) -> Violation {
        let name = (self.names)(record);
        let number = self.owner(record).unwrap_or(entry);
        let owner = self.binding.history.entry(number);
        let acknowledged = matches!(owner.kind(), Kind::Acknowledged | Kind::UnknownAt);
        let (kind, first, summary) = if acknowledged {
            let summary = format!("{name} was acknowledged at offset {belongs}, read at {offset}");
            (ViolationKind::TwoOffsets, number, summary)
        } else if let Some(first) = self.sighting(record, belongs) {
            let summary = format!("{name} was read at offset {belongs} and at {offset}");
            (ViolationKind::TwoOffsets, first, summary)
        } else {
            let summary = format!(
                "{name} was read at offset {offset}, but what was appended together with it was \
                 read where it belongs to offset {belongs}"
            );
            (ViolationKind::TornBatch, self.origin(record, belongs), summary)
        };
        self.violation(kind, offset, (vec![first, entry], summary))
    }

    /// Who says that the record at this place was not appended before `called`.
    fn not_before(&self, place: usize, called: u32) -> Option<Witness> {
        let record = self.binding.positions.get(place)?.record;
        if let Some(entry) = self.owner(record)
            && self.binding.history.entry(entry).called == called
        {
            return Some(Witness::Append { entry, record });
        }
        let offset = self.binding.places.offset(place);
        let mut ends = self.entries().filter(|(_, entry)| {
            entry.kind() == Kind::TailRead && entry.called == called && entry.end() == offset
        });
        ends.next().map(|(entry, _)| Witness::Read { entry })
    }

    /// Who says that the record at this place was appended by then.
    fn known_by(&self, place: usize, returned: u32) -> Option<Witness> {
        let offset = self.binding.places.offset(place);
        let mut reads = self.entries().filter(|(_, entry)| {
            let reaches = entry.end().checked_sub(1) == Some(offset);
            entry.kind().is_read() && entry.returned == returned && reaches
        });
        if let Some((entry, _)) = reads.next() {
            return Some(Witness::Read { entry });
        }
        let record = self.binding.positions.get(place)?.record;
        self.owner(record).map(|entry| Witness::Append { entry, record })
    }

    fn order(&self, (low, called): (usize, u32), (high, returned): (usize, u32)) -> Violation {
        let (at, seen) = (self.binding.places.offset(low), self.binding.places.offset(high));
        let (late, early) = (self.not_before(low, called), self.known_by(high, returned));
        let (Some(late), Some(early)) = (late, early) else {
            let summary = format!("offsets {at} and {seen} contradict real time");
            return self.violation(ViolationKind::AppendOrder, at, (Vec::new(), summary));
        };
        let (kind, operations, summary) = match (early, late) {
            (
                Witness::Append { entry: b, record: rb },
                Witness::Append { entry: a, record: ra },
            ) => {
                let (ra, rb) = ((self.names)(ra), (self.names)(rb));
                let summary = format!(
                    "{rb} was acknowledged at offset {seen} before {ra} was sent, which is at {at}"
                );
                (ViolationKind::AppendOrder, vec![b, a], summary)
            }
            (Witness::Read { entry: b }, Witness::Append { entry: a, record }) => {
                let record = (self.names)(record);
                let covers = self.binding.history.entry(b).offset <= at;
                let nothing = self.binding.history.entry(b).length() == 0;
                let summary = if nothing {
                    let end = seen.saturating_add(1);
                    format!(
                        "the log was seen to reach offset {end} before {record} was sent, which is at {at}"
                    )
                } else if covers {
                    format!("offset {at} was read before {record} was sent, which is there")
                } else {
                    format!("offset {seen} was read before {record} was sent, which is at {at}")
                };
                (ViolationKind::ReadTooEarly, vec![b, a], summary)
            }
            (Witness::Append { entry: b, record }, Witness::Read { entry: a }) => {
                let record = (self.names)(record);
                let summary = format!(
                    "the log was said to end at offset {at} after {record} had been acknowledged \
                     at {seen}"
                );
                (ViolationKind::StaleEnd, vec![b, a], summary)
            }
            (Witness::Read { entry: b }, Witness::Read { entry: a }) => {
                let summary = format!(
                    "the log was said to end at offset {at} after it had been seen to hold offset \
                     {seen}"
                );
                (ViolationKind::StaleEnd, vec![b, a], summary)
            }
        };
        self.violation(kind, at, (operations, summary))
    }

    fn hole(
        &self,
        (place, high, deadline): (usize, usize, u32),
        summary: impl Fn(i64, &str) -> String,
    ) -> Violation {
        let offset = self.binding.places.offset(place);
        let behind = self.binding.places.offset(high);
        let (operation, known) = match self.known_by(high, deadline) {
            Some(Witness::Append { entry, record }) => {
                let record = (self.names)(record);
                (vec![entry], format!("{record} was acknowledged at offset {behind}"))
            }
            Some(Witness::Read { entry }) => {
                (vec![entry], format!("offset {behind} was seen to exist"))
            }
            None => (Vec::new(), format!("offset {behind} existed")),
        };
        self.violation(ViolationKind::Hole, offset, (operation, summary(offset, &known)))
    }

    fn unplaced(&self, number: u32, (end, called): (usize, u32)) -> Violation {
        let offset = self.binding.places.offset(end);
        let record = (self.names)(Record(self.binding.history.entry(number).first));
        let summary = format!(
            "{record} was acknowledged and fits nowhere: not before offset {offset}, and not \
             behind it, since what is there came later"
        );
        let later = match self.not_before(end, called) {
            Some(Witness::Append { entry, .. } | Witness::Read { entry }) => Some(entry),
            None => None,
        };
        let operations = [number].into_iter().chain(later).collect();
        self.violation(ViolationKind::Unplaced, offset, (operations, summary))
    }
}
