//! `faults explain`: why a seed fails.

use std::io::Write as _;

use clap::Args;
use harness::exit::Exit;
use harness::explain::Limits;
use indicatif::{ProgressBar, ProgressStyle};
use workloads::explain::explain as why;

use crate::output;
use crate::subject::{Effort, Subject};

/// Flags of `faults explain`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    effort: Effort,
    /// Writes the explanation as JSON.
    #[arg(long)]
    json: bool,
}

/// Explains. The exit code is the verdict on the run, as always.
pub(crate) fn explain(arguments: &Arguments) -> Result<Exit, String> {
    let errand = arguments.subject.errand()?;
    errand.plan.check().map_err(|unfit| format!("{}: {unfit}", arguments.subject.what))?;
    let style = ProgressStyle::with_template("{elapsed}  {pos} branches of the run {spinner}");
    let bar = ProgressBar::new_spinner().with_style(style.map_err(|error| error.to_string())?);
    let spending = arguments.effort.begin()?;
    let is_enough = || spending.is_enough();
    let told = |done: u64| bar.set_position(done);
    let mut limits = Limits::new(errand.plan.physics.tick);
    limits.workers = arguments.effort.workers();
    limits.is_enough = &is_enough;
    limits.told = &told;
    let explained = why(&errand, &mut limits);
    bar.finish_and_clear();
    match explained {
        Ok(explanation) if arguments.json => {
            output::print_json(&explanation);
            Ok(Exit::Invalid)
        }
        Ok(explanation) => {
            output::print(|out| write!(out, "{explanation}"));
            Ok(Exit::Invalid)
        }
        Err(report) if arguments.json => {
            output::print_json(&report);
            Ok(report.verdict.exit())
        }
        Err(report) => {
            output::print(|out| writeln!(out, "{}: there is nothing to explain", report.verdict));
            Ok(report.verdict.exit())
        }
    }
}
