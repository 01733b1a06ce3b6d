//! Calls: each invocation together with its completion.

use std::collections::BTreeMap;

use crate::history::{Action, History, Operation, Phase};

/// A call with the moments (positions in the history) and the indices of its halves.
pub(super) struct Call<'h> {
    pub(super) began: usize,
    pub(super) ended: Option<usize>,
    /// Of the invocation, and of the completion if there is one.
    pub(super) indices: (u64, u64),
    /// `Ok`, `Fail` or `Info`; a call that never completed is `Info`.
    pub(super) outcome: Phase,
    /// As it was invoked.
    pub(super) asked: &'h Action,
    /// As it completed; as it was invoked if it did not.
    pub(super) learned: &'h Action,
}

/// All calls in the order in which they began, and the first contradiction.
pub(super) fn calls(history: &History) -> (Vec<Call<'_>>, Option<String>) {
    let mut calls: Vec<Call<'_>> = Vec::new();
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    let mut contradiction = None;
    for (moment, operation) in history.operations().iter().enumerate() {
        let Operation { index, process, phase, action, .. } = operation;
        if *phase == Phase::Invoke {
            if open.insert(*process, calls.len()).is_some() {
                contradiction.get_or_insert_with(|| {
                    format!("operation {index}: process {process} has a call open")
                });
            }
            calls.push(Call {
                began: moment,
                ended: None,
                indices: (*index, *index),
                outcome: Phase::Info,
                asked: action,
                learned: action,
            });
            continue;
        }
        let Some(call) = open.remove(process) else {
            contradiction.get_or_insert_with(|| {
                format!("operation {index}: process {process} has no call open")
            });
            continue;
        };
        let call = &mut calls[call];
        (call.ended, call.indices.1) = (Some(moment), *index);
        if completes(call.asked, action) {
            (call.outcome, call.learned) = (*phase, action);
        } else {
            contradiction.get_or_insert_with(|| {
                format!("operation {index} completes another call than was begun")
            });
        }
    }
    (calls, contradiction)
}

/// Whether this may be the completion of that invocation. What is learned may differ.
fn completes(asked: &Action, learned: &Action) -> bool {
    match (asked, learned) {
        (
            Action::Send { key, values, promise, idempotent, .. },
            Action::Send { key: k, values: v, promise: p, idempotent: i, .. },
        ) => (key, values, promise, idempotent) == (k, v, p, i),
        (Action::Poll { last, .. }, Action::Poll { last: l, .. }) => last == l,
        (Action::Latest { key, .. }, Action::Latest { key: k, .. }) => key == k,
        (Action::Assign { .. }, Action::Assign { .. })
        | (Action::Subscribe { .. }, Action::Subscribe { .. }) => true,
        (Action::Several { actions }, Action::Several { actions: answers }) => {
            let mut parts = actions.iter().zip(answers);
            actions.len() == answers.len()
                && parts.all(|(asked, learned)| completes(asked, learned))
        }
        (
            Action::Send { .. }
            | Action::Poll { .. }
            | Action::Several { .. }
            | Action::Assign { .. }
            | Action::Subscribe { .. }
            | Action::Latest { .. },
            _,
        ) => false,
    }
}
