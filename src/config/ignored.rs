//! The settings that Kafka has and this broker accepts without acting on them.
//!
//! They occur in every second `server.properties`, so refusing them would keep people out; acting
//! as if they worked would mislead them. They earn a warning.

/// Exact names, or prefixes where the entry ends with a dot.
const BROKER: &[&str] = &[
    "alter.config.policy.class.name",
    "authorizer.class.name",
    "auto.include.jmx.reporter",
    "background.threads",
    "broker.id.generation.enable",
    "client.quota.callback.class",
    "compression.",
    "connection.failed.authentication.delay.ms",
    "connections.max.reauth.ms",
    "controlled.shutdown.",
    "controller.performance.",
    "controller.quorum.append.linger.ms",
    "controller.quorum.auto.join.enable",
    "controller.quorum.bootstrap.servers",
    "controller.quorum.election.backoff.max.ms",
    "controller.quorum.retry.backoff.ms",
    "controller.quota.",
    "controller.socket.timeout.ms",
    "create.topic.policy.class.name",
    "delegation.token.",
    "delete.records.purgatory.purge.interval.requests",
    "delete.topic.enable",
    "early.start.listeners",
    "fetch.purgatory.purge.interval.requests",
    "group.",
    "initial.broker.registration.timeout.ms",
    "kafka.metrics.",
    "leader.imbalance.per.broker.percentage",
    "log.cleaner.",
    "log.cleanup.policy",
    "log.deletion.delay.ms",
    "log.dir.failure.timeout.ms",
    "log.flush.interval.ms",
    "log.flush.scheduler.interval.ms",
    "log.flush.start.offset.checkpoint.interval.ms",
    "log.index.size.max.bytes",
    "log.initial.task.delay.ms",
    "log.local.",
    "log.message.",
    "log.preallocate",
    "log.retention.",
    "log.roll.",
    "log.segment.delete.delay.ms",
    "max.connection.creation.rate",
    "max.connections",
    "max.connections.per.ip",
    "max.connections.per.ip.overrides",
    "max.incremental.fetch.session.cache.slots",
    "max.request.partition.size.limit",
    "metadata.log.",
    "metadata.max.",
    "metric.reporters",
    "metrics.",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.alter.log.dirs.threads",
    "offset.metadata.max.bytes",
    "offsets.",
    "password.encoder.",
    "principal.builder.class",
    "producer.id.expiration.check.interval.ms",
    "producer.id.expiration.ms",
    "producer.purgatory.purge.interval.requests",
    "queued.max.request.bytes",
    "queued.max.requests",
    "quota.",
    "remote.",
    "replica.socket.receive.buffer.bytes",
    "replication.quota.",
    "request.timeout.ms",
    "reserved.broker.max.id",
    "sasl.",
    "security.providers",
    "server.max.startup.time.ms",
    "share.",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
    "socket.listen.backlog.size",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "ssl.",
    "telemetry.max.bytes",
    "transaction.",
    "transactional.",
];

/// Topic-level names that are stored with a topic and shown again, but change nothing.
const TOPIC: &[&str] = &[
    "cleanup.policy",
    "compression.",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "message.timestamp.",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "preallocate",
    "remote.",
    "retention.bytes",
    "retention.ms",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
];

/// Whether Kafka has a broker setting of that name on which this broker does not act.
pub(super) fn is_ignored_broker_setting(property: &str) -> bool {
    listed(BROKER, property)
}

/// Whether Kafka has a topic setting of that name on which this broker does not act.
pub(super) fn is_ignored_topic_setting(property: &str) -> bool {
    listed(TOPIC, property)
}

fn listed(list: &[&str], property: &str) -> bool {
    list.iter().any(|entry| {
        if entry.ends_with('.') { property.starts_with(entry) } else { property == *entry }
    })
}
