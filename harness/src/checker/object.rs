//! The history of an object, judged: is there an order of its calls that explains every answer?
//!
//! What [`history::object`](crate::history::object) reads becomes calls of the model of its object,
//! and [`linearizable`](super::linearizable) looks for the order. Independent keys are parts.

mod calls;
mod keyed;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::linearizable::models::key_value::KeyValue;
use super::linearizable::models::log::AppendLog;
use super::linearizable::models::queue::Queue;
use super::linearizable::models::register::Register;
use super::linearizable::models::set::Set;
use super::linearizable::{Budget, Call, Model, Outcome, check};
use crate::history::Unreadable;
use crate::history::object::{Object, ObjectHistory};
use crate::verdict::Verdict;
use keyed::Keyed;

/// What was found, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Whether the calls are linearizable.
    pub verdict: Verdict,
    /// Calls that were judged: without those that certainly had no effect.
    pub calls: u64,
    /// Independent objects.
    pub parts: u64,
    /// Events passed and calls tried.
    pub steps: u64,
    /// How far an order goes that explains as much as any does, if none explains all.
    pub explained: Option<Explained>,
}

/// The longest order that was found, and what cannot follow. Each call is in words, behind the
/// index of its operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The object, if there are several.
    pub part: Option<String>,
    /// Calls in an order that explains their answers.
    pub prefix: Vec<(u64, String)>,
    /// The call whose answer cannot follow.
    pub blocked: Option<(u64, String)>,
    /// Answered calls that were open at the same time and are not in the order either.
    pub open: Vec<(u64, String)>,
}

/// Judges the history of an object.
///
/// # Errors
/// The first line that makes no sense for this object, and why.
pub fn judge(history: &ObjectHistory, budget: &Budget) -> Result<Judgement, Unreadable> {
    let events = &history.events;
    Ok(match history.object {
        Object::Register => {
            let calls = calls::pair(events, calls::register)?;
            judge_calls(&Keyed(Register::new()), &calls, budget)
        }
        Object::Log => {
            let calls = calls::pair(events, calls::log)?;
            judge_calls(&Keyed(AppendLog), &calls, budget)
        }
        Object::Set => judge_calls(&Keyed(Set), &calls::pair(events, calls::set)?, budget),
        Object::Queue => judge_calls(&Keyed(Queue), &calls::pair(events, calls::queue)?, budget),
        Object::KeyValue => {
            let calls = calls::keyless(calls::pair(events, calls::store)?);
            judge_calls(&KeyValue, &calls, budget)
        }
    })
}

/// Judges calls of any model, and tells what was found in words.
pub fn judge_calls<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    budget: &Budget,
) -> Judgement {
    let judgement = check(model, calls, budget);
    let tell = |places: &[u32]| -> Vec<(u64, String)> {
        let known = places.iter().filter_map(|place| calls.get(usize::try_from(*place).ok()?));
        known.map(|call| tell(model, call)).collect()
    };
    let explained = match &judgement.outcome {
        Outcome::Linearizable { .. } | Outcome::Unknown(_) => None,
        Outcome::NotLinearizable(refutation) => Some(Explained {
            part: refutation.part.clone(),
            prefix: tell(&refutation.order),
            blocked: tell(&[refutation.blocked]).pop(),
            open: tell(&refutation.open),
        }),
    };
    Judgement {
        verdict: judgement.verdict(model, calls),
        calls: u64::try_from(calls.len()).expect("a length in memory fits 64 bits"),
        parts: judgement.effort.parts,
        steps: judgement.effort.steps,
        explained,
    }
}

fn tell<M: Model>(model: &M, call: &Call<M::Input, M::Output>) -> (u64, String) {
    let what = model.describe(&call.input, call.output.as_ref());
    (call.operation, format!("process {}: {what}", call.process))
}
