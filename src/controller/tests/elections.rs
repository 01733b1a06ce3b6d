//! Who leads after what (R22, R23, R25; KIP-966).

use expect_test::expect;

use super::super::*;
use super::scene::{Scene, settings};

fn three(topic: &str) -> Scene {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.topic(topic, &[1, 2, 3], &[]);
    scene
}

#[test]
fn fencing_elects_the_first_valid_replica_in_one_batch() {
    let mut scene = three("orders");
    scene.topic("other", &[2, 1], &[]);
    scene.falls_silent(&[1]);
    scene.expect(&expect![[r#"
        silent for 9 s: 1
          propose at 10
            broker 1 epoch 2 fenced
            other 0: leader 2 epoch 0 version 1 in sync 2 eligible 1
            orders 0: leader 2 epoch 1 version 1 in sync 2 3 eligible -
          elections: 1 clean, 0 eligible, 0 unclean
    "#]]);
}

#[test]
fn two_silent_brokers_are_not_elected_in_each_others_place() {
    let mut scene = three("orders");
    scene.falls_silent(&[1, 2]);
    scene.expect(&expect![[r#"
        silent for 9 s: 1 2
          propose at 9
            broker 1 epoch 2 fenced
            broker 2 epoch 4 fenced
            orders 0: leader 3 epoch 1 version 1 in sync 3 eligible 1 2
          elections: 1 clean, 0 eligible, 0 unclean
    "#]]);
}

#[test]
fn the_eligible_set_grows_below_min_in_sync_and_clears_at_it() {
    let mut scene = three("orders");
    scene.falls_silent(&[3]);
    scene.falls_silent(&[2]);
    scene.falls_silent(&[1]);
    scene.say("2 comes back after a clean stop");
    scene.register(2, 2, Some(4));
    scene.heartbeat(2);
    scene.register(3, 2, None);
    scene.heartbeat(3);
    scene.say("3 has caught up");
    scene.wish("orders", &[2, 3], |_| ());
    scene.expect(&expect![[r#"
        silent for 9 s: 3
          propose at 9
            broker 3 epoch 6 fenced
            orders 0: leader 1 epoch 0 version 1 in sync 1 2 eligible -
        silent for 9 s: 2
          propose at 10
            broker 2 epoch 4 fenced
            orders 0: leader 1 epoch 0 version 2 in sync 1 eligible 2
        silent for 9 s: 1
          propose at 11
            broker 1 epoch 2 fenced
            orders 0: leader - epoch 1 version 3 in sync - eligible 1 2 last known 1
        2 comes back after a clean stop
        broker 2 registers, run 2, remembers 4
          propose at 12
            broker 2 epoch 12 fenced
          Registered(Ok(BrokerEpoch(12)))
        broker 2 is alive
          propose at 13
            broker 2 epoch 12 unfenced
            orders 0: leader 2 epoch 2 version 4 in sync 2 eligible 1
          elections: 0 clean, 1 eligible, 0 unclean
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 3 registers, run 2, remembers nothing
          propose at 14
            broker 3 epoch 14 fenced
          Registered(Ok(BrokerEpoch(14)))
        broker 3 is alive
          propose at 15
            broker 3 epoch 14 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        3 has caught up
          propose at 16
            orders 0: leader 2 epoch 2 version 5 in sync 2 3 eligible -
          granted: leader Some(2) epoch 2 version 5 in sync 2 3
    "#]]);
}

#[test]
fn an_unclean_restart_leaves_the_eligible_set() {
    let mut scene = three("orders");
    scene.falls_silent(&[3]);
    scene.falls_silent(&[2]);
    scene.falls_silent(&[1]);
    scene.register(2, 2, None);
    scene.heartbeat(2);
    scene.say("1 was only cut off");
    scene.heartbeat(1);
    scene.expect(&expect![[r#"
        silent for 9 s: 3
          propose at 9
            broker 3 epoch 6 fenced
            orders 0: leader 1 epoch 0 version 1 in sync 1 2 eligible -
        silent for 9 s: 2
          propose at 10
            broker 2 epoch 4 fenced
            orders 0: leader 1 epoch 0 version 2 in sync 1 eligible 2
        silent for 9 s: 1
          propose at 11
            broker 1 epoch 2 fenced
            orders 0: leader - epoch 1 version 3 in sync - eligible 1 2 last known 1
        broker 2 registers, run 2, remembers nothing
          propose at 12
            broker 2 epoch 12 fenced
            orders 0: leader - epoch 1 version 4 in sync - eligible 1 last known 1
          Registered(Ok(BrokerEpoch(12)))
        broker 2 is alive
          propose at 13
            broker 2 epoch 12 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        1 was only cut off
        broker 1 is alive
          propose at 14
            broker 1 epoch 2 unfenced
            orders 0: leader 1 epoch 2 version 5 in sync 1 eligible -
          elections: 0 clean, 1 eligible, 0 unclean
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
    "#]]);
}

#[test]
fn the_last_known_leader_is_elected_once_nobody_is_eligible() {
    let mut scene = three("orders");
    scene.falls_silent(&[3]);
    scene.falls_silent(&[2]);
    scene.falls_silent(&[1]);
    scene.register(2, 2, None);
    scene.heartbeat(2);
    scene.register(1, 2, Some(1));
    scene.heartbeat(1);
    scene.expect(&expect![[r#"
        silent for 9 s: 3
          propose at 9
            broker 3 epoch 6 fenced
            orders 0: leader 1 epoch 0 version 1 in sync 1 2 eligible -
        silent for 9 s: 2
          propose at 10
            broker 2 epoch 4 fenced
            orders 0: leader 1 epoch 0 version 2 in sync 1 eligible 2
        silent for 9 s: 1
          propose at 11
            broker 1 epoch 2 fenced
            orders 0: leader - epoch 1 version 3 in sync - eligible 1 2 last known 1
        broker 2 registers, run 2, remembers nothing
          propose at 12
            broker 2 epoch 12 fenced
            orders 0: leader - epoch 1 version 4 in sync - eligible 1 last known 1
          Registered(Ok(BrokerEpoch(12)))
        broker 2 is alive
          propose at 13
            broker 2 epoch 12 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 1 registers, run 2, remembers 1
          propose at 14
            broker 1 epoch 14 fenced
            orders 0: leader - epoch 1 version 5 in sync - eligible - last known 1
          Registered(Ok(BrokerEpoch(14)))
        broker 1 is alive
          propose at 15
            broker 1 epoch 14 unfenced
            orders 0: leader 1 epoch 2 version 6 in sync 1 eligible - recovering
          elections: 0 clean, 0 eligible, 1 unclean
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
    "#]]);
}

#[test]
fn without_eligible_replicas_the_last_one_keeps_its_right_to_lead() {
    let settings = Settings { eligible_leader_replicas: false, ..settings() };
    let mut scene = Scene::with_brokers(settings, &[1, 2]);
    scene.topic("orders", &[1, 2], &[]);
    scene.falls_silent(&[1, 2]);
    scene.register(2, 2, Some(4));
    scene.heartbeat(2);
    scene.register(1, 2, None);
    scene.heartbeat(1);
    scene.expect(&expect![[r#"
        silent for 9 s: 1 2
          propose at 7
            broker 1 epoch 2 fenced
            broker 2 epoch 4 fenced
            orders 0: leader - epoch 1 version 1 in sync 1 eligible -
        broker 2 registers, run 2, remembers 4
          propose at 8
            broker 2 epoch 8 fenced
          Registered(Ok(BrokerEpoch(8)))
        broker 2 is alive
          propose at 9
            broker 2 epoch 8 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 1 registers, run 2, remembers nothing
          propose at 10
            broker 1 epoch 10 fenced
          Registered(Ok(BrokerEpoch(10)))
        broker 1 is alive
          propose at 11
            broker 1 epoch 10 unfenced
            orders 0: leader 1 epoch 2 version 2 in sync 1 eligible -
          elections: 1 clean, 0 eligible, 0 unclean
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
    "#]]);
}

#[test]
fn a_lone_leader_of_min_in_sync_one_leaves_nobody_eligible() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2]);
    scene.topic("orders", &[1, 2], &[("min.insync.replicas", "1")]);
    scene.falls_silent(&[2]);
    scene.falls_silent(&[1]);
    scene.heartbeat(1);
    scene.expect(&expect![[r#"
        silent for 9 s: 2
          propose at 7
            broker 2 epoch 4 fenced
            orders 0: leader 1 epoch 0 version 1 in sync 1 eligible -
        silent for 9 s: 1
          propose at 8
            broker 1 epoch 2 fenced
            orders 0: leader - epoch 1 version 2 in sync - eligible 1 last known 1
        broker 1 is alive
          propose at 9
            broker 1 epoch 2 unfenced
            orders 0: leader 1 epoch 2 version 3 in sync 1 eligible -
          elections: 0 clean, 1 eligible, 0 unclean
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
    "#]]);
}

#[test]
fn the_preferred_replica_leads_only_if_it_is_in_sync() {
    let settings = Settings { auto_rebalance: true, ..settings() };
    let mut scene = Scene::with_brokers(settings, &[1, 2, 3]);
    scene.topic("orders", &[1, 2, 3], &[]);
    let elect = || Request::ElectLeaders {
        kind: ElectionKind::Preferred,
        partitions: Some(vec![("orders".into(), 0), ("orders".into(), 1), ("none".into(), 0)]),
    };
    scene.request(elect());
    scene.falls_silent(&[1]);
    scene.heartbeat(1);
    scene.say("the preferred replica is back, and behind");
    scene.request(elect());
    scene.wish("orders", &[1, 2, 3], |_| ());
    scene.say("and now in sync");
    scene.now = scene.now + Duration::from_secs(290);
    scene.falls_silent(&[]);
    scene.request(elect());
    scene.expect(&expect![[r#"
          orders-0: Err(NotNeeded)
          orders-1: Err(UnknownPartition)
          none-0: Err(UnknownPartition)
        silent for 9 s: 1
          propose at 9
            broker 1 epoch 2 fenced
            orders 0: leader 2 epoch 1 version 1 in sync 2 3 eligible -
          elections: 1 clean, 0 eligible, 0 unclean
        broker 1 is alive
          propose at 10
            broker 1 epoch 2 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        the preferred replica is back, and behind
          orders-0: Err(PreferredLeaderNotAvailable)
          orders-1: Err(UnknownPartition)
          none-0: Err(UnknownPartition)
          propose at 11
            orders 0: leader 2 epoch 1 version 2 in sync 1 2 3 eligible -
          granted: leader Some(2) epoch 1 version 2 in sync 1 2 3
        and now in sync
        silent for 9 s: -
          propose at 12
            orders 0: leader 1 epoch 2 version 3 in sync 1 2 3 eligible -
          elections: 1 clean, 0 eligible, 0 unclean
          orders-0: Err(NotNeeded)
          orders-1: Err(UnknownPartition)
          none-0: Err(UnknownPartition)
    "#]]);
}
