//! Binding: which record is at which position, and what bounds the time of its append.
//!
//! An acknowledged append binds its positions. What a read found is compared with what is bound
//! there; the first sighting of a record whose place was not told binds its whole batch.
//! Disagreements are violations at once.

use std::mem::size_of;

use super::packed::{Entry, Kind, LogHistory, Record};
use super::places::{Places, dense_limit};
use super::violation::{Findings, Found};
use super::{Moment, Options};

/// All that the sweep needs to know of a position, in 12 bytes: looking the append up instead
/// would cost more than all the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Its record was not appended before this: L.
    pub(super) low: u32,
    /// It was appended by then: D.
    pub(super) high: u32,
    pub(super) record: Record,
}

const _: () = assert!(size_of::<Position>() == 12, "a position is 12 bytes");

const UNKNOWN: Position = Position { low: 0, high: Moment::NEVER.0, record: Record::NONE };

/// An append that did not tell where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floating {
    pub(super) entry: u32,
    /// Where it was seen; negative as long as it was not.
    bound: i64,
}

/// What is known of every position.
#[derive(Debug)]
pub(super) struct Binding<'h> {
    pub(super) history: &'h LogHistory,
    pub(super) places: Places,
    pub(super) positions: Vec<Position>,
    /// In the order of their entries.
    floating: Vec<Floating>,
    /// So many positions must exist; in a sparse log, places.
    extent: usize,
    /// No position can be here or beyond.
    limit: i64,
    /// Why the limit is no proof, if somebody went beyond it.
    undecided: Option<String>,
}

impl<'h> Binding<'h> {
    pub(super) fn new(history: &'h LogHistory, options: &Options) -> Self {
        let appended = history.appended();
        let records = match history.has_repeats() {
            false => appended,
            true => dense_limit(appended),
        };
        let (places, limit) = match options.sparse {
            true => (Places::sparse(history), i64::MAX),
            false => (Places::direct(), i64::try_from(records).unwrap_or(i64::MAX)),
        };
        let room = match &places {
            Places::Direct => usize::try_from(history.end().min(limit)).unwrap_or(0),
            Places::Stretches(_) => places.count(),
        };
        // One more: the log may be known to have ended there.
        let positions = vec![UNKNOWN; room.saturating_add(1)];
        let undecided = None;
        Self { history, places, positions, floating: Vec::new(), extent: 0, limit, undecided }
    }

    /// How many positions must exist.
    pub(super) fn extent(&self) -> u64 {
        u64::try_from(self.extent).unwrap_or(u64::MAX)
    }

    /// The positions that must exist.
    pub(super) fn required(&self) -> &[Position] {
        &self.positions[..self.extent]
    }

    /// The memory that it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.positions.capacity() * size_of::<Position>()
            + self.floating.capacity() * size_of::<Floating>()
            + self.places.bytes()
    }

    /// The appends that may have taken effect, or did, and that nobody saw anywhere.
    pub(super) fn unseen(&self) -> impl Iterator<Item = (u32, &'h Entry)> + '_ {
        let unseen = self.floating.iter().filter(|floating| floating.bound < 0);
        unseen.map(|floating| (floating.entry, self.history.entry(floating.entry)))
    }

    /// Why nothing can be concluded though no violation was found.
    pub(super) fn undecided(&self) -> Option<&String> {
        self.undecided.as_ref()
    }

    /// Binds every position that somebody named.
    pub(super) fn bind_all(&mut self, found: &mut Findings) {
        let history = self.history;
        for (number, entry) in (0_u32..).zip(history.entries()) {
            match entry.kind() {
                Kind::Acknowledged => self.acknowledge(number, entry, found),
                Kind::AcknowledgedSomewhere | Kind::Unknown | Kind::UnknownAt
                    if entry.length() > 0 =>
                {
                    self.floating.push(Floating { entry: number, bound: -1 });
                }
                Kind::AcknowledgedSomewhere | Kind::Unknown | Kind::UnknownAt => {}
                Kind::Failed | Kind::PrefixRead | Kind::TailRead => {}
            }
        }
        for (number, entry) in (0_u32..).zip(history.entries()) {
            if entry.kind().is_read() {
                self.observe(number, entry, found);
            }
        }
        if history.has_batches() {
            for (number, entry) in (0_u32..).zip(history.entries()) {
                if entry.kind() == Kind::TailRead {
                    self.ends_whole(number, entry, found);
                }
            }
        }
    }

    /// Whether a log can have all these offsets at all; if not, that is reported.
    fn admits(&mut self, (entry, offset, length): (u32, i64, u32), found: &mut Findings) -> bool {
        let end = offset.checked_add(i64::from(length));
        let (true, Some(end)) = (offset >= 0, end) else {
            found.report(Found::OutOfRange { offset, entry });
            return false;
        };
        if end <= self.limit {
            return true;
        }
        if self.history.has_repeats() {
            self.undecided.get_or_insert_with(|| {
                format!("offset {end} is too far away for a log with so few records")
            });
        } else {
            let records = self.history.appended();
            found.report(Found::Beyond { offset: end, entry, records });
        }
        false
    }

    fn acknowledge(&mut self, number: u32, entry: &Entry, found: &mut Findings) {
        if !self.admits((number, entry.offset, entry.length()), found) {
            return;
        }
        let Some(from) = self.places.place(entry.offset) else { return };
        let to = from + entry.length() as usize;
        let records = (entry.first..).map(Record);
        for (position, record) in self.positions[from..to].iter_mut().zip(records) {
            if position.record == Record::NONE {
                *position = Position { low: entry.called, high: entry.returned, record };
            } else {
                let offset = entry.offset + i64::from(record.0 - entry.first);
                let held = position.record;
                found.report(Found::Disagreement { offset, held, record, entry: number });
            }
        }
        self.extent = self.extent.max(to);
    }

    fn observe(&mut self, number: u32, entry: &Entry, found: &mut Findings) {
        let is_tail = entry.kind() == Kind::TailRead;
        if entry.offset < 0 && entry.length() == 0 && !is_tail {
            return; // Every log is at least as long as that.
        }
        let seen = self.history.seen(entry);
        if entry.end() > self.limit
            && self.shows_what_is_nowhere((number, entry.offset), seen, found)
        {
            return; // That says more than that the log cannot be so long.
        }
        if !self.admits((number, entry.offset, entry.length()), found) {
            return;
        }
        let mut offset = entry.offset;
        if let Some(from) = self.places.place(offset).filter(|_| !seen.is_empty()) {
            for (place, record) in (from..).zip(seen) {
                if self.positions[place].record != *record {
                    self.sight((number, offset, *record), found);
                }
                offset += 1;
            }
        }
        let end = entry.end();
        if let Some(last) = self.places.place(end - 1) {
            let position = &mut self.positions[last];
            position.high = position.high.min(entry.returned);
            self.extent = self.extent.max(last + 1);
        }
        if is_tail && let Some(behind) = self.places.place(end) {
            let position = &mut self.positions[behind];
            position.low = position.low.max(entry.called);
        }
    }

    /// Whether records were read that cannot be in the log; they are reported.
    fn shows_what_is_nowhere(
        &self,
        (entry, offset): (u32, i64),
        seen: &[Record],
        found: &mut Findings,
    ) -> bool {
        let mut shows = false;
        for (record, inside) in seen.iter().zip(0_i64..) {
            let (record, offset) = (*record, offset.saturating_add(inside));
            let report = match self.history.owner(record).map(|owner| self.history.entry(owner)) {
                None => Found::Phantom { offset, record, entry },
                Some(owner) if owner.kind() == Kind::Failed => {
                    Found::Failed { offset, record, entry }
                }
                Some(_) => continue,
            };
            found.report(report);
            shows = true;
        }
        shows
    }

    /// A read found a record at an offset where it is not known to be.
    fn sight(&mut self, (entry, offset, record): (u32, i64, Record), found: &mut Findings) {
        let Some(number) = self.history.owner(record) else {
            found.report(Found::Phantom { offset, record, entry });
            return;
        };
        let owner = self.history.entry(number);
        let inside = i64::from(record.0 - owner.first);
        let belongs = match owner.kind() {
            Kind::Failed => {
                found.report(Found::Failed { offset, record, entry });
                return;
            }
            Kind::Acknowledged | Kind::UnknownAt => Some(owner.offset),
            Kind::AcknowledgedSomewhere | Kind::Unknown | Kind::PrefixRead | Kind::TailRead => {
                self.bound(number)
            }
        };
        let here = offset - inside;
        match belongs {
            Some(belongs) if belongs != here && !owner.repeats() => {
                let belongs = belongs.saturating_add(inside);
                found.report(Found::Elsewhere { offset, record, entry, belongs });
            }
            // Another record was acknowledged there, which has been reported.
            Some(belongs) if belongs == here && owner.kind() == Kind::Acknowledged => {}
            Some(_) | None => self.bind((number, here), entry, found),
        }
    }

    /// Where an append that did not tell was first seen.
    fn bound(&self, number: u32) -> Option<i64> {
        let at = self.floating.binary_search_by_key(&number, |floating| floating.entry).ok()?;
        Some(self.floating[at].bound).filter(|bound| *bound >= 0)
    }

    /// Binds all records of an append, because `seen_by` saw one of them.
    fn bind(&mut self, (number, from): (u32, i64), seen_by: u32, found: &mut Findings) {
        let owner = *self.history.entry(number);
        if !self.admits((seen_by, from, owner.length()), found) {
            return;
        }
        let Some(place) = self.places.place(from) else { return };
        let to = place + owner.length() as usize;
        // What reaches beyond all that operations name has no end that anybody was told of.
        self.positions.resize(self.positions.len().max(to), UNKNOWN);
        let records = (owner.first..).map(Record);
        for (position, record) in self.positions[place..to].iter_mut().zip(records) {
            if position.record != Record::NONE && position.record != record {
                let (offset, held) = (from + i64::from(record.0 - owner.first), position.record);
                found.report(Found::Disagreement { offset, held, record, entry: seen_by });
                continue;
            }
            position.record = record;
            position.low = position.low.max(owner.called);
            // A second copy of an acknowledged append has no deadline.
            if owner.kind() == Kind::AcknowledgedSomewhere {
                position.high = position.high.min(owner.returned);
            }
        }
        self.extent = self.extent.max(to);
        // Of an append that repeats, any place will do: it only counts that it was seen.
        if let Ok(at) = self.floating.binary_search_by_key(&number, |floating| floating.entry) {
            self.floating[at].bound = from;
        }
    }

    /// A log cannot have ended between two records that were appended at one instant.
    fn ends_whole(&self, number: u32, entry: &Entry, found: &mut Findings) {
        let position = self.places.place(entry.end()).and_then(|place| self.positions.get(place));
        let Some(record) = position.map(|position| position.record) else { return };
        let owner = self.history.owner(record).map(|owner| self.history.entry(owner));
        if owner.is_some_and(|owner| record.0 > owner.first) {
            found.report(Found::EndsWithin { offset: entry.end(), record, entry: number });
        }
    }
}
