//! Clocks are wrong. Nothing that matters is decided by what time it is.

use harness::prelude::*;
use workloads::prelude::*;

/// The leader's wall clock jumps an hour ahead and an hour back. Nobody is dropped from the in-sync
/// set, nobody is elected, nothing is lost.
#[test]
fn clock_that_jumps_disturbs_nobody() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let leader = cluster.leader_of(&orders);
        for offset_ms in [3_600_000, -3_600_000] {
            cluster.set_clock_offset(leader, offset_ms);
            cluster.run_for(REPLICA_LAG_MAX * 2);
            load.wait_for_acknowledgements(cluster, 50);
        }
        assert_eq!(cluster.clock(leader).offset_ms(), -3_600_000);
        assert_eq!(cluster.times(Sometimes::InSyncShrank), 0);
        assert_eq!(cluster.times(Sometimes::LeaderElected), 0);

        cluster.heal();
        load.finish(cluster).must_be_valid();
    });
}

/// The leader's clock runs a tenth too fast and then a tenth too slow, and its followers' the other
/// way round: far worse than any quartz, and still no reason to drop anybody.
#[test]
fn clocks_that_drift_apart_disturb_nobody() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));
        for rate_ppm in [100_000, -100_000] {
            cluster.set_clock_rate(leader, rate_ppm);
            for follower in &followers {
                cluster.set_clock_rate(*follower, -rate_ppm);
            }
            let clocks = (cluster.clock(leader).clone(), cluster.clock(followers[0]).clone());
            let before = (clocks.0.now(), clocks.1.now());
            cluster.run_for(REPLICA_LAG_MAX * 3);
            assert_ne!(clocks.0.now() - before.0, clocks.1.now() - before.1);
            load.wait_for_acknowledgements(cluster, 50);
        }
        assert_eq!(cluster.times(Sometimes::InSyncShrank), 0);
        assert_eq!(cluster.times(Sometimes::LeaderElected), 0);

        cluster.heal();
        load.finish(cluster).must_be_valid();
    });
}
