//! The parts of a report, from what is known at the end of a run.

use std::collections::BTreeMap;

use harness::history::{Action, History, Phase, Promise};
use harness::report::{AnomalyReport, ViolationReport};
use harness::verdict::Anomaly;

use super::Counts;
use crate::invariants;
use crate::verdict::Judged;
use crate::watch::Watch;

/// Acknowledged records by promise, and records read. A run that broke off was not judged; then the
/// history is counted as far as it goes.
pub(super) fn promised(judged: Option<&Judged>, history: &History) -> (Counts, u64) {
    let Some(judged) = judged else { return counted(history) };
    let by_promise = &judged.judgement.losses.by_promise;
    let acknowledged =
        by_promise.iter().map(|(promise, toll)| (acks(*promise).to_owned(), toll.acknowledged));
    (acknowledged.collect(), judged.judgement.counts.records_read)
}

fn counted(history: &History) -> (Counts, u64) {
    let (mut acknowledged, mut read) = (Counts::new(), 0);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    for operation in history.operations().iter().filter(|o| o.phase == Phase::Ok) {
        for part in operation.action.parts() {
            match part {
                Action::Send { values, promise, .. } => {
                    *acknowledged.entry(acks(*promise).to_owned()).or_default() +=
                        number(values.len());
                }
                Action::Poll { records, .. } => {
                    read += records.values().map(|records| number(records.len())).sum::<u64>();
                }
                Action::Assign { .. }
                | Action::Subscribe { .. }
                | Action::Latest { .. }
                | Action::Several { .. } => {}
            }
        }
    }
    (acknowledged, read)
}

fn acks(promise: Promise) -> &'static str {
    match promise {
        Promise::Durable => "acks=all",
        Promise::Volatile => "acks=1",
        Promise::FireAndForget => "acks=0",
    }
}

/// What was held against a linearizable log; nothing, if the promise was waived.
pub(super) fn judged_linearizable(judged: &Judged) -> Counts {
    let counts = judged.linearizable.counts;
    let named = [
        ("logs", counts.logs),
        ("acknowledged appends", counts.acknowledged),
        ("appends that may be or not", counts.unknown),
        ("reads", counts.reads),
        ("end offsets", counts.ends),
    ];
    let named = named.into_iter().filter(|(_, count)| *count > 0);
    named.map(|(name, count)| (name.to_owned(), count)).collect()
}

/// How much of the fault budget was used: partitions in which it was spent, and exceeded.
pub(super) fn budget(watch: &Watch) -> Counts {
    watch.look(|picture| {
        let spent = picture.tally().of(crate::picture::Sometimes::BudgetSpent);
        let waived = picture.partitions().iter().filter(|p| !p.is_judged()).count();
        BTreeMap::from([
            ("unclean stops that used it up".to_owned(), spent),
            ("partitions no longer judged".to_owned(), u64::try_from(waived).unwrap_or(u64::MAX)),
        ])
    })
}

pub(super) fn told(violation: &invariants::Violation, watch: &Watch) -> ViolationReport {
    let statement = invariants::all()
        .iter()
        .find(|invariant| invariant.name() == violation.invariant)
        .map(|invariant| invariant.statement().to_owned())
        .unwrap_or_default();
    ViolationReport {
        name: violation.invariant.to_owned(),
        occasion: violation.occasion.map(str::to_owned),
        statement,
        what: violation.what.clone(),
        at: violation.at,
        latest: watch
            .latest()
            .iter()
            .map(|(at, node, what)| format!("{:.3}s node-{node} {what}", at.as_secs_f64()))
            .collect(),
    }
}

pub(super) fn proof(anomaly: &Anomaly, history: &History) -> AnomalyReport {
    let lines = anomaly
        .operations
        .iter()
        .filter_map(|index| history.operations().get(usize::try_from(*index).ok()?))
        .map(ToString::to_string)
        .collect();
    AnomalyReport {
        kind: anomaly.kind.to_string(),
        key: anomaly.key.as_ref().map(ToString::to_string),
        summary: anomaly.summary.clone(),
        count: anomaly.total,
        lines,
    }
}
