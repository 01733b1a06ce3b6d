//! Calls that do the same.
//!
//! Those that lead to one state from all are the first classes, by the number of that state; of
//! others only the model knows whether they do the same, and they do if the same was asked and
//! answered. To compare what was asked takes time, so it is only done for calls that are ever
//! tried one for another.

use std::hash::Hash;

use super::Call;
use super::effect::Effect;
use super::parts::number;
use super::table::{Index, hash_of};
use super::timeline::{Crashed, NONE, Op, Timeline};

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Classes<'a, I, O> {
    calls: &'a [Call<I, O>],
    index: Index,
    /// How many states there are.
    states: u32,
    /// The first call of each class behind those of states.
    firsts: Vec<u32>,
}

impl<'a, I: Eq + Hash, O: Eq + Hash> Classes<'a, I, O> {
    /// None yet, where calls overwrite with so many states.
    pub(super) const fn new(calls: &'a [Call<I, O>], states: u32) -> Self {
        Self { calls, index: Index::new(), states, firsts: Vec::new() }
    }

    /// The class of a call.
    pub(super) fn of(&mut self, op: &mut Op) -> u32 {
        if op.class == NONE {
            op.class = self.find(op);
        }
        op.class
    }

    fn find(&mut self, op: &Op) -> u32 {
        if let Effect::To(state) = op.effect {
            return state;
        }
        let (calls, firsts) = (self.calls, &mut self.firsts);
        let of = |place: u32| {
            let Call { input, output, .. } = &calls[place as usize];
            (input, output)
        };
        let this = of(op.call);
        let found = self.index.find(hash_of(&this), |class| of(firsts[class as usize]) == this);
        let class = found.unwrap_or_else(|vacancy| {
            firsts.push(op.call);
            self.index.fill(vacancy, number(firsts.len() - 1))
        });
        self.states + class
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.index.bytes() + self.firsts.capacity() * size_of::<u32>()
    }

    /// Sorts the calls of a timeline that crashed.
    pub(super) fn sort_crashed(mut self, timeline: &mut Timeline) {
        let Timeline { ops, crashed, changing, .. } = timeline;
        // The place of each class among the crashed.
        let mut places = Vec::new();
        for op in ops.iter_mut().filter(|op| op.slot == NONE) {
            let class = self.find(op) as usize;
            if places.len() <= class {
                places.resize(class + 1, NONE);
            }
            if places[class] == NONE {
                places[class] = number(crashed.len());
                let Op { effect, overwrites, is_blind, .. } = *op;
                crashed.push(Crashed { calls: Vec::new(), effect, overwrites, is_blind });
                changing.extend((!overwrites).then_some(places[class]));
            }
            op.class = places[class];
            crashed[op.class as usize].calls.push(op.call);
        }
    }
}
