//! Calls by the independent part of the object that they are about.

use super::table::{Index, hash_of};
use super::{Call, Exhausted, Model, Part};

/// A history has two events a call, and a bit of each number is taken.
const CALLS_MAX: usize = 1 << 29;

/// Refuses more calls than can be numbered.
pub(super) fn numbered<I, O>(calls: &[Call<I, O>]) -> Result<(), Exhausted> {
    if calls.len() <= CALLS_MAX {
        return Ok(());
    }
    let calls = u64::try_from(calls.len()).unwrap_or(u64::MAX);
    Err(Exhausted::TooManyCalls { calls })
}

/// A number of something of which there are at most twice as many as calls.
pub(super) fn number(place: usize) -> u32 {
    u32::try_from(place).expect("the calls were numbered")
}

/// Which part each call belongs to.
#[derive(Debug)]
pub(super) struct Parts {
    /// The number of the part of each call, by the call's place. Empty if there is only one part.
    of_call: Vec<u32>,
    /// The first call of each part.
    firsts: Vec<u32>,
}

impl Parts {
    /// Finds the parts, in the order of their first calls in the list. The calls are numbered.
    pub(super) fn new<M: Model>(model: &M, calls: &[Call<M::Input, M::Output>]) -> Self {
        let part_of = |place: u32| model.part(&calls[place as usize].input);
        let mut parts = Self { of_call: Vec::new(), firsts: Vec::new() };
        if calls.iter().all(|call| model.part(&call.input) == Part::Whole) {
            parts.firsts.extend((!calls.is_empty()).then_some(0));
            return parts;
        }
        let mut index = Index::default();
        parts.of_call.reserve_exact(calls.len());
        for (place, call) in calls.iter().enumerate() {
            let part = model.part(&call.input);
            let firsts = &mut parts.firsts;
            let known = index.find(hash_of(&part), |known| part_of(firsts[known as usize]) == part);
            let number = known.unwrap_or_else(|vacancy| {
                firsts.push(number(place));
                index.fill(vacancy, number(firsts.len() - 1))
            });
            parts.of_call.push(number);
        }
        parts
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.firsts.len()
    }

    /// The number of the part of the call at a place.
    #[inline]
    pub(super) fn of(&self, place: usize) -> usize {
        self.of_call.get(place).map_or(0, |part| *part as usize)
    }

    /// The name of a part, unless it is the whole.
    pub(super) fn name<M: Model>(
        &self,
        model: &M,
        calls: &[Call<M::Input, M::Output>],
        part: usize,
    ) -> Option<String> {
        let first = calls.get(*self.firsts.get(part)? as usize)?;
        match model.part(&first.input) {
            Part::Whole => None,
            part @ (Part::Number(_) | Part::Named(_)) => Some(part.to_string()),
        }
    }
}
