//! Our own APIs between controllers and towards brokers: raft messages and committed metadata.

use std::time::Duration;

use crate::host::Host;
use crate::protocol::messages::{
    FetchMetadataOutcome, FetchMetadataRequest, FetchMetadataResponse,
};
use crate::protocol::request::Response;
use crate::quorum::QuorumMessage;
use crate::server::committed::Next;
use crate::server::controller::ControllerHandle;

/// The longest a broker may have an answer held back.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Hands a raft message to the quorum. The answer says only that it arrived.
pub(super) fn receive(controller: &ControllerHandle, message: QuorumMessage) -> Response {
    controller.receive(message);
    Response::Quorum
}

/// Committed batches behind a position; waits for one as long as the asker allows.
pub(super) async fn fetch_metadata(
    host: &Host,
    controller: &ControllerHandle,
    request: FetchMetadataRequest,
) -> Response {
    let wait = Duration::from_millis(u64::from(request.max_wait_ms)).min(WAIT_MAX);
    let answer = host.within(wait, news(controller, &request)).await;
    let nothing = FetchMetadataOutcome::Batches { batches: Vec::new(), committed: request.after };
    Response::FetchMetadata(FetchMetadataResponse { outcome: answer.unwrap_or(nothing) })
}

async fn news(
    controller: &ControllerHandle,
    request: &FetchMetadataRequest,
) -> FetchMetadataOutcome {
    loop {
        let changed = controller.committed.changed.notified();
        match controller.committed.next(request.after) {
            Next::NotController(hint) => return FetchMetadataOutcome::NotController { hint },
            Next::Batches(batches) => {
                let batches: Vec<_> = batches
                    .into_iter()
                    .map(|(offset, records)| (offset, records.as_ref().clone()))
                    .collect();
                let committed = controller.committed.offset();
                return FetchMetadataOutcome::Batches { batches, committed };
            }
            Next::Snapshot(image) => return FetchMetadataOutcome::Snapshot(image),
            Next::Nothing => changed.await,
        }
    }
}
