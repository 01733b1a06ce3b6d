//! What follows for an order from which states calls need, found without a search.
//!
//! A call that is possible in one state only ([`needs`](super::effect::Effect::needs)) comes after
//! one that leads there, a *source*, or finds the state that was there before all. Take any call
//! that leaves one known state for certain and that returned before ours was made: from then on the
//! old state is gone, and a source must take effect after it, or be it. What a search can know
//! beforehand:
//!
//! - A source must be called before ours returns, and must return after the latest such call was
//!   made. If there is none, no order has our call. Whatever the search does before, it will not
//!   pass that return (*doom*), and there it can stop at once.
//! - If there is only one source, it must not take effect before the latest such call was made.
//! - As long as a call that needs a state is yet to come, the state must not be left, unless a
//!   source can take effect once more. (Of those that have come and only observe, all are done.)
//!
//! This is necessary, not sufficient. But where values are unique it leaves hardly anything to the
//! search, and without it a search would be sure of a stale read only when it had tried everything
//! that came before. (Gibbons and Korach 1997 decide registers of unique values by such conditions
//! alone.)

use super::effect::Leading;
use super::timeline::{NONE, Timeline};

/// What is known beforehand of one part. If not all effects are known, that is nothing.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    /// The first event that no order can pass; [`NONE`] if there is none to be seen.
    pub(super) doom: u32,
    /// Who leads where.
    pub(super) leading: Leading,
    /// For each state, the last call that needs it, or [`NONE`].
    last: Vec<u32>,
    /// For each state, the event before which the only source must not take effect.
    not_before: Vec<u32>,
}

impl Default for Ahead {
    fn default() -> Self {
        let (leading, last, not_before) = Default::default();
        Self { doom: NONE, leading, last, not_before }
    }
}

impl Ahead {
    /// Of a timeline whose effects are all known, with so many states.
    pub(super) fn new(timeline: &Timeline, states: usize) -> Self {
        let (last, not_before) = (vec![NONE; states], vec![0; states]);
        let leading = Leading::new(&timeline.ops, states);
        let mut ahead = Self { doom: NONE, leading, last, not_before };
        // Times are numbers of events plus one, so that nothing is before the first.
        let mut latest_source = vec![0; states];
        let mut latest_certain = 0;
        let mut open = vec![(0, 0); timeline.slots as usize];
        for (event, at) in timeline.events.iter().zip(0_u32..) {
            let op = &timeline.ops[event.op() as usize];
            let needed = op.effect.needs();
            if event.returns() {
                let (called, certain) = open[op.slot as usize];
                if let Some(state) = needed {
                    let is_first = state == 0 && certain == 0;
                    if !is_first && latest_source[state as usize] <= certain {
                        ahead.doom = at;
                        break;
                    }
                }
                if op.effect.is_certain() {
                    latest_certain = latest_certain.max(called);
                }
                continue;
            }
            if let Some(to) = op.effect.leads_to() {
                let latest: &mut u32 = &mut latest_source[to as usize];
                *latest = (*latest).max(op.returned.saturating_add(1));
            }
            if let Some(state) = needed.filter(|_| op.returned != NONE) {
                ahead.last[state as usize] = event.op();
                ahead.not_before[state as usize] = latest_certain;
            }
            if op.slot != NONE {
                open[op.slot as usize] = (at + 1, latest_certain);
            }
        }
        ahead
    }

    /// The last call that needs a state; [`NONE`] if there is none, or none is known.
    #[inline]
    pub(super) fn last_to_need(&self, state: u32) -> u32 {
        self.last.get(state as usize).copied().unwrap_or(NONE)
    }

    /// Whether it is too early, before an event, to lead to a state.
    #[inline]
    pub(super) fn is_too_early(&self, event: u32, state: u32) -> bool {
        self.not_before.get(state as usize).is_some_and(|not_before| *not_before > event)
            && self.leading.to(state).is_some_and(|sources| sources.len() == 1)
    }

    /// Bytes on the heap.
    pub(super) const fn bytes(&self) -> usize {
        (self.last.capacity() + self.not_before.capacity()) * size_of::<u32>()
            + self.leading.bytes()
    }
}
