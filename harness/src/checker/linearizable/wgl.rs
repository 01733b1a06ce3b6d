//! The search of Wing and Gong with Lowe's cache: the reference, and a competitor to race with.
//!
//! It goes through the events in order and takes calls that may come next, one after the other,
//! until the first return comes up whose call has not been taken; then it takes back the last one
//! (Wing and Gong, *Testing and verifying concurrent objects*, 1993). What was taken, as a set of
//! bits, and the state that it led to are remembered, and not tried again (Lowe, *Testing for
//! linearizability*, 2017). There are no other reductions, which makes it easy to believe. Its
//! memory grows with the square of the history, so give it a budget of bytes.

use super::budget::Meter;
use super::judgement::{Effort, Judgement, Outcome, Refutation};
use super::parts::{Parts, number, numbered};
use super::table::{Index, Interned, hash_of};
use super::{Budget, Call, Exhausted, Model};

/// Whether the calls are linearizable by the model, as [`super::check`] says it, found by the
/// older search. Of the model's hooks only [`Model::part`] is used.
pub fn check<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    budget: &Budget,
) -> Judgement {
    let mut effort = Effort::default();
    let mut meter = Meter::new(budget);
    let outcome = match numbered(calls) {
        Ok(()) => all_parts(model, calls, &mut meter, &mut effort),
        Err(exhausted) => Outcome::Unknown(exhausted),
    };
    effort.steps = meter.steps();
    Judgement { outcome, effort }
}

fn all_parts<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    meter: &mut Meter<'_>,
    effort: &mut Effort,
) -> Outcome {
    let parts = Parts::new(model, calls);
    let mut places = vec![Vec::new(); parts.len()];
    for place in 0..calls.len() {
        places[parts.of(place)].push(number(place));
    }
    let mut orders = Vec::new();
    for (part, places) in places.into_iter().enumerate() {
        let mut search = Search::new(model, calls, places);
        let found = search.run(meter);
        effort.parts += 1;
        effort.configurations += search.seen.len() as u64;
        effort.bytes = effort.bytes.max(search.bytes);
        match found {
            Ok(true) => orders.push(search.order()),
            Ok(false) => {
                let name = parts.name(model, calls, part);
                return Outcome::NotLinearizable(search.refutation(name));
            }
            Err(exhausted) => return Outcome::Unknown(exhausted),
        }
    }
    Outcome::Linearizable { orders }
}

/// Stands for no event.
const NONE: usize = usize::MAX;

/// A call or a return, in the list of those that are left.
#[derive(Clone, Copy, Debug)]
struct Event {
    call: usize,
    /// The event of its return, if this is a call that returns.
    returns: usize,
    is_return: bool,
    before: usize,
    after: usize,
}

/// A call that was taken, and what to restore when it is taken back.
struct Taken<S> {
    event: usize,
    before: S,
}

/// The search through one part.
struct Search<'a, M: Model> {
    model: &'a M,
    calls: &'a [Call<M::Input, M::Output>],
    /// The calls of the part, as places in the whole list. Below, a call is a place in this list.
    places: Vec<u32>,
    /// In the order of time, as a ring; the last one stands for both ends. Unknown calls do not
    /// return.
    events: Vec<Event>,
    /// Answered calls that are left.
    left: usize,
    /// Which calls were taken.
    bits: Box<[u64]>,
    state: M::State,
    taken: Vec<Taken<M::State>>,
    seen: Seen<M::State>,
    bytes: u64,
    /// The farthest event that was ever reached, and what had been taken then.
    farthest: (usize, Vec<usize>),
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, calls: &'a [Call<M::Input, M::Output>], places: Vec<u32>) -> Self {
        let mut times = Vec::new();
        for (call, place) in places.iter().enumerate() {
            let Call { output, called, returned, .. } = &calls[*place as usize];
            times.push((*called, false, call));
            if output.is_some() {
                times.push((returned.unwrap_or(u64::MAX).max(*called), true, call));
            }
        }
        times.sort_unstable();
        let end = times.len();
        let event = |(at, (_, is_return, call)): (usize, &(u64, bool, usize))| Event {
            call: *call,
            returns: NONE,
            is_return: *is_return,
            before: at.checked_sub(1).unwrap_or(end),
            after: at + 1,
        };
        let mut events: Vec<_> = times.iter().enumerate().map(event).collect();
        let before = end.saturating_sub(1);
        events.push(Event { call: NONE, returns: NONE, is_return: true, before, after: 0 });
        let mut called = vec![NONE; places.len()];
        for (at, (_, is_return, call)) in times.iter().enumerate() {
            if *is_return {
                events[called[*call]].returns = at;
            } else {
                called[*call] = at;
            }
        }
        let left = times.len() - places.len();
        let bits = vec![0; places.len().div_ceil(64)].into();
        let (state, taken, seen) = (model.initial(), Vec::new(), Seen::default());
        let farthest = (0, Vec::new());
        Self { model, calls, places, events, left, bits, state, taken, seen, bytes: 0, farthest }
    }

    fn run(&mut self, meter: &mut Meter<'_>) -> Result<bool, Exhausted> {
        let end = self.events.len() - 1;
        let mut at = self.events[end].after;
        while self.left > 0 {
            meter.spend(1, self.bytes)?;
            at = if !self.events[at].is_return {
                if self.take(at) { self.events[end].after } else { self.events[at].after }
            } else {
                self.reached(at);
                let Some(taken) = self.taken.pop() else { return Ok(false) };
                self.state = taken.before;
                self.put_back(taken.event)
            };
        }
        Ok(true)
    }

    /// Lets a call take effect next, unless its answer is impossible or that was tried before.
    fn take(&mut self, at: usize) -> bool {
        let call = self.events[at].call;
        let Call { input, output, .. } = &self.calls[self.places[call] as usize];
        let Some(state) = self.model.step(&self.state, input, output.as_ref()) else {
            return false;
        };
        self.bits[call / 64] |= 1 << (call % 64);
        if !self.seen.is_new(&self.bits, &state) {
            self.bits[call / 64] &= !(1 << (call % 64));
            return false;
        }
        let bytes = size_of_val(&*self.bits) + 4 * size_of::<u64>() + self.model.bytes(&state);
        self.bytes += bytes as u64;
        let before = std::mem::replace(&mut self.state, state);
        self.taken.push(Taken { event: at, before });
        self.unlink(at);
        let returns = self.events[at].returns;
        if returns != NONE {
            self.unlink(returns);
            self.left -= 1;
        }
        true
    }

    /// Takes a call back, and returns the event behind it.
    fn put_back(&mut self, at: usize) -> usize {
        let Event { call, returns, .. } = self.events[at];
        self.bits[call / 64] &= !(1 << (call % 64));
        if returns != NONE {
            self.link(returns);
            self.left += 1;
        }
        self.link(at);
        self.events[at].after
    }

    fn unlink(&mut self, at: usize) {
        let Event { before, after, .. } = self.events[at];
        self.events[before].after = after;
        self.events[after].before = before;
    }

    /// Undoes the last `unlink` that was not undone.
    fn link(&mut self, at: usize) {
        let Event { before, after, .. } = self.events[at];
        self.events[before].after = at;
        self.events[after].before = at;
    }

    fn reached(&mut self, at: usize) {
        if at > self.farthest.0 {
            let call = |taken: &Taken<M::State>| self.events[taken.event].call;
            self.farthest = (at, self.taken.iter().map(call).collect());
        }
    }

    /// The calls that were taken, in order.
    fn order(&self) -> Vec<u32> {
        self.taken.iter().map(|taken| self.places[self.events[taken.event].call]).collect()
    }

    fn refutation(&self, part: Option<String>) -> Refutation {
        let (at, taken) = &self.farthest;
        let blocked = self.events[*at].call;
        let mut open = Vec::new();
        for event in &self.events[..*at] {
            let is_open = event.returns != NONE && event.returns > *at;
            if !event.is_return && is_open && !taken.contains(&event.call) {
                open.push(self.places[event.call]);
            }
        }
        let order = taken.iter().map(|call| self.places[*call]).collect();
        Refutation { part, order, blocked: self.places[blocked], open }
    }
}

/// Which calls were taken, and the state after them.
type Configuration = (Box<[u64]>, u32);

/// What was tried before.
struct Seen<S> {
    states: Option<Interned<S>>,
    configurations: Vec<Configuration>,
    index: Index,
}

impl<S> Default for Seen<S> {
    fn default() -> Self {
        Self { states: None, configurations: Vec::new(), index: Index::default() }
    }
}

impl<S: Clone + Eq + std::hash::Hash> Seen<S> {
    /// Remembers it, and says whether it is new.
    fn is_new(&mut self, bits: &[u64], state: &S) -> bool {
        let states = self.states.get_or_insert_with(|| Interned::new(state.clone()));
        let state = states.number(state.clone());
        let known = &mut self.configurations;
        let is_right = |place: u32| {
            let (seen, then) = &known[place as usize];
            *then == state && **seen == *bits
        };
        match self.index.find(hash_of(&(bits, state)), is_right) {
            Ok(_) => false,
            Err(vacancy) => {
                let place =
                    u32::try_from(known.len()).expect("a budget of memory is reached first");
                known.push((bits.into(), state));
                self.index.fill(vacancy, place);
                true
            }
        }
    }

    const fn len(&self) -> usize {
        self.configurations.len()
    }
}
