//! Whether anybody will look at what a write leaves behind.
//!
//! A write that nothing forces takes effect only to be observed (see the seventh reduction of the search). Whether
//! it can be is known before it is tried: only calls count that are open, or that are called
//! before the next write is forced to take effect. This keeps the search from trying every write
//! that ever crashed wherever it is stuck.

use super::super::mask::Mask;
use super::super::timeline::{NONE, Op};
use super::super::{Call, Model};
use super::choices::After;
use super::{At, Search};

impl<M: Model, B: Mask> Search<'_, M, B> {
    /// Whether any call that does not overwrite can take effect in the state after a needless
    /// write, before a write has to take effect.
    pub(super) fn is_of_use(&self, after: &After<M::State>) -> bool {
        let at = self.then(after);
        self.changes_by_crash(at) || self.is_read(at)
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
