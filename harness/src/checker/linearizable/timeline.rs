//! The calls of one part as the search walks through them: events in order, calls by slots.

use super::parts::{Parts, number};
use super::table::{Index, hash_of};
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
    /// Calls with the same input and output have the same class. Of a call with an unknown answer
    /// it is the place among `crashed`.
    pub(super) class: u32,
    /// The event at which it returns; [`NONE`] if its answer is unknown.
    pub(super) returned: u32,
    /// How many calls are made before it returns.
    pub(super) calls_before: u32,
    /// See [`Model::only_observes`].
    pub(super) observes: bool,
    /// See [`Model::overwrites`].
    pub(super) overwrites: bool,
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

/// Calls of one input whose answers are unknown.
#[derive(Clone, Debug, Default)]
pub(super) struct Crashed {
    /// Their places in the list of calls, in the order in which they were called.
    pub(super) calls: Vec<u32>,
    /// See [`Model::overwrites`].
    pub(super) overwrites: bool,
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
    /// Calls with unknown answers, by what was asked.
    pub(super) crashed: Vec<Crashed>,
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
    /// From the events of a part, which name calls by their places. `numbers` is scratch space, one
    /// number for each call of the list, for all parts to share.
    pub(super) fn new<M: Model>(
        model: &M,
        calls: &[Call<M::Input, M::Output>],
        events: &[Event],
        numbers: &mut [u32],
    ) -> Self {
        let mut builder = Builder {
            model,
            calls,
            classes: Index::default(),
            firsts: Vec::new(),
            crashed: Vec::new(),
            numbers,
            vacant: Vec::new(),
            timeline: Self::default(),
        };
        builder.timeline.ops.reserve(events.len() / 2 + 1);
        builder.timeline.events.reserve(events.len());
        for event in events {
            if event.returns() { builder.returns(event.op()) } else { builder.calls(event.op()) }
        }
        let mut timeline = builder.timeline;
        timeline.look_ahead();
        timeline
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
    }
}

/// What is needed while a timeline is made.
struct Builder<'a, M: Model> {
    model: &'a M,
    calls: &'a [Call<M::Input, M::Output>],
    classes: Index,
    /// The first call of each class.
    firsts: Vec<u32>,
    /// For each class, its place among the crashed, if it is one of theirs.
    crashed: Vec<u32>,
    /// The number in the timeline of the call at each place, once it was called.
    numbers: &'a mut [u32],
    vacant: Vec<u32>,
    timeline: Timeline,
}

impl<M: Model> Builder<'_, M> {
    fn calls(&mut self, place: u32) {
        let Call { input, output, .. } = &self.calls[place as usize];
        let output = output.as_ref();
        let observes = self.model.only_observes(input, output);
        let overwrites = self.model.overwrites(input, output);
        if output.is_none() {
            // It has no effect, and nobody knows its answer: it is as if it had not been.
            if !observes {
                self.crashes(place, overwrites);
            }
            return;
        }
        // Those that observe are never tried one for another, and their answers may be long.
        let class = if observes { NONE } else { self.class(place) };
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.timeline.slots += 1;
            self.timeline.slots - 1
        });
        let (returned, calls_before) = (NONE, NONE);
        let op = Op { call: place, slot, class, returned, calls_before, observes, overwrites };
        self.numbers[place as usize] = self.called(op);
    }

    fn crashes(&mut self, place: u32, overwrites: bool) {
        let class = self.class(place) as usize;
        if self.crashed[class] == NONE {
            self.crashed[class] = number(self.timeline.crashed.len());
            self.timeline.crashed.push(Crashed { calls: Vec::new(), overwrites });
        }
        let class = self.crashed[class];
        self.timeline.crashed[class as usize].calls.push(place);
        let (slot, returned, calls_before, observes) = (NONE, NONE, NONE, false);
        let op = Op { call: place, slot, class, returned, calls_before, observes, overwrites };
        self.called(op);
    }

    /// Adds a call with the event that begins it, and gives its number.
    fn called(&mut self, op: Op) -> u32 {
        let number = number(self.timeline.ops.len());
        self.timeline.ops.push(op);
        self.timeline.events.push(Event::new(number, false));
        number
    }

    fn returns(&mut self, place: u32) {
        let op = self.numbers[place as usize];
        let at = number(self.timeline.events.len());
        let returning = &mut self.timeline.ops[op as usize];
        returning.returned = at;
        self.vacant.push(returning.slot);
        self.timeline.events.push(Event::new(op, true));
    }

    fn class(&mut self, place: u32) -> u32 {
        let calls = self.calls;
        let of = |place: u32| {
            let Call { input, output, .. } = &calls[place as usize];
            (input, output)
        };
        let (firsts, this) = (&mut self.firsts, of(place));
        let found = self.classes.find(hash_of(&this), |class| of(firsts[class as usize]) == this);
        found.unwrap_or_else(|vacancy| {
            firsts.push(place);
            self.crashed.push(NONE);
            self.classes.fill(vacancy, number(firsts.len() - 1))
        })
    }
}
