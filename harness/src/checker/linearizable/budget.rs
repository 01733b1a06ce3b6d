//! How long a search may take, and how much it may remember.

use std::time::{Duration, Instant};

/// Limits of a search, which is exponential in the worst case. A search that reaches one of them
/// has no verdict.
///
/// The limit to choose is that of steps: it is the same on every machine. A limit of time is for
/// those who sit and wait; with it, the same calls may have a verdict today and none tomorrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Events passed and calls tried, over all parts. A machine of today does 10 to 50 million in
    /// a second, for states of a few bytes.
    pub steps: u64,
    /// Bytes of memory, as far as the search accounts for them: within a factor of two.
    pub bytes: u64,
    /// Time on the clock of the machine.
    pub time: Option<Duration>,
}

impl Budget {
    /// So many steps, a GiB of memory, and no limit of time.
    pub const fn steps(steps: u64) -> Self {
        Self { steps, bytes: 1 << 30, time: None }
    }

    /// The same with so many bytes.
    #[must_use]
    pub const fn bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    /// The same with a limit of time.
    #[must_use]
    pub const fn time(self, time: Duration) -> Self {
        Self { time: Some(time), ..self }
    }
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// That of steps.
    #[error("no verdict within {limit} steps")]
    Steps {
        /// The limit.
        limit: u64,
    },
    /// That of memory.
    #[error("no verdict within {limit} bytes of memory")]
    Bytes {
        /// The limit.
        limit: u64,
    },
    /// That of time.
    #[error("no verdict within {} ms", limit.as_millis())]
    Time {
        /// The limit.
        limit: Duration,
    },
    /// There are more calls than the search has numbers for.
    #[error("{calls} calls are more than a search can number")]
    TooManyCalls {
        /// How many there are.
        calls: u64,
    },
}

/// What is left of a budget.
#[derive(Debug)]
pub(super) struct Meter<'b> {
    budget: &'b Budget,
    steps: u64,
    began: Option<Instant>,
    /// The step at which to look at the clock again.
    look: u64,
}

/// Steps between two looks at the clock.
const LOOK_EVERY: u64 = 4096;

impl<'b> Meter<'b> {
    pub(super) fn new(budget: &'b Budget) -> Self {
        Self { budget, steps: 0, began: budget.time.map(|_| wall_clock()), look: LOOK_EVERY }
    }

    /// Steps taken so far.
    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }

    /// Steps that are left.
    pub(super) const fn left(&self) -> u64 {
        self.budget.steps.saturating_sub(self.steps)
    }

    /// How many bytes may be held.
    pub(super) const fn bytes(&self) -> u64 {
        self.budget.bytes
    }

    /// Takes steps, by a search that has so many bytes.
    pub(super) fn spend(&mut self, steps: u64, bytes: u64) -> Result<(), Exhausted> {
        self.steps += steps;
        if self.steps > self.budget.steps {
            return Err(Exhausted::Steps { limit: self.budget.steps });
        }
        if bytes > self.budget.bytes {
            return Err(Exhausted::Bytes { limit: self.budget.bytes });
        }
        match (self.budget.time, self.began) {
            (Some(limit), Some(began)) if self.steps >= self.look => {
                self.look = self.steps + LOOK_EVERY;
                let late = limit < wall_clock().duration_since(began);
                if late { Err(Exhausted::Time { limit }) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }
}

/// The time of the machine: it can end a search, and decides nothing else.
#[expect(
    clippy::disallowed_methods,
    reason = "a checker runs after the simulation; its clock can only take a verdict away"
)]
fn wall_clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_what_may_be_spent_and_no_more() {
        let budget = Budget::steps(5).bytes(100);
        let mut meter = Meter::new(&budget);
        assert_eq!((meter.steps(), meter.left(), meter.bytes()), (0, 5, 100));
        assert_eq!(meter.spend(3, 100), Ok(()));
        assert_eq!(meter.spend(2, 101), Err(Exhausted::Bytes { limit: 100 }));
        assert_eq!((meter.steps(), meter.left()), (5, 0));
        assert_eq!(meter.spend(1, 0), Err(Exhausted::Steps { limit: 5 }));
        assert_eq!((meter.steps(), meter.left()), (6, 0));
    }

    /// To look is dear: only every 4096 steps.
    #[test]
    fn the_clock_is_looked_at_now_and_then() {
        let late = Budget::steps(u64::MAX).time(Duration::ZERO);
        let mut meter = Meter::new(&late);
        assert_eq!(meter.spend(LOOK_EVERY - 1, 0), Ok(()));
        assert_eq!(meter.spend(1, 0), Err(Exhausted::Time { limit: Duration::ZERO }));
        let long = Budget::steps(u64::MAX).time(Duration::MAX);
        let mut meter = Meter::new(&long);
        assert_eq!(meter.spend(LOOK_EVERY + 1, 0), Ok(()));
        assert_eq!(meter.look, 2 * LOOK_EVERY + 1);
    }
}
