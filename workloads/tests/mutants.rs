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

/// The commands that find a mutant again, and say of the same case that the sound broker is sound.
fn assert_repeated(repeat: &str, detector: &str) {
    let mut words = repeat.split(' ').skip(2);
    let words: Vec<&str> = words.by_ref().collect();
    let (code, again) = told(&[&words[..], &["--json"]].concat());
    assert_eq!(code, Some(1), "{repeat}");
    let violation = &again["violation"];
    let anomaly = again["anomalies"][0]["kind"].as_str();
    let name = violation["name"].as_str().or(anomaly).or(violation.as_str()).unwrap_or("liveness");
    assert!(name.starts_with(detector), "{repeat}: {detector}, and then {name}");

    let mutant = words.iter().position(|word| *word == "--mutant").expect("it is broken");
    let sound = [&words[..mutant], &words[mutant + 2..]].concat();
    let output = faults(&sound);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The hunts of one mutant in the command's answer: where, whether by clients only, what was found.
fn hunts(mutant: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let hunts = mutant["hunts"].as_array().expect("a mutant was hunted");
    hunts.iter().map(|hunt| {
        let word = |name: &str| hunt[name].as_str().expect("a hunt has a place and a judge");
        (word("ground"), word("eyes"), hunt)
    })
}

/// Each mutant is found by general means in the full simulation, and in the pure rooms if that is
/// where it lives. The first to notice is an invariant that names the mistake, except where the
/// broken place is out of their sight.
#[test]
fn every_mutant_is_found() {
    for mutant in Mutant::ALL {
        let id = mutant.to_string();
        let seeds = SEEDS.to_string();
        let (code, summary) = told(&["sweep", "--seeds", &seeds, "--mutant", &id, "--json"]);
        assert_eq!(code, Some(1), "{mutant} was not found in {SEEDS} seeds: {summary}");
        let failure = &summary["failures"][0];
        let what = failure["what"].as_str().expect("the command runs and answers in JSON");
        tell(mutant, &summary["run"], "seeds", what);
        // Nobody but a reader sees what a log keeps behind its end.
        let seen = if mutant == Mutant::E03 { "liveness" } else { "" };
        assert!(what.starts_with(seen), "{mutant}: {what}");
        // An unclean election that happens to lose nothing is seen by the gauge that counts them.
        let named = ["GS", "LS"].iter().any(|room| what.starts_with(room));
        assert!(named || seen == "liveness" || what.contains("every gauge"), "{what}");

        if mutant.is_in_pure_room() {
            assert_found_in_the_rooms(mutant);
        }
    }
}

fn assert_found_in_the_rooms(mutant: Mutant) {
    let id = mutant.to_string();
    let schedules = SCHEDULES.to_string();
    let (code, summary) = told(&["rooms", "--schedules", &schedules, "--mutant", &id, "--json"]);
    assert_eq!(code, Some(1), "{mutant} was not found in {SCHEDULES} schedules: {summary}");
    let violation = summary["violation"].as_str().expect("the command runs and answers in JSON");
    tell(mutant, &summary["schedules"], "schedules", violation);
}

#[test]
fn hunt_tells_what_clients_saw_and_how_to_see_it_again() {
    let (code, summary) = told(&["mutants", "B01", "b11", "--json"]);
    assert_eq!(code, Some(0), "{summary}");
    let mutants = summary["mutants"].as_array().expect("two mutants were named");
    let ids: Vec<&str> = mutants.iter().filter_map(|mutant| mutant["id"].as_str()).collect();
    assert_eq!(ids, ["B01", "B11"]);
    for mutant in mutants {
        assert_eq!(mutant["found"], true);
        let places: Vec<_> = hunts(mutant).map(|(ground, eyes, _)| (ground, eyes)).collect();
        let simulation = [("simulation", "all"), ("simulation", "clients")];
        assert_eq!(places, [&simulation[..], &[("rooms", "all"), ("rooms", "clients")]].concat());
        for (_, eyes, hunt) in hunts(mutant) {
            let finding = &hunt["finding"];
            let kind = finding["detector"]["kind"].as_str().expect("B01 and B11 are found");
            assert_eq!(kind == "invariant", eyes == "all", "{finding}");
            let name = finding["detector"]["name"].as_str().unwrap_or("LV");
            let repeat = finding["repeat"].as_str().expect("B01 and B11 are found");
            assert_repeated(repeat, name);
        }
    }
}

#[test]
fn hunt_that_is_too_short_fails_and_several_begin_elsewhere() {
    // The first schedule of the rooms is too short for this one.
    let flags = ["--seeds", "0", "--schedules", "1", "--sweeps", "3", "--clients-only", "--json"];
    let (code, summary) = told(&[&["mutants", "C02"][..], &flags].concat());
    assert_eq!(code, Some(1), "{summary}");
    let mutant = &summary["mutants"][0];
    let starts: Vec<_> = hunts(mutant)
        .filter(|(ground, ..)| *ground == "rooms")
        .map(|(_, _, hunt)| hunt["start"].clone())
        .collect();
    assert_eq!(starts, ["0x0", "0x1", "0x2"]);
    assert!(hunts(mutant).all(|(_, eyes, hunt)| eyes == "clients" && hunt["finding"].is_null()));
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
    for command in
        [&["run", "--mutant"][..], &["sweep", "--mutant"], &["rooms", "--mutant"], &["mutants"]]
    {
        let output = faults(&[command, &["A99"]].concat());
        assert_eq!(output.status.code(), Some(64), "{command:?}");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains("unknown mutant \"A99\""), "{words}");
    }
}
