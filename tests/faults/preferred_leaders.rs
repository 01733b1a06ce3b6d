//! After failures leadership is where the survivors were. It has to come back.

use harness::prelude::*;
use workloads::prelude::*;

/// Restarts all brokers but the last one, so that leaderships pile up on the others.
fn pile_up(cluster: &mut Cluster<Brokers>, orders: &Topic) {
    let nodes = cluster.nodes();
    let (_, others) = nodes.split_last().expect("a cluster has nodes");
    for node in others {
        cluster.shut_down(*node);
        cluster.wait_until("its leaderships have moved", |c| c.leaderships(orders)[node] == 0);
        cluster.restart(*node);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(orders));
    }
}

/// With `auto.leader.rebalance.enable` it comes back by itself, within two checks.
#[test]
fn leaders_that_piled_up_are_spread_again_by_themselves() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic_with("orders", (6, ReplicationFactor(3)), &[]);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        pile_up(cluster, &orders);
        let in_sync = cluster.now();
        cluster.wait_until("each leads its share", |c| {
            c.leaderships(&orders).values().all(|count| *count == 2)
        });
        assert!(cluster.now() - in_sync <= secs(10), "twice the interval of the check");
        load.wait_for_acknowledgements(cluster, 50);
        load.finish(cluster).must_be_valid();
    });
}
