//! What the run of one seed came to, as a sweep wants to know it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exit::OutcomeVerdict;
use crate::report::counts::{self, Counts};
use crate::report::{RunReport, seconds};

/// One run of a sweep. One line of its JSON file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOutcome {
    /// The seed that was run.
    pub seed: u64,
    /// The judgement.
    pub verdict: OutcomeVerdict,
    /// Why the run did not pass, in one line.
    pub failure: Option<String>,
    /// What the failure has in common with others of its kind, in words of whoever ran it: without
    /// times, numbers and names. Failures are grouped by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Digest of everything that happened. Equal runs have equal digests.
    pub digest: String,
    /// How much simulated time passed.
    #[serde(rename = "simulated_seconds", with = "seconds")]
    pub simulated: Duration,
    /// Operations that clients invoked.
    pub operations: u64,
    /// Acknowledged writes, for each promise they were acknowledged under.
    pub acknowledged: Counts,
    /// Values read back.
    pub reads: u64,
    /// Faults that took effect, by kind.
    pub faults: Counts,
    /// Faults that were drawn but not injected, by kind.
    pub skipped: Counts,
    /// Noteworthy states, and how often each was reached.
    pub sometimes: Counts,
    /// Use of the fault budget, by what was counted.
    pub budget: Counts,
}

impl RunOutcome {
    /// The outcome that belongs to a report.
    #[must_use]
    pub fn of(report: &RunReport, sometimes: Counts) -> Self {
        Self {
            seed: report.seed,
            verdict: report.verdict,
            failure: report.failure(),
            signature: None,
            digest: report.digest.clone(),
            simulated: report.simulated,
            operations: report.operations,
            acknowledged: report.acknowledged.clone(),
            reads: report.reads,
            faults: report.faults.clone(),
            skipped: report.skipped.clone(),
            sometimes,
            budget: report.budget.clone(),
        }
    }

    /// A run that broke off without a result, for example by a panic.
    #[must_use]
    pub fn without_result(seed: u64, verdict: OutcomeVerdict, failure: String) -> Self {
        Self {
            seed,
            verdict,
            failure: Some(failure),
            signature: None,
            digest: String::new(),
            simulated: Duration::ZERO,
            operations: 0,
            acknowledged: Counts::new(),
            reads: 0,
            faults: Counts::new(),
            skipped: Counts::new(),
            sometimes: Counts::new(),
            budget: Counts::new(),
        }
    }

    /// Whether the run passed: valid, and nothing failed beside the verdict.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.judgement().passes()
    }

    /// The verdict, in which a failure that was noted without touching the verdict counts.
    #[must_use]
    pub fn judgement(&self) -> OutcomeVerdict {
        match self.verdict {
            OutcomeVerdict::Valid if self.failure.is_some() => OutcomeVerdict::Invalid,
            verdict @ (OutcomeVerdict::Valid
            | OutcomeVerdict::Unknown
            | OutcomeVerdict::Invalid) => verdict,
        }
    }

    /// Fails a run that could not have failed: nothing was acknowledged, nothing was read back, or
    /// no fault struck although some were expected. A run that is invalid already keeps its reason.
    pub fn judge_vacuous(&mut self, expects_faults: bool) {
        if self.judgement() == OutcomeVerdict::Invalid {
            return;
        }
        let mut lacks = Vec::new();
        if counts::total(&self.acknowledged) == 0 {
            lacks.push("nothing was acknowledged");
        }
        if self.reads == 0 {
            lacks.push("nothing was read back");
        }
        if expects_faults && counts::total(&self.faults) == 0 {
            lacks.push("no fault struck");
        }
        if lacks.is_empty() {
            return;
        }
        let mut failure = format!("vacuous: {}", lacks.join(", "));
        if let Some(before) = self.failure.take() {
            failure.push_str("; ");
            failure.push_str(&before);
        }
        self.verdict = OutcomeVerdict::Invalid;
        self.failure = Some(failure);
    }
}
