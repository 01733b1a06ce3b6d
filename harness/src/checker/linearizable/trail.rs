//! What took effect, in order: the proof of a verdict.
//!
//! A search writes down what it takes and crosses out what it takes back. The farthest that it
//! ever came is kept beside that: it is what a report shows when there is no order.

use super::timeline::Timeline;

/// What was done to get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The call of this number took effect.
    Take(u32),
    /// One of the crashed calls of this class took effect.
    TakeCrashed(u32),
    /// The call of this number, which was optional, counts as done: it took effect just before
    /// the last call that overwrote it.
    Hide(u32),
}

/// The actions on the way to where a search stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    actions: Vec<Action>,
    farthest: Vec<Action>,
    /// How many of the first actions are the same in both.
    common: usize,
}

impl Trail {
    /// For so many calls.
    pub(super) fn with_capacity(calls: usize) -> Self {
        Self { actions: Vec::with_capacity(calls), ..Self::default() }
    }

    #[inline]
    pub(super) fn push(&mut self, action: Action) {
        self.actions.push(action);
    }

    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.actions.len()
    }

    /// Takes back all but the first `length` actions.
    #[inline]
    pub(super) fn truncate(&mut self, length: usize) {
        self.actions.truncate(length);
        self.common = self.common.min(length);
    }

    /// Keeps the way so far as the farthest one. Only what changed since is copied.
    pub(super) fn keep(&mut self) {
        self.farthest.truncate(self.common);
        self.farthest.extend_from_slice(&self.actions[self.common..]);
        self.common = self.actions.len();
    }

    /// The way so far as an order of calls.
    pub(super) fn order(&self, timeline: &Timeline) -> Vec<u32> {
        order(&self.actions, timeline)
    }

    /// The farthest way as an order of calls.
    pub(super) fn farthest(&self, timeline: &Timeline) -> Vec<u32> {
        order(&self.farthest, timeline)
    }

    pub(super) fn bytes(&self) -> usize {
        (self.actions.capacity() + self.farthest.capacity()) * size_of::<Action>()
    }
}

/// Places in the list of calls, in the order in which they took effect.
fn order(actions: &[Action], timeline: &Timeline) -> Vec<u32> {
    let mut order = Vec::with_capacity(actions.len());
    let mut crashed = vec![0; timeline.crashed.len()];
    // Where the last call stands that overwrote.
    let mut overwrote = 0;
    for action in actions {
        match *action {
            Action::Take(number) => {
                let op = &timeline.ops[number as usize];
                if op.overwrites {
                    overwrote = order.len();
                }
                order.push(op.call);
            }
            Action::TakeCrashed(class) => {
                let crashed_class = &timeline.crashed[class as usize];
                if crashed_class.overwrites {
                    overwrote = order.len();
                }
                // The earliest of them are taken first; there are more calls than were taken.
                order.push(crashed_class.calls[crashed[class as usize]]);
                crashed[class as usize] += 1;
            }
            Action::Hide(number) => {
                order.insert(overwrote, timeline.ops[number as usize].call);
                overwrote += 1;
            }
        }
    }
    order
}
