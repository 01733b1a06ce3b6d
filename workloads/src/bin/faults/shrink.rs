//! `faults shrink`: a failing run, cut down to what it needs.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use harness::exit::Exit;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use workloads::plan::Plan;
use workloads::shrink::{self, Limits, Progress, Shrunk, Size, Unshrinkable};
use workloads::signature::Signature;

use crate::output;
use crate::subject::{Effort, Subject};

/// Flags of `faults shrink`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    effort: Effort,
    /// Writes the smallest plan to a file, for `faults repro FILE`; else it goes to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Writes a regression test in Rust to standard output: a story, if one fails in the same way,
    /// else a test that carries out the file of `--out`, which has to lie beside it.
    #[arg(long, requires = "out", conflicts_with = "json")]
    as_test: bool,
    /// Writes the result, the plan included, as JSON to standard output.
    #[arg(long)]
    json: bool,
}

/// What is told in JSON of a plan that was cut down.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) signature: Signature,
    pub(crate) failure: Option<String>,
    pub(crate) before: Size,
    pub(crate) after: Size,
    pub(crate) runs: u64,
    pub(crate) seconds: f64,
    pub(crate) complete: bool,
    pub(crate) plan: Plan,
}

impl Summary {
    /// Of what took so long.
    pub(crate) fn new(shrunk: &Shrunk, took: Duration) -> Self {
        let Shrunk { plan, signature, report, before, after, runs, complete } = shrunk.clone();
        let failure = report.failure();
        let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        Self { signature, failure, before, after, runs, seconds, complete, plan }
    }
}

/// Shrinks. The exit code is the verdict on the run, as always.
pub(crate) fn shrink(arguments: &Arguments) -> Result<Exit, String> {
    let errand = arguments.subject.errand()?;
    let style = ProgressStyle::with_template("{elapsed}  {pos} runs, {msg}");
    let bar = ProgressBar::new_spinner().with_style(style.map_err(|error| error.to_string())?);
    let spending = arguments.effort.begin()?;
    let is_enough = || spending.is_enough();
    let told = |progress: &Progress| {
        bar.set_position(progress.runs);
        bar.set_message(format!("{} faults tried, {}", progress.faults, progress.doing));
    };
    let workers = arguments.effort.workers();
    let shrunk =
        shrink::shrink(&errand.plan, Limits { workers, is_enough: &is_enough, told: &told });
    bar.finish_and_clear();
    match shrunk {
        Ok(shrunk) => {
            tell(arguments, &shrunk, spending.took())?;
            Ok(shrunk.report.verdict.exit())
        }
        Err(Unshrinkable::Unfit(unfit)) => Err(format!("{}: {unfit}", arguments.subject.what)),
        Err(passes @ Unshrinkable::Passes(_)) => {
            output::remark(|out| writeln!(out, "{passes}"));
            Ok(Exit::Valid)
        }
    }
}

fn tell(arguments: &Arguments, shrunk: &Shrunk, took: Duration) -> Result<(), String> {
    let plan = &shrunk.plan;
    if let Some(path) = &arguments.out {
        fs::write(path, plan.to_json()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if arguments.json {
        output::print_json(&Summary::new(shrunk, took));
        return Ok(());
    }
    output::remark(|out| summarize(shrunk, took, out));
    match &arguments.out {
        None => output::print(|out| write!(out, "{}", plan.to_json())),
        Some(path) if arguments.as_test => {
            output::print(|out| write!(out, "{}", shrink::as_test(shrunk, path)));
        }
        Some(path) => {
            output::remark(|out| writeln!(out, "  again: cargo faults repro {}", path.display()));
        }
    }
    Ok(())
}

fn summarize(shrunk: &Shrunk, took: Duration, out: &mut dyn Write) -> io::Result<()> {
    let seconds = took.as_secs_f64();
    let Shrunk { plan, signature, report, before, after, runs, complete } = shrunk;
    let end = if *complete { "nothing more can be left out" } else { "ended before it was done" };
    writeln!(out, "{signature} ({}), {runs} runs in {seconds:.1} s, {end}", signature.room())?;
    before.compare(after, out)?;
    writeln!(out, "{}", plan.schedule)?;
    writeln!(out, "  {}", report.failure().unwrap_or_default())
}
