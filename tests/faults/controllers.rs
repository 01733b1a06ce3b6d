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
