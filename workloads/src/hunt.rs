//! Until a broken broker is found out: case after case, on all cores, and who noticed first.
//!
//! A case is a seed of the full simulation or a schedule of the pure rooms. The answer is the
//! smallest case that fails, so it depends neither on the number of workers nor on their speed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use harness::exit::OutcomeVerdict;
use harness::report::RunReport;
use harness::seed::Seed;
use serde::Serialize;

use crate::profile::{self, Profile};
use crate::rooms;
use crate::run::{self, Watching};

/// What noticed that something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum Detector {
    /// An invariant of the brokers, by its number: the mistake itself was seen.
    Invariant(String),
    /// Something in what the clients were told, by its name: a consequence was seen.
    Anomaly(String),
    /// The cluster did not come to rest in time after the last fault, or a run broke off.
    Liveness,
}

impl Detector {
    /// Its name, for a table.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Invariant(name) | Self::Anomaly(name) => name,
            Self::Liveness => "liveness",
        }
    }
}

/// A case that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The seed.
    pub seed: Seed,
    /// Who noticed first.
    pub detector: Detector,
    /// What was wrong, in one line.
    pub what: String,
    /// The command that repeats it.
    pub repeat: String,
}

/// How a hunt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Caught {
    /// How many cases were tried, the failing one included.
    pub tried: u64,
    /// The first case that failed; `None` if none did.
    pub finding: Option<Finding>,
}

/// Tries `cases` in order on `workers` threads until one fails, all are tried or `interrupted` is
/// true. `tried` is told the number of cases done so far, from any of the threads.
pub fn hunt(
    cases: Range<u64>,
    workers: usize,
    interrupted: &AtomicBool,
    try_one: impl Fn(u64) -> Option<Finding> + Sync,
    tried: impl Fn(u64) + Sync,
) -> Caught {
    let next = AtomicU64::new(cases.start);
    let smallest = AtomicU64::new(u64::MAX);
    let done = AtomicU64::new(0);
    let findings = Mutex::new(BTreeMap::new());
    let work = || {
        while !interrupted.load(Ordering::Relaxed) {
            let case = next.fetch_add(1, Ordering::Relaxed);
            // Smaller cases are under way already, so the smallest that fails is never missed.
            if case >= cases.end || case > smallest.load(Ordering::Relaxed) {
                return;
            }
            if let Some(finding) = try_one(case) {
                smallest.fetch_min(case, Ordering::Relaxed);
                findings.lock().expect("a hunter does not panic").insert(case, finding);
            }
            tried(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers.max(1) {
            scope.spawn(work);
        }
    });
    let first = findings.into_inner().expect("a hunter does not panic").pop_first();
    match first {
        Some((case, finding)) => Caught { tried: case - cases.start + 1, finding: Some(finding) },
        None => Caught { tried: done.into_inner(), finding: None },
    }
}

/// One seed of the full simulation.
#[must_use]
pub fn simulate(seed: u64, profile: &Profile) -> Option<Finding> {
    let report = run::run(Seed(seed), profile, Watching::default()).report;
    if report.verdict == OutcomeVerdict::Valid {
        return None;
    }
    Some(Finding {
        seed: Seed(seed),
        detector: detector(&report),
        what: report.failure().unwrap_or_default(),
        repeat: report.repeat,
    })
}

fn detector(report: &RunReport) -> Detector {
    if let Some(violation) = &report.violation {
        return Detector::Invariant(violation.name.clone());
    }
    match report.anomalies.first() {
        Some(anomaly) => Detector::Anomaly(anomaly.kind.clone()),
        None => Detector::Liveness,
    }
}

/// One schedule of the pure rooms, with the named mutant.
#[must_use]
pub fn play(seed: u64, profile: &rooms::Profile, mutant: Option<&str>) -> Option<Finding> {
    profile::break_thread(mutant);
    let outcome = rooms::run(seed, profile);
    profile::break_thread(None);
    let violation = outcome.violation?;
    let name = violation.invariant.to_owned();
    let detector = match &name[..2] {
        "CV" => Detector::Anomaly(name),
        "LV" => Detector::Liveness,
        _ => Detector::Invariant(name),
    };
    let mut repeat = format!("cargo faults rooms --schedules 1 --start {}", Seed(seed));
    if let Some(mutant) = mutant {
        repeat.push_str(&format!(" --mutant {mutant}"));
    }
    if profile.clients_only {
        repeat.push_str(" --clients-only");
    }
    Some(Finding { seed: Seed(seed), detector, what: violation.to_string(), repeat })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(seed: u64) -> Finding {
        let detector = Detector::Invariant("GS1".to_owned());
        Finding { seed: Seed(seed), detector, what: String::new(), repeat: String::new() }
    }

    #[test]
    fn smallest_failing_case_is_found_whoever_is_faster() {
        let never = AtomicBool::new(false);
        for workers in 1..6 {
            let fails = |case| (case % 7 == 0).then(|| finding(case));
            let caught = hunt(1..1_000, workers, &never, fails, |_| ());
            assert_eq!(caught, Caught { tried: 7, finding: Some(finding(7)) });
        }
    }

    #[test]
    fn hunt_without_a_catch_has_tried_everything() {
        let never = AtomicBool::new(false);
        let most = AtomicU64::new(0);
        let tried = |count| {
            most.fetch_max(count, Ordering::Relaxed);
        };
        let caught = hunt(5..105, 3, &never, |_| None, tried);
        assert_eq!(caught, Caught { tried: 100, finding: None });
        assert_eq!(most.into_inner(), 100);
    }

    #[test]
    fn interrupted_hunt_ends() {
        let interrupted = AtomicBool::new(false);
        let try_one = |case| {
            interrupted.store(case >= 20, Ordering::Relaxed);
            None
        };
        let caught = hunt(0..u64::MAX, 1, &interrupted, try_one, |_| ());
        assert_eq!(caught, Caught { tried: 21, finding: None });
    }

    #[test]
    fn sound_broker_is_not_caught() {
        let seeds = simulate(1, &Profile::safe().storm(std::time::Duration::from_secs(2)));
        assert_eq!(seeds, None);
        assert_eq!(play(1, &rooms::Profile::storm(), None), None);
    }
}
