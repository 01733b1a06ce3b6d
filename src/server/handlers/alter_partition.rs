//! AlterPartition (56), versions 2–3: a leader changes its in-sync set (R17, R18).

use std::collections::BTreeMap;

use crate::controller::{self, PartitionRefusal, Reply, Request};
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    AlterPartitionRequest, AlterPartitionResponse, alter_partition_request,
    alter_partition_response,
};
use crate::protocol::request::Response;
use crate::server::controller::ControllerHandle;
use crate::server::message;
use crate::types::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, RecoveryState, TopicId};

/// Asks the controller for each partition in turn. A refusal that concerns the whole request
/// becomes its top-level error, as in Kafka.
#[expect(clippy::wildcard_enum_match_arm, reason = "a reply of another kind is one case")]
pub(super) async fn handle(
    controller: &ControllerHandle,
    request: AlterPartitionRequest,
) -> Response {
    let whole = |code: ErrorCode| {
        Response::AlterPartition(message!(AlterPartitionResponse { error_code: code.code() }))
    };
    let mut topics = Vec::new();
    for topic in &request.topics {
        let topic_id = TopicId::from(topic.topic_id);
        let mut partitions = Vec::new();
        for partition in &topic.partitions {
            let wish = read(&request, topic_id, partition);
            match controller.ask(Request::AlterPartition(wish)).await {
                Reply::AlterPartition(Ok(done)) => partitions.push(success(partition, &done)),
                Reply::AlterPartition(Err(PartitionRefusal::StaleBrokerEpoch)) => {
                    return whole(ErrorCode::StaleBrokerEpoch);
                }
                Reply::AlterPartition(Err(refusal)) => {
                    tracing::debug!(partition = partition.partition_index, %refusal, "refused");
                    partitions.push(message!(alter_partition_response::PartitionData {
                        partition_index: partition.partition_index,
                        error_code: code(&refusal).code(),
                    }));
                }
                Reply::NotController => return whole(ErrorCode::NotController),
                other => return super::unexpected(&other, whole),
            }
        }
        topics.push(message!(alter_partition_response::TopicData {
            topic_id: topic.topic_id,
            partitions: partitions,
        }));
    }
    Response::AlterPartition(message!(AlterPartitionResponse { topics: topics }))
}

fn read(
    request: &AlterPartitionRequest,
    topic_id: TopicId,
    partition: &alter_partition_request::PartitionData,
) -> controller::AlterPartitionRequest {
    let mut in_sync_replicas: BTreeMap<_, _> =
        partition.new_isr.iter().map(|broker| (BrokerId(*broker), None)).collect();
    for member in &partition.new_isr_with_epochs {
        let epoch = (member.broker_epoch >= 0).then_some(BrokerEpoch(member.broker_epoch));
        in_sync_replicas.insert(BrokerId(member.broker_id), epoch);
    }
    controller::AlterPartitionRequest {
        broker: BrokerId(request.broker_id),
        broker_epoch: BrokerEpoch(request.broker_epoch),
        topic_id,
        partition: partition.partition_index,
        leader_epoch: LeaderEpoch(partition.leader_epoch),
        partition_epoch: PartitionEpoch(partition.partition_epoch),
        in_sync_replicas,
        recovery_state: match partition.leader_recovery_state {
            0 => RecoveryState::Recovered,
            _ => RecoveryState::Recovering,
        },
    }
}

fn success(
    asked: &alter_partition_request::PartitionData,
    done: &controller::AlterPartitionReply,
) -> alter_partition_response::PartitionData {
    message!(alter_partition_response::PartitionData {
        partition_index: asked.partition_index,
        leader_id: done.leader.map_or(-1, |leader| leader.0),
        leader_epoch: done.leader_epoch.0,
        isr: done.in_sync_replicas.iter().map(|broker| broker.0).collect(),
        leader_recovery_state: i8::from(done.recovery_state == RecoveryState::Recovering),
        partition_epoch: done.partition_epoch.0,
    })
}

fn code(refusal: &PartitionRefusal) -> ErrorCode {
    match refusal {
        PartitionRefusal::StaleBrokerEpoch => ErrorCode::StaleBrokerEpoch,
        PartitionRefusal::FromTheFuture => ErrorCode::NotController,
        PartitionRefusal::UnknownTopicId => ErrorCode::UnknownTopicId,
        PartitionRefusal::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        PartitionRefusal::FencedLeaderEpoch(_) => ErrorCode::FencedLeaderEpoch,
        PartitionRefusal::InvalidRequest(_) => ErrorCode::InvalidRequest,
        PartitionRefusal::InvalidUpdateVersion(_) => ErrorCode::InvalidUpdateVersion,
        PartitionRefusal::IneligibleReplica(_) => ErrorCode::IneligibleReplica,
        PartitionRefusal::NewLeaderElected => ErrorCode::NewLeaderElected,
    }
}
