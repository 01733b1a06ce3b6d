//! `faults explain`: why a seed fails.

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use harness::exit::Exit;
use harness::explain::Limits;
use indicatif::{ProgressBar, ProgressStyle};
use workloads::explain::explain as why;

use crate::interrupt;
use crate::output;
use crate::profile::ProfileFlags;
use crate::run::errand;

/// Flags of `faults explain`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The seed, decimal or 0x hexadecimal; or a file that `--plan` has written.
    #[arg(value_name = "SEED|FILE")]
    what: String,
    #[command(flatten)]
    profile: ProfileFlags,
    /// Runs no more branches after so many seconds, and tells what is known by then.
    #[arg(long, value_name = "BUDGET", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// How many branches at a time; by default as many as there are cores.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Writes the explanation as JSON.
    #[arg(long)]
    json: bool,
}

/// Explains. The exit code is the verdict on the run, as always.
pub(crate) fn explain(arguments: &Arguments) -> Result<Exit, String> {
    let errand = errand(&arguments.what, &arguments.profile)?;
    errand.plan.check().map_err(|unfit| format!("{}: {unfit}", arguments.what))?;
    let interrupted = interrupt::end_cleanly()?;
    let style = ProgressStyle::with_template("{elapsed}  {pos} branches of the run {spinner}");
    let bar = ProgressBar::new_spinner().with_style(style.map_err(|error| error.to_string())?);
    let began = wall_clock();
    let budget = Duration::from_secs(arguments.seconds);
    let is_enough = || interrupted.load(Ordering::Relaxed) || began.elapsed() >= budget;
    let told = |done: u64| bar.set_position(done);
    let mut limits = Limits::new(errand.plan.physics.tick);
    limits.workers = arguments.workers.unwrap_or_else(interrupt::cores);
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
            output::print(|out| {
                writeln!(
                    out,
                    "{}: every promise was kept; there is nothing to explain",
                    report.verdict
                )
            });
            Ok(report.verdict.exit())
        }
    }
}

/// The time of the machine, which only the budget is measured in.
#[expect(
    clippy::disallowed_methods,
    reason = "the budget is outside of the simulations that it is spent on"
)]
fn wall_clock() -> Instant {
    Instant::now()
}
