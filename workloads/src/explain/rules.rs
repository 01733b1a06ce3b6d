//! The rules of replication that an explanation names, and which of them a broken invariant speaks of.
//!
//! An invariant says what must hold; a rule says what somebody has to do so that it holds. Which rule
//! was not kept depends on the deed with which the invariant broke, so the table has both.

use serde::Serialize;

pub use crate::invariants::Deed;

/// A rule of the protocol, as the description of replication numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rule {
    /// Its number, such as `R11`.
    pub number: &'static str,
    /// What it asks for, in one line.
    pub words: &'static str,
}

macro_rules! rules {
    ($($number:ident: $words:literal,)*) => {
        $(#[doc = $words] pub(super) const $number: Rule =
            Rule { number: stringify!($number), words: $words };)*

        /// Every rule that an explanation may name, by number.
        pub const RULES: &[Rule] = &[$($number),*];
    };
}

rules! {
    R1: "a log has no gaps, and log start <= high watermark <= log end",
    R2: "a replica's leader epochs follow from its log",
    R5: "everybody replays the committed metadata, in order",
    R6: "whoever is named leader is named under a higher leader epoch",
    R7: "a new leader begins its epoch at its log end and keeps the high watermark it had",
    R8: "a new follower asks where its log diverges, and never truncates to its high watermark",
    R10: "a leader compares epochs at each fetch, and a fetch that it answers with a divergence \
          counts for nothing",
    R11: "a follower copies what its leader sends, and truncates only to where the two diverge",
    R12: "a follower holds what it has proved by a fetch in this epoch, and nothing else",
    R13: "the high watermark waits for everybody who could be elected, and for \
          min.insync.replicas of them",
    R14: "consumers see what is below the high watermark, and nothing else",
    R15: "whoever has not caught up for replica.lag.time.max.ms is put out of the in-sync set",
    R16: "a replica joins the in-sync set once it has reached the high watermark and the start of \
          the leader's epoch",
    R17: "a leader counts old and new members until the controllers have answered its proposal",
    R18: "the controllers take an in-sync set from the leader only, on the current version, of \
          members that are active",
    R19: "a broker that registers anew leaves the in-sync sets, and after an unclean stop the \
          eligible ones too",
    R20: "a broker that sends no heartbeats is fenced, and leaves the in-sync sets",
    R21: "a broker that is about to stop hands its leaderships over and leaves the in-sync sets",
    R22: "whoever is elected is in sync, or eligible if nobody is in sync",
    R23: "whoever leaves an in-sync set that is too small stays eligible, unless it stopped \
          uncleanly",
    R24: "brokers apply what is newer, by leader epoch and partition epoch",
    R25: "the preferred replica is given the lead only if it is in sync",
    R27: "acks=all is answered once the records are committed",
    R28: "a batch of an idempotent producer is appended once, and in sequence",
    R29: "a consumer gets nothing from the high watermark on",
    R31: "what an fsync has covered survives a power cut, and what was written survives a kill",
    R32: "a checkpoint never leads what is on the disk",
    R33: "recovery keeps every whole batch and cuts the log at the first that is torn",
    R34: "a follower fetches until it has all that its leader has",
}

/// One row: an invariant, the deeds to which these rules belong (any, if none is named), the rules.
type Row = (&'static str, &'static [Deed], &'static [Rule]);

/// The first row that fits counts.
const TABLE: &[Row] = &[
    ("GS1", &[Deed::Commits], &[R13]),
    ("GS1", &[Deed::Truncates], &[R11]),
    ("GS1", &[Deed::Opens], &[R19, R33]),
    ("GS1", &[Deed::Learns], &[R19]),
    ("GS1", &[Deed::Decides], &[R16, R18]),
    ("GS1", &[], &[R13]),
    ("GS2", &[], &[R22]),
    ("GS3", &[], &[R13]),
    ("GS4", &[Deed::Serves], &[R14, R29]),
    ("GS4", &[Deed::Commits], &[R13]),
    ("GS4", &[], &[R11]),
    ("GS5", &[Deed::Opens], &[R33]),
    ("GS5", &[], &[R10, R11]),
    ("GS6", &[], &[R13, R17]),
    ("GS7", &[], &[R27]),
    ("GS9", &[], &[R6]),
    ("GS10", &[], &[R23]),
    ("GS11", &[Deed::Learns], &[R24]),
    ("GS11", &[], &[R5]),
    ("LS1", &[Deed::Opens], &[R33]),
    ("LS1", &[], &[R1, R11]),
    ("LS2", &[], &[R13]),
    ("LS3", &[], &[R2, R7]),
    ("LS4", &[], &[R28]),
    ("LS5", &[], &[R31, R33]),
    ("LS6", &[], &[R17]),
    ("LS10", &[], &[R7, R8]),
];

/// The rules that an invariant speaks of when it breaks with `deed`, unless more is known.
#[must_use]
pub fn rules_of(invariant: &str, deed: Deed) -> &'static [Rule] {
    let row = TABLE
        .iter()
        .find(|(name, deeds, _)| *name == invariant && (deeds.is_empty() || deeds.contains(&deed)));
    row.map_or(&[], |(_, _, rules)| rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants;

    #[test]
    fn every_invariant_has_a_rule_whatever_breaks_it() {
        let invariants = invariants::all();
        for invariant in &invariants {
            assert!(!rules_of(invariant.name(), Deed::Other).is_empty(), "{}", invariant.name());
        }
        let known = |name: &str| invariants.iter().any(|invariant| invariant.name() == name);
        assert!(TABLE.iter().all(|(name, ..)| known(name)), "a row without an invariant");
    }

    #[test]
    fn rules_are_in_the_order_of_their_numbers() {
        let number = |rule: &Rule| rule.number[1..].parse::<u32>().unwrap();
        assert!(RULES.is_sorted_by(|one, next| number(one) < number(next)));
        assert!(RULES.iter().all(|rule| rule.words.len() > 20 && !rule.words.contains("  ")));
    }
}
