//! After failures leadership is where the survivors were. It has to come back.

use harness::prelude::*;
use workloads::prelude::*;

/// Restarts all brokers but the last one. Leaderships pile up on the others; the broker that was
/// restarted last, and is answered, leads nothing.
fn pile_up(cluster: &mut Cluster<Brokers>, orders: &Topic) -> Node {
    let nodes = cluster.nodes();
    let (_, others) = nodes.split_last().expect("a cluster has nodes");
    for node in others {
        cluster.shut_down(*node);
        cluster.wait_until("its leaderships have moved", |c| c.leaderships(orders)[node] == 0);
        cluster.restart(*node);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(orders));
    }
    *others.last().expect("a cluster of several")
}

/// An administrator has the preferred leaders elected: each broker leads its share again, and no
/// acknowledged record is lost on the way.
#[test]
fn leaders_that_piled_up_are_spread_again_by_request() {
    let settings = brokers(3).min_in_sync_replicas(2).set("auto.leader.rebalance.enable", "false");
    scenario(settings, |cluster| {
        let orders = cluster.create_topic_with("orders", (6, ReplicationFactor(3)), &[]);
        assert!(cluster.leaderships(&orders).values().all(|count| *count == 2));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let idle = pile_up(cluster, &orders);
        cluster.run_for(secs(12));
        let led = cluster.leaderships(&orders);
        assert!(led[&idle] == 0 && led.values().any(|count| *count > 2), "{led:?}");
        cluster.elect_leaders(ElectionType::Preferred, &orders);
        cluster.wait_until("each leads its share", |c| {
            c.leaderships(&orders).values().all(|count| *count == 2)
        });
        load.wait_for_acknowledgements(cluster, 50);
        load.finish(cluster).must_be_valid();
    });
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
