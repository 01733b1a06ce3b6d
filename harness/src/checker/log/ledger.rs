//! The ledger: the history sorted by call, key, value and offset, once for all families.
//!
//! Everything is sparse: an offset of 2^62 is one entry. Order in real time is order in the
//! history, so a moment is a position in its list; the operations' own indices are only quoted.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Action, History, Key, Operation, Phase, Promise};

pub(super) struct Ledger<'h> {
    operations: &'h [Operation],
    /// All calls, in the order in which they began.
    pub(super) calls: Vec<Call<'h>>,
    pub(super) logs: BTreeMap<&'h Key, Log<'h>>,
    contradictions: u64,
    first_contradiction: Option<String>,
}

/// An invocation together with its completion. `began` and `ended` are moments.
pub(super) struct Call<'h> {
    pub(super) process: u64,
    pub(super) began: usize,
    pub(super) ended: Option<usize>,
    /// `Ok`, `Fail` or `Info`; a call that never completed is `Info`.
    pub(super) outcome: Phase,
    /// What was asked and learned.
    pub(super) action: &'h Action,
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
        let mut ledger = Self {
            operations: history.operations(),
            calls: Vec::new(),
            logs: BTreeMap::new(),
            contradictions: 0,
            first_contradiction: None,
        };
        ledger.pair();
        for call in 0..ledger.calls.len() {
            match ledger.calls[call].action {
                Action::Send { .. } => ledger.enter_send(call),
                Action::Poll { .. } => ledger.enter_poll(call),
                Action::Assign { .. }
                | Action::Subscribe { .. }
                | Action::Latest { .. }
                | Action::Several { .. } => {}
            }
        }
        for log in ledger.logs.values_mut() {
            log.match_places();
        }
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
        let first = self.first_contradiction.as_ref()?;
        let more = match self.contradictions - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Some(format!("the history contradicts itself: {first}{more}"))
    }

    fn contradiction(&mut self, moment: usize, what: impl FnOnce() -> String) {
        self.contradictions += 1;
        if self.first_contradiction.is_none() {
            self.first_contradiction =
                Some(format!("operation {}: {}", self.index(moment), what()));
        }
    }

    /// Joins each completion with the invocation of its process.
    fn pair(&mut self) {
        let mut open: BTreeMap<u64, usize> = BTreeMap::new();
        for (moment, Operation { process, phase, action, .. }) in self.operations.iter().enumerate()
        {
            let (process, outcome) = (*process, *phase);
            if outcome == Phase::Invoke {
                if open.insert(process, self.calls.len()).is_some() {
                    self.contradiction(moment, || format!("process {process} has a call open"));
                }
                let outcome = Phase::Info;
                self.calls.push(Call { process, began: moment, ended: None, outcome, action });
                continue;
            }
            let Some(call) = open.remove(&process) else {
                self.contradiction(moment, || format!("process {process} has no call open"));
                let ended = Some(moment);
                self.calls.push(Call { process, began: moment, ended, outcome, action });
                continue;
            };
            let call = &mut self.calls[call];
            call.ended = Some(moment);
            if completes(call.action, action) {
                (call.outcome, call.action) = (outcome, action);
            } else {
                self.contradiction(moment, || "it completes another call than was begun".into());
            }
        }
    }

    fn enter_send(&mut self, call: usize) {
        let Call { outcome, action, began, .. } = self.calls[call];
        let Action::Send { key, values, offsets, promise, idempotent, retried } = action else {
            return;
        };
        let log = self.logs.entry(key).or_default();
        let mut doubled = None;
        for (at, value) in values.iter().enumerate() {
            let sent = Sent {
                call,
                outcome,
                promise: *promise,
                idempotent: *idempotent,
                // A client that gave up may have a retry under way that it never told of.
                retried: *retried || outcome == Phase::Info,
                offset: offsets.get(at).copied().flatten().filter(|offset| *offset >= 0),
                seen: Vec::new(),
                read: false,
            };
            if log.ambiguous.contains(value) || log.sends.insert(*value, sent).is_some() {
                log.sends.remove(value);
                log.ambiguous.insert(*value);
                doubled = Some(*value);
            }
        }
        if let Some(value) = doubled {
            self.contradiction(began, || format!("value {value} is sent to {key} a second time"));
        }
    }

    fn enter_poll(&mut self, call: usize) {
        let Call { outcome, action, began, ended: Some(ended), .. } = self.calls[call] else {
            return;
        };
        let Action::Poll { source, records, last, .. } = action else {
            return;
        };
        let ok = outcome == Phase::Ok;
        for (key, records) in records {
            let log = self.logs.entry(key).or_default();
            for (offset, value) in records {
                log.sight(*offset, *value, ended, ok);
            }
            if *last && ok {
                let read = log.final_reads.entry(source).or_insert_with(|| FinalRead {
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

/// Whether this may be the completion of that invocation. What is learned may differ.
fn completes(invoked: &Action, completed: &Action) -> bool {
    match (invoked, completed) {
        (
            Action::Send { key, values, promise, idempotent, .. },
            Action::Send { key: k, values: v, promise: p, idempotent: i, .. },
        ) => (key, values, promise, idempotent) == (k, v, p, i),
        (Action::Poll { last, .. }, Action::Poll { last: l, .. }) => last == l,
        (Action::Latest { key, .. }, Action::Latest { key: k, .. }) => key == k,
        (Action::Assign { .. }, Action::Assign { .. })
        | (Action::Subscribe { .. }, Action::Subscribe { .. }) => true,
        (
            Action::Send { .. }
            | Action::Poll { .. }
            | Action::Assign { .. }
            | Action::Subscribe { .. }
            | Action::Latest { .. }
            | Action::Several { .. },
            _,
        ) => false,
    }
}

impl Call<'_> {
    /// The moment of its completion, or of its invocation if it has none.
    pub(super) fn last(&self) -> usize {
        self.ended.unwrap_or(self.began)
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

    /// A record that lies strictly between two offsets, and the moment when it was shown.
    pub(super) fn between(&self, low: i64, high: i64) -> Option<(i64, usize)> {
        if low.saturating_add(1) >= high {
            return None;
        }
        let (offset, sightings) = self.places.range(low + 1..high).next()?;
        sightings.iter().map(|sighting| (*offset, sighting.first)).min()
    }
}
