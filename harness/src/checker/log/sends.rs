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

use crate::history::{Action, Key, Phase};
use crate::verdict::AnomalyKind;

use super::contract::Guarantee;
use super::ledger::{Log, Sent};
use super::{Case, Found};

pub(super) fn judge(case: &Case<'_>, found: &mut Found) {
    let mut moments: Vec<(usize, usize)> = Vec::new();
    for (number, call) in case.ledger.calls.iter().enumerate() {
        if matches!(call.action, Action::Send { .. }) {
            moments.push((call.began, number));
            moments.extend(call.ended.filter(|ended| *ended != call.began).map(|e| (e, number)));
            within_call(case, number, found);
        }
    }
    moments.sort_unstable();
    let mut highest: BTreeMap<&Key, Highest> = BTreeMap::new();
    for (moment, number) in moments {
        let call = &case.ledger.calls[number];
        let Action::Send { key, values, .. } = call.action else {
            continue;
        };
        let Some(log) = case.ledger.logs.get(key) else {
            continue;
        };
        let sent = || values.iter().filter_map(|value| Some((*value, log.sends.get(value)?)));
        let highest = highest.entry(key).or_default();
        if moment == call.began {
            let lowest = sent().filter_map(|(value, sent)| Some((case.lowest(sent)?, value)));
            if let Some((offset, value)) = lowest.min() {
                let landed = Landed { offset, value, process: call.process, call: number };
                highest.compare(case, (key, landed), found);
            }
        }
        if call.ended == Some(moment) {
            for (value, sent) in sent() {
                if let Some(offset) = case.anchor(sent) {
                    highest.raise(Landed { offset, value, process: call.process, call: number });
                }
            }
        }
    }
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

/// The order of the values of one call.
fn within_call(case: &Case<'_>, number: usize, found: &mut Found) {
    let Action::Send { key, values, .. } = case.ledger.calls[number].action else {
        return;
    };
    let Some(log) = case.ledger.logs.get(key).filter(|_| values.len() > 1) else {
        return;
    };
    let placed = values.iter().filter_map(|value| {
        let sent = log.sends.get(value)?;
        Some((*value, case.place(sent)?, sent))
    });
    let placed: Vec<_> = placed.collect();
    for pair in placed.windows(2) {
        let ((first, at, sent), (second, then, _)) = (pair[0], pair[1]);
        let stays = case.contract.reads == Guarantee::Kept;
        // A value that was sent again alone may legally have been overtaken.
        let ordered = sent.idempotent || !sent.retried || case.contract.atomic_sends;
        if then < at {
            let to = if ordered && stays { &mut found.errors } else { &mut found.notes };
            to.report(AnomalyKind::IntNonmonotonicSend, Some(key), &proof(case, log, pair), || {
                format!(
                    "one send put value {first} at offset {at} of {key}, and then value {second} \
                     at {then}"
                )
            });
        } else if let Some((other, seen)) = log.between(at, then) {
            let operations = [case.ledger.proof(number), case.ledger.index(seen)];
            found.notes.report(AnomalyKind::IntSendSkip, Some(key), &operations, || {
                format!(
                    "values {first} and {second} of one send are at offsets {at} and {then} of \
                     {key}, and another record is at {other}"
                )
            });
        }
    }
}

/// The call that sent them, and the polls that found them.
fn proof(case: &Case<'_>, log: &Log<'_>, placed: &[(u64, i64, &Sent)]) -> Vec<u64> {
    let mut operations: Vec<u64> =
        placed.first().map(|(_, _, sent)| case.ledger.proof(sent.call)).into_iter().collect();
    let sightings = placed.iter().filter_map(|(value, offset, _)| log.sighting(*offset, *value));
    operations.extend(sightings.map(|sighting| case.ledger.index(sighting.first)));
    operations
}
