//! Controllers fail. Decisions, once made, are not forgotten.

use harness::prelude::*;
use workloads::prelude::*;

/// When the active controller is cut off, another one takes over with every decision that was
/// made, and goes on to elect leaders.
#[test]
fn isolated_controller_is_replaced_and_elections_go_on() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let deposed = cluster.active_controller();
        let before = cluster.create_topic_on("created-before", &others);
        cluster.isolate(deposed);
        cluster.wait_for("another controller", |c| c.controller_other_than(deposed));
        let crashed = cluster.leader_of(&orders);
        cluster.crash(crashed);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, crashed));
        load.wait_for_acknowledgements(cluster, 50);
        assert_ne!(cluster.leader_of(&before), crashed);

        cluster.heal();
        for topic in [&orders, &before] {
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(topic));
        }
        load.finish(cluster).must_be_valid();
    });
}

/// The active controller crashes while a leader is down as well: whoever takes over gives every
/// broker a whole session, and then does what its predecessor would have done.
#[test]
fn controller_that_crashes_with_a_leader_leaves_nothing_undone() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (leader, controller) = (cluster.leader_of(&orders), cluster.active_controller());
        cluster.crash_silently(leader);
        cluster.run_for(SESSION_TIMEOUT / 2);
        cluster.crash_silently(controller);
        cluster.wait_for("another controller", |c| c.controller_other_than(controller));
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
        load.wait_for_acknowledgements(cluster, 50);

        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// One controller of three that is not the active one: nobody notices, and decisions go on.
#[test]
fn lost_standby_controller_changes_nothing() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (controllers, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let (lost, active) = (cluster.now(), cluster.active_controller());
        let standby = controllers.into_iter().find(|node| *node != active);
        cluster.crash_silently(standby.expect("three controllers"));
        cluster.run_for(SESSION_TIMEOUT * 3);
        cluster.create_topic("created-without-it", ReplicationFactor(3));
        assert_eq!(cluster.active_controller(), active);
        assert_eq!(cluster.times(Sometimes::LeaderElected), 0);
        assert_eq!(cluster.times(Sometimes::InSyncShrank), 0);
        assert!(load.answers_since(lost).longest_silence() < secs(1));

        cluster.heal();
        load.finish(cluster).must_be_valid();
    });
}

/// Without a majority of controllers nothing can be decided, but what was decided stays in force:
/// leaders go on, and nobody is fenced for a silence that nobody could hear.
#[test]
fn brokers_go_on_while_the_controllers_have_no_majority() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (controllers, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let leader = cluster.leader_of(&orders);
        cluster.isolate_fully(controllers[0]);
        cluster.isolate_fully(controllers[1]);
        cluster.run_for(SESSION_TIMEOUT * 3);
        load.wait_for_acknowledgements(cluster, 50);
        cluster.crash(leader);
        cluster.run_for(SESSION_TIMEOUT * 2);
        assert_eq!(cluster.times(Sometimes::LeaderElected), 0);

        cluster.heal();
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// A controller that sleeps wakes up deposed. What it had decided and not committed is nobody's
/// decision, and it fences nobody for the silence that it slept through.
#[test]
fn controller_that_sleeps_decides_nothing_when_it_wakes() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let sleeper = cluster.active_controller();
        cluster.pause(sleeper);
        cluster.wait_for("another controller", |c| c.controller_other_than(sleeper));
        cluster.run_for(SESSION_TIMEOUT * 2);
        cluster.resume(sleeper);
        cluster.run_for(SESSION_TIMEOUT * 2);
        load.wait_for_acknowledgements(cluster, 50);
        assert_eq!(cluster.times(Sometimes::InSyncShrank), 0);
        assert_eq!(cluster.times(Sometimes::LeaderElected), 0);

        load.finish(cluster).must_be_valid();
    });
}

/// A controller that is heard but hears nobody, and then one that hears and is not heard, give way
/// to another: no half-open network leaves the cluster without decisions.
#[test]
fn half_deaf_controllers_give_way() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        for fault in [Fault::Deafen, Fault::Silence] {
            let controller = cluster.active_controller();
            let leader = cluster.leader_of(&orders);
            assert!(cluster.strike(&fault, &[controller]).is_ok());
            cluster.wait_for("another controller", |c| c.controller_other_than(controller));
            cluster.crash(leader);
            cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
            cluster.heal();
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        }
        load.wait_for_acknowledgements(cluster, 50);
        load.finish(cluster).must_be_valid();
    });
}

/// All controllers lose their power at once, and all that they had not synced. Whatever they had
/// told anybody was synced, so every broker keeps its standing and every topic is there.
#[test]
fn power_cut_of_all_controllers_forgets_no_decision() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (controllers, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let topics: Vec<Topic> = (0..4)
            .map(|number| cluster.create_topic_on(&format!("topic-{number}"), &others))
            .collect();
        for controller in controllers {
            cluster.power_cut_losing(controller, Loss::Everything);
        }
        cluster.run_for(secs(2));
        cluster.heal();
        let crashed = cluster.leader_of(&orders);
        cluster.crash(crashed);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, crashed));
        cluster.restart(crashed);
        for topic in topics.iter().chain([&orders]) {
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(topic));
        }
        load.finish(cluster).must_be_valid();
    });
}

/// A controller whose disk is full stops, and another one decides. When there is room it comes back
/// and learns what it has missed.
#[test]
fn controller_whose_disk_is_full_gives_way() {
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(3));
        load.wait_for_acknowledgements(cluster, 50);

        let controller = cluster.active_controller();
        let full = cluster.break_disk(controller, DiskFault::Full { free_bytes: 10 });
        let leader = cluster.leader_of(&orders);
        cluster.crash(leader);
        cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, leader));
        assert!(cluster.disk(controller).tally().writes_refused_full > 0);
        assert!(!cluster.is_running(controller));
        load.wait_for_acknowledgements(cluster, 50);

        cluster.lift(full);
        cluster.heal();
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}
