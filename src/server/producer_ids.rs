//! Producer ids that this broker may give out (KIP-730).
//!
//! The controller gives them in blocks. One task of the broker fetches the next block before this
//! one is used up, so that an InitProducerId answers from memory. The controller commits a block
//! before it answers, which can take longer than a request usually may; an answer that is waited
//! for in the request of one producer would be thrown away with that request, and the next producer
//! would fare no better.

mod blocks;

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use crate::client::CallError;
use crate::protocol::ErrorCode;
use crate::protocol::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
use crate::protocol::request::{Request, Response};
use crate::types::ProducerId;

use super::broker::Broker;
use super::channel::ControllerChannel;
use super::message;
use blocks::Blocks;

/// The pause after the controller gave no block: Kafka's `RETRY_BACKOFF_MS`.
const RETRY_BACKOFF: Duration = Duration::from_millis(50);
/// How long a producer waits for a request that is under way: twice the usual `retry.backoff.ms`.
const WAIT_MAX: Duration = Duration::from_millis(200);

/// The ids that this broker may give out.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    blocks: Mutex<Blocks>,
    /// Told when the next block is wanted.
    wanted: Notify,
    /// Told when a request has ended, with a block or without.
    settled: Notify,
}

impl ProducerIds {
    fn lock(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().expect("a panic under this lock is a bug that ends the broker")
    }

    fn give(&self) -> Option<ProducerId> {
        let mut blocks = self.lock();
        let given = blocks.give();
        if blocks.is_wanted() {
            self.wanted.notify_one();
        }
        given
    }

    /// Gives an id; if there is none, after the controller was heard, or was not.
    async fn given(&self) -> Option<ProducerId> {
        let settled = self.settled.notified();
        let given = self.give();
        if given.is_some() {
            return given;
        }
        settled.await;
        self.give()
    }
}

/// An id that no producer has had before.
///
/// Where there is none, waits a moment for a request to the controller that is under way. Kafka's
/// brokers do not wait; they have the producer come again, which costs the first one of each broker
/// its `retry.backoff.ms`. More than a moment would be wrong: another broker may have an id, and
/// no answer is lost because nobody waits for it.
///
/// # Errors
/// COORDINATOR_LOAD_IN_PROGRESS, as in Kafka: there is none yet. Producers try again.
pub(crate) async fn next(broker: &Broker) -> Result<ProducerId, ErrorCode> {
    let given = broker.host.within(WAIT_MAX, broker.producer_ids.given()).await;
    given.flatten().ok_or(ErrorCode::CoordinatorLoadInProgress)
}

/// Fetches the next block whenever one is wanted. Never returns.
///
/// There is one such task, and it waits for each answer before it asks again. Every answer is kept:
/// the controller's counter only grows, so a block is this broker's for ever, even if the broker
/// has registered anew between request and answer.
pub(crate) async fn replenish(broker: Arc<Broker>, mut controller: ControllerChannel) {
    let ids = &broker.producer_ids;
    loop {
        if !ids.lock().ask() {
            ids.wanted.notified().await;
            continue;
        }
        match ask(&broker, &mut controller).await {
            Ok(block) => {
                tracing::debug!(?block, "producer ids");
                ids.lock().answered(block);
                ids.settled.notify_waiters();
            }
            Err(reason) => {
                tracing::debug!(%reason, "no producer ids; trying again");
                ids.lock().failed();
                ids.settled.notify_waiters();
                broker.host.clock.sleep(RETRY_BACKOFF).await;
            }
        }
    }
}

/// Why the controller gave no block.
#[derive(Debug, thiserror::Error)]
enum NoBlock {
    #[error("this broker is not registered")]
    NotRegistered,
    #[error(transparent)]
    NoAnswer(#[from] CallError),
    #[error("the controller answered {0}")]
    Refused(ErrorCode),
    #[error("the controller gave {count} ids from {start} on")]
    Unusable { start: i64, count: i32 },
    #[error("the controller answered another question")]
    AnotherQuestion,
}

/// Asks the active controller for a block. An answer may come late, up to the time after which a
/// controller counts a silent broker as dead: waiting costs nobody anything, and giving up too
/// early would cost the block.
async fn ask(broker: &Broker, controller: &mut ControllerChannel) -> Result<Range<i64>, NoBlock> {
    let broker_epoch = broker.standing.epoch().ok_or(NoBlock::NotRegistered)?;
    let request = Request::AllocateProducerIds(message!(AllocateProducerIdsRequest {
        broker_id: broker.id.0,
        broker_epoch: broker_epoch.0,
    }));
    let extra = broker.config.controller.session_timeout;
    let Response::AllocateProducerIds(response) = controller.call(&request, extra).await? else {
        return Err(NoBlock::AnotherQuestion);
    };
    match ErrorCode::from_code(response.error_code).failure() {
        None => block(&response),
        Some(code) => {
            if code == ErrorCode::NotController {
                controller.moved(None);
            }
            Err(NoBlock::Refused(code))
        }
    }
}

/// The ids of an answer without an error.
fn block(response: &AllocateProducerIdsResponse) -> Result<Range<i64>, NoBlock> {
    let (start, count) = (response.producer_id_start, response.producer_id_len);
    let end = start.checked_add(i64::from(count));
    match end.filter(|end| start >= 0 && *end > start) {
        Some(end) => Ok(start..end),
        None => Err(NoBlock::Unusable { start, count }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(start: i64, count: i32) -> Result<Range<i64>, String> {
        let response = message!(AllocateProducerIdsResponse {
            producer_id_start: start,
            producer_id_len: count,
        });
        block(&response).map_err(|reason| reason.to_string())
    }

    #[test]
    fn answer_that_is_no_block_is_refused() {
        assert_eq!(answered(1000, 1000), Ok(1000..2000));
        assert_eq!(answered(i64::MAX - 1, 1), Ok(i64::MAX - 1..i64::MAX));
        for (start, count) in [(0, 0), (5, -1), (-1, 1000), (i64::MAX, 1), (i64::MIN, i32::MIN)] {
            let unusable = format!("the controller gave {count} ids from {start} on");
            assert_eq!(answered(start, count), Err(unusable));
        }
    }
}
