//! A brute force, straight from the definition: try every order of the operations.
//!
//! It shares nothing with the checker, and knows what the general search's model does not: control
//! batches, appends that repeat, and offset hints.

use std::collections::BTreeSet;

use super::cases::{Case, Op, What};
use crate::checker::linearizable::log::{Fate, Reach};

/// A control record.
const CONTROL: u64 = 0;

/// More logs than this are not tried: a few histories with control batches or repeats have
/// millions.
const DEAD_MAX: usize = 100_000;

/// Whether some order explains every answer.
pub(super) fn is_linearizable(case: &Case) -> bool {
    forced(case).expect("a history by hand is small")
}

/// As above; `None` if there are too many orders.
pub(super) fn forced(case: &Case) -> Option<bool> {
    let mut search = Search { case, reach: reach(case), dead: BTreeSet::new() };
    let found = search.from(0, &mut Vec::new());
    (found || search.dead.len() < DEAD_MAX).then_some(found)
}

/// No operation says anything of a longer log.
fn reach(case: &Case) -> i64 {
    let ends = case.ops.iter().map(|op| match &op.what {
        What::Append { values, fate: Fate::Acknowledged { offset }, .. }
        | What::Read { values, offset, .. } => offset + i64::try_from(values.len()).unwrap(),
        What::Append { .. } => 0,
    });
    ends.max().unwrap_or(0)
}

struct Search<'c> {
    case: &'c Case,
    reach: i64,
    dead: BTreeSet<(u32, Vec<u64>)>,
}

impl Search<'_> {
    /// Whether the operations that are not done yet can follow on this log.
    fn from(&mut self, done: u32, log: &mut Vec<u64>) -> bool {
        let ops = &self.case.ops;
        let open = |at: usize| done >> at & 1 == 0;
        if (0..ops.len()).all(|at| !open(at) || !must_happen(&ops[at])) {
            return true;
        }
        if self.dead.len() >= DEAD_MAX
            || !self.agrees(done, log)
            || self.dead.contains(&(done, log.clone()))
        {
            return false;
        }
        let returns = (0..ops.len()).filter(|at| open(*at) && must_happen(&ops[*at]));
        let deadline = returns.filter_map(|at| ops[at].returned).min().unwrap_or(u32::MAX);
        let length = i64::try_from(log.len()).unwrap();
        for (at, op) in ops.iter().enumerate() {
            if op.called > deadline {
                continue;
            }
            let steps = match &op.what {
                What::Append { values, fate, repeats } => {
                    let first = open(at) && legal(*fate, *repeats, length);
                    // A copy of no consequence is not made.
                    let again = *repeats && *fate != Fate::Failed && length < self.reach;
                    let marks = [first.then_some(done | 1 << at), again.then_some(done)];
                    marks.into_iter().flatten().map(|mark| (mark, values.clone())).collect()
                }
                What::Read { offset, values, reach } => {
                    let end = offset + i64::try_from(values.len()).unwrap();
                    let reaches = match reach {
                        Reach::Prefix => length >= end,
                        Reach::Tail => length == end,
                    };
                    let fits = reaches && (*offset >= 0 || (values.is_empty() && end <= 0));
                    let fits = fits && (*offset >= 0 || *reach == Reach::Prefix);
                    if open(at) && fits { vec![(done | 1 << at, Vec::new())] } else { Vec::new() }
                }
            };
            for (mark, values) in steps {
                if self.then(mark, log, &values) {
                    return true;
                }
            }
        }
        if self.case.sparse && length < self.reach && self.then(done, log, &[CONTROL]) {
            return true;
        }
        self.dead.insert((done, log.clone()));
        false
    }

    fn then(&mut self, done: u32, log: &mut Vec<u64>, values: &[u64]) -> bool {
        let length = log.len();
        log.extend(values);
        let found = self.from(done, log);
        log.truncate(length);
        found
    }

    /// Whether the log holds what all reads find in it, whenever they happen.
    fn agrees(&self, done: u32, log: &[u64]) -> bool {
        self.case.ops.iter().enumerate().all(|(at, op)| match &op.what {
            What::Append { fate: Fate::Acknowledged { offset }, .. } => {
                done >> at & 1 == 1 || i64::try_from(log.len()).unwrap() <= *offset
            }
            What::Append { .. } => true,
            What::Read { offset, values, .. } => values.iter().zip(*offset..).all(|(value, at)| {
                let held = usize::try_from(at).ok().and_then(|at| log.get(at));
                held.is_none_or(|held| held == value)
            }),
        })
    }
}

fn must_happen(op: &Op) -> bool {
    match &op.what {
        What::Append { fate: Fate::Acknowledged { .. }, .. } | What::Read { .. } => true,
        What::Append { fate: Fate::AcknowledgedSomewhere, repeats, .. } => !repeats,
        What::Append { fate: Fate::Failed | Fate::Unknown | Fate::UnknownAt { .. }, .. } => false,
    }
}

fn legal(fate: Fate, repeats: bool, length: i64) -> bool {
    match fate {
        Fate::Acknowledged { offset } => length == offset,
        Fate::UnknownAt { offset } => repeats || length == offset,
        Fate::AcknowledgedSomewhere | Fate::Unknown => true,
        Fate::Failed => false,
    }
}
