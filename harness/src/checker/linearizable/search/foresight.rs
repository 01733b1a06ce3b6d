//! What a state is good for: the answer that is to be observed next.

use super::super::effect::Effect;
use super::super::mask::Mask;
use super::super::{Call, Model, Viable};
use super::{At, Search};

impl<M: Model, B: Mask> Search<'_, M, B> {
    /// The next call to return that only observes and is not done yet.
    pub(super) fn next_observer(&self) -> Option<u32> {
        /// How many that are done to pass by before giving up: it is only advice.
        const LOOKS: u32 = 8;
        let mut event = self.cursor.event;
        for _ in 0..LOOKS {
            let next = self.timeline.observers[event as usize];
            let op = self.timeline.ops.get(next as usize)?;
            let is_open = self.cursor.open.has(op.slot) && self.cursor.op_in(op.slot) == next;
            if !(is_open && self.done.has(op.slot)) {
                return Some(next);
            }
            event = op.returned + 1;
        }
        None
    }

    /// Whether the next observer's answer can still come true.
    pub(super) fn is_viable(&self) -> bool {
        self.next_observer().is_none_or(|next| self.viability(self.here(), next) != Viable::Never)
    }

    /// How a state looks for a call that is yet to come true.
    pub(super) fn viability(&self, at: At<'_, M::State>, op: u32) -> Viable {
        let viable = |at: At<'_, M::State>| self.viable(at, op);
        match viable(at) {
            Viable::Never if self.can_be_overwritten(op, |at| viable(at) != Viable::Never) => {
                Viable::Perhaps
            }
            viable @ (Viable::Likely | Viable::Perhaps | Viable::Never) => viable,
        }
    }

    /// The same if nothing overwrites the state.
    fn viable(&self, at: At<'_, M::State>, op: u32) -> Viable {
        if at.number.is_some() && at.number == self.timeline.ops[op as usize].effect.needs() {
            return Viable::Likely;
        }
        let Call { input, output, .. } = self.call(op);
        output.as_ref().map_or(Viable::Perhaps, |output| self.model.viable(at.state, input, output))
    }

    /// Whether a call can take effect before another returns that overwrites the state with one
    /// that is right.
    fn can_be_overwritten(&self, before: u32, is_right: impl Fn(At<'_, M::State>) -> bool) -> bool {
        /// So many calls are looked at; more is for the search.
        const CALLS: u32 = 200;
        let leads = |effect: Effect| effect.leads_to().is_none_or(|to| is_right(self.state_of(to)));
        let mut from = 0;
        while let Some(slot) = self.cursor.overwriting.next(&self.done, from) {
            if leads(self.timeline.ops[self.cursor.op_in(slot) as usize].effect) {
                return true;
            }
            from = slot + 1;
        }
        let crashed = (0..).zip(&self.timeline.crashed).any(|(class, crashed)| {
            crashed.overwrites && self.cursor.crashed(class) > 0 && leads(crashed.effect)
        });
        let end = self.timeline.ops[before as usize].calls_before;
        let begin = self.cursor.called.min(end);
        crashed || end - begin > CALLS || {
            let soon = &self.timeline.ops[begin as usize..end as usize];
            soon.iter().any(|op| op.overwrites && leads(op.effect))
        }
    }
}
