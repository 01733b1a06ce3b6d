//! Schedules for property tests, with proptest (feature `proptest`).
//!
//! A strategy draws schedules as an adversary likes them, so a property is tried under the same
//! storms that a sweep brings. When it fails, proptest shrinks the schedule: first faults are left
//! out, half of them at a time and then one by one, then those that are left get shorter, then the
//! end comes sooner. Each schedule on the way is one that can be carried out: faults stay in the
//! order of time, at whom they were aimed, and before the end.
//!
//! ```
//! use std::time::Duration;
//!
//! use harness::fault::FaultClass;
//! use harness::nemesis::Nemesis;
//! use harness::nemesis::strategy::schedules;
//! use proptest::prelude::*;
//!
//! let storms = Nemesis::only(&[FaultClass::Pauses, FaultClass::Partitions]);
//! proptest!(ProptestConfig::with_cases(8), |(schedule in schedules(storms, 3, Duration::from_secs(30)))| {
//!     // Here a cluster would be told to `unleash(&schedule)`, and be judged.
//!     prop_assert!(schedule.faults.iter().all(|fault| fault.at < schedule.lasts));
//! });
//! ```

use std::time::Duration;

use proptest::arbitrary::any;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::{Nemesis, Schedule};
use crate::seed::Seed;

/// Faults are not made shorter than that, nor by less.
const SHORTEST: Duration = Duration::from_millis(10);

/// Schedules of an adversary for so many nodes, of that length.
#[must_use]
pub fn schedules(nemesis: Nemesis, nodes: usize, lasts: Duration) -> Schedules {
    Schedules { nemesis, nodes, lasts }
}

/// See [`schedules`].
#[derive(Clone, Debug)]
pub struct Schedules {
    nemesis: Nemesis,
    nodes: usize,
    lasts: Duration,
}

impl Strategy for Schedules {
    type Tree = ScheduleTree;
    type Value = Schedule;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = Seed(any::<u64>().new_tree(runner)?.current());
        Ok(ScheduleTree::new(self.nemesis.draw(seed, self.nodes, self.lasts)))
    }
}

/// A schedule on its way to a smaller one.
#[derive(Clone, Debug)]
pub struct ScheduleTree {
    now: Schedule,
    /// What it was before the step that is being tried.
    before: Option<Schedule>,
    step: Step,
}

/// What is tried next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Leaves out so many faults, from this one.
    LeaveOut { from: usize, count: usize },
    /// Halves the length of a fault.
    Shorten { fault: usize },
    /// Ends after the last fault is over.
    EndSooner,
    /// Nothing.
    Done,
}

impl ScheduleTree {
    fn new(now: Schedule) -> Self {
        let count = now.faults.len().div_ceil(2);
        Self { now, before: None, step: Step::LeaveOut { from: 0, count } }
    }

    /// The schedule after the next step; `None` if the step is not possible.
    fn stepped(&self) -> Option<Schedule> {
        let mut next = self.now.clone();
        match self.step {
            Step::LeaveOut { from, count } => {
                let end = (from + count).min(next.faults.len());
                if from >= end {
                    return None;
                }
                next.faults.drain(from..end);
            }
            Step::Shorten { fault } => {
                let lasts = next.faults.get_mut(fault)?.lasts.as_mut()?;
                if *lasts < 2 * SHORTEST {
                    return None;
                }
                *lasts = Duration::from_millis(u64::try_from(lasts.as_millis() / 2).ok()?);
            }
            Step::EndSooner => {
                let over =
                    |fault: &super::ScheduledFault| fault.at + fault.lasts.unwrap_or_default();
                // Strictly after: a fault at the very end would never have been.
                let end = next.faults.iter().map(over).max().unwrap_or_default() + SHORTEST;
                if end >= next.lasts {
                    return None;
                }
                next.lasts = end;
            }
            Step::Done => return None,
        }
        Some(next)
    }

    /// Goes to the next step, after one that is not possible or did too much.
    fn advance(&mut self) {
        self.step = match self.step {
            Step::LeaveOut { from, count } if from + count < self.now.faults.len() => {
                Step::LeaveOut { from: from + count, count }
            }
            Step::LeaveOut { count: 0 | 1, .. } => Step::Shorten { fault: 0 },
            Step::LeaveOut { count, .. } => Step::LeaveOut { from: 0, count: count / 2 },
            Step::Shorten { fault } if fault + 1 < self.now.faults.len() => {
                Step::Shorten { fault: fault + 1 }
            }
            Step::Shorten { .. } => Step::EndSooner,
            Step::EndSooner | Step::Done => Step::Done,
        };
    }
}

impl ValueTree for ScheduleTree {
    type Value = Schedule;

    fn current(&self) -> Schedule {
        self.now.clone()
    }

    fn simplify(&mut self) -> bool {
        loop {
            if let Some(next) = self.stepped() {
                self.before = Some(std::mem::replace(&mut self.now, next));
                return true;
            }
            if matches!(self.step, Step::Done) {
                return false;
            }
            self.advance();
        }
    }

    fn complicate(&mut self) -> bool {
        match self.before.take() {
            Some(before) => {
                self.now = before;
                self.advance();
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::nemesis::ScheduledFault;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestError};

    const MINUTE: Duration = Duration::from_secs(60);

    /// What proptest shrinks the first schedule to that has the property.
    fn shrunk(has: impl Fn(&Schedule) -> bool) -> Schedule {
        let config = Config { failure_persistence: None, ..Config::with_cases(64) };
        let mut runner = TestRunner::new_with_rng(
            config,
            proptest::test_runner::TestRng::deterministic_rng(
                proptest::test_runner::RngAlgorithm::ChaCha,
            ),
        );
        let result = runner.run(&schedules(Nemesis::swarm(), 5, MINUTE), |schedule| {
            if has(&schedule) { Err(TestCaseError::fail("it has it")) } else { Ok(()) }
        });
        match result {
            Err(TestError::Fail(_, schedule)) => schedule,
            other => panic!("no schedule has it: {other:?}"),
        }
    }

    #[test]
    fn two_culprits_are_all_that_is_left() {
        let is_pause = |fault: &Fault| *fault == Fault::Pause;
        let is_isolation = |fault: &Fault| matches!(fault, Fault::Isolate | Fault::IsolateFully);
        let schedule = shrunk(|schedule| {
            let has = |is: &dyn Fn(&Fault) -> bool| schedule.faults.iter().any(|f| is(&f.fault));
            has(&is_pause) && has(&is_isolation)
        });
        assert_eq!(schedule.faults.len(), 2, "{schedule}");
        assert!(schedule.faults.iter().all(|fault| fault.lasts < Some(2 * SHORTEST)), "{schedule}");
        let last = schedule.faults.iter().map(|fault| fault.at).max().unwrap();
        assert!(schedule.lasts < last + 4 * SHORTEST, "{schedule}");
    }

    #[test]
    fn what_always_fails_needs_no_fault() {
        assert_eq!(shrunk(|_| true).faults, []);
    }

    /// It may have become shorter, and nothing else.
    fn was_drawn(fault: &ScheduledFault, drawn: &Schedule) -> bool {
        drawn.faults.iter().any(|was| {
            let same = (was.at, &was.fault, &was.aims) == (fault.at, &fault.fault, &fault.aims);
            same && fault.lasts <= was.lasts
        })
    }

    proptest! {
        /// Whichever steps the test likes: each schedule on the way is in order, and there is an end.
        #[test]
        fn every_schedule_on_the_way_is_valid(seed: u64, answers in prop::collection::vec(any::<bool>(), 400)) {
            let drawn = Nemesis::swarm().draw(Seed(seed), 5, MINUTE);
            let mut tree = ScheduleTree::new(drawn.clone());
            for fails in answers {
                let goes_on = if fails { tree.simplify() } else { tree.complicate() || tree.simplify() };
                let now = tree.current();
                prop_assert!(now.faults.is_sorted_by_key(|fault| fault.at));
                prop_assert!(now.faults.iter().all(|fault| fault.at < now.lasts));
                prop_assert!(now.lasts <= drawn.lasts);
                prop_assert!(now.faults.iter().all(|fault| was_drawn(fault, &drawn)));
                if !goes_on {
                    break;
                }
            }
            let mut steps = 0;
            while tree.simplify() {
                steps += 1;
            }
            prop_assert!(steps < 2_000);
        }
    }
}
