//! An idempotent producer's identity: its id, and what it has counted per partition (R28).

use std::collections::BTreeMap;

use super::outcome::{Failure, Refusal};
use crate::client::cluster::Cluster;
use crate::protocol::batch::ProducerStamp;
use crate::protocol::messages::{InitProducerIdRequest, build};
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{Millis, ProducerEpoch, ProducerId, Sequence, TopicPartition};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    id: ProducerId,
    epoch: ProducerEpoch,
    /// The next record's sequence; 0 where none was sent yet.
    next: BTreeMap<TopicPartition, Sequence>,
}

impl Identity {
    pub(super) fn stamp(&self, partition: &TopicPartition) -> ProducerStamp {
        ProducerStamp { id: self.id, epoch: self.epoch, base_sequence: self.next(partition) }
    }

    /// Counts records that were appended.
    pub(super) fn advance(&mut self, partition: &TopicPartition, records: usize) {
        let records = i32::try_from(records).expect("a batch that was sent counts in 32 bits");
        let next = self.next(partition).plus(records);
        self.next.insert(partition.clone(), next);
    }

    fn next(&self, partition: &TopicPartition) -> Sequence {
        self.next.get(partition).copied().unwrap_or_default()
    }
}

/// Asks any broker for a producer id. An id that is lost on the way harms nobody.
pub(super) async fn obtain(cluster: &mut Cluster, deadline: Millis) -> Result<Identity, Failure> {
    let request = build(|request: &mut InitProducerIdRequest| {
        request.transactional_id = None;
        request.transaction_timeout_ms = i32::MAX;
    });
    let answer = cluster
        .ask_anyone(&Request::InitProducerId(request), deadline)
        .await
        .map_err(|error| Failure::Refused(Refusal::NoLeader(error)))?;
    let Response::InitProducerId(answer) = answer else {
        unreachable!("an answer is read as what was asked")
    };
    if let Some(code) = ErrorCode::from_code(answer.error_code).failure() {
        return Err(Failure::Refused(Refusal::NoProducerId(code)));
    }
    Ok(Identity {
        id: ProducerId(answer.producer_id),
        epoch: ProducerEpoch(answer.producer_epoch),
        next: BTreeMap::new(),
    })
}
