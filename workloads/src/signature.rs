//! What two failures have in common: enough to group them, and not so much that each is alone.
//!
//! A signature leaves out whatever differs between two appearances of one mistake: times, offsets,
//! nodes, how many. A soak counts by it. What breaks an invariant on two occasions is taken for two
//! mistakes, so that the second does not hide behind the first. Shrinking is content with less
//! ([`Signature::is_same_failure`]): with fewer faults one mistake may show on another occasion.
//!
//! An anomaly has no occasion: clients see what came of a mistake, and nothing of how it was made.

use std::fmt;

use harness::report::RunReport;
use harness::sweep::RunOutcome;
use serde::{Deserialize, Serialize};

use crate::invariants::{ELECTION, NEWS, OPENING};

/// The kind of a failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// An invariant broke inside the cluster.
    Invariant(Broken),
    /// Clients saw it: the anomaly's name, such as `lost-write`.
    Anomaly(String),
    /// Something failed to happen, or a process panicked: the words without what varies.
    Failure(String),
}

/// An invariant that broke, and on which occasion. As text, and in a file, `GS1 at an election`;
/// files from before occasions were told have `GS1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Broken {
    /// Its name, such as `GS1`.
    pub name: String,
    /// What was done when it broke, if that was told.
    pub occasion: Option<String>,
}

impl From<&str> for Broken {
    fn from(text: &str) -> Self {
        let (name, occasion) = match text.split_once(" at ") {
            Some((name, occasion)) => (name, Some(occasion.to_owned())),
            None => (text, None),
        };
        Self { name: name.to_owned(), occasion }
    }
}

impl From<String> for Broken {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Broken> for String {
    fn from(broken: Broken) -> Self {
        broken.to_string()
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.occasion {
            Some(occasion) => f.pad(&format!("{} at {occasion}", self.name)),
            None => f.pad(&self.name),
        }
    }
}

impl Broken {
    /// The room in which to begin looking: that of the invariant, unless the occasion tells more.
    fn room(&self) -> &'static str {
        match (self.name.as_str(), self.occasion.as_deref()) {
            ("GS9" | "GS10", _) => "controller",
            // The quorum commits one log; what a broker makes of it is the server's.
            ("GS11", Some(NEWS)) => "server",
            ("GS11", _) => "quorum",
            ("LS1" | "LS3" | "LS4" | "LS5", _) | (_, Some(OPENING)) => "log",
            (_, Some(ELECTION)) => "controller",
            _ => "replication",
        }
    }
}

impl Signature {
    /// The signature of a failed run; `None` if the run passed. The invariant counts before the
    /// anomaly, since it is nearer to the mistake.
    #[must_use]
    pub fn of(report: &RunReport) -> Option<Self> {
        report.failure()?;
        if let Some(violation) = &report.violation {
            let (name, occasion) = (violation.name.clone(), violation.occasion.clone());
            return Some(Self::Invariant(Broken { name, occasion }));
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
        let kind = match self {
            Self::Invariant(_) => "invariant",
            Self::Anomaly(_) => "anomaly",
            Self::Failure(_) => "failure",
        };
        format!("{kind} {self}")
    }

    /// What [`Signature::tagged`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_tagged(text: &str) -> Option<Self> {
        let (kind, what) = text.split_once(' ')?;
        let what = what.to_owned();
        match kind {
            "invariant" => Some(Self::Invariant(what.into())),
            "anomaly" => Some(Self::Anomaly(what)),
            "failure" => Some(Self::Failure(what)),
            _ => None,
        }
    }

    /// Whether both are failures of one kind and one name, on whatever occasion: what shrinking
    /// keeps, and what the branches of an explanation are compared by.
    #[must_use]
    pub fn is_same_failure(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Invariant(one), Self::Invariant(other)) => one.name == other.name,
            (Self::Invariant(_) | Self::Anomaly(_) | Self::Failure(_), _) => self == other,
        }
    }

    /// Whether this one, from a file in which occasions were not told, may be the other.
    #[must_use]
    pub fn may_stand_for(&self, other: &Self) -> bool {
        let is_told = matches!(self, Self::Invariant(Broken { occasion: Some(_), .. }));
        !is_told && self.is_same_failure(other)
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
            Self::Invariant(broken) => broken.room(),
            Self::Anomaly(_) => "clients",
            Self::Failure(words) if words.starts_with("panicked") => "panic",
            Self::Failure(_) => "liveness",
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invariant(broken) => broken.fmt(f),
            Self::Anomaly(what) | Self::Failure(what) => f.pad(what),
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

    fn broken(text: &str) -> Signature {
        Signature::Invariant(text.into())
    }

    #[test]
    fn a_signature_survives_its_line_and_its_file() {
        let words = || "lost write after #s".to_owned();
        let all = [
            broken("GS1"),
            broken("GS1 at an election"),
            Signature::Anomaly(words()),
            Signature::Failure(words()),
        ];
        for signature in all {
            assert_eq!(Signature::from_tagged(&signature.tagged()), Some(signature.clone()));
            let json = serde_json::to_string(&signature).unwrap();
            assert_eq!(serde_json::from_str::<Signature>(&json).unwrap(), signature);
        }
        assert_eq!(Signature::from_tagged("rumour GS1"), None);
        let text = r#"{"invariant":"GS1 at an election"}"#;
        assert_eq!(serde_json::to_string(&broken("GS1 at an election")).unwrap(), text);
    }

    #[test]
    fn each_failure_has_a_room() {
        let rooms = ["GS11", "GS1", "GS1 at an election", "GS1 at the opening of a log"];
        let rooms = rooms.map(|text| broken(text).room());
        assert_eq!(rooms, ["quorum", "replication", "controller", "log"]);
        assert_eq!(Signature::Failure("panicked at src".to_owned()).room(), "panic");
        assert!(Signature::Anomaly("lost-write".to_owned()).is_client_visible());
    }

    #[test]
    fn same_failure_on_another_occasion_is_another_finding() {
        let (told, other, old) =
            (broken("GS1 at an election"), broken("GS1 at a truncation"), broken("GS1"));
        assert_ne!(told, other);
        assert!(told.is_same_failure(&other) && told.is_same_failure(&old));
        assert!(!told.is_same_failure(&broken("GS2 at an election")));
        assert!(!told.is_same_failure(&Signature::Anomaly("GS1 at an election".to_owned())));
        assert!(old.may_stand_for(&told) && !told.may_stand_for(&old));
        assert!(!told.may_stand_for(&other));
    }
}
