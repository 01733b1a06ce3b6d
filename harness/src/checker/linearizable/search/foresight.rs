//! What a state is good for: the answer that is to be observed next.

use super::super::effect::Effect;
use super::super::mask::Mask;
use super::super::timeline::{NONE, Op};
use super::super::{Call, Model, Viable};
use super::choices::After;
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

    /// How a state looks for a call that is yet to come true.
    pub(super) fn viability(&self, at: At<'_, M::State>, op: u32) -> Viable {
        if let Some(needed) = self.timeline.ops[op as usize].effect.needs() {
            return match at.number {
                Some(number) if number == needed => Viable::Likely,
                _ if self.can_come(needed, op) => Viable::Perhaps,
                _ => Viable::Never,
            };
        }
        let Call { input, output, .. } = self.call(op);
        let Some(output) = output else { return Viable::Perhaps };
        let viable = |at: At<'_, M::State>| self.viable(at, input, output);
        match viable(at) {
            Viable::Never if self.can_be_overwritten(op, |at| viable(at) != Viable::Never) => {
                Viable::Perhaps
            }
            viable @ (Viable::Likely | Viable::Perhaps | Viable::Never) => viable,
        }
    }

    /// Whether a state that nobody overwrites can lead to where a call that observes comes true.
    pub(super) fn is_on_the_way(&self, at: At<'_, M::State>, op: u32) -> bool {
        let Call { input, output, .. } = self.call(op);
        output.as_ref().is_none_or(|output| self.viable(at, input, output) != Viable::Never)
    }

    /// What the model says of a state and an answer.
    fn viable(&self, at: At<'_, M::State>, input: &M::Input, output: &M::Output) -> Viable {
        match at.after.map(|blind| self.call(blind)) {
            Some(blind) => {
                let blind = (&blind.input, blind.output.as_ref());
                self.model.viable_after(at.state, blind, input, output)
            }
            None => self.model.viable(at.state, input, output),
        }
    }

    /// Whether to go there now makes a call impossible that is yet to come: see
    /// [`Ahead`](super::super::ahead::Ahead).
    pub(super) fn is_dead_end(&self, after: &After<M::State>) -> bool {
        let After::Known(to) = *after else { return false };
        if to == self.state {
            return false;
        }
        let ahead = &self.timeline.ahead;
        let last = ahead.last_to_need(self.state);
        let is_needed = last != NONE && last >= self.cursor.called;
        (is_needed && !self.can_come(self.state, last)) || ahead.is_too_early(self.cursor.event, to)
    }

    /// Whether a call can take effect before another returns that leads to a state.
    fn can_come(&self, state: u32, before: u32) -> bool {
        /// Where so many lead, one of them will do it; that is for the search.
        const MANY: usize = 8;
        let Some(leading) = self.timeline.ahead.leading.to(state) else { return true };
        let calls_before = self.timeline.ops[before as usize].calls_before;
        leading.len() >= MANY
            || leading.iter().take_while(|number| **number < calls_before).any(|number| {
                let Op { slot, class, returned, .. } = self.timeline.ops[*number as usize];
                *number >= self.cursor.called
                    || match slot {
                        NONE => self.counts.of(self.taken, class) < self.cursor.crashed(class),
                        _ => returned >= self.cursor.event && !self.done.has(slot),
                    }
            })
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
