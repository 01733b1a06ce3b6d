//! `faults rooms`: the pure rooms alone, under a random scheduler.

use std::collections::BTreeMap;
use std::io::Write;
use std::thread;

use clap::Args;
use harness::exit::Exit;
use harness::seed::Seed;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use workloads::rooms::{self, Outcome, Profile};

use crate::output;

/// Flags of `faults rooms`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many schedules.
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    /// The first seed, decimal or 0x hexadecimal.
    #[arg(long, default_value = "0x0")]
    start: Seed,
    /// Breaks the rooms in a known way (builds with --features mutants only).
    #[arg(long, value_name = "ID")]
    mutant: Option<String>,
    /// Judges by what clients see alone: a broken invariant does not end the schedule.
    #[arg(long)]
    clients_only: bool,
    /// Writes the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Schedules between two looks at the clock.
const CHUNK: u64 = 500;

#[derive(Debug, Default, Serialize)]
struct Summary {
    schedules: u64,
    events: u64,
    acknowledged: u64,
    waived: u64,
    sometimes: BTreeMap<&'static str, u64>,
    violation: Option<String>,
    seed: Option<Seed>,
    transcript: Vec<String>,
}

/// Runs the schedules.
pub(crate) fn rooms(arguments: &Arguments) -> Result<Exit, String> {
    // The check that the build knows the mutant is the profile's; the name is used per thread.
    if let Some(name) = &arguments.mutant {
        workloads::profile::Profile::safe().mutant(name)?;
    }
    let bar = ProgressBar::new(arguments.schedules);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} schedules, {per_sec}, {eta}");
    bar.set_style(style.map_err(|error| error.to_string())?);
    let mut summary = Summary::default();
    let workers = u64::try_from(thread::available_parallelism().map_or(1, usize::from));
    let workers = workers.unwrap_or(1);
    let mut next = arguments.start.0;
    let end = next.saturating_add(arguments.schedules);
    while next < end && summary.violation.is_none() {
        let chunks: Vec<_> = (0..workers)
            .map(|worker| (next + worker * CHUNK).min(end))
            .map(|from| from..(from + CHUNK).min(end))
            .collect();
        let mutant = arguments.mutant.as_deref();
        let profile = Profile { clients_only: arguments.clients_only, ..Profile::storm() };
        let outcomes: Vec<Vec<Outcome>> = thread::scope(|scope| {
            let running: Vec<_> = chunks
                .into_iter()
                .map(|seeds| scope.spawn(move || run_chunk(seeds, &profile, mutant)))
                .collect();
            running.into_iter().map(|thread| thread.join().expect("rooms do not panic")).collect()
        });
        for outcome in outcomes.into_iter().flatten() {
            summary.add(outcome);
        }
        next = (next + workers * CHUNK).min(end);
        bar.set_position(next - arguments.start.0);
    }
    bar.finish_and_clear();
    tell(&summary, arguments.json);
    Ok(if summary.violation.is_some() { Exit::Invalid } else { Exit::Valid })
}

fn run_chunk(seeds: std::ops::Range<u64>, profile: &Profile, mutant: Option<&str>) -> Vec<Outcome> {
    workloads::profile::break_thread(mutant);
    let mut outcomes = Vec::new();
    for seed in seeds {
        let outcome = rooms::run(seed, profile);
        let failed = outcome.violation.is_some();
        outcomes.push(outcome);
        if failed {
            break;
        }
    }
    outcomes
}

impl Summary {
    fn add(&mut self, outcome: Outcome) {
        if self.violation.is_some() {
            return;
        }
        self.schedules += 1;
        self.events += outcome.events;
        self.acknowledged += outcome.acknowledged;
        self.waived += u64::from(outcome.waived > 0);
        for (state, count) in outcome.sometimes {
            *self.sometimes.entry(state).or_default() += count;
        }
        if let Some(violation) = outcome.violation {
            self.violation = Some(violation.to_string());
            self.seed = Some(Seed(outcome.seed));
            self.transcript = outcome.transcript;
        }
    }
}

fn tell(summary: &Summary, json: bool) {
    if json {
        output::print_json(summary);
        return;
    }
    output::print(|out| {
        for (state, count) in &summary.sometimes {
            writeln!(out, "{count:>12}  {state}")?;
        }
        if let (Some(violation), Some(seed)) = (&summary.violation, summary.seed) {
            for line in &summary.transcript {
                writeln!(out, "  {line}")?;
            }
            writeln!(out, "INVALID  seed {seed}: {violation}")?;
            writeln!(out, "  again: cargo faults rooms --schedules 1 --start {seed}")?;
        }
        writeln!(
            out,
            "{} schedules, {} events, {} acknowledged with acks=all, {} schedules beyond the budget",
            summary.schedules, summary.events, summary.acknowledged, summary.waived
        )
    });
}
