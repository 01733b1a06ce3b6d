//! What two failures have in common: enough to group them, and not so much that each is alone.
//!
//! A signature leaves out whatever differs between two appearances of one mistake: times, offsets,
//! nodes, how many. Shrinking keeps it, and a soak counts by it.

use std::fmt;

use harness::report::RunReport;
use harness::sweep::RunOutcome;
use serde::{Deserialize, Serialize};

/// The kind of a failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// An invariant broke inside the cluster, such as `GS1`.
    Invariant(String),
    /// Clients saw it: the anomaly's name, such as `lost-write`.
    Anomaly(String),
    /// Something failed to happen, or a process panicked: the words without what varies.
    Failure(String),
}

impl Signature {
    /// The signature of a failed run; `None` if the run passed. The invariant counts before the
    /// anomaly, since it is nearer to the mistake.
    #[must_use]
    pub fn of(report: &RunReport) -> Option<Self> {
        report.failure()?;
        if let Some(violation) = &report.violation {
            return Some(Self::Invariant(violation.name.clone()));
        }
        if let Some(anomaly) = report.anomalies.first() {
            return Some(Self::Anomaly(anomaly.kind.clone()));
        }
        let failure = report.liveness.clone().or_else(|| report.failure()).unwrap_or_default();
        Some(Self::Failure(shape(&failure)))
    }

    /// The signature of one run of a sweep that did not pass; `None` if it passed. A run that broke
    /// off has none of its own, and is told by its words.
    #[must_use]
    pub fn of_outcome(outcome: &RunOutcome) -> Option<Self> {
        if outcome.passes() {
            return None;
        }
        let own = outcome.signature.as_deref().and_then(Self::from_tagged);
        let words = outcome.failure.as_deref().unwrap_or("no reason given");
        Some(own.unwrap_or_else(|| Self::Failure(shape(words))))
    }

    /// It with its kind before it, on one line: `invariant GS1`.
    #[must_use]
    pub fn tagged(&self) -> String {
        let (kind, what) = match self {
            Self::Invariant(what) => ("invariant", what),
            Self::Anomaly(what) => ("anomaly", what),
            Self::Failure(what) => ("failure", what),
        };
        format!("{kind} {what}")
    }

    /// What [`Signature::tagged`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_tagged(text: &str) -> Option<Self> {
        let (kind, what) = text.split_once(' ')?;
        let what = what.to_owned();
        match kind {
            "invariant" => Some(Self::Invariant(what)),
            "anomaly" => Some(Self::Anomaly(what)),
            "failure" => Some(Self::Failure(what)),
            _ => None,
        }
    }

    /// Whether clients could see it, without looking inside.
    #[must_use]
    pub fn is_client_visible(&self) -> bool {
        matches!(self, Self::Anomaly(_))
    }

    /// The room in which to begin looking.
    #[must_use]
    pub fn room(&self) -> &'static str {
        match self {
            Self::Invariant(name) => match name.as_str() {
                "GS9" | "GS10" => "controller",
                "GS11" => "quorum",
                "LS1" | "LS3" | "LS4" | "LS5" => "log",
                _ => "replication",
            },
            Self::Anomaly(_) => "clients",
            Self::Failure(words) if words.starts_with("panicked") => "panic",
            Self::Failure(_) => "liveness",
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invariant(what) | Self::Anomaly(what) | Self::Failure(what) => f.pad(what),
        }
    }
}

/// The first line without its numbers, so that the same words at another time are the same.
fn shape(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut shape = String::new();
    for letter in line.chars() {
        if !letter.is_ascii_digit() {
            shape.push(letter);
        } else if !shape.ends_with('#') {
            shape.push('#');
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_at_another_time_are_the_same_failure() {
        let first = shape("orders-0 had no leader after 63.120s\nfenced brokers: 3");
        assert_eq!(first, "orders-# had no leader after #.#s");
        assert_eq!(first, shape("orders-1 had no leader after 7.004s\nfenced brokers: none"));
        assert_ne!(first, shape("node-1 panicked"));
    }

    #[test]
    fn a_signature_survives_its_line() {
        let all = [Signature::Invariant, Signature::Anomaly, Signature::Failure];
        for signature in all.map(|kind| kind("lost write after #s".to_owned())) {
            assert_eq!(Signature::from_tagged(&signature.tagged()), Some(signature));
        }
        assert_eq!(Signature::from_tagged("rumour GS1"), None);
    }

    #[test]
    fn each_failure_has_a_room() {
        assert_eq!(Signature::Invariant("GS11".to_owned()).room(), "quorum");
        assert_eq!(Signature::Invariant("GS1".to_owned()).room(), "replication");
        assert_eq!(Signature::Failure("panicked at src".to_owned()).room(), "panic");
        assert!(Signature::Anomaly("lost-write".to_owned()).is_client_visible());
    }
}
