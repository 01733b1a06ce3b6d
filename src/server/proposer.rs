//! Sends proposals to change in-sync sets to the active controller, one request at a time (R17).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    AlterPartitionRequest, Uuid, alter_partition_request, alter_partition_response,
};
use crate::protocol::request::{Request, Response};
use crate::replication::{AlterPartitionAnswer, AlterPartitionProposal};
use crate::types::{BrokerId, LeaderEpoch, PartitionEpoch, RecoveryState, TopicId, TopicPartition};

use super::broker::Broker;
use super::channel::ControllerChannel;
use super::message;

type Proposals = BTreeMap<TopicPartition, (TopicId, AlterPartitionProposal)>;

/// Sends whatever is proposed. Never returns.
pub(crate) async fn run(broker: Arc<Broker>, mut controller: ControllerChannel) {
    loop {
        let proposals = broker.orders.take_proposals();
        if proposals.is_empty() {
            broker.orders.proposed.notified().await;
            continue;
        }
        let answers = ask(&broker, &mut controller, &proposals).await;
        for (name, (topic_id, proposal)) in proposals {
            let answer = answers
                .get(&(topic_id, name.partition))
                .cloned()
                .unwrap_or(AlterPartitionAnswer::Ambiguous);
            if let Some(partition) = broker.replicas.get(&name) {
                partition.alter_partition_answered(proposal, answer);
            }
        }
    }
}

async fn ask(
    broker: &Broker,
    controller: &mut ControllerChannel,
    proposals: &Proposals,
) -> BTreeMap<(TopicId, i32), AlterPartitionAnswer> {
    let Some(broker_epoch) = broker.standing.epoch() else { return BTreeMap::new() };
    let mut topics = Vec::new();
    for (name, (topic_id, proposal)) in proposals {
        topics.push(message!(alter_partition_request::TopicData {
            topic_id: Uuid::from(*topic_id),
            partitions: vec![partition_data(name, proposal)],
        }));
    }
    let request = message!(AlterPartitionRequest {
        broker_id: broker.id.0,
        broker_epoch: broker_epoch.0,
        topics: topics,
    });
    match controller.call(&Request::AlterPartition(request), Duration::ZERO).await {
        Ok(Response::AlterPartition(response)) => {
            if response.error_code == ErrorCode::NotController.code() {
                controller.moved(None);
                return BTreeMap::new();
            }
            if response.error_code != 0 {
                let error = ErrorCode::from_code(response.error_code);
                tracing::warn!(%error, "the controller refused a request to alter partitions");
                return BTreeMap::new();
            }
            count_failures(broker, &response.topics);
            read_answers(response.topics)
        }
        Ok(_) => BTreeMap::new(),
        Err(error) => {
            tracing::debug!(%error, "altering partitions failed");
            BTreeMap::new()
        }
    }
}

/// Every error counts, those after which the same is asked again too.
fn count_failures(broker: &Broker, topics: &[alter_partition_response::TopicData]) {
    let answered = topics.iter().flat_map(|topic| &topic.partitions);
    let failed = answered.filter(|partition| partition.error_code != 0).count();
    let failed = u64::try_from(failed).unwrap_or(u64::MAX);
    broker.replicas.counters.failed_in_sync_updates.add(failed);
}

fn partition_data(
    name: &TopicPartition,
    proposal: &AlterPartitionProposal,
) -> alter_partition_request::PartitionData {
    let members = proposal.in_sync_replicas.iter();
    message!(alter_partition_request::PartitionData {
        partition_index: name.partition,
        leader_epoch: proposal.leader_epoch.0,
        new_isr_with_epochs: members
            .map(|(broker, epoch)| {
                message!(alter_partition_request::BrokerState {
                    broker_id: broker.0,
                    broker_epoch: epoch.map_or(-1, |epoch| epoch.0),
                })
            })
            .collect(),
        leader_recovery_state: i8::from(proposal.recovery_state == RecoveryState::Recovering),
        partition_epoch: proposal.partition_epoch.0,
    })
}

fn read_answers(
    topics: Vec<alter_partition_response::TopicData>,
) -> BTreeMap<(TopicId, i32), AlterPartitionAnswer> {
    let mut answers = BTreeMap::new();
    for topic in topics {
        let topic_id = TopicId::from(topic.topic_id);
        for partition in topic.partitions {
            answers.insert((topic_id, partition.partition_index), read_answer(&partition));
        }
    }
    answers
}

#[expect(clippy::wildcard_enum_match_arm, reason = "Kafka may name any of its codes")]
fn read_answer(partition: &alter_partition_response::PartitionData) -> AlterPartitionAnswer {
    match ErrorCode::from_code(partition.error_code) {
        ErrorCode::None => AlterPartitionAnswer::Committed {
            leader: (partition.leader_id >= 0).then_some(BrokerId(partition.leader_id)),
            leader_epoch: LeaderEpoch(partition.leader_epoch),
            partition_epoch: PartitionEpoch(partition.partition_epoch),
            in_sync_replicas: partition.isr.iter().copied().map(BrokerId).collect(),
            recovery_state: match partition.leader_recovery_state {
                0 => RecoveryState::Recovered,
                _ => RecoveryState::Recovering,
            },
        },
        ErrorCode::IneligibleReplica | ErrorCode::OperationNotAttempted => {
            AlterPartitionAnswer::Refused
        }
        ErrorCode::FencedLeaderEpoch
        | ErrorCode::InvalidUpdateVersion
        | ErrorCode::NewLeaderElected
        | ErrorCode::UnknownTopicOrPartition
        | ErrorCode::UnknownTopicId
        | ErrorCode::InvalidRequest => AlterPartitionAnswer::OutOfDate,
        _ => AlterPartitionAnswer::Ambiguous,
    }
}
