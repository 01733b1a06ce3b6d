//! Broken brokers are explained by the rules that they break.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use expect_test::expect_file;
use harness::explain::Limits;
use harness::seed::Seed;
use highwater::mutants::Mutant;
use workloads::explain::{Explanation, explain};
use workloads::profile::Profile;

/// So many seeds may pass before a mutant shows itself.
const SEEDS: u64 = 60;

/// The rules of which each mutant breaks at least one, as the catalogue has it.
fn broken_by(mutant: Mutant) -> &'static [&'static str] {
    match mutant {
        Mutant::A01 => &["R8", "R10"],
        Mutant::A09 | Mutant::A12 => &["R10", "R12"],
        Mutant::B01 => &["R27"],
        Mutant::B03 | Mutant::B04 => &["R13"],
        Mutant::B08 => &["R7"],
        Mutant::B11 => &["R14", "R29"],
        Mutant::C02 => &["R16"],
        Mutant::D01 => &["R22"],
        Mutant::D02 => &["R22", "R25"],
        Mutant::D04 => &["R6"],
        Mutant::D08 => &["R19", "R23"],
        Mutant::E03 => &["R33"],
        Mutant::F01 => &["R28"],
    }
}

/// The explanation of the first seed that fails, without branches.
fn first_failure(mutant: Mutant) -> Explanation {
    let profile = Profile::safe().mutant(&mutant.to_string()).expect("this build has mutants");
    let found = (0..SEEDS).find_map(|seed| {
        let mut limits = Limits::new(Duration::ZERO);
        limits.is_enough = &|| true;
        explain(&profile.errand(Seed(seed)), &mut limits).ok()
    });
    found.unwrap_or_else(|| panic!("{mutant} shows itself in none of {SEEDS} seeds"))
}

#[test]
fn every_mutant_is_explained_by_a_rule_that_it_breaks() {
    for mutant in Mutant::ALL {
        let explanation = first_failure(mutant);
        let named: Vec<&str> = explanation.rules.iter().map(|rule| rule.number).collect();
        let right = broken_by(mutant).iter().any(|rule| named.contains(rule));
        assert!(right, "{mutant}: {named:?} were named:\n{explanation}");
        assert!((3..=20).contains(&explanation.story.len()), "{explanation}");
        assert!(!explanation.complete && explanation.branches == 0);
    }
}

/// What a person reads, branches and all, word for word.
#[test]
fn three_mutants_are_told_as_they_always_were() {
    for (mutant, seed) in [("A01", "13"), ("B01", "0"), ("D01", "3")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faults"));
        let output = command.args(["explain", seed, "--mutant", mutant]).output();
        let output = output.expect("the command can be run");
        assert_eq!(output.status.code(), Some(1), "{mutant}");
        let told = String::from_utf8(output.stdout).expect("the command writes text");
        let name = format!("tests/explained/{mutant}-seed-{seed}.txt");
        expect_file![Path::new(env!("CARGO_MANIFEST_DIR")).join(name)].assert_eq(&told);
    }
}

#[test]
fn explanation_is_the_same_on_one_core_and_as_json() {
    let explained = |workers: &str| {
        let flags = ["explain", "13", "--mutant", "A01", "--json", "--workers", workers];
        let output = Command::new(env!("CARGO_BIN_EXE_faults")).args(flags).output();
        let output = output.expect("the command can be run");
        assert_eq!(output.status.code(), Some(1));
        let mut told: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("the command answers in JSON");
        // More workers ask more at a time.
        told["branches"].take();
        told
    };
    let (one, three) = (explained("1"), explained("3"));
    assert_eq!(one, three);
    assert_eq!(one["complete"], true);
    assert_eq!(one["signature"]["invariant"], "GS1 at a truncation");
}
