//! Sweeps over runs that are made up: what counts is how they are dealt, gathered and judged.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use expect_test::expect;

use super::*;
use crate::exit::Exit;
use crate::report::Counts;

fn options(seeds: Range<u64>, workers: usize) -> SweepOptions {
    SweepOptions {
        seeds,
        every: 1,
        lasts: None,
        workers,
        stop_at_first: false,
        required: Vec::new(),
        expects_faults: true,
        quiet: true,
        repeat: Box::new(|seed| format!("cargo faults run --seed {seed:#x}")),
    }
}

fn counts(pairs: &[(&str, u64)]) -> Counts {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// A run in which enough happened.
fn good(seed: u64) -> RunOutcome {
    RunOutcome {
        seed,
        verdict: OutcomeVerdict::Valid,
        failure: None,
        signature: None,
        digest: format!("{:016x}", seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        simulated: Duration::from_secs(60),
        operations: 100 + seed,
        acknowledged: counts(&[("all", 80), ("one", seed % 3)]),
        reads: 70,
        faults: counts(&[("cut", 2), ("kill", seed % 2)]),
        skipped: counts(&[("kill", u64::from(seed.is_multiple_of(5)))]),
        sometimes: counts(&[("a disk was full", u64::from(seed % 7 == 4)), ("a node was cut", 2)]),
        budget: counts(&[("within", 1)]),
    }
}

fn bad(seed: u64) -> RunOutcome {
    let failure = Some("lost-write: value 17 is gone".to_owned());
    RunOutcome { verdict: OutcomeVerdict::Invalid, failure, ..good(seed) }
}

fn undecided(seed: u64) -> RunOutcome {
    RunOutcome { verdict: OutcomeVerdict::Unknown, ..good(seed) }
}

/// The sweep's summary without what depends on the machine's clock.
fn sweep(options: SweepOptions, run_one: impl Fn(u64) -> RunOutcome + Sync) -> SweepSummary {
    let mut summary = run(options, None, &AtomicBool::new(false), run_one);
    (summary.wall, summary.seeds_per_minute) = (Duration::from_secs(6), 0.0);
    summary
}

/// Gives the other workers a chance to overtake, differently for each seed.
fn dawdle(seed: u64) {
    (0..seed * 7 % 5 * 20).for_each(|_| thread::yield_now());
}

#[test]
fn answer_does_not_depend_on_the_number_of_workers() {
    let run_one = |seed: u64| {
        dawdle(seed);
        match seed {
            13 | 40 => bad(seed),
            21 => undecided(seed),
            34 => panic!("node 3 is gone"),
            _ => good(seed),
        }
    };
    let mut answers = Vec::new();
    for workers in [1, 4] {
        let mut lines: Vec<u8> = Vec::new();
        let never = AtomicBool::new(false);
        let mut summary = run(options(5..60, workers), Some(&mut lines), &never, run_one);
        (summary.wall, summary.seeds_per_minute) = (Duration::ZERO, 0.0);
        answers.push((summary, String::from_utf8(lines).unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
    let (summary, lines) = &answers[0];
    assert_eq!((summary.run, summary.valid, summary.invalid, summary.unknown), (55, 51, 3, 1));
    let seeds: Vec<u64> =
        lines.lines().map(|line| serde_json::from_str::<RunOutcome>(line).unwrap().seed).collect();
    assert_eq!(seeds, (5..60).collect::<Vec<_>>());
}

#[test]
fn digest_sees_every_run_and_every_verdict() {
    let digest = |run_one: fn(u64) -> RunOutcome| sweep(options(0..9, 2), run_one).digest;
    let same = digest(good);
    assert_eq!(same, digest(good));
    assert_eq!(same.len(), 32);
    let other_run = |seed| match seed {
        8 => RunOutcome { digest: "other".to_owned(), ..good(seed) },
        _ => good(seed),
    };
    assert_ne!(same, digest(other_run));
    assert_ne!(same, digest(|seed| if seed == 8 { undecided(seed) } else { good(seed) }));
}

#[test]
fn panic_fails_its_seed_and_no_other() {
    let summary = sweep(options(0..10, 2), |seed| {
        assert_ne!(seed, 4, "the log of node 2 went backwards");
        good(seed)
    });
    assert_eq!((summary.valid, summary.invalid), (9, 1));
    let failure = &summary.failures[0];
    assert_eq!((failure.seed, failure.verdict), (4, OutcomeVerdict::Invalid));
    assert!(failure.what.starts_with("panicked at harness/src/sweep/tests.rs:"), "{failure:?}");
    assert!(failure.what.contains("the log of node 2 went backwards"), "{failure:?}");
    assert_eq!(failure.repeat, "cargo faults run --seed 0x4");
    assert_eq!(summary.exit(), Exit::Invalid);
}

#[test]
fn every_seed_runs_on_a_thread_of_its_own_with_a_deep_stack() {
    thread_local!(static RUNS: Cell<u32> = const { Cell::new(0) });
    fn deep(levels: usize) -> usize {
        let frame = std::hint::black_box([1_u8; 4096]);
        if levels == 0 { 0 } else { usize::from(frame[levels % 4096]) + deep(levels - 1) }
    }
    let summary = sweep(options(0..8, 2), |seed| {
        RUNS.set(RUNS.get() + 1);
        assert_eq!(RUNS.get(), 1, "a thread was used twice");
        // 8 MiB of frames at least, four times what a thread has by default.
        assert_eq!(deep(2048), 2048);
        good(seed)
    });
    assert_eq!((summary.valid, summary.verdict), (8, OutcomeVerdict::Valid));
}

#[test]
fn sweep_stops_at_the_smallest_failing_seed_whoever_finds_one_first() {
    for workers in [1, 4] {
        let begun = AtomicU64::new(0);
        let options = SweepOptions { stop_at_first: true, ..options(0..100_000, workers) };
        let summary = sweep(options, |seed| {
            begun.fetch_add(1, Ordering::Relaxed);
            dawdle(seed);
            if seed >= 20 { bad(seed) } else { good(seed) }
        });
        assert_eq!((summary.run, summary.valid, summary.invalid), (21, 20, 1));
        assert_eq!(summary.ended, Ended::AtFailure { next: 21 });
        assert_eq!(summary.failures.iter().map(|failure| failure.seed).collect::<Vec<_>>(), [20]);
        assert!(summary.to_string().contains("first failure; go on with --start 0x15\n"));
        assert!(begun.into_inner() < 100, "the sweep went on");
    }
}

#[test]
fn run_in_which_too_little_happened_fails() {
    type Spoil = fn(&mut RunOutcome);
    let cases: [(&str, Spoil); 3] = [
        ("vacuous: nothing was acknowledged", |run| run.acknowledged = counts(&[("all", 0)])),
        ("vacuous: nothing was read back", |run| run.reads = 0),
        ("vacuous: no fault struck", |run| run.faults.clear()),
    ];
    for (reason, spoil) in cases {
        let mut outcome = good(3);
        spoil(&mut outcome);
        outcome.judge_vacuous(true);
        assert_eq!(outcome.verdict, OutcomeVerdict::Invalid);
        assert_eq!(outcome.failure.as_deref(), Some(reason));
    }
    let mut calm = RunOutcome { faults: Counts::new(), ..good(3) };
    calm.judge_vacuous(false);
    assert_eq!(calm, RunOutcome { faults: Counts::new(), ..good(3) });
}

#[test]
fn vacuity_hides_no_other_reason() {
    let mut invalid = RunOutcome { reads: 0, ..bad(3) };
    invalid.judge_vacuous(true);
    assert_eq!(invalid.failure, bad(3).failure);
    let reason = Some("out of time".to_owned());
    let mut unknown = RunOutcome { reads: 0, failure: reason, ..undecided(3) };
    unknown.judge_vacuous(true);
    assert_eq!(unknown.verdict, OutcomeVerdict::Invalid);
    let told = unknown.failure.unwrap();
    assert_eq!(told, "vacuous: nothing was read back; out of time");
}

#[test]
fn vacuous_runs_fail_the_sweep() {
    let summary = sweep(options(0..4, 2), |seed| RunOutcome { reads: seed % 2, ..good(seed) });
    assert_eq!((summary.valid, summary.invalid), (2, 2));
    assert_eq!(summary.failures[0].what, "vacuous: nothing was read back");
}

#[test]
fn failure_noted_beside_a_valid_verdict_counts() {
    let failure = Some("the digest differs when repeated".to_owned());
    let summary =
        sweep(options(0..1, 1), |seed| RunOutcome { failure: failure.clone(), ..good(seed) });
    assert_eq!((summary.invalid, summary.exit()), (1, Exit::Invalid));
}

#[test]
fn required_state_that_no_run_reached_fails_the_sweep_by_name() {
    let required = vec!["a disk was full".to_owned(), "a disk was torn".to_owned()];
    let summary = sweep(SweepOptions { required, ..options(0..10, 2) }, good);
    assert_eq!(summary.valid, 10);
    assert_eq!(summary.missing, ["a disk was torn"]);
    assert_eq!(summary.exit(), Exit::Invalid);
    assert!(summary.to_string().lines().last().unwrap().contains("never reached: a disk was torn"));
}

#[test]
fn interrupted_sweep_finishes_what_it_began_and_says_where_to_go_on() {
    let interrupted = AtomicBool::new(false);
    let options = SweepOptions {
        required: vec!["a disk was torn".to_owned()],
        ..options(0x100..u64::MAX, 3)
    };
    let begun = AtomicU64::new(0);
    let summary = run(options, None, &interrupted, |seed| {
        begun.fetch_add(1, Ordering::Relaxed);
        dawdle(seed);
        interrupted.fetch_or(seed == 0x110, Ordering::Relaxed);
        good(seed)
    });
    // Whatever was begun counts, without a gap.
    assert_eq!(summary.run, begun.into_inner());
    let next = 0x100 + summary.run;
    assert_eq!(summary.ended, Ended::Interrupted { next });
    assert!(summary.to_string().contains(&format!("interrupted; go on with --start {next:#x}\n")));
    assert_eq!(summary.missing, ["a disk was torn"]);
    // The missing state may still be reached behind `next`, so nothing is proved either way.
    assert_eq!(summary.exit(), Exit::Unknown);
}

#[test]
fn sweep_that_ran_nothing_has_not_passed() {
    assert_eq!(sweep(options(7..7, 2), good).exit(), Exit::Unknown);
}

#[test]
fn undecided_run_is_not_a_pass() {
    let summary =
        sweep(options(0..3, 0), |seed| if seed == 1 { undecided(seed) } else { good(seed) });
    assert_eq!((summary.unknown, summary.exit()), (1, Exit::Unknown));
    assert_eq!(summary.failures[0].what, "no reason given");
}

#[test]
fn file_that_cannot_be_written_does_not_end_the_sweep_but_is_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let summary = run(options(3..9, 2), Some(&mut Full), &AtomicBool::new(false), good);
    assert_eq!((summary.run, summary.valid, summary.exit()), (6, 6, Exit::Unknown));
    assert_eq!(summary.unwritten.as_deref(), Some("from seed 0x3 on: no storage space"));
}

#[test]
fn summary_is_told_in_columns_and_comes_back_from_json() {
    let required = vec!["a disk was torn".to_owned(), "a node was cut".to_owned()];
    let summary = sweep(SweepOptions { required, ..options(0..60, 2) }, |seed| match seed {
        9 => undecided(seed),
        8 | 20..50 => bad(seed),
        _ => good(seed),
    });
    let text = summary.to_string();
    assert_eq!(text.matches("again: ").count(), 20);
    // The middle of the list of failures is all alike.
    let alike = |line: &&str| (22..40).any(|seed: u64| line.contains(&format!("{seed:#x}")));
    let kept: Vec<&str> = text.lines().filter(|line| !alike(line)).collect();
    expect![[r#"
        seeds run          60
          valid            28
          invalid          31
          unknown           1
        operations      7,770
        acknowledged    4,860
          all           4,800
          one              60
        reads           4,200
        faults            150
          cut             120
          kill             30
        faults skipped     12
          kill             12
        fault budget
          within           60

        sometimes               runs        times  first seed
          a disk was full          8            8  0x4
          a disk was torn          0            0  never, but required
          a node was cut          60          120  0x0

        failures
          0x8   invalid  lost-write: value 17 is gone
                again: cargo faults run --seed 0x8
          0x9   unknown  no reason given
                again: cargo faults run --seed 0x9
          0x14  invalid  lost-write: value 17 is gone
                again: cargo faults run --seed 0x14
          0x15  invalid  lost-write: value 17 is gone
                again: cargo faults run --seed 0x15
          and 12 more

        required, and never reached
          a disk was torn

        digest  e9e192437e44d35cfecabc9fb9136ccc
        INVALID  60 seeds, 28 valid, 31 invalid, 1 unknown, never reached: a disk was torn, 3600s simulated in 6.0s, 0.0 seeds a minute"#]].assert_eq(&kept.join("\n"));
    let json = serde_json::to_string(&summary).unwrap();
    assert!(json.contains("\"exit_code\":1"), "{json}");
    assert_eq!(serde_json::from_str::<SweepSummary>(&json).unwrap(), summary);
}

#[test]
fn shards_run_each_seed_exactly_once() {
    let shard = |index: u64| SweepOptions { every: 3, ..options(5 + index..40, 2) };
    let mut seeds = Vec::new();
    for index in 0..3 {
        let mut lines: Vec<u8> = Vec::new();
        let never = AtomicBool::new(false);
        let summary = run(shard(index), Some(&mut lines), &never, good);
        assert_eq!(summary.ended, Ended::Complete);
        assert_eq!(summary.asked, shard(index).asked());
        let lines = String::from_utf8(lines).unwrap();
        let outcomes = lines.lines().map(|line| serde_json::from_str::<RunOutcome>(line).unwrap());
        seeds.extend(outcomes.map(|outcome| outcome.seed));
    }
    seeds.sort_unstable();
    assert_eq!(seeds, (5..40).collect::<Vec<_>>());
}

#[test]
fn sweep_whose_time_is_up_has_done_what_it_was_asked_for() {
    let endless = SweepOptions { every: 2, lasts: Some(Duration::ZERO), ..options(1..u64::MAX, 2) };
    let summary = sweep(endless, good);
    let Ended::TimeUp { next } = summary.ended else { panic!("{:?}", summary.ended) };
    assert_eq!(next, 1 + summary.run * 2);
    assert!(summary.run > 0, "what was begun is finished");
    assert_eq!(summary.verdict, OutcomeVerdict::Valid);
}

#[test]
fn sink_that_fails_is_told_of_and_given_no_more() {
    struct Full(u64);
    impl Sink for Full {
        fn take(&mut self, _: &RunOutcome) -> io::Result<()> {
            self.0 += 1;
            Err(io::Error::other("the disk is full"))
        }
    }
    let (mut full, never) = (Full(0), AtomicBool::new(false));
    let summary = run_into(options(3..9, 2), Some(&mut full), &never, good);
    assert_eq!((full.0, summary.run), (1, 6));
    assert_eq!(summary.unwritten.as_deref(), Some("from seed 0x3 on: the disk is full"));
}
