//! Clients of the broker over real sockets, with patience for a slow machine.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater::client::{
    Admin, Appended, ClientSettings, Consumer, ConsumerSettings, Fetched, NewTopic, Producer,
    ProducerSettings,
};
use highwater::protocol::batch::NewRecord;
use highwater::types::{Acks, Offset, TopicPartition};

use crate::machine::Machine;

/// How long anything may take that only has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A client that knows these brokers.
pub(crate) fn settings(bootstrap: &[&str]) -> ClientSettings {
    ClientSettings {
        client_id: "real-sockets".into(),
        bootstrap: bootstrap.iter().map(|address| Arc::from(*address)).collect(),
        request_timeout: Duration::from_secs(2),
        retry_backoff: Duration::from_millis(50),
    }
}

/// A producer that tries until [`PATIENCE`] is over; with acks=all it is idempotent.
pub(crate) fn producer(machine: &Machine, client: ClientSettings, acks: Acks) -> Producer {
    let settings = ProducerSettings {
        acks,
        idempotence: acks == Acks::All,
        delivery_timeout: PATIENCE,
        retries: u32::MAX,
    };
    Producer::new(machine.host.clone(), client, settings)
}

/// Creates the topic as soon as the cluster has brokers enough for it.
pub(crate) async fn create_topic(
    machine: &Machine,
    client: ClientSettings,
    topic: NewTopic,
) -> TopicPartition {
    let mut admin = Admin::new(machine.host.clone(), client);
    let what = format!("{} to be created", topic.name);
    machine
        .wait_for(&what, PATIENCE, async || {
            let outcomes = admin.create_topics(std::slice::from_ref(&topic)).await.ok()?;
            outcomes.into_iter().find_map(|(_, created)| created.ok())
        })
        .await;
    TopicPartition::new(topic.name, 0)
}

/// A topic of one partition.
pub(crate) fn topic(name: &str, replicas: i16, configs: &[(&str, &str)]) -> NewTopic {
    NewTopic {
        name: name.into(),
        partitions: Some(1),
        replication_factor: Some(replicas),
        assignment: std::collections::BTreeMap::new(),
        configs: configs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
    }
}

pub(crate) fn record(value: impl Into<String>) -> NewRecord {
    NewRecord { value: Some(Bytes::from(value.into())), ..NewRecord::default() }
}

/// Appends one record and says where the leader put it.
pub(crate) async fn append(
    producer: &mut Producer,
    partition: &TopicPartition,
    value: impl Into<String>,
) -> Offset {
    let appended = producer.append(partition, vec![record(value)]).await.expect("acknowledged");
    match appended {
        Appended::Acknowledged { base_offset, .. } => base_offset,
        Appended::Sent { .. } => panic!("acks=0 has no offset"),
    }
}

/// Reads from the start until `last` has been read.
pub(crate) async fn read_to(
    machine: &Machine,
    client: ClientSettings,
    partition: &TopicPartition,
    last: Offset,
) -> Vec<Fetched> {
    let settings = ConsumerSettings {
        rack: None,
        fetch_bytes_max: 1 << 20,
        partition_fetch_bytes_max: 1 << 20,
        metadata_age_max: Duration::from_secs(60),
    };
    let mut consumer = Consumer::new(machine.host.clone(), client, settings);
    consumer.assign(partition.clone(), Offset::ZERO);
    let mut records = Vec::new();
    machine
        .wait_for(&format!("{partition} to be read up to offset {last}"), PATIENCE, async || {
            records.extend(consumer.poll(Duration::from_millis(500)).await.unwrap_or_default());
            consumer.position(partition).filter(|position| *position > last)
        })
        .await;
    records
}

/// What the records say, in order.
pub(crate) fn values(records: &[Fetched]) -> Vec<String> {
    let value = |record: &Fetched| record.value.clone().unwrap_or_default();
    records.iter().map(|record| String::from_utf8_lossy(&value(record)).into_owned()).collect()
}
