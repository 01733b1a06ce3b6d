//! How fast the simulation is: `cargo bench -p workloads --bench simulation`, `-- --json` for JSON.
//!
//! What counts is processor time, not the clock on the wall: other programs may run beside it. Each
//! line is measured several times, in turn with the others, and the round that was disturbed least
//! is told. Compare lines of one run with each other, and not with those of another machine: the
//! last column is there for that.
//!
//! `times real time` mostly measures how idle a cluster is, so the messages that were sent per
//! second of processor time stand beside it.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use harness::cluster::{Cluster, Options};
use harness::exit::OutcomeVerdict;
use harness::panics::run_isolated;
use harness::scenario::Setup as _;
use harness::seed::Seed;
use serde::Serialize;
use workloads::profile::{Clients, Profile};
use workloads::rooms;
use workloads::run::{self, Watching};
use workloads::settings::{ClusterSettings, brokers};

/// Rounds of a real measurement.
const ROUNDS: u64 = 4;
/// Thirty simulated seconds, with what comes before and after the faults.
const STORM: Duration = Duration::from_secs(24);

fn main() -> ExitCode {
    // Without `--bench` cargo only wants to know whether it works.
    let is_real = std::env::args().any(|argument| argument == "--bench");
    let as_json = std::env::args().any(|argument| argument == "--json");
    let report = Report::measure(if is_real { ROUNDS } else { 1 }, if is_real { 1 } else { 10 });
    let out = io::stdout().lock();
    let told = if as_json { report.write_json(out) } else { report.write_table(out) };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// One thing that is measured.
struct Course {
    name: &'static str,
    /// What one unit of its work is.
    unit: &'static str,
    /// Units to a round: enough that the hundredths of a second of the kernel's accounts do not
    /// matter.
    units: u64,
    /// Does the unit of this number.
    work: Box<dyn Fn(u64) -> Done>,
}

/// What was done, and in which time.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    units: u64,
    simulated: Duration,
    /// Segments for runs, steps for the pure rooms.
    messages: u64,
    operations: u64,
    cpu: Duration,
}

impl Done {
    fn add(&mut self, other: Self) {
        self.units += other.units;
        self.simulated += other.simulated;
        self.messages += other.messages;
        self.operations += other.operations;
    }

    /// Processor time of a unit.
    fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() / self.units.max(1) as f64
    }

    fn per_cpu_second(&self, what: f64) -> f64 {
        what / self.cpu.as_secs_f64().max(0.01)
    }
}

fn courses() -> Vec<Course> {
    let five = Profile::on(brokers(5).min_in_sync_replicas(2))
        .clients(Clients::AppendRead)
        .producers(3)
        .storm(STORM);
    let safe = Profile::safe().storm(STORM);
    vec![
        runs("5 brokers, 4 clients, 10 ms", 16, five.clone()),
        runs("5 brokers, 4 clients, 1 ms", 4, five.tick(Duration::from_millis(1))),
        runs("3 brokers, 7 clients, 10 ms", 12, safe),
        Course { name: "pure rooms", unit: "schedule", units: 2_000, work: Box::new(room) },
        Course { name: "start of 5 brokers", unit: "start", units: 300, work: Box::new(start) },
    ]
}

/// Whole fault runs, from the seed to the verdict.
fn runs(name: &'static str, units: u64, profile: Profile) -> Course {
    let work = move |seed| {
        let ran = run::run(Seed(seed), &profile, Watching::default());
        assert_eq!(ran.report.verdict, OutcomeVerdict::Valid, "seed {seed} of {name}");
        Done {
            units: 1,
            simulated: ran.report.simulated,
            messages: ran.segments,
            operations: ran.report.operations,
            cpu: Duration::ZERO,
        }
    };
    Course { name, unit: "seed", units, work: Box::new(work) }
}

/// A schedule of the pure rooms.
fn room(seed: u64) -> Done {
    let outcome = rooms::run(seed, &rooms::Profile::storm());
    assert_eq!(outcome.violation, None, "schedule {seed}");
    Done {
        units: 1,
        simulated: Duration::from_millis(outcome.virtual_ms),
        messages: outcome.events,
        operations: outcome.acknowledged,
        cpu: Duration::ZERO,
    }
}

/// A seed without a run: machines are built, brokers booted, and all is taken down.
fn start(seed: u64) -> Done {
    let settings: ClusterSettings = brokers(5).min_in_sync_replicas(2);
    let started = run_isolated(move || {
        let seed = Seed(seed);
        let mut cluster = Cluster::new(settings.build(seed), seed, Options::new());
        cluster.step();
        Done {
            units: 1,
            simulated: cluster.now(),
            messages: cluster.segments_sent(),
            operations: 0,
            cpu: Duration::ZERO,
        }
    });
    started.expect("a cluster without faults starts")
}

impl Course {
    /// Every round does the same work, so that the fastest is the least disturbed and not the
    /// easiest.
    fn round(&self, thinner: u64) -> Done {
        let units = (self.units / thinner).max(1);
        let mut done = Done::default();
        let begun = cpu_time();
        for unit in 0..units {
            done.add((self.work)(unit));
        }
        done.cpu = cpu_time() - begun;
        done
    }
}

/// One line of the table. Floats are for people: nothing is decided by them.
#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    unit: &'static str,
    /// Milliseconds of processor time.
    cpu_ms_each: f64,
    per_minute_and_core: f64,
    simulated_seconds_per_cpu_second: f64,
    messages_per_cpu_second: f64,
    operations_per_cpu_second: f64,
    /// Processor time of a unit, in units of the first line.
    ratio: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    rounds: u64,
    lines: Vec<Line>,
    /// The most memory that the process ever had after one cluster was started, in KiB.
    peak_kib_after_start: u64,
    /// The same after one whole run.
    peak_kib_after_run: u64,
}

impl Report {
    fn measure(rounds: u64, thinner: u64) -> Self {
        let courses = courses();
        // Memory first: later the allocator keeps what earlier runs needed.
        start(0);
        let peak_kib_after_start = peak_kib();
        (courses[0].work)(0);
        let peak_kib_after_run = peak_kib();
        let mut best: Vec<Option<Done>> = vec![None; courses.len()];
        for _ in 0..rounds {
            for (course, best) in courses.iter().zip(&mut best) {
                let done = course.round(thinner);
                if best.is_none_or(|best| done.cpu_each() < best.cpu_each()) {
                    *best = Some(done);
                }
            }
        }
        let best: Vec<Done> = best.into_iter().flatten().collect();
        let first = best[0].cpu_each();
        let lines = courses.iter().zip(&best).map(|(course, done)| line(course, done, first));
        Self { rounds, lines: lines.collect(), peak_kib_after_start, peak_kib_after_run }
    }

    fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut out, self)?;
        writeln!(out)
    }

    fn write_table(&self, mut out: impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{:<28} {:>9} {:>12} {:>10} {:>12} {:>12} {:>7}",
            "", "cpu ms", "/min & core", "sim s/cpu", "messages/cpu", "ops/cpu", "ratio"
        )?;
        for line in &self.lines {
            writeln!(
                out,
                "{:<28} {:>9.2} {:>12.0} {:>10.0} {:>12.0} {:>12.0} {:>7.3}",
                line.name,
                line.cpu_ms_each,
                line.per_minute_and_core,
                line.simulated_seconds_per_cpu_second,
                line.messages_per_cpu_second,
                line.operations_per_cpu_second,
                line.ratio,
            )?;
        }
        writeln!(out, "best of {} rounds; cpu = seconds of processor time", self.rounds)?;
        writeln!(
            out,
            "peak memory: {} KiB after a start, {} KiB after a run",
            self.peak_kib_after_start, self.peak_kib_after_run
        )
    }
}

fn line(course: &Course, done: &Done, first: f64) -> Line {
    Line {
        name: course.name,
        unit: course.unit,
        cpu_ms_each: done.cpu_each() * 1e3,
        per_minute_and_core: 60.0 / done.cpu_each().max(1e-9),
        simulated_seconds_per_cpu_second: done.per_cpu_second(done.simulated.as_secs_f64()),
        messages_per_cpu_second: done.per_cpu_second(done.messages as f64),
        operations_per_cpu_second: done.per_cpu_second(done.operations as f64),
        ratio: done.cpu_each() / first.max(1e-9),
    }
}

/// The processor time of this process, of threads that have ended too, in hundredths of a second:
/// the fields `utime` and `stime` of proc(5), behind the name in brackets.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// The most memory that this process ever had.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
