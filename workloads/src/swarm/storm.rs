//! The faults of a seed: which classes, how strong, how long.

use std::time::Duration;

use harness::fault::{Fault, FaultClass};
use harness::nemesis::{Aim, Nemesis, Relay, Schedule, ScheduledFault, Trouble};
use harness::seed::{Seed, Stream};
use harness::system::Node;

use super::cluster::Shape;
use crate::deeds;
use crate::system::IN_SYNC;

/// Classes after which every replica has what it had, so that no budget forbids them.
const LOSSLESS: [FaultClass; 4] =
    [FaultClass::Pauses, FaultClass::Partitions, FaultClass::SlowLinks, FaultClass::Clocks];

/// How long faults strike, in seconds.
const LASTS: [u32; 8] = [5, 10, 20, 20, 20, 20, 30, 45];

/// The time between two faults, in milliseconds.
const PACES: [(u64, u64); 4] = [(100, 1_500), (100, 1_500), (30, 400), (500, 4_000)];

pub(super) fn draw(shape: &Shape, seed: Seed, dice: &mut Stream) -> Schedule {
    let mut nemesis = Nemesis::swarm()
        .troubles(&troubles(shape, dice))
        .actions(deeds::ALL)
        .session_timeout(shape.session_timeout);
    for (class, weight) in weights(shape, dice) {
        nemesis = nemesis.weight(class, weight);
    }
    if dice.chance(3, 4) {
        nemesis = nemesis.roles(["leader", "follower", "controller"]);
    }
    if dice.chance(2, 3) {
        let (behind, ahead) = ("follower".to_owned(), IN_SYNC.to_owned());
        nemesis = nemesis.relay(Relay { behind, ahead });
    }
    if dice.chance(1, 2) {
        nemesis = nemesis.undercurrent();
    }
    let (soonest, latest) = *dice.pick(&PACES);
    let second = Duration::from_secs(1);
    let lasts = second * *dice.pick(&LASTS);
    // A calm that outlasts the schedule would leave nothing of it.
    let calm = (second * *dice.pick(&[1, 3, 6])).min(lasts / 2);
    let mut schedule = nemesis
        .pace(Duration::from_millis(soonest)..Duration::from_millis(latest))
        .weather(second / 2..calm, 3 * second..10 * second)
        .draw(seed, shape.brokers, lasts);
    add_what_always_strikes(&mut schedule, shape, dice);
    schedule
}

/// Links are slowed whatever else is broken; but a role may be played by nobody.
pub(super) fn always_strikes(scheduled: &ScheduledFault) -> bool {
    scheduled.fault.class() == FaultClass::SlowLinks
        && scheduled.aims.iter().all(|aim| matches!(aim, Aim::Node(_)))
}

/// A storm of faults that the budget may forbid, one and all, gets one that nothing can forbid: a
/// run in which no fault strikes tests nothing.
fn add_what_always_strikes(schedule: &mut Schedule, shape: &Shape, dice: &mut Stream) {
    if !schedule.faults.iter().any(always_strikes) {
        let at = schedule.lasts / 2;
        let fault = Fault::Slow { latency_ms: 200 };
        let aims = vec![Aim::Node(Node(dice.index(shape.brokers)))];
        let after = schedule.faults.partition_point(|scheduled| scheduled.at <= at);
        let lasts = Some(schedule.lasts / 4);
        schedule.faults.insert(after, ScheduledFault { at, lasts, fault, aims });
    }
}

/// How often each class comes. Half of the classes are off, but for one that loses nothing.
fn weights(shape: &Shape, dice: &mut Stream) -> Vec<(FaultClass, u64)> {
    let always = *dice.pick(&LOSSLESS);
    let drawn = FaultClass::ALL.map(|class| {
        let weight = *dice.pick(&[0, 0, 0, 1, 2, 4]);
        // See the head of the module above: one machine may take away what all others have.
        let too_much = class == FaultClass::PowerCuts && !shape.eligible_leader_replicas;
        let weight = if too_much { 0 } else { weight };
        (class, if class == always { weight.max(1) } else { weight })
    });
    drawn.to_vec()
}

/// What befalls disks. Bits that turn around are never among it: the fault budget cannot count them.
fn troubles(shape: &Shape, dice: &mut Stream) -> Vec<(Trouble, u64)> {
    let failing = [Trouble::FailSyncs, Trouble::FailReads, Trouble::FailWrites, Trouble::Full];
    let mut troubles = vec![(Trouble::SlowSyncs, 1 + dice.range(0..3))];
    troubles.extend(failing.map(|trouble| {
        let weight = dice.range(0..3);
        (trouble, if shape.eligible_leader_replicas { weight } else { 0 })
    }));
    troubles
}
