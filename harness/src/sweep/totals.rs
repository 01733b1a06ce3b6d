//! What many outcomes add up to.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::exit::OutcomeVerdict;
use crate::report::counts;
use crate::report::text;
use crate::sometimes::Sometimes;
use crate::sweep::RunOutcome;
use crate::sweep::summary::{Ended, FAILURES_KEPT, Failure, SweepSummary};

/// Bytes of the digest that are shown, as hexadecimal digits: enough to tell sweeps apart.
const DIGEST_BYTES: usize = 16;

/// Adds outcomes up, in the order of their seeds. Of a run nothing is kept but numbers, and of the
/// first twenty failures their words; so it stays small over any number of runs.
///
/// ```
/// use std::time::Duration;
///
/// use harness::exit::OutcomeVerdict;
/// use harness::sweep::{Ended, RunOutcome, Totals};
///
/// let mut totals = Totals::new(7, &[]);
/// let gone = RunOutcome::without_result(7, OutcomeVerdict::Invalid, "gone".to_owned());
/// totals.add(&gone, |seed| format!("repeat {seed}"));
/// let summary = totals.finish(1, Ended::Complete, Duration::ZERO);
/// assert_eq!((summary.run, summary.invalid), (1, 1));
/// assert_eq!(summary.failures[0].repeat, "repeat 7");
/// ```
#[derive(Clone)]
pub struct Totals {
    summary: SweepSummary,
    digest: Sha256,
}

impl fmt::Debug for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Totals").field("summary", &self.summary).finish_non_exhaustive()
    }
}

impl Totals {
    /// Nothing yet; the first outcome will be that of `first_seed`, and each of the states
    /// `required` must be reached.
    #[must_use]
    pub fn new(first_seed: u64, required: &[String]) -> Self {
        let summary = SweepSummary::empty(first_seed, Sometimes::requiring(required));
        Self { summary, digest: Sha256::new() }
    }

    /// Adds the outcome of a greater seed than all before; `repeat` makes the command that repeats
    /// the run of a seed. Returns what is to be told of it, if it is a failure.
    pub fn add(&mut self, outcome: &RunOutcome, repeat: impl Fn(u64) -> String) -> Option<String> {
        let summary = &mut self.summary;
        summary.run += 1;
        match outcome.judgement() {
            OutcomeVerdict::Valid => summary.valid += 1,
            OutcomeVerdict::Unknown => summary.unknown += 1,
            OutcomeVerdict::Invalid => summary.invalid += 1,
        }
        summary.operations = summary.operations.saturating_add(outcome.operations);
        summary.reads = summary.reads.saturating_add(outcome.reads);
        summary.simulated = summary.simulated.saturating_add(outcome.simulated);
        counts::add(&mut summary.acknowledged, &outcome.acknowledged);
        counts::add(&mut summary.faults, &outcome.faults);
        counts::add(&mut summary.skipped, &outcome.skipped);
        counts::add(&mut summary.budget, &outcome.budget);
        summary.sometimes.add(outcome.seed, &outcome.sometimes);
        self.digest.update(outcome.seed.to_be_bytes());
        self.digest.update(outcome.judgement().word());
        self.digest.update([0]);
        self.digest.update(&outcome.digest);
        self.digest.update([0]);
        (!outcome.passes()).then(|| self.fail(outcome, repeat))
    }

    fn fail(&mut self, outcome: &RunOutcome, repeat: impl Fn(u64) -> String) -> String {
        let verdict = outcome.judgement();
        let what = outcome.failure.as_deref().unwrap_or("no reason given");
        let what = text::one_line(what);
        let told = format!("seed {} is {verdict}: {what}", text::seed(outcome.seed));
        if self.summary.failures.len() < FAILURES_KEPT {
            let repeat = repeat(outcome.seed);
            self.summary.failures.push(Failure { seed: outcome.seed, verdict, what, repeat });
        }
        told
    }

    /// How many runs, and how many of them did not pass.
    #[must_use]
    pub fn run_and_failed(&self) -> (u64, u64) {
        (self.summary.run, self.summary.invalid + self.summary.unknown)
    }

    /// Since when and why outcomes could not be written to where they belong.
    pub fn unwritten(&mut self, why: String) {
        self.summary.unwritten.get_or_insert(why);
    }

    /// The answer, out of so many seeds that were `asked` for, after so much time on the machine's
    /// clock.
    #[must_use]
    pub fn finish(mut self, asked: u64, ended: Ended, wall: Duration) -> SweepSummary {
        let mut digest = String::new();
        for byte in self.digest.finalize().iter().take(DIGEST_BYTES) {
            digest.push_str(&format!("{byte:02x}"));
        }
        self.summary.digest = digest;
        self.summary.asked = asked;
        self.summary.conclude(ended, wall);
        self.summary
    }
}
