//! Gathers outcomes in the order of their seeds, whatever order they come in.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use crate::report::text;
use crate::sweep::summary::{Ended, SweepSummary};
use crate::sweep::totals::Totals;
use crate::sweep::{RunOutcome, SweepOptions};

/// Where outcomes go one by one, in the order of their seeds.
pub trait Sink {
    /// Takes the outcome of the next seed.
    ///
    /// # Errors
    /// It cannot be kept. The sweep goes on, gives the sink no further outcome, and its summary
    /// says so.
    fn take(&mut self, outcome: &RunOutcome) -> io::Result<()>;

    /// What the progress says instead of how many runs failed, if the sink knows better.
    fn remarks(&self) -> Option<String> {
        None
    }
}

/// Writes each outcome as a line of JSON, and flushes it: whoever is killed in the middle of a night
/// keeps what is known so far.
#[derive(Debug)]
pub struct JsonLines<W>(pub W);

impl<W: Write> Sink for JsonLines<W> {
    fn take(&mut self, outcome: &RunOutcome) -> io::Result<()> {
        let mut line = serde_json::to_vec(outcome)?;
        line.push(b'\n');
        self.0.write_all(&line)?;
        self.0.flush()
    }
}

/// How far a sweep is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) run: u64,
    pub(super) asked: u64,
    pub(super) failed: u64,
    pub(super) remarks: Option<String>,
}

pub(super) struct Collector<'a, 'w> {
    options: &'a SweepOptions,
    sink: Option<&'w mut dyn Sink>,
    /// Outcomes that wait for those of smaller seeds.
    waiting: BTreeMap<u64, RunOutcome>,
    /// The seed whose outcome is merged next.
    next: u64,
    /// A failure was merged and nothing behind it counts.
    closed: bool,
    totals: Totals,
}

impl<'a, 'w> Collector<'a, 'w> {
    pub(super) fn new(options: &'a SweepOptions, sink: Option<&'w mut dyn Sink>) -> Self {
        let next = options.seeds.start;
        let totals = Totals::new(next, &options.required);
        Self { options, sink, waiting: BTreeMap::new(), next, closed: false, totals }
    }

    /// All smaller seeds have been merged.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn tally(&self) -> Tally {
        let (run, failed) = self.totals.run_and_failed();
        let remarks = self.sink.as_ref().and_then(|sink| sink.remarks());
        Tally { run, asked: self.options.asked(), failed, remarks }
    }

    /// Takes an outcome in and merges what is next in order. Returns a line for each failure.
    pub(super) fn take(&mut self, outcome: RunOutcome) -> Vec<String> {
        let mut told = Vec::new();
        self.waiting.insert(outcome.seed, outcome);
        while let Some(outcome) = self.waiting.remove(&self.next) {
            self.next = self.next.saturating_add(self.options.every.max(1));
            if self.closed {
                continue;
            }
            self.write(&outcome);
            if let Some(failure) = self.totals.add(&outcome, &self.options.repeat) {
                told.push(failure);
                self.closed = self.options.stop_at_first;
            }
        }
        told
    }

    fn write(&mut self, outcome: &RunOutcome) {
        let Some(sink) = self.sink.as_mut() else { return };
        if let Err(error) = sink.take(outcome) {
            // The runs are worth more than their lines: go on, and say so at the end.
            self.totals.unwritten(format!("from seed {} on: {error}", text::seed(outcome.seed)));
            self.sink = None;
        }
    }

    /// The summary, after all workers have ended; because the time was up, if that is so.
    pub(super) fn finish(self, time_is_up: bool, wall: Duration) -> SweepSummary {
        let asked = self.options.asked();
        let (run, _) = self.totals.run_and_failed();
        let behind = run.saturating_mul(self.options.every.max(1));
        let next = self.options.seeds.start.saturating_add(behind);
        let ended = match (self.closed, run == asked) {
            (_, true) => Ended::Complete,
            (true, false) => Ended::AtFailure { next },
            (false, false) if time_is_up => Ended::TimeUp { next },
            (false, false) => Ended::Interrupted { next },
        };
        self.totals.finish(asked, ended, wall)
    }
}
