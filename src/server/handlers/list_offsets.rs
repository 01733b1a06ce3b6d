//! ListOffsets (2), versions 1–10: the ends of a log, and offsets by time (R29, KIP-207).

use std::sync::Arc;

use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, list_offsets_request, list_offsets_response,
};
use crate::protocol::request::RequestHeader;
use crate::server::broker::Broker;
use crate::server::message;
use crate::server::partition::State;
use crate::types::{LeaderEpoch, Offset, TopicPartition};

use super::{epoch_from_wire, refusal_code};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

/// Answers for every partition that this broker leads.
pub(super) fn handle(
    broker: &Arc<Broker>,
    header: &RequestHeader,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let is_follower = request.replica_id >= 0;
    let topics = request
        .topics
        .iter()
        .map(|topic| {
            let partitions = topic
                .partitions
                .iter()
                .map(|asked| {
                    let name = TopicPartition::new(topic.name.as_str(), asked.partition_index);
                    partition(broker, header.version, &name, (asked, is_follower))
                })
                .collect();
            message!(list_offsets_response::ListOffsetsTopicResponse {
                name: topic.name.clone(),
                partitions: partitions,
            })
        })
        .collect();
    message!(ListOffsetsResponse { topics: topics })
}

/// Timestamp, offset and leader epoch; -1 each where there is none.
type Found = (i64, Option<(Offset, Option<LeaderEpoch>)>);

fn partition(
    broker: &Broker,
    version: i16,
    name: &TopicPartition,
    (asked, is_follower): (&list_offsets_request::ListOffsetsPartition, bool),
) -> list_offsets_response::ListOffsetsPartitionResponse {
    let found = match broker.replicas.get(name) {
        None => Err(ErrorCode::UnknownTopicOrPartition),
        Some(partition) => {
            let state = partition.lock();
            let believed = epoch_from_wire(asked.current_leader_epoch);
            match state.replica.check_leader_epoch(believed) {
                Ok(epoch) => find(&state, asked.timestamp, is_follower, epoch),
                Err(refusal) => Err(refusal_code(refusal)),
            }
        }
    };
    let (code, (timestamp, found)) = match found {
        Ok(found) => (ErrorCode::None, found),
        Err(code) => (code, (-1, None)),
    };
    let epoch = found.and_then(|(_, epoch)| epoch).map_or(-1, |epoch| epoch.0);
    message!(list_offsets_response::ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        error_code: code.code(),
        timestamp: timestamp,
        offset: found.map_or(-1, |(offset, _)| offset.0),
        leader_epoch: if version >= 4 { epoch } else { -1 },
    })
}

fn find(
    state: &State,
    timestamp: i64,
    is_follower: bool,
    leader_epoch: LeaderEpoch,
) -> Result<Found, ErrorCode> {
    let markers = state.log.markers();
    let latest = state.replica.latest_offset();
    match timestamp {
        // A follower asks for the end of the log, a consumer for the end of what is committed.
        LATEST if is_follower => Ok((-1, Some((markers.log_end_offset, Some(leader_epoch))))),
        LATEST => {
            let latest = latest.ok_or(ErrorCode::OffsetNotAvailable)?;
            Ok((-1, Some((latest, Some(leader_epoch)))))
        }
        EARLIEST | EARLIEST_LOCAL => {
            let start = markers.log_start_offset;
            Ok((-1, Some((start, markers.leader_epochs.epoch_at(start)))))
        }
        LATEST_TIERED => Ok((-1, None)),
        MAX_TIMESTAMP => by_time(state, None, latest),
        timestamp if timestamp >= 0 => by_time(state, Some(timestamp), latest),
        _ => Err(ErrorCode::InvalidRequest),
    }
}

/// The first record at or after `timestamp`, or the newest record of all; committed ones only.
fn by_time(
    state: &State,
    timestamp: Option<i64>,
    latest: Option<Offset>,
) -> Result<Found, ErrorCode> {
    let sought = timestamp.or_else(|| state.log.largest_timestamp());
    let Some(sought) = sought else { return Ok((-1, None)) };
    let found = state.log.offset_for_timestamp(sought).map_err(|error| {
        tracing::error!(%error, "searching by time failed");
        ErrorCode::KafkaStorageError
    })?;
    let latest = latest.ok_or(ErrorCode::OffsetNotAvailable)?;
    Ok(match found {
        Some(found) if found.offset < latest => {
            (found.timestamp, Some((found.offset, Some(found.leader_epoch))))
        }
        Some(_) | None => (-1, None),
    })
}
