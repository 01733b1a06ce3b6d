//! `faults soak` and `faults merge` from outside: interrupted, resumed, cut into shards, joined.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use workloads::soak::store::LINES;

/// Seeds of these soaks: few, since each is a simulation.
const SEEDS: u64 = 4;
/// Nothing here takes as long on any machine.
const PATIENCE: u32 = 6_000;

fn faults() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faults"));
    // The machine that runs the tests may be a shard of something itself.
    for variable in ["JOB_COMPLETION_INDEX", "CI_NODE_INDEX", "SLURM_ARRAY_TASK_ID"] {
        command.env_remove(variable);
    }
    command.env_remove("GITHUB_ACTIONS");
    command
}

fn soak(directory: &Path, flags: &[&str]) -> Command {
    let mut command = faults();
    command.args(["soak", "--json", "--resume"]).arg(directory).args(flags);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command says in JSON, without what depends on the machine's clock.
fn totals(mut command: Command) -> Value {
    let output = command.output().expect("the built command can be started");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value = serde_json::from_slice(&output.stdout).expect(&complaint);
    let mut totals = report["summary"].clone();
    for clock in ["wall_seconds", "seeds_per_minute"] {
        totals[clock] = Value::Null;
    }
    totals["findings"] = report["findings"].clone();
    totals
}

fn lines(directory: &Path) -> usize {
    let text = fs::read_to_string(directory.join(LINES)).unwrap_or_default();
    text.matches('\n').count()
}

/// Waits until `done`, on the machine's clock.
fn wait(child: &mut Child, what: &str, mut done: impl FnMut(&mut Child) -> bool) {
    for _ in 0..PATIENCE {
        if done(child) {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "waits for a process")]
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("it can be killed");
    panic!("{what} did not happen");
}

#[cfg(unix)]
#[test]
fn soak_that_is_terminated_goes_on_where_it_was_and_comes_to_the_same() {
    let seeds = SEEDS.to_string();
    let asked = ["--seeds", &seeds, "--start", "3", "--workers", "1"];
    let whole = TempDir::new().expect("there is room");
    let expected = totals(soak(whole.path(), &asked));
    assert_eq!(expected["run"], SEEDS);
    assert_eq!(expected["ended"], "complete");

    let cut = TempDir::new().expect("there is room");
    let mut child = soak(cut.path(), &asked).spawn().expect("it starts");
    wait(&mut child, "a first line", |_| lines(cut.path()) > 0);
    let killed = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
    assert!(killed.expect("there is a kill").success());
    wait(&mut child, "a clean end", |child| child.try_wait().is_ok_and(|ended| ended.is_some()));
    let output = child.wait_with_output().expect("it has ended");
    assert_eq!(output.status.code(), Some(2), "interrupted, and not decided");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let notes = report["notes"].to_string();
    assert!(notes.contains("go on with: cargo faults soak --resume"), "{notes}");
    let done = lines(cut.path());
    assert!(done > 0 && done < usize::try_from(SEEDS).unwrap_or(0), "{done} seeds were run");

    assert_eq!(totals(soak(cut.path(), &[])), expected);
}

#[test]
fn shards_by_environment_are_joined_to_the_whole() {
    let seeds = SEEDS.to_string();
    let whole = TempDir::new().expect("there is room");
    let mut expected = totals(soak(whole.path(), &["--seeds", &seeds]));
    let shards = TempDir::new().expect("there is room");
    let directory = |index: u64| shards.path().join(index.to_string());
    for index in 0..2 {
        let mut command = soak(&directory(index), &["--seeds", &seeds]);
        command.env("JOB_COMPLETION_INDEX", index.to_string()).env("JOB_COMPLETION_COUNT", "2");
        let output = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        let named = format!("soak: shard {index}/2 (from JOB_COMPLETION_INDEX)");
        assert!(said.starts_with(&named), "{said}");
    }
    let out: PathBuf = shards.path().join("all");
    let mut command = faults();
    command.arg("merge").arg(directory(0)).arg(directory(1)).arg("--json").arg("--out").arg(&out);
    let mut merged = totals(command);
    for name in ["first_seed", "findings", "sometimes", "digest", "operations", "run", "asked"] {
        assert_eq!(merged[name].take(), expected[name].take(), "{name}");
    }
    for name in ["summary.json", "findings.json", "junit.xml"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    let twice = faults().arg("merge").arg(directory(0)).arg(directory(0)).output();
    let twice = twice.expect("it starts");
    assert_eq!(twice.status.code(), Some(64));
    let complaint = String::from_utf8_lossy(&twice.stderr);
    assert!(complaint.contains("it would count twice"), "{complaint}");
}

#[test]
fn soak_that_was_begun_otherwise_is_not_resumed() {
    let directory = TempDir::new().expect("there is room");
    let begun = totals(soak(directory.path(), &["--seeds", "1"]));
    assert_eq!(begun["run"], 1);
    let complaint = |flags: &[&str]| {
        let output = soak(directory.path(), flags).output().expect("it starts");
        assert_eq!(output.status.code(), Some(64), "{flags:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(complaint(&["--shard", "1/2"]).contains("--shard differs"));
    assert!(complaint(&["--start", "7"]).contains("--start differs"));
    let again = faults().args(["soak", "--seeds", "1", "--out"]).arg(directory.path()).output();
    let again = again.expect("it starts");
    assert!(String::from_utf8_lossy(&again.stderr).contains("go on with --resume"));
}
