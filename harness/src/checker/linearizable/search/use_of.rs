//! Whether anybody will look at what a blind call leaves behind.
//!
//! One that nothing forces takes effect only to be observed (see the seventh reduction of the
//! search). Whether it can be is known before it is tried: only calls count that are open, or that
//! are called before the next write is forced to take effect. This keeps the search from trying
//! every write that ever crashed wherever it is stuck, and every order of what will be overwritten.

use super::super::mask::Mask;
use super::super::timeline::{NONE, Op};
use super::super::{Call, Model};
use super::{At, Search};

impl<M: Model, B: Mask> Search<'_, M, B> {
    /// Whether anybody can look at the state after a needless call, before a write has to take
    /// effect.
    pub(super) fn is_of_use(&self, overwrites: bool, at: At<'_, M::State>) -> bool {
        if overwrites { self.changes_by_crash(at) || self.is_read(at) } else { self.is_awaited(at) }
    }

    /// Whether any call that looks can come true after a state that is not overwritten, before a
    /// write has to take effect.
    fn is_awaited(&self, at: At<'_, M::State>) -> bool {
        /// So many calls are looked at; more is for the search.
        const CALLS: u32 = 200;
        let awaits = |op: u32| {
            let Op { slot, is_blind, observes, .. } = self.timeline.ops[op as usize];
            slot != NONE && !is_blind && (!observes || self.is_on_the_way(at, op))
        };
        let mut from = 0;
        while let Some(slot) = self.cursor.open.next(&self.done, from) {
            if awaits(self.cursor.op_in(slot)) {
                return true;
            }
            from = slot + 1;
        }
        let Op { slot, overwrites, .. } = self.timeline.ops[self.blocked() as usize];
        if overwrites && !self.optional.has(slot) {
            // It has to take effect at once, or another one that hides it.
            return false;
        }
        let soon = self.cursor.called..self.timeline.overwritten[self.cursor.event as usize];
        soon.len() > CALLS as usize || soon.into_iter().any(awaits)
    }

    /// Whether a crashed call that does not overwrite could do something with the state, now or
    /// before the next write has to take effect.
    fn changes_by_crash(&self, at: At<'_, M::State>) -> bool {
        let changing = &self.timeline.changing;
        if changing.is_empty() {
            return false;
        }
        let changes = |class: u32| {
            let crashed = &self.timeline.crashed[class as usize];
            match at.number.and_then(|number| crashed.effect.after(number)) {
                Some(after) => after.is_ok_and(|after| Some(after) != at.number),
                None => {
                    let Call { input, .. } = &self.calls[crashed.calls[0] as usize];
                    self.model.step(at.state, input, None).is_some_and(|after| after != *at.state)
                }
            }
        };
        let soon = || {
            let ops = &self.timeline.ops[self.cursor.called as usize..self.end() as usize];
            ops.iter().any(|op| op.slot == NONE && !op.overwrites && changes(op.class))
        };
        changing.iter().any(|class| self.cursor.crashed(*class) > 0 && changes(*class)) || soon()
    }

    /// The first call that comes too late to observe: it is called after the next write had to
    /// take effect, or, if the call that is to return does not write, after that.
    fn end(&self) -> u32 {
        if self.timeline.ops[self.blocked() as usize].overwrites {
            // It may pass as hidden.
            self.timeline.overwritten[self.cursor.event as usize]
        } else {
            self.cursor.called
        }
    }

    fn fits(&self, op: u32, at: At<'_, M::State>) -> bool {
        let Op { slot, overwrites, .. } = self.timeline.ops[op as usize];
        slot != NONE && !overwrites && self.allows(op, at)
    }

    fn is_read(&self, at: At<'_, M::State>) -> bool {
        let mut from = 0;
        while let Some(slot) = self.cursor.open.next(&self.done, from) {
            if self.fits(self.cursor.op_in(slot), at) {
                return true;
            }
            from = slot + 1;
        }
        (self.cursor.called..self.end()).any(|op| self.fits(op, at))
    }
}
