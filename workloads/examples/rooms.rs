//! Plays many schedules of the pure rooms and says what they came to.
//!
//! `cargo run --release --package workloads --example rooms -- [FROM [TO [MUTANT]]]` plays the seeds
//! from FROM up to TO. With the feature `mutants` and the name of one, it says after how many
//! schedules the broken broker was found, on average.
#![expect(clippy::print_stdout, reason = "a command talks to its user")]

use std::collections::BTreeMap;

use workloads::rooms::{Outcome, Profile, run};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| {
        arguments.next().map_or(default, |text| text.parse().expect("FROM and TO are numbers"))
    };
    let (from, to) = (number(0), number(10_000));
    match arguments.next() {
        Some(mutant) => hunt(from, to, &mutant),
        None => sweep(from, to),
    }
}

fn sweep(from: u64, to: u64) {
    let mut reached: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut events, mut acknowledged, mut waived, mut failed) = (0, 0, 0, 0_u64);
    for seed in from..to {
        let outcome = run(seed, &Profile::storm());
        events += outcome.events;
        acknowledged += outcome.acknowledged;
        waived += outcome.waived;
        for (state, count) in &outcome.sometimes {
            *reached.entry(state).or_insert(0) += count;
        }
        failed += u64::from(outcome.violation.is_some());
        report(&outcome, failed == 1);
    }
    println!("{} schedules, {events} events, {acknowledged} acknowledged", to - from);
    println!("{failed} failed, {waived} partitions waived");
    for (state, count) in reached {
        println!("{count:>12} {state}");
    }
}

fn report(outcome: &Outcome, in_full: bool) {
    let Some(violation) = &outcome.violation else { return };
    println!("seed {}: {violation}", outcome.seed);
    if in_full {
        println!("{}", outcome.transcript.join("\n"));
    }
}

#[cfg(feature = "mutants")]
fn hunt(from: u64, to: u64, name: &str) {
    let mutant: highwater::mutants::Mutant = name.parse().expect("a mutant of the catalogue");
    highwater::mutants::switch_on(Some(mutant));
    let mut by: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in from..to {
        if let Some(violation) = run(seed, &Profile::storm()).violation {
            *by.entry(violation.invariant).or_insert(0) += 1;
        }
    }
    let found: u64 = by.values().sum();
    println!("{mutant}: found in {found} of {} schedules, first by {by:?}", to - from);
    if let Some(every) = (to - from).checked_div(found) {
        println!("about every {every} schedules");
    }
}

#[cfg(not(feature = "mutants"))]
fn hunt(_: u64, _: u64, name: &str) {
    println!("this build has no mutant {name}: build with --features mutants");
}
