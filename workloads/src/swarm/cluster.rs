//! The cluster of a seed: how many of everything, and the properties that are not Kafka's defaults.

use std::time::Duration;

use harness::seed::Stream;

use crate::settings::{ClusterSettings, brokers};

/// What the faults have to know of the cluster, and what a plan says apart from its properties.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) brokers: usize,
    pub(super) partitions: i32,
    pub(super) replication_factor: i16,
    /// Whether a broker that lost its memory loses its right to lead (KIP-966).
    pub(super) eligible_leader_replicas: bool,
    /// `broker.session.timeout.ms`.
    pub(super) session_timeout: Duration,
    controllers: usize,
    min_in_sync_replicas: usize,
    racks: &'static [&'static str],
    properties: Vec<(&'static str, String)>,
}

/// A property and the values to draw from; 0 stands for what the cluster has anyway. The more often
/// a value is named, the more often it is drawn.
type Knob = (&'static str, &'static [u64]);

/// Knobs that do not depend on each other.
const KNOBS: &[Knob] = &[
    ("log.segment.bytes", &[0, 0, 0, 1024, 2048, 16 * 1024, 256 * 1024]),
    ("log.index.interval.bytes", &[0, 0, 1, 64, 512]),
    ("log.flush.interval.messages", &[0, 0, 0, 1, 10]),
    ("log.flush.offset.checkpoint.interval.ms", &[0, 0, 1_000, 30_000]),
    ("replica.high.watermark.checkpoint.interval.ms", &[0, 0, 100, 5_000]),
    // A batch of ours has about 80 bytes: the smallest sizes let a follower have three at a time,
    // which is more in a second than all producers send.
    ("replica.fetch.max.bytes", &[0, 0, 0, 256, 512, 4096]),
    ("replica.fetch.response.max.bytes", &[0, 0, 0, 1024, 16 * 1024]),
    ("num.replica.fetchers", &[0, 0, 0, 2, 4]),
    ("replica.fetch.backoff.ms", &[0, 0, 50, 1_000]),
];

/// `replica.fetch.min.bytes` and `replica.fetch.wait.max.ms`. A record may wait as long as a fetch
/// for too few bytes does, and an idle follower hears of a commit as late.
const FETCH_WAITS: [(u64, u64); 7] =
    [(1, 500), (1, 500), (1, 500), (1, 50), (1, 1_000), (256, 100), (2048, 250)];

/// `replica.lag.time.max.ms`: at least one and a half times the longest fetch wait.
const LAGS_MS: [u64; 5] = [1_500, 2_000, 4_000, 4_000, 8_000];

/// `broker.session.timeout.ms`, of which a heartbeat's interval is a sixth as in our other clusters.
const SESSIONS_MS: [u64; 5] = [1_500, 3_000, 3_000, 3_000, 6_000];

impl Shape {
    pub(super) fn draw(dice: &mut Stream) -> Self {
        let brokers = 3 + dice.index(5);
        let replication_factor = 3 + dice.index(brokers.min(5) - 2);
        let min_in_sync_replicas =
            if dice.chance(2, 3) { 2 } else { 1 + dice.index(replication_factor) };
        let controllers = match dice.range(0..10) {
            0 => 1,
            1 if brokers >= 5 => 5,
            _ => 3,
        };
        let racks: [&[&str]; 4] = [&[], &[], &["a", "b"], &["a", "b", "c"]];
        let session_ms = *dice.pick(&SESSIONS_MS);
        let mut shape = Self {
            brokers,
            partitions: *dice.pick(&[1, 1, 1, 2, 3, 8]),
            replication_factor: i16::try_from(replication_factor).expect("at most five"),
            eligible_leader_replicas: dice.chance(3, 4),
            session_timeout: Duration::from_millis(session_ms),
            controllers,
            min_in_sync_replicas,
            racks: racks[dice.index(racks.len())],
            properties: Vec::new(),
        };
        shape.set("broker.session.timeout.ms", session_ms);
        shape.set("broker.heartbeat.interval.ms", session_ms / 6);
        shape.draw_properties(dice);
        shape
    }

    fn draw_properties(&mut self, dice: &mut Stream) {
        for (name, values) in KNOBS {
            let value = *dice.pick(values);
            if value > 0 {
                self.set(name, value);
            }
        }
        let (bytes, wait_ms) = *dice.pick(&FETCH_WAITS);
        // A fetch that asks for more than it may get waits each time, and never catches up.
        let most = self.properties.iter().find(|(name, _)| *name == "replica.fetch.max.bytes");
        let most = most.and_then(|(_, most)| most.parse().ok()).unwrap_or(u64::MAX);
        self.set("replica.fetch.min.bytes", if bytes > most / 2 { 1 } else { bytes });
        self.set("replica.fetch.wait.max.ms", wait_ms);
        self.set("replica.lag.time.max.ms", *dice.pick(&LAGS_MS));
        if dice.chance(1, 4) {
            let name = "internal.wait.for.caught.up.followers";
            self.properties.push((name, "false".to_owned()));
        }
    }

    fn set(&mut self, name: &'static str, value: u64) {
        self.properties.push((name, value.to_string()));
    }

    pub(super) fn settings(&self) -> ClusterSettings {
        let mut settings = brokers(self.brokers)
            .controllers(self.controllers)
            .min_in_sync_replicas(self.min_in_sync_replicas)
            .racks(self.racks);
        if !self.eligible_leader_replicas {
            settings = settings.eligible_leader_replicas(false);
        }
        for (name, value) in &self.properties {
            settings = settings.set(name, value);
        }
        settings
    }
}
