//! Each rule of the operator's file on numbers made up for it: when it fires, and when it does not.

use std::time::Duration;

use super::exposition::{Labels, Sample};
use super::rules::Rules;
use super::series::Scrape;
use super::{Evaluator, Severity};

/// A number of one node, as a function of the count of the scrape.
type Told = (&'static str, &'static str, fn(u32) -> f64);

/// A cluster in which all is well, of two nodes.
const WELL: [Told; 4] = [
    ("kafka_controller_kafkacontroller_activecontrollercount", "a", |_| 1.0),
    ("kafka_controller_kafkacontroller_activecontrollercount", "b", |_| 0.0),
    ("up", "a", |_| 1.0),
    ("up", "b", |_| 1.0),
];

/// Scrapes every 15 s for so long; what is told replaces what goes well.
fn scraped(told: &[Told], count: u32) -> Vec<String> {
    let mut evaluator = Evaluator::new(Rules::of_the_operator());
    for at in 0..count {
        let replaced = |well: &&Told| !told.iter().any(|t| (t.0, t.1) == (well.0, well.1));
        let numbers = WELL.iter().filter(replaced).chain(told);
        let samples = numbers.filter(|(.., value)| !value(at).is_nan()).map(sample(at)).collect();
        evaluator.take(Scrape { at: Duration::from_secs(15) * at, samples });
    }
    evaluator.alerts().iter().map(ToString::to_string).collect()
}

fn sample(at: u32) -> impl Fn(&Told) -> Sample {
    move |(name, instance, value)| {
        let labels = [("instance", *instance), ("job", "highwater")];
        let labels: Labels =
            labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Sample { name: (*name).to_owned(), labels, value: value(at) }
    }
}

#[track_caller]
fn fires(told: &[Told], expected: &[&str]) {
    assert_eq!(scraped(told, 60), expected);
}

#[test]
fn all_is_well() {
    fires(&[], &[]);
}

#[test]
fn gauges_fire_once_they_have_stood_long_enough() {
    let for_a_while = |at: u32| f64::from(u8::from((4..=12).contains(&at)) * 3);
    for (name, alert) in [
        (
            "kafka_server_replicamanager_underreplicatedpartitions",
            "120s critical UnderReplicatedPartitions",
        ),
        (
            "kafka_server_replicamanager_underminisrpartitioncount",
            "90s critical UnderMinInSyncReplicas",
        ),
        (
            "kafka_controller_kafkacontroller_offlinepartitionscount",
            "90s critical OfflinePartitions",
        ),
        ("kafka_log_logmanager_offlinelogdirectorycount", "60s critical OfflineLogDirectory"),
    ] {
        fires(&[(name, "b", for_a_while)], &[&format!("{alert} at 3, resolved at 195s")]);
    }
}

#[test]
fn a_gauge_that_comes_and_goes_does_not_fire() {
    let flickers = |at: u32| f64::from(u8::from(!at.is_multiple_of(4)));
    fires(&[("kafka_server_replicamanager_underreplicatedpartitions", "a", flickers)], &[]);
}

#[test]
fn trouble_that_moves_from_one_leader_to_another_is_one_trouble() {
    const NAME: &str = "kafka_server_replicamanager_underreplicatedpartitions";
    let first = |at: u32| f64::from(u8::from(at < 3));
    let then = |at: u32| f64::from(u8::from(at >= 3));
    let told: [Told; 2] = [(NAME, "a", first), (NAME, "b", then)];
    fires(&told, &["60s critical UnderReplicatedPartitions at 1, still firing"]);
}

#[test]
fn no_active_controller_and_two_of_them_are_both_wrong() {
    const NAME: &str = "kafka_controller_kafkacontroller_activecontrollercount";
    fires(&[(NAME, "a", |_| 0.0)], &["60s critical ActiveControllerCount at 0, still firing"]);
    fires(&[(NAME, "b", |_| 1.0)], &["60s critical ActiveControllerCount at 2, still firing"]);
    let gone: [Told; 2] = [(NAME, "a", |_| f64::NAN), (NAME, "b", |_| f64::NAN)];
    fires(&gone, &["60s critical ActiveControllerCount at 1, still firing"]);
}

#[test]
fn one_unclean_election_is_enough_and_is_told_for_five_minutes() {
    const NAME: &str = "kafka_controller_controllerstats_uncleanleaderelections_total";
    let told = scraped(&[(NAME, "a", |at| f64::from(u8::from(at >= 8)))], 60);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("120s critical UncleanLeaderElection"), "{told:?}");
    assert!(told[0].ends_with("resolved at 405s"), "{told:?}");
}

#[test]
fn a_controller_that_restarts_has_not_elected_anybody() {
    const NAME: &str = "kafka_controller_controllerstats_uncleanleaderelections_total";
    let restarts = |at: u32| if at < 8 { 3.0 } else { 0.0 };
    fires(&[(NAME, "a", restarts)], &[]);
}

#[test]
fn a_node_that_does_not_answer_is_named() {
    let told: [Told; 1] = [("up", "b", |at| f64::from(u8::from(at < 10)))];
    fires(&told, &["210s warning BrokerDown instance=b job=highwater at 0, still firing"]);
}

#[test]
fn in_sync_sets_may_shrink_once_but_not_again_and_again() {
    const NAME: &str = "kafka_server_replicamanager_isrshrinks_total";
    fires(&[(NAME, "a", |at| f64::from(u8::from(at > 20) * 4))], &[]);
    let told = scraped(&[(NAME, "a", |at| f64::from(at) * 0.5)], 60);
    assert_eq!(told.len(), 1, "twice a minute: {told:?}");
    assert!(told[0].contains(&Severity::Warning.to_string()), "{told:?}");
}

#[test]
fn a_follower_may_lag_for_a_moment() {
    const NAME: &str = "kafka_server_replicafetchermanager_maxlag";
    fires(&[(NAME, "a", |_| 10_000.0)], &[]);
    fires(&[(NAME, "a", |at| if at < 8 { 20_000.0 } else { 9.0 })], &[]);
    let lags: Told = (NAME, "b", |at| f64::from(at) * 1_001.0);
    fires(&[lags], &["270s warning ReplicaLag instance=b at 18018, still firing"]);
}
