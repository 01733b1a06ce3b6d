//! The calls as a checker takes them, and its verdict in words.

use std::fmt;

use super::{Calls, End, Entry, Moment};
use crate::checker::linearizable::{Budget, Call, Model, Outcome, Refutation, check};
use crate::gate::lock;
use crate::verdict::Verdict;

/// Steps of a search before it is given up: under a minute, and for most histories far too many.
const STEPS: u64 = 50_000_000;

/// As many calls before the point at which the search is stuck, and as many open there, are quoted.
const SHOWN: usize = 5;

impl<I: Clone, O: Clone> Calls<I, O> {
    /// The calls so far, as a checker takes them: in the order in which they were made, those that
    /// certainly had no effect left out. `called` and `returned` are positions in the order of
    /// events; `operation` counts all calls, and is what [`Calls::quote`] takes.
    #[must_use]
    pub fn list(&self) -> Vec<Call<I, O>> {
        let page = lock(&self.page);
        let mut moments = Vec::new();
        for entry in &page.entries {
            moments.push(entry.called);
            if let End::Returned(moment, _) = entry.end {
                moments.push(moment);
            }
        }
        moments.sort_unstable();
        let position = |moment: Moment| {
            let found = moments.binary_search(&moment).expect("every moment was put in");
            u64::try_from(found).expect("a list in memory fits 64 bits")
        };
        let mut calls = Vec::new();
        for (operation, entry) in (0..).zip(&page.entries) {
            let (returned, output) = match &entry.end {
                End::Failed => continue,
                End::Open => (None, None),
                End::Returned(moment, output) => (Some(position(*moment)), Some(output.clone())),
            };
            let (process, input) = (entry.process, entry.input.clone());
            let called = position(entry.called);
            calls.push(Call { process, input, output, called, returned, operation });
        }
        calls.sort_by_key(|call| call.called);
        calls
    }
}

impl<I: fmt::Debug, O: fmt::Debug> Calls<I, O> {
    /// The call of this number on one line: when, who, what, and how it ended. `None` if there is
    /// none.
    #[must_use]
    pub fn quote(&self, operation: u64) -> Option<String> {
        let page = lock(&self.page);
        let Entry { process, who, input, called, end } =
            page.entries.get(usize::try_from(operation).ok()?)?;
        let at = called.at.as_secs_f64();
        let end = match end {
            End::Open => "open for ever".to_owned(),
            End::Failed => "failed".to_owned(),
            End::Returned(moment, output) => {
                format!("{output:?} at {:.3}s", moment.at.as_secs_f64())
            }
        };
        Some(format!(
            "{at:>10.3}s  call {operation:<5} {who} (process {process})  {input:?} -> {end}"
        ))
    }
}

impl<I, O> Calls<I, O>
where
    I: Clone + Ord + fmt::Debug,
    O: Clone + Ord + fmt::Debug,
{
    /// Whether some order of the calls explains every answer. A search that takes too long ends as
    /// `Unknown`; for another budget, give [`Calls::list`] to [`check`].
    #[must_use]
    pub fn verdict<M: Model<Input = I, Output = O>>(&self, model: &M) -> Verdict {
        self.judge(model).0
    }

    /// The verdict, and if there is no order, the calls that prove it in words: how the longest
    /// order ends that explains the answers in it, and what then has no place.
    pub(crate) fn judge<M: Model<Input = I, Output = O>>(
        &self,
        model: &M,
    ) -> (Verdict, Vec<String>) {
        let calls = self.list();
        let judgement = check(model, &calls, &Budget::steps(STEPS));
        let verdict = judgement.verdict(model, &calls);
        let Outcome::NotLinearizable(Refutation { order, blocked, open, .. }) = judgement.outcome
        else {
            return (verdict, Vec::new());
        };
        let quote = |place: &u32| self.quote(calls.get(*place as usize)?.operation);
        let end = &order[order.len().saturating_sub(SHOWN)..];
        let mut proof = vec!["the longest order that explains the answers ends with".to_owned()];
        proof.extend(end.iter().filter_map(quote));
        proof.push("and leaves no place for".to_owned());
        proof.extend(std::iter::once(&blocked).chain(open.iter().take(SHOWN)).filter_map(quote));
        (verdict, proof)
    }

    /// For a story: some order of the calls explains every answer.
    ///
    /// # Panics
    /// There is none, and here are the calls that prove it; or it could not be decided; or no call
    /// was answered, so that nothing was tested.
    pub fn must_be_linearizable<M: Model<Input = I, Output = O>>(&self, model: &M) {
        assert!(self.count().returned > 0, "no call was answered, so nothing was tested");
        let (verdict, proof) = self.judge(model);
        assert!(verdict.is_valid(), "{verdict}\n{}", proof.join("\n"));
    }
}
