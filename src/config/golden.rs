//! The golden preset, and what weaker settings give up against it.
//!
//! Three replicas, `min.insync.replicas` 2, no unclean election; producers wait for all in-sync
//! replicas and are idempotent. Everything weaker is somebody's good reason now and then, and
//! somebody's surprise more often. So it is said aloud where a topic is made.

use super::TopicConfig;

/// `default.replication.factor` of the preset.
pub const REPLICATION_FACTOR: i16 = 3;
/// `min.insync.replicas` of the preset.
pub const MIN_IN_SYNC_REPLICAS: usize = 2;

impl TopicConfig {
    /// What a topic of so many replicas gives up against the golden preset, a sentence each; none
    /// if it is as safe.
    ///
    /// ```
    /// use highwater::config::{Config, TopicConfig};
    ///
    /// let weak = TopicConfig::from(&[].into(), &Config::embedded("data"));
    /// assert_eq!(weak.gives_up(1).len(), 2);
    /// let golden = TopicConfig { min_in_sync_replicas: 2, ..weak };
    /// assert!(golden.gives_up(3).is_empty());
    /// ```
    #[must_use]
    pub fn gives_up(&self, replication_factor: i16) -> Vec<&'static str> {
        let required = self.min_in_sync_replicas;
        let mut words = Vec::new();
        if replication_factor < REPLICATION_FACTOR {
            words.push("fewer than three replicas: one lost machine stops writes or loses records");
        }
        if required < MIN_IN_SYNC_REPLICAS {
            words.push("min.insync.replicas below 2: acks=all may be the word of one machine");
        }
        if usize::try_from(replication_factor).is_ok_and(|count| count > 1 && required >= count) {
            words.push("min.insync.replicas equals the replicas: one lost machine stops writes");
        }
        if self.unclean_leader_election {
            words.push("unclean election: a replica that lacks acknowledged records may lead");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Properties};
    use super::*;

    #[test]
    fn the_example_file_is_the_preset() {
        let text = include_str!("golden.properties");
        let properties = Properties::parse(text).expect("well-formed");
        let (config, warnings) = Config::from_properties(&properties).expect("usable");
        assert_eq!(warnings, []);
        assert_eq!(config.topics.replication_factor, REPLICATION_FACTOR);
        let topic = TopicConfig::from(&[].into(), &config);
        assert_eq!(topic.min_in_sync_replicas, MIN_IN_SYNC_REPLICAS);
        assert!(topic.gives_up(REPLICATION_FACTOR).is_empty());
    }

    #[test]
    fn each_weakness_is_named() {
        let golden = TopicConfig {
            min_in_sync_replicas: 2,
            ..TopicConfig::from(&[].into(), &Config::embedded("data"))
        };
        let told = |topic: &TopicConfig, replicas| topic.gives_up(replicas).join("; ");
        assert!(told(&golden, 2).contains("fewer than three"));
        assert!(told(&golden, 2).contains("equals the replicas"));
        let single = TopicConfig { min_in_sync_replicas: 1, ..golden.clone() };
        assert!(told(&single, 3).contains("min.insync.replicas below 2"));
        let unclean = TopicConfig { unclean_leader_election: true, ..golden };
        assert!(told(&unclean, 5).contains("unclean election"));
    }
}
