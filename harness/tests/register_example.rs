//! The example keeps its promises, and the harness finds its bug.

#[cfg(test)]
#[path = "../examples/register.rs"]
#[expect(dead_code, unreachable_pub, reason = "an example is made to be run, and to be read")]
mod register;

use std::sync::atomic::AtomicBool;

use harness::exit::OutcomeVerdict;
use harness::report::{Counts, RunReport};
use harness::seed::Seed;
use harness::sweep::{self, RunOutcome, SweepOptions, SweepSummary};

fn sweep(seeds: std::ops::Range<u64>, bug: bool) -> SweepSummary {
    let options = SweepOptions {
        seeds,
        every: 1,
        lasts: None,
        workers: 2,
        stop_at_first: false,
        required: Vec::new(),
        expects_faults: true,
        quiet: true,
        repeat: Box::new(|seed| format!("--seed {seed:#x}")),
    };
    sweep::run(options, None, &AtomicBool::new(false), |seed| {
        RunOutcome::of(&register::run(Seed(seed), bug), Counts::new())
    })
}

#[test]
fn register_is_linearizable_under_every_seed() {
    let summary = sweep(1..61, false);
    assert_eq!((summary.run, summary.valid), (60, 60), "{summary}");
    assert!(summary.acknowledged["calls"] > 60 * 50, "{summary}");
    assert!(summary.reads > 60 * 20, "{summary}");
    for class in ["crashes", "partitions", "pauses", "power cuts", "slow links"] {
        assert!(summary.faults.get(class).is_some_and(|count| *count > 0), "{class}: {summary}");
    }
}

#[test]
fn bug_is_found_within_a_few_dozen_seeds_and_told_by_the_calls_that_prove_it() {
    let summary = sweep(1..37, true);
    let found = summary.failures.iter().find(|run| run.verdict == OutcomeVerdict::Invalid);
    let found = found.unwrap_or_else(|| panic!("it was not found: {summary}"));
    assert!(summary.invalid >= 2, "{summary}");
    let report = register::run(Seed(found.seed), true);
    let RunReport { verdict, anomalies, .. } = &report;
    assert_eq!((*verdict, anomalies.len()), (OutcomeVerdict::Invalid, 1), "{report}");
    assert_eq!(anomalies[0].kind, "not-linearizable");
    let quoted = anomalies[0].lines.iter().filter(|line| line.contains("(process ")).count();
    assert!(quoted >= 2, "what could be ordered, and what could not: {report}");
    // The same seed without the bug: it is the bug that was found, and not the faults.
    assert_eq!(register::run(Seed(found.seed), false).verdict, OutcomeVerdict::Valid);
}

#[test]
fn run_repeats_from_its_seed() {
    for seed in 1..4 {
        let (once, again) = (register::run(Seed(seed), false), register::run(Seed(seed), false));
        assert_eq!(once, again);
        assert_ne!(once.digest, register::run(Seed(seed + 100), false).digest);
    }
}
