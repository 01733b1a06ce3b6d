//! Takes outcomes in, one after the other, and keeps what they come to.

use std::fmt;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use harness::seed::Seed;
use harness::sweep::{Ended, RunOutcome, Sink, SweepSummary, Totals};

use super::findings::{Finding, Findings};
use super::store::{State, Store, write_whole};
use crate::profile::Profile;

/// The directory of the findings' plans, below that of the soak.
pub const PLANS: &str = "plans";

/// Totals and findings of any number of runs, in bounded memory; with the lines of a [`Store`], if
/// there is one.
pub struct Ledger {
    profile: Profile,
    totals: Totals,
    findings: Findings,
    keeping: Option<Keeping>,
}

/// Where everything is written down.
#[derive(Debug)]
struct Keeping {
    store: Store,
    state: State,
    /// When this process went on, and how long others had been at it before.
    began: Instant,
    before: Duration,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl Ledger {
    /// An empty one, for runs of `profile` from `first_seed` on, in which each of the states
    /// `required` must be reached.
    #[must_use]
    pub fn new(profile: Profile, first_seed: u64, required: &[String]) -> Self {
        let totals = Totals::new(first_seed, required);
        Self { profile, totals, findings: Findings::default(), keeping: None }
    }

    /// Writes down from now on what is taken in.
    pub fn keep(&mut self, store: Store, state: State, began: Instant) {
        let before = state.lasted;
        self.keeping = Some(Keeping { store, state, began, before });
    }

    /// Adds the outcome of a greater seed than all before. Returns whether it is the first failure
    /// of its kind.
    pub fn add(&mut self, outcome: &RunOutcome) -> bool {
        self.totals.add(outcome, |seed| self.profile.repeat_command(Seed(seed)));
        self.findings.add(outcome).is_some()
    }

    /// How many runs were taken in.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.totals.run_and_failed().0
    }

    /// Failures that belong to none of the findings, since there are too many.
    #[must_use]
    pub fn beyond(&self) -> u64 {
        self.findings.beyond()
    }

    /// The findings, held against those of an earlier time.
    #[must_use]
    pub fn findings(&self, before: &[Finding]) -> Vec<Finding> {
        let repeat = |seed| self.profile.repeat_command(Seed(seed));
        self.findings.compare(self.run(), before, repeat)
    }

    /// The totals of all runs, out of so many that were `asked` for.
    #[must_use]
    pub fn summary(&self, asked: u64, ended: Ended, lasted: Duration) -> SweepSummary {
        self.totals.clone().finish(asked, ended, lasted)
    }

    /// How long it lasted, and makes everything durable that was written down.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn close(&mut self, began: Instant) -> io::Result<Duration> {
        let Some(keeping) = &mut self.keeping else { return Ok(began.elapsed()) };
        keeping.store.sync()?;
        keeping.save()?;
        Ok(keeping.state.lasted)
    }

    fn write(&mut self, outcome: &RunOutcome, is_first: bool) -> io::Result<()> {
        let Some(keeping) = &mut self.keeping else { return Ok(()) };
        if keeping.store.add(outcome)? {
            keeping.save()?;
        }
        if is_first {
            let directory = keeping.store.directory().join(PLANS);
            fs::create_dir_all(&directory)?;
            let seed = Seed(outcome.seed);
            let plan = self.profile.plan(seed).to_json();
            write_whole(&directory.join(format!("{seed}.json")), plan.as_bytes())?;
        }
        Ok(())
    }
}

impl Keeping {
    fn save(&mut self) -> io::Result<()> {
        self.state.lasted = self.before + self.began.elapsed();
        self.store.save(&self.state)
    }
}

impl Sink for Ledger {
    fn take(&mut self, outcome: &RunOutcome) -> io::Result<()> {
        let is_first = self.add(outcome);
        // Those that can be kept no longer are counted all the same.
        let written = self.write(outcome, is_first);
        if let Err(error) = &written {
            self.totals.unwritten(format!("from seed {} on: {error}", Seed(outcome.seed)));
            self.keeping = None;
        }
        Ok(())
    }

    fn remarks(&self) -> Option<String> {
        Some(self.findings.words())
    }
}
