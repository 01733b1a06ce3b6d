//! The groups of settings. Each field names its Kafka property, default, unit and range.

use std::time::Duration;

use super::listeners::{Endpoint, Listener, Voter};
use crate::types::NodeId;

/// What a process is in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// It keeps partitions and serves clients.
    Broker,
    /// It votes in the quorum and may be the active controller.
    Controller,
    /// Both, in one process.
    BrokerAndController,
}

impl Roles {
    /// Whether the process is a broker.
    #[must_use]
    pub fn is_broker(self) -> bool {
        matches!(self, Self::Broker | Self::BrokerAndController)
    }

    /// Whether the process is a controller.
    #[must_use]
    pub fn is_controller(self) -> bool {
        matches!(self, Self::Controller | Self::BrokerAndController)
    }
}

/// Sockets, and the sizes of what passes through them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The entry of `listeners` (default `PLAINTEXT://:9092`) for clients and other brokers;
    /// `Some` exactly on a broker. One such listener is supported, without encryption.
    pub broker_listener: Option<Listener>,
    /// `advertised.listeners`: where clients and other brokers are told to connect. Default: the
    /// listener itself, which must then name a host. `Some` exactly on a broker.
    pub advertised: Option<Endpoint>,
    /// The entry of `listeners` named in `controller.listener.names`, for the quorum and for
    /// brokers' requests to the controller; `Some` exactly on a controller.
    pub controller_listener: Option<Listener>,
    /// `metrics.listener`, default none: where Prometheus finds the node's metrics, for example
    /// `HTTP://127.0.0.1:9404` (`GET /metrics`). A setting of Highwater's own: with Kafka one runs
    /// the JMX exporter, which by custom listens on that port. Whoever reaches it can read the
    /// names of all topics and brokers.
    pub metrics_listener: Option<Listener>,
    /// `socket.request.max.bytes`, default 104857600: the largest frame that is read. Bytes, at
    /// least 1.
    pub request_bytes_max: usize,
    /// `fetch.max.bytes`, default 57671680: the most that one fetch response carries, whatever the
    /// client asks. Bytes, at least 1024.
    pub fetch_bytes_max: usize,
    /// `connections.max.idle.ms`, default 600000: a connection without requests is closed after
    /// this. At least 1 ms; Kafka's -1 (never) is refused, since every wait here is bounded.
    pub connection_idle_max: Duration,
}

/// The controllers' quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// `controller.quorum.voters`, required: `id@host:port` of every controller.
    pub voters: Vec<Voter>,
    /// `controller.quorum.election.timeout.ms`, default 1000: how long a candidate waits for votes
    /// before it tries again. At least 1 ms.
    pub election_timeout: Duration,
    /// `controller.quorum.fetch.timeout.ms`, default 2000: how long a voter waits for a sign of
    /// life of the leader before it stands for election. At least 1 ms.
    pub fetch_timeout: Duration,
    /// `controller.quorum.request.timeout.ms`, default 2000: the deadline of a request between
    /// controllers, and of a broker's request to the controller. At least 1 ms.
    pub request_timeout: Duration,
}

/// What the active controller does by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// `broker.session.timeout.ms`, default 9000: a broker that is silent for this long is fenced
    /// (R20). At least 1 ms, and longer than the heartbeat interval.
    pub session_timeout: Duration,
    /// `eligible.leader.replicas.enable`, default true: whether replicas that fell out of the
    /// in-sync set below its minimum stay electable (R23, KIP-966).
    pub eligible_leader_replicas: bool,
    /// `auto.leader.rebalance.enable`, default true: whether leadership returns to preferred
    /// replicas (R25).
    pub auto_leader_rebalance: bool,
    /// `leader.imbalance.check.interval.seconds`, default 300: how often. At least 1 s.
    pub leader_imbalance_check_interval: Duration,
    /// `unclean.leader.election.interval.ms`, default 300000: how often a leader is sought for
    /// partitions that allow an unclean one (R25). At least 1 ms.
    pub unclean_election_interval: Duration,
}

/// How a broker keeps its place in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// `broker.rack`, default none: where the broker stands, for placement (R26) and for
    /// consumers that prefer a near replica (R30).
    pub rack: Option<String>,
    /// `broker.heartbeat.interval.ms`, default 2000: how often it tells the controller that it is
    /// alive (R20). At least 1 ms.
    pub heartbeat_interval: Duration,
    /// `auto.create.topics.enable`, default true: whether asking for a topic makes it.
    pub auto_create_topics: bool,
}

/// What a topic gets if its creator or its own settings do not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDefaults {
    /// `num.partitions`, default 1. At least 1.
    pub partitions: i32,
    /// `default.replication.factor`, default 1: replicas of each partition. At least 1.
    pub replication_factor: i16,
    /// `min.insync.replicas`, default 1: how many replicas must be in sync for acks=all (R27). At
    /// least 1. All controllers must agree on it (R23).
    pub min_in_sync_replicas: usize,
    /// `unclean.leader.election.enable`, default false: whether a replica that may lack committed
    /// records may lead when no other can (R22).
    pub unclean_leader_election: bool,
    /// `message.max.bytes`, default 1048588: the largest batch that a leader appends. Bytes, at
    /// least 0.
    pub message_bytes_max: usize,
}

/// What happens on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// `log.segment.bytes`, default 1073741824: a segment that would grow beyond this is closed.
    /// Bytes, at least 1024 (Kafka 4: 1048576; smaller ones are useful in tests).
    pub segment_bytes: u64,
    /// `log.index.interval.bytes`, default 4096: about how far two index entries lie apart. Bytes,
    /// at least 0.
    pub index_interval_bytes: u64,
    /// `log.flush.interval.messages`, default 9223372036854775807 (never): an fsync after this
    /// many records (R31). At least 1.
    pub flush_messages: u64,
    /// `replica.high.watermark.checkpoint.interval.ms`, default 5000: how often high watermarks
    /// are written down (R32). At least 1 ms.
    pub high_watermark_checkpoint_interval: Duration,
    /// `log.flush.offset.checkpoint.interval.ms`, default 60000: how often recovery points and log
    /// starts are written down (R32). At least 1 ms.
    pub recovery_point_checkpoint_interval: Duration,
}

/// `replica.selector.class`: which replica a leader sends a consumer to (KIP-392).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaSelector {
    /// Nobody is sent elsewhere: no class, or Kafka's `LeaderSelector`.
    Leader,
    /// Kafka's `RackAwareReplicaSelector`: a replica in the consumer's rack, if one is in sync.
    RackAware,
}

/// Followers and in-sync sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replication {
    /// `replica.lag.time.max.ms`, default 30000: a follower that has not caught up for this long
    /// leaves the in-sync set (R15). At least 1 ms, and not less than the fetch wait.
    pub replica_lag_max: Duration,
    /// `num.replica.fetchers`, default 1: fetchers per source broker (R34). 1 to 1024.
    pub fetchers: usize,
    /// `replica.fetch.max.bytes`, default 1048576: bytes per partition in one fetch; the first
    /// batch is always sent whole. At least 0.
    pub fetch_bytes_max: usize,
    /// `replica.fetch.response.max.bytes`, default 10485760: bytes in one fetch response; the
    /// first batch is always sent whole. At least 0.
    pub fetch_response_bytes_max: usize,
    /// `replica.fetch.min.bytes`, default 1: a leader holds a fetch until it has as much to send
    /// or the wait is over. Bytes, at least 0.
    pub fetch_bytes_min: usize,
    /// `replica.fetch.wait.max.ms`, default 500: how long a leader may hold a fetch. At least 0.
    pub fetch_wait_max: Duration,
    /// `replica.fetch.backoff.ms`, default 1000: the pause after a failed fetch. At least 1 ms.
    pub fetch_backoff: Duration,
    /// `replica.socket.timeout.ms`, default 30000: the deadline of a fetch. At least 1 ms, and
    /// not less than the fetch wait.
    pub socket_timeout: Duration,
    /// `replica.selector.class`, default none: whether consumers that say where they are
    /// (`client.rack`) are sent to a replica near by. Kafka's two classes are known by their
    /// names, `org.apache.kafka.common.replica.RackAwareReplicaSelector` and `..LeaderSelector`.
    pub selector: ReplicaSelector,
    /// `internal.wait.for.caught.up.followers`, default true: whether followers that are about to
    /// join the in-sync set hold the high watermark back (the third set of R13). Kafka always does
    /// and has no such setting; safety does not need it, and it hides mistakes from tests, so
    /// simulations turn it off now and then. Not for operators.
    pub wait_for_caught_up_followers: bool,
}

impl Quorum {
    /// Whether the node votes.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.iter().any(|voter| voter.id == node)
    }

    /// Where a voter is reached.
    #[must_use]
    pub fn endpoint(&self, node: NodeId) -> Option<&Endpoint> {
        self.voters.iter().find(|voter| voter.id == node).map(|voter| &voter.endpoint)
    }
}
