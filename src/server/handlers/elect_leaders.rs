//! ElectLeaders (43), versions 0–2: an administrator wants preferred or unclean leaders (KIP-460).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::controller::{ElectLeadersReply, ElectionKind, ElectionRefusal, Reply, Request};
use crate::protocol::ErrorCode;
use crate::protocol::api::ListenerKind;
use crate::protocol::messages::{
    ElectLeadersRequest, ElectLeadersResponse, elect_leaders_response,
};
use crate::protocol::request::{self, Response};
use crate::server::message;

use super::{Node, controller_wait, deciders};

/// Asks this node's controller if it is the active one, otherwise the one that is. All of it ends
/// with the request's time: what was asked may still happen then.
pub(super) async fn handle(
    node: &Arc<Node>,
    listener: ListenerKind,
    request: ElectLeadersRequest,
) -> Response {
    let timed_out = whole(&request, ErrorCode::RequestTimedOut);
    let Some(wait) = controller_wait(request.timeout_ms) else { return timed_out };
    node.host.within(wait, decide(node, listener, request)).await.unwrap_or(timed_out)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a reply of another kind is one case")]
async fn decide(
    node: &Arc<Node>,
    listener: ListenerKind,
    request: ElectLeadersRequest,
) -> Response {
    let kind = match request.election_type {
        0 => ElectionKind::Preferred,
        1 => ElectionKind::Unclean,
        _ => return whole(&request, ErrorCode::InvalidRequest),
    };
    let (controller, broker) = deciders(node, listener);
    if let Some(controller) = controller {
        let asked = Request::ElectLeaders { kind, partitions: partitions(&request) };
        match controller.ask(asked).await {
            Reply::LeadersElected(outcomes) => return answer(outcomes),
            Reply::NotController => {}
            other => return super::unexpected(&other, |code| whole(&request, code)),
        }
    }
    let not_controller = whole(&request, ErrorCode::NotController);
    let Some(broker) = broker else { return not_controller };
    match broker.forward(&request::Request::ElectLeaders(request)).await {
        Some(Response::ElectLeaders(response)) => {
            if response.error_code == ErrorCode::NotController.code() {
                broker.controller_moved();
            }
            Response::ElectLeaders(response)
        }
        Some(_) | None => not_controller,
    }
}

fn partitions(request: &ElectLeadersRequest) -> Option<Vec<(Arc<str>, i32)>> {
    let topics = request.topic_partitions.as_ref()?;
    let mut named = Vec::new();
    for topic in topics {
        let name: Arc<str> = topic.topic.as_str().into();
        named.extend(topic.partitions.iter().map(|partition| (name.clone(), *partition)));
    }
    Some(named)
}

fn answer(outcomes: Vec<ElectLeadersReply>) -> Response {
    let mut topics: BTreeMap<Arc<str>, Vec<elect_leaders_response::PartitionResult>> =
        BTreeMap::new();
    for reply in outcomes {
        let result = message!(elect_leaders_response::PartitionResult {
            partition_id: reply.partition,
            error_code: reply.outcome.map_or_else(code, |()| ErrorCode::None).code(),
            error_message: reply.outcome.err().map(|refusal| refusal.to_string().as_str().into()),
        });
        topics.entry(reply.topic).or_default().push(result);
    }
    let results = topics
        .into_iter()
        .map(|(topic, partition_result)| {
            message!(elect_leaders_response::ReplicaElectionResult {
                topic: topic.as_ref().into(),
                partition_result: partition_result,
            })
        })
        .collect();
    Response::ElectLeaders(message!(ElectLeadersResponse { replica_election_results: results }))
}

/// Refuses everything. Each partition says so as well: version 0 has no other place for it.
fn whole(request: &ElectLeadersRequest, code: ErrorCode) -> Response {
    let named = request.topic_partitions.iter().flatten();
    let results = named.map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            message!(elect_leaders_response::PartitionResult {
                partition_id: *partition,
                error_code: code.code(),
                error_message: None,
            })
        });
        message!(elect_leaders_response::ReplicaElectionResult {
            topic: topic.topic.clone(),
            partition_result: partitions.collect(),
        })
    });
    Response::ElectLeaders(message!(ElectLeadersResponse {
        error_code: code.code(),
        replica_election_results: results.collect(),
    }))
}

fn code(refusal: ElectionRefusal) -> ErrorCode {
    match refusal {
        ElectionRefusal::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        ElectionRefusal::NotNeeded => ErrorCode::ElectionNotNeeded,
        ElectionRefusal::PreferredLeaderNotAvailable => ErrorCode::PreferredLeaderNotAvailable,
        ElectionRefusal::EligibleLeadersNotAvailable => ErrorCode::EligibleLeadersNotAvailable,
    }
}
