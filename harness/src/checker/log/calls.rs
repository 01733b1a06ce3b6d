//! Calls: each completion joined with the invocation of its process, and a call's sends and polls.
//!
//! A call of several actions is a transaction. Its parts share its beginning, its end and its
//! outcome; none of its values may be seen before the last of its parts is done.

use std::collections::BTreeMap;

use crate::history::{Action, Key, Operation, Phase, Promise};

/// An invocation together with its completion. `began` and `ended` are moments.
pub(in crate::checker) struct Call<'h> {
    pub(in crate::checker) process: u64,
    pub(in crate::checker) began: usize,
    pub(in crate::checker) ended: Option<usize>,
    /// `Ok`, `Fail` or `Info`; a call that never completed is `Info`.
    pub(in crate::checker) outcome: Phase,
    /// What was asked and learned.
    pub(in crate::checker) action: &'h Action,
}

/// One send of a call.
#[derive(Clone, Copy)]
pub(in crate::checker) struct SendPart<'h> {
    pub(in crate::checker) key: &'h Key,
    pub(in crate::checker) values: &'h [u64],
    pub(in crate::checker) offsets: &'h [Option<i64>],
    pub(in crate::checker) promise: Promise,
    pub(in crate::checker) idempotent: bool,
    pub(in crate::checker) retried: bool,
}

/// One poll of a call.
#[derive(Clone, Copy)]
pub(in crate::checker) struct PollPart<'h> {
    pub(in crate::checker) source: &'h str,
    pub(in crate::checker) records: &'h BTreeMap<Key, Vec<(i64, u64)>>,
    pub(in crate::checker) last: bool,
    pub(in crate::checker) rebalanced: &'h [Key],
}

impl<'h> Call<'h> {
    /// The moment of its completion, or of its invocation if it has none.
    pub(in crate::checker) fn last(&self) -> usize {
        self.ended.unwrap_or(self.began)
    }

    /// Whether it is a transaction, so that all of its parts are real if one of them is.
    pub(in crate::checker) const fn is_several(&self) -> bool {
        matches!(self.action, Action::Several { .. })
    }

    pub(in crate::checker) fn sends(&self) -> impl Iterator<Item = SendPart<'h>> + use<'h> {
        self.action.parts().filter_map(|part| match part {
            Action::Send { key, values, offsets, promise, idempotent, retried } => Some(SendPart {
                key,
                values,
                offsets,
                promise: *promise,
                idempotent: *idempotent,
                retried: *retried,
            }),
            Action::Poll { .. }
            | Action::Assign { .. }
            | Action::Subscribe { .. }
            | Action::Latest { .. }
            | Action::Several { .. } => None,
        })
    }

    /// Its polls. What a call without a completion returned, nobody was told.
    pub(in crate::checker) fn polls(&self) -> impl Iterator<Item = PollPart<'h>> + use<'h> {
        let told = self.ended.is_some();
        self.action.parts().filter(move |_| told).filter_map(|part| match part {
            Action::Poll { source, records, last, rebalanced } => {
                Some(PollPart { source, records, last: *last, rebalanced })
            }
            Action::Send { .. }
            | Action::Assign { .. }
            | Action::Subscribe { .. }
            | Action::Latest { .. }
            | Action::Several { .. } => None,
        })
    }
}

/// In what a history contradicts itself: how often, and how first.
#[derive(Default)]
pub(in crate::checker) struct Contradictions {
    count: u64,
    first: Option<String>,
}

impl Contradictions {
    pub(in crate::checker) fn note(
        &mut self,
        operation: &Operation,
        what: impl FnOnce() -> String,
    ) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some(format!("operation {}: {}", operation.index, what()));
        }
    }

    /// Why the history cannot be trusted, if it contradicts itself.
    pub(in crate::checker) fn told(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        let more = match self.count - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Some(format!("the history contradicts itself: {first}{more}"))
    }
}

/// All calls, in the order in which they began.
pub(in crate::checker) fn pair<'h>(
    operations: &'h [Operation],
    contradictions: &mut Contradictions,
) -> Vec<Call<'h>> {
    let mut calls: Vec<Call<'h>> = Vec::new();
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    for (moment, operation) in operations.iter().enumerate() {
        let Operation { process, phase, action, .. } = operation;
        let (process, outcome) = (*process, *phase);
        if let Some(part) = action.misplaced() {
            let sort = part.sort();
            contradictions.note(operation, || format!("{sort} is part of a call of several"));
        }
        if outcome == Phase::Invoke {
            if open.insert(process, calls.len()).is_some() {
                contradictions.note(operation, || format!("process {process} has a call open"));
            }
            let outcome = Phase::Info;
            calls.push(Call { process, began: moment, ended: None, outcome, action });
            continue;
        }
        let Some(call) = open.remove(&process) else {
            contradictions.note(operation, || format!("process {process} has no call open"));
            calls.push(Call { process, began: moment, ended: Some(moment), outcome, action });
            continue;
        };
        let call = &mut calls[call];
        call.ended = Some(moment);
        if completes(call.action, action) {
            (call.outcome, call.action) = (outcome, action);
        } else {
            contradictions.note(operation, || "it completes another call than was begun".into());
        }
    }
    calls
}

/// Whether this may be the completion of that invocation. What is learned may differ.
fn completes(invoked: &Action, completed: &Action) -> bool {
    match (invoked, completed) {
        (Action::Several { actions }, Action::Several { actions: parts }) => {
            let pairs = actions.iter().zip(parts);
            actions.len() == parts.len()
                && pairs.into_iter().all(|(asked, part)| part_completes(asked, part))
        }
        _ => part_completes(invoked, completed),
    }
}

/// The same for what is no call of several.
fn part_completes(invoked: &Action, completed: &Action) -> bool {
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
