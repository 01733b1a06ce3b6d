//! What nodes observe, in words: one short line each, without knowing what was before.

use highwater::host::probe::{BatchId, Observation};
use highwater::types::{Acks, BrokerId, MetadataRecord, NodeId, Offset, PartitionRecord};

use crate::picture::Stop;
use crate::record::Happening;

/// `node-2`
#[must_use]
pub fn node(id: impl Into<NodeId>) -> String {
    format!("node-{}", id.into())
}

/// `node-2`, or `nobody`.
#[must_use]
pub fn whom(id: Option<BrokerId>) -> String {
    id.map_or("nobody".to_owned(), node)
}

/// `{1 2 3}`
#[must_use]
pub fn set<'a>(brokers: impl IntoIterator<Item = &'a BrokerId>) -> String {
    let brokers: Vec<String> = brokers.into_iter().map(ToString::to_string).collect();
    format!("{{{}}}", brokers.join(" "))
}

/// `offset 7`, or `offsets 7-9`, of the records from `first` to `last`.
#[must_use]
pub fn offsets(first: Offset, last: Offset) -> String {
    if first == last { format!("offset {first}") } else { format!("offsets {first}-{last}") }
}

/// `offsets 7-9 of epoch 2`
#[must_use]
pub fn batch(batch: &BatchId) -> String {
    format!("{} of epoch {}", offsets(batch.base_offset, batch.last_offset), batch.leader_epoch)
}

/// `2 records`
#[must_use]
pub fn records(count: i64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

/// `acks=all`
#[must_use]
pub fn acks(acks: Acks) -> &'static str {
    match acks {
        Acks::All => "acks=all",
        Acks::Leader => "acks=1",
        Acks::None => "acks=0",
    }
}

/// What a registration says: `led by node-1 in epoch 3, in sync {1 2}, eligible {3}, version 9`.
#[must_use]
pub fn registration(record: &PartitionRecord) -> String {
    let eligible = match &record.eligible_leader_replicas[..] {
        [] => String::new(),
        replicas => format!(", eligible {}", set(replicas)),
    };
    format!(
        "led by {} in epoch {}, in sync {}{eligible}, version {}",
        whom(record.leader),
        record.leader_epoch,
        set(&record.in_sync_replicas),
        record.partition_epoch,
    )
}

/// How a process ended.
#[must_use]
pub fn stop(how: Stop) -> &'static str {
    match how {
        Stop::Clean => "stops cleanly",
        Stop::Crash => "is killed",
        Stop::PowerCut => "loses power",
        Stop::Interrupted => "is killed while it stops",
    }
}

/// A change of the picture.
#[must_use]
pub fn happening(what: &Happening) -> String {
    match what {
        Happening::Observed(observation) => self::observation(observation),
        Happening::Started => "starts".to_owned(),
        Happening::Stopped(how) => stop(*how).to_owned(),
        Happening::DiskHarmed => "loses what its disk held".to_owned(),
        Happening::Waived(partition, why) => format!("losses in {partition} are excused: {why}"),
    }
}

/// What a node says of a partition's log, of its role in it, or of the metadata.
#[must_use]
pub fn observation(observation: &Observation) -> String {
    match observation {
        Observation::LogOpened { partition, log_start_offset, batches, high_watermark, .. } => {
            let end = batches.last().map_or(*log_start_offset, |b| b.last_offset.plus(1));
            format!(
                "opens {partition} from {log_start_offset} to {end}, high watermark {high_watermark}"
            )
        }
        Observation::Appended { partition, batch: appended, as_leader } => {
            let how = if *as_leader { "appends, as leader of" } else { "copies, for" };
            format!("{how} {partition}, {}", batch(appended))
        }
        Observation::Truncated { partition, to } => format!("truncates {partition} to {to}"),
        Observation::Flushed { partition, to } => format!("has {partition} on disk up to {to}"),
        Observation::Restarted { partition, at } => {
            format!("deletes {partition} and begins anew at {at}")
        }
        Observation::LogStartAdvanced { partition, to } => {
            format!("deletes {partition} below {to}")
        }
        Observation::BecameLeader { partition, leader_epoch, leader_epoch_start_offset } => {
            format!(
                "leads {partition} in epoch {leader_epoch}, from {leader_epoch_start_offset} on"
            )
        }
        Observation::BecameFollower { partition, leader_epoch, leader } => {
            format!("follows {} for {partition} in epoch {leader_epoch}", whom(*leader))
        }
        Observation::HighWatermark { partition, to, leading_in } => match leading_in {
            Some(epoch) => format!("commits {partition} up to {to}, leading in epoch {epoch}"),
            None => format!("moves its high watermark of {partition} to {to}"),
        },
        Observation::InSyncReplicas { partition, partition_epoch, committed, maximal, .. } => {
            let (committed, maximal) = (set(committed), set(maximal));
            format!(
                "counts {maximal} for {partition}, where {committed} is committed as version \
                 {partition_epoch}"
            )
        }
        Observation::Acknowledged { partition, acks: asked, base_offset, last_offset, .. } => {
            let what = offsets(*base_offset, *last_offset);
            format!("acknowledges {what} of {partition} with {}", acks(*asked))
        }
        Observation::Served { partition, from, to, .. } => {
            format!("serves {partition} from {from} to {to}")
        }
        Observation::MetadataCommitted { offset, records } => {
            format!("sees metadata {offset} committed: {}", metadata(records))
        }
        Observation::MetadataApplied { offset } => format!("has applied metadata up to {offset}"),
        Observation::Registered { broker_epoch } => {
            format!("is registered under broker epoch {broker_epoch}")
        }
        Observation::ActiveController { epoch, active, .. } => {
            if *active {
                format!("becomes the active controller, in epoch {epoch}")
            } else {
                format!("is the active controller no more, in epoch {epoch}")
            }
        }
        Observation::StorageFailed { partition, error } => {
            format!("has lost its disk under {partition}: {error}")
        }
    }
}

/// The records of one batch of metadata, in one line.
fn metadata(records: &[MetadataRecord]) -> String {
    let one = |record: &MetadataRecord| match record {
        MetadataRecord::Broker(broker) => {
            let state = match (broker.fenced, broker.in_controlled_shutdown) {
                (true, _) => "fenced",
                (false, true) => "leaving",
                (false, false) => "active",
            };
            format!("broker {} {state}, epoch {}", broker.id, broker.epoch)
        }
        MetadataRecord::Topic(topic) => format!("topic {}", topic.name),
        MetadataRecord::Partition(record) => {
            format!("partition {} {}", record.partition, registration(record))
        }
        MetadataRecord::ProducerIds { next } => format!("producer ids below {next} given out"),
        MetadataRecord::Controller(controller) => format!("controller {}", controller.id),
    };
    records.iter().map(one).collect::<Vec<_>>().join("; ")
}
