//! What the swarm draws: everything that it may, and nothing that it must not.

use std::collections::{BTreeMap, BTreeSet};

use harness::disk::DiskFault;
use harness::fault::{Fault, FaultClass};

use super::*;

const SEEDS: u64 = 2_000;

#[test]
fn every_plan_can_be_carried_out_and_follows_from_its_seed() {
    for seed in (0..SEEDS).map(Seed) {
        let drawn = plan(seed);
        assert_eq!(drawn.check(), Ok(()), "{seed}");
        let strikes = drawn.schedule.faults.iter().any(storm::always_strikes);
        assert!(strikes, "{seed}: the budget may forbid all of it");
        assert_eq!(drawn, plan(seed));
        assert_eq!(Plan::read(&drawn.to_json()), Ok(drawn));
    }
}

/// How often each property has each value, among other things that are drawn.
fn drawn() -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    let mut count = |what: &str, value: String| {
        *counts.entry((what.to_owned(), value)).or_default() += 1;
    };
    for seed in (0..SEEDS).map(Seed) {
        let plan = plan(seed);
        count("brokers", plan.cluster.broker_count().to_string());
        count("controllers", plan.cluster.controller_count().to_string());
        count("factor", plan.topic.replication_factor.to_string());
        count("required", plan.cluster.required_in_sync().to_string());
        count("partitions", plan.topic.partitions.to_string());
        count("tick", plan.physics.tick.as_millis().to_string());
        count("producers", plan.clients.producers.len().to_string());
        count("storm", plan.schedule.lasts.as_secs().to_string());
        let names = cluster_properties();
        for name in names {
            count(name, plan.cluster.property(name).unwrap_or("-").to_owned());
        }
        let classes: BTreeSet<FaultClass> =
            plan.schedule.faults.iter().map(|scheduled| scheduled.fault.class()).collect();
        for class in classes {
            count("class", class.words().to_owned());
        }
    }
    counts
}

fn cluster_properties() -> [&'static str; 8] {
    [
        "log.segment.bytes",
        "log.flush.interval.messages",
        "replica.fetch.max.bytes",
        "num.replica.fetchers",
        "replica.lag.time.max.ms",
        "broker.session.timeout.ms",
        "eligible.leader.replicas.enable",
        "internal.wait.for.caught.up.followers",
    ]
}

#[test]
fn every_knob_is_turned_and_left_alone() {
    let drawn = drawn();
    let values = |what: &str| -> Vec<&str> {
        let of_it = drawn.iter().filter(|((name, _), _)| name == what);
        of_it.map(|((_, value), _)| value.as_str()).collect()
    };
    assert_eq!(values("brokers"), ["3", "4", "5", "6", "7"]);
    assert_eq!(values("controllers"), ["1", "3", "5"]);
    assert_eq!(values("factor"), ["3", "4", "5"]);
    assert_eq!(values("required"), ["1", "2", "3", "4", "5"]);
    assert_eq!(values("partitions"), ["1", "2", "3", "8"]);
    assert_eq!(values("tick"), ["1", "10", "2", "5"]);
    assert_eq!(values("producers"), ["1", "2", "3", "4", "5"]);
    assert_eq!(values("class").len(), FaultClass::ALL.len());
    for name in cluster_properties() {
        assert!(values(name).len() > 1, "{name} is always {:?}", values(name));
    }
    let rarest = drawn.iter().min_by_key(|(_, count)| **count).expect("something was drawn");
    assert!(*rarest.1 >= 5, "{rarest:?} is hardly ever drawn");
    let fine = drawn[&("tick".to_owned(), "10".to_owned())];
    assert!(fine > usize::try_from(SEEDS / 2).unwrap_or(0), "steps of 10 ms are the rule: {fine}");
}

#[test]
fn nothing_is_drawn_that_takes_a_promise_away() {
    for seed in (0..SEEDS).map(Seed) {
        let plan = plan(seed);
        assert!(!plan.beyond_the_budget && !plan.clients_only && plan.mutant.is_none());
        assert_eq!(plan.cluster.property("unclean.leader.election.enable"), None);
        let lossless = plan.cluster.property("eligible.leader.replicas.enable") == Some("false");
        for scheduled in &plan.schedule.faults {
            let fault = &scheduled.fault;
            assert_ne!(*fault, Fault::Disk(DiskFault::FlipBit), "{seed}: nobody can count it");
            let harmless = Fault::Disk(DiskFault::SlowSyncs { factor: 1 });
            let loses = matches!(fault, Fault::PowerCut { .. } | Fault::Disk(_));
            let loses = loses && !fault.is_like(&harmless);
            assert!(!(lossless && loses), "{seed}: {fault} although the last one in sync leads");
        }
        assert!(plan.clients.producers.iter().any(|kind| kind.acks == Acks::All), "{seed}");
    }
}

#[test]
fn waits_leave_time_for_a_last_record_and_for_a_follower_to_stay_in_sync() {
    for seed in (0..SEEDS).map(Seed) {
        let config = plan(seed).cluster.config(0).replication;
        assert!(config.replica_lag_max >= config.fetch_wait_max * 3 / 2, "{seed}");
        let waits_for_bytes = config.fetch_bytes_min > 1;
        assert!(!waits_for_bytes || config.fetch_wait_max.as_millis() <= 250, "{seed}");
        assert!(!waits_for_bytes || config.fetch_bytes_min * 2 <= config.fetch_bytes_max, "{seed}");
    }
}
