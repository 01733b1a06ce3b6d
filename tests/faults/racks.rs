//! Machines share racks, and racks fail as one. Consumers read what is near.

use harness::prelude::*;
use workloads::load::LEASE;
use workloads::prelude::*;

const RACKS: [&str; 3] = ["a", "b", "c"];

/// A session, and the election of another controller, in whose eyes all sessions begin anew.
const OUTAGE: Duration = secs(7);

/// A rack whose switch fails takes a third of the brokers and one of three controllers with it, and
/// the clients in it. Everybody else goes on writing after one session.
#[test]
fn rack_that_is_cut_off_stops_nobody_else() {
    scenario(brokers(6).min_in_sync_replicas(2).across(Topology::new(&RACKS)), |cluster| {
        let orders = cluster.create_topic_with("orders", (6, ReplicationFactor(3)), &[]);
        let load = cluster.start(append_read(&orders).producers(3).rack("b"));
        load.wait_for_acknowledgements(cluster, 50);

        let cut = cluster.now();
        cluster.cut_zone("a");
        load.wait_for_acknowledgements(cluster, 100);
        assert!(load.answers_since(cut).longest_silence() <= OUTAGE);
        let led = cluster.leaderships(&orders);
        assert!(cluster.nodes_in("a").iter().all(|node| led[node] == 0), "{led:?}");
        assert_eq!(cluster.times(Sometimes::ElectedUncleanly), 0);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// A consumer that says where it is reads from the replica there, and from nobody else, however
/// often its lease is renewed (KIP-392).
#[test]
fn consumer_reads_from_the_replica_in_its_rack() {
    scenario(brokers(3).racks(&RACKS).rack_aware().min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let (leader, near) = (cluster.leader_of(&orders), cluster.followers_of(&orders)[1]);
        let rack = cluster.rack_of(near);
        let load = cluster.start(append_read(&orders).consumers(2).rack(&rack));
        cluster.run_for(secs(2));

        let from_leader = cluster.records_served(leader, &orders);
        let (from_near, since) = (cluster.records_served(near, &orders), cluster.now());
        cluster.run_for(LEASE * 2);
        assert!(load.answers_since(since).records_read() > 0);
        assert!(cluster.records_served(near, &orders) > from_near + 100);
        assert_eq!(cluster.records_served(leader, &orders), from_leader);
        load.finish(cluster).must_be_valid();
    });
}

/// A replica that has left the in-sync set is recommended to nobody: once their lease is over,
/// consumers of its rack read from the leader, and from the replica again when it is back.
#[test]
fn consumer_leaves_a_replica_that_is_out_of_sync_when_its_lease_ends() {
    let settings = brokers(6).racks(&["x", "y", "z", "a", "b", "c"]).rack_aware();
    scenario(settings.min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let (leader, near) = (cluster.leader_of(&orders), cluster.followers_of(&orders)[0]);
        let load = cluster.start(append_read(&orders).rack(&cluster.rack_of(near)));
        load.wait_for_acknowledgements(cluster, 50);

        let cut = cluster.cut_one_way(leader, near);
        cluster.wait_until("it is out of sync", |c| !c.in_sync(&orders).contains(&near));
        cluster.run_for(LEASE + secs(2));
        let (since, from_near) = (cluster.now(), cluster.records_served(near, &orders));
        cluster.run_for(LEASE * 2);
        assert!(load.answers_since(since).records_read() > 50);
        assert_eq!(cluster.records_served(near, &orders), from_near);

        cluster.lift(cut);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        cluster.wait_until("it serves", |c| c.records_served(near, &orders) > from_near);
        load.finish(cluster).must_be_valid();
    });
}
