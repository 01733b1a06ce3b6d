//! Gathers outcomes in the order of their seeds, whatever order they come in.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::exit::OutcomeVerdict;
use crate::report::counts;
use crate::report::text;
use crate::sometimes::Sometimes;
use crate::sweep::summary::{Ended, FAILURES_KEPT, Failure, SweepSummary};
use crate::sweep::{RunOutcome, SweepOptions};

/// Bytes of the digest that are shown, as hexadecimal digits: enough to tell sweeps apart.
const DIGEST_BYTES: usize = 16;

/// How far a sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) run: u64,
    pub(super) asked: u64,
    pub(super) failed: u64,
}

pub(super) struct Collector<'a, 'w> {
    options: &'a SweepOptions,
    jsonl: Option<&'w mut (dyn Write + Send)>,
    /// Outcomes that wait for those of smaller seeds.
    waiting: BTreeMap<u64, RunOutcome>,
    /// The seed whose outcome is merged next.
    next: u64,
    /// A failure was merged and nothing behind it counts.
    closed: bool,
    digest: Sha256,
    summary: SweepSummary,
}

impl<'a, 'w> Collector<'a, 'w> {
    pub(super) fn new(
        options: &'a SweepOptions,
        jsonl: Option<&'w mut (dyn Write + Send)>,
    ) -> Self {
        let sometimes = Sometimes::requiring(&options.required);
        Self {
            options,
            jsonl,
            waiting: BTreeMap::new(),
            next: options.seeds.start,
            closed: false,
            digest: Sha256::new(),
            summary: SweepSummary::empty(&options.seeds, sometimes),
        }
    }

    /// All smaller seeds have been merged.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn tally(&self) -> Tally {
        let SweepSummary { run, asked, invalid, unknown, .. } = self.summary;
        Tally { run, asked, failed: invalid + unknown }
    }

    /// Takes an outcome in and merges what is next in order. Returns a line for each failure.
    pub(super) fn take(&mut self, outcome: RunOutcome) -> Vec<String> {
        let mut told = Vec::new();
        self.waiting.insert(outcome.seed, outcome);
        while let Some(outcome) = self.waiting.remove(&self.next) {
            self.next += 1;
            if self.closed {
                continue;
            }
            self.write(&outcome);
            self.merge(&outcome);
            if !outcome.passes() {
                told.push(self.fail(&outcome));
                self.closed = self.options.stop_at_first;
            }
        }
        told
    }

    fn write(&mut self, outcome: &RunOutcome) {
        let Some(out) = self.jsonl.as_mut() else { return };
        let line = serde_json::to_vec(outcome).map_err(io::Error::from);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            out.write_all(&line)?;
            // Whoever is killed in the middle of a night keeps what is known so far.
            out.flush()
        });
        if let Err(error) = written {
            // The runs are worth more than their lines: go on, and say so at the end.
            self.summary.unwritten =
                Some(format!("from seed {} on: {error}", text::seed(outcome.seed)));
            self.jsonl = None;
        }
    }

    fn merge(&mut self, outcome: &RunOutcome) {
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
    }

    fn fail(&mut self, outcome: &RunOutcome) -> String {
        let verdict = outcome.judgement();
        let what = outcome.failure.as_deref().unwrap_or("no reason given");
        let what = text::one_line(what);
        let told = format!("seed {} is {verdict}: {what}", text::seed(outcome.seed));
        if self.summary.failures.len() < FAILURES_KEPT {
            let repeat = (self.options.repeat)(outcome.seed);
            self.summary.failures.push(Failure { seed: outcome.seed, verdict, what, repeat });
        }
        told
    }

    /// The summary, after all workers have ended.
    pub(super) fn finish(mut self, wall: Duration) -> SweepSummary {
        let mut digest = String::new();
        for byte in self.digest.finalize().iter().take(DIGEST_BYTES) {
            digest.push_str(&format!("{byte:02x}"));
        }
        self.summary.digest = digest;
        let next = self.summary.first_seed.saturating_add(self.summary.run);
        let ended = match (self.closed, self.summary.run == self.summary.asked) {
            (_, true) => Ended::Complete,
            (true, false) => Ended::AtFailure { next },
            (false, false) => Ended::Interrupted { next },
        };
        self.summary.conclude(ended, wall);
        self.summary
    }
}
