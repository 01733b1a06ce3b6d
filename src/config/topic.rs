//! What holds for one topic: its own settings laid over the broker's.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::Config;
use super::error::{ConfigError, ConfigErrors};
use super::ignored::is_ignored_topic_setting;
use super::reader::{at_least, parse_flag, parse_number};

const MIN_IN_SYNC_REPLICAS: &str = "min.insync.replicas";
const UNCLEAN_LEADER_ELECTION: &str = "unclean.leader.election.enable";
const MESSAGE_BYTES_MAX: &str = "max.message.bytes";
const SEGMENT_BYTES: &str = "segment.bytes";
const INDEX_INTERVAL_BYTES: &str = "index.interval.bytes";
const FLUSH_MESSAGES: &str = "flush.messages";

/// The settings in force for one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    /// `min.insync.replicas`, as configured: not yet bounded by the number of replicas (R13).
    pub min_in_sync_replicas: usize,
    /// `unclean.leader.election.enable` (R22).
    pub unclean_leader_election: bool,
    /// `max.message.bytes`: the largest batch that a leader appends, in bytes.
    pub message_bytes_max: usize,
    /// `segment.bytes`: where a segment is closed, in bytes.
    pub segment_bytes: u64,
    /// `index.interval.bytes`: about how far two index entries lie apart.
    pub index_interval_bytes: u64,
    /// `flush.messages`: an fsync after this many records; `i64::MAX` is never (R31).
    pub flush_messages: u64,
}

impl TopicConfig {
    /// Lays a topic's own settings over the broker's. A value that [`TopicConfig::check`] would
    /// refuse cannot be in the metadata; if it were, the broker's own would hold.
    #[must_use]
    pub fn from(own: &BTreeMap<String, String>, config: &Config) -> Self {
        let flag = |name, default| flag(own, name).unwrap_or(default);
        Self {
            min_in_sync_replicas: number(own, MIN_IN_SYNC_REPLICAS)
                .unwrap_or(config.topics.min_in_sync_replicas),
            unclean_leader_election: flag(
                UNCLEAN_LEADER_ELECTION,
                config.topics.unclean_leader_election,
            ),
            message_bytes_max: number(own, MESSAGE_BYTES_MAX)
                .unwrap_or(config.topics.message_bytes_max),
            segment_bytes: number(own, SEGMENT_BYTES).unwrap_or(config.log.segment_bytes),
            index_interval_bytes: number(own, INDEX_INTERVAL_BYTES)
                .unwrap_or(config.log.index_interval_bytes),
            flush_messages: number(own, FLUSH_MESSAGES).unwrap_or(config.log.flush_messages),
        }
    }

    /// Checks what a client wants to set on a topic.
    ///
    /// # Errors
    /// Every setting that is unknown or has a value that is not allowed (INVALID_CONFIG).
    pub fn check(own: &BTreeMap<String, String>) -> Result<(), ConfigErrors> {
        let errors: Vec<_> =
            own.iter().filter_map(|(name, value)| check_one(name, value).err()).collect();
        if errors.is_empty() { Ok(()) } else { Err(ConfigErrors(errors)) }
    }
}

fn check_one(name: &str, value: &str) -> Result<(), ConfigError> {
    if let Some(range) = range(name) {
        return parse_number(name, value.trim(), &range).map(drop);
    }
    if name == UNCLEAN_LEADER_ELECTION {
        return parse_flag(name, value.trim()).map(drop);
    }
    if is_ignored_topic_setting(name) {
        return Ok(());
    }
    Err(ConfigError::new(name, value, "a topic setting that Kafka knows"))
}

/// The numbers that a topic setting may have; `None` if it is not a number.
fn range(name: &str) -> Option<RangeInclusive<i64>> {
    match name {
        MIN_IN_SYNC_REPLICAS => Some(at_least(1)),
        MESSAGE_BYTES_MAX | INDEX_INTERVAL_BYTES => Some(at_least(0)),
        SEGMENT_BYTES => Some(at_least(1024)),
        FLUSH_MESSAGES => Some(1..=i64::MAX),
        _ => None,
    }
}

fn number<T: TryFrom<i64>>(own: &BTreeMap<String, String>, name: &str) -> Option<T> {
    let text = own.get(name)?.trim();
    T::try_from(parse_number(name, text, &range(name)?).ok()?).ok()
}

fn flag(own: &BTreeMap<String, String>, name: &str) -> Option<bool> {
    parse_flag(name, own.get(name)?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_topics_own_settings_win() {
        let own = settings(&[
            ("min.insync.replicas", "2"),
            ("unclean.leader.election.enable", "TRUE"),
            ("flush.messages", "1"),
            ("retention.ms", "1000"),
        ]);
        assert_eq!(TopicConfig::check(&own), Ok(()));
        let config = Config::embedded("data");
        let topic = TopicConfig::from(&own, &config);
        assert_eq!(topic.min_in_sync_replicas, 2);
        assert!(topic.unclean_leader_election);
        assert_eq!(topic.flush_messages, 1);
        assert_eq!(topic.segment_bytes, config.log.segment_bytes);
        assert_eq!(topic.message_bytes_max, 1_048_588);
    }

    #[test]
    fn what_a_topic_may_not_have_is_named() {
        let own = settings(&[
            ("min.insync.replicas", "0"),
            ("segment.bytes", "12 MiB"),
            ("retention.mss", "1"),
        ]);
        let errors = TopicConfig::check(&own).expect_err("three mistakes");
        expect_test::expect![[r#"
            min.insync.replicas=0: must be a whole number from 1 to 2147483647
            retention.mss=1: must be a topic setting that Kafka knows
            segment.bytes=12 MiB: must be a whole number from 1024 to 2147483647"#]]
        .assert_eq(&errors.to_string());
    }
}
