//! What is gone: `lost-write`, `unseen`.
//!
//! An acknowledged value that no poll returned (a poll that did not end well does not count) is
//! lost if a reader went past its offset, because logs only grow at their end: `lost-write`. It is
//! lost as well if it is missing from every final read that began after it was acknowledged:
//! `unseen`. Otherwise it may be late, and the verdict is `Unknown`.
//!
//! A call of several parts whose fate is unknown is real in whole as soon as one of its values was
//! read; then the others are owed like acknowledged ones.
//!
//! What was promised less than for good may be lost for a reason. Then the loss is counted, and
//! the reason asked for. An acknowledged value that was read and that no final read has any more
//! is counted as well; whether it may be gone is decided by what a read is worth.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::history::{Key, Phase, Promise};
use crate::verdict::AnomalyKind;

use super::contract::Guarantee;
use super::ledger::{FinalRead, Log, Sent};
use super::polls::Reading;
use super::{Case, Found};

/// What was acknowledged and is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// The toll of each promise; only promises that were made.
    pub by_promise: BTreeMap<Promise, Toll>,
    /// How many values were lost for which reason.
    pub reasons: BTreeMap<String, u64>,
}

/// How many values were acknowledged under one promise, and how many of them are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toll {
    /// Values in sends that ended well.
    pub acknowledged: u64,
    /// Those that are certainly gone; `explained` and `unexplained` together.
    pub lost: u64,
    /// Gone for a reason that the contract accepts.
    pub explained: u64,
    /// Gone for no reason, or though the contract accepts none.
    pub unexplained: u64,
}

impl Losses {
    /// How many values are gone in all.
    pub fn lost(&self) -> u64 {
        self.by_promise.values().map(|toll| toll.lost).sum()
    }

    /// How many of them for no reason that the contract accepts.
    pub fn unexplained(&self) -> u64 {
        self.by_promise.values().map(|toll| toll.unexplained).sum()
    }
}

impl Losses {
    fn count(&mut self, sent: &Sent, reason: Option<String>) {
        if sent.outcome == Phase::Ok {
            let toll = self.by_promise.entry(sent.promise).or_default();
            toll.lost += 1;
            toll.explained += u64::from(reason.is_some());
            toll.unexplained += u64::from(reason.is_none());
        }
        if let Some(reason) = reason {
            *self.reasons.entry(reason).or_default() += 1;
        }
    }
}

pub(super) fn judge(case: &Case<'_>, reading: &Reading<'_>, found: &mut Found) -> Losses {
    let mut losses = Losses::default();
    let mut late: BTreeMap<&Key, u64> = BTreeMap::new();
    for call in case.ledger.calls.iter().filter(|call| call.outcome != Phase::Fail) {
        for part in call.sends() {
            let Some(log) = case.ledger.logs.get(part.key) else {
                continue;
            };
            let torn = torn(case, log, part.values);
            for value in part.values {
                let Some(sent) = log.sends.get(value) else {
                    continue;
                };
                if call.outcome == Phase::Ok {
                    losses.by_promise.entry(part.promise).or_default().acknowledged += 1;
                }
                let key = part.key;
                if sent.read {
                    // That it is gone again is judged by what a read is worth; here it counts.
                    if call.outcome == Phase::Ok && vanished(log, *value, sent, call.last()) {
                        let guarantee = case.contract.guarantee(part.promise);
                        losses.count(sent, reason(case, guarantee, (key, *value, sent)));
                    }
                    continue;
                }
                let Some(since) = real_since(case, sent, torn) else {
                    continue;
                };
                let value = Value { key, log, value: *value, sent, since, torn: torn.is_some() };
                match value.missing(case, reading) {
                    Some(missing) => value.lost(case, missing, (&mut losses, found)),
                    None if value.guarantee(case) == Guarantee::LossCounted => {}
                    None => *late.entry(key).or_default() += u64::from(call.outcome == Phase::Ok),
                }
            }
        }
    }
    for (key, late) in late.into_iter().filter(|(_, late)| *late > 0) {
        found.undecided.push(format!(
            "{late} of the acknowledged values of {key} were never read, and no final read tells \
             late from lost"
        ));
    }
    losses
}

/// The moment since which a value that nobody read ought to be there, if it ought to: it was
/// acknowledged, or something that stands and falls with it was read.
fn real_since(case: &Case<'_>, sent: &Sent, torn: Option<usize>) -> Option<usize> {
    let ended = case.ledger.calls[sent.call].last();
    let acknowledged = (sent.outcome == Phase::Ok).then_some(ended);
    torn.or_else(|| case.proven(sent)).map(|read| read.max(ended)).or(acknowledged)
}

/// Whether a value that somebody read is in none of the final reads that began since.
fn vanished(log: &Log<'_>, value: u64, sent: &Sent, since: usize) -> bool {
    let mut later = log.final_reads.values().filter(|read| read.began > since).peekable();
    let holds = |read: &FinalRead| sent.seen.iter().any(|at| read.records.get(at) == Some(&value));
    later.peek().is_some() && !later.any(holds)
}

/// Why the value is gone, where its promise lets it be.
fn reason(
    case: &Case<'_>,
    guarantee: Guarantee,
    (key, value, sent): (&Key, u64, &Sent),
) -> Option<String> {
    match guarantee {
        Guarantee::Kept => None,
        Guarantee::LossExplained | Guarantee::LossCounted => {
            case.explain.explain(key, sent.offset, value)
        }
    }
}

/// Where the values of one send appear together or not at all, one that was read proves the
/// others: the moment at which it did.
fn torn(case: &Case<'_>, log: &Log<'_>, values: &[u64]) -> Option<usize> {
    let kept = case.contract.reads == Guarantee::Kept;
    if !case.contract.atomic_sends || !kept {
        return None;
    }
    let sent = values.iter().filter_map(|value| log.first_ok(*value, log.sends.get(value)?));
    sent.min()
}

/// A value that no poll returned, and that ought to be there since a moment.
struct Value<'c> {
    key: &'c Key,
    log: &'c Log<'c>,
    value: u64,
    sent: &'c Sent,
    since: usize,
    /// Whether another value of the same send was read, and sends appear whole.
    torn: bool,
}

/// What proves that a value is gone.
enum Missing {
    /// At this moment a reader went past its place.
    Passed(usize),
    /// It is in no final read; the last of them ended at this moment.
    Unseen(usize),
}

impl Value<'_> {
    fn guarantee(&self, case: &Case<'_>) -> Guarantee {
        if self.torn { Guarantee::Kept } else { case.contract.guarantee(self.sent.promise) }
    }

    fn missing(&self, case: &Case<'_>, reading: &Reading<'_>) -> Option<Missing> {
        let Self { key, log, sent, since, .. } = self;
        // Without a kept promise, an earlier copy of a value that was sent twice may survive.
        let certain = case.kept(sent) || (sent.outcome == Phase::Ok && !sent.retried);
        let told = sent.offset.filter(|_| certain);
        // A poll that did not end well may have shown where it is.
        let shown = || sent.seen.last().filter(|_| case.contract.reads == Guarantee::Kept);
        let passed = told.or_else(|| shown().copied()).and_then(|offset| {
            // Whoever read another value there has been past it as well.
            let replaced = || log.places.get(&offset)?.iter().filter_map(|s| s.first_ok).min();
            reading.passed(key, offset).or_else(replaced)
        });
        let unseen = || {
            let later = log.final_reads.values().filter(|read| read.began > *since);
            later.map(|read| read.ended).max()
        };
        passed.map(Missing::Passed).or_else(|| unseen().map(Missing::Unseen))
    }

    fn lost(&self, case: &Case<'_>, missing: Missing, to: (&mut Losses, &mut Found)) {
        let Self { key, value, sent, .. } = *self;
        let (losses, found) = to;
        let guarantee = self.guarantee(case);
        let reason = reason(case, guarantee, (key, value, sent));
        let forgiven = reason.is_some() || guarantee == Guarantee::LossCounted;
        losses.count(sent, reason);
        if forgiven {
            return;
        }
        let (kind, moment) = match missing {
            Missing::Passed(moment) => (AnomalyKind::LostWrite, moment),
            Missing::Unseen(moment) => (AnomalyKind::Unseen, moment),
        };
        let operations = [case.ledger.proof(sent.call), case.ledger.index(moment)];
        found.errors.report(kind, Some(key), &operations, || self.tell(&missing));
    }

    fn tell(&self, missing: &Missing) -> String {
        let Self { key, value, sent, torn, .. } = self;
        let together = *torn || sent.outcome != Phase::Ok;
        let what = match (together, sent.offset) {
            (true, _) => format!("value {value}, sent to {key} together with one that was read,"),
            (false, Some(offset)) => {
                format!("{} value {value}, acknowledged at offset {offset} of {key},", sent.promise)
            }
            (false, None) => format!("{} value {value}, sent to {key},", sent.promise),
        };
        let fate = match missing {
            Missing::Passed(_) => "is not there, though a reader went past its place",
            Missing::Unseen(_) => "is in none of the final reads",
        };
        format!("{what} {fate}")
    }
}
