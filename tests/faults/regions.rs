//! Three regions, one log: Seoul, Busan and far Singapore.

use harness::prelude::*;
use workloads::prelude::*;

/// A session, and the election of another controller, in whose eyes all sessions begin anew.
const OUTAGE: Duration = secs(7);

/// Cuts one region off and has a client in another one go on.
fn lose(region: &str, client_in: &str) {
    scenario(brokers(3).min_in_sync_replicas(2).across(three_regions()), |cluster| {
        let orders = cluster.create_topic_with("orders", (3, ReplicationFactor(3)), &[]);
        let load = cluster.start(append_read(&orders).producers(3).rack(client_in));
        load.wait_for_acknowledgements(cluster, 30);

        let lost = cluster.now();
        cluster.cut_zone(region);
        load.wait_for_acknowledgements(cluster, 50);
        assert!(load.answers_since(lost).longest_silence() <= OUTAGE);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// Any one of three regions may be lost: the two others have a majority of controllers and enough
/// replicas, however far they are apart.
#[test]
fn loss_of_the_region_next_door_stops_nobody() {
    lose("busan", "seoul");
}

/// See above.
#[test]
fn loss_of_the_busiest_region_stops_nobody() {
    lose("seoul", "singapore");
}

/// See above.
#[test]
fn loss_of_the_far_region_stops_nobody() {
    lose("singapore", "busan");
}

/// acks=all waits for everybody in sync, so it costs a journey to the farthest region and back, and
/// not more than two. acks=1 costs none. Once the far region is out of the set, the near one sets
/// the price.
#[test]
fn acks_all_costs_the_way_to_the_farthest_region_in_sync() {
    scenario(brokers(3).min_in_sync_replicas(2).across(three_regions()), |cluster| {
        let orders = cluster.create_topic_on("orders", &cluster.nodes());
        let near = |acks| append_read(&orders).acks(acks).consumers(0).rack("seoul");
        let (all, one) = (cluster.start(near(Acks::All)), cluster.start(near(Acks::Leader)));
        cluster.run_for(secs(2));
        let since = cluster.now();
        cluster.run_for(secs(10));
        let price = all.answers_since(since).typical_wait(Promise::Durable);
        assert!((millis(72)..millis(72 * 2 + 40)).contains(&price), "{price:?}");
        let price = one.answers_since(since).typical_wait(Promise::Volatile);
        assert!(price < millis(20), "{price:?}");

        cluster.cut_zone("singapore");
        cluster.wait_until("it is out of sync", |c| c.in_sync(&orders).len() == 2);
        cluster.run_for(secs(2));
        let since = cluster.now();
        cluster.run_for(secs(5));
        let price = all.answers_since(since).typical_wait(Promise::Durable);
        assert!((millis(8)..millis(40)).contains(&price), "{price:?}");
        cluster.heal();
        one.stop(cluster);
        all.stop(cluster);
    });
}

/// Consumers in Singapore read from Singapore: no record makes the journey twice.
#[test]
fn consumers_read_in_their_own_region() {
    scenario(brokers(3).rack_aware().min_in_sync_replicas(2).across(three_regions()), |cluster| {
        let orders = cluster.create_topic_on("orders", &cluster.nodes());
        let load = cluster.start(append_read(&orders).consumers(2).rack("singapore"));
        cluster.run_for(secs(2));
        let (home, far) = (cluster.nodes_in("singapore")[0], cluster.leader_of(&orders));
        assert_ne!(home, far);
        let served = (cluster.records_served(home, &orders), cluster.records_served(far, &orders));
        load.wait_for_acknowledgements(cluster, 100);
        assert!(cluster.records_served(home, &orders) > served.0 + 100);
        assert_eq!(cluster.records_served(far, &orders), served.1);
        load.finish(cluster).must_be_valid();
    });
}
