//! One Produce request and what its answer means.

use bytes::Bytes;

use super::outcome::{Appended, Attempt, Doubt, Failure, Refusal};
use super::{Delivery, ProducerSettings};
use crate::client::cluster::{Cluster, Leader, LeaderHint};
use crate::protocol::messages::{ProduceRequest, ProduceResponse, build, produce_request};
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{Acks, BrokerId, LeaderEpoch, Offset, TopicPartition};

/// Sends the batch to the partition's leader, once.
pub(super) async fn produce(
    cluster: &mut Cluster,
    settings: &ProducerSettings,
    delivery: &Delivery,
    batch: Bytes,
) -> Attempt {
    let partition = &delivery.partition;
    let leader = cluster
        .leader_for(partition, delivery.deadline)
        .await
        .map_err(|error| Failure::Refused(Refusal::NoLeader(error)))?;
    let limit =
        cluster.limit_until(delivery.deadline).ok_or(Failure::Refused(Refusal::OutOfTime))?;
    let timeout_ms = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    let request = request(partition, settings.acks, timeout_ms, batch);
    let called = match settings.acks {
        Acks::None => cluster.send(&leader.address, &request, limit).await.map(|()| None),
        Acks::Leader | Acks::All => cluster.call(&leader.address, &request, limit).await.map(Some),
    };
    let outcome = match called {
        Ok(None) => return Ok(Appended::Sent { leader: leader.broker }),
        Ok(Some(Response::Produce(response))) => judge(cluster, partition, &leader, &response),
        Ok(Some(_)) => unreachable!("an answer is read as what was asked"),
        Err(error) if error.is_indeterminate() => Err(Failure::Doubtful(Doubt::NoAnswer(error))),
        Err(error) => Err(Failure::Refused(Refusal::Unreachable(error))),
    };
    if outcome.is_err() && cluster.still_believes(partition, &leader) {
        // Whatever went wrong, the leader may have changed: ask again before the next attempt.
        cluster.forget(partition);
    }
    outcome
}

fn request(partition: &TopicPartition, acks: Acks, timeout_ms: i32, batch: Bytes) -> Request {
    Request::Produce(build(|request: &mut ProduceRequest| {
        request.transactional_id = None;
        request.acks = acks.as_i16();
        request.timeout_ms = timeout_ms;
        request.topic_data = vec![build(|topic: &mut produce_request::TopicProduceData| {
            topic.name = (*partition.topic).into();
            topic.partition_data =
                vec![build(|data: &mut produce_request::PartitionProduceData| {
                    data.index = partition.partition;
                    data.records = Some(batch);
                })];
        })];
    }))
}

fn judge(
    cluster: &mut Cluster,
    partition: &TopicPartition,
    leader: &Leader,
    response: &ProduceResponse,
) -> Attempt {
    let answer = response
        .responses
        .iter()
        .filter(|topic| topic.name.as_str() == &*partition.topic)
        .flat_map(|topic| &topic.partition_responses)
        .find(|answer| answer.index == partition.partition)
        .ok_or(Failure::Doubtful(Doubt::LeftOut))?;
    let current = &answer.current_leader;
    if current.leader_id >= 0 {
        let address = response
            .node_endpoints
            .iter()
            .find(|node| node.node_id == current.leader_id)
            .map(|node| format!("{}:{}", node.host, node.port).into());
        let broker = BrokerId(current.leader_id);
        let epoch = LeaderEpoch(current.leader_epoch);
        cluster.take_hint(partition, LeaderHint { broker, epoch, address });
    }
    if let Some(code) = ErrorCode::from_code(answer.error_code).failure() {
        return Err(Failure::of(code));
    }
    let base_offset = Offset(answer.base_offset);
    if base_offset < Offset::ZERO {
        return Err(Failure::Doubtful(Doubt::Nowhere(base_offset)));
    }
    Ok(Appended::Acknowledged { base_offset, leader: leader.broker, leader_epoch: leader.epoch })
}
