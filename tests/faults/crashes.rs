//! Processes die and come back. What was acknowledged outlives them.

use harness::prelude::*;
use workloads::prelude::*;

/// Finding a leader may take a session and, if the active controller died as well, the election of
/// another one, in whose eyes every session begins anew.
const ELECTION: Duration = secs(4);

/// A leader that crashes is replaced as soon as its session is over. Nothing that was acknowledged
/// is lost, and it comes back as a follower.
#[test]
fn crashed_leader_is_replaced_within_its_session_and_comes_back() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (crashed, crash) = (cluster.leader_of(&orders), cluster.now());
        cluster.crash(crashed);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, crashed));
        assert!(cluster.now() - crash <= SESSION_TIMEOUT + ELECTION);
        load.wait_for_acknowledgements(cluster, 50);

        cluster.restart(crashed);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// What a leader alone had appended when it crashed is cut off when it comes back, and was not
/// acknowledged to anybody who had asked for more than its own word.
#[test]
fn crashed_leader_gives_up_the_tail_that_nobody_else_had() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(acks_mix(&orders));
        load.wait_for_acknowledgements(cluster, 50);

        let crashed = cluster.leader_of(&orders);
        for follower in cluster.followers_of(&orders) {
            cluster.hold(crashed, follower);
        }
        cluster.run_for(millis(500));
        let followed_to = cluster.high_watermark(crashed, &orders);
        assert!(cluster.log_end_offset(crashed, &orders) > followed_to);
        cluster.crash(crashed);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, crashed));
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        assert!(cluster.times(Sometimes::LogTruncated) > 0);

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert!(judged.lost(Promise::Volatile) > 0);
    });
}

/// A broker that is back before its session is over is another incarnation all the same: what its
/// predecessor led is taken from it, and nothing is lost.
#[test]
fn leader_that_restarts_within_its_session_does_not_go_on_leading() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (crashed, epoch) = (cluster.leader_of(&orders), cluster.leader_epoch(&orders));
        cluster.crash(crashed);
        cluster.run_for(SESSION_TIMEOUT / 10);
        cluster.restart(crashed);
        cluster.wait_until("another epoch", |c| c.leader_epoch(&orders) > epoch);
        assert_ne!(cluster.leader_of(&orders), crashed);
        load.wait_for_acknowledgements(cluster, 50);

        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// A leader that is asked to stop hands its leadership over before it goes, so nobody has to wait
/// for its session to end.
#[test]
fn leader_that_shuts_down_hands_over_without_a_gap() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (leaving, asked) = (cluster.leader_of(&orders), cluster.now());
        cluster.shut_down(leaving);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leaving));
        load.wait_for_acknowledgements(cluster, 50);
        assert!(load.answers_since(asked).longest_silence() < secs(1));

        cluster.restart(leaving);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// An upgrade stops and starts one broker after the other. Nobody notices more than a moment's
/// delay, and no election is unclean.
#[test]
fn rolling_restart_keeps_everybody_served() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let begun = cluster.now();
        for node in cluster.nodes() {
            cluster.shut_down(node);
            cluster.restart(node);
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        }
        load.wait_for_acknowledgements(cluster, 50);
        assert!(load.answers_since(begun).longest_silence() < SESSION_TIMEOUT);
        assert_eq!(cluster.times(Sometimes::ElectedUncleanly), 0);

        load.finish(cluster).must_be_valid();
    });
}

/// When replicas are lost one after the other until only the leader is in sync, it refuses what it
/// can no longer promise, takes what was to be its own word only, and shows none of that.
#[test]
fn last_in_sync_replica_refuses_what_it_cannot_promise() {
    scenario(brokers(5).controllers(5).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(acks_mix(&orders));
        load.wait_for_acknowledgements(cluster, 50);
        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));

        cluster.crash(followers[0]);
        cluster.wait_until("one replica has left", |c| c.in_sync(&orders).len() == 2);
        load.wait_for_acknowledgements(cluster, 20);
        cluster.isolate_fully(followers[1]);
        cluster.wait_until("the leader is left alone", |c| c.in_sync(&orders) == [leader]);

        let (alone, frozen) = (cluster.now(), cluster.high_watermark(leader, &orders));
        let reader = cluster.start(append_read(&orders).producers(0));
        cluster.run_for(secs(8));
        let answers = load.answers_since(alone);
        assert_eq!(answers.acknowledged(Promise::Durable), 0);
        assert!(answers.refused(Promise::Durable, "NOT_ENOUGH_REPLICAS") > 0);
        assert!(answers.acknowledged(Promise::Volatile) > 0);
        assert_eq!(cluster.high_watermark(leader, &orders), frozen);
        assert_eq!(Ok(frozen.0), reader.answers_since(alone).records_read().try_into());

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        reader.stop(cluster);
        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert_eq!(judged.lost(Promise::Volatile), 0);
    });
}

/// Everybody is killed at once. A process that is killed loses nothing that it had written, so the
/// last leader, elected again for want of a better one, has everything.
#[test]
fn crash_of_everybody_loses_nothing() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        for node in cluster.nodes() {
            cluster.crash(node);
        }
        assert!(cluster.running().is_empty());
        cluster.heal();
        load.wait_for_acknowledgements(cluster, 50);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert_eq!(judged.lost(Promise::Durable), 0);
    });
}

/// A cluster that is stopped in order and started again next day has all that it had, without a
/// single fsync per record, and nobody is elected uncleanly.
#[test]
fn cluster_that_is_stopped_and_started_has_everything() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        for node in cluster.nodes() {
            if let Err(why) = cluster.strike(&Fault::ShutDown, &[node]) {
                panic!("{why}");
            }
        }
        cluster.wait_until("everybody has stopped", |c| c.running().is_empty());
        cluster.heal();
        load.wait_for_acknowledgements(cluster, 50);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));

        let judged = load.finish(cluster);
        judged.must_be_valid();
        assert_eq!(judged.lost(Promise::Durable), 0);
    });
}

/// A broker that crashes again whenever it has just come up, a crash loop, takes nothing with it
/// and holds nobody up.
#[test]
fn broker_in_a_crash_loop_holds_nobody_up() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let looping = cluster.leader_of(&orders);
        for round in 1..=12 {
            cluster.crash(looping);
            cluster.run_for(millis(50 * round));
            cluster.restart(looping);
            cluster.run_for(millis(150 * round));
        }
        assert_eq!(cluster.incarnation(looping), 13);
        load.wait_for_acknowledgements(cluster, 50);

        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// Leaders crash one after the other, each as soon as it was elected and the last one is back.
/// Idempotent producers go on, and nothing is there twice.
#[test]
fn every_leader_crashes_and_nothing_is_there_twice() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic_with("orders", (3, ReplicationFactor(3)), &[]);
        let load = cluster.start(acks_mix(&orders).pollers(2));
        load.wait_for_acknowledgements(cluster, 50);

        for _ in 0..4 {
            let crashed = cluster.leader_of(&orders);
            cluster.crash(crashed);
            cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, crashed));
            cluster.restart(crashed);
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
            load.wait_for_acknowledgements(cluster, 20);
        }
        load.finish(cluster).must_be_valid();
    });
}

/// Leadership that an administrator, or the background check, moves between replicas in sync is the
/// commonest of all changes: no acknowledged record is lost or doubled by it.
#[test]
fn preferred_leader_comes_back_without_loss() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(acks_mix(&orders).pollers(2));
        load.wait_for_acknowledgements(cluster, 50);
        let preferred = cluster.leader_of(&orders);

        for _ in 0..3 {
            cluster.shut_down(preferred);
            cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, preferred));
            cluster.restart(preferred);
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
            cluster.elect_leaders(ElectionType::Preferred, &orders);
            cluster.wait_until("it leads again", |c| c.leader_of(&orders) == preferred);
            load.wait_for_acknowledgements(cluster, 20);
        }
        assert!(cluster.times(Sometimes::LeaderMoved) >= 3);
        load.finish(cluster).must_be_valid();
    });
}

/// Leadership that a crash has moved goes back to the preferred replica by itself, once that is in
/// sync again and the next check is due (R25).
#[test]
fn preferred_leader_is_restored_by_itself() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let preferred = cluster.leader_of(&orders);
        cluster.crash(preferred);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, preferred));
        cluster.restart(preferred);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        let in_sync = cluster.now();
        cluster.wait_until("it leads again", |c| c.leader_of(&orders) == preferred);
        assert!(cluster.now() - in_sync <= secs(10), "twice the interval of the check");
        load.wait_for_acknowledgements(cluster, 50);

        load.finish(cluster).must_be_valid();
    });
}

/// Once the controllers know that a broker is down, a new topic is placed on the others as long as
/// they suffice, and can be used at once (R26).
#[test]
fn topic_created_while_a_broker_is_down_goes_to_the_others() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let down = cluster.followers_of(&orders)[0];
        cluster.crash(down);
        cluster.wait_until("it is fenced", |c| !c.is_active(down));

        let new = cluster.create_topic_with("new", (4, ReplicationFactor(2)), &[]);
        let load = cluster.start(append_read(&new).producers(2));
        load.wait_for_acknowledgements(cluster, 50);
        assert!(new.iter().all(|partition| {
            !cluster.followers_of(std::slice::from_ref(partition)).contains(&down)
        }));

        cluster.restart(down);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// Before the controllers know it, the dead broker gets its share of a new topic, as in Kafka. What
/// is on it and one other takes nothing durable until it is back, and then everything.
#[test]
fn topic_created_on_a_dead_broker_waits_for_it() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let dead = cluster.followers_of(&orders)[0];
        cluster.crash(dead);
        let new = cluster.create_topic_with("new", (6, ReplicationFactor(2)), &[]);
        cluster.wait_until("it is fenced", |c| !c.is_active(dead));
        let (fenced, load) = (cluster.now(), cluster.start(append_read(&new).producers(2)));
        // Twice the time that a producer keeps trying, so that some have given up.
        cluster.run_for(secs(10));
        assert!(load.answers_since(fenced).refused(Promise::Durable, "NOT_ENOUGH_REPLICAS") > 0);

        cluster.restart(dead);
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&new));
        load.wait_for_acknowledgements(cluster, 50);
        load.finish(cluster).must_be_valid();
    });
}
