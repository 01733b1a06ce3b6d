//! Tiling: can whole batches fill the holes?
//!
//! A search over states, from the first hole to the last. Of batches with equally many records,
//! those called earlier are used first: if two are used in the other order, exchanging them makes
//! neither late, and an unused one that was called earlier can stand in for a used one. So a state
//! counts how many of each length are used. Only acknowledged appends, which have deadlines of
//! their own, are told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::gaps::Hole;
use super::holes::{Spare, Spares};

/// More acknowledged appends without an offset are not searched.
const OWED_MAX: usize = 64;

/// What the search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tiling {
    /// The holes can be filled.
    Found,
    /// They cannot; this is how many of them can be, if the rest does not matter.
    None { farthest: usize },
    /// The budget was too small.
    Exhausted,
}

/// Where a search stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    /// The first hole that is not filled.
    hole: usize,
    /// How many are used of each length.
    used: Vec<u32>,
    /// Which of the acknowledged are used.
    owed: u64,
    /// The time of the last append; zero where no acknowledged append cares.
    time: u32,
}

struct Search<'s> {
    holes: &'s [Hole],
    spares: &'s Spares,
    /// Calls of the free appends, ascending, by how many records they have.
    by_length: Vec<(u32, Vec<u32>)>,
    highest: u32,
}

/// Looks for a tiling; `highest` is the latest L of all positions.
pub(super) fn search(holes: &[Hole], spares: &Spares, highest: u32, budget: u64) -> Tiling {
    if spares.owed.len() > OWED_MAX {
        return Tiling::Exhausted;
    }
    let mut by_length: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for spare in &spares.free {
        by_length.entry(spare.records).or_default().push(spare.called);
    }
    let by_length: Vec<_> = by_length.into_iter().collect();
    let start = State { hole: 0, used: vec![0; by_length.len()], owed: 0, time: 0 };
    let search = Search { holes, spares, by_length, highest };
    let mut open = vec![start.clone()];
    let mut known = BTreeSet::from([start]);
    let mut farthest = 0;
    let mut steps = 0_u64;
    while let Some(state) = open.pop() {
        farthest = farthest.max(state.hole);
        if search.is_done(&state) {
            return Tiling::Found;
        }
        steps += 1;
        if steps > budget {
            return Tiling::Exhausted;
        }
        for next in search.successors(&state) {
            if !known.contains(&next) {
                known.insert(next.clone());
                open.push(next);
            }
        }
    }
    Tiling::None { farthest }
}

impl Search<'_> {
    /// Whether all holes are filled, and what is owed can follow behind the end: there each append
    /// may wait for its call, but not go before the latest L.
    fn is_done(&self, state: &State) -> bool {
        let end = self.highest.max(state.time);
        let mut left = (0..).zip(&self.spares.owed).filter(|(bit, _)| state.owed >> bit & 1 == 0);
        state.hole == self.holes.len() && left.all(|(_, spare)| spare.returned >= end)
    }

    fn successors(&self, state: &State) -> Vec<State> {
        let Some(hole) = self.holes.get(state.hole) else { return Vec::new() };
        let mut successors = Vec::new();
        for (length, called) in &self.spares.endless {
            successors.extend(self.after(state, hole, (*length, *called)));
        }
        for spare in self.spares.hinted.get(&hole.place).into_iter().flatten() {
            successors.extend(self.after(state, hole, (spare.records, spare.called)));
        }
        for (class, (length, calls)) in self.by_length.iter().enumerate() {
            let called = usize::try_from(state.used[class]).ok().and_then(|used| calls.get(used));
            let next = called.and_then(|called| self.after(state, hole, (*length, *called)));
            successors.extend(next.map(|mut next| {
                next.used[class] += 1;
                next
            }));
        }
        for (bit, spare) in (0..).zip(&self.spares.owed) {
            let Spare { records, called, returned, .. } = *spare;
            if state.owed >> bit & 1 == 0
                && let Some(mut next) = self.after(state, hole, (records, called))
                && next.time <= returned
            {
                next.owed |= 1 << bit;
                successors.push(next);
            }
        }
        successors
    }

    /// The state after a batch was put here, if it fits.
    fn after(&self, state: &State, hole: &Hole, (length, called): (u32, u32)) -> Option<State> {
        if length > hole.room || called > hole.deadline {
            return None;
        }
        let time = match self.spares.owed.is_empty() {
            true => 0,
            false => state.time.max(hole.floor).max(called),
        };
        let hole = state.hole.saturating_add(usize::try_from(length).ok()?).min(self.holes.len());
        Some(State { hole, time, used: state.used.clone(), owed: state.owed })
    }
}
