//! The topic-level settings that we know, and which values they take.

use std::collections::BTreeMap;

use super::TopicRefusal;

/// What values a setting takes.
#[derive(Clone, Copy, Debug)]
enum Domain {
    /// Whole numbers between two bounds, both included.
    Number { min: i64, max: i64 },
    /// `true` or `false`.
    Flag,
    /// `delete`, `compact`, or both.
    CleanupPolicy,
}

const INT_MAX: i64 = i32::MAX as i64;

/// The settings by Kafka's names, with Kafka's bounds.
const KNOWN: [(&str, Domain); 8] = [
    ("cleanup.policy", Domain::CleanupPolicy),
    ("flush.messages", Domain::Number { min: 1, max: i64::MAX }),
    ("max.message.bytes", Domain::Number { min: 0, max: INT_MAX }),
    ("min.insync.replicas", Domain::Number { min: 1, max: INT_MAX }),
    ("retention.bytes", Domain::Number { min: -1, max: i64::MAX }),
    ("retention.ms", Domain::Number { min: -1, max: i64::MAX }),
    ("segment.bytes", Domain::Number { min: 14, max: INT_MAX }),
    ("unclean.leader.election.enable", Domain::Flag),
];

/// Checks every setting and brings the values into the one form that is stored: without spaces
/// around them, and flags in small letters.
pub(super) fn normalise(
    configs: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TopicRefusal> {
    let normal =
        configs.iter().map(|(name, value)| Ok((name.clone(), normalise_one(name, value)?)));
    normal.collect()
}

/// As [`normalise`], for one setting.
pub(super) fn normalise_one(name: &str, value: &str) -> Result<String, TopicRefusal> {
    let refuse = |reason| TopicRefusal::InvalidConfig {
        name: name.to_owned(),
        value: value.to_owned(),
        reason,
    };
    let domain = domain(name).ok_or_else(|| refuse("unknown topic setting"))?;
    domain.normalise(value.trim()).map_err(refuse)
}

/// Refuses a name that no topic-level setting has.
pub(super) fn check_name(name: &str) -> Result<(), TopicRefusal> {
    match domain(name) {
        Some(_) => Ok(()),
        None => Err(TopicRefusal::InvalidConfig {
            name: name.to_owned(),
            value: String::new(),
            reason: "unknown topic setting",
        }),
    }
}

fn domain(name: &str) -> Option<Domain> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, domain)| *domain)
}

impl Domain {
    fn normalise(self, value: &str) -> Result<String, &'static str> {
        match self {
            Self::Number { min, max } => match value.parse::<i64>() {
                Ok(number) if (min..=max).contains(&number) => Ok(number.to_string()),
                Ok(_) => Err("out of bounds"),
                Err(_) => Err("not a whole number"),
            },
            Self::Flag => match value.to_ascii_lowercase() {
                flag if flag == "true" || flag == "false" => Ok(flag),
                _ => Err("neither true nor false"),
            },
            Self::CleanupPolicy => {
                let policies: Vec<&str> = value.split(',').map(str::trim).collect();
                let known = policies.iter().all(|policy| matches!(*policy, "delete" | "compact"));
                if known { Ok(policies.join(",")) } else { Err("neither delete nor compact") }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked_and_stored_in_one_form() {
        assert_eq!(normalise_one("min.insync.replicas", " 02 "), Ok("2".to_owned()));
        assert_eq!(normalise_one("unclean.leader.election.enable", "TRUE"), Ok("true".to_owned()));
        assert_eq!(normalise_one("cleanup.policy", "compact, delete").unwrap(), "compact,delete");
        for (name, value) in [
            ("min.insync.replicas", "0"),
            ("min.insync.replicas", "two"),
            ("segment.bytes", "13"),
            ("segment.bytes", "2147483648"),
            ("retention.ms", "-2"),
            ("unclean.leader.election.enable", "yes"),
            ("cleanup.policy", ""),
            ("no.such.setting", "1"),
        ] {
            assert!(
                matches!(normalise_one(name, value), Err(TopicRefusal::InvalidConfig { .. })),
                "{name}={value}"
            );
        }
    }
}
