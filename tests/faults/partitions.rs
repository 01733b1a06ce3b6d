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
