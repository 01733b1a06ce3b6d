//! A producer: one record after the other, each with a value that nobody else sends.

use harness::history::{Action, Process, Promise};
use harness::system::ClientEnv;
use highwater::client::{Appended, ProduceError, Producer, ProducerSettings};
use highwater::protocol::batch::NewRecord;
use highwater::types::{Acks, TopicPartition};
use std::time::Duration;

use super::{ProducerKind, Shared, encode, key};
use crate::sim_host;

/// Values of one producer are numbered from its own share of all numbers.
const VALUES_PER_PRODUCER: u64 = 1 << 32;

/// How long the last record may take. The leader stays and everybody is in sync, so the first
/// attempt must do; a second one could hide that a waiting request was forgotten (LV4).
const LAST_TIMEOUT: Duration = Duration::from_millis(1400);

/// Sends until asked to stop.
pub(crate) async fn produce(env: ClientEnv, shared: Shared, index: u64, kind: ProducerKind) {
    let (stop, mut dice) = (env.stop.clone(), env.dice.clone());
    let settings = ProducerSettings {
        acks: kind.acks,
        idempotence: kind.idempotent,
        delivery_timeout: Duration::from_secs(5),
        retries: if kind.acks == Acks::All { u32::MAX } else { 2 },
    };
    let client = shared.settings(&env.name);
    let host = sim_host::client_host(env);
    let clock = host.clock.clone();
    let mut producer = Producer::new(host, client, settings);
    let process = shared.recorder.process();
    let first = index * VALUES_PER_PRODUCER;
    let last = shared.records_max.map_or(u64::MAX, |count| first.saturating_add(count));
    let mut value = first;
    while !stop.is_requested() && value < last {
        let partition = dice.pick(&shared.partitions).clone();
        // What became of it is in the history.
        append(&mut producer, (&shared, &process), (&partition, value), kind).await.ok();
        value += 1;
        let pause = dice.millis(Duration::from_millis(1)..shared.pace * 2);
        clock.sleep(pause).await;
    }
}

/// Appends one record to each partition, as nothing is wrong any more; a line for each that failed.
pub(crate) async fn produce_last(env: ClientEnv, shared: Shared, index: u64) -> Vec<String> {
    let kind = ProducerKind { acks: Acks::All, idempotent: true };
    let settings = ProducerSettings {
        acks: kind.acks,
        idempotence: kind.idempotent,
        delivery_timeout: LAST_TIMEOUT,
        retries: u32::MAX,
    };
    let client = shared.settings(&env.name);
    let mut producer = Producer::new(sim_host::client_host(env), client, settings);
    let process = shared.recorder.process();
    let mut failed = Vec::new();
    for (value, partition) in (index * VALUES_PER_PRODUCER..).zip(&shared.partitions) {
        let what = (partition, value);
        if let Err(why) = append(&mut producer, (&shared, &process), what, kind).await {
            let ms = LAST_TIMEOUT.as_millis();
            failed.push(format!("{partition} did not take a record in {ms} ms: {why}"));
        }
    }
    failed
}

/// Appends one record and writes down what became of it; why, if it was not acknowledged.
async fn append(
    producer: &mut Producer,
    (shared, process): (&Shared, &Process),
    (partition, value): (&TopicPartition, u64),
    kind: ProducerKind,
) -> Result<(), String> {
    let asked = Action::send(key(partition), vec![value], promise(kind), kind.idempotent);
    let operation = process.invoke(shared.timeline.now(), asked.clone());
    let record = NewRecord { value: Some(encode(value)), ..NewRecord::default() };
    let sent = producer.append(partition, vec![record]).await;
    let now = shared.timeline.now();
    match sent {
        Ok(Appended::Acknowledged { base_offset, .. }) => {
            operation.ok(now, asked.sent(vec![Some(base_offset.0)], producer.attempts() > 1));
        }
        Ok(Appended::Sent { .. }) => operation.ok(now, asked.sent(vec![None], false)),
        Err(ProduceError::NotAppended(refusal)) => {
            operation.fail(now, refusal.to_string());
            return Err(refusal.to_string());
        }
        Err(ProduceError::Indeterminate(doubt)) => {
            let learned = asked.sent(vec![None], producer.attempts() > 1);
            operation.info_with(now, learned, doubt.to_string());
            return Err(doubt.to_string());
        }
    }
    Ok(())
}

fn promise(kind: ProducerKind) -> Promise {
    match kind.acks {
        Acks::All => Promise::Durable,
        Acks::Leader => Promise::Volatile,
        Acks::None => Promise::FireAndForget,
    }
}
