//! Bugs that the sweeps found, each as the story of its seed.

use harness::prelude::*;
use workloads::plan::Plan;
use workloads::prelude::*;
use workloads::run::{Errand, Watching, carry_out};

/// Seed 0x7a25c with five brokers: a controller whose fsync had failed was started again and built
/// on what it read back, which never reached its disk. The next power cut took it, and with it
/// metadata that it had helped to commit; the two others then committed something else.
#[test]
fn controller_forgets_nothing_committed_after_a_failed_fsync() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders));
        cluster.run_for(secs(2));
        let controller = cluster.active_controller();
        let peers: Vec<Node> = cluster.nodes().into_iter().filter(|n| *n != controller).collect();
        let (other, third) = (peers[0], peers[1]);

        let failing = DiskFault::FailSyncs { per_mille: 1000 };
        cluster.break_disk(controller, failing);
        cluster.isolate(other);
        cluster.wait_until("the controller halts", |c| !c.is_running(controller));
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let cut = cluster.isolate(other);
        cluster.wait_until("it is fenced", |c| c.in_sync(&orders).len() == 2);
        cluster.power_cut_losing(controller, Loss::Everything);
        cluster.lift(cut);
        cluster.isolate(third);
        cluster.restart(controller);
        cluster.run_for(secs(10));
        cluster.heal();
        load.finish(cluster).must_be_valid();
    });
}

/// Seed 1 of the story of a full disk, once it was told of a broker without a controller: a leader
/// that could not write cut its log back and stayed the leader. It refused every record for ever,
/// while two replicas in sync stood by.
#[test]
fn leader_whose_disk_is_full_is_replaced() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(acks_mix(&orders));
        load.wait_for_acknowledgements(cluster, 50);

        let leader = cluster.leader_of(&orders);
        let full = cluster.break_disk(leader, DiskFault::Full { free_bytes: 1000 });
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
        assert!(cluster.disk(leader).tally().writes_refused_full > 0);
        load.wait_for_acknowledgements(cluster, 50);

        cluster.lift(full);
        cluster.restart(leader);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// Seed 1 of the story of a disk that cannot be read: the leader answered its followers and its
/// consumers with KAFKA_STORAGE_ERROR, lost both followers from the in-sync set, and stayed the
/// leader, since its broker was well.
#[test]
fn leader_that_cannot_read_is_replaced() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let leader = cluster.leader_of(&orders);
        let failing = cluster.break_disk(leader, DiskFault::FailReads { per_mille: 1000 });
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
        assert!(cluster.disk(leader).tally().reads_failed > 0);
        load.wait_for_acknowledgements(cluster, 50);

        cluster.lift(failing);
        cluster.restart(leader);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// Seed 0x5b8e32: one fetch brought a follower records for two segments, its disk took those of the
/// first and failed at the next, and the follower went on as if it had them all: its high watermark
/// passed the end of its log. It takes a follower that was cut once: the leader's answers end where
/// its own segments do, and only a cut moves the borders apart.
#[test]
fn follower_whose_disk_fails_between_two_segments_has_only_the_first() {
    let settings = brokers(6).min_in_sync_replicas(2).set("log.segment.bytes", "1024");
    scenario(settings, |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(acks_mix(&orders));
        load.wait_for_acknowledgements(cluster, 50);
        let cut_back = cluster.leader_of(&orders);
        let cut = cluster.isolate(cut_back);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, cut_back));
        cluster.lift(cut);
        cluster.wait_until("it is cut and in sync", |c| c.all_in_sync(&orders));

        let cut = cluster.isolate(cut_back);
        load.wait_for_acknowledgements(cluster, 100);
        cluster.lift(cut);
        let full = cluster.break_disk(cut_back, DiskFault::Full { free_bytes: 2500 });
        cluster.wait_until("it has stopped", |c| !c.is_running(cut_back));
        assert!(cluster.disk(cut_back).tally().writes_refused_full > 0);

        cluster.lift(full);
        cluster.restart(cut_back);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// Seed 0xa7dd2a: a broker stopped cleanly, could not be started for a full disk, and kept its place
/// among the eligible replicas, as it may: those runs had opened no log. The harness took them for
/// crashes, and cried wolf.
#[test]
fn broker_that_cannot_start_keeps_what_its_clean_stop_earned() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let follower = cluster.followers_of(&orders)[0];
        cluster.shut_down(follower);
        cluster.wait_until("it has stopped", |c| !c.is_running(follower));
        let full = cluster.break_disk(follower, DiskFault::Full { free_bytes: 0 });
        cluster.restart(follower);
        cluster.wait_until("it has given up", |c| !c.is_running(follower));
        assert!(cluster.disk(follower).tally().writes_refused_full > 0);

        cluster.lift(full);
        cluster.restart(follower);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// Seed 0x1315860 of the swarm: a broker lost power before it had written down which topics its logs
/// belong to, and was stopped in order as soon as it was registered again, before it had heard of
/// its partitions. The clean stop vouched for logs that nobody had recovered, and the next start,
/// which found them damaged, halted. Shrunk from 25 faults to these two.
#[test]
fn clean_stop_vouches_for_no_log_that_was_never_recovered() {
    let plan = Plan::read(include_str!("plans/never_recovered.json")).expect("it is a plan");
    let ran = carry_out(&Errand { plan, repeat: String::new() }, Watching::default());
    assert_eq!(ran.report.faults.values().sum::<u64>(), 2, "{:#?}", ran.report.faults);
    assert_eq!(ran.report.failure(), None, "{:#?}", ran.report.journal);
}
