//! Settings that promise less, and what is lost under them.
//!
//! A harness that never sees a loss proves nothing about the runs in which it sees none. So these
//! stories fail if nothing is lost, and if anything is lost that the weaker promise does not cover.

use std::sync::atomic::{AtomicU64, Ordering};

use harness::prelude::*;
use workloads::prelude::*;

/// acks=1 is the leader's own word: what its followers had not fetched when it crashed is gone,
/// and each loss can be told from what became of the leader's log.
#[test]
fn acks_one_loses_records_when_leaders_crash() {
    let lost = AtomicU64::new(0);
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load =
            cluster.start(append_read(&orders).producers(8).acks(Acks::Leader).pace(millis(10)));
        for _ in 0..3 {
            cluster.run_for(secs(2));
            let crashed = cluster.leader_of(&orders);
            cluster.crash(crashed);
            cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, crashed));
            cluster.restart(crashed);
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        }
        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.acknowledged(Promise::Volatile) > 0);
        assert_eq!(judged.judgement.losses.unexplained(), 0);
        lost.fetch_add(judged.lost(Promise::Volatile), Ordering::Relaxed);
    });
    assert!(lost.into_inner() > 0, "acks=1 lost nothing, so this proves nothing");
}

/// acks=0 is nobody's word: a leader that is gone takes with it what it never answered for.
#[test]
fn acks_none_loses_records_and_nobody_is_told() {
    let lost = AtomicU64::new(0);
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load =
            cluster.start(append_read(&orders).producers(4).acks(Acks::None).pace(millis(10)));
        cluster.run_for(secs(2));
        let crashed = cluster.leader_of(&orders);
        cluster.crash_silently(crashed);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, crashed));
        cluster.run_for(secs(2));
        cluster.restart(crashed);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        lost.fetch_add(judged.lost(Promise::FireAndForget), Ordering::Relaxed);
    });
    assert!(lost.into_inner() > 0, "acks=0 lost nothing, so this proves nothing");
}

/// With `unclean.leader.election.enable` a partition would rather lose records than wait for the
/// only replica that has them all: even what was acknowledged by all is gone, and the reason known.
#[test]
fn unclean_election_loses_records_acknowledged_by_all() {
    scenario(brokers(6).unclean_leader_election(true), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let leader = cluster.leader_of(&orders);
        for follower in cluster.followers_of(&orders) {
            cluster.hold(leader, follower);
        }
        cluster.wait_until("the leader is alone in sync", |c| c.in_sync(&orders) == [leader]);
        load.wait_for_acknowledgements(cluster, 50);
        cluster.crash(leader);
        cluster.wait_for("an unclean leader", |c| c.leader_other_than(&orders, leader));
        assert_eq!(cluster.times(Sometimes::ElectedUncleanly), 1);
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.lost(Promise::Durable) >= 50);
        assert_eq!(judged.judgement.losses.unexplained(), 0);
    });
}

/// Without an fsync for each record, and that is Kafka's default, acks=all is only as good as the
/// machines that stay up: if all lose their power at once, what they had acknowledged is gone.
#[test]
fn power_cut_of_everybody_loses_what_was_not_synced() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);
        for node in cluster.nodes() {
            cluster.power_cut_losing(node, Loss::Everything);
        }
        cluster.heal();
        load.wait_for_acknowledgements(cluster, 50);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.lost(Promise::Durable) >= 50);
        assert_eq!(judged.judgement.losses.unexplained(), 0);
    });
}

/// A leader that is cut off takes acks=1 for as long as anybody asks it, and loses all of it.
#[test]
fn cut_off_leader_loses_what_it_alone_acknowledged() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3).acks(Acks::Leader));
        cluster.run_for(secs(2));
        let deposed = cluster.leader_of(&orders);
        cluster.isolate(deposed);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, deposed));
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.lost(Promise::Volatile) > 10);
        assert_eq!(judged.judgement.losses.unexplained(), 0);
    });
}

/// Without eligible leader replicas (KIP-966) the last one in sync leads for ever, whatever became
/// of its disk: one power cut is enough to lose what two had promised to keep.
#[test]
fn last_one_in_sync_leads_with_nothing_where_nobody_is_eligible() {
    scenario(brokers(6).min_in_sync_replicas(2).eligible_leader_replicas(false), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);
        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));
        for follower in &followers {
            cluster.isolate(*follower);
        }
        cluster.wait_until("the leader is alone in sync", |c| c.in_sync(&orders) == [leader]);
        cluster.power_cut_losing(leader, Loss::Everything);
        cluster.wait_until("nobody leads", |c| c.times(Sometimes::Offline) > 0);
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.lost(Promise::Durable) > 0);
        assert_eq!(judged.judgement.losses.unexplained(), 0);
    });
}
