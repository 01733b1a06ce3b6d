//! Followers fetch within limits. A limit may slow replication down, and stops it nowhere.

use harness::prelude::*;
use workloads::prelude::*;

/// `replica.fetch.max.bytes` below the size of any batch: the first batch is sent whole (KIP-74).
#[test]
fn batches_larger_than_the_limits_are_replicated() {
    let tight = brokers(3).min_in_sync_replicas(2).set("replica.fetch.max.bytes", "1");
    scenario(tight.set("replica.fetch.response.max.bytes", "1"), |cluster| {
        let orders = cluster.create_topic_with("orders", (4, ReplicationFactor(3)), &[]);
        let load = cluster.start(append_read(&orders).producers(2).pace(millis(200)));
        load.wait_for_acknowledgements(cluster, 50);
        assert_eq!(cluster.times(Sometimes::InSyncShrank), 0);
        load.finish(cluster).must_be_valid();
    });
}

/// A partition that is written to faster than it can be replicated fills every answer. The others
/// come first as often as it does (R34), stay in sync and go on.
#[test]
fn hot_partition_does_not_starve_the_others() {
    let tight = brokers(6).min_in_sync_replicas(2).set("replica.fetch.response.max.bytes", "1");
    scenario(tight, |cluster| {
        let (_, others) = cluster.by_role();
        let hot = cluster.create_topic_on("hot", &others);
        let cold = cluster.create_topic_on("cold", &others);
        let load = cluster.start(append_read(&cold).producers(1));
        let flood = append_read(&hot).producers(6).acks(Acks::Leader).consumers(0);
        let flood = cluster.start(flood.pace(millis(2)));
        load.wait_for_acknowledgements(cluster, 20);
        cluster.run_for(REPLICA_LAG_MAX * 2);
        load.wait_for_acknowledgements(cluster, 20);
        assert!(cluster.all_in_sync(&cold));
        flood.stop(cluster);
        load.finish(cluster).must_be_valid();
    });
}

/// A partition whose leader cannot read what it has, since a bit has rotted, is not replicated. The
/// others, which the same fetchers fetch, are.
fn rot_one(fetchers: &'static str) {
    let settings = brokers(6).min_in_sync_replicas(2).set("num.replica.fetchers", fetchers);
    scenario(settings, |cluster| {
        let (_, others) = cluster.by_role();
        let bad = cluster.create_topic_on("bad", &others);
        let good: Vec<Topic> =
            (0..4).map(|n| cluster.create_topic_on(&format!("good-{n}"), &others)).collect();
        let (leader, follower) = (cluster.leader_of(&bad), cluster.followers_of(&bad)[0]);
        let cut = cluster.isolate(follower);
        cluster.wait_until("it is out of sync", |c| !c.in_sync(&bad).contains(&follower));
        cluster.fill(&bad, 300);
        cluster.flip_bit_in_log(leader, &bad);
        let load = cluster.start(append_read(&good[0]).producers(2));
        load.wait_for_acknowledgements(cluster, 20);

        cluster.lift(cut);
        for topic in &good {
            cluster.wait_until("the others are in sync", |c| c.all_in_sync(topic));
        }
        cluster.run_for(REPLICA_LAG_MAX * 2);
        assert!(good.iter().all(|topic| cluster.all_in_sync(topic)));
        assert!(!cluster.in_sync(&bad).contains(&follower));
        load.wait_for_acknowledgements(cluster, 20);
        load.finish(cluster).must_be_valid();
    });
}

/// One fetcher for each leader, Kafka's default.
#[test]
fn rotten_partition_does_not_stop_the_others_of_its_fetcher() {
    rot_one("1");
}

/// Four fetchers for each leader.
#[test]
fn rotten_partition_does_not_stop_the_other_fetchers() {
    rot_one("4");
}
