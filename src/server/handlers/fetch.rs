//! Fetch (1), versions 4–17: consumers read what is committed, followers read everything
//! (R10, R12, R29, R30).
//!
//! A fetch that finds nothing waits until one of its partitions changes. Followers are found out
//! by `replica_id`; what they ask for tells the leader what they hold. A consumer that says where
//! it is may be sent to a replica near by, and then gets no records from here (KIP-392).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::config::ReplicaSelector;
use crate::host::probe::Observation;
use crate::protocol::ErrorCode;
use crate::protocol::batch::Batches;
use crate::protocol::messages::{FetchRequest, FetchResponse, StrBytes, Uuid, fetch_response};
use crate::protocol::request::RequestHeader;
use crate::replication::{Event, FetchRequestView, FetchVerdict, Role};
use crate::server::broker::Broker;
use crate::server::message;
use crate::server::partition::{Partition, State};
use crate::types::{
    BrokerEpoch, BrokerId, EpochEndOffset, LeaderEpoch, Offset, TopicId, TopicPartition,
};

use super::{epoch_from_wire, refusal_code};

/// The longest that anybody may have an answer held back.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// From this version on a fetch names topics by id.
const TOPIC_IDS: i16 = 13;
/// From this version on an answer may name the current leader.
const CURRENT_LEADER: i16 = 12;

/// Who fetches.
#[derive(Debug)]
struct Fetcher {
    follower: Option<BrokerId>,
    broker_epoch: Option<BrokerEpoch>,
    /// The brokers in the rack of a consumer that says where it is, if it is to be sent there.
    near: BTreeSet<BrokerId>,
}

/// One topic of the request, found.
struct Topic {
    name: StrBytes,
    id: Uuid,
    partitions: Vec<Asked>,
}

/// One partition of the request, found.
struct Asked {
    index: i32,
    partition: Result<Arc<Partition>, ErrorCode>,
    view: FetchRequestView,
    log_start_offset: Offset,
    max_bytes: usize,
}

/// What one partition has to say.
struct Found {
    code: ErrorCode,
    high_watermark: Offset,
    log_start_offset: Offset,
    diverging: Option<EpochEndOffset>,
    leader: Option<(Option<BrokerId>, LeaderEpoch)>,
    /// The replica to read from instead.
    preferred: Option<BrokerId>,
    records: Bytes,
    is_leader: bool,
    /// It tells the leader how far the asker's log reaches.
    is_proof: bool,
}

/// Reads, and waits while there is less than `min_bytes`.
pub(super) async fn handle(
    broker: &Arc<Broker>,
    header: &RequestHeader,
    request: FetchRequest,
) -> FetchResponse {
    if request.session_id != 0 {
        // Sessions are not kept: every fetch is a full one (KIP-227 allows it).
        return message!(FetchResponse { error_code: ErrorCode::FetchSessionIdNotFound.code() });
    }
    let fetcher = fetcher(broker, header.version, &request);
    let topics = resolve(broker, header.version, &request, fetcher.follower);
    let limit = limit(broker, &request, &fetcher);
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(WAIT_MAX);
    let deadline = broker.host.clock.now() + wait;
    let mut is_first_look = true;
    loop {
        let waiter = Arc::new(Notify::new());
        let found = look(&topics, (&fetcher, is_first_look), limit, &waiter);
        is_first_look = false;
        let left = deadline - broker.host.clock.now();
        if left.is_zero() || is_complete(&found, min_bytes) {
            report_served(broker, &topics, &found);
            count_replicated(broker, &fetcher, &found);
            return respond(header.version, topics, found);
        }
        let watched = u64::try_from(found.iter().flatten().count()).unwrap_or(u64::MAX);
        let _waiting = broker.replicas.counters.waiting_fetches.enter(watched);
        // Woken or not, the partitions are looked at again.
        let _: Option<()> = broker.host.within(left, waiter.notified()).await;
    }
}

fn fetcher(broker: &Broker, version: i16, request: &FetchRequest) -> Fetcher {
    let (id, epoch) = if version >= 15 {
        (request.replica_state.replica_id, request.replica_state.replica_epoch)
    } else {
        (request.replica_id, -1)
    };
    Fetcher {
        follower: (id >= 0).then_some(BrokerId(id)),
        broker_epoch: (epoch >= 0).then_some(BrokerEpoch(epoch)),
        near: if id >= 0 { BTreeSet::new() } else { near(broker, &request.rack_id) },
    }
}

/// Who is in a consumer's rack, as far as the settings make something of it.
fn near(broker: &Broker, rack: &str) -> BTreeSet<BrokerId> {
    match broker.config.replication.selector {
        ReplicaSelector::RackAware if !rack.is_empty() => {
            let image = broker.metadata.image();
            let near = image.brokers.iter().filter(|(_, at)| at.rack.as_deref() == Some(rack));
            near.map(|(id, _)| *id).collect()
        }
        ReplicaSelector::RackAware | ReplicaSelector::Leader => BTreeSet::new(),
    }
}

fn limit(broker: &Broker, request: &FetchRequest, fetcher: &Fetcher) -> usize {
    let asked = usize::try_from(request.max_bytes).unwrap_or(0);
    match fetcher.follower {
        Some(_) => asked,
        None => asked.min(broker.config.network.fetch_bytes_max),
    }
}

fn resolve(
    broker: &Broker,
    version: i16,
    request: &FetchRequest,
    follower: Option<BrokerId>,
) -> Vec<Topic> {
    let image = broker.metadata.image();
    let find = |topic: &crate::protocol::messages::fetch_request::FetchTopic| {
        let (name, unknown) = if version >= TOPIC_IDS {
            let found = image.topics.get(&TopicId::from(topic.topic_id));
            (found.map(|found| found.record.name.clone()), ErrorCode::UnknownTopicId)
        } else {
            (Some(topic.topic.as_str().into()), ErrorCode::UnknownTopicOrPartition)
        };
        let partitions = topic
            .partitions
            .iter()
            .map(|asked| {
                let partition = name
                    .as_ref()
                    .map(|name| TopicPartition::new(name.clone(), asked.partition))
                    .ok_or(unknown)
                    .and_then(|name| {
                        broker.replicas.get(&name).ok_or_else(|| {
                            match image.partition(&name.topic, name.partition) {
                                Some(_) => ErrorCode::NotLeaderOrFollower,
                                None => ErrorCode::UnknownTopicOrPartition,
                            }
                        })
                    });
                let epoch = asked.last_fetched_epoch;
                Asked {
                    index: asked.partition,
                    partition,
                    view: FetchRequestView {
                        follower,
                        current_leader_epoch: epoch_from_wire(asked.current_leader_epoch),
                        fetch_offset: Offset(asked.fetch_offset),
                        last_fetched_epoch: epoch_from_wire(epoch),
                    },
                    log_start_offset: Offset(asked.log_start_offset),
                    max_bytes: usize::try_from(asked.partition_max_bytes).unwrap_or(0),
                }
            })
            .collect();
        Topic { name: topic.topic.clone(), id: topic.topic_id, partitions }
    };
    request.topics.iter().map(find).collect()
}

/// Looks at every partition once, in the order asked, and registers for changes first, so that no
/// change is missed between the look and the wait.
fn look(
    topics: &[Topic],
    (fetcher, is_first_look): (&Fetcher, bool),
    limit: usize,
    waiter: &Arc<Notify>,
) -> Vec<Vec<Found>> {
    let mut left = limit;
    let mut is_empty = true;
    let mut found = Vec::new();
    for topic in topics {
        let mut partitions = Vec::new();
        for asked in &topic.partitions {
            let part = match &asked.partition {
                Err(code) => Found::error(*code),
                Ok(partition) => {
                    let mut state = partition.lock();
                    state.wait_for_change(waiter);
                    let part = read(&mut state, asked, &fetcher.near, (left, is_empty));
                    if is_first_look && part.is_proof {
                        learn(partition, &mut state, asked, fetcher);
                    }
                    part
                }
            };
            left = left.saturating_sub(part.records.len());
            is_empty &= part.records.is_empty();
            partitions.push(part);
        }
        found.push(partitions);
    }
    found
}

fn read(
    state: &mut State,
    asked: &Asked,
    near: &BTreeSet<BrokerId>,
    (left, is_empty): (usize, bool),
) -> Found {
    let markers = state.log.markers();
    let log_start_offset = markers.log_start_offset;
    let verdict = match state.replica.check_fetch(markers, &asked.view) {
        Ok(verdict) => verdict,
        Err(refusal) => {
            let leader = match state.replica.role() {
                Role::Follower { leader, leader_epoch, .. } => Some((Some(leader), leader_epoch)),
                Role::Leader { .. } | Role::Idle | Role::Failed => None,
            };
            // No offsets go with a refusal, as in Kafka, not even with one for the offset: a client
            // that is out of range asks ListOffsets where the log starts.
            return Found { leader, ..Found::error(refusal_code(refusal)) };
        }
    };
    let is_proof = verdict.is_proof_of_end();
    match verdict {
        FetchVerdict::Diverging(end) => Found {
            is_proof,
            diverging: Some(end),
            high_watermark: state.replica.high_watermark(),
            log_start_offset,
            ..Found::error(ErrorCode::None)
        },
        FetchVerdict::Read { end, high_watermark } => {
            let preferred = state.replica.preferred_read_replica(asked.view.fetch_offset, near);
            if preferred.is_some() {
                let found = Found::error(ErrorCode::None);
                return Found { preferred, high_watermark, log_start_offset, ..found };
            }
            let max_bytes = asked.max_bytes.min(left);
            match read_records(state, asked, end, (max_bytes, is_empty)) {
                Ok(records) => Found {
                    high_watermark,
                    log_start_offset,
                    records,
                    is_leader: matches!(state.replica.role(), Role::Leader { .. }),
                    is_proof,
                    ..Found::error(ErrorCode::None)
                },
                Err(error) => {
                    tracing::error!(%error, "reading for a fetch failed");
                    if let Ok(partition) = &asked.partition {
                        partition.read_failed(state, &error);
                    }
                    Found::error(ErrorCode::KafkaStorageError)
                }
            }
        }
    }
}

/// At least one batch for the first partition that has any, however large (KIP-74); for the others
/// only what fits.
fn read_records(
    state: &State,
    asked: &Asked,
    end: Offset,
    (max_bytes, is_empty): (usize, bool),
) -> Result<Bytes, crate::log::ReadError> {
    if asked.view.fetch_offset >= end || (max_bytes == 0 && !is_empty) {
        return Ok(Bytes::new());
    }
    let from = asked.view.fetch_offset;
    // What goes to another replica is looked at first: rot must not spread (KAFKA-8722).
    let read = match asked.view.follower {
        Some(_) => state.log.read_verified(from, end, max_bytes)?,
        None => state.log.read(from, end, max_bytes)?,
    };
    if read.len() > max_bytes && !is_empty {
        return Ok(Bytes::new());
    }
    Ok(read)
}

/// What a follower asks for tells how far its log reaches (R12). Learnt once per request, when it
/// arrives.
fn learn(partition: &Partition, state: &mut State, asked: &Asked, fetcher: &Fetcher) {
    let Some(follower) = fetcher.follower else { return };
    let leader_end_offset = state.log.log_end_offset();
    partition.feed(
        state,
        Event::FollowerFetched {
            follower,
            broker_epoch: fetcher.broker_epoch,
            fetch_offset: asked.view.fetch_offset,
            log_start_offset: asked.log_start_offset,
            leader_end_offset,
        },
    );
}

fn is_complete(found: &[Vec<Found>], min_bytes: usize) -> bool {
    let mut bytes = 0;
    for part in found.iter().flatten() {
        if part.code != ErrorCode::None || part.diverging.is_some() || part.preferred.is_some() {
            return true;
        }
        bytes += part.records.len();
    }
    bytes >= min_bytes
}

fn report_served(broker: &Broker, topics: &[Topic], found: &[Vec<Found>]) {
    let asked = topics.iter().flat_map(|topic| &topic.partitions);
    for (asked, part) in asked.zip(found.iter().flatten()) {
        let (Ok(partition), None) = (&asked.partition, asked.view.follower) else { continue };
        let batches = Batches::new(part.records.clone());
        let Some(last) = batches.filter_map(Result::ok).last() else { continue };
        broker.host.probe.observe(Observation::Served {
            partition: partition.name.clone(),
            from: asked.view.fetch_offset,
            to: last.header.next_offset(),
            as_leader: part.is_leader,
        });
    }
}

fn count_replicated(broker: &Broker, fetcher: &Fetcher, found: &[Vec<Found>]) {
    if fetcher.follower.is_some() {
        let bytes: usize = found.iter().flatten().map(|part| part.records.len()).sum();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        broker.replicas.counters.replication_bytes_out.add(bytes);
    }
}

fn respond(version: i16, topics: Vec<Topic>, found: Vec<Vec<Found>>) -> FetchResponse {
    let responses = topics
        .into_iter()
        .zip(found)
        .map(|(topic, found)| {
            let partitions = topic
                .partitions
                .iter()
                .zip(found)
                .map(|(asked, part)| part.respond(version, asked.index))
                .collect();
            message!(fetch_response::FetchableTopicResponse {
                topic: topic.name,
                topic_id: topic.id,
                partitions: partitions,
            })
        })
        .collect();
    message!(FetchResponse { responses: responses })
}

impl Found {
    fn error(code: ErrorCode) -> Self {
        Self {
            code,
            high_watermark: Offset(-1),
            log_start_offset: Offset(-1),
            diverging: None,
            leader: None,
            preferred: None,
            records: Bytes::new(),
            is_leader: false,
            is_proof: false,
        }
    }

    fn respond(self, version: i16, index: i32) -> fetch_response::PartitionData {
        let mut data = message!(fetch_response::PartitionData {
            partition_index: index,
            error_code: self.code.code(),
            high_watermark: self.high_watermark.0,
            last_stable_offset: self.high_watermark.0,
            log_start_offset: self.log_start_offset.0,
            aborted_transactions: None,
            preferred_read_replica: self.preferred.map_or(-1, |replica| replica.0),
            // Never null: old clients refuse a record set of length -1.
            records: Some(self.records),
        });
        if let Some(end) = self.diverging {
            data.diverging_epoch = message!(fetch_response::EpochEndOffset {
                epoch: end.epoch.0,
                end_offset: end.end_offset.0,
            });
        }
        if let (Some((leader, leader_epoch)), true) = (self.leader, version >= CURRENT_LEADER) {
            data.current_leader = message!(fetch_response::LeaderIdAndEpoch {
                leader_id: leader.map_or(-1, |leader| leader.0),
                leader_epoch: leader_epoch.0,
            });
        }
        data
    }
}
