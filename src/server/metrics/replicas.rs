//! What concerns the replicas on this broker: `ReplicaManager`, `Partition`,
//! `DelayedOperationPurgatory`, `BrokerTopicMetrics` and `LogManager`.

use std::fmt;

use crate::replication::{Replica, Role};
use crate::server::broker::Broker;
use crate::types::TopicPartition;

use super::page::{Labels, Page, number};
use super::{Counter, Population};

/// What is counted as it happens.
#[derive(Debug, Default)]
pub(crate) struct ReplicaCounters {
    /// Replicas were put out of the in-sync set by this leader (`IsrShrinksPerSec`).
    pub(crate) in_sync_shrinks: Counter,
    /// A replica was taken into the in-sync set by this leader (`IsrExpandsPerSec`).
    pub(crate) in_sync_expands: Counter,
    /// The controller answered a proposal for a partition with an error (`FailedIsrUpdatesPerSec`).
    pub(crate) failed_in_sync_updates: Counter,
    /// Bytes that followers here have appended.
    pub(crate) replication_bytes_in: Counter,
    /// Bytes sent to followers elsewhere.
    pub(crate) replication_bytes_out: Counter,
    /// Partitions that waiting fetches watch.
    pub(crate) waiting_fetches: Population,
}

/// One replica, looked at once.
struct Seen {
    name: TopicPartition,
    is_leader: bool,
    has_failed: bool,
    under_replicated: bool,
    under_min: bool,
    at_min: bool,
    in_sync: u64,
    replicas: u64,
    waiting_produces: u64,
    producer_ids: u64,
}

impl Seen {
    fn of(name: &TopicPartition, replica: &Replica, producer_ids: usize) -> Self {
        let is_leader = matches!(replica.role(), Role::Leader { .. });
        let in_sync = replica.in_sync_replicas().map_or(0, |in_sync| in_sync.committed().len());
        Self {
            name: name.clone(),
            is_leader,
            has_failed: replica.role() == Role::Failed,
            under_replicated: replica.is_under_replicated(),
            under_min: replica.is_under_min_in_sync(),
            at_min: replica.is_at_min_in_sync(),
            in_sync: number(in_sync),
            // A leader knows all the others, and itself.
            replicas: if is_leader { number(replica.followers().count()) + 1 } else { 0 },
            waiting_produces: number(replica.waiting_produces()),
            producer_ids: number(producer_ids),
        }
    }

    fn labels(&self) -> Labels {
        vec![("topic", self.name.topic.to_string()), ("partition", self.name.partition.to_string())]
    }
}

pub(super) fn write(page: &mut Page<'_>, broker: &Broker) -> fmt::Result {
    let seen: Vec<Seen> = broker
        .replicas
        .all()
        .iter()
        .map(|partition| {
            let state = partition.lock();
            Seen::of(&partition.name, &state.replica, state.log.producers().len())
        })
        .collect();
    let counters = &broker.replicas.counters;
    totals(page, &seen)?;
    changes(page, counters)?;
    partitions(page, &seen)?;
    let waiting = |operation: &str| vec![("delayedoperation", operation.to_owned())];
    page.gauges(
        "kafka_server_delayedoperationpurgatory_purgatorysize",
        "Partitions watched by requests that wait",
        [
            (waiting("Produce"), seen.iter().map(|seen| seen.waiting_produces).sum()),
            (waiting("Fetch"), counters.waiting_fetches.get()),
        ],
    )?;
    page.gauge(
        "kafka_log_logmanager_offlinelogdirectorycount",
        "Log directories whose device has failed",
        u64::from(broker.orders.has_failed()),
    )
}

/// How many of the replicas are in some state.
fn totals(page: &mut Page<'_>, seen: &[Seen]) -> fmt::Result {
    let mut total = |name: &str, help: &str, counts: fn(&Seen) -> bool| {
        let name = format!("kafka_server_replicamanager_{name}");
        page.gauge(&name, help, number(seen.iter().filter(|seen| counts(seen)).count()))
    };
    total("partitioncount", "Replicas on this broker", |_| true)?;
    total("leadercount", "Partitions led by this broker", |seen| seen.is_leader)?;
    total(
        "underreplicatedpartitions",
        "Partitions led here with fewer replicas in sync than assigned",
        |seen| seen.under_replicated,
    )?;
    total(
        "underminisrpartitioncount",
        "Partitions led here with fewer replicas in sync than min.insync.replicas",
        |seen| seen.under_min,
    )?;
    total(
        "atminisrpartitioncount",
        "Partitions led here with just min.insync.replicas replicas in sync",
        |seen| seen.at_min,
    )?;
    total("offlinereplicacount", "Replicas here whose device has failed", |seen| seen.has_failed)?;
    // There is no reassignment, so that nothing is ever being reassigned; dashboards ask for it.
    total("reassigningpartitions", "Partitions led here that are being moved", |_| false)?;
    page.gauge(
        "kafka_server_replicamanager_produceridcount",
        "Idempotent producers known to the replicas here",
        seen.iter().map(|seen| seen.producer_ids).sum(),
    )
}

/// What has happened since the start.
fn changes(page: &mut Page<'_>, counters: &ReplicaCounters) -> fmt::Result {
    page.counter(
        "kafka_server_replicamanager_isrshrinks",
        "Times that a leader here put replicas out of the in-sync set",
        counters.in_sync_shrinks.get(),
    )?;
    page.counter(
        "kafka_server_replicamanager_isrexpands",
        "Times that a leader here took a replica into the in-sync set",
        counters.in_sync_expands.get(),
    )?;
    page.counter(
        "kafka_server_replicamanager_failedisrupdates",
        "Errors that the controller answered to changes of in-sync sets",
        counters.failed_in_sync_updates.get(),
    )?;
    page.counter(
        "kafka_server_brokertopicmetrics_replicationbytesin",
        "Bytes appended by followers here",
        counters.replication_bytes_in.get(),
    )?;
    page.counter(
        "kafka_server_brokertopicmetrics_replicationbytesout",
        "Bytes sent to followers elsewhere",
        counters.replication_bytes_out.get(),
    )
}

/// Each partition for itself. As in Kafka a follower reports zeros.
fn partitions(page: &mut Page<'_>, seen: &[Seen]) -> fmt::Result {
    let mut each = |name: &str, help: &str, value: fn(&Seen) -> u64| {
        let name = format!("kafka_cluster_partition_{name}");
        page.gauges(&name, help, seen.iter().map(|seen| (seen.labels(), value(seen))))
    };
    each("underreplicated", "1 if led here and under-replicated", |seen| {
        u64::from(seen.under_replicated)
    })?;
    each("underminisr", "1 if led here and below min.insync.replicas", |seen| {
        u64::from(seen.under_min)
    })?;
    each("atminisr", "1 if led here and just at min.insync.replicas", |seen| {
        u64::from(seen.at_min)
    })?;
    each("insyncreplicascount", "Replicas in sync, if led here", |seen| seen.in_sync)?;
    each("replicascount", "Replicas assigned, if led here", |seen| seen.replicas)?;
    // There are no transactions, so that everything committed is stable; dashboards ask for it.
    each("laststableoffsetlag", "Committed records held back by open transactions", |_| 0)
}
