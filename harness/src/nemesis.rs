//! The adversary: draws schedules of faults from a seed, and carries them out.
//!
//! A schedule is drawn before the run and is data: it can be printed, saved, carried out again
//! without the dice that made it, and cut down to the few faults that matter. Whom a fault strikes
//! may stay open until it strikes ("whoever plays this role then").
//!
//! Faults come in storms with calm between, since much goes wrong only while a system recovers. A
//! storm draws which classes of fault it brings: all classes at once hide each other (a cluster
//! that is always partitioned never gets as far as the bug behind a pause), so a quarter of the
//! storms bring none, and the others a random few.
//!
//! Some mistakes need faults in an order that independent dice hardly ever throw: a node falls
//! behind, and those who are ahead leave as it returns. A [`Relay`] is that order, with everything
//! else about it left to the dice.

mod draw;
mod relay;
mod schedule;
mod shapes;
#[cfg(any(feature = "proptest", test))]
pub mod strategy;
mod unleash;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use relay::Relay;
pub use schedule::{Aim, Schedule, ScheduledFault};
pub use unleash::{Count, Strike, Strikes};

use crate::fault::FaultClass;

/// What an adversary likes to do. Weights are relative; zero means never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nemesis {
    weights: BTreeMap<FaultClass, u64>,
    troubles: BTreeMap<Trouble, u64>,
    roles: Vec<String>,
    actions: Vec<String>,
    relay: Option<Relay>,
    undercurrent: bool,
    session_timeout: Duration,
    calm: Range<Duration>,
    storm: Range<Duration>,
    pace: Range<Duration>,
}

/// The kinds of trouble with a disk, for choosing among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trouble {
    /// Fsyncs take ten to a thousand times as long.
    SlowSyncs,
    /// Fsyncs fail.
    FailSyncs,
    /// Reads fail.
    FailReads,
    /// Writes fail.
    FailWrites,
    /// The disk is nearly full.
    Full,
    /// A bit turns around.
    FlipBit,
}

impl Nemesis {
    /// All classes of fault, all kinds of disk trouble, and a session timeout of 9 s.
    #[must_use]
    pub fn swarm() -> Self {
        let second = Duration::from_secs(1);
        Self {
            weights: FaultClass::ALL.map(|class| (class, 1)).into(),
            troubles: [
                (Trouble::SlowSyncs, 3),
                (Trouble::FailSyncs, 1),
                (Trouble::FailReads, 1),
                (Trouble::FailWrites, 1),
                (Trouble::Full, 1),
                (Trouble::FlipBit, 1),
            ]
            .into(),
            roles: Vec::new(),
            actions: Vec::new(),
            relay: None,
            undercurrent: false,
            session_timeout: 9 * second,
            calm: second..10 * second,
            storm: 5 * second..30 * second,
            pace: Duration::from_millis(100)..4 * second,
        }
    }

    /// Only these classes of fault.
    #[must_use]
    pub fn only(classes: &[FaultClass]) -> Self {
        let mut nemesis = Self::swarm();
        nemesis.weights.retain(|class, _| classes.contains(class));
        nemesis
    }

    /// The same with another weight for a class, against 1 for each.
    #[must_use]
    pub fn weight(mut self, class: FaultClass, weight: u64) -> Self {
        self.weights.insert(class, weight);
        self
    }

    /// The same with other weights for the kinds of disk trouble; kinds not named never come.
    #[must_use]
    pub fn troubles(self, weights: &[(Trouble, u64)]) -> Self {
        Self { troubles: weights.iter().copied().collect(), ..self }
    }

    /// The same, aiming half of its faults at these roles of the system.
    #[must_use]
    pub fn roles<R: Into<String>>(self, roles: impl IntoIterator<Item = R>) -> Self {
        Self { roles: roles.into_iter().map(Into::into).collect(), ..self }
    }

    /// The same, with these deeds of the system in the class of actions.
    #[must_use]
    pub fn actions<A: Into<String>>(self, actions: impl IntoIterator<Item = A>) -> Self {
        Self { actions: actions.into_iter().map(Into::into).collect(), ..self }
    }

    /// The same, with a relay in some of its storms, beside whatever else they bring.
    #[must_use]
    pub fn relay(self, relay: Relay) -> Self {
        Self { relay: Some(relay), ..self }
    }

    /// The same, with actions all through every second of its storms, beside whatever else they
    /// bring. Deeds that are no faults hide nothing and leave the others room to do their worst.
    #[must_use]
    pub fn undercurrent(self) -> Self {
        Self { undercurrent: true, ..self }
    }

    /// The same for a system that gives a node up after so long. Nodes come back faster than that,
    /// and slower.
    #[must_use]
    pub fn session_timeout(self, session_timeout: Duration) -> Self {
        Self { session_timeout, ..self }
    }

    /// The same with calms and storms of other lengths.
    #[must_use]
    pub fn weather(self, calm: Range<Duration>, storm: Range<Duration>) -> Self {
        Self { calm, storm, ..self }
    }

    /// The same with another time between two faults of a storm.
    #[must_use]
    pub fn pace(self, pace: Range<Duration>) -> Self {
        Self { pace, ..self }
    }
}
