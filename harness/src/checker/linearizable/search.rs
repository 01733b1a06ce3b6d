//! The just-in-time search through one part.
//!
//! A call must have taken effect when it returns, and nothing forces a decision before that. So
//! the search walks through the events, and only at the return of a call that has not taken
//! effect yet does it choose: this call now, or another open one before it. Where it stands is a
//! [`Place`]: the event, the state, and which open calls are done; that is a few words, where the
//! older search remembers a bit for every call of the history. (Lowe 2017 calls it just-in-time
//! linearization.) It goes into the depth, and what was searched once is not searched again.
//!
//! Ten reductions keep it small. Each is sound because an order that it leaves out can be
//! changed, by an exchange of calls, into one that it does not leave out.
//!
//! 1. *Only at returns.* Take any order that explains the history, and let each call take effect
//!    as late as the order allows: just before the return of the first call that does not come
//!    before it in the order. No call moves past another, so that the answers are the same, and
//!    none moves past its own return.
//! 2. *Observers at once* ([`Model::only_observes`]). As soon as such a call is open and its answer
//!    fits, it is done, and no other choice is tried. In an order that has it later, move it here:
//!    it is open already, and since it changes no state, every other call finds the same state.
//! 3. *One of twins.* Of open calls with the same input and the same answer only the one is taken
//!    that returns first. An order that takes the other one can be changed by swapping the two:
//!    both are open now, and the one that now goes later returns later. An order that takes only
//!    the other can not be: the one that returns first would be done by its return at the latest.
//!    One that is optional (see 6) and one that is not are no twins: the second would have to hide
//!    where the first does, and may not have been called by then. But if they overwrite, the one
//!    that is not taken becomes optional in any case.
//! 4. *Crashed calls are counts.* See [`Seen`]: a call whose answer is unknown never has to take
//!    effect. So it has no slot, no place in the mask and no return; its class has a count of
//!    those called *so far*, and fewer taken is at least as good.
//! 5. *Viability* ([`Model::viable`]). A state from which the next answer to come cannot come true
//!    is left at once: that answer belongs to a call that must take effect after it. It can come
//!    true without a call that overwrites, or after the last one that does; so the states that
//!    those lead to that are left are asked about, too.
//! 6. *Hidden calls* ([`Model::overwrites`], [`Model::is_blind`]). When a call takes effect that
//!    leaves the same state whatever was before it, every other open call that is blind may have
//!    taken effect just before, or not: nobody can tell. They become *optional*, and a place stands
//!    for all their subsets at once, which would be 2^n places. An optional call can still be taken
//!    (then it was not among those hidden), and at its return it may pass (then it was).
//! 7. *No needless calls*. A blind call that nothing forces, because it does not return now or
//!    could pass as hidden, takes effect only to be observed. Say that a write follows, and nobody
//!    looked in between: then all between them are blind, and possible in any state. If the
//!    needless call is still open at the write, leave it out: the write hides it. If not, let it
//!    take effect at its return. Those that passed as hidden behind it do so, too. The write leaves
//!    the same state as before and has at least as many optional ones; fewer calls are needless, or
//!    as many and one of them later, so that this comes to an end. So behind a needless call none
//!    may overwrite until one has looked (`unobserved` in [`Place`]), and a call that leaves what
//!    nobody can look at in time is not tried at all (see `use_of`).
//! 8. *Easy parts first*: see [`super::dovetail`].
//! 9. *States that nobody regards are one*: see [`super::effect`].
//! 10. *Looking ahead*: see [`super::ahead`].
//!
//! The order in which possibilities are tried changes no verdict; it is by what the next observing
//! call will be answered.

mod choices;
mod foresight;
mod use_of;

use super::classes::Classes;
use super::cursor::Cursor;
use super::judgement::Refutation;
use super::mask::Mask;
use super::parts::number;
use super::seen::{Place, Seen, Taken};
use super::table::Interned;
use super::timeline::{NONE, Timeline};
use super::trail::{Action, Trail};
use super::{Call, Model, Viable};
use choices::{After, Choices, Sort};

/// How a slice of a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// An order was found.
    Explained,
    /// There is none.
    Refuted,
    /// The slice was too small to tell; it can go on.
    Paused,
}

/// The search through one part, whatever the width of its masks.
pub(super) trait Searching {
    /// Goes on for about so many steps, or until it holds so many bytes.
    fn run(&mut self, steps: u64, bytes: u64) -> Ended;
    /// Steps so far: events passed and calls tried.
    fn steps(&self) -> u64;
    /// Bytes that it holds.
    fn bytes(&self) -> u64;
    /// Configurations that it remembers.
    fn configurations(&self) -> u64;
    /// The order that was found.
    fn order(&self) -> Vec<u32>;
    /// The first event that was never passed, and how many there are.
    fn reached(&self) -> (u32, u32);
    /// Why no order passes the first event that was never passed.
    fn refutation(&self, part: Option<String>) -> Refutation;
}

/// A state, and its number if it has one yet.
#[derive(Debug)]
struct At<'s, S> {
    number: Option<u32>,
    state: &'s S,
    /// Not this state is meant, but the one that this blind call leaves there.
    after: Option<u32>,
}

impl<S> Clone for At<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for At<'_, S> {}

/// The return at which a choice was made, and all that is needed to make another one.
#[derive(Debug)]
struct Frame<B> {
    place: Place<B>,
    taken: u32,
    trail: usize,
    choices: Choices,
}

/// See the head of this file.
pub(super) struct Search<'a, M: Model, B> {
    model: &'a M,
    calls: &'a [Call<M::Input, M::Output>],
    timeline: Timeline,
    classes: Classes<'a, M::Input, M::Output>,
    cursor: Cursor<B>,
    states: Interned<M::State>,
    /// Where it stands, with the cursor.
    state: u32,
    taken: u32,
    done: B,
    optional: B,
    unobserved: bool,
    trail: Trail,
    frames: Vec<Frame<B>>,
    /// What is left to try, of all frames; a frame knows where its own begin.
    pending: Vec<(Action, Viable)>,
    /// Scratch space: open calls with their classes, whether they may pass, and their returns.
    candidates: Vec<(u32, bool, u32, u32)>,
    counts: Taken,
    seen: Seen<B>,
    /// The event that was never passed, and who was open there and not done.
    farthest: (u32, Vec<u32>),
    steps: u64,
    /// Bytes of states on the heap.
    heap: usize,
}

impl<'a, M: Model, B: Mask> Search<'a, M, B> {
    pub(super) fn new(
        model: &'a M,
        calls: &'a [Call<M::Input, M::Output>],
        (timeline, states): (Timeline, Interned<M::State>),
    ) -> Self {
        let slots = timeline.slots;
        Self {
            model,
            calls,
            classes: Classes::new(calls, number(states.len())),
            cursor: Cursor::new(&timeline),
            heap: (0..number(states.len())).map(|state| model.bytes(states.get(state))).sum(),
            states,
            state: 0,
            taken: 0,
            done: B::none(slots),
            optional: B::none(slots),
            unobserved: false,
            trail: Trail::with_capacity(timeline.ops.len()),
            frames: Vec::new(),
            pending: Vec::new(),
            candidates: Vec::new(),
            counts: Taken::new(),
            seen: Seen::new(),
            farthest: (0, Vec::new()),
            steps: 0,
            timeline,
        }
    }

    /// The state that is.
    fn here(&self) -> At<'_, M::State> {
        self.state_of(self.state)
    }

    /// The state of a number.
    fn state_of(&self, number: u32) -> At<'_, M::State> {
        At { number: Some(number), state: self.states.get(number), after: None }
    }

    /// Whether the answer of a call is possible in a state.
    fn allows(&self, op: u32, at: At<'_, M::State>) -> bool {
        let known = at.number.and_then(|at| self.timeline.ops[op as usize].effect.allows(at));
        known.unwrap_or_else(|| {
            let Call { input, output, .. } = self.call(op);
            self.model.allows(at.state, input, output.as_ref())
        })
    }

    fn call(&self, op: u32) -> &'a Call<M::Input, M::Output> {
        &self.calls[self.timeline.ops[op as usize].call as usize]
    }

    /// Walks to the next return that cannot be passed; `None` if all events were passed.
    fn advance(&mut self) -> Option<u32> {
        while let Some(event) = self.timeline.events.get(self.cursor.event as usize).copied() {
            self.steps += 1;
            let op = &self.timeline.ops[event.op() as usize];
            let slot = op.slot;
            if event.returns() {
                if !self.done.has(slot) {
                    return Some(event.op());
                }
                self.done.clear(slot);
            }
            let observes = op.observes && !event.returns();
            self.cursor.forwards(&self.timeline);
            if observes {
                self.observe(event.op(), slot);
            }
        }
        None
    }

    /// Lets a call that only observes take effect, if its answer fits.
    fn observe(&mut self, op: u32, slot: u32) {
        if self.allows(op, self.here()) {
            self.done.set(slot);
            self.trail.push(Action::Take(op));
            self.unobserved = false;
        }
    }

    /// Lets all open calls that only observe take effect whose answers fit.
    fn observe_all(&mut self) {
        let mut from = 0;
        while let Some(slot) = self.cursor.observing.next(&self.done, from) {
            self.observe(self.cursor.op_in(slot), slot);
            from = slot + 1;
        }
    }

    /// Begins to choose at the return of a call, unless that was done before, and does what comes
    /// to mind if that looks right. Whether it did.
    fn go_on(&mut self) -> bool {
        let place = Place {
            event: self.cursor.event,
            state: self.state,
            done: self.done.clone(),
            optional: self.optional.clone(),
            unobserved: self.unobserved,
        };
        if self.seen.knows(&place, self.taken, &self.counts) {
            return false;
        }
        let first = self.right_away();
        self.frames.push(Frame {
            place,
            taken: self.taken,
            trail: self.trail.len(),
            choices: Choices::new(self.pending.len(), first.is_some()),
        });
        first.is_some_and(|(action, after)| {
            self.act(action, after);
            self.observe_all();
            true
        })
    }

    /// Makes the next choice that is left, going back as far as need be. Whether there was one.
    fn choose(&mut self) -> bool {
        if self.cursor.event > self.farthest.0 {
            self.keep_farthest();
        }
        while let Some(frame) = self.frames.last() {
            self.cursor.back_to(frame.place.event, &self.timeline);
            self.state = frame.place.state;
            self.done.clone_from(&frame.place.done);
            self.optional.clone_from(&frame.place.optional);
            self.taken = frame.taken;
            self.trail.truncate(frame.trail);
            self.unobserved = frame.place.unobserved;
            let Some(action) = self.draw() else {
                self.frames.pop();
                continue;
            };
            let Ok(after) = self.after(action) else { continue };
            self.act(action, after);
            self.observe_all();
            return true;
        }
        false
    }

    /// Does what was chosen, and what follows from it.
    fn act(&mut self, action: Action, after: After<M::State>) {
        self.steps += 1;
        self.trail.push(action);
        let Sort { overwrites, is_blind } = self.sort(action);
        let needless = is_blind && self.is_needless(action);
        match action {
            Action::Hide(op) | Action::Take(op) => {
                let slot = self.timeline.ops[op as usize].slot;
                self.optional.clear(slot);
                self.done.set(slot);
            }
            Action::TakeCrashed(class) => self.taken = self.counts.one_more(self.taken, class),
        }
        match after {
            After::Nothing => return,
            After::Known(state) => self.state = state,
            After::New(state) => {
                let (known, bytes) = (self.states.len(), self.model.bytes(&state));
                self.state = self.states.number(state);
                if self.states.len() > known {
                    self.heap += bytes;
                }
            }
        }
        if overwrites {
            self.optional.set_all(&self.cursor.blind, &self.done);
        }
        self.unobserved = needless || (is_blind && !overwrites && self.unobserved);
    }

    /// Keeps where the search stands as the farthest that it came.
    fn keep_farthest(&mut self) {
        self.farthest.0 = self.cursor.event;
        self.farthest.1.clear();
        let mut from = 0;
        while let Some(slot) = self.cursor.open.next(&self.done, from) {
            self.farthest.1.push(self.cursor.op_in(slot));
            from = slot + 1;
        }
        self.trail.keep();
    }

    fn held(&self) -> u64 {
        let bytes = self.heap
            + self.timeline.bytes()
            + self.states.bytes()
            + self.classes.bytes()
            + self.seen.bytes(&self.counts)
            + self.trail.bytes()
            + self.frames.capacity() * size_of::<Frame<B>>()
            + self.pending.capacity() * size_of::<(Action, Viable)>();
        bytes as u64
    }
}

impl<M: Model, B: Mask> Searching for Search<'_, M, B> {
    fn run(&mut self, steps: u64, bytes: u64) -> Ended {
        let end = self.steps.saturating_add(steps);
        loop {
            if self.advance().is_none() {
                if self.timeline.blocked != NONE {
                    self.keep_farthest();
                }
                let is_doomed = self.timeline.ahead.doom != NONE;
                return if is_doomed { Ended::Refuted } else { Ended::Explained };
            }
            if !self.go_on() && !self.choose() {
                return Ended::Refuted;
            }
            if self.steps >= end || self.held() > bytes {
                return Ended::Paused;
            }
        }
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn bytes(&self) -> u64 {
        self.held()
    }

    fn configurations(&self) -> u64 {
        self.seen.len() as u64
    }

    fn order(&self) -> Vec<u32> {
        self.trail.order(&self.timeline)
    }

    fn reached(&self) -> (u32, u32) {
        (self.farthest.0, number(self.timeline.events.len()))
    }

    fn refutation(&self, part: Option<String>) -> Refutation {
        let (at, open) = &self.farthest;
        let event = self.timeline.events.get(*at as usize);
        let blocked = event.map_or(self.timeline.blocked, |event| event.op());
        let place = |op: u32| self.timeline.ops[op as usize].call;
        let open = open.iter().filter(|op| **op != blocked).map(|op| place(*op)).collect();
        let order = self.trail.farthest(&self.timeline);
        Refutation { part, order, blocked: place(blocked), open }
    }
}
