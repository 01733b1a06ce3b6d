//! Named states that must be reached somewhere in a sweep.
//!
//! A sweep of a thousand valid runs proves little if in none of them a node was ever replaced
//! while it was cut off. So each run counts the noteworthy states that it went through, a sweep
//! merges the counts, and a state that was *required* and never reached fails the sweep: it
//! tested less than it claims.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::counts::Counts;

/// The states of many runs, merged. The order of merging does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sometimes {
    states: BTreeMap<String, State>,
}

/// One state over many runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Whether the sweep fails if the state is never reached.
    pub required: bool,
    /// In how many runs it was reached.
    pub runs: u64,
    /// How often it was reached, over all runs.
    pub times: u64,
    /// The smallest seed whose run reached it; none if never reached.
    pub first_seed: Option<u64>,
}

impl Sometimes {
    /// A table without runs, in which `required` must each be reached.
    #[must_use]
    pub fn requiring<'a>(required: impl IntoIterator<Item = &'a String>) -> Self {
        let state = State { required: true, ..State::default() };
        Self { states: required.into_iter().map(|name| (name.clone(), state)).collect() }
    }

    /// Merges the counts of the run of `seed`. A state counted zero times is known from now on,
    /// but not reached. A seed must be added once only.
    pub fn add(&mut self, seed: u64, counts: &Counts) {
        for (name, times) in counts {
            let state = self.states.entry(name.clone()).or_default();
            if *times > 0 {
                state.runs = state.runs.saturating_add(1);
                state.times = state.times.saturating_add(*times);
                state.first_seed = Some(state.first_seed.map_or(seed, |first| first.min(seed)));
            }
        }
    }

    /// Every known state, by name.
    pub fn states(&self) -> impl Iterator<Item = (&str, &State)> {
        self.states.iter().map(|(name, state)| (name.as_str(), state))
    }

    /// Whether there is no state to tell of.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The required states that no run reached, by name. Not empty: the sweep fails.
    #[must_use]
    pub fn missing(&self) -> Vec<&str> {
        let missing = self.states().filter(|(_, state)| state.required && state.runs == 0);
        missing.map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        pairs.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect()
    }

    #[test]
    fn required_state_that_was_never_reached_is_missing() {
        let required = ["full".to_owned(), "torn".to_owned(), "cut".to_owned()];
        let mut sometimes = Sometimes::requiring(&required);
        sometimes.add(7, &counts(&[("cut", 2), ("full", 0)]));
        sometimes.add(3, &counts(&[("cut", 1), ("slow", 0)]));
        // `full` was counted zero times, `torn` was not even named; nobody asked for `slow`.
        assert_eq!(sometimes.missing(), ["full", "torn"]);
        let cut = sometimes.states["cut"];
        assert_eq!(cut, State { required: true, runs: 2, times: 3, first_seed: Some(3) });
    }

    #[test]
    fn counts_that_overflow_stay_at_the_top() {
        let mut sometimes = Sometimes::default();
        sometimes.add(0, &counts(&[("cut", u64::MAX)]));
        sometimes.add(1, &counts(&[("cut", 1)]));
        assert_eq!(sometimes.states["cut"].times, u64::MAX);
    }

    proptest! {
        #[test]
        fn order_of_merging_does_not_matter(
            runs in prop::collection::vec(prop::collection::btree_map("[a-d]", 0_u64..3, 0..4), 0..8),
        ) {
            let mut forwards = Sometimes::default();
            let mut backwards = Sometimes::default();
            let numbered: Vec<_> = (0_u64..).zip(&runs).collect();
            numbered.iter().for_each(|(seed, run)| forwards.add(*seed, run));
            numbered.iter().rev().for_each(|(seed, run)| backwards.add(*seed, run));
            prop_assert_eq!(forwards, backwards);
        }
    }
}
