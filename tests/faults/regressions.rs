//! Bugs that the sweeps found, each as the story of its seed.

use harness::prelude::*;
use workloads::prelude::*;

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
