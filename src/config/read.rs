//! Which setting is read from which property: the table of the configuration, as code.

use std::time::Duration;

use super::Config;
use super::defaults as kafka;
use super::error::ConfigError;
use super::listeners::{Listener, Voter};
use super::reader::{Reader, at_least};
use super::settings::{
    Broker, Controller, LogSettings, Network, Quorum, ReplicaSelector, Replication, Roles,
    TopicDefaults,
};
use crate::types::NodeId;

pub(super) fn config(reader: &mut Reader<'_>) -> Config {
    let roles = roles(reader);
    Config {
        node_id: node_id(reader),
        roles,
        log_dir: log_dir(reader),
        network: network(reader, roles),
        quorum: quorum(reader),
        controller: controller(reader),
        broker: broker(reader),
        topics: topics(reader),
        log: log(reader),
        replication: replication(reader),
    }
}

fn roles(reader: &mut Reader<'_>) -> Roles {
    const ALLOWED: &str = "broker, controller, or broker,controller";
    let Some(text) = reader.text("process.roles") else {
        reader.refuse(ConfigError::missing("process.roles", ALLOWED));
        return Roles::BrokerAndController;
    };
    let mut roles: Vec<&str> = text.split(',').map(str::trim).collect();
    roles.sort_unstable();
    match roles[..] {
        ["broker"] => Roles::Broker,
        ["controller"] => Roles::Controller,
        ["broker", "controller"] => Roles::BrokerAndController,
        _ => {
            reader.refuse(ConfigError::new("process.roles", text, ALLOWED));
            Roles::BrokerAndController
        }
    }
}

fn node_id(reader: &mut Reader<'_>) -> NodeId {
    let name = if reader.text("node.id").is_some() { "node.id" } else { "broker.id" };
    if reader.text("broker.id").is_none() && name == "broker.id" {
        reader.refuse(ConfigError::missing("node.id", "a whole number from 0 to 2147483647"));
    }
    NodeId(reader.number(name, 0, at_least(0)))
}

fn log_dir(reader: &mut Reader<'_>) -> String {
    let old_name = reader.text("log.dir");
    let text = reader.text("log.dirs").or(old_name).unwrap_or(kafka::LOG_DIR);
    if text.contains(',') {
        reader.refuse(ConfigError::new("log.dirs", text, "one directory"));
    }
    text.to_owned()
}

fn network(reader: &mut Reader<'_>, roles: Roles) -> Network {
    const FORM: &str = "NAME://host:port, with commas between several";
    let names =
        reader.list("controller.listener.names", "", "names", |name| Some(name.to_uppercase()));
    let listeners = reader.list("listeners", kafka::LISTENERS, FORM, Listener::parse);
    let advertised = reader.list("advertised.listeners", "", FORM, Listener::parse);
    protocols(reader, &listeners, &names);

    let (controllers, brokers): (Vec<_>, Vec<_>) =
        listeners.into_iter().partition(|listener| names.contains(&listener.name));
    if names.is_empty() {
        let allowed = "the name of the controllers' listener";
        reader.refuse(ConfigError::missing("controller.listener.names", allowed));
    }
    let broker_listener = one(reader, brokers, roles.is_broker(), "listener for clients");
    let controller_listener =
        one(reader, controllers, roles.is_controller(), "listener of controller.listener.names");
    let advertised = broker_listener.as_ref().map(|listener| {
        let found = advertised.into_iter().find(|other| other.name == listener.name);
        found.unwrap_or_else(|| listener.clone()).endpoint
    });
    inter_broker_listener(reader, broker_listener.as_ref());
    let metrics_listener = metrics_listener(reader);
    Network {
        broker_listener,
        advertised,
        controller_listener,
        metrics_listener,
        request_bytes_max: reader.number(
            "socket.request.max.bytes",
            kafka::REQUEST_BYTES_MAX,
            at_least(1),
        ),
        fetch_bytes_max: reader.number("fetch.max.bytes", kafka::FETCH_BYTES_MAX, at_least(1024)),
        connection_idle_max: reader.millis(
            "connections.max.idle.ms",
            kafka::CONNECTION_IDLE_MAX_MS,
            1,
        ),
    }
}

/// The listener for a role: exactly one if the node plays it, none otherwise.
fn one(
    reader: &mut Reader<'_>,
    mut found: Vec<Listener>,
    wanted: bool,
    what: &str,
) -> Option<Listener> {
    if found.len() != usize::from(wanted) && !reader.is_refused("process.roles") {
        let count = if wanted { "exactly one" } else { "no" };
        let value = reader.text("listeners").unwrap_or(kafka::LISTENERS);
        reader.refuse(ConfigError::new(
            "listeners",
            value,
            format!("a list with {count} {what}, given process.roles"),
        ));
    }
    found.truncate(usize::from(wanted));
    found.pop()
}

/// Refuses every listener that would have to speak anything but plain text. Without a map, Kafka
/// knows the listener `PLAINTEXT` and takes the controllers' for plain text too.
fn protocols(reader: &mut Reader<'_>, listeners: &[Listener], controller_names: &[String]) {
    const NAME: &str = "listener.security.protocol.map";
    let explicit = reader.text(NAME);
    let map = reader.list(NAME, "", "NAME:PROTOCOL, with commas between several", |entry| {
        let (name, protocol) = entry.split_once(':')?;
        Some((name.trim().to_uppercase(), protocol.trim().to_uppercase()))
    });
    for listener in listeners {
        let plain = match explicit {
            Some(_) => {
                map.iter().any(|(name, protocol)| *name == listener.name && protocol == "PLAINTEXT")
            }
            None => listener.name == "PLAINTEXT" || controller_names.contains(&listener.name),
        };
        if !plain {
            let allowed =
                format!("a map with {}:PLAINTEXT, the one protocol spoken", listener.name);
            reader.refuse(match explicit {
                Some(text) => ConfigError::new(NAME, text, allowed),
                None => ConfigError::missing(NAME, allowed),
            });
        }
    }
}

fn inter_broker_listener(reader: &mut Reader<'_>, broker_listener: Option<&Listener>) {
    const NAME: &str = "inter.broker.listener.name";
    let Some(text) = reader.text(NAME) else { return };
    if let Some(listener) = broker_listener.filter(|listener| *listener.name != text.to_uppercase())
    {
        let allowed = format!("{}, the listener for clients", listener.name);
        reader.refuse(ConfigError::new(NAME, text, allowed));
    }
}

fn metrics_listener(reader: &mut Reader<'_>) -> Option<Listener> {
    const NAME: &str = "metrics.listener";
    let text = reader.text(NAME)?;
    let listener = Listener::parse(text).filter(|listener| listener.name == "HTTP");
    if listener.is_none() {
        reader.refuse(ConfigError::new(NAME, text, "HTTP://host:port, or not set"));
    }
    listener
}

fn quorum(reader: &mut Reader<'_>) -> Quorum {
    const VOTERS: &str = "controller.quorum.voters";
    const FORM: &str = "id@host:port, with commas between several";
    let voters = reader.list(VOTERS, "", FORM, Voter::parse);
    if reader.text(VOTERS).is_none() {
        reader.refuse(ConfigError::missing(VOTERS, FORM));
    }
    Quorum {
        voters,
        election_timeout: reader.millis(
            "controller.quorum.election.timeout.ms",
            kafka::QUORUM_ELECTION_TIMEOUT_MS,
            1,
        ),
        fetch_timeout: reader.millis(
            "controller.quorum.fetch.timeout.ms",
            kafka::QUORUM_FETCH_TIMEOUT_MS,
            1,
        ),
        request_timeout: reader.millis(
            "controller.quorum.request.timeout.ms",
            kafka::QUORUM_REQUEST_TIMEOUT_MS,
            1,
        ),
    }
}

fn controller(reader: &mut Reader<'_>) -> Controller {
    Controller {
        session_timeout: reader.millis("broker.session.timeout.ms", kafka::SESSION_TIMEOUT_MS, 1),
        eligible_leader_replicas: reader
            .flag("eligible.leader.replicas.enable", kafka::ELIGIBLE_LEADER_REPLICAS),
        auto_leader_rebalance: reader
            .flag("auto.leader.rebalance.enable", kafka::AUTO_LEADER_REBALANCE),
        leader_imbalance_check_interval: Duration::from_secs(reader.number(
            "leader.imbalance.check.interval.seconds",
            kafka::LEADER_IMBALANCE_CHECK_SECONDS,
            at_least(1),
        )),
        unclean_election_interval: reader.millis(
            "unclean.leader.election.interval.ms",
            kafka::UNCLEAN_ELECTION_INTERVAL_MS,
            1,
        ),
    }
}

fn broker(reader: &mut Reader<'_>) -> Broker {
    Broker {
        rack: reader.text("broker.rack").map(str::to_owned),
        heartbeat_interval: reader.millis(
            "broker.heartbeat.interval.ms",
            kafka::HEARTBEAT_INTERVAL_MS,
            1,
        ),
        auto_create_topics: reader.flag("auto.create.topics.enable", kafka::AUTO_CREATE_TOPICS),
    }
}

fn topics(reader: &mut Reader<'_>) -> TopicDefaults {
    TopicDefaults {
        partitions: reader.number("num.partitions", kafka::PARTITIONS, at_least(1)),
        replication_factor: reader.number(
            "default.replication.factor",
            kafka::REPLICATION_FACTOR,
            1..=i64::from(i16::MAX),
        ),
        min_in_sync_replicas: reader.number(
            "min.insync.replicas",
            kafka::MIN_IN_SYNC_REPLICAS,
            at_least(1),
        ),
        unclean_leader_election: reader
            .flag("unclean.leader.election.enable", kafka::UNCLEAN_LEADER_ELECTION),
        message_bytes_max: reader.number(
            "message.max.bytes",
            kafka::MESSAGE_BYTES_MAX,
            at_least(0),
        ),
    }
}

fn log(reader: &mut Reader<'_>) -> LogSettings {
    LogSettings {
        segment_bytes: reader.number("log.segment.bytes", kafka::SEGMENT_BYTES, at_least(1024)),
        index_interval_bytes: reader.number(
            "log.index.interval.bytes",
            kafka::INDEX_INTERVAL_BYTES,
            at_least(0),
        ),
        flush_messages: reader.number(
            "log.flush.interval.messages",
            kafka::FLUSH_MESSAGES,
            1..=i64::MAX,
        ),
        high_watermark_checkpoint_interval: reader.millis(
            "replica.high.watermark.checkpoint.interval.ms",
            kafka::HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS,
            1,
        ),
        recovery_point_checkpoint_interval: reader.millis(
            "log.flush.offset.checkpoint.interval.ms",
            kafka::RECOVERY_POINT_CHECKPOINT_INTERVAL_MS,
            1,
        ),
    }
}

fn replication(reader: &mut Reader<'_>) -> Replication {
    Replication {
        replica_lag_max: reader.millis(
            "replica.lag.time.max.ms",
            kafka::REPLICA_LAG_TIME_MAX_MS,
            1,
        ),
        fetchers: reader.number("num.replica.fetchers", kafka::REPLICA_FETCHERS, 1..=1024),
        fetch_bytes_max: reader.number(
            "replica.fetch.max.bytes",
            kafka::REPLICA_FETCH_BYTES_MAX,
            at_least(0),
        ),
        fetch_response_bytes_max: reader.number(
            "replica.fetch.response.max.bytes",
            kafka::REPLICA_FETCH_RESPONSE_BYTES_MAX,
            at_least(0),
        ),
        fetch_bytes_min: reader.number(
            "replica.fetch.min.bytes",
            kafka::REPLICA_FETCH_BYTES_MIN,
            at_least(0),
        ),
        fetch_wait_max: reader.millis(
            "replica.fetch.wait.max.ms",
            kafka::REPLICA_FETCH_WAIT_MAX_MS,
            0,
        ),
        fetch_backoff: reader.millis(
            "replica.fetch.backoff.ms",
            kafka::REPLICA_FETCH_BACKOFF_MS,
            1,
        ),
        socket_timeout: reader.millis(
            "replica.socket.timeout.ms",
            kafka::REPLICA_SOCKET_TIMEOUT_MS,
            1,
        ),
        selector: replica_selector(reader),
        wait_for_caught_up_followers: reader
            .flag("internal.wait.for.caught.up.followers", kafka::WAIT_FOR_CAUGHT_UP_FOLLOWERS),
    }
}

/// A class cannot be loaded here, but those that come with Kafka are known by their names.
fn replica_selector(reader: &mut Reader<'_>) -> ReplicaSelector {
    const NAME: &str = "replica.selector.class";
    const RACK_AWARE: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
    const LEADER: &str = "org.apache.kafka.common.replica.LeaderSelector";
    match reader.text(NAME) {
        None | Some("" | LEADER) => ReplicaSelector::Leader,
        Some(RACK_AWARE) => ReplicaSelector::RackAware,
        Some(other) => {
            let allowed = format!("{RACK_AWARE}, {LEADER}, or not set");
            reader.refuse(ConfigError::new(NAME, other, allowed));
            ReplicaSelector::Leader
        }
    }
}
