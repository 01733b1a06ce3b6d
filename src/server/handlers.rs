//! One file per API: what a request means on this node, and which error code says so.
//!
//! Handlers are the only ones that know error codes. They decide nothing: they ask the pure rooms
//! and translate.

mod alter_partition;
mod api_versions;
mod create_topics;
mod elect_leaders;
mod fetch;
mod init_producer_id;
mod list_offsets;
mod membership;
mod metadata;
mod offset_for_leader_epoch;
mod produce;
mod quorum;

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::host::Host;
use crate::protocol::api::ListenerKind;
use crate::protocol::request::{Request, RequestHeader, Response};
use crate::replication::FetchRefusal;
use crate::types::LeaderEpoch;

use super::broker::Broker;
use super::controller::ControllerHandle;
use super::metrics::RequestTimes;
use crate::protocol::ErrorCode;

/// The longest that a request which only the active controller can serve is tried, whatever its
/// `timeout_ms`. Kafka's brokers give up forwarding after the same time.
const CONTROLLER_WAIT_MAX: Duration = Duration::from_secs(60);

/// A node: a broker, a controller, or both.
#[derive(Debug)]
pub(crate) struct Node {
    /// The world outside.
    pub(crate) host: Host,
    /// The settings.
    pub(crate) config: Arc<Config>,
    /// Its part as a broker.
    pub(crate) broker: Option<Arc<Broker>>,
    /// Its part as a controller.
    pub(crate) controller: Option<ControllerHandle>,
    /// How long requests take.
    pub(crate) requests: RequestTimes,
}

/// What a request comes to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An answer.
    Respond(Response),
    /// The protocol has none (acks=0).
    Silent,
    /// Close the connection: acks=0 failed, or this node does not play the part asked for.
    Close,
}

impl From<Option<Response>> for Answer {
    fn from(response: Option<Response>) -> Self {
        response.map_or(Self::Close, Self::Respond)
    }
}

/// Answers one request that came in on a listener of this kind, and is served there.
pub(crate) async fn handle(
    node: &Arc<Node>,
    listener: ListenerKind,
    header: &RequestHeader,
    request: Request,
) -> Answer {
    if let Request::Produce(request) = request {
        return match &node.broker {
            Some(broker) => produce::handle(broker, request).await,
            None => Answer::Close,
        };
    }
    respond(node, listener, header, request).await.into()
}

async fn respond(
    node: &Arc<Node>,
    listener: ListenerKind,
    header: &RequestHeader,
    request: Request,
) -> Option<Response> {
    match request {
        Request::ApiVersions(_) => Some(Response::ApiVersions(api_versions::handle(listener))),
        Request::Quorum(message) => {
            node.controller.as_ref().map(|controller| quorum::receive(controller, message))
        }
        Request::FetchMetadata(request) => {
            let controller = node.controller.as_ref()?;
            Some(quorum::fetch_metadata(&node.host, controller, request).await)
        }
        Request::BrokerRegistration(request) => {
            Some(membership::register(node.controller.as_ref()?, request).await)
        }
        Request::BrokerHeartbeat(request) => {
            Some(membership::heartbeat(node, node.controller.as_ref()?, request).await)
        }
        Request::AlterPartition(request) => {
            Some(alter_partition::handle(node.controller.as_ref()?, request).await)
        }
        Request::AllocateProducerIds(request) => {
            Some(init_producer_id::allocate(node.controller.as_ref()?, request).await)
        }
        Request::CreateTopics(request) => {
            Some(create_topics::handle(node, listener, request).await)
        }
        Request::ElectLeaders(request) => {
            Some(elect_leaders::handle(node, listener, request).await)
        }
        Request::Metadata(_)
        | Request::Produce(_)
        | Request::Fetch(_)
        | Request::ListOffsets(_)
        | Request::InitProducerId(_)
        | Request::OffsetForLeaderEpoch(_) => {
            handle_as_broker(node.broker.as_ref()?, header, request).await
        }
    }
}

async fn handle_as_broker(
    broker: &Arc<Broker>,
    header: &RequestHeader,
    request: Request,
) -> Option<Response> {
    match request {
        Request::Metadata(request) => {
            Some(Response::Metadata(metadata::handle(broker, request).await))
        }
        Request::Fetch(request) => {
            Some(Response::Fetch(fetch::handle(broker, header, request).await))
        }
        Request::ListOffsets(request) => {
            Some(Response::ListOffsets(list_offsets::handle(broker, header, request)))
        }
        Request::InitProducerId(request) => {
            Some(Response::InitProducerId(init_producer_id::handle(broker, request).await))
        }
        Request::OffsetForLeaderEpoch(request) => {
            Some(Response::OffsetForLeaderEpoch(offset_for_leader_epoch::handle(broker, request)))
        }
        Request::ApiVersions(_)
        | Request::Produce(_)
        | Request::Quorum(_)
        | Request::FetchMetadata(_)
        | Request::BrokerRegistration(_)
        | Request::BrokerHeartbeat(_)
        | Request::AlterPartition(_)
        | Request::AllocateProducerIds(_)
        | Request::CreateTopics(_)
        | Request::ElectLeaders(_) => None,
    }
}

/// The error code of a refused fetch or leader-only request.
fn refusal_code(refusal: FetchRefusal) -> ErrorCode {
    match refusal {
        FetchRefusal::FencedLeaderEpoch { .. } => ErrorCode::FencedLeaderEpoch,
        FetchRefusal::UnknownLeaderEpoch { .. } | FetchRefusal::NotAssigned(_) => {
            ErrorCode::UnknownLeaderEpoch
        }
        FetchRefusal::NotLeader => ErrorCode::NotLeaderOrFollower,
        FetchRefusal::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        FetchRefusal::StorageFailed => ErrorCode::KafkaStorageError,
    }
}

/// A leader epoch on the wire: -1 is none.
fn epoch_from_wire(epoch: i32) -> Option<LeaderEpoch> {
    (epoch >= 0).then_some(LeaderEpoch(epoch))
}

/// How long a request with this `timeout_ms` may take until the controller has decided; `None` if
/// its time is over already, as it is for zero and for anything negative. Such a request does
/// nothing and is answered with REQUEST_TIMED_OUT, as in Kafka.
fn controller_wait(timeout_ms: i32) -> Option<Duration> {
    let wait = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
    (!wait.is_zero()).then(|| wait.min(CONTROLLER_WAIT_MAX))
}

/// The controller that is to be asked at once, and the broker that forwards if it is not the active
/// one. On a controller's listener nothing is forwarded: whoever comes there looks for the active
/// controller himself.
fn deciders(
    node: &Node,
    listener: ListenerKind,
) -> (Option<&ControllerHandle>, Option<&Arc<Broker>>) {
    let broker = node.broker.as_ref();
    (node.controller.as_ref(), broker.filter(|_| listener == ListenerKind::Broker))
}

/// A reply of another kind than the request's can only be a mistake of ours.
fn unexpected(
    reply: &crate::controller::Reply,
    error: impl FnOnce(ErrorCode) -> Response,
) -> Response {
    tracing::error!(?reply, "the controller answered another question");
    error(ErrorCode::UnknownServerError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_neither_negative_nor_longer_than_a_minute() {
        let waits = [i32::MIN, -1, 0, 1, 60_000, 60_001, i32::MAX].map(controller_wait);
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(waits, [None, None, None, ms(1), ms(60_000), ms(60_000), ms(60_000)]);
    }
}
