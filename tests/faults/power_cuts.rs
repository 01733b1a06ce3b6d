//! Machines lose their power, and with it what no fsync covers. By default nothing of a log is
//! synced, so what was acknowledged must be elsewhere.

use harness::prelude::*;
use workloads::prelude::*;

/// One machine less than must be in sync may lose everything unsynced: what was acknowledged by all
/// is on another one.
#[test]
fn power_cut_of_the_leader_loses_no_acknowledged_record() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let leader = cluster.leader_of(&orders);
        cluster.power_cut_losing(leader, Loss::Everything);
        assert!(cluster.disk(leader).tally().changes_lost > 0);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
        load.wait_for_acknowledgements(cluster, 50);

        cluster.restart(leader);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        assert!(cluster.times(Sometimes::TailLost) > 0);
        load.finish(cluster).must_be_valid();
    });
}

/// With five replicas of which three must be in sync, two may lose everything at once, the leader
/// among them.
#[test]
fn power_cut_of_two_of_five_replicas_loses_no_acknowledged_record() {
    scenario(brokers(5).controllers(5).min_in_sync_replicas(3), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(5));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (leader, follower) = (cluster.leader_of(&orders), cluster.followers_of(&orders)[0]);
        cluster.power_cut_losing(leader, Loss::Everything);
        cluster.power_cut_losing(follower, Loss::Everything);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
        load.wait_for_acknowledgements(cluster, 50);

        cluster.restart(leader);
        cluster.restart(follower);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        assert!(cluster.times(Sometimes::TailLost) > 1);
        load.finish(cluster).must_be_valid();
    });
}

/// A machine that has lost everything and is back before anybody noticed must not lead, or count as
/// in sync, by what its predecessor had (KIP-966).
#[test]
fn leader_that_comes_back_with_nothing_within_its_session_does_not_lead() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (leader, epoch) = (cluster.leader_of(&orders), cluster.leader_epoch(&orders));
        cluster.power_cut_losing(leader, Loss::Everything);
        cluster.restart(leader);
        cluster.wait_until("another epoch", |c| c.leader_epoch(&orders) > epoch);
        assert_ne!(cluster.leader_of(&orders), leader);
        load.wait_for_acknowledgements(cluster, 50);

        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        assert!(cluster.times(Sometimes::TailLost) > 0);
        load.finish(cluster).must_be_valid();
    });
}

/// With an fsync for every record, all machines may lose their power at once: whoever leads again
/// has everything that was acknowledged.
#[test]
fn power_cut_of_everybody_loses_nothing_that_was_synced() {
    scenario(brokers(3).min_in_sync_replicas(2).flush_messages(1), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 100);

        for node in cluster.nodes() {
            cluster.power_cut_losing(node, Loss::Everything);
        }
        assert!(cluster.running().is_empty());
        cluster.heal();
        load.wait_for_acknowledgements(cluster, 50);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.acknowledged(Promise::Durable) >= 150);
        assert_eq!(judged.lost(Promise::Durable), 0);
    });
}

/// One machine after the other loses its power, each time whoever leads, and comes back before the
/// next: what it lost is fetched again from those who have it.
#[test]
fn power_cut_of_one_leader_after_the_other_loses_nothing() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic_with("orders", (2, ReplicationFactor(3)), &[]);
        let load = cluster.start(acks_mix(&orders));
        for _ in 0..4 {
            load.wait_for_acknowledgements(cluster, 30);
            let leader = cluster.leader_of(&orders);
            cluster.power_cut(leader);
            cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
            cluster.restart(leader);
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        }
        load.wait_for_acknowledgements(cluster, 30);
        load.finish(cluster).must_be_valid();
    });
}

/// The power goes while the machine is writing, after so many operations of its disk, whatever they
/// are: recovery copes with each of those places.
#[test]
fn power_that_goes_in_the_midst_of_writing_loses_nothing() {
    scenario(brokers(3).min_in_sync_replicas(2).flush_messages(1), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        for operations in [1, 2, 3, 5, 8, 13] {
            load.wait_for_acknowledgements(cluster, 20);
            let node = cluster.leader_of(&orders);
            cluster.break_disk(node, DiskFault::CutAfter { operations });
            cluster.wait_until("the power has gone", |c| !c.is_running(node));
            cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, node));
            cluster.restart(node);
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        }
        load.finish(cluster).must_be_valid();
    });
}

/// Everybody loses power at once, and again while recovering from it. With an fsync for every record
/// nothing that was acknowledged is lost, whatever survives of the rest.
#[test]
fn power_cuts_during_recovery_lose_nothing_that_was_synced() {
    scenario(brokers(3).min_in_sync_replicas(2).flush_messages(1), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        for pause in [20, 100, 1000, 4000] {
            for node in cluster.nodes() {
                cluster.power_cut(node);
            }
            cluster.heal();
            cluster.run_for(millis(pause));
        }
        load.wait_for_acknowledgements(cluster, 50);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert_eq!(judged.lost(Promise::Durable), 0);
    });
}

/// Two machines of three lose their power and only the follower's is lost for good at first: the
/// one that may lead is waited for, rather than taking one that may lack something (KIP-966).
#[test]
fn partition_waits_for_the_replica_that_has_everything() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);
        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));

        cluster.shut_down(followers[1]);
        load.wait_for_acknowledgements(cluster, 50);
        cluster.power_cut_losing(followers[0], Loss::Everything);
        cluster.wait_until("the leader is alone in sync", |c| c.in_sync(&orders) == [leader]);
        cluster.shut_down(leader);
        cluster.restart(followers[0]);
        cluster.restart(followers[1]);
        cluster.run_for(SESSION_TIMEOUT * 3);
        assert!(cluster.leader_other_than(&orders, leader).is_none());

        cluster.restart(leader);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.wait_for_acknowledgements(cluster, 50);
        load.finish(cluster).must_be_valid();
    });
}
