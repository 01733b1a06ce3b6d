//! A recorded history, log by log, as the calls of this checker.
//!
//! One log per key. What a recorded operation claims depends on the contract:
//!
//! - A send that ended well under a promise that is kept is acknowledged, at its offset. Under a
//!   weaker promise an acknowledgement is none: the record may have been cut off again. It is an
//!   append of unknown fate, and if it was sent only once, its offset is where it is if it is
//!   anywhere.
//! - Where the contract lets a value that was sent again be there twice, its send may have taken
//!   effect more than once. That is no violation, and fills holes, but it binds nothing either.
//! - The values of one send are one batch only if the contract says that they appear together.
//! - A poll is a prefix read of each run of consecutive offsets that it returned, also if it did
//!   not end well: a reader must never be shown what may go away. That a poll left something out
//!   between two runs is for the checker of log anomalies to judge.
//! - A final read is a tail read where replicas converge and logs are dense.
//! - The parts of a transaction take effect one by one, while the call lasts. In a log of
//!   transactions, control batches and records that nobody is shown take offsets: it is sparse.
//! - The question for the end is what the contract makes of it ([`EndOffsets`]).
//!
//! Where what was read may go away again, no log is append-only, and nothing is judged.

mod logs;

use crate::checker::log::{Contract, Guarantee};
use crate::history::{History, Key};
use crate::verdict::{Anomaly, AnomalyKind, Verdict};

use super::{Options, Outcome, Record, Violation, check_named};
use logs::{Logs, OneLog};

/// What an answer to the question for a log's end is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOffsets {
    /// The log has reached that offset. Whoever answered may be behind.
    Prefix,
    /// At one instant between question and answer the log ended there.
    Linearizable,
}

/// What the logs of a history promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogContract<'c> {
    /// What sends and reads promise.
    pub promises: &'c Contract,
    /// What the answers to questions for the end promise.
    pub ends: EndOffsets,
    /// Of each log.
    pub options: Options,
}

impl<'c> LogContract<'c> {
    /// Dense logs in which readers may be behind: what a log that is led without leases promises.
    pub const fn replicated(promises: &'c Contract) -> Self {
        Self { promises, ends: EndOffsets::Prefix, options: Options::dense() }
    }
}

/// What the checker found in a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether each log is linearizable.
    pub verdict: Verdict,
    /// How much was judged.
    pub counts: Counts,
}

/// How much was judged: operations as this checker counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Logs of which something is known.
    pub logs: u64,
    /// Appends that were acknowledged under a promise that is kept.
    pub acknowledged: u64,
    /// Appends of unknown fate, weaker promises among them.
    pub unknown: u64,
    /// Reads, one for each run of consecutive offsets.
    pub reads: u64,
    /// Answers to the question for the end.
    pub ends: u64,
    /// Positions that the logs must have had.
    pub positions: u64,
}

/// Judges each log of a history by itself.
///
/// Near-linear in the history. It never panics: a history that contradicts itself (a value that is
/// sent twice, a completion without a call) is at best `Unknown`. If the contract lets what was
/// read go away, nothing is judged: the verdict is `Valid`, all counts are zero.
pub fn check_history(history: &History, contract: &LogContract<'_>) -> Judged {
    let mut counts = Counts::default();
    if contract.promises.reads != Guarantee::Kept {
        return Judged { verdict: Verdict::Valid, counts };
    }
    let logs = Logs::new(history, contract);
    let mut verdict = match logs.contradiction() {
        Some(contradiction) => Verdict::Unknown(contradiction.to_owned()),
        None => Verdict::Valid,
    };
    for (key, log) in logs.iter() {
        if let Some(value) = log.doubled {
            let reason = format!("{key}: value {value} is sent a second time");
            verdict = verdict.compose(Verdict::Unknown(reason));
            continue;
        }
        let names = |record: Record| log.name(record);
        let judgement = check_named(&log.history, &log.options(contract), &names);
        counts.add(Counts { positions: judgement.positions, ..log.counts });
        verdict = verdict.compose(match judgement.outcome {
            Outcome::Linearizable => Verdict::Valid,
            Outcome::Unknown(reason) => Verdict::Unknown(format!("{key}: {reason}")),
            Outcome::Violated(violations) => Verdict::Invalid(
                violations.into_iter().map(|violation| anomaly((key, log), violation)).collect(),
            ),
        });
    }
    Judged { verdict, counts }
}

fn anomaly((key, log): (&Key, &OneLog), violation: Violation) -> Anomaly {
    let Violation { kind, operations, summary, total, .. } = violation;
    let mut indices: Vec<u64> = Vec::new();
    for index in operations.iter().flat_map(|operation| log.indices(*operation)) {
        if !indices.contains(&index) {
            indices.push(index);
        }
    }
    let summary = format!("{kind} in {key}: {summary}");
    let key = Some(key.clone());
    Anomaly { kind: AnomalyKind::NotLinearizable, key, summary, operations: indices, total }
}

impl Counts {
    fn add(&mut self, more: Self) {
        let Self { logs, acknowledged, unknown, reads, ends, positions } = more;
        self.logs += logs;
        self.acknowledged += acknowledged;
        self.unknown += unknown;
        self.reads += reads;
        self.ends += ends;
        self.positions += positions;
    }
}
