//! The client against a broker that follows a script: every lost, late and wrong answer.
//!
//! Time is virtual: a test waits for a timeout of thirty seconds without waiting.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a script tells one request from all others; a new kind of request is none of its"
)]

mod admin;
mod cluster;
mod connection;
mod consumer;
mod idempotence;
mod producer;
mod script;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::protocol::batch::NewRecord;
use crate::protocol::messages::*;
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{Acks, BrokerId, LeaderEpoch, Offset, TopicId, TopicPartition};
use script::{Act, Stage};

const TOPIC_ID: TopicId = TopicId([7; 16]);

fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

fn settings() -> ClientSettings {
    ClientSettings {
        client_id: "tester".into(),
        bootstrap: vec!["b1:9092".into()],
        request_timeout: Duration::from_secs(3),
        retry_backoff: Duration::from_millis(100),
    }
}

fn value(text: &'static str) -> NewRecord {
    NewRecord { value: Some(Bytes::from_static(text.as_bytes())), ..NewRecord::default() }
}

/// Three brokers, `b1:9092` to `b3:9092`; `leader` leads the one partition of `orders`.
fn metadata(leader: i32, epoch: i32) -> Response {
    use metadata_response::*;
    Response::Metadata(build(|r: &mut MetadataResponse| {
        r.controller_id = 1;
        r.brokers = (1..=3)
            .map(|id| {
                build(|b: &mut MetadataResponseBroker| {
                    (b.node_id, b.host, b.port) = (id, format!("b{id}").into(), 9092);
                })
            })
            .collect();
        r.topics = vec![build(|t: &mut MetadataResponseTopic| {
            (t.name, t.topic_id) = (Some("orders".into()), TOPIC_ID.into());
            t.partitions = vec![build(|p: &mut MetadataResponsePartition| {
                (p.leader_id, p.leader_epoch) = (leader, epoch);
                (p.replica_nodes, p.isr_nodes) = (vec![1, 2, 3], vec![1, 2]);
            })];
        })];
    }))
}

fn produced(code: ErrorCode, base_offset: i64) -> ProduceResponse {
    use produce_response::*;
    build(|r: &mut ProduceResponse| {
        r.responses = vec![build(|t: &mut TopicProduceResponse| {
            t.name = "orders".into();
            t.partition_responses = vec![build(|p: &mut PartitionProduceResponse| {
                (p.error_code, p.base_offset) = (code.code(), base_offset);
            })];
        })];
    })
}

/// Whoever runs on several threads spawns these futures; what is not `Send` does not compile here.
#[test]
fn every_future_may_move_to_another_thread() {
    fn may_move<T: Send>(_: T) {}
    let directory = tempfile::tempdir().unwrap();
    let host = crate::host::tokio::TokioHost::new(directory.path()).unwrap();
    let producing = ProducerSettings {
        acks: Acks::All,
        idempotence: true,
        delivery_timeout: Duration::from_secs(1),
        retries: 0,
    };
    let consuming = ConsumerSettings {
        rack: None,
        fetch_bytes_max: 1,
        partition_fetch_bytes_max: 1,
        metadata_age_max: Duration::from_secs(1),
    };
    let mut producer = Producer::new(host.clone(), settings(), producing);
    may_move(producer.append(&orders(), vec![value("one")]));
    let mut consumer = Consumer::new(host.clone(), settings(), consuming);
    may_move(consumer.poll(Duration::ZERO));
    may_move(consumer.latest_offset(&orders()));
    may_move(consumer.earliest_offset(&orders()));
    let mut admin = Admin::new(host, settings());
    may_move(admin.create_topics(&[]));
    may_move(admin.elect_leaders(ElectionType::Preferred, None));
}
