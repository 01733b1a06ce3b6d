//! A property test over schedules of faults, as a user of the harness would write one: whatever
//! pauses and partitions come, and in whatever order, the brokers keep their word.

use std::time::Duration;

use harness::fault::FaultClass;
use harness::nemesis::strategy::{Schedules, schedules};
use harness::nemesis::{Nemesis, Schedule};
use harness::seed::Seed;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use workloads::plan::Plan;
use workloads::profile::Profile;
use workloads::run::{Errand, Ran, Watching, carry_out};

const STORM: Duration = Duration::from_secs(5);

fn storms() -> Schedules {
    let second = Duration::from_secs(1);
    let nemesis = Nemesis::only(&[FaultClass::Pauses, FaultClass::Partitions])
        .roles(["leader", "follower", "controller"])
        .session_timeout(3 * second)
        .weather(second / 2..second, 2 * second..STORM);
    schedules(nemesis, 3, STORM)
}

fn under(schedule: Schedule) -> Ran {
    let profile = Profile::on(workloads::settings::brokers(3).min_in_sync_replicas(2));
    let plan = Plan { schedule, ..profile.plan(Seed(1)) };
    let repeat = "cargo test -p workloads --test schedules".to_owned();
    carry_out(&Errand { plan, repeat }, Watching::default())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6) })]

    #[test]
    fn brokers_keep_their_word_under_any_pauses_and_partitions(schedule in storms()) {
        let ran = under(schedule);
        prop_assert_eq!(ran.report.failure(), None);
        prop_assert!(ran.report.acknowledged.values().sum::<u64>() > 0);
    }
}

/// A property that does not hold is shrunk to the one fault that matters, on real runs.
#[test]
fn property_that_fails_is_shrunk_to_one_fault() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&storms(), |schedule| {
        let faults = under(schedule).report.faults;
        prop_assert!(!faults.contains_key("pauses"), "nobody was ever paused");
        Ok(())
    });
    let Err(proptest::test_runner::TestError::Fail(_, schedule)) = result else {
        panic!("no schedule paused anybody: {result:?}");
    };
    assert_eq!(schedule.faults.len(), 1, "{schedule}");
    assert_eq!(schedule.faults[0].fault.class(), FaultClass::Pauses);
}
