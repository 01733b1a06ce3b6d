//! Kafka's defaults, in one place. Times in milliseconds unless the name says otherwise.

/// What [`super::Config::embedded`] reads.
pub(super) const EMBEDDED: &str = "\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:9093
";

pub(super) const LOG_DIR: &str = "/tmp/kafka-logs";
pub(super) const LISTENERS: &str = "PLAINTEXT://:9092";

pub(super) const REQUEST_BYTES_MAX: i64 = 100 * 1024 * 1024;
pub(super) const FETCH_BYTES_MAX: i64 = 55 * 1024 * 1024;
pub(super) const CONNECTION_IDLE_MAX_MS: i64 = 600_000;

pub(super) const QUORUM_ELECTION_TIMEOUT_MS: i64 = 1_000;
pub(super) const QUORUM_FETCH_TIMEOUT_MS: i64 = 2_000;
pub(super) const QUORUM_REQUEST_TIMEOUT_MS: i64 = 2_000;

pub(super) const SESSION_TIMEOUT_MS: i64 = 9_000;
pub(super) const HEARTBEAT_INTERVAL_MS: i64 = 2_000;
pub(super) const ELIGIBLE_LEADER_REPLICAS: bool = true;
pub(super) const AUTO_LEADER_REBALANCE: bool = true;
pub(super) const LEADER_IMBALANCE_CHECK_SECONDS: i64 = 300;
pub(super) const UNCLEAN_ELECTION_INTERVAL_MS: i64 = 300_000;

pub(super) const AUTO_CREATE_TOPICS: bool = true;
pub(super) const PARTITIONS: i64 = 1;
pub(super) const REPLICATION_FACTOR: i64 = 1;
pub(super) const MIN_IN_SYNC_REPLICAS: i64 = 1;
pub(super) const UNCLEAN_LEADER_ELECTION: bool = false;
pub(super) const MESSAGE_BYTES_MAX: i64 = 1_048_588;

pub(super) const SEGMENT_BYTES: i64 = 1024 * 1024 * 1024;
pub(super) const INDEX_INTERVAL_BYTES: i64 = 4_096;
pub(super) const FLUSH_MESSAGES: i64 = i64::MAX;
pub(super) const HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS: i64 = 5_000;
pub(super) const RECOVERY_POINT_CHECKPOINT_INTERVAL_MS: i64 = 60_000;

pub(super) const REPLICA_LAG_TIME_MAX_MS: i64 = 30_000;
pub(super) const REPLICA_FETCHERS: i64 = 1;
pub(super) const REPLICA_FETCH_BYTES_MAX: i64 = 1024 * 1024;
pub(super) const REPLICA_FETCH_RESPONSE_BYTES_MAX: i64 = 10 * 1024 * 1024;
pub(super) const REPLICA_FETCH_BYTES_MIN: i64 = 1;
pub(super) const REPLICA_FETCH_WAIT_MAX_MS: i64 = 500;
pub(super) const REPLICA_FETCH_BACKOFF_MS: i64 = 1_000;
pub(super) const REPLICA_SOCKET_TIMEOUT_MS: i64 = 30_000;
pub(super) const WAIT_FOR_CAUGHT_UP_FOLLOWERS: bool = true;
