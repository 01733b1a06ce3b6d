//! A client that makes a log long: many records in few batches, for what takes many records.

use harness::system::ClientEnv;
use highwater::client::{ClientSettings, Producer, ProducerSettings};
use highwater::protocol::batch::NewRecord;
use highwater::types::{Acks, TopicPartition};
use std::time::Duration;

use super::encode;
use crate::sim_host;

/// Records in a batch.
const BATCH: usize = 100;

/// Appends until so many records are in the leader's log.
pub(crate) async fn fill(
    env: ClientEnv,
    client: ClientSettings,
    partition: TopicPartition,
    records: usize,
) {
    let settings = ProducerSettings {
        acks: Acks::Leader,
        idempotence: false,
        delivery_timeout: Duration::from_secs(5),
        retries: 2,
    };
    let mut producer = Producer::new(sim_host::client_host(env), client, settings);
    let mut left = records;
    while left > 0 {
        let count = left.min(BATCH);
        let record = NewRecord { value: Some(encode(0)), ..NewRecord::default() };
        match producer.append(&partition, vec![record; count]).await {
            Ok(_) => left -= count,
            Err(error) => tracing::debug!(%error, "a batch was not appended; trying again"),
        }
    }
}
