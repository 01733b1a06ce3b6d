//! Machines share racks, and racks fail as one. Consumers read what is near.

use std::collections::BTreeSet;

use harness::prelude::*;
use workloads::load::LEASE;
use workloads::prelude::*;

const RACKS: [&str; 3] = ["a", "b", "c"];

/// A session, and the election of another controller, in whose eyes all sessions begin anew.
const OUTAGE: Duration = secs(7);

/// Three replicas are on three racks, whatever the partition, and no broker leads more than its
/// share (R26).
#[test]
fn each_partition_is_on_every_rack_and_leaders_are_balanced() {
    scenario(brokers(6).racks(&RACKS).min_in_sync_replicas(2), |cluster| {
        cluster.wait_until("all are active", |c| c.nodes().iter().all(|n| c.is_active(*n)));
        let orders = cluster.create_topic_with("orders", (12, ReplicationFactor(3)), &[]);
        let all: BTreeSet<String> = RACKS.iter().map(|rack| (*rack).to_owned()).collect();
        for partition in orders.iter() {
            assert_eq!(cluster.racks_of(partition), all, "{partition}");
        }
        let led = cluster.leaderships(&orders);
        assert_eq!(led.values().sum::<usize>(), 12);
        assert!(led.values().all(|count| *count == 2), "{led:?}");
    });
}

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

/// A cut with the leader on one side and one follower on the other. Consumers that are sent to that
/// follower read what it knows to be committed and then nothing, without an error, for as long as
/// their lease lasts. The others go on writing, and after the lease nothing is read twice or skipped.
#[test]
fn consumer_of_a_cut_off_follower_waits_out_its_lease_and_misses_nothing() {
    let settings = brokers(6).racks(&["x", "y", "z", "a", "b", "c"]).rack_aware();
    scenario(settings.min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let alone = cluster.followers_of(&orders)[1];
        let load = cluster.start(append_read(&orders).rack(&cluster.rack_of(alone)));
        cluster.run_for(secs(1));
        cluster.isolate(alone);
        cluster.run_for(SESSION_TIMEOUT + secs(1));
        assert!(!cluster.in_sync(&orders).contains(&alone));

        let (since, frozen) = (cluster.now(), cluster.high_watermark(alone, &orders));
        load.wait_for_acknowledgements(cluster, 20);
        assert_eq!(load.answers_since(since).records_read(), 0);
        assert_eq!(cluster.high_watermark(alone, &orders), frozen);
        cluster.run_for(LEASE);
        assert!(load.answers_since(since).records_read() > 20);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// Clients on the side of a cut where there is but one follower can write nothing there, and
/// are told so or run out of time. Those on the other side go on. After the cut both do.
#[test]
fn clients_cut_off_with_a_follower_can_write_nothing() {
    let zones = Topology::new(&["x", "y", "z", "a", "b", "c"]);
    scenario(brokers(6).min_in_sync_replicas(2).across(zones), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let parcels = cluster.create_topic_on("parcels", &others);
        let outside = cluster.start(append_read(&orders).producers(2).rack("a"));
        let inside = cluster.start(append_read(&parcels).producers(2).rack("c"));
        outside.wait_for_acknowledgements(cluster, 20);
        inside.wait_for_acknowledgements(cluster, 20);

        cluster.cut_zone("c");
        let cut = cluster.now();
        // Who began before it still tries for five seconds, and then the next one for as long.
        cluster.run_for(secs(15));
        assert_eq!(inside.answers_since(cut).acknowledged(Promise::Durable), 0);
        assert!(inside.answers_since(cut).refused(Promise::Durable, "") > 0);
        assert!(outside.answers_since(cut).acknowledged(Promise::Durable) > 20);

        cluster.heal();
        inside.wait_for_acknowledgements(cluster, 20);
        cluster.wait_until("all is in sync", |c| c.all_in_sync(&orders) && c.all_in_sync(&parcels));
        inside.finish(cluster).must_be_valid();
        outside.finish(cluster).must_be_valid();
    });
}
