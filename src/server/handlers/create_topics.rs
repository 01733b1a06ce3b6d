//! CreateTopics (19), versions 2–7: a broker forwards it, the active controller decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, TopicConfig};
use crate::controller::{self, CreateTopicRequest, Reply, Request, TopicRefusal};
use crate::protocol::ErrorCode;
use crate::protocol::api::ListenerKind;
use crate::protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, create_topics_request, create_topics_response,
};
use crate::protocol::request::{self, Response};
use crate::server::broker::Broker;
use crate::server::message;
use crate::types::BrokerId;

use super::{Node, controller_wait, deciders};

/// What became of one topic that was asked for.
type Created = (Arc<str>, Result<controller::CreateTopicReply, TopicRefusal>);

/// The pause before the active controller is looked for again.
const FORWARD_BACKOFF: Duration = Duration::from_millis(100);

/// Asks this node's controller if it is the active one, otherwise the one that is. All of it ends
/// with the request's time: what was asked may still happen then.
pub(super) async fn handle(
    node: &Arc<Node>,
    listener: ListenerKind,
    request: CreateTopicsRequest,
) -> Response {
    let timed_out = refuse_all(&request, ErrorCode::RequestTimedOut);
    let Some(wait) = controller_wait(request.timeout_ms) else { return timed_out };
    node.host.within(wait, decide(node, listener, request)).await.unwrap_or(timed_out)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a reply of another kind is one case")]
async fn decide(
    node: &Arc<Node>,
    listener: ListenerKind,
    request: CreateTopicsRequest,
) -> Response {
    let (controller, broker) = deciders(node, listener);
    if let Some(controller) = controller {
        let asked = Request::CreateTopics {
            topics: request.topics.iter().map(read).collect(),
            validate_only: request.validate_only,
            dice: [node.host.dice.next_u64(), node.host.dice.next_u64()],
        };
        match controller.ask(asked).await {
            Reply::TopicsCreated(created) => {
                warn_of_weak(&node.config, &created);
                return answer(created);
            }
            Reply::NotController => {}
            other => return super::unexpected(&other, |code| refuse_all(&request, code)),
        }
    }
    match broker {
        Some(broker) => try_to_forward(broker, &request).await,
        None => refuse_all(&request, ErrorCode::NotController),
    }
}

/// Forwards to the active controller for as long as the request allows.
pub(super) async fn forward(broker: &Broker, request: CreateTopicsRequest) -> Response {
    let timed_out = refuse_all(&request, ErrorCode::RequestTimedOut);
    let Some(wait) = controller_wait(request.timeout_ms) else { return timed_out };
    broker.host.within(wait, try_to_forward(broker, &request)).await.unwrap_or(timed_out)
}

/// Looks for the active controller until it answers.
async fn try_to_forward(broker: &Broker, request: &CreateTopicsRequest) -> Response {
    let forwarded = request::Request::CreateTopics(request.clone());
    loop {
        match broker.forward(&forwarded).await {
            Some(Response::CreateTopics(response)) if !is_not_controller(&response) => {
                return Response::CreateTopics(response);
            }
            Some(_) => broker.controller_moved(),
            None => {}
        }
        broker.host.clock.sleep(FORWARD_BACKOFF).await;
    }
}

fn is_not_controller(response: &CreateTopicsResponse) -> bool {
    response.topics.iter().any(|topic| topic.error_code == ErrorCode::NotController.code())
}

fn read(topic: &create_topics_request::CreatableTopic) -> CreateTopicRequest {
    let assignment: BTreeMap<_, _> = topic
        .assignments
        .iter()
        .map(|part| (part.partition_index, part.broker_ids.iter().copied().map(BrokerId).collect()))
        .collect();
    let configs = topic
        .configs
        .iter()
        .filter_map(|config| {
            Some((config.name.as_str().to_owned(), config.value.as_ref()?.as_str().to_owned()))
        })
        .collect();
    CreateTopicRequest {
        name: topic.name.as_str().into(),
        partitions: (topic.num_partitions != -1).then_some(topic.num_partitions),
        replication_factor: (topic.replication_factor != -1).then_some(topic.replication_factor),
        assignment,
        configs,
    }
}

/// Says aloud what a new topic gives up against the golden preset.
fn warn_of_weak(config: &Config, created: &[Created]) {
    let made = created.iter().filter_map(|(name, outcome)| Some((name, outcome.as_ref().ok()?)));
    for (name, topic) in made {
        for weakness in TopicConfig::from(&topic.configs, config).gives_up(topic.replication_factor)
        {
            tracing::warn!(topic = %name, "weaker than the golden preset: {weakness}");
        }
    }
}

fn answer(created: Vec<Created>) -> Response {
    let topics = created
        .into_iter()
        .map(|(name, outcome)| match outcome {
            Ok(topic) => message!(create_topics_response::CreatableTopicResult {
                name: name.as_ref().into(),
                topic_id: topic.id.into(),
                error_message: None,
                num_partitions: topic.partitions,
                replication_factor: topic.replication_factor,
                configs: Some(topic.configs.iter().map(config).collect()),
            }),
            Err(refusal) => refused(&name, code(&refusal), Some(&refusal.to_string())),
        })
        .collect();
    Response::CreateTopics(message!(CreateTopicsResponse { topics: topics }))
}

/// A setting of the topic itself (config source 1, as Kafka numbers them).
fn config((name, value): (&String, &String)) -> create_topics_response::CreatableTopicConfigs {
    message!(create_topics_response::CreatableTopicConfigs {
        name: name.as_str().into(),
        value: Some(value.as_str().into()),
        config_source: 1,
    })
}

fn refuse_all(request: &CreateTopicsRequest, code: ErrorCode) -> Response {
    let topics = request.topics.iter().map(|topic| refused(&topic.name, code, None)).collect();
    Response::CreateTopics(message!(CreateTopicsResponse { topics: topics }))
}

fn refused(
    name: &str,
    code: ErrorCode,
    reason: Option<&str>,
) -> create_topics_response::CreatableTopicResult {
    message!(create_topics_response::CreatableTopicResult {
        name: name.into(),
        error_code: code.code(),
        error_message: reason.map(Into::into),
        configs: Some(Vec::new()),
    })
}

fn code(refusal: &TopicRefusal) -> ErrorCode {
    match refusal {
        TopicRefusal::AlreadyExists(_) => ErrorCode::TopicAlreadyExists,
        TopicRefusal::InvalidName(..) => ErrorCode::InvalidTopicException,
        TopicRefusal::InvalidPartitions(_) => ErrorCode::InvalidPartitions,
        TopicRefusal::InvalidReplicationFactor { .. } => ErrorCode::InvalidReplicationFactor,
        TopicRefusal::InvalidAssignment(_) => ErrorCode::InvalidReplicaAssignment,
        TopicRefusal::InvalidConfig { .. } => ErrorCode::InvalidConfig,
        TopicRefusal::TooManyPartitions(_) => ErrorCode::PolicyViolation,
        TopicRefusal::Unknown(_) => ErrorCode::UnknownTopicOrPartition,
    }
}
