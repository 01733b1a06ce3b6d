//! The ledger: the history sorted by call, key, value and offset, once for all families.
//!
//! Everything is sparse: an offset of 2^62 is one entry. Order in real time is order in the
//! history, so a moment is a position in its list; the operations' own indices are only quoted.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{History, Key, Operation, Phase, Promise};

use super::calls::{Call, Contradictions, pair};

pub(super) struct Ledger<'h> {
    operations: &'h [Operation],
    /// All calls, in the order in which they began.
    pub(super) calls: Vec<Call<'h>>,
    pub(super) logs: BTreeMap<&'h Key, Log<'h>>,
    contradictions: Contradictions,
}

/// What is known of one key's log.
#[derive(Default)]
pub(super) struct Log<'h> {
    /// By value. Values that were sent twice are left out, since they name no call.
    pub(super) sends: BTreeMap<u64, Sent>,
    pub(super) ambiguous: BTreeSet<u64>,
    /// Every record that anybody was ever shown, by offset. Legally one value each.
    pub(super) places: BTreeMap<i64, Vec<Sighting>>,
    /// By replica.
    pub(super) final_reads: BTreeMap<&'h str, FinalRead>,
}

/// One value of one send.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) call: usize,
    pub(super) outcome: Phase,
    pub(super) promise: Promise,
    pub(super) idempotent: bool,
    /// Whether the client sent it more than once, or may have done so.
    pub(super) retried: bool,
    /// Where the client was told that it landed.
    pub(super) offset: Option<i64>,
    /// Where it was found, ascending.
    pub(super) seen: Vec<i64>,
    /// Whether a poll that ended well returned it.
    pub(super) read: bool,
    /// If the fate of its call, one of several parts, was unknown: the moment at which a poll that
    /// ended well first returned a value of that call, which proves that all of it is real.
    pub(super) proven: Option<usize>,
}

/// A value found at an offset: the moment when it first was, and first by a poll that ended well.
pub(super) struct Sighting {
    pub(super) value: u64,
    pub(super) first: usize,
    pub(super) first_ok: Option<usize>,
}

/// One replica's log as it was read at the end.
#[derive(Default)]
pub(super) struct FinalRead {
    pub(super) began: usize,
    pub(super) ended: usize,
    pub(super) records: BTreeMap<i64, u64>,
}

impl<'h> Ledger<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let operations = history.operations();
        let mut contradictions = Contradictions::default();
        let calls = pair(operations, &mut contradictions);
        let mut ledger = Self { operations, calls, logs: BTreeMap::new(), contradictions };
        for call in 0..ledger.calls.len() {
            ledger.enter_sends(call);
            ledger.enter_polls(call);
        }
        for log in ledger.logs.values_mut() {
            log.match_places();
        }
        ledger.prove();
        ledger
    }

    /// The index that the operation at this moment goes by.
    pub(super) fn index(&self, moment: usize) -> u64 {
        self.operations[moment].index
    }

    /// Virtual time at this moment, in microseconds.
    pub(super) fn time(&self, moment: usize) -> u64 {
        self.operations[moment].time
    }

    /// The index that proves what the call learned: its completion, if it has one.
    pub(super) fn proof(&self, call: usize) -> u64 {
        self.index(self.calls[call].last())
    }

    /// Why the history cannot be trusted, if it contradicts itself.
    pub(super) fn contradictions(&self) -> Option<String> {
        self.contradictions.told()
    }

    /// The send of this value, unless it was sent twice or by nobody.
    pub(super) fn sent(&self, key: &Key, value: u64) -> Option<&Sent> {
        self.logs.get(key)?.sends.get(&value)
    }

    fn enter_sends(&mut self, number: usize) {
        let Call { outcome, began, .. } = self.calls[number];
        for part in self.calls[number].sends() {
            let log = self.logs.entry(part.key).or_default();
            let mut doubled = None;
            for (at, value) in part.values.iter().enumerate() {
                let sent = Sent {
                    call: number,
                    outcome,
                    promise: part.promise,
                    idempotent: part.idempotent,
                    // A client that gave up may have a retry under way that it never told of.
                    retried: part.retried || outcome == Phase::Info,
                    offset: part.offsets.get(at).copied().flatten().filter(|offset| *offset >= 0),
                    seen: Vec::new(),
                    read: false,
                    proven: None,
                };
                if log.ambiguous.contains(value) || log.sends.insert(*value, sent).is_some() {
                    log.sends.remove(value);
                    log.ambiguous.insert(*value);
                    doubled = Some(*value);
                }
            }
            if let Some(value) = doubled {
                let key = part.key;
                self.contradictions.note(&self.operations[began], || {
                    format!("value {value} is sent to {key} a second time")
                });
            }
        }
    }

    fn enter_polls(&mut self, number: usize) {
        let call = &self.calls[number];
        let (began, ended, ok) = (call.began, call.last(), call.outcome == Phase::Ok);
        for part in call.polls() {
            for (key, records) in part.records {
                let log = self.logs.entry(key).or_default();
                for (offset, value) in records {
                    log.sight(*offset, *value, ended, ok);
                }
                if part.last && ok {
                    let read = log.final_reads.entry(part.source).or_insert_with(|| FinalRead {
                        began,
                        ended,
                        records: BTreeMap::new(),
                    });
                    (read.began, read.ended) = (read.began.min(began), read.ended.max(ended));
                    read.records.extend(records.iter().copied());
                }
            }
        }
    }

    /// Finds which calls of unknown fate are real, because one of their values was read.
    fn prove(&mut self) {
        let mut proven: BTreeMap<usize, usize> = BTreeMap::new();
        for log in self.logs.values() {
            for (value, sent) in &log.sends {
                let unknown = sent.outcome == Phase::Info && self.calls[sent.call].is_several();
                if let Some(moment) = log.first_ok(*value, sent).filter(|_| unknown) {
                    let first = proven.entry(sent.call).or_insert(moment);
                    *first = moment.min(*first);
                }
            }
        }
        if proven.is_empty() {
            return;
        }
        for sent in self.logs.values_mut().flat_map(|log| log.sends.values_mut()) {
            sent.proven = proven.get(&sent.call).copied();
        }
    }
}

impl Log<'_> {
    fn sight(&mut self, offset: i64, value: u64, moment: usize, ok: bool) {
        let place = self.places.entry(offset).or_default();
        let first_ok = ok.then_some(moment);
        match place.iter_mut().find(|sighting| sighting.value == value) {
            None => place.push(Sighting { value, first: moment, first_ok }),
            Some(sighting) => {
                // Calls are entered as they began, and may have ended in another order.
                sighting.first = sighting.first.min(moment);
                sighting.first_ok = match (sighting.first_ok, first_ok) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
        }
    }

    /// Tells every value where it was found.
    fn match_places(&mut self) {
        for (offset, sightings) in &self.places {
            for sighting in sightings {
                if let Some(sent) = self.sends.get_mut(&sighting.value) {
                    sent.seen.push(*offset);
                    sent.read |= sighting.first_ok.is_some();
                }
            }
        }
    }

    /// The sighting of this value at this offset.
    pub(super) fn sighting(&self, offset: i64, value: u64) -> Option<&Sighting> {
        self.places.get(&offset)?.iter().find(|sighting| sighting.value == value)
    }

    /// The moment at which a poll that ended well first returned this value.
    pub(super) fn first_ok(&self, value: u64, sent: &Sent) -> Option<usize> {
        let sightings = sent.seen.iter().filter_map(|offset| self.sighting(*offset, value));
        sightings.filter_map(|sighting| sighting.first_ok).min()
    }

    /// A record that lies strictly between two offsets, and the moment when it was shown.
    pub(super) fn between(&self, low: i64, high: i64) -> Option<(i64, usize)> {
        if low.saturating_add(1) >= high {
            return None;
        }
        let (offset, sightings) = self.places.range(low + 1..high).next()?;
        sightings.iter().map(|sighting| (*offset, sighting.first)).min()
    }
}
