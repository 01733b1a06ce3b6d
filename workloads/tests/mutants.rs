//! Each broken broker of the catalogue is found, by the same sweeps that must find nothing wrong
//! with the sound one.
//!
//! The plain `cargo test` does not contain this file, since it needs a build that contains the
//! mutants. It is run by `.ci/run mutants`, or
//!
//! ```sh
//! cargo test --package highwater --package workloads --features mutants --test mutants
//! ```
//!
//! with `-- --nocapture` for how many seeds each mutant took.

use std::process::{Command, Output};

use highwater::mutants::Mutant;
use serde_json::Value;

/// Seeds within which the whole broker's sweep must find a mutant.
const SEEDS: u64 = 500;
/// Schedules within which the pure rooms must.
const SCHEDULES: u64 = 2_000;

fn faults(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_faults"))
        .args(arguments)
        .output()
        .expect("the command runs and answers in JSON")
}

/// The exit code and the JSON.
fn told(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = faults(arguments);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code(), json)
}

#[expect(clippy::print_stdout, reason = "how hard each mutant is to find is worth knowing")]
fn tell(mutant: Mutant, runs: &Value, of: &str, what: &str) {
    println!("{mutant}: found by number {runs} of the {of}: {what}");
}

/// Sweeps until the mutant is found, by an invariant that names what is broken; finds it again by
/// the command that the sweep gives; and finds nothing in the same run of a sound broker.
fn assert_found_by_the_sweep(mutant: Mutant) {
    let id = mutant.to_string();
    let seeds = SEEDS.to_string();
    let (code, summary) = told(&["sweep", "--seeds", &seeds, "--mutant", &id, "--json"]);
    assert_eq!(code, Some(1), "{mutant} was not found in {SEEDS} seeds: {summary}");
    let failure = &summary["failures"][0];
    let what = failure["what"].as_str().expect("the command runs and answers in JSON");
    tell(mutant, &summary["run"], "seeds", what);
    assert!(what.starts_with("GS"), "{mutant}: {what}");

    let repeat = failure["repeat"].as_str().expect("the command runs and answers in JSON");
    let words: Vec<&str> = repeat.split(' ').skip_while(|word| *word != "repro").collect();
    let again = told(&[&words[..], &["--json"]].concat());
    assert_eq!(again.0, Some(1), "{repeat}");
    let name = again.1["violation"]["name"].as_str().unwrap_or_default();
    assert!(what.starts_with(name) && !name.is_empty(), "{what}, and then {name}");

    let sound: Vec<&str> = words.into_iter().filter(|w| *w != "--mutant" && *w != id).collect();
    let output = faults(&sound);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

fn assert_found_in_the_rooms(mutant: Mutant) {
    let id = mutant.to_string();
    let schedules = SCHEDULES.to_string();
    let (code, summary) = told(&["rooms", "--schedules", &schedules, "--mutant", &id, "--json"]);
    assert_eq!(code, Some(1), "{mutant} was not found in {SCHEDULES} schedules: {summary}");
    let violation = summary["violation"].as_str().expect("the command runs and answers in JSON");
    tell(mutant, &summary["schedules"], "schedules", violation);
    assert!(violation.starts_with("GS"), "{mutant}: {violation}");
}

#[test]
fn a01_truncation_to_the_high_watermark_is_found() {
    assert_found_by_the_sweep(Mutant::A01);
}

#[test]
fn b01_acknowledgement_at_the_leaders_append_is_found() {
    assert_found_by_the_sweep(Mutant::B01);
}

#[test]
fn d01_silent_unclean_election_is_found() {
    assert_found_by_the_sweep(Mutant::D01);
}

#[test]
fn every_mutant_is_found_in_the_rooms() {
    Mutant::ALL.into_iter().for_each(assert_found_in_the_rooms);
}

#[test]
fn sound_broker_of_the_same_build_is_found_sound() {
    let (code, summary) = told(&["sweep", "--seeds", "50", "--json"]);
    assert_eq!((code, &summary["valid"]), (Some(0), &Value::from(50)), "{summary}");
    let (code, summary) = told(&["rooms", "--schedules", "2000", "--json"]);
    assert_eq!(code, Some(0), "{summary}");
}

#[test]
fn unknown_mutant_is_refused() {
    for command in ["run", "sweep", "rooms"] {
        let output = faults(&[command, "--mutant", "A99"]);
        assert_eq!(output.status.code(), Some(64), "{command}");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains("unknown mutant \"A99\""), "{words}");
    }
}
