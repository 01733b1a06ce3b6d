//! A run can be stopped at any moment and looked at, and its rooms can be made to speak; neither
//! changes it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use expect_test::expect_file;
use harness::seed::Seed;
use serde_json::Value;
use workloads::profile::Profile;
use workloads::run::{self, Watching};

fn faults(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faults"));
    command.args(arguments).output().expect("the command can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the command writes text")
}

fn here(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/time_travel").join(name)
}

/// The state of a fixed seed at a fixed moment, word for word.
#[test]
fn cluster_stands_still_where_it_was_told_to() {
    let output = faults(&["repro", "7", "--until", "9.155s"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    expect_file![here("seed-7-at-9155ms.txt")].assert_eq(&text(&output.stdout));
}

#[test]
fn state_has_the_same_content_as_json() {
    let output = faults(&["repro", "7", "--until", "9155ms", "--json"]);
    let state: Value = serde_json::from_slice(&output.stdout).expect("it answers in JSON");
    assert_eq!(state["at_ms"], 9_160, "the step that reaches the moment is taken whole");
    assert_eq!(state["nodes"].as_array().map(Vec::len), Some(5));
    assert_eq!(state["controllers"].as_array().map(Vec::len), Some(3));
    let replicas = state["partitions"][0]["replicas"].as_array().expect("a list of replicas");
    assert_eq!(replicas.len(), 3);
    assert!(replicas.iter().any(|replica| replica["believes"]["maximal"].is_array()));
    let faults = state["faults"].as_array().expect("a list of faults");
    assert!(faults.iter().any(|fault| fault == "pause node-1"), "{faults:?}");
}

/// What is told of a run that is stopped is what is told of one that is not, up to there.
#[test]
fn run_that_is_stopped_is_the_same_up_to_there() {
    let profile = Profile::safe().storm(Duration::from_secs(6));
    let (stop, record) = (Duration::from_secs(7), true);
    for seed in [3, 7, 11] {
        let whole = Watching { record, ..Watching::default() };
        let whole = run::run(Seed(seed), &profile, whole);
        let part = Watching { record, until: Some(stop), ..Watching::default() };
        let part = run::run(Seed(seed), &profile, part);
        let (whole_record, part_record) = (whole.insight.record, part.insight.record);
        let whole_record = whole_record.expect("a record was asked for");
        let part_record = part_record.expect("a record was asked for");
        assert!(part_record.happened().len() > 100);
        assert!(whole_record.agrees_before(&part_record, stop));
        assert!(!whole_record.agrees_before(&part_record, stop + Duration::from_secs(3)));
        let operations = part.history.operations();
        assert!(operations.len() > 10, "the history so far is kept");
        assert_eq!(operations, &whole.history.operations()[..operations.len()]);
        assert!(part.report.acknowledged["acks=all"] > 0, "{:?}", part.report.acknowledged);
    }
}

#[test]
fn moment_before_the_beginning_and_after_the_end() {
    let output = faults(&["repro", "7", "--until", "0s"]);
    assert!(text(&output.stdout).starts_with("the cluster at 0.000s\n"));
    let output = faults(&["repro", "7", "--storm", "1", "--until", "1000s"]);
    let told = text(&output.stdout);
    assert!(told.starts_with("the run was over before 1000.000s\nthe cluster at "), "{told}");
    let output = faults(&["repro", "7", "--until", "soon"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("`soon` is not a time such as"));
}

/// Rooms speak with the time of the simulation and the node, and the run is the same.
#[test]
fn rooms_speak_and_the_digest_stays() {
    let run = ["repro", "7", "--storm", "4", "--json"];
    let silent = faults(&run);
    let rooms = ["--trace", "replication=debug,server::fetcher=trace", "--trace", "log=debug"];
    let spoken = faults(&[&run[..], &rooms].concat());
    assert_eq!(text(&silent.stdout), text(&spoken.stdout));
    assert!(silent.stderr.is_empty(), "{}", text(&silent.stderr));
    let lines = text(&spoken.stderr);
    for room in ["DEBUG highwater::replication: ", "DEBUG highwater::log: "] {
        assert!(lines.contains(room), "{room} says nothing");
    }
    for line in lines.lines().take(200) {
        let (time, rest) = line.trim_start().split_once("s  ").expect("a time, then a node");
        assert!(time.parse::<f64>().is_ok(), "{line}");
        assert!(rest.starts_with("node-"), "{line}");
    }
}

#[test]
fn room_that_cannot_be_is_refused() {
    let output = faults(&["repro", "7", "--trace", "replication=loudly"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("--trace: "), "{}", text(&output.stderr));
}
