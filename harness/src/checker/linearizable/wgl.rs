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

/// A call that was taken, and what to restore when it is taken back.
struct Taken<S> {
    /// The event at which it was called.
    at: usize,
    call: usize,
    before: S,
}

/// The search through one part.
struct Search<'a, M: Model> {
    model: &'a M,
    calls: &'a [Call<M::Input, M::Output>],
    /// The calls of the part, as places in the whole list. Below, a call is a place in this list.
    places: Vec<u32>,
    /// Who calls (`false`) and returns (`true`), in order of time. Unknown calls do not return.
    events: Vec<(bool, usize)>,
    /// The event at which each call returns.
    returns: Vec<usize>,
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
        let mut events = Vec::new();
        for (call, place) in places.iter().enumerate() {
            let Call { output, called, returned, .. } = &calls[*place as usize];
            events.push((*called, false, call));
            if output.is_some() {
                events.push((returned.unwrap_or(u64::MAX).max(*called), true, call));
            }
        }
        events.sort_unstable();
        let events: Vec<_> = events.into_iter().map(|(_, returns, call)| (returns, call)).collect();
        let mut returns = vec![usize::MAX; places.len()];
        for (at, (is_return, call)) in events.iter().enumerate() {
            if *is_return {
                returns[*call] = at;
            }
        }
        let bits = vec![0; places.len().div_ceil(64)].into();
        Self {
            model,
            calls,
            places,
            events,
            returns,
            bits,
            state: model.initial(),
            taken: Vec::new(),
            seen: Seen::default(),
            bytes: 0,
            farthest: (0, Vec::new()),
        }
    }

    fn run(&mut self, meter: &mut Meter<'_>) -> Result<bool, Exhausted> {
        let mut at = 0;
        while at < self.events.len() {
            meter.spend(1, self.bytes)?;
            let (is_return, call) = self.events[at];
            at = if self.is_taken(call) || (!is_return && !self.take(at, call)) {
                at + 1
            } else if !is_return {
                0
            } else {
                self.reached(at);
                let Some(taken) = self.taken.pop() else { return Ok(false) };
                self.bits[taken.call / 64] &= !(1 << (taken.call % 64));
                self.state = taken.before;
                taken.at + 1
            };
        }
        Ok(true)
    }

    fn is_taken(&self, call: usize) -> bool {
        self.bits[call / 64] & (1 << (call % 64)) != 0
    }

    /// Lets a call take effect next, unless its answer is impossible or that was tried before.
    fn take(&mut self, at: usize, call: usize) -> bool {
        let Call { input, output, .. } = &self.calls[self.places[call] as usize];
        let Some(state) = self.model.step(&self.state, input, output.as_ref()) else {
            return false;
        };
        self.bits[call / 64] |= 1 << (call % 64);
        if !self.seen.is_new(&self.bits, &state) {
            self.bits[call / 64] &= !(1 << (call % 64));
            return false;
        }
        let bytes = size_of_val(&*self.bits) + 3 * size_of::<u64>() + self.model.bytes(&state);
        self.bytes += bytes as u64;
        let before = std::mem::replace(&mut self.state, state);
        self.taken.push(Taken { at, call, before });
        true
    }

    fn reached(&mut self, at: usize) {
        if at > self.farthest.0 {
            self.farthest = (at, self.taken.iter().map(|taken| taken.call).collect());
        }
    }

    /// The calls that were taken, in order.
    fn order(&self) -> Vec<u32> {
        self.taken.iter().map(|taken| self.places[taken.call]).collect()
    }

    fn refutation(&self, part: Option<String>) -> Refutation {
        let (at, taken) = &self.farthest;
        let (_, blocked) = self.events[*at];
        let mut open = Vec::new();
        for (is_return, call) in &self.events[..*at] {
            let is_open = self.returns[*call] > *at && self.returns[*call] != usize::MAX;
            if !is_return && is_open && !taken.contains(call) {
                open.push(self.places[*call]);
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
