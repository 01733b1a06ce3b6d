//! From a cluster, its calls and a verdict to a report.
//!
//! Most of a report is known to the harness: what was done to the cluster, when, and what it did to
//! the disks. A story of your own adds what its clients did and how that was judged.

use std::fmt;
use std::time::Duration;

use super::counts::Counts;
use super::{AnomalyReport, JournalLine, OutcomeVerdict, RunReport};
use crate::checker::linearizable::{Call, Model};
use crate::cluster::{Cluster, JournalEntry, JournalEvent};
use crate::history::Calls;
use crate::scenario::{self, FailedRun, Setup};
use crate::seed::Seed;
use crate::system::System;
use crate::verdict::{Anomaly, Verdict};

/// Tells a story under one seed, as [`scenario::run`] does, and reports on it. If the story, a task
/// or an invariant failed, the report says so instead.
pub fn tell<C: Setup>(
    scenario: &str,
    setup: &C,
    seed: Seed,
    story: impl FnOnce(&mut Cluster<C::System>) -> RunReport + Send,
) -> RunReport {
    let report = match scenario::run(setup, seed, story) {
        Ok(report) => report,
        Err(failed) => RunReport::of_failure(&failed),
    };
    RunReport { scenario: scenario.to_owned(), ..report }
}

impl RunReport {
    /// A run of which nothing is known but its seed, and against which nothing is said.
    #[must_use]
    pub fn blank(seed: Seed) -> Self {
        Self {
            scenario: String::new(),
            seed: seed.0,
            simulated: Duration::ZERO,
            operations: 0,
            acknowledged: Counts::new(),
            reads: 0,
            linearizable: Counts::new(),
            faults: Counts::new(),
            effects: Counts::new(),
            skipped: Counts::new(),
            budget: Counts::new(),
            journal: Vec::new(),
            verdict: OutcomeVerdict::Valid,
            anomalies: Vec::new(),
            violation: None,
            liveness: None,
            losses_explained: 0,
            losses_unexplained: 0,
            digest: String::new(),
            repeat: String::new(),
        }
    }

    /// What the harness knows of the run so far: its seed and its age, which faults struck and which
    /// did not, what they did to the disks, and the digest of its trace.
    #[must_use]
    pub fn of<S: System>(cluster: &Cluster<S>) -> Self {
        Self {
            simulated: cluster.now(),
            effects: disk_effects(cluster),
            digest: format!("{:016x}", cluster.trace().digest()),
            ..Self::blank(cluster.seed()).with_journal(&cluster.journal().entries())
        }
    }

    /// A run that broke off: the story, a task or an invariant failed.
    #[must_use]
    pub fn of_failure(failed: &FailedRun) -> Self {
        Self {
            simulated: failed.at,
            verdict: OutcomeVerdict::Invalid,
            liveness: Some(failed.panicked.message.clone()),
            ..Self::blank(failed.seed).with_journal(&failed.journal)
        }
    }

    /// The same with what the clients did, judged by the model of the object that they did it to.
    /// Each anomaly quotes the calls that prove it. Answered calls count as acknowledged, and those
    /// that the model knows to only observe count as reads.
    #[must_use]
    pub fn judged<M, I, O>(self, calls: &Calls<I, O>, model: &M) -> Self
    where
        M: Model<Input = I, Output = O>,
        I: Clone + Ord + fmt::Debug,
        O: Clone + Ord + fmt::Debug,
    {
        let (count, (verdict, proof)) = (calls.count(), calls.judge(model));
        let observes = |call: &Call<I, O>| {
            call.output.is_some() && model.only_observes(&call.input, call.output.as_ref())
        };
        let reads = calls.list().iter().filter(|call| observes(call)).count();
        let report = |anomaly: &Anomaly| AnomalyReport {
            kind: anomaly.kind.name().to_owned(),
            key: anomaly.key.as_ref().map(ToString::to_string),
            summary: anomaly.summary.clone(),
            count: anomaly.total,
            lines: proof.clone(),
        };
        let (outcome, unknown) = match &verdict {
            Verdict::Valid => (OutcomeVerdict::Valid, None),
            Verdict::Unknown(why) => (OutcomeVerdict::Unknown, Some(why.clone())),
            Verdict::Invalid(_) => (OutcomeVerdict::Invalid, None),
        };
        Self {
            operations: count.returned + count.failed + count.open,
            acknowledged: Counts::from([("calls".to_owned(), count.returned)]),
            reads: u64::try_from(reads).expect("a length fits 64 bits"),
            verdict: self.verdict.max(outcome),
            anomalies: verdict.anomalies().iter().map(report).collect(),
            liveness: self.liveness.or(unknown),
            ..self
        }
    }

    fn with_journal(mut self, entries: &[JournalEntry]) -> Self {
        for JournalEntry { at, event } in entries {
            self.journal.push(JournalLine { at: *at, text: event.to_string() });
            match event {
                JournalEvent::Struck { fault, .. } => {
                    *self.faults.entry(fault.class().words().to_owned()).or_default() += 1;
                }
                JournalEvent::Skipped { fault, .. } => {
                    *self.skipped.entry(fault.class().words().to_owned()).or_default() += 1;
                }
                JournalEvent::Lifted { .. }
                | JournalEvent::Restarted { .. }
                | JournalEvent::Ended { .. }
                | JournalEvent::Healed
                | JournalEvent::Note(_) => {}
            }
        }
        self
    }
}

/// What the disks suffered, by what it is called; nothing that did not happen.
#[must_use]
pub fn disk_effects<S: System>(cluster: &Cluster<S>) -> Counts {
    let (mut lost, mut failed) = (0, 0);
    for node in cluster.nodes() {
        let tally = cluster.disk(node).tally();
        lost += tally.changes_lost + tally.writes_torn + tally.names_lost;
        failed += tally.reads_failed
            + tally.writes_failed
            + tally.writes_refused_full
            + tally.syncs_failed;
    }
    let mut effects = Counts::from([
        ("disk operations failed".to_owned(), failed),
        ("unsynced changes lost".to_owned(), lost),
    ]);
    effects.retain(|_, count| *count > 0);
    effects
}
