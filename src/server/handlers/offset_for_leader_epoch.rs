//! OffsetForLeaderEpoch (23), versions 2–4: where a leader epoch ends (R3, KIP-101, KIP-279).

use std::sync::Arc;

use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, offset_for_leader_epoch_request,
    offset_for_leader_epoch_response,
};
use crate::server::broker::Broker;
use crate::server::message;
use crate::types::{EpochEndOffset, LeaderEpoch, TopicPartition};

use super::{epoch_from_wire, refusal_code};

/// Answers for every partition that this broker leads.
pub(super) fn handle(
    broker: &Arc<Broker>,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request
        .topics
        .iter()
        .map(|topic| {
            let partitions = topic
                .partitions
                .iter()
                .map(|asked| partition(broker, topic.topic.as_str(), asked))
                .collect();
            message!(offset_for_leader_epoch_response::OffsetForLeaderTopicResult {
                topic: topic.topic.clone(),
                partitions: partitions,
            })
        })
        .collect();
    message!(OffsetForLeaderEpochResponse { topics: topics })
}

fn partition(
    broker: &Broker,
    topic: &str,
    asked: &offset_for_leader_epoch_request::OffsetForLeaderPartition,
) -> offset_for_leader_epoch_response::EpochEndOffset {
    let name = TopicPartition::new(topic, asked.partition);
    let found = match broker.replicas.get(&name) {
        None => Err(ErrorCode::UnknownTopicOrPartition),
        Some(partition) => {
            let state = partition.lock();
            let believed = epoch_from_wire(asked.current_leader_epoch);
            state.replica.check_leader_epoch(believed).map_err(refusal_code).map(|_| {
                let markers = state.log.markers();
                markers
                    .leader_epochs
                    .end_offset(LeaderEpoch(asked.leader_epoch), markers.log_end_offset)
            })
        }
    };
    let (code, end) = match found {
        Ok(end) => (ErrorCode::None, end),
        Err(code) => (code, None),
    };
    message!(offset_for_leader_epoch_response::EpochEndOffset {
        error_code: code.code(),
        partition: asked.partition,
        leader_epoch: end.map_or(-1, |end: EpochEndOffset| end.epoch.0),
        end_offset: end.map_or(-1, |end: EpochEndOffset| end.end_offset.0),
    })
}
