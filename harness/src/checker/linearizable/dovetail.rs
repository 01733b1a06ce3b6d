//! All parts of an object, a slice of each at a time.
//!
//! An object is linearizable if each of its parts is, and it is not if one of them is not. Some
//! parts may be hard: if they were searched one after the other, a hard one that is fine could
//! use up the budget before an easy one that is not was looked at. So each gets a slice, enough
//! for a walk without many wrong turns; those that are left get four times as much; and so on.
//! A search that is paused goes on where it was. In the end no more than about a third of the
//! steps are spent on others before the first violation that can be found is found.
//!
//! What costs more than it saves on an easy part is done after the first slice: looking ahead
//! ([`Sight`]). And a search that looks ahead, however near, turns back before it has come as far
//! as it could. So it tells that there is no order, and not how long the longest prefix is that has
//! one; for that, prefixes are searched.

use super::budget::Meter;
use super::judgement::{Effort, Judgement, Outcome, Refutation};
use super::mask::Words;
use super::parts::{Parts, numbered};
use super::search::{Ended, Search, Searching};
use super::table::Interned;
use super::timeline::{Event, Sight, Timeline, by_parts};
use super::{Budget, Call, Exhausted, Model};

/// Steps of the first slice, beside four for each event.
const SLICE: u64 = 256;
/// By how much slices grow.
const GROWTH: u64 = 4;
/// Steps between two looks at the budget.
const BETWEEN: u64 = 1 << 16;
/// So many events deserve to be looked at from afar at once.
const LONG: usize = 4096;
/// How much longer than the search that refuted may the search for the longest prefix take.
const PATIENCE: u64 = 8;

/// What is wanted to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whether there is an order.
    Verdict,
    /// Also the longest prefix that has one.
    Reason,
}

/// See [`super::check`] and [`super::decide`].
pub(super) fn check<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    budget: &Budget,
    wanted: Wanted,
) -> Judgement {
    let mut meter = Meter::new(budget);
    let mut effort = Effort::default();
    let outcome = match numbered(calls) {
        Ok(()) => Dovetail::new(model, calls, wanted).run(&mut meter, &mut effort),
        Err(exhausted) => Outcome::Unknown(exhausted),
    };
    effort.steps = meter.steps();
    Judgement { outcome, effort }
}

/// A part that is not decided yet.
struct Open<'a> {
    part: usize,
    events: Vec<Event>,
    sight: Sight,
    search: Box<dyn Searching + 'a>,
}

struct Dovetail<'a, M: Model> {
    model: &'a M,
    calls: &'a [Call<M::Input, M::Output>],
    parts: Parts,
    /// The orders that were found.
    orders: Vec<Vec<u32>>,
    /// Bytes of all searches but the one that is running.
    waiting: u64,
    wanted: Wanted,
    /// Scratch space of timelines.
    numbers: Vec<u32>,
}

impl<'a, M: Model> Dovetail<'a, M> {
    fn new(model: &'a M, calls: &'a [Call<M::Input, M::Output>], wanted: Wanted) -> Self {
        let parts = Parts::new(model, calls);
        let orders = vec![Vec::new(); parts.len()];
        let numbers = vec![0; calls.len()];
        Self { model, calls, parts, orders, waiting: 0, wanted, numbers }
    }

    /// A search of the events of a part, from the beginning.
    fn search(&mut self, events: &[Event], sight: Sight) -> Box<dyn Searching + 'a> {
        let (model, calls) = (self.model, self.calls);
        search(model, calls, Timeline::new(model, calls, events, &mut self.numbers, sight))
    }

    fn run(mut self, meter: &mut Meter<'_>, effort: &mut Effort) -> Outcome {
        effort.parts = self.parts.len() as u64;
        match self.first_round(meter, effort).and_then(|open| self.rounds(open, meter, effort)) {
            Ok(()) => Outcome::Linearizable { orders: self.orders },
            Err(outcome) => *outcome,
        }
    }

    /// Begins every part; most are decided at once. An error ends the search.
    fn first_round(
        &mut self,
        meter: &mut Meter<'_>,
        effort: &mut Effort,
    ) -> Result<Vec<Open<'a>>, Box<Outcome>> {
        let mut open = Vec::new();
        for (part, events) in by_parts(self.calls, &self.parts).into_iter().enumerate() {
            let sight = if events.len() < LONG { Sight::Near } else { Sight::Far };
            let search = self.search(&events, sight);
            let mut this = Open { part, events, sight, search };
            if !self.slice(&mut this, 1, meter, effort)? {
                self.waiting += this.search.bytes();
                open.push(this);
            }
        }
        Ok(open)
    }

    /// Goes on with those that are left, with growing slices.
    fn rounds(
        &mut self,
        mut open: Vec<Open<'a>>,
        meter: &mut Meter<'_>,
        effort: &mut Effort,
    ) -> Result<(), Box<Outcome>> {
        let mut times = 1_u64;
        while !open.is_empty() {
            times = times.saturating_mul(GROWTH);
            let mut left = Vec::new();
            for mut this in open {
                self.waiting = self.waiting.saturating_sub(this.search.bytes());
                if this.sight == Sight::Near {
                    effort.configurations += this.search.configurations();
                    this.sight = Sight::Far;
                    this.search = self.search(&this.events, Sight::Far);
                }
                if !self.slice(&mut this, times, meter, effort)? {
                    self.waiting += this.search.bytes();
                    left.push(this);
                }
            }
            open = left;
        }
        Ok(())
    }

    /// Gives a part its slice. Whether it is decided; an error ends the search.
    fn slice(
        &mut self,
        open: &mut Open<'a>,
        times: u64,
        meter: &mut Meter<'_>,
        effort: &mut Effort,
    ) -> Result<bool, Box<Outcome>> {
        let mut slice = (SLICE + 4 * open.events.len() as u64).saturating_mul(times);
        loop {
            let search = &mut open.search;
            let before = search.steps();
            let limit = slice.min(BETWEEN).min(meter.left().saturating_add(1));
            let ended = search.run(limit, meter.bytes().saturating_sub(self.waiting));
            let steps = search.steps() - before;
            slice = slice.saturating_sub(steps);
            let held = self.waiting + search.bytes();
            effort.bytes = effort.bytes.max(held);
            let spent = meter.spend(steps, held);
            let decided = ended != Ended::Paused;
            if decided || spent.is_err() {
                effort.configurations += search.configurations();
            }
            match (ended, spent) {
                (Ended::Refuted, _) => {
                    let refutation = self.refute(open, meter, effort);
                    return Err(Box::new(Outcome::NotLinearizable(refutation)));
                }
                (Ended::Explained, _) => {
                    self.orders[open.part] = search.order();
                    return Ok(true);
                }
                (Ended::Paused, Err(exhausted)) => return Err(unknown(exhausted)),
                (Ended::Paused, Ok(())) if slice == 0 => return Ok(false),
                (Ended::Paused, Ok(())) => {}
            }
        }
    }

    /// Why there is no order of a part, whose search said so, and which is kept meanwhile.
    fn refute(
        &mut self,
        open: &Open<'a>,
        meter: &mut Meter<'_>,
        effort: &mut Effort,
    ) -> Refutation {
        let name = self.parts.name(self.model, self.calls, open.part);
        let mut best = open.search.refutation(name.clone());
        if self.wanted == Wanted::Verdict {
            return best;
        }
        // There is an order of so many events, and there is none of so many.
        let (mut low, mut high) = open.search.reached();
        let kept = self.waiting + open.search.bytes();
        let patience = PATIENCE.saturating_mul(SLICE + open.search.steps());
        let limit = meter.steps().saturating_add(patience);
        let mut stride = 1;
        while low.saturating_add(1) < high {
            let end = low.saturating_add(stride).min(high - 1);
            let mut search = self.search(&open.events, Sight::Before(end));
            let ended = loop {
                let before = search.steps();
                let ended = search.run(BETWEEN, meter.bytes().saturating_sub(kept));
                let held = kept + search.bytes();
                effort.bytes = effort.bytes.max(held);
                let spent = meter.spend(search.steps() - before, held);
                if ended != Ended::Paused {
                    break ended;
                }
                if spent.is_err() || meter.steps() > limit {
                    return best;
                }
            };
            let (passed, _) = search.reached();
            if passed > low {
                (low, best) = (passed, search.refutation(name.clone()));
            }
            if ended == Ended::Explained {
                stride *= 2;
            } else {
                (high, stride) = (end, 1);
            }
        }
        best
    }
}

fn unknown(exhausted: Exhausted) -> Box<Outcome> {
    Box::new(Outcome::Unknown(exhausted))
}

/// A search whose masks are wide enough.
fn search<'a, M: Model>(
    model: &'a M,
    calls: &'a [Call<M::Input, M::Output>],
    timeline: (Timeline, Interned<M::State>),
) -> Box<dyn Searching + 'a> {
    match timeline.0.slots {
        ..=64 => Box::new(Search::<M, u64>::new(model, calls, timeline)),
        65..=128 => Box::new(Search::<M, u128>::new(model, calls, timeline)),
        129.. => Box::new(Search::<M, Words>::new(model, calls, timeline)),
    }
}
