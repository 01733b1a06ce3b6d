//! InitProducerId (22), versions 0–5, and AllocateProducerIds (67): producer ids (KIP-98, KIP-730).

use std::sync::Arc;

use crate::controller::{PartitionRefusal, Reply, Request};
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, InitProducerIdRequest,
    InitProducerIdResponse,
};
use crate::protocol::request::Response;
use crate::server::broker::Broker;
use crate::server::controller::ControllerHandle;
use crate::server::{message, producer_ids};
use crate::types::{BrokerEpoch, BrokerId};

/// Gives an idempotent producer an id that nobody has had. Transactional producers are refused:
/// transactions do not exist here.
pub(super) async fn handle(
    broker: &Arc<Broker>,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    if request.transactional_id.as_ref().is_some_and(|id| !id.is_empty()) {
        return refused(ErrorCode::InvalidRequest);
    }
    // A producer that names its old id wants a higher epoch (KIP-360). A new id fences the old one
    // just as well and needs no memory of who held it.
    match producer_ids::next(broker).await {
        Ok(id) => message!(InitProducerIdResponse { producer_id: id.0, producer_epoch: 0 }),
        Err(code) => refused(code),
    }
}

fn refused(code: ErrorCode) -> InitProducerIdResponse {
    message!(InitProducerIdResponse {
        error_code: code.code(),
        producer_id: -1,
        producer_epoch: -1,
    })
}

/// Gives a broker a block of ids.
#[expect(clippy::wildcard_enum_match_arm, reason = "a reply of another kind is one case")]
pub(super) async fn allocate(
    controller: &ControllerHandle,
    request: AllocateProducerIdsRequest,
) -> Response {
    let asked = Request::AllocateProducerIds {
        broker: BrokerId(request.broker_id),
        broker_epoch: BrokerEpoch(request.broker_epoch),
    };
    let error = |code: ErrorCode| {
        Response::AllocateProducerIds(message!(AllocateProducerIdsResponse {
            error_code: code.code(),
        }))
    };
    match controller.ask(asked).await {
        Reply::ProducerIds(Ok((start, count))) => {
            Response::AllocateProducerIds(message!(AllocateProducerIdsResponse {
                producer_id_start: start,
                producer_id_len: count,
            }))
        }
        Reply::ProducerIds(Err(PartitionRefusal::StaleBrokerEpoch)) => {
            error(ErrorCode::StaleBrokerEpoch)
        }
        Reply::ProducerIds(Err(refusal)) => {
            tracing::warn!(%refusal, "no producer ids");
            error(ErrorCode::UnknownServerError)
        }
        Reply::NotController => error(ErrorCode::NotController),
        other => super::unexpected(&other, error),
    }
}
