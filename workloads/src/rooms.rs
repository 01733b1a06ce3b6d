//! The pure rooms alone, under a random scheduler: replicas and controllers without a broker around
//! them, thousands of schedules a second.
//!
//! Several brokers, each with the real [`highwater::replication::Replica`] over a log of numbers, and
//! two real [`highwater::controller::Controller`]s over a shared metadata log. Everything between
//! them is drawn from one seed: how long a message takes, whether it arrives, which of the metadata
//! is applied at once, who is cut off, killed, loses power, is moved the leadership to. The same
//! picture and the same invariants as in the full simulation look on after every step.
//!
//! What is *not* here is the shell: sockets, real logs, idempotent producers, the quorum's own
//! elections. What is here goes where the shell seldom comes.
//!
//! ```
//! use workloads::rooms::{Profile, run};
//!
//! let outcome = run(7, &Profile::storm());
//! assert_eq!(outcome.violation, None, "{}", outcome.transcript.join("\n"));
//! assert_eq!(outcome.events, run(7, &Profile::storm()).events);
//! ```

mod brokers;
mod clients;
mod controllers;
mod fetching;
mod lives;
mod model_log;
mod nemesis;
mod settle;
mod world;

use std::collections::BTreeMap;

use crate::invariants::Violation;
use world::World;

/// What kind of schedules to try. What is `None` is drawn from the seed.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// How many steps until the faults end.
    pub events: u64,
    /// How many brokers; each holds every partition.
    pub brokers: Option<usize>,
    /// How many partitions.
    pub partitions: Option<usize>,
    /// `min.insync.replicas`.
    pub min_in_sync_replicas: Option<usize>,
    /// Eligible leader replicas (KIP-966).
    pub eligible_leader_replicas: Option<bool>,
    /// Whether followers about to join hold the high watermark back (the third set of R13).
    pub wait_for_caught_up_followers: Option<bool>,
    /// Milliseconds from one fault to the next, on average; `None` for no faults at all.
    pub fault_interval_ms: Option<u64>,
    /// One schedule in so many is spared all faults, so that what happens without any is seen too;
    /// `None` spares none.
    pub spared: Option<usize>,
    /// Judge by what clients see, and whether the cluster comes to rest, alone.
    pub clients_only: bool,
}

impl Profile {
    /// Faults all the time, in most schedules.
    #[must_use]
    pub fn storm() -> Self {
        Self {
            events: 400,
            brokers: None,
            partitions: None,
            min_in_sync_replicas: None,
            eligible_leader_replicas: None,
            wait_for_caught_up_followers: None,
            fault_interval_ms: Some(7),
            spared: Some(16),
            clients_only: false,
        }
    }

    /// No faults: nothing may be shed, elected or refused.
    #[must_use]
    pub fn calm() -> Self {
        Self { fault_interval_ms: None, ..Self::storm() }
    }
}

/// How a schedule went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Steps taken, those after the faults included.
    pub events: u64,
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
    /// Produce requests with acks=all that succeeded.
    pub acknowledged: u64,
    /// Partitions whose fault budget was exceeded, so that loss was not judged.
    pub waived: usize,
    /// The first thing that went wrong.
    pub violation: Option<Violation>,
    /// How often each noteworthy state was reached.
    pub sometimes: BTreeMap<&'static str, u64>,
    /// The last steps before the violation; empty if there is none.
    pub transcript: Vec<String>,
}

/// How many lines of transcript a failed schedule keeps.
const TRANSCRIPT_LINES: usize = 400;

/// Plays the schedule of a seed. The same seed and profile give the same outcome.
#[must_use]
pub fn run(seed: u64, profile: &Profile) -> Outcome {
    let mut outcome = World::new(seed, profile, None).play(seed);
    if outcome.violation.is_some() {
        // Writing everything down costs more than the schedule; so it is played again for that.
        outcome = World::new(seed, profile, Some(TRANSCRIPT_LINES)).play(seed);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(seeds: std::ops::Range<u64>, profile: &Profile) -> BTreeMap<&'static str, u64> {
        let mut sum = BTreeMap::new();
        for seed in seeds {
            let outcome = run(seed, profile);
            if let Some(violation) = &outcome.violation {
                panic!("seed {seed}: {violation}\n{}", outcome.transcript.join("\n"));
            }
            for (state, count) in outcome.sometimes {
                *sum.entry(state).or_insert(0) += count;
            }
        }
        sum
    }

    #[test]
    fn two_thousand_storms_break_nothing_and_reach_everything() {
        let reached = sweep(0..2_000, &Profile::storm());
        // Not to be reached here: no log loses its head, nobody is idempotent, nothing is waived.
        let exempt = [
            "a leader was elected uncleanly",
            "a replica restarted its log",
            "a duplicate was acknowledged",
            "the fault budget was exceeded",
        ];
        for (state, count) in reached {
            assert!(count > 0 || exempt.contains(&state), "never: {state}");
        }
    }

    /// Of three that must be in sync only one is, and then two are enough: that takes the right to
    /// lead from all others. Nothing covers the loss of that one then (LV5).
    #[test]
    fn who_alone_has_the_right_to_lead_is_not_lost() {
        let outcome = run(0x98a_cd29, &Profile::storm());
        assert_eq!((outcome.violation, outcome.waived), (None, 0));
    }

    /// Before LV8 cuts a broker off, everything of the storm must be over. In the first of these a
    /// broker that had been asked to shut down went only then, in the other one a leader was fenced
    /// for a silence before the heal, and in the third all but one broker still reported to a
    /// controller that was deposed: and the one that was cut off inherited the partition.
    #[test]
    fn what_the_storm_has_set_in_motion_is_waited_for() {
        for seed in [0x560_054e, 0x728_7c94, 0xa24_1a4c] {
            assert_eq!(run(seed, &Profile::storm()).violation, None, "seed {seed:#x}");
        }
    }

    #[test]
    fn in_calm_weather_nobody_leaves_the_in_sync_set() {
        let reached = sweep(0..300, &Profile::calm());
        assert_eq!(reached["the in-sync set shrank"], 0);
        assert_eq!(reached["a follower truncated its log"], 0);
        assert!(reached["acks=all succeeded"] > 1_000);
    }

    #[cfg(feature = "mutants")]
    #[test]
    fn every_mutant_is_found() {
        use highwater::mutants::{Mutant, switch_on};

        for mutant in Mutant::ALL.into_iter().filter(|mutant| mutant.is_in_pure_room()) {
            switch_on(Some(mutant));
            let found = (0..2_000).find(|seed| run(*seed, &Profile::storm()).violation.is_some());
            switch_on(None);
            assert!(found.is_some(), "{mutant} was not found in 2000 schedules");
        }
    }

    #[test]
    fn a_schedule_is_repeated_by_its_seed() {
        for seed in 0..20 {
            let (one, two) = (run(seed, &Profile::storm()), run(seed, &Profile::storm()));
            assert_eq!(one.events, two.events);
            assert_eq!(one.virtual_ms, two.virtual_ms);
            assert_eq!(one.sometimes, two.sometimes);
        }
    }
}
