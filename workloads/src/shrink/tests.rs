//! The ways down by themselves, with a judge that needs no simulation; and one real run.

use std::cell::Cell;
use std::time::Duration;

use harness::disk::{DiskFault, Loss};
use harness::fault::Fault;
use harness::seed::Seed;
use proptest::prelude::*;

use super::*;
use crate::profile::Profile;

/// Says that a plan fails if `fails` says so.
struct Rule<F> {
    fails: F,
    asked: Cell<u64>,
}

impl<F: Fn(&Plan) -> bool> Judge for Rule<F> {
    fn first_failing(&self, candidates: &[Plan]) -> Option<usize> {
        candidates.iter().position(|plan| {
            self.asked.set(self.asked.get() + 1);
            plan.check().is_ok() && (self.fails)(plan)
        })
    }

    fn begin(&self, _doing: &'static str) {}
}

fn least_with(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    let rule = Rule { fails, asked: Cell::new(0) };
    let least = least(plan, &rule);
    assert!(rule.asked.get() < 20_000, "{} candidates", rule.asked.get());
    least
}

fn plan(seed: u64) -> Plan {
    Profile::safe().with_partitions(4).plan(Seed(seed))
}

#[test]
fn what_always_fails_becomes_the_smallest_plan_there_is() {
    for seed in 0..50 {
        let least = least_with(&plan(seed), |_| true);
        assert_eq!(least.check(), Ok(()));
        assert_eq!(least.schedule.faults, []);
        assert_eq!(least.schedule.lasts, Duration::ZERO);
        assert_eq!(least.cluster.broker_count(), 3, "there are three replicas");
        assert_eq!(least.cluster.controller_count(), 1);
        assert_eq!(least.clients.client_count(), 0);
        assert_eq!(least.topic.partitions, 1);
        // What is promised stays.
        assert_eq!(least.cluster.changed().collect::<Vec<_>>(), ["min.insync.replicas"]);
    }
}

#[test]
fn what_is_needed_stays_and_is_made_plain() {
    let cuts = |plan: &Plan| {
        let is_cut = |fault: &&harness::nemesis::ScheduledFault| {
            matches!(fault.fault, Fault::PowerCut { .. } | Fault::Disk(DiskFault::CutAfter { .. }))
        };
        plan.schedule.faults.iter().filter(is_cut).count()
    };
    let fails = |plan: &Plan| cuts(plan) >= 2 && plan.cluster.broker_count() >= 4;
    let seeds = (0..200).map(plan).filter(fails).take(10);
    for plan in seeds {
        let least = least_with(&plan, fails);
        let faults = &least.schedule.faults;
        assert_eq!(least.cluster.broker_count(), 4);
        assert_eq!(faults.len(), 2);
        let plain = Fault::PowerCut { loss: Loss::Everything };
        let leader = harness::nemesis::Aim::Role { role: "leader".to_owned(), index: 0 };
        for fault in faults {
            assert_eq!((&fault.fault, fault.at), (&plain, Duration::ZERO));
            assert_eq!(fault.lasts, Some(Duration::ZERO));
            assert_eq!(fault.aims, std::slice::from_ref(&leader));
        }
    }
}

#[test]
fn time_that_is_needed_is_round() {
    let total = |plan: &Plan| plan.schedule.lasts + plan.calm;
    let fails = |plan: &Plan| total(plan) > Duration::from_millis(3_140);
    let least = least_with(&plan(1), fails);
    assert_eq!(total(&least), Duration::from_secs(4));
}

#[test]
fn sound_plan_is_not_shrunk() {
    let profile = Profile::safe().storm(Duration::from_secs(2));
    let limits = Limits { workers: 1, is_enough: &|| false, told: &|_| () };
    let plan = profile.plan(Seed(1));
    let Err(Unshrinkable::Passes(report)) = shrink(&plan, limits) else {
        panic!("it is sound");
    };
    assert_eq!(report.failure(), None);
    let unfit = Plan { topic: crate::plan::TopicPlan { partitions: 0, ..plan.topic }, ..plan };
    let Err(Unshrinkable::Unfit(why)) = shrink(&unfit, limits) else {
        panic!("there must be a partition");
    };
    assert!(why.to_string().contains("0 partitions"), "{why}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever stays failing by whatever rule: there is an end, what is left fails, and can be
    /// carried out.
    #[test]
    fn every_way_leads_down(seed in 0_u64..1_000, salt: u32) {
        let start = plan(seed);
        let coin = |plan: &Plan| {
            let text = plan.to_json();
            let mixed = text.bytes().fold(salt, |sum, byte| {
                (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
            });
            mixed.is_multiple_of(3) || *plan == start
        };
        let least = least_with(&start, coin);
        prop_assert!(coin(&least));
        prop_assert_eq!(least.check(), Ok(()));
        prop_assert_eq!(Plan::read(&least.to_json()), Ok(least));
    }
}
