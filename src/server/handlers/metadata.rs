//! Metadata (3), versions 0–13: which brokers there are and who leads what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::controller::{MetadataImage, TopicImage};
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    CreateTopicsRequest, MetadataRequest, MetadataResponse, create_topics_request,
    metadata_request, metadata_response,
};
use crate::protocol::request::Response;
use crate::server::broker::Broker;
use crate::server::message;
use crate::types::{BrokerRecord, PartitionRecord, TopicId};

/// How long a client that names an unknown topic waits while it is created.
const CREATE_WAIT: Duration = Duration::from_secs(2);

/// Answers from the metadata as this broker knows it; creates unknown topics where the client and
/// `auto.create.topics.enable` allow it.
pub(super) async fn handle(broker: &Arc<Broker>, request: MetadataRequest) -> MetadataResponse {
    let created = create_missing(broker, &request).await;
    let image = broker.metadata.image();
    let topics = match &request.topics {
        None => image.topics.values().map(|topic| describe(&image, topic)).collect(),
        Some(asked) => asked.iter().map(|topic| find(&image, topic, &created)).collect(),
    };
    message!(MetadataResponse {
        brokers: image.brokers.values().filter(|broker| !broker.fenced).map(endpoint).collect(),
        cluster_id: Some(broker.cluster_id.as_str().into()),
        controller_id: live_broker(broker, &image),
        topics: topics,
    })
}

/// Administrators send their requests to the controller named here; any live broker forwards
/// them, as in KRaft.
fn live_broker(broker: &Broker, image: &MetadataImage) -> i32 {
    let alive = |record: &&BrokerRecord| !record.fenced;
    if image.brokers.get(&broker.id).as_ref().is_some_and(alive) {
        return broker.id.0;
    }
    image.brokers.values().find(alive).map_or(-1, |record| record.id.0)
}

fn endpoint(record: &BrokerRecord) -> metadata_response::MetadataResponseBroker {
    message!(metadata_response::MetadataResponseBroker {
        node_id: record.id.0,
        host: record.host.as_ref().into(),
        port: i32::from(record.port),
        rack: record.rack.as_deref().map(Into::into),
    })
}

/// Creates what is asked for by name and does not exist; says what each attempt came to.
#[expect(clippy::wildcard_enum_match_arm, reason = "Kafka may name any of its codes")]
async fn create_missing(
    broker: &Arc<Broker>,
    request: &MetadataRequest,
) -> BTreeMap<String, ErrorCode> {
    let mut outcomes = BTreeMap::new();
    if !request.allow_auto_topic_creation || !broker.config.broker.auto_create_topics {
        return outcomes;
    }
    let image = broker.metadata.image();
    let missing: Vec<_> = request
        .topics
        .iter()
        .flatten()
        .filter(|topic| topic.topic_id.is_zero())
        .filter_map(|topic| topic.name.clone())
        .filter(|name| image.topic(name.as_str()).is_none())
        .map(|name| {
            message!(create_topics_request::CreatableTopic {
                name: name,
                num_partitions: -1,
                replication_factor: -1,
            })
        })
        .collect();
    if missing.is_empty() {
        return outcomes;
    }
    let request = message!(CreateTopicsRequest {
        topics: missing,
        timeout_ms: super::super::wire_ms(CREATE_WAIT),
    });
    if let Response::CreateTopics(response) = super::create_topics::forward(broker, request).await {
        for topic in response.topics {
            let code = match ErrorCode::from_code(topic.error_code) {
                // It exists now, or will in a moment: the client asks again.
                ErrorCode::None
                | ErrorCode::TopicAlreadyExists
                | ErrorCode::NotController
                | ErrorCode::RequestTimedOut => ErrorCode::LeaderNotAvailable,
                other => other,
            };
            outcomes.insert(topic.name.as_str().to_owned(), code);
        }
    }
    outcomes
}

fn find(
    image: &MetadataImage,
    asked: &metadata_request::MetadataRequestTopic,
    created: &BTreeMap<String, ErrorCode>,
) -> metadata_response::MetadataResponseTopic {
    if !asked.topic_id.is_zero() {
        return match image.topics.get(&TopicId::from(asked.topic_id)) {
            Some(topic) => describe(image, topic),
            None => message!(metadata_response::MetadataResponseTopic {
                error_code: ErrorCode::UnknownTopicId.code(),
                name: None,
                topic_id: asked.topic_id,
            }),
        };
    }
    let name = asked.name.clone().unwrap_or_default();
    if let Some(topic) = image.topic(name.as_str()) {
        return describe(image, topic);
    }
    let code = match created.get(name.as_str()) {
        Some(code) => *code,
        None if crate::controller::is_topic_name(name.as_str()) => {
            ErrorCode::UnknownTopicOrPartition
        }
        None => ErrorCode::InvalidTopicException,
    };
    message!(metadata_response::MetadataResponseTopic { error_code: code.code(), name: Some(name) })
}

fn describe(image: &MetadataImage, topic: &TopicImage) -> metadata_response::MetadataResponseTopic {
    let partitions = topic.partitions.values().map(|record| partition(image, record)).collect();
    message!(metadata_response::MetadataResponseTopic {
        name: Some(topic.record.name.as_ref().into()),
        topic_id: topic.record.id.into(),
        partitions: partitions,
    })
}

fn partition(
    image: &MetadataImage,
    record: &PartitionRecord,
) -> metadata_response::MetadataResponsePartition {
    let offline = |broker| image.brokers.get(broker).is_none_or(|record| record.fenced);
    let code =
        if record.leader.is_some() { ErrorCode::None } else { ErrorCode::LeaderNotAvailable };
    message!(metadata_response::MetadataResponsePartition {
        error_code: code.code(),
        partition_index: record.partition,
        leader_id: record.leader.map_or(-1, |leader| leader.0),
        leader_epoch: record.leader_epoch.0,
        replica_nodes: record.replicas.iter().map(|broker| broker.0).collect(),
        isr_nodes: record.in_sync_replicas.iter().map(|broker| broker.0).collect(),
        offline_replicas: record.replicas.iter().filter(|b| offline(b)).map(|b| b.0).collect(),
    })
}
