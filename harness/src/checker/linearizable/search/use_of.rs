//! Whether anybody will look at what a write leaves behind.
//!
//! A write that nothing forces takes effect only to be observed (see the seventh reduction of the search). Whether
//! it can be is known before it is tried: only calls count that are open, or that are called
//! before the next write is forced to take effect. This keeps the search from trying every write
//! that ever crashed wherever it is stuck.

use super::super::mask::Mask;
use super::super::timeline::{NONE, Op};
use super::super::trail::Action;
use super::super::{Call, Model};
use super::choices::After;
use super::{At, Search};

/// Which calls fit the state that a crashed write leaves, as far as was looked. A search stays in
/// one stretch of the history for a while, so that nearly nothing is looked at twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Readers {
    /// The numbers of the calls that were looked at: from the first to before the second.
    looked_at: (u32, u32),
    /// Those among them that fit and do not overwrite, in order.
    fit: Vec<u32>,
}

impl<M: Model, B: Mask> Search<'_, M, B> {
    /// Whether any call that does not overwrite can take effect in the state after a needless
    /// write, before a write has to take effect.
    pub(super) fn is_of_use(&mut self, action: Action, after: &After<M::State>) -> bool {
        if self.changes_by_crash(self.then(after)) {
            return true;
        }
        match action {
            Action::Take(_) | Action::Hide(_) => self.is_read(self.then(after)),
            Action::TakeCrashed(class) => self.is_read_of(class, after),
        }
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

    /// The same for a crashed write, which leads to the same state every time.
    fn is_read_of(&mut self, class: u32, after: &After<M::State>) -> bool {
        let (begin, end) = (self.cursor.oldest().min(self.cursor.called), self.end());
        let mut readers = std::mem::take(&mut self.readers[class as usize]);
        let (from, to) = readers.looked_at;
        if begin < from || begin > to {
            readers = Readers { looked_at: (begin, begin), fit: Vec::new() };
        }
        let (from, to) = readers.looked_at;
        readers.fit.extend((to..end).filter(|op| self.fits(*op, self.then(after))));
        readers.looked_at = (from, to.max(end));
        let first = readers.fit.partition_point(|op| *op < begin);
        let near = readers.fit[first..].iter().take_while(|op| **op < end);
        let found = near.into_iter().any(|op| self.is_left(*op));
        self.readers[class as usize] = readers;
        found
    }

    /// Whether a call is yet to take effect.
    fn is_left(&self, op: u32) -> bool {
        let Op { slot, returned, .. } = self.timeline.ops[op as usize];
        op >= self.cursor.called || (returned >= self.cursor.event && !self.done.has(slot))
    }
}
