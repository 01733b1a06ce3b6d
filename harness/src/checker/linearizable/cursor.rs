//! Where in the events a search stands, and which calls are open there.
//!
//! A search goes forwards and back through the events, a few at a time. So what is open is kept
//! up to date step by step, and nothing about it needs to be stored in a configuration.

use super::mask::Mask;
use super::timeline::{NONE, Op, Timeline};

/// A place between two events.
#[derive(Clone, Debug)]
pub(super) struct Cursor<B> {
    /// The next event.
    pub(super) event: u32,
    /// How many calls have been made; as many as the first numbers of calls.
    pub(super) called: u32,
    /// Slots of the calls that are open here.
    pub(super) open: B,
    /// Of these, those that only observe.
    pub(super) observing: B,
    /// Of these, those that overwrite.
    pub(super) overwriting: B,
    /// Of these, those that are blind.
    pub(super) blind: B,
    /// The call in each open slot.
    in_slot: Vec<u32>,
    /// How many calls of each crashed class have been called so far. It is this number, and not
    /// that of the whole history, that says how many there are to take: a crash of the future is
    /// no excuse for an answer of today.
    crashed: Vec<u32>,
}

impl<B: Mask> Cursor<B> {
    /// Before all events.
    pub(super) fn new(timeline: &Timeline) -> Self {
        Self {
            event: 0,
            called: 0,
            open: B::none(timeline.slots),
            observing: B::none(timeline.slots),
            overwriting: B::none(timeline.slots),
            blind: B::none(timeline.slots),
            in_slot: vec![NONE; timeline.slots as usize],
            crashed: vec![0; timeline.crashed.len()],
        }
    }

    /// The number of the call that is open in a slot.
    pub(super) fn op_in(&self, slot: u32) -> u32 {
        self.in_slot[slot as usize]
    }

    /// How many calls of a crashed class have been called.
    pub(super) fn crashed(&self, class: u32) -> u32 {
        self.crashed[class as usize]
    }

    /// Goes past the next event.
    pub(super) fn forwards(&mut self, timeline: &Timeline) {
        let event = timeline.events[self.event as usize];
        let op = &timeline.ops[event.op() as usize];
        self.event += 1;
        if event.returns() {
            self.closes(op.slot);
            return;
        }
        self.called += 1;
        if op.slot == NONE {
            self.crashed[op.class as usize] += 1;
        } else {
            self.opens(op, event.op());
        }
    }

    /// Goes back to an earlier event.
    pub(super) fn back_to(&mut self, event: u32, timeline: &Timeline) {
        while self.event > event {
            self.event -= 1;
            let event = timeline.events[self.event as usize];
            let op = &timeline.ops[event.op() as usize];
            if event.returns() {
                self.opens(op, event.op());
                continue;
            }
            self.called -= 1;
            if op.slot == NONE {
                self.crashed[op.class as usize] -= 1;
            } else {
                self.closes(op.slot);
            }
        }
    }

    fn opens(&mut self, op: &Op, number: u32) {
        self.in_slot[op.slot as usize] = number;
        self.open.set(op.slot);
        if op.observes {
            self.observing.set(op.slot);
        }
        if op.overwrites {
            self.overwriting.set(op.slot);
        }
        if op.is_blind {
            self.blind.set(op.slot);
        }
    }

    fn closes(&mut self, slot: u32) {
        self.open.clear(slot);
        self.observing.clear(slot);
        self.overwriting.clear(slot);
        self.blind.clear(slot);
    }
}
