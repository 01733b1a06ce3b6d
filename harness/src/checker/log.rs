//! The log checker: every anomaly that a history of sends, polls and end-offset queries can show.
//!
//! It decides from the client's side only: what was acknowledged, what was read, in which order.
//! Each family of anomalies has its own file and reads the same ledger, which sorts
//! the history by call, key, value and offset once. Holes between offsets are no skips: a place
//! counts only once somebody has read a record there.
//!
//! Loss is judged by [`Contract`], not switched off: where a promise allows loss, each lost value
//! must be explained from outside ([`Explain`]), and an unexplained one is an error even there.
//!
//! Premises: no record expires during the run; a final read (`last`) is what it says; a call of
//! several parts is a transaction, and whoever reads is shown nothing before it is committed; a
//! client that others move tells so (`rebalanced`).
//!
//! What is decided where. An *error* breaks a promise; a *note* is worth knowing. Weak reads are
//! those that the contract does not keep, so that what was read may be undone.
//!
//! | anomaly | file | what it is |
//! |---|---|---|
//! | `inconsistent-offsets` | `offsets` | error, save for reads or promises that may be undone |
//! | `duplicate` | `offsets` | error; note if the client sent it again without idempotence and the contract lets it |
//! | `lost-write` | `losses` | error; counted if the promise is weak and the loss explained |
//! | `unseen` | `losses`; on one replica: `final_reads` | the same |
//! | `phantom`, `aborted-read` | `provenance` | error, whoever read it: also a poll that failed |
//! | `precommitted-read` | `provenance` | error |
//! | `g1c`, `g1c-realtime` | `cycles` | error under every contract; a stale read is no edge |
//! | `int-poll-skip` | `polls` | error, also of a subscribed reader; note for rebalanced keys and weak reads |
//! | `int-nonmonotonic-poll` | `polls` | error; note for rebalanced keys and, from one poll to the next, weak reads |
//! | `poll-skip`, `nonmonotonic-poll` | `polls` | error of an assigned reader; note of a subscribed one and for weak reads |
//! | `int-nonmonotonic-send` | `sends` | error; note if the first was sent again without idempotence, and for weak reads |
//! | `nonmonotonic-send`, `realtime-inversion` | `sends` | error if both certainly lie there; note for weak reads |
//! | `int-send-skip` | `sends` | note |
//! | `offset-mismatch` | `offsets` | error |
//! | `consumed-then-changed` | `final_reads` | error; weak reads may have a reason |
//! | `latest-backwards` | `latest` | error; note for weak reads |
//! | `vacuous` | here | error; that no fault took effect is for the caller to see |
//! | `worst-realtime-lag` | `lag` | in the notes |
//! | `unseen` series | `unseen` | in the notes |
//! | error counts | here | in the counts |
//!
//! Where this is more careful than Jepsen's rules: a value is lost when a reader went past its very
//! place, not when somebody read behind it. A reader that began later has passed nothing, and
//! what nobody passed is `Unknown` until final reads decide. And where stricter: real time counts.

pub(super) mod calls;
mod contract;
mod findings;
mod ledger;

mod cycles;
mod final_reads;
mod lag;
mod latest;
mod losses;
mod offsets;
mod polls;
mod provenance;
mod sends;
mod unseen;

#[cfg(test)]
mod tests;

pub use contract::{Contract, Duplicates, Explain, Guarantee, Unexplained};
pub use lag::Lag;
pub use losses::{Losses, Toll};
pub use unseen::Unseen;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::history::{Action, History, Phase};
use crate::verdict::{Anomaly, AnomalyKind, Verdict};
use findings::Findings;
use ledger::Ledger;

/// What the log checker found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Whether the contract was kept.
    pub verdict: Verdict,
    /// What was promised and is gone, with and without an explanation.
    pub losses: Losses,
    /// What is worth knowing and breaks no promise.
    pub notes: Notes,
    /// How much was judged.
    pub counts: Counts,
}

/// Findings that break no promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Oddities: what would be an anomaly under a stricter contract, or is none under any.
    pub findings: Vec<Anomaly>,
    /// The farthest that a reader was behind what had been acknowledged; `None` if none was.
    pub worst_realtime_lag: Option<Lag>,
    /// How much was acknowledged and not yet read, over time; the last one is the end.
    #[serde(default)]
    pub unseen: Vec<Unseen>,
}

/// How much was judged, and how often each sort of thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Operations in the history; a completed call is two.
    pub operations: u64,
    /// Sends by how their calls ended; those that never completed count as unknown. Each part of a
    /// call of several counts.
    pub sends: Outcomes,
    /// As above.
    pub polls: Outcomes,
    /// Values in sends that ended well.
    pub values_acknowledged: u64,
    /// Records in polls that ended well; a record read twice counts twice.
    pub records_read: u64,
    /// How often each error was met.
    pub errors: BTreeMap<String, u64>,
    /// All anomalies by kind, also those that are not among the examples.
    pub anomalies: BTreeMap<AnomalyKind, u64>,
}

/// Sends or polls by how their calls ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// They took effect.
    pub ok: u64,
    /// They certainly had none.
    pub failed: u64,
    /// Nobody knows.
    pub unknown: u64,
}

impl Outcomes {
    fn count(&mut self, outcome: Phase) {
        match outcome {
            Phase::Ok => self.ok += 1,
            Phase::Fail => self.failed += 1,
            Phase::Invoke | Phase::Info => self.unknown += 1,
        }
    }
}

/// Everything that a family of anomalies looks at.
struct Case<'h> {
    ledger: Ledger<'h>,
    contract: &'h Contract,
    explain: &'h dyn Explain,
}

/// What the families found: anomalies, oddities, and why something could not be decided.
#[derive(Default)]
struct Found {
    errors: Findings,
    notes: Findings,
    undecided: Vec<String>,
}

/// Judges a history of one or more logs by a contract; `explain` is asked about each value that
/// was lost or contradicted where the contract allows that with a reason.
///
/// Near-linear in the history. It never panics: a history that contradicts itself (a value sent
/// twice, a completion without a call) is at best `Unknown`.
pub fn check(history: &History, contract: &Contract, explain: &dyn Explain) -> Judgement {
    let case = Case { ledger: Ledger::new(history), contract, explain };
    let mut found = Found::default();
    found.undecided.extend(case.ledger.contradictions());

    provenance::judge(&case, &mut found);
    offsets::judge(&case, &mut found);
    let reading = polls::judge(&case, &mut found);
    sends::judge(&case, &mut found);
    cycles::judge(&case, &mut found);
    latest::judge(&case, &mut found);
    final_reads::judge(&case, &mut found);
    let losses = losses::judge(&case, &reading, &mut found);

    let mut counts = count(history, &case);
    vacuous(&counts, &mut found);
    counts.anomalies = found.errors.totals();
    let undecided = found.undecided.into_iter().map(Verdict::Unknown);
    let errors = found.errors.into_examples();
    let errors = if errors.is_empty() { Verdict::Valid } else { Verdict::Invalid(errors) };
    Judgement {
        verdict: Verdict::all(undecided).compose(errors),
        losses,
        notes: Notes {
            findings: found.notes.into_examples(),
            worst_realtime_lag: reading.worst_lag,
            unseen: unseen::series(&case),
        },
        counts,
    }
}

/// A run in which nothing happened proves nothing, and must not look like a pass.
fn vacuous(counts: &Counts, found: &mut Found) {
    let reports = [
        (counts.values_acknowledged, "nothing was acknowledged"),
        (counts.records_read, "nothing was read back"),
    ];
    for (count, summary) in reports {
        if count == 0 {
            found.errors.report(AnomalyKind::Vacuous, None, &[], || summary.to_owned());
        }
    }
}

fn count(history: &History, case: &Case<'_>) -> Counts {
    let mut counts = Counts { operations: number(history.len()), ..Counts::default() };
    for call in &case.ledger.calls {
        let acknowledged = |count: usize| if call.outcome == Phase::Ok { number(count) } else { 0 };
        for part in call.sends() {
            counts.values_acknowledged += acknowledged(part.values.len());
            counts.sends.count(call.outcome);
        }
        let polls = call.action.parts().filter(|part| matches!(part, Action::Poll { .. }));
        polls.for_each(|_| counts.polls.count(call.outcome));
        for part in call.polls() {
            counts.records_read += acknowledged(part.records.values().map(Vec::len).sum());
        }
    }
    for error in history.operations().iter().filter_map(|operation| operation.error.as_ref()) {
        *counts.errors.entry(error.clone()).or_default() += 1;
    }
    counts
}

fn number(length: usize) -> u64 {
    u64::try_from(length).expect("a length in memory fits 64 bits")
}
