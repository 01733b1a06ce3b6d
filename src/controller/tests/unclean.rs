//! Elections that may lose records, and settings that change who may lead (R22, R23, D12).

use expect_test::expect;

use super::super::*;
use super::scene::{Scene, settings};

fn three(topic: &str) -> Scene {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.topic(topic, &[1, 2, 3], &[]);
    scene
}

#[test]
fn the_last_known_leader_waits_for_an_administrator_if_so_configured() {
    let settings = Settings { elect_last_known_leader: false, ..settings() };
    let mut scene = Scene::with_brokers(settings, &[1]);
    scene.topic("orders", &[1], &[]);
    scene.falls_silent(&[1]);
    scene.register(1, 2, None);
    scene.heartbeat(1);
    scene.pass(1);
    scene.request(Request::ElectLeaders { kind: ElectionKind::Unclean, partitions: None });
    scene.expect(&expect![[r#"
        silent for 9 s: 1
          propose at 5
            broker 1 epoch 2 fenced
            orders 0: leader - epoch 1 version 1 in sync - eligible 1 last known 1
        broker 1 registers, run 2, remembers nothing
          propose at 6
            broker 1 epoch 6 fenced
            orders 0: leader - epoch 1 version 2 in sync - eligible - last known 1
          Registered(Ok(BrokerEpoch(6)))
        broker 1 is alive
          propose at 7
            broker 1 epoch 6 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        1 s pass
          propose at 8
            orders 0: leader 1 epoch 2 version 3 in sync 1 eligible - recovering
          elections: 0 clean, 0 eligible, 1 unclean
          orders-0: Ok(())
    "#]]);
}

#[test]
fn unclean_elections_happen_where_they_are_permitted() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    let min = ("min.insync.replicas", "1");
    scene.topic("orders", &[1, 2, 3], &[min]);
    scene.topic("audit", &[1, 2, 3], &[min, ("unclean.leader.election.enable", "true")]);
    for topic in ["orders", "audit"] {
        scene.wish(topic, &[1], |_| ());
    }
    scene.falls_silent(&[1]);
    scene.say("the leader of audit reports that it has recovered");
    scene.wish("audit", &[2], |_| ());
    scene.say("the one leaderless partition may now be led by anybody");
    scene.configure("orders", "unclean.leader.election.enable", Some("true"));
    scene.expect(&expect![[r#"
          propose at 10
            orders 0: leader 1 epoch 0 version 1 in sync 1 eligible -
          granted: leader Some(1) epoch 0 version 1 in sync 1
          propose at 11
            audit 0: leader 1 epoch 0 version 1 in sync 1 eligible -
          granted: leader Some(1) epoch 0 version 1 in sync 1
        silent for 9 s: 1
          propose at 12
            broker 1 epoch 2 fenced
            audit 0: leader 2 epoch 1 version 2 in sync 2 eligible - recovering
            orders 0: leader - epoch 1 version 2 in sync - eligible 1 last known 1
          elections: 0 clean, 0 eligible, 1 unclean
        the leader of audit reports that it has recovered
          propose at 13
            audit 0: leader 2 epoch 1 version 3 in sync 2 eligible -
          granted: leader Some(2) epoch 1 version 3 in sync 2
        the one leaderless partition may now be led by anybody
        orders: unclean.leader.election.enable becomes Some("true")
          propose at 14
            topic orders {"min.insync.replicas": "1", "unclean.leader.election.enable": "true"}
            orders 0: leader 2 epoch 2 version 3 in sync 2 eligible - recovering
          elections: 0 clean, 0 eligible, 1 unclean
          TopicConfigs(Ok(()))
    "#]]);
}

#[test]
fn a_leaderless_partition_is_tried_again_and_again() {
    let settings = Settings { unclean_leader_election: false, ..settings() };
    let mut scene = Scene::with_brokers(settings.clone(), &[1, 2]);
    scene.topic("orders", &[1, 2], &[("min.insync.replicas", "1")]);
    scene.wish("orders", &[1], |_| ());
    scene.falls_silent(&[1]);
    assert_eq!(scene.partition("orders").leader, None);
    scene.say("a controller takes over whose default is unclean");
    let image = scene.controller.image().clone();
    scene.controller = Controller::new(Settings { unclean_leader_election: true, ..settings });
    scene.step(Event::Restored(Box::new(image)));
    scene.elect(2);
    scene.pass(8);
    scene.now = scene.now + Duration::from_secs(283);
    scene.falls_silent(&[]);
    scene.expect(&expect![[r#"
          propose at 7
            orders 0: leader 1 epoch 0 version 1 in sync 1 eligible -
          granted: leader Some(1) epoch 0 version 1 in sync 1
        silent for 9 s: 1
          propose at 8
            broker 1 epoch 2 fenced
            orders 0: leader - epoch 1 version 2 in sync - eligible 1 last known 1
        a controller takes over whose default is unclean
        8 s pass
        silent for 9 s: -
          propose at 9
            orders 0: leader 2 epoch 2 version 3 in sync 2 eligible - recovering
          elections: 0 clean, 0 eligible, 1 unclean
    "#]]);
}

#[test]
fn lowering_min_in_sync_takes_eligibility_away() {
    let mut scene = three("orders");
    scene.falls_silent(&[2, 3]);
    scene.configure("orders", "min.insync.replicas", Some("1"));
    scene.falls_silent(&[1]);
    scene.heartbeat(2);
    scene.configure("orders", "min.insync.replicas", None);
    scene.configure("orders", "min.insync.replicas", Some("none"));
    scene.configure("orders", "no.such.setting", None);
    scene.configure("payments", "min.insync.replicas", Some("1"));
    scene.expect(&expect![[r#"
        silent for 9 s: 2 3
          propose at 9
            broker 2 epoch 4 fenced
            broker 3 epoch 6 fenced
            orders 0: leader 1 epoch 0 version 1 in sync 1 eligible 2 3
        orders: min.insync.replicas becomes Some("1")
          propose at 10
            topic orders {"min.insync.replicas": "1"}
            orders 0: leader 1 epoch 0 version 2 in sync 1 eligible -
          TopicConfigs(Ok(()))
        silent for 9 s: 1
          propose at 11
            broker 1 epoch 2 fenced
            orders 0: leader - epoch 1 version 3 in sync - eligible 1 last known 1
        broker 2 is alive
          propose at 12
            broker 2 epoch 4 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        orders: min.insync.replicas becomes None
          propose at 13
            topic orders {}
          TopicConfigs(Ok(()))
        orders: min.insync.replicas becomes Some("none")
          TopicConfigs(Err(InvalidConfig { name: "min.insync.replicas", value: "none", reason: "not a whole number" }))
        orders: no.such.setting becomes None
          TopicConfigs(Err(InvalidConfig { name: "no.such.setting", value: "", reason: "unknown topic setting" }))
        payments: min.insync.replicas becomes Some("1")
          TopicConfigs(Err(Unknown("payments")))
    "#]]);
}

#[test]
fn lowering_min_in_sync_takes_eligibility_away_even_if_few_are_in_sync() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.topic("orders", &[1, 2, 3], &[("min.insync.replicas", "3")]);
    scene.falls_silent(&[2, 3]);
    scene.configure("orders", "min.insync.replicas", Some("2"));
    scene.expect(&expect![[r#"
        silent for 9 s: 2 3
          propose at 9
            broker 2 epoch 4 fenced
            broker 3 epoch 6 fenced
            orders 0: leader 1 epoch 0 version 1 in sync 1 eligible 2 3
        orders: min.insync.replicas becomes Some("2")
          propose at 10
            topic orders {"min.insync.replicas": "2"}
            orders 0: leader 1 epoch 0 version 2 in sync 1 eligible -
          TopicConfigs(Ok(()))
    "#]]);
}

#[test]
#[cfg(feature = "mutants")]
fn mutant_d01_elects_whoever_is_active() {
    use crate::mutants::{Mutant, switch_on};

    let mut scene = three("orders");
    scene.wish("orders", &[1], |_| ());
    scene.configure("orders", "min.insync.replicas", Some("1"));
    scene.falls_silent(&[1]);
    assert_eq!(scene.partition("orders").leader, None);
    scene.heartbeat(1);
    switch_on(Some(Mutant::D01));
    scene.falls_silent(&[1]);
    switch_on(None);
    assert_eq!(scene.partition("orders").leader, Some(crate::types::BrokerId(2)));
}

#[test]
fn lowering_min_in_sync_keeps_the_only_hope_of_a_dead_partition() {
    let mut scene = three("orders");
    scene.falls_silent(&[1, 2, 3]);
    scene.configure("orders", "min.insync.replicas", Some("1"));
    scene.heartbeat(2);
    scene.expect(&expect![[r#"
        silent for 9 s: 1 2 3
          propose at 9
            broker 1 epoch 2 fenced
            broker 2 epoch 4 fenced
            broker 3 epoch 6 fenced
            orders 0: leader - epoch 1 version 1 in sync - eligible 1 2 3 last known 1
        orders: min.insync.replicas becomes Some("1")
          propose at 10
            topic orders {"min.insync.replicas": "1"}
          TopicConfigs(Ok(()))
        broker 2 is alive
          propose at 11
            broker 2 epoch 4 unfenced
            orders 0: leader 2 epoch 2 version 2 in sync 2 eligible -
          elections: 0 clean, 1 eligible, 0 unclean
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
    "#]]);
}
