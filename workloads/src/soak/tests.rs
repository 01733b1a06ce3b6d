//! Soaks of made-up runs: what counts is how they are kept, resumed, cut into shards and joined.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use harness::exit::OutcomeVerdict;
use harness::report::Counts;
use harness::seed::Seed;
use harness::sweep::{self, Ended, RunOutcome, Sink as _, SweepOptions, SweepSummary};
use tempfile::TempDir;

use super::build::Build;
use super::findings::Finding;
use super::ledger::{Ledger, PLANS};
use super::merge::{Merged, merge};
use super::report::{self, Report};
use super::shard::Shard;
use super::store::{LINES, Limit, STATE, State, Store, VERSION, state_of};
use crate::profile::Profile;

/// A run of which something fails now and then.
fn run_one(seed: u64) -> RunOutcome {
    let mut outcome = RunOutcome::without_result(seed, OutcomeVerdict::Valid, String::new());
    outcome.failure = None;
    outcome.digest = format!("{:016x}", seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    outcome.simulated = Duration::from_secs(30);
    (outcome.operations, outcome.reads) = (100 + seed, 70);
    outcome.acknowledged = counts(&[("acks=all", 50)]);
    outcome.faults = counts(&[("crashes", seed % 3)]);
    outcome.sometimes = counts(&[("cut", u64::from(seed % 5 == 2))]);
    if seed % 7 == 3 {
        outcome.verdict = OutcomeVerdict::Invalid;
        outcome.failure = Some(format!("GS4: logs part at offset {seed}"));
        outcome.signature = Some("invariant GS4".to_owned());
    }
    outcome
}

fn counts(pairs: &[(&str, u64)]) -> Counts {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn build(program: &str) -> Build {
    Build { version: "1.0.0".to_owned(), commit: None, program: program.to_owned() }
}

/// A soak of 40 seeds from 5 on, or a part of it.
fn state(index: u64, count: u64) -> State {
    State {
        soak: VERSION,
        build: build("a"),
        start: Seed(5),
        shard: Shard::new(index, count).unwrap(),
        limit: Limit::Seeds(40),
        mutant: None,
        clients_only: false,
        lasted: Duration::ZERO,
    }
}

#[expect(clippy::disallowed_methods, reason = "no simulation is under way")]
fn now() -> Instant {
    Instant::now()
}

/// Begins or goes on, up to the end or until so many seeds more were begun.
fn go_on(directory: &Path, state: &State, stop_after: u64) -> (Ledger, SweepSummary) {
    let mut ledger = Ledger::new(Profile::swarm(), state.next(0), &[]);
    let store = match state_of(directory).unwrap() {
        None => Store::begin(directory, state).unwrap(),
        Some(_) => Store::resume(directory, state, |outcome| {
            ledger.add(outcome);
        })
        .unwrap(),
    };
    ledger.keep(store, state.clone(), now());
    let options = SweepOptions {
        seeds: state.next(ledger.run())..state.end(),
        every: state.shard.count(),
        lasts: None,
        workers: 2,
        stop_at_first: false,
        required: Vec::new(),
        expects_faults: false,
        quiet: true,
        repeat: Box::new(|seed| seed.to_string()),
    };
    let (interrupted, begun) = (AtomicBool::new(false), AtomicU64::new(0));
    sweep::run_into(options, Some(&mut ledger), &interrupted, |seed| {
        let begun = begun.fetch_add(1, Ordering::Relaxed) + 1;
        interrupted.store(begun >= stop_after, Ordering::Relaxed);
        run_one(seed)
    });
    ledger.close(now()).unwrap();
    let asked = state.asked().unwrap();
    let complete = ledger.run() == asked;
    let next = state.next(ledger.run());
    let ended = if complete { Ended::Complete } else { Ended::Interrupted { next } };
    let summary = ledger.summary(asked, ended, Duration::ZERO);
    (ledger, summary)
}

fn whole() -> (SweepSummary, Vec<Finding>) {
    let directory = TempDir::new().unwrap();
    let (ledger, summary) = go_on(directory.path(), &state(0, 1), u64::MAX);
    assert_eq!((summary.run, summary.invalid), (40, 5));
    let findings = ledger.findings(&[]);
    assert_eq!(findings.len(), 1);
    (summary, findings)
}

#[test]
fn soak_that_was_interrupted_comes_to_the_same() {
    let (expected, findings) = whole();
    let directory = TempDir::new().unwrap();
    let state = state(0, 1);
    let mut sessions = 0;
    loop {
        let (ledger, summary) = go_on(directory.path(), &state, 9);
        sessions += 1;
        if summary.ended != Ended::Complete {
            assert_eq!(summary.verdict, OutcomeVerdict::Invalid);
            continue;
        }
        assert_eq!(summary, expected);
        assert_eq!(ledger.findings(&[]), findings);
        break;
    }
    assert!(sessions > 2, "it was interrupted {sessions} times");
    let plans: Vec<PathBuf> =
        fs::read_dir(directory.path().join(PLANS)).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(plans.len(), 1, "one plan for each finding: {plans:?}");
    assert!(plans[0].ends_with("0xa.json"));
}

#[test]
fn line_that_was_cut_short_is_dropped_and_its_seed_run_again() {
    let (expected, _) = whole();
    let directory = TempDir::new().unwrap();
    go_on(directory.path(), &state(0, 1), 9);
    let path = directory.path().join(LINES);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    let (_, summary) = go_on(directory.path(), &state(0, 1), u64::MAX);
    assert_eq!(summary, expected);
}

#[test]
fn lines_that_are_not_the_soaks_are_refused_with_their_number() {
    let resumed = |change: &dyn Fn(&str) -> String| {
        let directory = TempDir::new().unwrap();
        go_on(directory.path(), &state(0, 1), 9);
        let path = directory.path().join(LINES);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(&text)).unwrap();
        Store::resume(directory.path(), &state(0, 1), |_| ()).unwrap_err()
    };
    let missing = resumed(&|text| text.split_inclusive('\n').skip(1).collect());
    assert!(missing.ends_with("runs.jsonl: line 1: seed 0x6, not 0x5"), "{missing}");
    let broken = resumed(&|text| text.replacen("\"seed\":6", "\"seed\":six", 1));
    assert!(broken.contains("runs.jsonl: line 2: expected"), "{broken}");
}

#[test]
fn directory_in_use_or_with_a_soak_in_it_is_refused() {
    let directory = TempDir::new().unwrap();
    let _at_work = Store::begin(directory.path(), &state(0, 1)).unwrap();
    let again = Store::begin(directory.path(), &state(0, 1)).unwrap_err();
    assert!(again.contains("--resume"), "{again}");
    let beside = Store::resume(directory.path(), &state(0, 1), |_| ()).unwrap_err();
    assert!(beside.contains("another soak is at work"), "{beside}");
}

fn shards(directories: &[TempDir]) -> Vec<PathBuf> {
    let count = directories.len() as u64;
    for (index, directory) in (0..).zip(directories) {
        go_on(directory.path(), &state(index, count), u64::MAX);
    }
    directories.iter().map(|directory| directory.path().to_owned()).collect()
}

fn merged(directories: &[PathBuf]) -> Result<Merged, String> {
    merge(directories, |_| Ok(Profile::swarm()), |_| Vec::new())
}

#[test]
fn shards_that_are_merged_are_the_whole() {
    let (expected, findings) = whole();
    let directories: Vec<TempDir> = (0..3).map(|_| TempDir::new().unwrap()).collect();
    let all = merged(&shards(&directories)).unwrap();
    let mut summary = all.summary;
    (summary.wall, summary.seeds_per_minute) = (expected.wall, expected.seeds_per_minute);
    assert_eq!(summary, expected);
    assert_eq!(all.ledger.findings(&[]), findings);
    assert_eq!(all.notes, Vec::<String>::new());
}

#[test]
fn what_is_missing_from_a_merge_is_said() {
    let directories: Vec<TempDir> = (0..3).map(|_| TempDir::new().unwrap()).collect();
    let paths = shards(&directories);
    let path = paths[0].join(LINES);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.lines().next().unwrap().to_owned() + "\n").unwrap();
    let some = merged(&paths[..2]).unwrap();
    assert_eq!(some.summary.ended, Ended::Interrupted { next: 9 });
    assert!(some.notes[0].contains("is not complete"), "{:?}", some.notes);
    assert_eq!(some.notes[1], "of 3 shards only 0, 1 are here");
}

#[test]
fn what_does_not_belong_together_is_not_merged() {
    let directories: Vec<TempDir> = (0..2).map(|_| TempDir::new().unwrap()).collect();
    let paths = shards(&directories);
    let twice = merged(&[paths[0].clone(), paths[1].clone(), paths[0].clone()]).unwrap_err();
    assert!(twice.contains("seed 0x6 was run in"), "{twice}");
    let other = |change: &dyn Fn(&mut State)| {
        let mut state = state(1, 2);
        change(&mut state);
        fs::write(paths[1].join(STATE), serde_json::to_string(&state).unwrap()).unwrap();
        merged(&paths).unwrap_err()
    };
    let code = other(&|state| state.build = build("b"));
    assert!(code.contains("different code: 1.0.0, program a; 1.0.0, program b"), "{code}");
    let brokers = other(&|state| state.mutant = Some("A01".to_owned()));
    assert!(brokers.contains("different brokers"), "{brokers}");
    let version = other(&|state| state.soak = 2);
    assert!(version.contains("soak.json: version 2"), "{version}");
    let nothing = merged(&[paths[0].join("nowhere")]).unwrap_err();
    assert!(nothing.contains("no soak is there"), "{nothing}");
}

#[test]
fn ledger_of_many_runs_is_as_small_as_one_of_few() {
    let size = |runs: u64| {
        let mut ledger = Ledger::new(Profile::swarm(), 0, &[]);
        (0..runs).for_each(|seed| ledger.take(&run_one(seed)).unwrap());
        assert_eq!(ledger.run(), runs);
        let (summary, findings) =
            (ledger.summary(runs, Ended::Complete, Duration::ZERO), ledger.findings(&[]));
        let of_numbers = |text: String| {
            let digits = text.chars().filter(char::is_ascii_digit).count();
            text.len() - digits
        };
        of_numbers(serde_json::to_string(&(&summary.sometimes, findings)).unwrap())
            + summary.failures.len()
    };
    assert_eq!(size(1_000), size(20_000));
}

#[test]
fn reports_are_files_and_the_next_soak_is_compared_with_them() {
    let directory = TempDir::new().unwrap();
    let (ledger, summary) = go_on(directory.path(), &state(0, 1), u64::MAX);
    let report = Report::new(vec![state(0, 1)], summary, ledger.findings(&[]));
    report.save(directory.path()).unwrap();
    let before = report::baseline(&directory.path().join(report::FINDINGS)).unwrap();
    assert_eq!(before, report.findings);
    let again = ledger.findings(&before);
    assert_eq!(again[0].standing.word(), "ongoing");
    let summary = fs::read_to_string(directory.path().join(report::SUMMARY)).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&summary).unwrap(), report);
    let wrong = report::baseline(&directory.path().join(report::SUMMARY)).unwrap_err();
    assert!(wrong.contains("summary.json"), "{wrong}");
}

#[test]
fn report_ends_in_one_line_and_names_each_finding() {
    let directory = TempDir::new().unwrap();
    let (ledger, summary) = go_on(directory.path(), &state(0, 1), u64::MAX);
    let report = Report::new(vec![state(0, 1)], summary, ledger.findings(&[]));
    let mut text = Vec::new();
    report.write(&mut text, harness::report::Style::Plain).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (_, tail) = text.split_once("\nfindings\n").unwrap();
    expect_test::expect![[r#"
          new        GS4                                     replication   5 runs
                     seed 0xa: GS4: logs part at offset 10
                     again: cargo faults repro 0xa --swarm

        soak of 40 seeds, 1 finding (1 new); 0.3 simulated hours
    "#]]
    .assert_eq(tail);
}

#[test]
fn torn_state_is_told_by_its_file() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(STATE);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap();
    file.write_all(b"{\"soak\": 1, ").unwrap();
    let torn = state_of(directory.path()).unwrap_err();
    assert!(torn.contains("soak.json: EOF"), "{torn}");
    assert_eq!(state_of(&directory.path().join("elsewhere")), Ok(None));
}
