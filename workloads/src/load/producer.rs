//! A producer: one record after the other, each with a value that nobody else sends.

use harness::history::{Action, Promise};
use harness::system::ClientEnv;
use highwater::client::{Appended, ProduceError, Producer, ProducerSettings};
use highwater::protocol::batch::NewRecord;
use highwater::types::Acks;
use std::time::Duration;

use super::{ProducerKind, Shared, encode, key};
use crate::sim_host;

/// Values of one producer are numbered from its own share of all numbers.
const VALUES_PER_PRODUCER: u64 = 1 << 32;

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
        let asked = Action::send(key(&partition), vec![value], promise(kind), kind.idempotent);
        let operation = process.invoke(shared.timeline.now(), asked.clone());
        let record = NewRecord { value: Some(encode(value)), ..NewRecord::default() };
        let sent = producer.append(&partition, vec![record]).await;
        let now = shared.timeline.now();
        match sent {
            Ok(Appended::Acknowledged { base_offset, .. }) => {
                operation.ok(now, asked.sent(vec![Some(base_offset.0)], producer.attempts() > 1));
            }
            Ok(Appended::Sent { .. }) => operation.ok(now, asked.sent(vec![None], false)),
            Err(ProduceError::NotAppended(refusal)) => operation.fail(now, refusal.to_string()),
            Err(ProduceError::Indeterminate(doubt)) => {
                let learned = asked.sent(vec![None], producer.attempts() > 1);
                operation.info_with(now, learned, doubt.to_string());
            }
        }
        value += 1;
        let pause = dice.millis(Duration::from_millis(1)..shared.pace * 2);
        clock.sleep(pause).await;
    }
}

fn promise(kind: ProducerKind) -> Promise {
    match kind.acks {
        Acks::All => Promise::Durable,
        Acks::Leader => Promise::Volatile,
        Acks::None => Promise::FireAndForget,
    }
}
