//! From a node's configuration to the settings of each room.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{Config, TopicConfig};
use crate::log::LogConfig;
use crate::types::BrokerId;
use crate::{controller, quorum, replication};

/// How soon a proposal without a clear answer is repeated.
const ALTER_PARTITION_RETRY: Duration = Duration::from_millis(500);

/// `producer.id.expiration.ms`, Kafka's default: one day.
const PRODUCER_ID_EXPIRATION: Duration = Duration::from_secs(24 * 60 * 60);

/// For the replicas of this broker.
pub(crate) fn replica(config: &Config) -> replication::Settings {
    replication::Settings {
        me: BrokerId::from(config.node_id),
        replica_lag_time_max: config.replication.replica_lag_max,
        alter_partition_retry: ALTER_PARTITION_RETRY,
        wait_for_caught_up_followers: config.replication.wait_for_caught_up_followers,
    }
}

/// For one replica's log, with the topic's own settings laid over the broker's.
pub(crate) fn log(config: &Config, topic: &BTreeMap<String, String>) -> LogConfig {
    let topic = TopicConfig::from(topic, config);
    LogConfig {
        segment_bytes: bounded(topic.segment_bytes),
        index_interval_bytes: bounded(topic.index_interval_bytes),
        max_message_bytes: u32::try_from(topic.message_bytes_max).unwrap_or(u32::MAX),
        producer_id_expiration: PRODUCER_ID_EXPIRATION,
        flush_messages: i64::try_from(topic.flush_messages)
            .ok()
            .filter(|messages| *messages < i64::MAX)
            .map(|_| topic.flush_messages),
    }
}

fn bounded(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// For the controller.
pub(crate) fn controller(config: &Config) -> controller::Settings {
    controller::Settings {
        me: config.node_id,
        session_timeout: config.controller.session_timeout,
        eligible_leader_replicas: config.controller.eligible_leader_replicas,
        unclean_leader_election: config.topics.unclean_leader_election,
        min_in_sync_replicas: config.topics.min_in_sync_replicas,
        default_partitions: config.topics.partitions,
        default_replication_factor: config.topics.replication_factor,
        preferred_check_interval: config.controller.leader_imbalance_check_interval,
        auto_rebalance: config.controller.auto_leader_rebalance,
        unclean_retry_interval: config.controller.unclean_election_interval,
        elect_last_known_leader: true,
    }
}

/// For the quorum, in ticks.
pub(crate) fn quorum(config: &Config, tick: Duration, seed: u64) -> quorum::Settings {
    let ticks = |duration: Duration| {
        usize::try_from(duration.as_millis() / tick.as_millis()).unwrap_or(usize::MAX).max(2)
    };
    let election_ticks = ticks(config.quorum.fetch_timeout);
    quorum::Settings {
        me: config.node_id,
        voters: config.quorum.voters.iter().map(|voter| voter.id).collect(),
        election_ticks,
        heartbeat_ticks: (election_ticks / 5).max(1),
        seed,
    }
}
