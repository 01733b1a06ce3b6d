//! Leaders' wishes for their in-sync sets (R18).

use std::collections::BTreeMap;

use expect_test::expect;

use super::super::*;
use super::scene::{Scene, settings};
use crate::types::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, RecoveryState, TopicId};

/// Mends the first of the mistakes that are left.
type Mend = Box<dyn Fn(&mut AlterPartitionRequest)>;

#[test]
fn a_wish_is_refused_for_the_first_of_its_mistakes() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3, 4]);
    scene.topic("orders", &[1, 2, 3], &[]);
    scene.falls_silent(&[1]);
    scene.falls_silent(&[3]);
    scene.heartbeat(3);
    scene.heartbeat_with(3, "leaves", |request| request.want_shut_down = true);
    let orders = scene.partition("orders").topic_id;
    let version = scene.partition("orders").partition_epoch;
    let mends = mends(orders, version);
    scene.say("every wish mends one mistake of the wish before");
    for mended in 1..=mends.len() {
        scene.wish("orders", &[1, 3, 4], |request| {
            request.broker = BrokerId(4);
            request.broker_epoch = BrokerEpoch(1);
            request.topic_id = TopicId([9; 16]);
            request.partition = 7;
            request.leader_epoch = LeaderEpoch(9);
            request.partition_epoch = PartitionEpoch(0);
            request.recovery_state = RecoveryState::Recovering;
            mends[..mended].iter().for_each(|mend| mend(request));
        });
    }
    scene.say("nobody in sync, a version to come, and at last a wish without a mistake");
    scene.wish("orders", &[], |_| ());
    scene.wish("orders", &[2], |request| request.partition_epoch = PartitionEpoch(3));
    scene.wish("orders", &[2], |_| ());
    scene.expect(&expect![[r#"
        silent for 9 s: 1
          propose at 11
            broker 1 epoch 2 fenced
            orders 0: leader 2 epoch 1 version 1 in sync 2 3 eligible -
          elections: 1 clean, 0 eligible, 0 unclean
        silent for 9 s: 3
          propose at 12
            broker 3 epoch 6 fenced
            orders 0: leader 2 epoch 1 version 2 in sync 2 eligible 3
        broker 3 is alive
          propose at 13
            broker 3 epoch 6 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        broker 3 leaves
          propose at 14
            broker 3 epoch 6 unfenced, leaving
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        every wish mends one mistake of the wish before
          refused: StaleBrokerEpoch
          refused: UnknownTopicId
          refused: UnknownPartition
          refused: FromTheFuture
          refused: FencedLeaderEpoch(LeaderEpoch(1))
          refused: InvalidRequest("the sender does not lead the partition")
          refused: InvalidUpdateVersion(PartitionEpoch(2))
          refused: InvalidRequest("an in-sync replica is not assigned")
          refused: InvalidRequest("the leader is not in the in-sync set")
          refused: InvalidRequest("a recovered partition does not begin to recover")
          refused: IneligibleReplica(BrokerId(1))
          refused: IneligibleReplica(BrokerId(3))
        nobody in sync, a version to come, and at last a wish without a mistake
          refused: InvalidRequest("the in-sync set is empty")
          refused: FromTheFuture
          propose at 15
            orders 0: leader 2 epoch 1 version 3 in sync 2 eligible 3
          granted: leader Some(2) epoch 1 version 3 in sync 2
    "#]]);
}

/// One mend for each check, in the order of the checks.
fn mends(orders: TopicId, version: PartitionEpoch) -> Vec<Mend> {
    vec![
        Box::new(|_| ()),
        Box::new(|request| request.broker_epoch = BrokerEpoch(8)),
        Box::new(move |request| request.topic_id = orders),
        Box::new(|request| request.partition = 0),
        Box::new(|request| request.leader_epoch = LeaderEpoch(0)),
        Box::new(|request| request.leader_epoch = LeaderEpoch(1)),
        Box::new(|request| {
            request.broker = BrokerId(2);
            request.broker_epoch = BrokerEpoch(4);
        }),
        Box::new(move |request| request.partition_epoch = version),
        Box::new(|request| request.in_sync_replicas = members(&[1, 3])),
        Box::new(|request| request.in_sync_replicas = members(&[1, 2, 3])),
        Box::new(|request| request.recovery_state = RecoveryState::Recovered),
        Box::new(|request| request.in_sync_replicas = members(&[2, 3])),
    ]
}

fn members(ids: &[i32]) -> BTreeMap<BrokerId, Option<BrokerEpoch>> {
    ids.iter().map(|id| (BrokerId(*id), None)).collect()
}

#[test]
fn a_member_that_restarted_since_it_was_seen_may_not_join() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.topic("orders", &[1, 2, 3], &[]);
    scene.falls_silent(&[3]);
    scene.register(3, 2, None);
    scene.heartbeat(3);
    scene.say("the leader saw the incarnation of epoch 6");
    scene.wish("orders", &[1, 2, 3], |request| {
        request.in_sync_replicas.insert(BrokerId(3), Some(BrokerEpoch(6)));
    });
    scene.wish("orders", &[1, 2, 3], |_| ());
    scene.expect(&expect![[r#"
        silent for 9 s: 3
          propose at 9
            broker 3 epoch 6 fenced
            orders 0: leader 1 epoch 0 version 1 in sync 1 2 eligible -
        broker 3 registers, run 2, remembers nothing
          propose at 10
            broker 3 epoch 10 fenced
          Registered(Ok(BrokerEpoch(10)))
        broker 3 is alive
          propose at 11
            broker 3 epoch 10 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
        the leader saw the incarnation of epoch 6
          refused: IneligibleReplica(BrokerId(3))
          propose at 12
            orders 0: leader 1 epoch 0 version 2 in sync 1 2 3 eligible -
          granted: leader Some(1) epoch 0 version 2 in sync 1 2 3
    "#]]);
}

#[test]
fn wishing_for_what_is_makes_a_new_version() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2, 3]);
    scene.topic("orders", &[1, 2, 3], &[]);
    scene.wish("orders", &[1, 2, 3], |_| ());
    scene.say("a wish that was built on the version before");
    scene.wish("orders", &[1, 2], |request| request.partition_epoch = PartitionEpoch(0));
    scene.expect(&expect![[r#"
          propose at 9
            orders 0: leader 1 epoch 0 version 1 in sync 1 2 3 eligible -
          granted: leader Some(1) epoch 0 version 1 in sync 1 2 3
        a wish that was built on the version before
          refused: InvalidUpdateVersion(PartitionEpoch(1))
    "#]]);
}

#[test]
fn a_recovering_leader_is_alone_until_it_has_recovered() {
    let mut scene = Scene::with_brokers(settings(), &[1, 2]);
    let configs = [("unclean.leader.election.enable", "true"), ("min.insync.replicas", "1")];
    scene.topic("orders", &[1, 2], &configs);
    scene.wish("orders", &[1], |_| ());
    scene.falls_silent(&[1]);
    scene.heartbeat(1);
    scene.wish("orders", &[1, 2], |r| r.recovery_state = RecoveryState::Recovering);
    scene.wish("orders", &[2], |r| r.recovery_state = RecoveryState::Recovering);
    scene.wish("orders", &[1, 2], |_| ());
    scene.wish("orders", &[1, 2], |r| r.recovery_state = RecoveryState::Recovering);
    scene.expect(&expect![[r#"
          propose at 7
            orders 0: leader 1 epoch 0 version 1 in sync 1 eligible -
          granted: leader Some(1) epoch 0 version 1 in sync 1
        silent for 9 s: 1
          propose at 8
            broker 1 epoch 2 fenced
            orders 0: leader 2 epoch 1 version 2 in sync 2 eligible - recovering
          elections: 0 clean, 0 eligible, 1 unclean
        broker 1 is alive
          propose at 9
            broker 1 epoch 2 unfenced
          Heartbeat(Alive { caught_up: true, fenced: false, should_shut_down: false })
          refused: InvalidRequest("a recovering leader is in sync with nobody else")
          propose at 10
            orders 0: leader 2 epoch 1 version 3 in sync 2 eligible - recovering
          granted: leader Some(2) epoch 1 version 3 in sync 2
          propose at 11
            orders 0: leader 2 epoch 1 version 4 in sync 1 2 eligible -
          granted: leader Some(2) epoch 1 version 4 in sync 1 2
          refused: InvalidRequest("a recovered partition does not begin to recover")
    "#]]);
}
