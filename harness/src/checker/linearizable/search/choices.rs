//! What can be done at a return that cannot be passed, and in which order it is tried.
//!
//! Nearly always the first thing to come to mind is right: let the call that returns take effect,
//! or let it pass if it is optional. So the other possibilities are only looked for when that was
//! wrong, or when the answer that is to be observed next speaks against it.

use super::super::effect::{Effect, Impossible};
use super::super::mask::Mask;
use super::super::parts::number;
use super::super::timeline::{Crashed, Op};
use super::super::trail::Action;
use super::super::{Call, Model, Viable};
use super::{At, Search};

/// How far a frame has come with its choices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choices {
    stage: Stage,
    /// Where its own begin among those that are pending.
    begin: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What comes to mind first did not look right.
    Fresh,
    /// It did, and was tried.
    First,
    /// The open calls were looked for; what is pending is left of them.
    Open,
    /// So were the crashed ones.
    Crashed,
}

/// What the model says of the call that takes effect by an action.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort {
    pub(super) overwrites: bool,
    pub(super) is_blind: bool,
}

/// What an action makes of the state.
#[derive(Clone, Debug)]
pub(super) enum After<S> {
    /// It has no effect here and now.
    Nothing,
    /// The state of this number.
    Known(u32),
    /// This state, which may have no number yet.
    New(S),
}

/// What an action would make of the state, as far as it must be known to judge it.
#[derive(Clone, Debug)]
enum Prospect<S> {
    /// What this blind call leaves, of which the model need not make a state:
    /// [`Model::viable_after`].
    Blind(u32),
    /// It is made.
    Made(After<S>),
}

impl Choices {
    /// Whose own begin there, of a frame in which what comes to mind first is tried or not.
    pub(super) const fn new(begin: usize, tried: bool) -> Self {
        Self { stage: if tried { Stage::First } else { Stage::Fresh }, begin }
    }
}

impl<'a, M: Model, B: Mask> Search<'a, M, B> {
    /// Takes the next choice of the last frame.
    pub(super) fn draw(&mut self) -> Option<Action> {
        let Choices { stage, begin } = self.frames.last()?.choices;
        match stage {
            Stage::Fresh => self.look_for_open(false),
            Stage::First => self.look_for_open(true),
            Stage::Open | Stage::Crashed => {}
        }
        if self.pending.len() == begin && self.frames.last()?.choices.stage == Stage::Open {
            self.look_for_crashed();
        }
        if self.pending.len() > begin { self.pending.pop().map(|(action, _)| action) } else { None }
    }

    fn reach(&mut self, stage: Stage) {
        if let Some(frame) = self.frames.last_mut() {
            frame.choices.stage = stage;
        }
    }

    /// The call at whose return a choice is to be made.
    pub(super) fn blocked(&self) -> u32 {
        self.timeline.events[self.cursor.event as usize].op()
    }

    /// What comes to mind: the call that returns passes or takes effect now.
    fn first(&self) -> Option<Action> {
        let blocked = self.blocked();
        let Op { slot, observes, overwrites, is_blind, .. } = self.timeline.ops[blocked as usize];
        if self.optional.has(slot) {
            return Some(Action::Hide(blocked));
        }
        // One that only observes would be done already.
        let barred = observes || (overwrites && self.unobserved);
        (!barred && (is_blind || self.allows(blocked, self.here())))
            .then_some(Action::Take(blocked))
    }

    /// What comes to mind, with what follows from it, if the next observer's answer is on the way
    /// from there.
    pub(super) fn right_away(&self) -> Option<(Action, After<M::State>)> {
        let action = self.first()?;
        let prospect = self.prospect(action).ok()?;
        let likely = |next| self.viability(self.at(&prospect), next) == Viable::Likely;
        if !self.next_observer().is_none_or(likely) {
            return None;
        }
        let after = match prospect {
            Prospect::Blind(_) => self.after(action).ok()?,
            Prospect::Made(after) => after,
        };
        Some((action, after))
    }

    /// What an action makes of the state that is.
    pub(super) fn after(&self, action: Action) -> Result<After<M::State>, Impossible> {
        let Some((effect, call)) = self.taken_by(action) else { return Ok(After::Nothing) };
        match effect.after(self.state) {
            Some(after) => after.map(After::Known),
            None => {
                let Call { input, output, .. } = &self.calls[call as usize];
                let after = self.model.step(self.states.get(self.state), input, output.as_ref());
                after.map(After::New).ok_or(Impossible)
            }
        }
    }

    /// What must be known of it to judge it.
    fn prospect(&self, action: Action) -> Result<Prospect<M::State>, Impossible> {
        if let Action::Take(op) = action {
            let Op { effect, overwrites, is_blind, .. } = self.timeline.ops[op as usize];
            if effect == Effect::Ask && is_blind && !overwrites {
                return Ok(Prospect::Blind(op));
            }
        }
        let after = self.after(action)?;
        if self.is_dead_end(&after) { Err(Impossible) } else { Ok(Prospect::Made(after)) }
    }

    /// The state that would follow.
    fn at<'s>(&'s self, prospect: &'s Prospect<M::State>) -> At<'s, M::State> {
        match prospect {
            Prospect::Blind(op) => At { number: None, after: Some(*op), ..self.here() },
            Prospect::Made(after) => self.then(after),
        }
    }

    /// The state that follows.
    fn then<'s>(&'s self, after: &'s After<M::State>) -> At<'s, M::State> {
        match after {
            After::Nothing => self.here(),
            After::Known(number) => self.state_of(*number),
            After::New(state) => At { number: None, state, after: None },
        }
    }

    /// What the call does that takes effect by an action, and its place; `None` if there is no such
    /// call.
    fn taken_by(&self, action: Action) -> Option<(Effect, u32)> {
        match action {
            Action::Hide(_) => None,
            Action::Take(op) => {
                let op = &self.timeline.ops[op as usize];
                Some((op.effect, op.call))
            }
            Action::TakeCrashed(class) => {
                let crashed = &self.timeline.crashed[class as usize];
                Some((crashed.effect, crashed.calls[0]))
            }
        }
    }

    /// What sort of call takes effect by an action.
    pub(super) fn sort(&self, action: Action) -> Sort {
        match action {
            Action::Hide(_) => Sort { overwrites: false, is_blind: false },
            Action::Take(op) => {
                let Op { overwrites, is_blind, .. } = self.timeline.ops[op as usize];
                Sort { overwrites, is_blind }
            }
            Action::TakeCrashed(class) => {
                let Crashed { overwrites, is_blind, .. } = self.timeline.crashed[class as usize];
                Sort { overwrites, is_blind }
            }
        }
    }

    /// Whether nothing makes a call take effect that overwrites: it does not return now, or it
    /// could pass as one that is hidden.
    pub(super) fn is_needless(&self, action: Action) -> bool {
        let blocked = self.blocked();
        action != Action::Take(blocked)
            || self.optional.has(self.timeline.ops[blocked as usize].slot)
    }

    /// Whether the state stays as it is.
    fn is_here(&self, prospect: &Prospect<M::State>) -> bool {
        match prospect {
            Prospect::Blind(_) => false,
            Prospect::Made(After::Nothing) => true,
            Prospect::Made(After::Known(number)) => *number == self.state,
            Prospect::Made(After::New(state)) => state == self.states.get(self.state),
        }
    }

    /// Whether a write would hide a call here that cannot pass as hidden already.
    fn hides_more(&self) -> bool {
        let mut optional = self.optional.clone();
        optional.set_all(&self.cursor.blind, &self.done);
        optional != self.optional
    }

    /// Puts an action among those pending, unless it is impossible or leads nowhere. It is rated
    /// by what it does for the call that must be answered next: the one that is to pass here, or
    /// if that can pass already, the next one that observes.
    fn consider(&mut self, action: Action, passable: bool) {
        let Sort { overwrites, is_blind } = self.sort(action);
        if overwrites && self.unobserved {
            return;
        }
        let Ok(prospect) = self.prospect(action) else { return };
        let at = self.at(&prospect);
        let next = if passable { self.next_observer() } else { Some(self.blocked()) };
        let viable = next.map_or(Viable::Perhaps, |next| self.viability(at, next));
        // A crashed call that changes nothing, and hides nothing, is better saved for later.
        let is_saved = || {
            matches!(action, Action::TakeCrashed(_))
                && self.is_here(&prospect)
                && !(overwrites && self.hides_more())
        };
        let is_of_no_use =
            || is_blind && self.is_needless(action) && !self.is_of_use(overwrites, at);
        if viable != Viable::Never && !is_saved() && !is_of_no_use() {
            self.pending.push((action, viable));
        }
    }

    /// Puts those pending from `begin` on in order, the best one last; among equals the last one
    /// stays last.
    fn best_last(&mut self, begin: usize) {
        self.pending[begin..].sort_by_key(|(_, viable)| std::cmp::Reverse(*viable));
    }

    /// Looks for open calls that can take effect now; `tried` if what comes to mind first was
    /// tried already. Of twins there is only the one that returns first.
    fn look_for_open(&mut self, tried: bool) {
        self.reach(Stage::Open);
        let Some(frame) = self.frames.last() else { return };
        // Until now nobody could come here again: the call that returns passed this event.
        self.seen.keep(&frame.place, frame.taken, &self.counts);
        let begin = frame.choices.begin;
        let mut candidates = std::mem::take(&mut self.candidates);
        let mut from = 0;
        while let Some(slot) = self.cursor.open.next(&self.done, from) {
            from = slot + 1;
            let number = self.cursor.op_in(slot);
            let op = &mut self.timeline.ops[number as usize];
            if !op.observes {
                let may_pass = !op.overwrites && self.optional.has(slot);
                candidates.push((self.classes.of(op), may_pass, op.returned, number));
            }
        }
        candidates.sort_unstable();
        candidates.dedup_by_key(|(class, may_pass, ..)| (*class, *may_pass));
        candidates.sort_unstable_by_key(|(.., returned, _)| std::cmp::Reverse(*returned));

        let first = self.first();
        let tried = first.filter(|_| tried);
        for (.., number) in candidates.drain(..) {
            let action = Action::Take(number);
            if Some(action) != tried {
                self.consider(action, first.is_some());
            }
        }
        if let Some(hide @ Action::Hide(_)) = first.filter(|_| tried.is_none()) {
            self.consider(hide, true);
        }
        self.candidates = candidates;
        self.best_last(begin);
    }

    /// Looks for crashed calls, one of each class of which one is left.
    fn look_for_crashed(&mut self) {
        self.reach(Stage::Crashed);
        let Some(frame) = self.frames.last() else { return };
        let (begin, taken) = (frame.choices.begin, frame.taken);
        let passable = self.first().is_some();
        for class in 0..number(self.timeline.crashed.len()) {
            if self.cursor.crashed(class) > self.counts.of(taken, class) {
                self.consider(Action::TakeCrashed(class), passable);
            }
        }
        self.best_last(begin);
    }
}
