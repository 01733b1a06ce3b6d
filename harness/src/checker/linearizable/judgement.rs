//! What a search found, and how it is told.

use super::{Call, Exhausted, Model};
use crate::history::Key;
use crate::verdict::{Anomaly, AnomalyKind, Verdict};

/// What a search found, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether there is an order that explains every answer.
    pub outcome: Outcome,
    /// What it cost.
    pub effort: Effort,
}

/// Whether there is an order that explains every answer. Calls are named by their places in the
/// list that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is: one order for each part, in the order in which the parts are first called.
    /// Unknown calls that take no effect are not in it.
    Linearizable {
        /// The orders.
        orders: Vec<Vec<u32>>,
    },
    /// There is none.
    NotLinearizable(Refutation),
    /// The budget was too small to tell.
    Unknown(Exhausted),
}

/// Why there is no order: the search got so far and no farther.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refutation {
    /// The part that it is about, if the object has parts.
    pub part: Option<String>,
    /// An order that explains as much of the history as any does: every call that returned before
    /// `blocked` returned, and perhaps some that were still open. If the budget ends while the
    /// longest one is looked for, it may explain less.
    pub order: Vec<u32>,
    /// The call whose return cannot be passed: it fits nowhere, or not together with the others.
    pub blocked: u32,
    /// The answered calls that were open when `blocked` returned and that are not in `order`,
    /// without `blocked` itself.
    pub open: Vec<u32>,
}

/// What a search cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Independent parts.
    pub parts: u64,
    /// Events passed and calls tried.
    pub steps: u64,
    /// Configurations kept to not be searched twice.
    pub configurations: u64,
    /// Bytes of memory at the end, as far as the search accounts for them.
    pub bytes: u64,
}

/// How many calls a report names, beside the one that is blocked.
const NAMED: usize = 8;

impl Judgement {
    /// Whether an order was found.
    pub const fn is_linearizable(&self) -> bool {
        matches!(self.outcome, Outcome::Linearizable { .. })
    }

    /// The verdict of the house, with the calls in words. `model` and `calls` are those that were
    /// checked.
    pub fn verdict<M: Model>(&self, model: &M, calls: &[Call<M::Input, M::Output>]) -> Verdict {
        match &self.outcome {
            Outcome::Linearizable { .. } => Verdict::Valid,
            Outcome::Unknown(exhausted) => Verdict::Unknown(exhausted.to_string()),
            Outcome::NotLinearizable(refutation) => {
                Verdict::Invalid(vec![refutation.anomaly(model, calls)])
            }
        }
    }
}

impl Refutation {
    /// The anomaly to report: `blocked` first, then those that were open beside it, by the indices
    /// of their operations. At most nine are named; `order` and `open` have all.
    fn anomaly<M: Model>(&self, model: &M, calls: &[Call<M::Input, M::Output>]) -> Anomaly {
        let get = |place: &u32| calls.get(*place as usize);
        let mut summary = match get(&self.blocked) {
            Some(blocked) => self.told(model, blocked, self.state_after(model, calls)),
            None => "no order explains the answers".to_owned(),
        };
        let open: Vec<_> = self.open.iter().filter_map(get).collect();
        if !open.is_empty() {
            let words = |call: &&Call<M::Input, M::Output>| format!("`{}`", words(model, call));
            let named: Vec<_> = open.iter().take(NAMED).map(words).collect();
            summary.push_str(&format!("; open beside it: {}", named.join(", ")));
            if open.len() > NAMED {
                summary.push_str(&format!(" and {} more", open.len() - NAMED));
            }
        }
        let named = get(&self.blocked).into_iter().chain(open.into_iter().take(NAMED));
        Anomaly {
            kind: AnomalyKind::NotLinearizable,
            key: self.part.as_deref().map(Key::from),
            summary,
            operations: named.map(|call| call.operation).collect(),
            total: 1,
        }
    }

    fn told<M: Model>(
        &self,
        model: &M,
        blocked: &Call<M::Input, M::Output>,
        state: Option<M::State>,
    ) -> String {
        let (words, process) = (words(model, blocked), blocked.process);
        let before = match self.order.len() {
            0 => "with nothing before it, the state is".to_owned(),
            1 => "after the one call before it that fits, the state is".to_owned(),
            fitting => format!("after the {fitting} calls before it that fit, the state is"),
        };
        let state = state.map(|state| cut(format!("{state:?}"))).unwrap_or_default();
        format!("no order explains `{words}` of process {process}: {before} {state}")
    }

    /// The state at the end of the order, for the report.
    fn state_after<M: Model>(
        &self,
        model: &M,
        calls: &[Call<M::Input, M::Output>],
    ) -> Option<M::State> {
        self.order.iter().try_fold(model.initial(), |state, place| {
            let call = calls.get(*place as usize)?;
            model.step(&state, &call.input, call.output.as_ref())
        })
    }
}

fn words<M: Model>(model: &M, call: &Call<M::Input, M::Output>) -> String {
    cut(model.describe(&call.input, call.output.as_ref()))
}

/// A text of a length that a report can bear.
fn cut(text: String) -> String {
    const LENGTH_MAX: usize = 200;
    match text.char_indices().nth(LENGTH_MAX) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
