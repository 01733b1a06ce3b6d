//! One replica after the other is lost, down to none, and somebody has to decide what comes next.

use harness::prelude::*;
use workloads::prelude::*;

/// Three, two, one, none. The last two to go are remembered as eligible (KIP-966): whichever is back
/// first leads, cleanly, and what the very last one had taken on its own word alone is gone.
#[test]
fn first_eligible_replica_to_come_back_leads() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(acks_mix(&orders));
        load.wait_for_acknowledgements(cluster, 50);
        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));

        cluster.crash(followers[0]);
        cluster.wait_until("one has left", |c| c.in_sync(&orders).len() == 2);
        load.wait_for_acknowledgements(cluster, 20);
        let cut = cluster.isolate_fully(followers[1]);
        cluster.wait_until("the leader is left alone", |c| c.in_sync(&orders) == [leader]);
        cluster.run_for(secs(2));
        cluster.isolate_fully(leader);
        cluster.wait_until("nobody leads", |c| c.times(Sometimes::Offline) > 0);

        cluster.lift(cut);
        cluster.wait_until("it leads alone", |c| c.in_sync(&orders) == [followers[1]]);
        assert_eq!(cluster.times(Sometimes::ElectedFromEligible), 1);
        cluster.restart(followers[0]);
        load.wait_for_acknowledgements(cluster, 20);
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        assert_eq!(cluster.times(Sometimes::ElectedUncleanly), 0);
        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.lost(Promise::Volatile) > 0);
        assert_eq!(judged.lost(Promise::Durable), 0);
    });
}

/// The leader is the only one in sync when it crashes; the others come back before it does.
/// With unclean elections the partition goes on and pays for it, without them it waits.
fn lose_the_only_one_in_sync(unclean: bool) {
    scenario(brokers(6).unclean_leader_election(unclean), move |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);
        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));
        let cuts: Vec<FaultId> = followers.iter().map(|f| cluster.isolate_fully(*f)).collect();
        cluster.wait_until("the leader is left alone", |c| c.in_sync(&orders) == [leader]);
        load.wait_for_acknowledgements(cluster, 50);
        cluster.crash(leader);
        cluster.wait_until("nobody leads", |c| c.times(Sometimes::Offline) > 0);
        let offline = cluster.now();
        cuts.into_iter().for_each(|cut| cluster.lift(cut));
        cluster.run_for(secs(20));
        let answers = load.answers_since(offline);
        assert_eq!(answers.acknowledged(Promise::Durable) > 0, unclean);
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert_eq!(judged.lost(Promise::Durable) >= 50, unclean);
        assert_eq!(judged.judgement.losses.unexplained(), 0);
    });
}

/// Unclean election off: unavailable, and nothing lost.
#[test]
fn partition_waits_for_the_only_one_in_sync() {
    lose_the_only_one_in_sync(false);
}

/// Unclean election on, under the same seeds: available, and each loss explained.
#[test]
fn partition_that_does_not_wait_loses_what_the_others_lacked() {
    lose_the_only_one_in_sync(true);
}

/// Unclean election off, and an administrator who cannot wait: ElectLeaders brings the partition
/// back, at the price of what only the lost leader had.
#[test]
fn administrator_who_elects_uncleanly_pays_with_the_tail() {
    scenario(brokers(6), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);
        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));
        let cuts: Vec<FaultId> = followers.iter().map(|f| cluster.isolate_fully(*f)).collect();
        cluster.wait_until("the leader is left alone", |c| c.in_sync(&orders) == [leader]);
        load.wait_for_acknowledgements(cluster, 50);
        cluster.crash(leader);
        cluster.wait_until("nobody leads", |c| c.times(Sometimes::Offline) > 0);
        cuts.into_iter().for_each(|cut| cluster.lift(cut));
        cluster.wait_until("they are back", |c| followers.iter().all(|f| c.is_active(*f)));

        cluster.elect_leaders(ElectionType::Unclean, &orders);
        cluster.wait_for("an unclean leader", |c| c.leader_other_than(&orders, leader));
        assert_eq!(cluster.times(Sometimes::ElectedUncleanly), 1);
        load.wait_for_acknowledgements(cluster, 20);
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.lost(Promise::Durable) >= 50);
        assert_eq!(judged.judgement.losses.unexplained(), 0);
    });
}
