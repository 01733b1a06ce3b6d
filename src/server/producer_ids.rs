//! Producer ids that this broker may give out (KIP-730).

use std::sync::Mutex;

use crate::protocol::ErrorCode;
use crate::protocol::messages::AllocateProducerIdsRequest;
use crate::protocol::request::{Request, Response};
use crate::types::ProducerId;

use super::broker::Broker;
use super::message;

/// The rest of the block that the controller gave last.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    block: Mutex<std::ops::Range<i64>>,
}

impl ProducerIds {
    fn take(&self) -> Option<ProducerId> {
        self.block.lock().expect("nothing panics under this lock").next().map(ProducerId)
    }

    fn refill(&self, block: std::ops::Range<i64>) {
        let mut rest = self.block.lock().expect("nothing panics under this lock");
        // Another request may have refilled meanwhile; ids may be skipped but never given twice.
        if rest.is_empty() {
            *rest = block;
        }
    }
}

/// An id that no producer has had before, from the block or from the controller.
pub(crate) async fn next(broker: &Broker) -> Result<ProducerId, ErrorCode> {
    if let Some(id) = broker.producer_ids.take() {
        return Ok(id);
    }
    let broker_epoch = broker.standing.epoch().ok_or(ErrorCode::CoordinatorLoadInProgress)?;
    let request = message!(AllocateProducerIdsRequest {
        broker_id: broker.id.0,
        broker_epoch: broker_epoch.0,
    });
    match broker.forward(&Request::AllocateProducerIds(request)).await {
        Some(Response::AllocateProducerIds(response)) if response.error_code == 0 => {
            let start = response.producer_id_start;
            broker.producer_ids.refill(start..start + i64::from(response.producer_id_len));
        }
        Some(Response::AllocateProducerIds(response))
            if response.error_code == ErrorCode::NotController.code() =>
        {
            broker.controller_moved();
        }
        Some(_) | None => {}
    }
    broker.producer_ids.take().ok_or(ErrorCode::CoordinatorLoadInProgress)
}
