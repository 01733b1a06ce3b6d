//! What should have been, for each kind of anomaly.
//!
//! An anomaly is told by what was seen. Whoever meets its name for the first time needs the other
//! half: what would have been right.

/// What holds in a history without anomalies of this kind; none for a kind not known here.
#[must_use]
pub fn should_have_been(kind: &str) -> Option<&'static str> {
    let rule = match kind {
        "inconsistent-offsets" => "one offset of a key holds one value, whoever reads it",
        "duplicate" => "a value that was sent once is stored once",
        "lost-write" => {
            "once anything behind it was read, an acknowledged value is read by whoever passes it"
        }
        "unseen" => {
            "at the end, every acknowledged value is read back from the start of its key to its end"
        }
        "phantom" => "only values that somebody sent are read",
        "aborted-read" | "g1a" => "a value whose send failed for certain is never read",
        "precommitted-read" => "an operation does not read the values that it sends itself",
        "int-poll-skip" | "poll-skip" => {
            "a reader is shown every value that lies between two values it was shown"
        }
        "int-nonmonotonic-poll" | "nonmonotonic-poll" => "a reader only goes forward",
        "int-nonmonotonic-send" | "nonmonotonic-send" => {
            "what one sender sends in order is stored in that order"
        }
        "int-send-skip" => "values sent by one operation lie side by side",
        "realtime-inversion" => {
            "a value sent after another was acknowledged is stored behind that other"
        }
        "offset-mismatch" => "an acknowledged value is found at the offset that was acknowledged",
        "consumed-then-changed" => "what was read once stays, at its offset and with its value",
        "latest-backwards" => "the end of a log does not go back",
        "g1c" | "g1c-realtime" => {
            "there is an order of the operations in which each reads only what came before it"
        }
        "not-linearizable" => {
            "there is an order of the operations, each between its call and its return, that \
             explains every answer"
        }
        "vacuous" => "something was acknowledged, something was read back, and a fault struck",
        _ => return None,
    };
    Some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::AnomalyKind;

    #[test]
    fn every_anomaly_of_a_checker_has_an_expectation() {
        use crate::verdict::AnomalyKind as Kind;
        // Informative, or said by the rule that was broken.
        let others =
            [Kind::WorstRealtimeLag, Kind::InvariantBroken, Kind::NotLive, Kind::ContractBroken];
        for kind in Kind::ALL.iter().filter(|kind| !others.contains(kind)) {
            assert!(should_have_been(kind.name()).is_some(), "{kind}");
        }
    }

    #[test]
    fn unknown_kind_has_no_expectation() {
        assert_eq!(should_have_been("worst-realtime-lag"), None);
        assert!(should_have_been(AnomalyKind::NotLinearizable.name()).is_some());
        assert_eq!(should_have_been("phantom"), Some("only values that somebody sent are read"));
    }
}
