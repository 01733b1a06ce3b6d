//! The order of sends: `nonmonotonic-send`, `realtime-inversion`, `int-nonmonotonic-send`, and
//! `int-send-skip` (informative).
//!
//! A send that was acknowledged before another was invoked lies before it. That is argued only
//! from what is certain. The earlier value must be at its acknowledged offset for good: because
//! the contract keeps it, or because it was sent once and read there. A volatile value that a new
//! epoch cut off proves nothing, so later sends may well land below it. The later value must
//! lie where it is said to: because the contract keeps it or because it was read there. Every
//! copy of it was appended after its invocation, so its lowest place counts, whatever became of
//! the call.

use std::collections::BTreeMap;

use crate::history::{Key, Phase};
use crate::verdict::AnomalyKind;

use super::calls::Call;
use super::contract::Guarantee;
use super::ledger::{Log, Sent};
use super::{Case, Found};

pub(super) fn judge(case: &Case<'_>, found: &mut Found) {
    let mut moments: Vec<(usize, usize)> = Vec::new();
    for (number, call) in case.ledger.calls.iter().enumerate() {
        if call.sends().next().is_some() {
            moments.push((call.began, number));
            moments.extend(call.ended.filter(|ended| *ended != call.began).map(|e| (e, number)));
            within_call(case, number, found);
        }
    }
    moments.sort_unstable();
    let mut highest: BTreeMap<&Key, Highest> = BTreeMap::new();
    for (moment, number) in moments {
        let call = &case.ledger.calls[number];
        for (key, values) in values_by_key(case, call) {
            let highest = highest.entry(key).or_default();
            let landed = |value: &Value<'_>, offset: i64| {
                let (value, process) = (value.value, call.process);
                Landed { offset, value, process, call: number }
            };
            if moment == call.began {
                let lowest = values.iter().filter_map(|v| Some(landed(v, case.lowest(v.sent)?)));
                if let Some(lowest) = lowest.min_by_key(|landed| (landed.offset, landed.value)) {
                    highest.compare(case, (key, lowest), found);
                }
            }
            if call.ended == Some(moment) {
                let anchors = values.iter().filter_map(|v| Some(landed(v, case.anchor(v.sent)?)));
                anchors.for_each(|landed| highest.raise(landed));
            }
        }
    }
}

/// A value that a call sends, and by which of its parts.
struct Value<'c> {
    value: u64,
    part: usize,
    sent: &'c Sent,
}

/// What a call sends, by key, in the order in which it was sent.
fn values_by_key<'c>(case: &'c Case<'_>, call: &Call<'c>) -> Vec<(&'c Key, Vec<Value<'c>>)> {
    let mut by_key: Vec<(&Key, Vec<Value<'_>>)> = Vec::with_capacity(1);
    let mut at: BTreeMap<&Key, usize> = BTreeMap::new();
    for (part, send) in call.sends().enumerate() {
        let Some(log) = case.ledger.logs.get(send.key) else {
            continue;
        };
        let at = *at.entry(send.key).or_insert(by_key.len());
        if at == by_key.len() {
            by_key.push((send.key, Vec::with_capacity(send.values.len())));
        }
        let sent = send.values.iter().filter_map(|value| {
            let sent = log.sends.get(value)?;
            Some(Value { value: *value, part, sent })
        });
        by_key[at].1.extend(sent);
    }
    by_key
}

impl Case<'_> {
    /// The offset at which a value has certainly been since before it was acknowledged.
    fn anchor(&self, sent: &Sent) -> Option<i64> {
        let offset = sent.offset.filter(|_| sent.outcome == Phase::Ok)?;
        let read_there = || !sent.retried && sent.seen.contains(&offset);
        (self.kept(sent) || read_there()).then_some(offset)
    }

    /// The lowest offset at which a value certainly is.
    fn lowest(&self, sent: &Sent) -> Option<i64> {
        if sent.outcome == Phase::Fail {
            return None;
        }
        let acknowledged = sent.offset.filter(|_| self.kept(sent));
        sent.seen.first().copied().into_iter().chain(acknowledged).min()
    }

    /// The one offset at which a value certainly is, if it is at one only.
    fn place(&self, sent: &Sent) -> Option<i64> {
        match sent.seen[..] {
            [] => sent.offset.filter(|_| self.kept(sent)),
            [offset] if sent.outcome != Phase::Fail => Some(offset),
            _ => None,
        }
    }
}

/// A value and where it landed.
#[derive(Clone, Copy)]
struct Landed {
    offset: i64,
    value: u64,
    process: u64,
    call: usize,
}

/// The highest acknowledged offset of one key so far: of each process, and of any two of them.
#[derive(Default)]
struct Highest {
    by_process: BTreeMap<u64, Landed>,
    of_all: Option<Landed>,
    of_another: Option<Landed>,
}

impl Highest {
    fn raise(&mut self, landed: Landed) {
        let above = |other: Option<Landed>| other.is_none_or(|other| landed.offset > other.offset);
        if above(self.by_process.get(&landed.process).copied()) {
            self.by_process.insert(landed.process, landed);
        }
        if above(self.of_all) {
            if self.of_all.is_some_and(|first| first.process != landed.process) {
                self.of_another = self.of_all;
            }
            self.of_all = Some(landed);
        } else if self.of_all.is_some_and(|first| first.process != landed.process)
            && above(self.of_another)
        {
            self.of_another = Some(landed);
        }
    }

    /// Compares a value whose call begins now with what was acknowledged before.
    fn compare(&self, case: &Case<'_>, (key, landed): (&Key, Landed), found: &mut Found) {
        let own = self.by_process.get(&landed.process);
        let by_another = |other: &&Landed| other.process != landed.process;
        let other = self.of_all.as_ref().filter(by_another).or(self.of_another.as_ref());
        let kinds = [
            (AnomalyKind::NonmonotonicSend, own),
            (AnomalyKind::RealtimeInversion, other.filter(by_another)),
        ];
        for (kind, earlier) in kinds {
            let Some(earlier) = earlier.filter(|earlier| earlier.offset > landed.offset) else {
                continue;
            };
            let stays = case.contract.reads == Guarantee::Kept;
            let to = if stays { &mut found.errors } else { &mut found.notes };
            let operations = [
                case.ledger.proof(earlier.call),
                case.ledger.index(case.ledger.calls[landed.call].began),
                case.ledger.proof(landed.call),
            ];
            to.report(kind, Some(key), &operations, || {
                let (Landed { offset, value, .. }, Landed { offset: to, value: later, .. }) =
                    (earlier, landed);
                format!(
                    "value {value} was acknowledged at offset {offset} of {key} before value \
                     {later} was sent, which landed at {to}"
                )
            });
        }
    }
}

/// The order of the values that one call sends to one key, by one send or several.
fn within_call(case: &Case<'_>, number: usize, found: &mut Found) {
    for (key, values) in values_by_key(case, &case.ledger.calls[number]) {
        let Some(log) = case.ledger.logs.get(key) else {
            continue;
        };
        let placed = values.iter().filter_map(|value| Some((value, case.place(value.sent)?)));
        let placed: Vec<_> = placed.collect();
        for pair in placed.windows(2) {
            neighbours(case, (key, log), (pair[0], pair[1]), found);
        }
    }
}

/// A value and the offset where it certainly is.
type Placed<'c> = (&'c Value<'c>, i64);

/// Two values that one call sent to one key, one after the other.
fn neighbours(
    case: &Case<'_>,
    (key, log): (&Key, &Log<'_>),
    pair: (Placed<'_>, Placed<'_>),
    found: &mut Found,
) {
    let ((first, at), (second, then)) = pair;
    let (one, other) = (first.value, second.value);
    let stays = case.contract.reads == Guarantee::Kept;
    // A value that was sent again alone may legally have been overtaken.
    let together = case.contract.atomic_sends && first.part == second.part;
    let ordered = first.sent.idempotent || !first.sent.retried || together;
    if then < at {
        let to = if ordered && stays { &mut found.errors } else { &mut found.notes };
        let operations = proof(case, log, [(first, at), (second, then)]);
        to.report(AnomalyKind::IntNonmonotonicSend, Some(key), &operations, || {
            let what = if first.part == second.part { "send" } else { "call" };
            format!(
                "one {what} put value {one} at offset {at} of {key}, and then value {other} at \
                 {then}"
            )
        });
    } else if let Some((between, seen)) = log.between(at, then) {
        let operations = [case.ledger.proof(first.sent.call), case.ledger.index(seen)];
        found.notes.report(AnomalyKind::IntSendSkip, Some(key), &operations, || {
            let what = if first.part == second.part { "send" } else { "call" };
            format!(
                "values {one} and {other} of one {what} are at offsets {at} and {then} of {key}, \
                 and another record is at {between}"
            )
        });
    }
}

/// The call that sent them, and the polls that found them.
fn proof(case: &Case<'_>, log: &Log<'_>, placed: [Placed<'_>; 2]) -> Vec<u64> {
    let sightings = placed.iter().filter_map(|(value, at)| log.sighting(*at, value.value));
    let seen = sightings.map(|sighting| case.ledger.index(sighting.first));
    std::iter::once(case.ledger.proof(placed[0].0.sent.call)).chain(seen).collect()
}
