//! Broken brokers that a sweep finds are shrunk to a handful of faults, and to the same ones on one
//! core as on several.
//!
//! Needs a build that contains the mutants:
//!
//! ```sh
//! cargo test --package workloads --features mutants --test shrunk_mutants -- --nocapture
//! ```

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use harness::exit::OutcomeVerdict;
use serde_json::Value;
use workloads::hunt;
use workloads::plan::Plan;
use workloads::profile::Profile;
use workloads::run::{Errand, Watching, carry_out};
use workloads::shrink::{Limits, Shrunk, as_story, as_test, fails_as_story, shrink};
use workloads::signature::Signature;

/// More faults than that are not what a person wants to think about.
const FAULTS_MAX: usize = 6;

fn again(plan: Plan) -> harness::report::RunReport {
    carry_out(&Errand { plan, repeat: String::new() }, Watching::default()).report
}

/// The first plan of the safe profile that finds the mutant out.
fn first_failing(mutant: &str) -> Plan {
    first_failing_of(&Profile::safe().mutant(mutant).expect("the build contains it"))
}

fn first_failing_of(profile: &Profile) -> Plan {
    let never = AtomicBool::new(false);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let caught = hunt::hunt(0..500, workers, &never, |seed| hunt::simulate(seed, profile), |_| ());
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
    assert_eq!(Signature::of(&again(read.clone())), Some(shrunk.signature.clone()));
    let sound = again(Plan { mutant: None, ..read });
    // It may be too little to prove anything, but not wrong.
    assert_ne!(sound.verdict, OutcomeVerdict::Invalid, "{}", shrunk.plan.schedule);
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

/// It needs no fault, so every story shows it, and then a story is what is written.
#[test]
fn shrunk_run_is_written_as_a_story_where_one_fails() {
    let shrunk = shrunk(&first_failing("B11"), 2);
    assert!(fails_as_story(&shrunk), "{}", shrunk.plan.to_json());
    let text = as_test(&shrunk, Path::new("min.json"));
    assert_eq!(Some(text), as_story(&shrunk));

    let sound = Shrunk { plan: Plan { mutant: None, ..shrunk.plan.clone() }, ..shrunk.clone() };
    assert!(!fails_as_story(&sound));
    let another = Shrunk { signature: Signature::Invariant("GS2".into()), ..shrunk };
    assert!(!fails_as_story(&another));
}

/// What is reached when it is enough is smaller, fails still, and is known not to be the smallest.
#[test]
fn budget_that_is_spent_leaves_the_best_so_far() {
    let plan = first_failing("A01");
    let runs = AtomicU64::new(0);
    let is_enough = || runs.load(Ordering::Relaxed) >= 12;
    let told = |_: &_| {
        runs.fetch_add(1, Ordering::Relaxed);
    };
    let limits = Limits { workers: 1, is_enough: &is_enough, told: &told };
    let early = shrink(&plan, limits).expect("it fails");
    assert_eq!((early.complete, early.runs), (false, 12));
    assert!(early.after.faults < early.before.faults, "{}", early.plan.schedule);
    assert_eq!(Signature::of(&again(early.plan)), Some(early.signature));

    let nothing = Limits { workers: 2, is_enough: &|| true, told: &|_| () };
    let none = shrink(&plan, nothing).expect("it fails");
    assert_eq!((none.complete, none.runs, &none.plan), (false, 0, &plan));
}

fn faults(arguments: &[impl AsRef<OsStr>]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faults"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the command runs")
}

/// The exit code, and what it wrote.
fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().expect("the command ends");
    (output.status.code(), String::from_utf8(output.stdout).expect("it writes text"))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn command_writes_a_plan_that_fails_again_and_a_test() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("min.json");
    let file = path.to_str().unwrap();
    let seed = first_failing("F01").seed.to_string();
    let mutant = ["shrink", &seed, "--mutant", "F01"];
    let (code, test) = ended(faults(&[&mutant[..], &["--out", file, "--as-test"]].concat()));
    assert_eq!(code, Some(1));
    assert!(test.contains("#[test]") && test.contains(&format!("_of_seed_{seed}()")), "{test}");

    let plan = Plan::read(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(plan.schedule.faults.len() <= FAULTS_MAX);
    let (code, report) = ended(faults(&["repro", file, "--json"]));
    assert_eq!(code, Some(1), "{report}");
    // It is as small as it can be already.
    let (code, again) = ended(faults(&["shrink", file, "--json"]));
    let again = json(&again);
    assert_eq!((code, &again["complete"]), (Some(1), &Value::Bool(true)));
    assert_eq!(again["plan"], serde_json::to_value(&plan).unwrap());
    assert_eq!(again["before"], again["after"]);
}

/// More than a second's work: a run goes on for two simulated minutes, whatever breaks inside, and
/// it takes dozens of them.
fn long_work() -> Vec<String> {
    let profile = Profile::safe().storm(Duration::from_secs(120)).clients_only();
    let plan = first_failing_of(&profile.mutant("B01").expect("the build contains it"));
    let flags = "--mutant B01 --clients-only --storm 120 --workers 1 --json";
    let words = format!("shrink {} {flags}", plan.seed);
    words.split(' ').map(str::to_owned).collect()
}

#[test]
fn command_ends_when_its_time_is_up() {
    let (code, told) = ended(faults(&[&long_work()[..], &["--seconds=1".to_owned()]].concat()));
    let told = json(&told);
    assert_eq!((code, &told["complete"]), (Some(1), &Value::Bool(false)), "{told:#}");
}

/// Whether the process has said what it does on SIGINT.
#[cfg(target_os = "linux")]
fn listens_for_an_interrupt(process: u32) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"));
    let status = status.expect("the process is there");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0
}

#[cfg(target_os = "linux")]
#[test]
fn interrupted_command_tells_the_best_so_far() {
    let child = faults(&long_work());
    while !listens_for_an_interrupt(child.id()) {
        thread::yield_now();
    }
    let interrupt = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
    let (code, told) = ended(child);
    let told = json(&told);
    assert_eq!((code, &told["complete"]), (Some(1), &Value::Bool(false)), "{told:#}");
}

#[test]
fn what_a_hunt_finds_is_cut_down() {
    let hunt = ["mutants", "F01", "--seeds", "50", "--schedules", "1", "--shrink=600"];
    let (code, told) = ended(faults(&[&hunt[..], &["--json"]].concat()));
    let told = json(&told);
    assert_eq!(code, Some(0), "{told:#}");
    let left = told["faults_left_median"].as_u64().expect("something was cut down");
    assert!(left <= 6, "{told:#}");
    for eyes in 0..2 {
        let cut = &told["mutants"][0]["hunts"][eyes]["shrunk"];
        assert_eq!(cut["complete"], Value::Bool(true), "{cut:#}");
        assert!(Plan::read(&cut["plan"].to_string()).is_ok(), "{cut:#}");
    }
    let (_, table) = ended(faults(&[&hunt[..], &["--clients-only"]].concat()));
    assert!(table.contains("faults left: ") && table.contains("duplicate"), "{table}");
}
