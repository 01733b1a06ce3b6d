//! How many may fail at once: of N replicas N - 1 for what is there, N - `min.insync.replicas` for
//! writing on.

use harness::prelude::*;
use workloads::prelude::*;

/// Of `factor` replicas all but `required` are lost at once, then all but the leader.
fn lose_all_but(factor: usize, required: usize) {
    scenario(brokers(8).min_in_sync_replicas(required), move |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others[..factor]);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 30);
        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));
        let (tolerated, beyond) = followers.split_at(factor - required);
        for follower in tolerated {
            cluster.isolate_fully(*follower);
        }
        load.wait_for_acknowledgements(cluster, 50);
        for follower in beyond {
            cluster.isolate_fully(*follower);
        }
        cluster.wait_until("the leader is left alone", |c| c.in_sync(&orders) == [leader]);

        let (alone, frozen) = (cluster.now(), cluster.high_watermark(leader, &orders));
        let reader = cluster.start(append_read(&orders).producers(0));
        // Who began before it still tries for five seconds, and then the next one for as long.
        cluster.run_for(secs(12));
        let (writes, reads) = (load.answers_since(alone), reader.answers_since(alone));
        assert!(reads.records_read() >= u64::try_from(frozen.0).unwrap_or(u64::MAX));
        let refused = writes.refused(Promise::Durable, "NOT_ENOUGH_REPLICAS");
        assert_eq!(refused > 0, required > 1, "{refused} refused");
        assert_eq!(writes.acknowledged(Promise::Durable) > 0, required == 1);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        reader.stop(cluster);
        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert_eq!(judged.lost(Promise::Durable), 0);
    });
}

/// One replica keeps what it has for as long as nobody asks how.
#[test]
fn of_one_replica_none_may_fail() {
    lose_all_but(1, 1);
}

/// Two replicas, one of which must have a record: one may fail.
#[test]
fn of_two_replicas_one_may_fail() {
    lose_all_but(2, 1);
}

/// Three replicas, two of which must have a record: one may fail for writes, two for reads.
#[test]
fn of_three_replicas_one_may_fail_for_writes_and_two_for_reads() {
    lose_all_but(3, 2);
}

/// Four replicas, two of which must have a record: two may fail for writes, three for reads.
#[test]
fn of_four_replicas_two_may_fail_for_writes_and_three_for_reads() {
    lose_all_but(4, 2);
}

/// Five replicas, of which the last three in sync lose their power, so many with all that they had
/// not synced.
fn cut_the_last_three(lossy: usize) {
    scenario(brokers(8).min_in_sync_replicas(3), move |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 30);
        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));
        for follower in &followers[2..] {
            cluster.isolate_fully(*follower);
        }
        cluster.wait_until("three are in sync", |c| c.in_sync(&orders).len() == 3);
        load.wait_for_acknowledgements(cluster, 50);
        for node in [leader, followers[0], followers[1]].into_iter().take(lossy) {
            cluster.power_cut_losing(node, Loss::Everything);
        }
        cluster.run_for(SESSION_TIMEOUT);
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert_eq!(judged.lost(Promise::Durable) >= 50, lossy == 3);
        assert_eq!(judged.judgement.losses.unexplained(), 0);
    });
}

/// What three have, two may lose.
#[test]
fn two_lossy_replicas_of_three_in_sync_lose_nothing() {
    cut_the_last_three(2);
}

/// What three have and nobody else, three can lose.
#[test]
fn three_lossy_replicas_lose_what_only_they_had() {
    cut_the_last_three(3);
}
