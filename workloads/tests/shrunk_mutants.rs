//! Broken brokers that a sweep finds are shrunk to a handful of faults, and to the same ones on one
//! core as on several.
//!
//! Needs a build that contains the mutants:
//!
//! ```sh
//! cargo test --package workloads --features mutants --test shrunk_mutants -- --nocapture
//! ```

use std::sync::atomic::AtomicBool;

use harness::exit::OutcomeVerdict;
use workloads::hunt;
use workloads::plan::Plan;
use workloads::profile::Profile;
use workloads::run::{Errand, Watching, carry_out};
use workloads::shrink::{Limits, Shrunk, shrink};
use workloads::signature::Signature;

/// More faults than that are not what a person wants to think about.
const FAULTS_MAX: usize = 6;

/// The first plan of the safe profile that finds the mutant out.
fn first_failing(mutant: &str) -> Plan {
    let profile = Profile::safe().mutant(mutant).expect("the build contains it");
    let never = AtomicBool::new(false);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let caught = hunt::hunt(0..500, workers, &never, |seed| hunt::simulate(seed, &profile), |_| ());
    profile.plan(caught.finding.expect("a sweep finds the mutant").seed)
}

fn shrunk(plan: &Plan, workers: usize) -> Shrunk {
    let limits = Limits { workers, is_enough: &|| false, told: &|_| () };
    shrink(plan, limits).expect("it fails")
}

#[expect(clippy::print_stdout, reason = "how much was left out is worth knowing")]
fn assert_shrinks(mutant: &str) -> (Plan, Shrunk) {
    let plan = first_failing(mutant);
    let shrunk = shrunk(&plan, 2);
    let (before, after) = (shrunk.before.faults, shrunk.after.faults);
    println!(
        "{mutant}, seed {}: {} in {before} -> {after} faults, {} runs",
        plan.seed, shrunk.signature, shrunk.runs
    );
    assert!(shrunk.complete);
    assert!(after <= FAULTS_MAX && after <= before, "{}", shrunk.plan.schedule);

    // It still is this mistake: the file repeats it, and the sound brokers pass.
    let read = Plan::read(&shrunk.plan.to_json()).expect("a plan survives its file");
    assert_eq!(read, shrunk.plan);
    let again = |plan| carry_out(&Errand { plan, repeat: String::new() }, Watching::default());
    assert_eq!(Signature::of(&again(read.clone()).report), Some(shrunk.signature.clone()));
    let sound = again(Plan { mutant: None, ..read });
    // It may be too little to prove anything, but not wrong.
    assert_ne!(sound.report.verdict, OutcomeVerdict::Invalid, "{}", shrunk.plan.schedule);
    (plan, shrunk)
}

#[test]
fn acknowledgement_at_append_is_shrunk_the_same_on_one_core() {
    let (plan, two) = assert_shrinks("B01");
    let one = shrunk(&plan, 1);
    assert_eq!((one.plan, one.signature), (two.plan, two.signature));
}

#[test]
fn truncation_to_the_high_watermark_is_shrunk() {
    assert_shrinks("A01");
}

#[test]
fn retries_that_are_appended_again_are_shrunk() {
    assert_shrinks("F01");
}
