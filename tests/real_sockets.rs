//! The broker as its users run it: processes, TCP, files, signals. What the simulation cannot see.

#[path = "sockets/clients.rs"]
mod clients;
#[path = "real_sockets/cluster.rs"]
mod cluster;
#[path = "real_sockets/load.rs"]
mod load;
#[path = "sockets/machine.rs"]
mod machine;
#[path = "real_sockets/metrics.rs"]
mod metrics;
#[path = "sockets/node.rs"]
mod node;

use std::collections::BTreeSet;
use std::time::Duration;

use highwater::client::{Appended, Fetched, PartitionDescription, ProduceError, Refusal};
use highwater::protocol::ErrorCode;
use highwater::types::{Acks, Offset};

use clients::{PATIENCE, append, create_topic, producer, read_to, record, topic, values};
use cluster::{Cluster, SESSION_TIMEOUT};
use load::Load;
use machine::Machine;
use node::Node;

/// What a slow machine may add to a time that is part of the protocol.
const SLACK: Duration = Duration::from_secs(10);

/// One node: what was produced with each kind of acknowledgement is there, in order, after a clean
/// stop too.
#[tokio::test]
async fn a_node_that_is_stopped_and_started_serves_the_same_records() {
    let machine = Machine::new();
    let mut node = Node::alone(&machine, "broker", "").await;
    node.start(&machine).await;
    let client = clients::settings(&[&node.address]);
    let orders = create_topic(&machine, client.clone(), topic("orders", 1, &[])).await;

    let mut waiting_for_all = producer(&machine, client.clone(), Acks::All);
    let mut waiting_for_leader = producer(&machine, client.clone(), Acks::Leader);
    let mut not_waiting = producer(&machine, client.clone(), Acks::None);
    assert_eq!(append(&mut waiting_for_all, &orders, "one").await, Offset(0));
    assert_eq!(append(&mut waiting_for_leader, &orders, "two").await, Offset(1));
    let sent = not_waiting.append(&orders, vec![record("three")]).await.expect("sent");
    assert!(matches!(sent, Appended::Sent { .. }), "{sent:?}");
    // Nobody answers acks=0: that the record is there is seen by reading it.
    let before = read_to(&machine, client.clone(), &orders, Offset(2)).await;
    assert_eq!(values(&before), ["one", "two", "three"]);

    let status = node.stop(&machine).await;
    assert!(status.success(), "{status}:\n{}", node.said());
    let marker = node.data.join(".kafka_cleanshutdown");
    assert!(marker.exists(), "a clean stop leaves a marker");

    node.start(&machine).await;
    assert!(!marker.exists(), "a running node has no marker: a crash must not look clean");
    let after = read_to(&machine, client.clone(), &orders, Offset(2)).await;
    assert_eq!(after, before);
    let mut next = producer(&machine, client, Acks::All);
    assert_eq!(append(&mut next, &orders, "four").await, Offset(3));
}

/// A topic's own settings are in the metadata, and the log on the disk is opened before a broker
/// has read any: they must reach it all the same.
#[tokio::test]
async fn a_topics_settings_hold_after_a_restart() {
    let machine = Machine::new();
    let mut node = Node::alone(&machine, "broker", "").await;
    node.start(&machine).await;
    let client = clients::settings(&[&node.address]);
    let small = topic("small", 1, &[("max.message.bytes", "200")]);
    let small = create_topic(&machine, client.clone(), small).await;
    for start in ["first", "second"] {
        let mut producer = producer(&machine, client.clone(), Acks::All);
        append(&mut producer, &small, format!("fits on the {start} start")).await;
        let refused = producer.append(&small, vec![record("x".repeat(300))]).await;
        let Err(ProduceError::NotAppended(Refusal::Code(code))) = refused else {
            panic!("300 bytes where 200 are allowed, on the {start} start: {refused:?}");
        };
        assert_eq!(code, ErrorCode::MessageTooLarge);
        assert!(node.stop(&machine).await.success());
        node.start(&machine).await;
    }
}

/// With `flush.messages=1` nothing counts as committed that is not on the disk; what a process that
/// was killed had written is there, and has to be served without waiting for the next producer.
#[tokio::test]
async fn a_killed_node_that_flushes_every_record_serves_them_all() {
    let machine = Machine::new();
    let settings = "log.flush.interval.messages=1\nbroker.session.timeout.ms=2000\n\
                    broker.heartbeat.interval.ms=300\n";
    let mut node = Node::alone(&machine, "broker", settings).await;
    node.start(&machine).await;
    let client = clients::settings(&[&node.address]);
    let orders = create_topic(&machine, client.clone(), topic("orders", 1, &[])).await;
    let mut producer = producer(&machine, client.clone(), Acks::All);
    for value in ["one", "two", "three"] {
        append(&mut producer, &orders, value).await;
    }
    node.kill();
    node.start(&machine).await;
    let records = read_to(&machine, client, &orders, Offset(2)).await;
    assert_eq!(values(&records), ["one", "two", "three"]);
}

/// Two brokers on one log would overwrite each other's records.
#[tokio::test]
async fn a_second_node_is_kept_out_of_the_data_directory() {
    let machine = Machine::new();
    let mut first = Node::alone(&machine, "first", "").await;
    first.start(&machine).await;
    let mut second = Node::alone(&machine, "second", "").await;
    assert_eq!(first.data, second.data);

    let status = second.start_in_vain(&machine).await;
    assert!(!status.success());
    let said = second.said();
    assert!(said.contains("cannot use the data directory"), "{said}");
    assert!(first.stop(&machine).await.success(), "the first was not disturbed");
}

/// Chapter 4.1 of the replication's design: the leader's process is killed under load. Whatever was
/// acknowledged with acks=all is where it was acknowledged, once, and the killed node comes back.
#[tokio::test(flavor = "local")]
async fn killing_the_leaders_process_loses_no_acknowledged_record() {
    let mut cluster = Cluster::start().await;
    let orders = create_topic(&cluster.machine, cluster.client(), topic("orders", 3, &[])).await;
    let all_in_sync = "all three replicas to be in sync";
    let is_full = |p: &PartitionDescription| p.in_sync_replicas.len() == 3;
    cluster.wait_until(all_in_sync, PATIENCE, &orders, is_full).await;
    let writer = producer(&cluster.machine, cluster.client(), Acks::All);
    let load = Load::start(writer, orders.clone());
    load.wait_for_more(&cluster.machine, 100).await;

    let led = cluster.wait_until("a leader", PATIENCE, &orders, |p| p.leader.is_some()).await;
    let killed = led.leader.expect("waited for");
    cluster.kill(killed);
    let elected = cluster
        .wait_until("another leader", SESSION_TIMEOUT + SLACK, &orders, |p| {
            p.leader.is_some_and(|leader| leader != killed)
        })
        .await;
    assert!(elected.leader_epoch > led.leader_epoch, "{led:?}, then {elected:?}");
    load.wait_for_more(&cluster.machine, 100).await;

    cluster.restart(killed).await;
    cluster.wait_until(all_in_sync, PATIENCE, &orders, is_full).await;
    load.wait_for_more(&cluster.machine, 100).await;

    let acknowledged = load.finish().await;
    let last = *acknowledged.keys().next_back().expect("300 at least");
    let records = read_to(&cluster.machine, cluster.client(), &orders, last).await;
    let missing: Vec<_> =
        acknowledged.iter().filter(|&(offset, value)| !holds(&records, *offset, value)).collect();
    assert!(missing.is_empty(), "acknowledged and not there: {missing:?}");
    let values = values(&records);
    let distinct: BTreeSet<&String> = values.iter().collect();
    assert_eq!(distinct.len(), values.len(), "an idempotent producer's record is there twice");
}

/// Whether the record at `offset` says `value`; the records are in the order of their offsets.
fn holds(records: &[Fetched], offset: Offset, value: &str) -> bool {
    let found = records.binary_search_by_key(&offset, |record| record.offset);
    found.is_ok_and(|at| records[at].value.as_deref() == Some(value.as_bytes()))
}
