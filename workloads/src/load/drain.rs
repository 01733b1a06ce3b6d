//! The final reads: every replica, from the start of its log to its last committed record.
//!
//! Because everything is read at the end, on every replica, a record that is late cannot be
//! mistaken for one that is lost.

use std::time::Duration;

use harness::history::Action;
use harness::system::ClientEnv;
use highwater::client::{Consumer, Fetched};
use highwater::types::{BrokerId, TopicPartition};

use super::{Shared, consumer, consumer_settings, key};
use crate::sim_host;

/// How long a poll of the drain waits.
const POLL_WAIT: Duration = Duration::from_millis(200);
/// Polls in a row that may fail before the drain gives up on a replica.
const FAILURES_MAX: u32 = 50;

/// How the drain went: one line for each replica that could not be read to its end.
pub(crate) type Drained = Vec<String>;

/// Reads one partition on one replica to its end.
pub(crate) async fn drain(
    env: ClientEnv,
    shared: Shared,
    partition: TopicPartition,
    replica: BrokerId,
) -> Drained {
    let client = shared.settings(&env.name);
    let host = sim_host::client_host(env);
    let clock = host.clock.clone();
    let settings = consumer_settings(1024 * 1024, None);
    let mut consumer = Consumer::new(host, client, settings);
    let process = shared.recorder.process();
    let source = format!("broker-{replica}");
    let operation = process.invoke(shared.timeline.now(), consumer::read(&source, &[], true));
    let mut records: Vec<Fetched> = Vec::new();
    let mut failures = 0;
    let mut is_assigned = false;
    loop {
        if !is_assigned {
            match consumer.earliest_offset(&partition).await {
                Ok(earliest) => {
                    consumer.assign(partition.clone(), earliest);
                    consumer.read_from(Some(replica));
                    is_assigned = true;
                }
                Err(error) if failures >= FAILURES_MAX => {
                    operation.info(shared.timeline.now(), error.to_string());
                    return vec![format!("{partition} on {source}: {error}")];
                }
                Err(_) => {
                    failures += 1;
                    clock.sleep(POLL_WAIT).await;
                }
            }
            continue;
        }
        match consumer.poll(POLL_WAIT).await {
            Ok(more) => {
                records.extend(more);
                if is_at_end(&consumer, &partition) {
                    break;
                }
            }
            Err(error) if failures >= FAILURES_MAX => {
                operation.info(shared.timeline.now(), error.to_string());
                return vec![format!("{partition} on {source}: {error}")];
            }
            Err(_) => {
                failures += 1;
                clock.sleep(POLL_WAIT).await;
            }
        }
    }
    let mut action = consumer::read(&source, &records, true);
    if let Action::Poll { records, .. } = &mut action {
        records.entry(key(&partition)).or_default();
    }
    operation.ok(shared.timeline.now(), action);
    Vec::new()
}

fn is_at_end(consumer: &Consumer, partition: &TopicPartition) -> bool {
    let position = consumer.position(partition);
    let end = consumer.high_watermark(partition);
    end.is_some() && position >= end
}
