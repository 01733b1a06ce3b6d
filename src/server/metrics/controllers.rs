//! What concerns the cluster, as this node's controller knows it: `KafkaController` and
//! `ControllerStats`.
//!
//! As in Kafka every controller reports them, the active one from what is committed, the others
//! from what they have heard of it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::server::controller::ControllerHandle;
use crate::types::Millis;

use super::Counter;
use super::page::{Page, number};
use super::quantiles::Quantiles;

/// What is counted as it happens.
#[derive(Debug, Default)]
pub(crate) struct ControllerCounters {
    /// Leaders elected that may lack committed records, while this controller was active.
    pub(crate) unclean_elections: Counter,
    /// Leaders elected from the eligible leader replicas, while this controller was active.
    pub(crate) eligible_elections: Counter,
    /// From the decision to elect until the election was committed; once for each batch.
    pub(crate) elections: Quantiles,
    /// Committed batches that could not be read.
    pub(crate) metadata_errors: Counter,
    /// Heartbeats that were answered after their sender had given up.
    pub(crate) timed_out_heartbeats: Counter,
    /// Leaders of the quorum that this node has seen come.
    pub(crate) new_active_controllers: Counter,
    last_applied_at: AtomicU64,
}

impl ControllerCounters {
    /// Committed metadata was applied now.
    pub(crate) fn applied(&self, now: Millis) {
        self.last_applied_at.store(now.0, Ordering::Relaxed);
    }

    fn since_applied(&self, now: Millis) -> Duration {
        now - Millis(self.last_applied_at.load(Ordering::Relaxed))
    }
}

/// A snapshot of what the controller knows, taken under its lock.
struct Seen {
    active: bool,
    active_brokers: usize,
    fenced_brokers: usize,
    topics: usize,
    partitions: usize,
    offline_partitions: usize,
    imbalanced_partitions: usize,
    applied: i64,
}

impl Seen {
    fn of(controller: &ControllerHandle) -> Self {
        let controller = controller.lock();
        let image = controller.image();
        Self {
            active: controller.is_active(),
            active_brokers: controller.active_brokers(),
            fenced_brokers: controller.fenced_brokers(),
            topics: image.topics.len(),
            partitions: image.topics.values().map(|topic| topic.partitions.len()).sum(),
            offline_partitions: controller.offline_partitions(),
            imbalanced_partitions: controller.preferred_imbalance(),
            applied: image.offset.0,
        }
    }
}

pub(super) fn write(
    page: &mut Page<'_>,
    controller: &ControllerHandle,
    now: Millis,
) -> fmt::Result {
    let seen = Seen::of(controller);
    let counters = &controller.counters;
    cluster(page, &seen)?;
    let mut gauge = |name: &str, help: &str, value: u64| {
        page.gauge(&format!("kafka_controller_kafkacontroller_{name}"), help, value)
    };
    gauge(
        "lastappliedrecordoffset",
        "Position of the last metadata applied",
        u64::try_from(seen.applied).unwrap_or(0),
    )?;
    // Records carry no time; what can be said is how long nothing was applied here.
    let lag = if seen.active { Duration::ZERO } else { counters.since_applied(now) };
    gauge(
        "lastappliedrecordlagms",
        "Time since this controller applied metadata, in ms; 0 on the active one",
        u64::try_from(lag.as_millis()).unwrap_or(u64::MAX),
    )?;
    gauge(
        "metadataerrorcount",
        "Committed metadata that could not be read",
        counters.metadata_errors.get(),
    )?;
    gauge(
        "timedoutbrokerheartbeatcount",
        "Heartbeats answered after their broker had given up",
        counters.timed_out_heartbeats.get(),
    )?;
    gauge(
        "newactivecontrollerscount",
        "Active controllers that this one has seen come",
        counters.new_active_controllers.get(),
    )?;
    elections(page, counters, now)
}

fn cluster(page: &mut Page<'_>, seen: &Seen) -> fmt::Result {
    let mut gauge = |name: &str, help: &str, value: usize| {
        page.gauge(&format!("kafka_controller_kafkacontroller_{name}"), help, number(value))
    };
    gauge("activecontrollercount", "1 on the active controller", usize::from(seen.active))?;
    gauge("activebrokercount", "Brokers registered and not fenced", seen.active_brokers)?;
    gauge("fencedbrokercount", "Brokers registered and fenced", seen.fenced_brokers)?;
    gauge("globaltopiccount", "Topics", seen.topics)?;
    gauge("globalpartitioncount", "Partitions", seen.partitions)?;
    gauge("offlinepartitionscount", "Partitions without a leader", seen.offline_partitions)?;
    gauge(
        "preferredreplicaimbalancecount",
        "Partitions not led by their first replica",
        seen.imbalanced_partitions,
    )
}

fn elections(page: &mut Page<'_>, counters: &ControllerCounters, now: Millis) -> fmt::Result {
    page.counter(
        "kafka_controller_controllerstats_uncleanleaderelections",
        "Leaders elected that may lack committed records",
        counters.unclean_elections.get(),
    )?;
    page.counter(
        "kafka_controller_controllerstats_electionfromeligibleleaderreplicas",
        "Leaders elected from the eligible leader replicas",
        counters.eligible_elections.get(),
    )?;
    let told = counters.elections.told(now);
    page.gauges(
        "kafka_controller_controllerstats_leaderelectionrateandtimems",
        "Time from the decision to elect until it was committed, in ms, lately",
        told.quantiles
            .iter()
            .map(|(words, value)| (vec![("quantile", (*words).to_owned())], *value)),
    )?;
    page.gauge(
        "kafka_controller_controllerstats_leaderelectionrateandtimems_count",
        "Times that leaders were elected",
        told.count,
    )
}
