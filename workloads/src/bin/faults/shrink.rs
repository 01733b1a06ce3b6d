//! `faults shrink`: a failing run, cut down to what it needs.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use harness::exit::Exit;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use workloads::plan::Plan;
use workloads::shrink::{self, Limits, Progress, Shrunk, Size};
use workloads::signature::Signature;

use crate::interrupt;
use crate::output;
use crate::profile::ProfileFlags;
use crate::run;

/// Flags of `faults shrink`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The seed, decimal or 0x hexadecimal; or a file that `--plan` or this command has written.
    #[arg(value_name = "SEED|FILE")]
    what: String,
    #[command(flatten)]
    profile: ProfileFlags,
    /// Ends after so many seconds with the best so far.
    #[arg(long, value_name = "BUDGET", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// How many runs at a time; by default as many as there are cores.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Writes the smallest plan to a file, for `faults repro FILE`; else it goes to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Writes a regression test in Rust to standard output. It reads the plan from the file of
    /// `--out`.
    #[arg(long, requires = "out", conflicts_with = "json")]
    as_test: bool,
    /// Writes the result, the plan included, as JSON to standard output.
    #[arg(long)]
    json: bool,
}

/// What `--json` tells.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    signature: &'a Signature,
    failure: Option<String>,
    before: Size,
    after: Size,
    runs: u64,
    seconds: f64,
    complete: bool,
    plan: &'a Plan,
}

/// Shrinks. The exit code is the verdict on the run, as always.
pub(crate) fn shrink(arguments: &Arguments) -> Result<Exit, String> {
    let errand = run::errand(&arguments.what, &arguments.profile)?;
    errand.plan.check().map_err(|unfit| format!("{}: {unfit}", arguments.what))?;
    let interrupted = interrupt::end_cleanly()?;
    let style = ProgressStyle::with_template("{elapsed}  {pos} runs, {msg}");
    let bar = ProgressBar::new_spinner().with_style(style.map_err(|error| error.to_string())?);
    let began = wall_clock();
    let budget = Duration::from_secs(arguments.seconds);
    let is_enough = || interrupted.load(Ordering::Relaxed) || began.elapsed() >= budget;
    let told = |progress: &Progress| {
        bar.set_position(progress.runs);
        bar.set_message(format!("{} faults tried, {}", progress.faults, progress.doing));
    };
    let workers = arguments.workers.unwrap_or_else(interrupt::cores);
    let shrunk =
        shrink::shrink(&errand.plan, Limits { workers, is_enough: &is_enough, told: &told });
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    match shrunk {
        Ok(shrunk) => {
            tell(arguments, &shrunk, seconds)?;
            Ok(shrunk.report.verdict.exit())
        }
        Err(report) => {
            output::remark(|out| writeln!(out, "it does not fail; there is nothing to shrink"));
            Ok(report.verdict.exit())
        }
    }
}

fn tell(arguments: &Arguments, shrunk: &Shrunk, seconds: f64) -> Result<(), String> {
    let Shrunk { plan, signature, report, before, after, runs, complete } = shrunk;
    if let Some(path) = &arguments.out {
        fs::write(path, plan.to_json()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if arguments.json {
        let (before, after, runs, complete) = (*before, *after, *runs, *complete);
        let seconds = (seconds * 1000.0).round() / 1000.0;
        let failure = report.failure();
        let summary = Summary { signature, failure, before, after, runs, seconds, complete, plan };
        output::print_json(&summary);
        return Ok(());
    }
    output::remark(|out| summarize(shrunk, seconds, out));
    match &arguments.out {
        None => output::print(|out| write!(out, "{}", plan.to_json())),
        Some(path) if arguments.as_test => {
            let name = path.display().to_string();
            output::print(|out| write!(out, "{}", shrink::as_test(shrunk, &name)));
        }
        Some(path) => {
            output::remark(|out| writeln!(out, "  again: cargo faults repro {}", path.display()))
        }
    }
    Ok(())
}

fn summarize(shrunk: &Shrunk, seconds: f64, out: &mut dyn Write) -> io::Result<()> {
    let Shrunk { plan, signature, report, before, after, runs, complete } = shrunk;
    let end = if *complete { "nothing more can be left out" } else { "ended before it was done" };
    writeln!(out, "{signature} ({}), {runs} runs in {seconds:.1} s, {end}", signature.room())?;
    before.compare(after, out)?;
    writeln!(out, "{}", plan.schedule)?;
    writeln!(out, "  {}", report.failure().unwrap_or_default())
}

/// The time of the machine, which only the budget is measured in.
#[expect(
    clippy::disallowed_methods,
    reason = "the budget is outside of the simulations that it is spent on"
)]
fn wall_clock() -> Instant {
    Instant::now()
}
