//! The calls of one part as the search walks through them: events in order, calls by slots.

use super::ahead::Ahead;
use super::classes::Classes;
use super::effect::{self, Effect};
use super::parts::{Parts, number};
use super::table::Interned;
use super::{Call, Model};

/// Stands for no number.
pub(super) const NONE: u32 = u32::MAX;

/// One call, in what the search needs of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    /// Its place in the list of calls.
    pub(super) call: u32,
    /// The bit that stands for it while it is open; [`NONE`] if its answer is unknown. A slot is
    /// another call's as soon as this one returned.
    pub(super) slot: u32,
    /// Calls that do the same have the same class; [`NONE`] as long as nobody asked for it. Of a
    /// call with an unknown answer it is the place among `crashed`.
    pub(super) class: u32,
    /// What it does.
    pub(super) effect: Effect,
    /// The event at which it returns; [`NONE`] if its answer is unknown.
    pub(super) returned: u32,
    /// How many calls are made before it returns.
    pub(super) calls_before: u32,
    /// See [`Model::only_observes`].
    pub(super) observes: bool,
    /// See [`Model::overwrites`].
    pub(super) overwrites: bool,
    /// See [`Model::is_blind`].
    pub(super) is_blind: bool,
}

/// A call begins or returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event(u32);

impl Event {
    const fn new(number: u32, returns: bool) -> Self {
        Self(number << 1 | returns as u32)
    }

    /// The number of the call among those of the part (or, before parts, of all).
    pub(super) const fn op(self) -> u32 {
        self.0 >> 1
    }

    /// Whether it returns.
    pub(super) const fn returns(self) -> bool {
        self.0 & 1 != 0
    }
}

/// Calls that do the same, whose answers are unknown.
#[derive(Clone, Debug)]
pub(super) struct Crashed {
    /// Their places in the list of calls, in the order in which they were called.
    pub(super) calls: Vec<u32>,
    /// What each of them does.
    pub(super) effect: Effect,
    /// See [`Model::overwrites`].
    pub(super) overwrites: bool,
    /// See [`Model::is_blind`].
    pub(super) is_blind: bool,
}

/// How far a search of a timeline looks ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// To the next observer: that costs nothing, and most timelines need no more.
    Near,
    /// To the end: see [`Ahead`].
    Far,
    /// The same, but only for what is before the first return from this event on.
    Before(u32),
}

/// The events of one part.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    /// In the order in which they were called.
    pub(super) ops: Vec<Op>,
    /// In the order of time. Calls with unknown answers do not return.
    pub(super) events: Vec<Event>,
    /// For each event, and for the end: the next call to return, from there on, that only
    /// observes; [`NONE`] if there is none.
    pub(super) observers: Vec<u32>,
    /// For each event, and for the end: how many calls are made before the first return of one
    /// that overwrites and was not called before that event. All, if there is none.
    pub(super) overwritten: Vec<u32>,
    /// Calls with unknown answers, by what they do.
    pub(super) crashed: Vec<Crashed>,
    /// Of these, the numbers of those that do not overwrite.
    pub(super) changing: Vec<u32>,
    /// What is known beforehand.
    pub(super) ahead: Ahead,
    /// The call that returns where the timeline was cut off; [`NONE`] if it is whole.
    pub(super) blocked: u32,
    /// How many slots there are.
    pub(super) slots: u32,
}

/// The events of all calls by parts, each part's in the order of time; they name calls by their
/// places.
pub(super) fn by_parts<I, O>(calls: &[Call<I, O>], parts: &Parts) -> Vec<Vec<Event>> {
    let all = in_order(calls);
    if parts.len() <= 1 {
        return if calls.is_empty() { Vec::new() } else { vec![all] };
    }
    let mut sizes = vec![0; parts.len()];
    all.iter().for_each(|event| sizes[parts.of(event.op() as usize)] += 1);
    let mut events: Vec<_> = sizes.into_iter().map(Vec::with_capacity).collect();
    all.iter().for_each(|event| events[parts.of(event.op() as usize)].push(*event));
    events
}

/// All events in the order of time, of one time the calls before the returns: what is not
/// strictly before is concurrent.
fn in_order<I, O>(calls: &[Call<I, O>]) -> Vec<Event> {
    let returned =
        |call: &Call<I, O>| call.output.as_ref().and(call.returned).map(|at| at.max(call.called));
    let last = calls.iter().map(|call| returned(call).unwrap_or(call.called)).max().unwrap_or(0);
    let first = calls.iter().map(|call| call.called).min().unwrap_or(0);
    // Open at the end, but answered: they return last of all, by a key behind all others.
    let keys = calls.iter().zip(0..).flat_map(|(call, place)| {
        let called = Some(((call.called - first, false), Event::new(place, false)));
        let at = (returned(call).unwrap_or(last) - first, true);
        let returns = call.output.as_ref().map(|_| (at, Event::new(place, true)));
        called.into_iter().chain(returns)
    });
    let spread = usize::try_from(last - first).unwrap_or(usize::MAX);
    if spread > calls.len().saturating_mul(8) {
        let mut sorted: Vec<_> = keys.collect();
        sorted.sort_by_key(|(key, _)| *key);
        return sorted.into_iter().map(|(_, event)| event).collect();
    }
    // Times are close together, as numbers of events are: count instead of comparing.
    let place = |(at, returns): (u64, bool)| {
        usize::try_from(at).unwrap_or(spread) * 2 + usize::from(returns)
    };
    let mut starts = vec![0_u32; spread * 2 + 3];
    keys.clone().for_each(|(key, _)| starts[place(key) + 1] += 1);
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let count = starts.last().copied().unwrap_or(0) as usize;
    let mut sorted = vec![Event(0); count];
    for (key, event) in keys {
        let start = &mut starts[place(key)];
        sorted[*start as usize] = event;
        *start += 1;
    }
    sorted
}

impl Timeline {
    /// From the events of a part, which name calls by their places, and the states that have
    /// numbers in it. `numbers` is scratch space, one number for each call of the list, for all
    /// parts to share.
    pub(super) fn new<M: Model>(
        model: &M,
        calls: &[Call<M::Input, M::Output>],
        events: &[Event],
        numbers: &mut [u32],
        sight: Sight,
    ) -> (Self, Interned<M::State>) {
        let states = Interned::new(model.initial());
        let timeline = Self { blocked: NONE, ..Self::default() };
        let mut builder = Builder { model, calls, states, numbers, vacant: Vec::new(), timeline };
        builder.timeline.ops.reserve(events.len() / 2 + 1);
        builder.timeline.events.reserve(events.len());
        builder.vacant.reserve(16);
        for event in events {
            if event.returns() { builder.returns(event.op()) } else { builder.calls(event.op()) }
        }
        let Builder { mut timeline, states, .. } = builder;
        if let Sight::Before(end) = sight {
            timeline.cut(end);
        }
        let all_known = effect::merge(states.len(), &mut timeline.ops);
        if all_known && sight != Sight::Near {
            timeline.ahead = Ahead::new(&timeline, states.len());
            let doom = timeline.ahead.doom;
            if doom != NONE {
                timeline.cut(doom);
                timeline.ahead = Ahead::new(&timeline, states.len());
                timeline.ahead.doom = doom;
            }
        }
        Classes::new(calls, number(states.len())).sort_crashed(&mut timeline);
        timeline.look_ahead();
        (timeline, states)
    }

    /// Leaves out the first return from an event on, and all that follows. Calls that are open
    /// there need not take effect.
    fn cut(&mut self, end: u32) {
        let calls = self.events[end as usize..].iter().take_while(|event| !event.returns());
        let end = end + number(calls.count());
        self.blocked = self.events.get(end as usize).map_or(NONE, |event| event.op());
        self.events.truncate(end as usize);
        self.ops.truncate(self.events.iter().filter(|event| !event.returns()).count());
        for op in self.ops.iter_mut().filter(|op| op.returned >= end) {
            op.returned = NONE;
        }
    }

    fn look_ahead(&mut self) {
        let mut calls = number(self.ops.len());
        let (mut observer, mut overwritten) = (NONE, calls);
        self.observers = vec![NONE; self.events.len() + 1];
        self.overwritten = vec![calls; self.events.len() + 1];
        for (at, event) in self.events.iter().enumerate().rev() {
            let op = &mut self.ops[event.op() as usize];
            if event.returns() {
                op.calls_before = calls;
                if op.observes {
                    observer = event.op();
                }
            } else {
                calls -= 1;
                if op.overwrites && op.slot != NONE {
                    overwritten = overwritten.min(op.calls_before);
                }
            }
            self.observers[at] = observer;
            self.overwritten[at] = overwritten;
        }
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.ops.capacity() * size_of::<Op>()
            + self.events.capacity() * size_of::<Event>()
            + 2 * self.observers.capacity() * size_of::<u32>()
            + self.ahead.bytes()
    }
}

/// What is needed while a timeline is made.
struct Builder<'a, M: Model> {
    model: &'a M,
    calls: &'a [Call<M::Input, M::Output>],
    states: Interned<M::State>,
    /// The number in the timeline of the call at each place, once it was called.
    numbers: &'a mut [u32],
    vacant: Vec<u32>,
    timeline: Timeline,
}

impl<M: Model> Builder<'_, M> {
    fn calls(&mut self, place: u32) {
        let call = &self.calls[place as usize];
        let observes = self.model.only_observes(&call.input, call.output.as_ref());
        let is_crashed = call.output.is_none();
        if is_crashed && observes {
            // It has no effect, and nobody knows its answer: it is as if it had not been.
            return;
        }
        let overwrites = self.model.overwrites(&call.input, call.output.as_ref());
        let is_blind = self.model.is_blind(&call.input, call.output.as_ref());
        let effect = Effect::of(self.model, call, overwrites, &mut self.states);
        let slot = if is_crashed { NONE } else { self.vacant_slot() };
        let op = Op {
            call: place,
            slot,
            class: NONE,
            effect,
            returned: NONE,
            calls_before: NONE,
            observes,
            overwrites,
            is_blind,
        };
        let number = number(self.timeline.ops.len());
        self.numbers[place as usize] = number;
        self.timeline.ops.push(op);
        self.timeline.events.push(Event::new(number, false));
    }

    fn vacant_slot(&mut self) -> u32 {
        self.vacant.pop().unwrap_or_else(|| {
            self.timeline.slots += 1;
            self.timeline.slots - 1
        })
    }

    fn returns(&mut self, place: u32) {
        let op = self.numbers[place as usize];
        let at = number(self.timeline.events.len());
        let returning = &mut self.timeline.ops[op as usize];
        returning.returned = at;
        self.vacant.push(returning.slot);
        self.timeline.events.push(Event::new(op, true));
    }
}
