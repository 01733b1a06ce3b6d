//! Carrying a schedule out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Aim, Nemesis, Schedule, ScheduledFault};
use crate::cluster::Cluster;
use crate::fault::{Fault, FaultClass, FaultId, Skipped};
use crate::system::{Node, System};

/// What became of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strikes {
    /// What became of each fault, in the order of time.
    pub strikes: Vec<Strike>,
}

/// What became of one fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// When, since the simulation began.
    #[serde(with = "crate::millis")]
    pub at: Duration,
    /// The fault.
    pub fault: Fault,
    /// Whom it was aimed at, when that was known.
    pub on: Vec<Node>,
    /// Its number, or why it did not take effect.
    pub outcome: Result<FaultId, Skipped>,
}

/// How many faults took effect, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Took effect.
    pub struck: u64,
    /// Did not.
    pub skipped: u64,
}

impl Strikes {
    /// The counts by class. Only what took effect has tested anything.
    #[must_use]
    pub fn by_class(&self) -> BTreeMap<FaultClass, Count> {
        let mut counts: BTreeMap<FaultClass, Count> = BTreeMap::new();
        for strike in &self.strikes {
            let count = counts.entry(strike.fault.class()).or_default();
            match strike.outcome {
                Ok(_) => count.struck += 1,
                Err(_) => count.skipped += 1,
            }
        }
        counts
    }

    /// How many took effect.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.by_class().values().map(|count| count.struck).sum()
    }

    /// How many did not.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.by_class().values().map(|count| count.skipped).sum()
    }

    /// The same faults as a schedule that needs no roles: each aimed at whom it struck, those that
    /// did not take effect left out. This is what a failing run is cut down from.
    #[must_use]
    pub fn as_they_struck(&self, schedule: &Schedule) -> Schedule {
        let pairs = sorted(schedule).into_iter().zip(&self.strikes);
        let faults =
            pairs.filter(|(_, strike)| strike.outcome.is_ok()).map(|(scheduled, strike)| {
                let aims = strike.on.iter().map(|node| Aim::Node(*node)).collect();
                ScheduledFault { aims, ..scheduled.clone() }
            });
        Schedule { faults: faults.collect(), ..schedule.clone() }
    }
}

/// The faults in the order of time, those of one moment as they were given.
fn sorted(schedule: &Schedule) -> Vec<&ScheduledFault> {
    let mut faults: Vec<&ScheduledFault> = schedule.faults.iter().collect();
    faults.sort_by_key(|scheduled| scheduled.at);
    faults
}

impl<S: System> Cluster<S> {
    /// Draws a schedule for this cluster from its seed.
    #[must_use]
    pub fn schedule(&self, nemesis: &Nemesis, lasts: Duration) -> Schedule {
        nemesis.draw(self.seed(), self.nodes().len(), lasts)
    }

    /// Carries a schedule out, from now: each fault at its time, if it can strike and the system
    /// permits it, and its end at its own. Then heals everything.
    ///
    /// # Panics
    /// As [`Cluster::step`].
    pub fn unleash(&mut self, schedule: &Schedule) -> Strikes {
        let begun = self.now();
        let mut to_come: VecDeque<&ScheduledFault> = sorted(schedule).into();
        let mut ends: BTreeMap<(Duration, FaultId), ()> = BTreeMap::new();
        let mut absent: BTreeMap<Node, Duration> = BTreeMap::new();
        let mut strikes = Strikes::default();
        loop {
            let elapsed = self.now() - begun;
            while let Some(entry) = ends.first_entry()
                && entry.key().0 <= elapsed
            {
                let ((_, id), ()) = entry.remove_entry();
                self.lift(id);
            }
            while let Some(scheduled) = to_come.pop_front_if(|next| next.at <= elapsed) {
                let strike = self.strike_scheduled(scheduled);
                if let (Ok(id), Some(lasts)) = (&strike.outcome, scheduled.lasts) {
                    ends.insert((elapsed + lasts, *id), ());
                }
                strikes.strikes.push(strike);
            }
            self.restart_absent(&mut absent, schedule.restart_after);
            if elapsed >= schedule.lasts {
                break;
            }
            self.step();
        }
        self.heal();
        strikes
    }

    fn strike_scheduled(&mut self, scheduled: &ScheduledFault) -> Strike {
        let fault = scheduled.fault.clone();
        let mut on = Vec::new();
        let mut missing = false;
        for aim in &scheduled.aims {
            match aim {
                Aim::Node(node) => on.push(*node),
                Aim::Role { role, index } => match self.system().resolve(role, *index) {
                    Some(players) => on.extend(players),
                    None => missing = true,
                },
            }
        }
        let outcome = if missing {
            self.skip(&fault, &on, Skipped::NoTarget)
        } else {
            self.strike_within_budget(&fault, &on)
        };
        Strike { at: self.now(), fault, on, outcome }
    }

    /// Starts processes that ended by themselves, once they have been away long enough: somebody
    /// looks after every cluster.
    fn restart_absent(&mut self, absent: &mut BTreeMap<Node, Duration>, after: Duration) {
        let now = self.now();
        for node in self.nodes() {
            if self.is_running(node) || self.is_held_down(node) {
                absent.remove(&node);
            } else if now - *absent.entry(node).or_insert(now) >= after {
                absent.remove(&node);
                self.restart(node);
            }
        }
    }
}
