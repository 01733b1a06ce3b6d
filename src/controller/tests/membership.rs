//! Brokers come, go and come back (R19–R21), and replies wait for commits (D05).

use expect_test::expect;

use super::super::*;
use super::scene::{Scene, settings};
use crate::types::{BrokerEpoch, BrokerId};

#[test]
fn a_second_incarnation_waits_for_the_first_ones_session() {
    let mut scene = Scene::with_brokers(settings(), &[1]);
    scene.register(1, 2, None);
    scene.falls_silent(&[1]);
    scene.register(1, 2, Some(2));
    scene.register(1, 2, Some(2));
    scene.expect(&expect![[r#"
        broker 1 registers, run 2, remembers nothing
          refused: run 1 holds the id
        silent for 9 s: 1
          propose at 4
            broker 1 epoch 2 fenced
        broker 1 registers, run 2, remembers 2
          propose at 5
            broker 1 epoch 5 fenced
          Registered(Ok(BrokerEpoch(5)))
        broker 1 registers, run 2, remembers 2
          Registered(Ok(BrokerEpoch(5)))
    "#]]);
}

/// The last registration of a run that is dead arrives when the next one has registered, cleanly,
/// and is not unfenced yet. It would count as an unclean restart and empty the eligible set.
#[test]
fn a_registration_of_a_run_that_is_over_is_refused() {
    let mut scene = Scene::with_brokers(settings(), &[1]);
    scene.topic("orders", &[1], &[]);
    scene.heartbeat_with(1, "wants to shut down", |request| request.want_shut_down = true);
    scene.register(1, 3, Some(2));
    scene.register(1, 2, None);
    scene.heartbeat(1);
    scene.expect(&expect![[r#"
        broker 1 wants to shut down
          propose at 5
            broker 1 epoch 2 unfenced, leaving
            orders 0: leader - epoch 1 version 1 in sync - eligible 1 last known 1
            broker 1 epoch 2 fenced, leaving
          Heartbeat(Alive { caught_up: true, fenced: true, should_shut_down: true })
        broker 1 registers, run 3, remembers 2
          propose at 6
            broker 1 epoch 6 fenced
          Registered(Ok(BrokerEpoch(6)))
        broker 1 registers, run 2, remembers nothing
          refused: run 3 holds the id
        broker 1 is alive
          propose at 7
            broker 1 epoch 6 unfenced
            orders 0: leader 1 epoch 2 version 2 in sync 1 eligible -
          elections: 0 clean, 1 eligible, 0 unclean
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
    "#]]);
}

#[test]
fn a_second_incarnation_is_fenced_and_leads_nothing_in_one_batch() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.topic("orders", &[1, 2, 3], &[]);
    // The session is over, but no tick has noticed yet.
    scene.now = scene.now + Duration::from_secs(9);
    scene.register(1, 2, None);
    scene.expect(&expect![[r#"
        broker 1 registers, run 2, remembers nothing
          propose at 9
            broker 1 epoch 9 fenced
            orders 0: leader 2 epoch 1 version 1 in sync 2 3 eligible -
          elections: 1 clean, 0 eligible, 0 unclean
          Registered(Ok(BrokerEpoch(9)))
    "#]]);
}

#[test]
fn a_broker_is_unfenced_only_when_it_knows_of_its_own_registration() {
    let mut scene = Scene::new(settings());
    scene.register(1, 1, None);
    scene.heartbeat_with(1, "has applied nothing", |request| {
        request.metadata_offset = MetadataOffset(1);
    });
    scene.heartbeat_with(1, "has caught up but wants to stay fenced", |request| {
        request.want_fence = true;
    });
    scene.heartbeat_with(1, "has caught up", |_| ());
    scene.heartbeat_with(1, "has an old epoch", |request| request.broker_epoch = BrokerEpoch(1));
    scene.heartbeat_with(2, "was never registered", |_| ());
    scene.expect(&expect![[r#"
        broker 1 registers, run 1, remembers nothing
          propose at 2
            broker 1 epoch 2 fenced
          Registered(Ok(BrokerEpoch(2)))
        broker 1 has applied nothing
          Heartbeat(Alive { caught_up: false, fenced: true, should_shut_down: false })
        broker 1 has caught up but wants to stay fenced
          Heartbeat(Alive { caught_up: true, fenced: true, should_shut_down: false })
        broker 1 has caught up
          propose at 3
            broker 1 epoch 2 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 1 has an old epoch
          Heartbeat(StaleBrokerEpoch)
        broker 2 was never registered
          Heartbeat(NotRegistered)
    "#]]);
}

#[test]
fn shutdown_is_granted_when_every_active_broker_knows() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.topic("orders", &[1, 2, 3], &[]);
    let before = scene.controller.image().offset;
    let leave = |request: &mut HeartbeatRequest| request.want_shut_down = true;
    scene.heartbeat_with(1, "wants to shut down", leave);
    scene.heartbeat_with(2, "knows", |_| ());
    scene.heartbeat_with(3, "does not know yet", |request| request.metadata_offset = before);
    scene.heartbeat_with(1, "wants to shut down", leave);
    scene.heartbeat_with(3, "knows", |_| ());
    scene.heartbeat_with(1, "wants to shut down", leave);
    scene.heartbeat_with(1, "did not hear the answer", leave);
    scene.heartbeat_with(1, "said this long ago", |_| ());
    scene.register(1, 2, Some(2));
    scene.heartbeat(1);
    scene.expect(&expect![[r#"
        broker 1 wants to shut down
          propose at 9
            broker 1 epoch 2 unfenced, leaving
            orders 0: leader 2 epoch 1 version 1 in sync 2 3 eligible -
          elections: 1 clean, 0 eligible, 0 unclean
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 2 knows
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 3 does not know yet
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 1 wants to shut down
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 3 knows
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 1 wants to shut down
          propose at 10
            broker 1 epoch 2 fenced, leaving
          Heartbeat(Alive { caught_up: true, fenced: true, should_shut_down: true })
        broker 1 did not hear the answer
          Heartbeat(Alive { caught_up: true, fenced: true, should_shut_down: true })
        broker 1 said this long ago
          Heartbeat(Alive { caught_up: true, fenced: true, should_shut_down: false })
        broker 1 registers, run 2, remembers 2
          propose at 11
            broker 1 epoch 11 fenced
          Registered(Ok(BrokerEpoch(11)))
        broker 1 is alive
          propose at 12
            broker 1 epoch 11 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
    "#]]);
}

#[test]
fn the_last_in_sync_replica_may_shut_down_and_stays_eligible() {
    let mut scene = Scene::with_brokers(settings(), &[1]);
    scene.topic("orders", &[1], &[]);
    let leave = |request: &mut HeartbeatRequest| request.want_shut_down = true;
    scene.heartbeat_with(1, "wants to shut down", leave);
    scene.register(1, 2, Some(2));
    scene.heartbeat(1);
    scene.expect(&expect![[r#"
        broker 1 wants to shut down
          propose at 5
            broker 1 epoch 2 unfenced, leaving
            orders 0: leader - epoch 1 version 1 in sync - eligible 1 last known 1
            broker 1 epoch 2 fenced, leaving
          Heartbeat(Alive { caught_up: true, fenced: true, should_shut_down: true })
        broker 1 registers, run 2, remembers 2
          propose at 6
            broker 1 epoch 6 fenced
          Registered(Ok(BrokerEpoch(6)))
        broker 1 is alive
          propose at 7
            broker 1 epoch 6 unfenced
            orders 0: leader 1 epoch 2 version 2 in sync 1 eligible -
          elections: 0 clean, 1 eligible, 0 unclean
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
    "#]]);
}

#[test]
fn a_failover_begins_everybodys_session_anew() {
    let mut scene = Scene::with_brokers(settings(), &[1]);
    scene.now = scene.now + Duration::from_secs(60);
    scene.depose();
    scene.elect(2);
    scene.pass(8);
    scene.pass(1);
    scene.expect(&expect![[r#"
        deposed
        8 s pass
        1 s pass
          propose at 4
            broker 1 epoch 2 fenced
    "#]]);
}

#[test]
fn a_reply_waits_for_all_that_it_rests_on() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.topic("orders", &[1, 2, 3], &[]);
    scene.hold = true;
    scene.say("a wish that needs a record");
    scene.wish("orders", &[1, 2], |_| ());
    scene.say("a refusal that rests on that record");
    scene.wish("orders", &[1, 3], |_| ());
    scene.heartbeat(2);
    scene.say("commit");
    scene.commit();
    scene.heartbeat(2);
    scene.expect(&expect![[r#"
        a wish that needs a record
          propose at 9
            orders 0: leader 1 epoch 0 version 1 in sync 1 2 eligible -
        a refusal that rests on that record
        broker 2 is alive
        commit
          granted: leader Some(1) epoch 0 version 1 in sync 1 2
          refused: InvalidUpdateVersion(PartitionEpoch(1))
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 2 is alive
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
    "#]]);
}

#[test]
fn a_deposed_controller_forgets_what_was_not_committed() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.topic("orders", &[1, 2, 3], &[]);
    scene.hold = true;
    scene.wish("orders", &[1, 2], |_| ());
    scene.heartbeat(2);
    scene.depose();
    assert_eq!(scene.partition("orders").in_sync_replicas.len(), 3);
    scene.heartbeat(2);
    scene.elect(2);
    scene.hold = false;
    scene.wish("orders", &[1, 3], |_| ());
    scene.expect(&expect![[r#"
          propose at 9
            orders 0: leader 1 epoch 0 version 1 in sync 1 2 eligible -
        broker 2 is alive
        deposed
          NotController
          NotController
        broker 2 is alive
          NotController
          propose at 10
            orders 0: leader 1 epoch 0 version 1 in sync 1 3 eligible -
          granted: leader Some(1) epoch 0 version 1 in sync 1 3
    "#]]);
}

#[test]
fn producer_ids_are_given_to_registered_brokers_in_blocks() {
    let mut scene = Scene::with_brokers(settings(), &[1]);
    for broker_epoch in [2, 2, 3] {
        scene.say(&format!("broker 1 of epoch {broker_epoch} wants producer ids"));
        let broker_epoch = BrokerEpoch(broker_epoch);
        scene.request(Request::AllocateProducerIds { broker: BrokerId(1), broker_epoch });
    }
    scene.expect(&expect![[r#"
        broker 1 of epoch 2 wants producer ids
          propose at 4
            next producer id 1000
          ProducerIds(Ok((0, 1000)))
        broker 1 of epoch 2 wants producer ids
          propose at 5
            next producer id 2000
          ProducerIds(Ok((1000, 1000)))
        broker 1 of epoch 3 wants producer ids
          ProducerIds(Err(StaleBrokerEpoch))
    "#]]);
}

#[test]
fn brokers_and_partitions_are_counted() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2]);
    scene.topic("orders", &[1, 2], &[]);
    scene.topic("audit", &[2], &[]);
    scene.falls_silent(&[2]);
    let controller = &scene.controller;
    assert_eq!((controller.active_brokers(), controller.fenced_brokers()), (1, 1));
    assert_eq!((controller.offline_partitions(), controller.preferred_imbalance()), (1, 1));
    scene.falls_silent(&[1]);
    assert_eq!(scene.controller.offline_partitions(), 2);
}

#[test]
fn a_controller_that_is_not_active_says_so() {
    let mut controller = Controller::new(settings());
    let request = Request::ElectLeaders { kind: ElectionKind::Preferred, partitions: None };
    let ticket = RequestTicket(1);
    let effects = controller.step(Millis(0), Event::Requested { ticket, request });
    assert_eq!(effects, [Effect::Reply { ticket, reply: Reply::NotController }]);
    assert_eq!(controller.step(Millis(0), Event::Tick { dice: 0 }), []);
}
