//! The network splits. The log must not.

use harness::prelude::*;
use workloads::prelude::*;

/// A leader cut off from its peers may go on believing that it leads, but it can no longer
/// commit: no record that was acknowledged on either side of the cut is lost.
#[test]
fn isolated_leader_loses_no_acknowledged_record() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3).acks(Acks::All));
        cluster.run_for(secs(5));

        let deposed = cluster.leader_of(&orders);
        cluster.isolate(deposed);
        let elected = cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, deposed));
        cluster.run_for(secs(10));
        assert!(
            cluster.high_watermark(deposed, &orders) < cluster.high_watermark(elected, &orders)
        );

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        load.finish(cluster).must_be_valid();
    });
}

/// A leader that keeps one follower and the controllers goes on in the same epoch: it holds
/// acknowledgements back until the other follower has left the in-sync set, and no longer.
#[test]
fn leader_with_a_follower_goes_on_without_the_other() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (controllers, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);
        let (leader, epoch) = (cluster.leader_of(&orders), cluster.leader_epoch(&orders));
        let followers = cluster.followers_of(&orders);

        let cut = cluster.now();
        let with_leader = [&controllers[..], &[leader, followers[0]]].concat();
        cluster.partition(&[&with_leader, &[followers[1]]]);
        load.wait_for_acknowledgements(cluster, 50);
        assert!(!cluster.in_sync(&orders).contains(&followers[1]));
        assert!(load.answers_since(cut).longest_silence() <= SESSION_TIMEOUT + secs(1));
        assert_eq!(cluster.leader_epoch(&orders), epoch);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        assert_eq!(cluster.times(Sometimes::LogTruncated), 0);
        load.finish(cluster).must_be_valid();
    });
}

/// A follower alone with the controllers is elected and can promise nothing. Neither can the old
/// leader, whose other follower stays with it: on neither side is anything acknowledged by all, and
/// what was acknowledged before the cut is kept.
#[test]
fn follower_alone_with_the_controllers_is_elected_and_promises_nothing() {
    scenario(brokers(5).min_in_sync_replicas(2), |cluster| {
        let (controllers, others) = cluster.by_role();
        let (zombie, survivor) = (others[0], controllers[0]);
        let orders = cluster.create_topic_on("orders", &[zombie, others[1], survivor]);
        let load = cluster.start(acks_mix(&orders));
        load.wait_for_acknowledgements(cluster, 50);

        cluster.partition(&[&others, &controllers]);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, zombie));
        assert_eq!(cluster.leader_of(&orders), survivor);
        let (elected, frozen) = (cluster.now(), cluster.high_watermark(zombie, &orders));
        // Who began before it still tries for five seconds, and then the next one for as long.
        cluster.run_for(secs(12));
        let answers = load.answers_since(elected);
        assert_eq!(answers.acknowledged(Promise::Durable), 0);
        assert!(answers.refused(Promise::Durable, "NOT_ENOUGH_REPLICAS") > 0);
        assert!(answers.acknowledged(Promise::Volatile) > 0);
        assert_eq!(cluster.high_watermark(zombie, &orders), frozen);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.acknowledged(Promise::Durable) > 50);
    });
}

/// A leader that has lost both followers and still has the controllers stays where it is, alone in
/// sync: the others may not be elected while it lives, and it promises nothing without them.
#[test]
fn leader_without_followers_stays_and_promises_nothing() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(acks_mix(&orders));
        load.wait_for_acknowledgements(cluster, 50);

        let (leader, epoch) = (cluster.leader_of(&orders), cluster.leader_epoch(&orders));
        for follower in cluster.followers_of(&orders) {
            cluster.cut_one_way(follower, leader);
        }
        cluster.wait_until("the leader is alone in sync", |c| c.in_sync(&orders) == [leader]);
        let alone = cluster.now();
        // Who began before it still tries for five seconds, and then the next one for as long.
        cluster.run_for(secs(12));
        let answers = load.answers_since(alone);
        assert_eq!(answers.acknowledged(Promise::Durable), 0);
        assert!(answers.refused(Promise::Durable, "NOT_ENOUGH_REPLICAS") > 0);
        assert!(answers.acknowledged(Promise::Volatile) > 0);
        assert_eq!(cluster.leader_epoch(&orders), epoch);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert_eq!(judged.lost(Promise::Volatile), 0);
    });
}

/// Two halves that share one member: everybody has a majority of some sort, and there is still only
/// one log.
#[test]
fn bridge_between_two_halves_makes_no_second_leader() {
    scenario(brokers(5).controllers(5).min_in_sync_replicas(3), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(5));
        let load = cluster.start(acks_mix(&orders));
        load.wait_for_acknowledgements(cluster, 50);

        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));
        let [a, bridge, b, c] = followers[..] else { panic!("five replicas") };
        let cut = cluster.now();
        cluster.partition(&[&[leader, a, bridge], &[bridge, b, c]]);
        cluster.run_for(SESSION_TIMEOUT * 5);
        assert!(load.answers_since(cut).acknowledged(Promise::Durable) > 0);
        assert!(cluster.times(Sometimes::InSyncShrank) > 0);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// A network that comes and goes faster than anybody can settle moves leadership about and loses
/// nothing; when it has come to rest, so has the cluster.
#[test]
fn leader_that_is_cut_off_again_and_again_loses_nothing() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(acks_mix(&orders));
        load.wait_for_acknowledgements(cluster, 50);

        for _ in 0..6 {
            let leader = cluster.leader_of(&orders);
            let cut = cluster.isolate(leader);
            cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
            cluster.lift(cut);
            cluster.run_for(millis(500));
        }
        assert!(cluster.times(Sometimes::LeaderElected) >= 6);
        load.wait_for_acknowledgements(cluster, 50);

        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// Consumers that read from a follower cut off from its leader get what it knows to be committed,
/// and no more: a prefix, perhaps an old one, never anything that is taken back.
#[test]
fn cut_off_follower_serves_nothing_that_is_taken_back() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(acks_mix(&orders).follower_consumers(3).pollers(2));
        load.wait_for_acknowledgements(cluster, 50);

        let follower = cluster.followers_of(&orders)[0];
        cluster.isolate(follower);
        let frozen = cluster.high_watermark(follower, &orders);
        load.wait_for_acknowledgements(cluster, 100);
        let served = cluster.times(Sometimes::ServedByFollower);
        cluster.run_for(secs(20));
        assert!(cluster.times(Sometimes::ServedByFollower) > served);
        assert_eq!(cluster.high_watermark(follower, &orders), frozen);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// A leader that still speaks but hears nobody is replaced like one that is gone.
#[test]
fn leader_that_hears_nobody_is_replaced() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let deaf = cluster.leader_of(&orders);
        cluster.deafen(deaf);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, deaf));
        load.wait_for_acknowledgements(cluster, 50);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// A leader that hears everybody and is heard by nobody is replaced as well.
#[test]
fn leader_that_nobody_hears_is_replaced() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let mute = cluster.leader_of(&orders);
        cluster.silence(mute);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, mute));
        load.wait_for_acknowledgements(cluster, 50);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}
