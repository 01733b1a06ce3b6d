//! The creation of topics.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;

use super::super::*;
use super::scene::{Scene, settings};
use crate::types::BrokerId;

fn topic(name: &str) -> CreateTopicRequest {
    CreateTopicRequest {
        name: name.into(),
        partitions: None,
        replication_factor: None,
        assignment: BTreeMap::new(),
        configs: BTreeMap::new(),
    }
}

fn create(scene: &mut Scene, topics: Vec<CreateTopicRequest>) {
    scene.say("create");
    scene.request(Request::CreateTopics { topics, validate_only: false, dice: [1, 2] });
}

#[test]
fn a_topic_is_created_in_one_batch_with_active_replicas_in_sync() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.falls_silent(&[2]);
    let configs = BTreeMap::from([("min.insync.replicas".to_owned(), "2".to_owned())]);
    create(
        &mut scene,
        vec![CreateTopicRequest { partitions: Some(2), configs, ..topic("orders") }],
    );
    create(&mut scene, vec![topic("orders")]);
    scene.expect(&expect![[r#"
        silent for 9 s: 2
          propose at 8
            broker 2 epoch 4 fenced
        create
          propose at 9
            topic orders {"min.insync.replicas": "2"}
            orders 0: leader 1 epoch 0 version 0 in sync 1 3 eligible -
            orders 1: leader 3 epoch 0 version 0 in sync 3 1 eligible -
          orders: 2 x 3 {"min.insync.replicas": "2"}
        create
          orders: topic 'orders' already exists
    "#]]);
}

#[test]
fn bad_names_are_refused() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    create(
        &mut scene,
        ["", ".", "..", "a b", "café", "twice", "twice", "a.b", "a_b"].map(topic).into(),
    );
    create(&mut scene, vec![topic("a_b"), topic("..."), topic("__consumer_offsets")]);
    let created: BTreeSet<_> = scene.controller.image().topics.keys().collect();
    assert_eq!(created.len(), 3, "every topic has its own id");
    scene.expect(&expect![[r#"
        create
          propose at 8
            topic a.b {}
            a.b 0: leader 1 epoch 0 version 0 in sync 1 3 2 eligible -
          : invalid topic name '': it is empty
          .: invalid topic name '.': '.' and '..' are not allowed
          ..: invalid topic name '..': '.' and '..' are not allowed
          a b: invalid topic name 'a b': only ASCII letters, digits, '.', '_' and '-' are allowed
          café: invalid topic name 'café': only ASCII letters, digits, '.', '_' and '-' are allowed
          twice: invalid topic name 'twice': named twice in the request
          twice: invalid topic name 'twice': named twice in the request
          a.b: 1 x 3 {}
          a_b: invalid topic name 'a_b': differs from another topic's only in '.' and '_'
        create
          propose at 9
            topic ... {}
            ... 0: leader 1 epoch 0 version 0 in sync 1 3 2 eligible -
            topic __consumer_offsets {}
            __consumer_offsets 0: leader 2 epoch 0 version 0 in sync 2 1 3 eligible -
          a_b: invalid topic name 'a_b': differs from another topic's only in '.' and '_'
          ...: 1 x 3 {}
          __consumer_offsets: 1 x 3 {}
    "#]]);
}

#[test]
fn a_name_has_249_characters_at_most() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    for length in [249, 250] {
        let name = "x".repeat(length);
        create(&mut scene, vec![topic(&name)]);
        assert_eq!(scene.controller.image().topic(&name).is_some(), length == 249);
    }
}

/// A short request must not become a long batch of records.
#[test]
fn the_topics_of_one_request_have_10_000_partitions_together_at_most() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    let large =
        |name: &str, partitions| CreateTopicRequest { partitions: Some(partitions), ..topic(name) };
    create(&mut scene, vec![large("a", 9_999), large("b", 2)]);
    create(&mut scene, vec![large("a", i32::MAX), large("b", i32::MAX), topic("c")]);
    assert!(scene.controller.image().topics.is_empty());
    scene.expect(&expect![[r#"
        create
          a: 10001 partitions in one request are more than 10000
          b: 10001 partitions in one request are more than 10000
        create
          a: 4294967295 partitions in one request are more than 10000
          b: 4294967295 partitions in one request are more than 10000
          c: 4294967295 partitions in one request are more than 10000
    "#]]);
}

#[test]
fn bad_numbers_settings_and_assignments_are_refused() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.falls_silent(&[3]);
    let assigned = |name: &str, assignment: &[(i32, &[i32])]| CreateTopicRequest {
        assignment: assignment
            .iter()
            .map(|(partition, ids)| (*partition, ids.iter().copied().map(BrokerId).collect()))
            .collect(),
        ..topic(name)
    };
    let configured = |name: &str, setting: &str, value: &str| CreateTopicRequest {
        configs: BTreeMap::from([(setting.to_owned(), value.to_owned())]),
        ..topic(name)
    };
    create(
        &mut scene,
        vec![
            CreateTopicRequest { partitions: Some(0), ..topic("a") },
            CreateTopicRequest { partitions: Some(-2), ..topic("b") },
            CreateTopicRequest { replication_factor: Some(4), ..topic("c") },
            CreateTopicRequest { replication_factor: Some(0), ..topic("d") },
            configured("e", "no.such.setting", "1"),
            configured("f", "min.insync.replicas", "0"),
            assigned("g", &[(1, &[1])]),
            assigned("h", &[(0, &[1, 1])]),
            assigned("i", &[(0, &[1]), (1, &[1, 2])]),
            assigned("j", &[(0, &[1, 9])]),
            assigned("k", &[(0, &[3])]),
            assigned("l", &[(0, &[])]),
            assigned("good", &[(0, &[3, 2]), (1, &[1, 3])]),
        ],
    );
    scene.expect(&expect![[r#"
        silent for 9 s: 3
          propose at 8
            broker 3 epoch 6 fenced
        create
          propose at 9
            topic good {}
            good 0: leader 2 epoch 0 version 0 in sync 2 eligible -
            good 1: leader 1 epoch 0 version 0 in sync 1 eligible -
          a: 0 partitions are not between 1 and 10000
          b: -2 partitions are not between 1 and 10000
          c: replication factor 4 is not between 1 and the 3 registered brokers
          d: replication factor 0 is not between 1 and the 3 registered brokers
          e: invalid setting no.such.setting=1: unknown topic setting
          f: invalid setting min.insync.replicas=0: out of bounds
          g: invalid replica assignment: the partitions are not numbered from 0 without gaps
          h: invalid replica assignment: a broker appears twice in a partition
          i: invalid replica assignment: the partitions have different numbers of replicas
          j: invalid replica assignment: a broker is not registered
          k: invalid replica assignment: all brokers of a partition are fenced or shutting down
          l: invalid replica assignment: a partition has no replicas
          good: 2 x 2 {}
    "#]]);
}

#[test]
fn checking_only_creates_nothing() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    let topics = vec![topic("orders"), CreateTopicRequest { partitions: Some(0), ..topic("a") }];
    scene.say("check only");
    scene.request(Request::CreateTopics { topics, validate_only: true, dice: [1, 2] });
    scene.expect(&expect![[r#"
        check only
          orders: 1 x 3 {}
          a: 0 partitions are not between 1 and 10000
    "#]]);
}

#[test]
fn nobody_is_placed_on_brokers_that_are_all_fenced() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.falls_silent(&[1, 2, 3]);
    create(&mut scene, vec![topic("orders")]);
    scene.expect(&expect![[r#"
        silent for 9 s: 1 2 3
          propose at 8
            broker 1 epoch 2 fenced
            broker 2 epoch 4 fenced
            broker 3 epoch 6 fenced
        create
          orders: replication factor 3 is not between 1 and the 0 registered brokers
    "#]]);
}
