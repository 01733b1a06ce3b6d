//! acks 0, 1 and all under the same seeds: what each loses and what each costs.

use std::sync::Mutex;
use std::time::Duration;

use harness::prelude::*;
use workloads::prelude::*;

/// Over all seeds.
#[derive(Default)]
struct Toll {
    lost: u64,
    /// Errors that a client was told.
    told: u64,
    /// The longest of the typical waits for an acknowledgement.
    wait: Duration,
}

/// Two leaders that crash without a word while followers lag a little.
fn toll(acks: Acks, promise: Promise) -> Toll {
    let toll = Mutex::new(Toll::default());
    scenario(brokers(6).min_in_sync_replicas(2), |cluster| {
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).producers(6).acks(acks).pace(millis(10)));
        cluster.run_for(secs(2));
        let wait = load.answers_since(Duration::ZERO).typical_wait(promise);
        for _ in 0..2 {
            let crashed = cluster.leader_of(&orders);
            for follower in cluster.followers_of(&orders) {
                cluster.slow_link(crashed, follower, millis(300));
            }
            cluster.run_for(secs(1));
            cluster.crash_silently(crashed);
            cluster.wait_for("a new leader", |c| c.leader_other_than(&orders, crashed));
            cluster.heal();
            cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
        }
        let answers = load.answers_since(Duration::ZERO);
        let judged = load.finish(cluster);
        judged.must_be_valid();
        // Nobody knows at which offset an acks=0 record was, so its loss can only be counted.
        let unexplained = judged.judgement.losses.unexplained();
        assert!(unexplained == 0 || acks == Acks::None, "{unexplained}");
        if let Ok(mut toll) = toll.lock() {
            toll.lost += judged.lost(promise);
            toll.told += answers.refused(promise, "");
            toll.wait = toll.wait.max(wait);
        }
    });
    toll.into_inner().unwrap_or_default()
}

/// All costs most and loses nothing; one is cheaper and loses what the leader alone had; none costs
/// nothing, and loses more than anybody is told.
#[test]
fn each_weaker_acknowledgement_is_cheaper_and_loses_more() {
    let all = toll(Acks::All, Promise::Durable);
    let one = toll(Acks::Leader, Promise::Volatile);
    let none = toll(Acks::None, Promise::FireAndForget);
    assert_eq!(all.lost, 0);
    assert!(one.lost > 0);
    assert!(none.lost > one.lost, "{} and {}", none.lost, one.lost);
    assert!(none.lost > none.told, "{} lost, {} told", none.lost, none.told);
    assert!(none.wait < one.wait, "{:?} and {:?}", none.wait, one.wait);
    assert!(one.wait < all.wait, "{:?} and {:?}", one.wait, all.wait);
}
