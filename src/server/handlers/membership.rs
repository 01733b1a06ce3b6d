//! BrokerRegistration (62) and BrokerHeartbeat (63): brokers join, stay and leave (R19–R21).

use crate::controller::{HeartbeatReply, HeartbeatRequest, RegisterBrokerRequest, Reply, Request};
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse,
};
use crate::protocol::request::Response;
use crate::server::controller::ControllerHandle;
use crate::server::handlers::Node;
use crate::server::message;
use crate::types::{BrokerEpoch, BrokerId, DirectoryId, Incarnation, MetadataOffset};

/// Registers a broker by its first listener.
#[expect(clippy::wildcard_enum_match_arm, reason = "a reply of another kind is one case")]
pub(super) async fn register(
    controller: &ControllerHandle,
    request: BrokerRegistrationRequest,
) -> Response {
    let error = |code: ErrorCode| {
        Response::BrokerRegistration(message!(BrokerRegistrationResponse {
            error_code: code.code(),
            broker_epoch: -1,
        }))
    };
    let Some(listener) = request.listeners.first() else {
        return error(ErrorCode::InvalidRequest);
    };
    let registration = RegisterBrokerRequest {
        id: BrokerId(request.broker_id),
        incarnation: Incarnation(request.incarnation_id.to_bytes()),
        host: listener.host.as_str().into(),
        port: listener.port,
        rack: request.rack.as_ref().map(|rack| rack.as_str().into()),
        previous_broker_epoch: (request.previous_broker_epoch >= 0)
            .then_some(BrokerEpoch(request.previous_broker_epoch)),
        directories: request.log_dirs.iter().map(|id| DirectoryId(id.to_bytes())).collect(),
    };
    match controller.ask(Request::RegisterBroker(registration)).await {
        Reply::Registered(Ok(broker_epoch)) => {
            Response::BrokerRegistration(message!(BrokerRegistrationResponse {
                broker_epoch: broker_epoch.0,
            }))
        }
        Reply::Registered(Err(_)) => error(ErrorCode::DuplicateBrokerRegistration),
        Reply::NotController => error(ErrorCode::NotController),
        other => super::unexpected(&other, error),
    }
}

/// Takes note that a broker is alive, and tells it how it stands.
#[expect(clippy::wildcard_enum_match_arm, reason = "a reply of another kind is one case")]
pub(super) async fn heartbeat(
    node: &Node,
    controller: &ControllerHandle,
    request: BrokerHeartbeatRequest,
) -> Response {
    let heartbeat = HeartbeatRequest {
        id: BrokerId(request.broker_id),
        broker_epoch: BrokerEpoch(request.broker_epoch),
        metadata_offset: MetadataOffset(request.current_metadata_offset),
        want_fence: request.want_fence,
        want_shut_down: request.want_shut_down,
    };
    let error = |code: ErrorCode| {
        Response::BrokerHeartbeat(message!(BrokerHeartbeatResponse { error_code: code.code() }))
    };
    let asked_at = node.host.clock.now();
    let reply = controller.ask(Request::Heartbeat(heartbeat)).await;
    if node.host.clock.now() - asked_at >= node.config.quorum.request_timeout {
        controller.counters.timed_out_heartbeats.one_more();
    }
    match reply {
        Reply::Heartbeat(HeartbeatReply::Alive { caught_up, fenced, should_shut_down }) => {
            Response::BrokerHeartbeat(message!(BrokerHeartbeatResponse {
                is_caught_up: caught_up,
                is_fenced: fenced,
                should_shut_down: should_shut_down,
            }))
        }
        Reply::Heartbeat(HeartbeatReply::StaleBrokerEpoch) => error(ErrorCode::StaleBrokerEpoch),
        Reply::Heartbeat(HeartbeatReply::NotRegistered) => error(ErrorCode::BrokerIdNotRegistered),
        Reply::NotController => error(ErrorCode::NotController),
        other => super::unexpected(&other, error),
    }
}
