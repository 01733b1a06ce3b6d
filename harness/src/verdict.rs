//! Verdicts: what a checker concludes, and the proof it offers.
//!
//! There is no "probably". `Unknown` says that the checker could not decide, and it never counts
//! as a pass. When several checkers judge one run, the worst verdict wins.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::Key;

/// What a checker concludes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything that the checker looks at is as promised.
    Valid,
    /// The checker could not decide, and why.
    Unknown(String),
    /// A promise was broken. Examples are capped per kind; each carries its kind's full count.
    Invalid(Vec<Anomaly>),
}

impl Verdict {
    /// The verdict on both: the worse of the two, with the anomalies of either.
    #[must_use]
    pub fn compose(self, other: Self) -> Self {
        match (self, other) {
            (Self::Invalid(mut anomalies), Self::Invalid(more)) => {
                anomalies.extend(more);
                Self::Invalid(anomalies)
            }
            (Self::Invalid(anomalies), Self::Valid | Self::Unknown(_))
            | (Self::Valid | Self::Unknown(_), Self::Invalid(anomalies)) => {
                Self::Invalid(anomalies)
            }
            (Self::Unknown(one), Self::Unknown(other)) => Self::Unknown(format!("{one}; {other}")),
            (Self::Unknown(reason), Self::Valid) | (Self::Valid, Self::Unknown(reason)) => {
                Self::Unknown(reason)
            }
            (Self::Valid, Self::Valid) => Self::Valid,
        }
    }

    /// The verdict on all of them; `Valid` for none.
    pub fn all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().fold(Self::Valid, Self::compose)
    }

    /// Whether this is `Valid`, the only verdict that passes.
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid)
    }

    /// The anomalies that prove it invalid; none otherwise.
    pub fn anomalies(&self) -> &[Anomaly] {
        match self {
            Self::Invalid(anomalies) => anomalies,
            Self::Valid | Self::Unknown(_) => &[],
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid => f.write_str("valid"),
            Self::Unknown(reason) => write!(f, "unknown: {reason}"),
            Self::Invalid(anomalies) => {
                f.write_str("invalid")?;
                anomalies.iter().try_for_each(|anomaly| write!(f, "\n  {anomaly}"))
            }
        }
    }
}

/// One broken promise, and the operations that prove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// What sort it is.
    pub kind: AnomalyKind,
    /// The log that it happened in, where it belongs to one.
    pub key: Option<Key>,
    /// What happened, in one sentence.
    pub summary: String,
    /// The indices of the operations that prove it, cause before consequence.
    pub operations: Vec<u64>,
    /// How many of this kind the checker found in all, this one included. Only a few are kept as
    /// examples.
    pub total: u64,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if self.total > 1 {
            write!(f, " (one of {})", self.total)?;
        }
        write!(f, ": {}", self.summary)?;
        if !self.operations.is_empty() {
            let numbers: Vec<_> = self.operations.iter().map(u64::to_string).collect();
            write!(f, " [{}]", numbers.join(", "))?;
        }
        Ok(())
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// The sorts of anomalies, under the names by which reports and issues quote them.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum AnomalyKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl AnomalyKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The name in kebab case, as in `lost-write`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// One offset holds two values.
    InconsistentOffsets = "inconsistent-offsets",
    /// One value is at two offsets, and nobody had a right to put it there twice.
    Duplicate = "duplicate",
    /// A value that was promised is not there, though readers went past its place.
    LostWrite = "lost-write",
    /// A value that was promised is missing from the final reads.
    Unseen = "unseen",
    /// A value was read that nobody sent.
    Phantom = "phantom",
    /// A value was read whose send had certainly failed.
    AbortedRead = "aborted-read",
    /// A value was read before its send could have taken effect, or by the call that sends it.
    PrecommittedRead = "precommitted-read",
    /// Calls read from one another in a circle.
    G1c = "g1c",
    /// Calls read from one another, or had ended before the next began, in a circle.
    G1cRealtime = "g1c-realtime",
    /// Inside one call, a record was left out.
    IntPollSkip = "int-poll-skip",
    /// Inside one call, offsets do not grow.
    IntNonmonotonicPoll = "int-nonmonotonic-poll",
    /// Between two calls of one process, a record was left out.
    PollSkip = "poll-skip",
    /// A process read again what lay behind it.
    NonmonotonicPoll = "nonmonotonic-poll",
    /// Values of one call landed in another order.
    IntNonmonotonicSend = "int-nonmonotonic-send",
    /// Two sends of one process landed in another order.
    NonmonotonicSend = "nonmonotonic-send",
    /// Values of one call do not lie side by side. Informative.
    IntSendSkip = "int-send-skip",
    /// A send landed before another that had been acknowledged before it was invoked.
    RealtimeInversion = "realtime-inversion",
    /// A value is not at the offset that was acknowledged.
    OffsetMismatch = "offset-mismatch",
    /// A record that was read is later replaced or gone.
    ConsumedThenChanged = "consumed-then-changed",
    /// The end of a log went back.
    LatestBackwards = "latest-backwards",
    /// The run proves nothing, because nothing happened.
    Vacuous = "vacuous",
    /// How far readers were behind. Informative.
    WorstRealtimeLag = "worst-realtime-lag",
    /// No order of the operations explains the answers.
    NotLinearizable = "not-linearizable",
    /// Something that must hold at every step did not.
    InvariantBroken = "invariant-broken",
    /// Something that must happen in the end did not.
    NotLive = "not-live",
    /// A request was answered that had to be refused, or refused that had to be answered.
    ContractBroken = "contract-broken",
}

impl fmt::Display for AnomalyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn invalid(kind: AnomalyKind, total: u64) -> Verdict {
        let summary = "offset 3 of orders-0 holds 7 and 9".to_owned();
        let key = Some(Key::from("orders-0"));
        Verdict::Invalid(vec![Anomaly { kind, key, summary, operations: vec![4, 11], total }])
    }

    #[test]
    fn the_worst_verdict_wins() {
        let unknown = || Verdict::Unknown("out of time".to_owned());
        let bad = || invalid(AnomalyKind::Phantom, 1);
        assert!(Verdict::all([]).is_valid());
        assert_eq!(Verdict::Valid.compose(unknown()), unknown());
        assert_eq!(unknown().compose(bad()), bad());
        assert_eq!(bad().compose(Verdict::Valid), bad());
        let both = Verdict::all([bad(), unknown(), invalid(AnomalyKind::Unseen, 1)]);
        assert_eq!(both.anomalies().len(), 2);
        assert_eq!(unknown().compose(unknown()).to_string(), "unknown: out of time; out of time");
    }

    #[test]
    fn a_verdict_reads_as_sentences() {
        expect![[r#"
            invalid
              inconsistent-offsets (one of 1200): offset 3 of orders-0 holds 7 and 9 [4, 11]"#]]
        .assert_eq(&invalid(AnomalyKind::InconsistentOffsets, 1200).to_string());
    }

    #[test]
    fn kinds_have_the_same_name_everywhere() {
        for kind in AnomalyKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
