//! What a run came to, as plain data and as text for a person.
//!
//! The text can be read from either end: the verdict and its reason stand in the first line and
//! again in the last, above the prompt of whoever has just run it. Between them, what happened,
//! how much of it, and for each anomaly the operations that prove it and what should have been.
//! The data is serde, so the JSON has the same content.

pub mod counts;
pub mod expectation;
pub mod page;
pub(crate) mod seconds;
pub mod style;
pub mod teller;
pub(crate) mod text;

mod gather;
mod terminal;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use crate::exit::OutcomeVerdict;
pub use crate::report::counts::Counts;
pub use crate::report::gather::{effects, tell};
pub use crate::report::style::{Style, Tone};
pub use crate::report::teller::{LiveEvent, Teller};

/// As much of a finding as the first and last line quote; the sections below have the whole.
const HEADLINE: usize = 150;

/// One run, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The story that was told, or the workload and nemesis.
    pub scenario: String,
    /// The number that the run is repeated by.
    pub seed: u64,
    /// How much simulated time passed.
    #[serde(rename = "simulated_seconds", with = "seconds")]
    pub simulated: Duration,
    /// Operations that clients invoked.
    pub operations: u64,
    /// Acknowledged writes, for each promise they were acknowledged under.
    pub acknowledged: Counts,
    /// Values read back.
    pub reads: u64,
    /// What was judged for linearizability, by kind; empty if nothing was.
    #[serde(default)]
    pub linearizable: Counts,
    /// Faults that took effect, by kind.
    pub faults: Counts,
    /// What came of the faults, by kind: operations that failed, changes that were lost.
    pub effects: Counts,
    /// Faults that were drawn but not injected, by kind.
    pub skipped: Counts,
    /// Use of the fault budget, by what was counted.
    pub budget: Counts,
    /// What was done to the system. In any order: the text sorts it by time.
    pub journal: Vec<JournalLine>,
    /// The judgement.
    pub verdict: OutcomeVerdict,
    /// What the checkers found, gravest first. Informative findings are possible in a valid run.
    pub anomalies: Vec<AnomalyReport>,
    /// The invariant that broke, if one did. The run ended there.
    pub violation: Option<ViolationReport>,
    /// What did not come to pass in time after the last fault.
    pub liveness: Option<String>,
    /// Lost writes that the contract explains.
    pub losses_explained: u64,
    /// Lost writes that nothing explains.
    pub losses_unexplained: u64,
    /// Digest of everything that happened. Equal runs have equal digests.
    pub digest: String,
    /// The command that repeats the run.
    pub repeat: String,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Simulated time since the run began.
    #[serde(rename = "at_seconds", with = "seconds")]
    pub at: Duration,
    /// What was done.
    pub text: String,
}

/// One kind of anomaly on one key, with an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnomalyReport {
    /// Its name, such as `lost-write`.
    pub kind: String,
    /// Where; none if it concerns several keys or none.
    pub key: Option<String>,
    /// What is wrong, in one sentence.
    pub summary: String,
    /// How many there were, of which one is told.
    pub count: u64,
    /// The operations that prove it, one a line.
    pub lines: Vec<String>,
}

/// An invariant that did not hold at some moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViolationReport {
    /// The invariant's name.
    pub name: String,
    /// What was done when it broke, in words that two appearances of one mistake share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
    /// What it demands.
    pub statement: String,
    /// What was the case instead.
    pub what: String,
    /// When, in simulated time since the run began.
    #[serde(rename = "at_seconds", with = "seconds")]
    pub at: Duration,
    /// The last observations before, oldest first.
    pub latest: Vec<String>,
}

impl RunReport {
    /// Why the run did not pass, in one line; none if it passed.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        match self.verdict {
            OutcomeVerdict::Valid => None,
            OutcomeVerdict::Unknown => {
                Some(self.first_finding().unwrap_or_else(|| "it could not be decided".to_owned()))
            }
            OutcomeVerdict::Invalid => Some(
                self.first_finding()
                    .unwrap_or_else(|| "judged invalid, reason unstated".to_owned()),
            ),
        }
    }

    /// The most telling of what was found: what fires first is nearest to the mistake.
    fn first_finding(&self) -> Option<String> {
        let mut findings = Vec::new();
        if let Some(violation) = &self.violation {
            findings.push(format!("{}: {}", violation.name, violation.what));
        }
        for anomaly in &self.anomalies {
            let key = anomaly.key.as_ref().map(|key| format!(" (key {key})")).unwrap_or_default();
            findings.push(format!("{}{key}: {}", anomaly.kind, anomaly.summary));
        }
        if self.losses_unexplained > 0 {
            let losses = text::plural(self.losses_unexplained, "lost write");
            findings.push(format!("unexplained: {losses}"));
        }
        if let Some(liveness) = &self.liveness {
            // What follows the first line are details, for the section below.
            let first = liveness.lines().next().unwrap_or_default();
            findings.push(format!("liveness: {first}"));
        }
        let first = text::clipped(findings.first()?, HEADLINE);
        Some(match findings.len() {
            1 => first,
            found => format!("{first}; and {} more below", found - 1),
        })
    }

    /// Writes the report as text, in the style that the caller has decided on.
    ///
    /// # Errors
    /// What `out` returns.
    pub fn write(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        write!(out, "{}", style.show(self))
    }

    /// As [`RunReport::write`] without the journal, for whom the run was told as it happened.
    ///
    /// # Errors
    /// What `out` returns.
    pub fn write_after_telling(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        write!(out, "{}", style.show(&terminal::Told(self)))
    }
}
