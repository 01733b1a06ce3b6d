//! Processes stand still and go on as if nothing had happened. They have to be told.

use harness::prelude::*;
use workloads::prelude::*;

/// A leader that sleeps past its session wakes up deposed. Whatever it still believes, and whatever
/// waits in its sockets, it acknowledges nothing that is lost.
#[test]
fn leader_that_sleeps_past_its_session_wakes_up_deposed() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let sleeper = cluster.leader_of(&orders);
        cluster.pause(sleeper);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, sleeper));
        load.wait_for_acknowledgements(cluster, 50);
        cluster.resume(sleeper);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.acknowledged(Promise::Durable) > 100);
    });
}

/// A leader that sleeps for less than its session goes on leading in the same epoch.
#[test]
fn leader_that_naps_goes_on_leading() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (leader, asleep) = (cluster.leader_of(&orders), cluster.now());
        cluster.pause(leader);
        cluster.run_for(SESSION_TIMEOUT / 2);
        cluster.resume(leader);
        load.wait_for_acknowledgements(cluster, 50);
        assert!(load.answers_since(asleep).longest_silence() >= SESSION_TIMEOUT / 2);
        cluster.run_for(REPLICA_LAG_MAX * 2);
        assert_eq!(cluster.times(Sometimes::LeaderElected), 0);
        assert_eq!(cluster.times(Sometimes::InSyncShrank), 0);

        load.finish(cluster).must_be_valid();
    });
}

/// A follower that sleeps is dropped from the in-sync set, and what it says when it wakes up does
/// not count before it has caught up.
#[test]
fn follower_that_sleeps_is_left_behind_and_catches_up() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let sleeper = cluster.followers_of(&orders)[0];
        cluster.pause(sleeper);
        cluster.wait_until("it is out of sync", |c| !c.in_sync(&orders).contains(&sleeper));
        load.wait_for_acknowledgements(cluster, 50);
        cluster.resume(sleeper);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        load.finish(cluster).must_be_valid();
    });
}

/// Everybody stands still at once, for longer than any timeout, as on a virtual machine that is
/// moved. When they go on, nothing is missing.
#[test]
fn cluster_that_stands_still_loses_nothing() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let stopped = cluster.now();
        for node in cluster.nodes() {
            cluster.pause(node);
        }
        cluster.run_for(SESSION_TIMEOUT * 4);
        assert_eq!(load.answers_since(stopped).acknowledged(Promise::Durable), 0);
        for node in cluster.nodes() {
            cluster.resume(node);
        }
        load.wait_for_acknowledgements(cluster, 50);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        load.finish(cluster).must_be_valid();
    });
}

/// Whoever leads is put to sleep as soon as it leads, and wakes up when the next one does.
#[test]
fn leaders_that_sleep_by_turns_lose_nothing() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(acks_mix(&orders).pollers(2));
        load.wait_for_acknowledgements(cluster, 50);

        for _ in 0..5 {
            let sleeper = cluster.leader_of(&orders);
            cluster.pause(sleeper);
            cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, sleeper));
            cluster.resume(sleeper);
            load.wait_for_acknowledgements(cluster, 10);
        }
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}
