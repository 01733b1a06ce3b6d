//! The run that a command is about, as it is named on the command line, and how much it is worth.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use workloads::plan::Plan;
use workloads::profile::Profile;
use workloads::run::Errand;

use crate::interrupt::{self, wall_clock};
use crate::profile::ProfileFlags;

/// Which run.
#[derive(Debug, Args)]
pub(crate) struct Subject {
    /// The seed, decimal or 0x hexadecimal; or a file that `--plan` or `faults shrink` has written.
    #[arg(value_name = "SEED|FILE")]
    pub(crate) what: String,
    #[command(flatten)]
    profile: ProfileFlags,
}

impl Subject {
    /// The run of the seed, or of the plan in the file.
    pub(crate) fn errand(&self) -> Result<Errand, String> {
        let what = &self.what;
        match what.parse() {
            Ok(seed) => Ok(self.profile.profile()?.errand(seed)),
            Err(no_seed) => {
                let text = fs::read_to_string(what)
                    .map_err(|no_file| format!("{no_seed}, nor a file: {no_file}"))?;
                let plan = Plan::read(&text).map_err(|unfit| format!("{what}: {unfit}"))?;
                check_mutant(&plan).map_err(|unknown| format!("{what}: {unknown}"))?;
                Ok(Errand { plan, repeat: format!("cargo faults repro {what}") })
            }
        }
    }
}

/// A build without mutants must not pass one off as a correct broker.
fn check_mutant(plan: &Plan) -> Result<(), String> {
    plan.mutant.as_ref().map_or(Ok(()), |name| Profile::safe().mutant(name).map(drop))
}

/// How long it may take to find out more about it, and on how many cores.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Effort {
    /// Ends after so many seconds with what is known by then.
    #[arg(long, value_name = "BUDGET", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// How many runs at a time; by default as many as there are cores.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

/// An effort that is being made. Ctrl-C ends it as well.
pub(crate) struct Spending {
    began: Instant,
    budget: Duration,
    interrupted: &'static AtomicBool,
}

impl Effort {
    pub(crate) fn workers(self) -> usize {
        self.workers.unwrap_or_else(interrupt::cores)
    }

    pub(crate) fn begin(self) -> Result<Spending, String> {
        let interrupted = interrupt::end_cleanly()?;
        let budget = Duration::from_secs(self.seconds);
        Ok(Spending { began: wall_clock(), budget, interrupted })
    }
}

impl Spending {
    pub(crate) fn is_enough(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.took() >= self.budget
    }

    pub(crate) fn took(&self) -> Duration {
        self.began.elapsed()
    }
}
