//! A cluster, clients and faults of its own for each seed, so that rare combinations occur.
//!
//! One profile with every fault and every size at its usual value finds what lies in the middle of
//! the road. Here each seed leaves most knobs alone and turns a few far, as swarm testing does:
//! features that are always on hide what only shows without them.
//!
//! Everything that is drawn stays within what is promised, so each failure is a bug:
//!
//! - *Fault budget.* What may strike is asked when it strikes, by the settings in force. With
//!   `min.insync.replicas` 1 nobody may stop uncleanly, so at least one class of fault that loses
//!   nothing is always there.
//! - *Eligible leader replicas off.* Then a single machine that really loses records may take them
//!   away for all, and the controllers cannot know (KIP-966). So power cuts and disks that fail are
//!   left out; kills lose nothing and stay, and every promise stands.
//! - *Unclean election* is never on, since it waives what is to be tested here. The guarantee matrix
//!   measures it.
//! - *Without the third set of R13* a follower that is about to join does not hold the high
//!   watermark back. No promise rests on it.
//! - *Timeouts, sizes, latencies* promise nothing by themselves, but a cluster must come to rest in
//!   bounded time. So no fetch is so small that followers are slower than producers, and what a
//!   last record has to wait for stays well below the time that it is given.
//! - *Preferred leaders* return by themselves throughout, as the last wait of a run asks for them.

mod cluster;
mod storm;

use std::collections::BTreeMap;
use std::time::Duration;

use harness::seed::{Seed, Stream};
use highwater::types::Acks;

use crate::load::{Mix, ProducerKind};
use crate::plan::{self, Physics, Plan, TopicPlan};
use cluster::Shape;

/// What the clients are called in reports.
const NAME: &str = "swarm";

/// The run of a seed. It always passes [`Plan::check`].
#[must_use]
pub fn plan(seed: Seed) -> Plan {
    let shape = Shape::draw(&mut seed.stream("swarm cluster"));
    let mut dice = seed.stream("swarm weather");
    let calm = Duration::from_secs(*dice.pick(&[1, 2, 2, 5]));
    Plan {
        plan: plan::VERSION,
        seed,
        cluster: shape.settings(),
        topic: TopicPlan {
            partitions: shape.partitions,
            replication_factor: shape.replication_factor,
            on: Vec::new(),
            configs: BTreeMap::new(),
        },
        clients: clients(&mut seed.stream("swarm clients")),
        physics: physics(&mut seed.stream("swarm physics")),
        calm,
        schedule: storm::draw(&shape, seed, &mut dice),
        beyond_the_budget: false,
        clients_only: false,
        mutant: None,
    }
}

/// Steps of 10 ms mostly, since a finer grain costs time; latencies within one city or two.
fn physics(dice: &mut Stream) -> Physics {
    let tick = *dice.pick(&[10, 10, 10, 10, 10, 10, 10, 10, 5, 5, 2, 1]);
    let (min, max) = *dice.pick(&[(1, 10), (1, 10), (1, 10), (1, 3), (1, 30), (5, 50)]);
    Physics {
        tick: Duration::from_millis(tick),
        latency_min: Duration::from_millis(min),
        latency_max: Duration::from_millis(max),
    }
}

/// One to five producers, of which the first waits for all in-sync replicas: without it there would
/// be nothing that must not be lost.
fn clients(dice: &mut Stream) -> Mix {
    let kind = |acks, idempotent| ProducerKind { acks, idempotent };
    let durable = [kind(Acks::All, true), kind(Acks::All, true), kind(Acks::All, false)];
    let any = [durable[0], durable[2], kind(Acks::Leader, false), kind(Acks::None, false)];
    let mut producers = vec![*dice.pick(&durable)];
    for _ in 0..dice.range(0..5) {
        producers.push(*dice.pick(&any));
    }
    Mix {
        name: NAME.to_owned(),
        producers,
        consumers: dice.index(3),
        follower_consumers: dice.index(3),
        pollers: dice.index(3),
        pace: Duration::from_millis(*dice.pick(&[50, 50, 50, 250, 2_500])),
        records_max: *dice.pick(&[None, None, None, None, None, Some(30)]),
    }
}

#[cfg(test)]
mod tests;
