//! One story, told under several seeds.
//!
//! A fault test that passes once has met one interleaving. [`scenario`] tells it under several,
//! each on a thread of its own, and says how to repeat the one that failed. `SEED=0x2a` in the
//! environment picks a seed, `SEEDS=100` a number of them, `TRACE=debug` prints what the program
//! logs.

use std::env;
use std::fmt;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::cluster::{Cluster, Journal, JournalEntry, Options};
use crate::gate::lock;
use crate::panics::{Panicked, run_isolated};
use crate::seed::Seed;
use crate::system::System;
use crate::trace;

/// How many seeds a story is told under, unless the environment says otherwise.
const SEEDS: u64 = 3;

/// What a story needs: a system to build, and the physics to build it in.
/// [`nodes`](crate::system::nodes) makes one for a program that needs no system of its own.
pub trait Setup: Sync {
    /// The program under test.
    type System: System;

    /// A fresh system. Called once per seed, on the thread of its simulation.
    fn build(&self, seed: Seed) -> Self::System;

    /// The physics; a data centre unless it says otherwise.
    fn options(&self) -> Options {
        Options::new()
    }
}

/// A run that failed: when, of what, and what had been done to the cluster.
#[derive(Clone, Debug)]
pub struct FailedRun {
    /// The seed that repeats it.
    pub seed: Seed,
    /// The time since the simulation began.
    pub at: Duration,
    /// What failed.
    pub panicked: Panicked,
    /// What had been done to the cluster, oldest first.
    pub journal: Vec<JournalEntry>,
}

/// Tells a story under one seed, on a thread of its own.
///
/// # Errors
/// The story panicked, a task did, or an invariant was broken.
pub fn run<C: Setup, T: Send>(
    setup: &C,
    seed: Seed,
    story: impl FnOnce(&mut Cluster<C::System>) -> T + Send,
) -> Result<T, Box<FailedRun>> {
    let journal: Mutex<Option<Journal>> = Mutex::new(None);
    let outcome = run_isolated(|| {
        let mut cluster = Cluster::new(setup.build(seed), seed, setup.options());
        *lock(&journal) = Some(cluster.journal().clone());
        story(&mut cluster)
    });
    outcome.map_err(|panicked| {
        let journal = lock(&journal).take();
        Box::new(FailedRun {
            seed,
            at: journal.as_ref().map(Journal::now).unwrap_or_default(),
            panicked,
            journal: journal.as_ref().map(Journal::entries).unwrap_or_default(),
        })
    })
}

/// Tells a story under several seeds.
///
/// # Panics
/// It failed under one of them. What failed, when, what had been done to the cluster and how to
/// repeat it goes to standard error.
pub fn scenario<C: Setup>(setup: C, story: impl Fn(&mut Cluster<C::System>) + Sync) {
    if let Ok(filter) = env::var("TRACE") {
        trace::install(&filter).unwrap_or_else(|refused| panic!("TRACE: {refused}"));
    }
    for seed in seeds() {
        if let Err(failed) = run(&setup, seed, &story) {
            // Unwinding without the panic hook, which would say less than what is printed here.
            complain(&failed);
            std::panic::resume_unwind(Box::new(failed.panicked.message));
        }
    }
}

/// The seeds that the environment asks for.
///
/// # Panics
/// It asks for something that is not a seed or not a number.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    if let Ok(one) = env::var("SEED") {
        return vec![one.parse().unwrap_or_else(|wrong| panic!("SEED: {wrong}"))];
    }
    let count = env::var("SEEDS").map_or(SEEDS, |count| {
        count.parse().unwrap_or_else(|_| panic!("SEEDS: `{count}` is not a number"))
    });
    (1..=count).map(Seed).collect()
}

#[expect(clippy::print_stderr, reason = "this is what a person reads when a test fails")]
fn complain(failed: &FailedRun) {
    eprintln!("{failed}");
}

impl fmt::Display for FailedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let test = test_name();
        let name = test.as_deref().unwrap_or("the story");
        let at = self.at.as_secs_f64();
        writeln!(f, "--- {name} failed with seed {} at {at:.3}s of simulated time", self.seed)?;
        self.journal.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        writeln!(f, "  {}", self.panicked.message)?;
        if let Some(backtrace) = &self.panicked.backtrace {
            writeln!(f, "{backtrace}")?;
        }
        let command = again(env::current_exe().ok().as_deref(), package().as_deref());
        write!(f, "  again: SEED={} {command} {}", self.seed, test.unwrap_or_default())
    }
}

/// The name of the test that runs on this thread.
fn test_name() -> Option<String> {
    let name = thread::current().name()?.to_owned();
    (name != "main").then_some(name)
}

fn package() -> Option<String> {
    env::var("CARGO_PKG_NAME").ok()
}

/// The command that runs the tests of this executable again.
fn again(executable: Option<&std::path::Path>, package: Option<&str>) -> String {
    let package_flag = package.map(|name| format!(" -p {name}")).unwrap_or_default();
    let stem = executable.and_then(|path| path.file_stem()).and_then(|stem| stem.to_str());
    // Cargo appends a hash: `faults-0123456789abcdef`.
    let target = stem.map(|stem| stem.rsplit_once('-').map_or(stem, |(name, _)| name));
    match target {
        Some(target) if package.is_some_and(|p| p.replace('-', "_") == target) => {
            format!("cargo test{package_flag} --lib")
        }
        Some(target) => format!("cargo test{package_flag} --test {target}"),
        None => format!("cargo test{package_flag}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::JournalEvent;
    use std::path::Path;

    #[test]
    fn command_names_the_test_target() {
        let exe = |name: &'static str| Some(Path::new(name));
        assert_eq!(
            again(exe("/t/deps/faults-0123abcd"), Some("my-server")),
            "cargo test -p my-server --test faults"
        );
        assert_eq!(
            again(exe("/t/deps/harness-0123abcd"), Some("harness")),
            "cargo test -p harness --lib"
        );
    }

    #[test]
    fn failed_run_reads_as_a_person_wants_it() {
        let failed = FailedRun {
            seed: Seed(3),
            at: Duration::from_millis(27_418),
            panicked: Panicked { message: "a record is lost".to_owned(), backtrace: None },
            journal: vec![JournalEntry {
                at: Duration::from_secs(5),
                event: JournalEvent::Note("isolate node-1".to_owned()),
            }],
        };
        let text = failed.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("failed with seed 0x3 at 27.418s of simulated time"), "{text}");
        assert_eq!(lines[1..3], ["     5.000s  isolate node-1", "  a record is lost"]);
        assert!(lines[3].starts_with("  again: SEED=0x3 cargo test -p harness"), "{text}");
    }
}
