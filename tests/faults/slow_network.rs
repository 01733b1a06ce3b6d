//! The network is slow, or keeps back what it carries. Nobody waits for the slowest for ever.

use harness::prelude::*;
use workloads::prelude::*;

/// A follower that cannot keep up leaves the in-sync set once it is behind for longer than
/// `replica.lag.time.max.ms`; the others go on without it, and it is taken in again when it has
/// caught up.
#[test]
fn slow_follower_leaves_the_in_sync_set_and_holds_nobody_up() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);
        let (leader, slow) = (cluster.leader_of(&orders), cluster.followers_of(&orders)[0]);

        let slowed = cluster.now();
        cluster.slow_link(leader, slow, secs(5));
        cluster.wait_until("the slow one is out of sync", |c| !c.in_sync(&orders).contains(&slow));
        let out_of_sync = cluster.now() - slowed;
        assert!(out_of_sync <= REPLICA_LAG_MAX * 3 / 2 + secs(1), "after {out_of_sync:?}");
        load.wait_for_acknowledgements(cluster, 50);
        assert_eq!(cluster.in_sync(&orders).len(), 2);
        assert_eq!(cluster.times(Sometimes::LeaderElected), 0);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// The same if everything between the two is kept back, as if a switch had to think: what arrives
/// late is not taken for news.
#[test]
fn follower_whose_link_stalls_is_left_behind_and_comes_back() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);
        let (leader, stalled) = (cluster.leader_of(&orders), cluster.followers_of(&orders)[1]);

        cluster.hold(leader, stalled);
        cluster.wait_until("it is out of sync", |c| !c.in_sync(&orders).contains(&stalled));
        load.wait_for_acknowledgements(cluster, 50);
        cluster.release(leader, stalled);

        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        assert_eq!(cluster.times(Sometimes::LeaderElected), 0);
        load.finish(cluster).must_be_valid();
    });
}

/// A follower that is slow, but never behind for as long as is allowed, stays in sync. Everybody
/// waits for it, and nobody is dropped and taken in again by turns.
#[test]
fn follower_that_lags_less_than_allowed_stays_in_sync() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (leader, slow) = (cluster.leader_of(&orders), cluster.followers_of(&orders)[0]);
        let slowed = cluster.now();
        cluster.slow_link(leader, slow, millis(400));
        cluster.run_for(secs(20));
        let answers = load.answers_since(slowed);
        assert!(answers.acknowledged(Promise::Durable) > 0);
        assert!(answers.longest_silence() >= millis(400));
        assert_eq!(cluster.times(Sometimes::InSyncShrank), 0);

        cluster.heal();
        load.finish(cluster).must_be_valid();
    });
}

/// Nothing happens for a long time, then a little, then nothing again: a follower that has all there
/// is does not leave the in-sync set for having asked for nothing (LV7).
#[test]
fn idle_partition_does_not_flap() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic_with("orders", (3, ReplicationFactor(3)), &[]);
        let load = cluster.start(append_read(&orders).producers(1).pace(secs(5)));
        load.wait_for_acknowledgements(cluster, 5);
        cluster.run_for(REPLICA_LAG_MAX * 5);
        assert_eq!(cluster.times(Sometimes::InSyncShrank), 0);
        assert_eq!(cluster.times(Sometimes::LeaderElected), 0);
        load.finish(cluster).must_be_valid();
    });
}

/// A far data centre: every message takes a fifth of a second. Everything is slow, nothing is wrong.
#[test]
fn cluster_with_long_wires_works_slowly() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 20);

        let nodes = cluster.nodes();
        for (a, b) in [(0, 1), (1, 2), (2, 0)] {
            cluster.slow_link(nodes[a], nodes[b], millis(200));
        }
        cluster.run_for(secs(5));
        let (settled, shrank) = (cluster.now(), cluster.times(Sometimes::InSyncShrank));
        cluster.run_for(secs(20));
        let answers = load.answers_since(settled);
        assert!(answers.acknowledged(Promise::Durable) > 20);
        assert!(answers.longest_silence() < secs(2));
        assert_eq!(cluster.times(Sometimes::InSyncShrank), shrank);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// A broker is near enough to the controller for heartbeats, and too far to hear of a committed
/// block of producer ids within `controller.quorum.request.timeout.ms`. The late answer is as good
/// as an early one: one block is enough, and the producer that waits gets an id out of it.
#[test]
fn late_block_of_producer_ids_is_given_out() {
    scenario(brokers(4).min_in_sync_replicas(2), |cluster| {
        let (controllers, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &controllers);
        let (far, controller) = (others[0], cluster.active_controller());
        for peer in controllers.into_iter().filter(|peer| *peer != controller) {
            cluster.slow_link(controller, peer, millis(100));
        }
        cluster.slow_link(far, controller, millis(450));

        let mut append = || cluster.first_append(far, &orders).expect("an id, and then a leader");
        let (first, second) = (append(), append());
        assert!(first > secs(1) && first < secs(5), "{first:?}");
        assert!(second < secs(1), "{second:?}");
        assert_eq!(cluster.producer_ids_allocated(), 1000);
    });
}
