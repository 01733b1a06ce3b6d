//! ElectLeaders (43), versions 0–2: an administrator wants preferred or unclean leaders (KIP-460).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::controller::{ElectLeadersReply, ElectionKind, ElectionRefusal, Reply, Request};
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    ElectLeadersRequest, ElectLeadersResponse, elect_leaders_response,
};
use crate::protocol::request::{self, Response};
use crate::server::message;

use super::Node;

/// Asks this node's controller if it is the active one, otherwise the one that is.
#[expect(clippy::wildcard_enum_match_arm, reason = "a reply of another kind is one case")]
pub(super) async fn handle(node: &Arc<Node>, request: ElectLeadersRequest) -> Response {
    let kind = match request.election_type {
        0 => ElectionKind::Preferred,
        1 => ElectionKind::Unclean,
        _ => return whole(ErrorCode::InvalidRequest),
    };
    if let Some(controller) = &node.controller {
        let asked = Request::ElectLeaders { kind, partitions: partitions(&request) };
        match controller.ask(asked).await {
            Reply::LeadersElected(outcomes) => return answer(outcomes),
            Reply::NotController => {}
            other => return super::unexpected(&other, whole),
        }
    }
    let Some(broker) = &node.broker else { return whole(ErrorCode::NotController) };
    let deadline = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let forwarded = request::Request::ElectLeaders(request);
    let attempt = broker.forward(&forwarded);
    match broker.host.within(deadline.max(Duration::from_millis(1)), attempt).await.flatten() {
        Some(Response::ElectLeaders(response)) => {
            if response.error_code == ErrorCode::NotController.code() {
                broker.controller_moved();
            }
            Response::ElectLeaders(response)
        }
        Some(_) | None => whole(ErrorCode::NotController),
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

fn whole(code: ErrorCode) -> Response {
    Response::ElectLeaders(message!(ElectLeadersResponse { error_code: code.code() }))
}

fn code(refusal: ElectionRefusal) -> ErrorCode {
    match refusal {
        ElectionRefusal::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        ElectionRefusal::NotNeeded => ErrorCode::ElectionNotNeeded,
        ElectionRefusal::PreferredLeaderNotAvailable => ErrorCode::PreferredLeaderNotAvailable,
        ElectionRefusal::EligibleLeadersNotAvailable => ErrorCode::EligibleLeadersNotAvailable,
    }
}
