//! Drawing a schedule from the dice.

use std::ops::Range;
use std::time::Duration;

use super::{Aim, Nemesis, Schedule, ScheduledFault, Trouble, shapes};
use crate::disk::{DiskFault, Loss};
use crate::fault::{Fault, FaultClass};
use crate::seed::{Seed, Stream};
use crate::system::Node;

/// How many of a thousand flights a lossy link loses: a bad one, a very bad one, one that hardly
/// works.
const LOSSES: [u32; 3] = [20, 100, 400];

/// A fault, how long it lasts and whom it is aimed at.
type Drawn = (Fault, Option<Duration>, Vec<Aim>);

impl Nemesis {
    /// Draws a schedule for so many nodes from the seed's stream `nemesis`. Equal arguments give
    /// equal schedules.
    #[must_use]
    pub fn draw(&self, seed: Seed, nodes: usize, lasts: Duration) -> Schedule {
        let mut dice = seed.stream("nemesis");
        let mut faults = Vec::new();
        let mut at = Duration::ZERO;
        while at < lasts {
            at += dice.millis(self.calm.clone());
            let end = (at + dice.millis(self.storm.clone())).min(lasts);
            if let Some(relay) = &self.relay {
                faults.extend(relay.draw(at, self.session_timeout, &mut dice));
            }
            if self.undercurrent && dice.chance(1, 2) {
                faults.extend(self.draw_undercurrent(at..end, &mut dice));
            }
            let classes = self.storm_classes(faults.is_empty(), &mut dice);
            while at < end && !classes.is_empty() {
                if let Some(class) = weighted(&classes, &mut dice) {
                    let (fault, lasts, aims) = self.draw_fault(class, nodes, &mut dice);
                    faults.push(ScheduledFault { at, lasts, fault, aims });
                }
                at += dice.millis(self.pace.clone());
            }
            at = end;
        }
        faults.retain(|scheduled: &ScheduledFault| scheduled.at < lasts);
        faults.sort_by_key(|scheduled| scheduled.at);
        Schedule { lasts, restart_after: self.session_timeout / 3, faults }
    }

    /// Actions at the pace of faults.
    fn draw_undercurrent(&self, storm: Range<Duration>, dice: &mut Stream) -> Vec<ScheduledFault> {
        let mut deeds = Vec::new();
        let mut at = storm.start + dice.millis(self.pace.clone());
        while at < storm.end && !self.actions.is_empty() {
            let (fault, lasts, aims) = self.draw_fault(FaultClass::Actions, 0, dice);
            deeds.push(ScheduledFault { at, lasts, fault, aims });
            at += dice.millis(self.pace.clone());
        }
        deeds
    }

    /// The classes that one storm brings: a quarter of the time none, else one and perhaps more. A
    /// schedule without any fault would test nothing, so until there is one, none is no choice.
    fn storm_classes(&self, must_bring: bool, dice: &mut Stream) -> Vec<(FaultClass, u64)> {
        let mut possible: Vec<(FaultClass, u64)> =
            self.weights.iter().map(|(class, weight)| (*class, *weight)).collect();
        possible.retain(|(class, weight)| {
            *weight > 0 && (*class != FaultClass::Actions || !self.actions.is_empty())
        });
        let Some(first) = weighted(&possible, dice) else { return possible };
        if dice.chance(1, 4) && !must_bring {
            return Vec::new();
        }
        possible.retain(|(class, _)| *class == first || dice.chance(1, 3));
        possible
    }

    fn draw_fault(&self, class: FaultClass, nodes: usize, dice: &mut Stream) -> Drawn {
        match class {
            FaultClass::Crashes => {
                let fault = match dice.range(0..6) {
                    0..3 => Fault::Crash,
                    3..5 => Fault::CrashSilently,
                    _ => Fault::ShutDown,
                };
                (fault, Some(self.absence(dice)), vec![self.aim(nodes, dice)])
            }
            FaultClass::PowerCuts => {
                let fault = match dice.range(0..6) {
                    0..3 => Fault::PowerCut { loss: Loss::Random },
                    3 => Fault::PowerCut { loss: Loss::Everything },
                    _ => Fault::Disk(DiskFault::CutAfter { operations: dice.range(1..50) }),
                };
                (fault, Some(self.absence(dice)), vec![self.aim(nodes, dice)])
            }
            FaultClass::Pauses => {
                (Fault::Pause, Some(self.absence(dice)), vec![self.aim(nodes, dice)])
            }
            FaultClass::Partitions => self.draw_partition(nodes, dice),
            FaultClass::SlowLinks => {
                let fault = match dice.range(0..4) {
                    0 => Fault::Hold,
                    1 => Fault::Lossy { per_mille: dice.pick(&LOSSES).to_owned() },
                    _ => Fault::Slow { latency_ms: magnitude(10..5_000, dice) },
                };
                let aims = if dice.chance(1, 2) {
                    vec![self.aim(nodes, dice)]
                } else {
                    self.link(nodes, dice)
                };
                (fault, Some(self.absence(dice)), aims)
            }
            FaultClass::Clocks => {
                (draw_clock(dice), Some(self.absence(dice)), vec![self.aim(nodes, dice)])
            }
            FaultClass::Disks => {
                (self.draw_trouble(dice), Some(self.absence(dice)), vec![self.aim(nodes, dice)])
            }
            FaultClass::Actions => {
                (Fault::Action(dice.pick(&self.actions).clone()), None, Vec::new())
            }
        }
    }

    fn draw_partition(&self, nodes: usize, dice: &mut Stream) -> Drawn {
        let lasts = Some(self.absence(dice));
        let one = |fault, dice: &mut Stream| (fault, lasts, vec![self.aim(nodes, dice)]);
        match dice.range(0..8) {
            0..2 => one(Fault::Isolate, dice),
            2 => one(Fault::IsolateFully, dice),
            3 => one(Fault::Deafen, dice),
            4 => one(Fault::Silence, dice),
            5 => (Fault::CutOneWay, lasts, self.link(nodes, dice)),
            _ if nodes < 3 => one(Fault::Isolate, dice),
            _ => (shapes::draw(nodes, dice), lasts, Vec::new()),
        }
    }

    fn draw_trouble(&self, dice: &mut Stream) -> Fault {
        let kinds: Vec<(Trouble, u64)> = self.troubles.iter().map(|(t, w)| (*t, *w)).collect();
        let often = |dice: &mut Stream| {
            u32::try_from(magnitude(1..1000, dice)).expect("a share of a thousand is small")
        };
        Fault::Disk(match weighted(&kinds, dice) {
            Some(Trouble::FailSyncs) => DiskFault::FailSyncs { per_mille: often(dice) },
            Some(Trouble::FailReads) => DiskFault::FailReads { per_mille: often(dice) },
            Some(Trouble::FailWrites) => DiskFault::FailWrites { per_mille: often(dice) },
            Some(Trouble::Full) => DiskFault::Full { free_bytes: magnitude(1..1 << 20, dice) },
            Some(Trouble::FlipBit) => DiskFault::FlipBit,
            Some(Trouble::SlowSyncs) | None => {
                let factor = u32::try_from(magnitude(10..1000, dice)).expect("below a thousand");
                DiskFault::SlowSyncs { factor }
            }
        })
    }

    /// How long a node is away: half of the time too short for anybody to give it up, else longer.
    fn absence(&self, dice: &mut Stream) -> Duration {
        let patience = self.session_timeout.max(Duration::from_millis(100));
        let shortest = Duration::from_millis(20);
        if dice.chance(1, 2) {
            dice.millis(shortest..patience * 3 / 4)
        } else {
            dice.millis(patience..patience * 3)
        }
    }

    /// A role half of the time, if there are any; else a node.
    fn aim(&self, nodes: usize, dice: &mut Stream) -> Aim {
        if !self.roles.is_empty() && dice.chance(1, 2) {
            Aim::Role { role: dice.pick(&self.roles).clone(), index: dice.index(64) }
        } else {
            Aim::Node(Node(dice.index(nodes)))
        }
    }

    /// Two ends that are not the same node, if there is more than one.
    fn link(&self, nodes: usize, dice: &mut Stream) -> Vec<Aim> {
        let from = dice.index(nodes);
        let to = (from + 1 + dice.index(nodes.saturating_sub(1).max(1))) % nodes;
        let mut ends = vec![Aim::Node(Node(from)), Aim::Node(Node(to))];
        // A role at one end may turn out to be the other end; such a fault is then skipped.
        if !self.roles.is_empty() && dice.chance(1, 2) {
            let end = dice.index(2);
            let aim = self.aim(nodes, dice);
            if aim != ends[1 - end] {
                ends[end] = aim;
            }
        }
        ends
    }
}

/// A jump of up to an hour either way, or a drift of up to a twentieth.
fn draw_clock(dice: &mut Stream) -> Fault {
    let forward = dice.chance(1, 2);
    let signed = |size: u64| if forward { size.cast_signed() } else { -size.cast_signed() };
    if dice.chance(1, 2) {
        Fault::SetClock { offset_ms: signed(magnitude(10..3_600_000, dice)) }
    } else {
        let ppm = signed(magnitude(10..50_000, dice));
        Fault::DriftClock { rate_ppm: i32::try_from(ppm).expect("below 50,000") }
    }
}

/// A number of the range, each order of magnitude being as likely as another.
fn magnitude(range: Range<u64>, dice: &mut Stream) -> u64 {
    let orders: Vec<u64> =
        std::iter::successors(Some(range.start.max(1)), |order| order.checked_mul(10))
            .take_while(|order| *order < range.end)
            .collect();
    let order = *dice.pick(&orders);
    dice.range(order..(order.saturating_mul(10)).min(range.end))
}

/// One of the items, by weight; none if no item has any.
fn weighted<T: Copy>(items: &[(T, u64)], dice: &mut Stream) -> Option<T> {
    let total: u64 = items.iter().map(|(_, weight)| weight).sum();
    if total == 0 {
        return None;
    }
    let mut at = dice.range(0..total);
    for (item, weight) in items {
        if at < *weight {
            return Some(*item);
        }
        at -= weight;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const HOUR: Duration = Duration::from_secs(3600);

    fn nemesis() -> Nemesis {
        Nemesis::swarm().roles(["boss"]).actions(["tidy up"])
    }

    #[test]
    fn schedule_follows_from_its_seed_and_survives_json() {
        let schedule = nemesis().draw(Seed(1), 5, HOUR);
        assert_eq!(schedule, nemesis().draw(Seed(1), 5, HOUR));
        assert_ne!(schedule, nemesis().draw(Seed(2), 5, HOUR));
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
    }

    #[test]
    fn every_class_comes_and_there_are_calms() {
        let schedule = nemesis().draw(Seed(1), 5, HOUR);
        let mut counts: BTreeMap<FaultClass, usize> = BTreeMap::new();
        for scheduled in &schedule.faults {
            *counts.entry(scheduled.fault.class()).or_default() += 1;
        }
        for class in FaultClass::ALL {
            assert!(counts.get(&class).is_some_and(|count| *count > 20), "{class:?}: {counts:?}");
        }
        let ordered = schedule.faults.is_sorted_by_key(|scheduled| scheduled.at);
        assert!(ordered && schedule.faults.iter().all(|scheduled| scheduled.at < HOUR));
        let gaps = schedule.faults.windows(2).map(|pair| pair[1].at - pair[0].at);
        assert!(gaps.filter(|gap| *gap > Duration::from_secs(10)).count() > 20);
        let at_roles = schedule.faults.iter().flat_map(|scheduled| &scheduled.aims);
        assert!(at_roles.filter(|aim| matches!(aim, Aim::Role { .. })).count() > 50);
    }

    #[test]
    fn absences_are_shorter_and_longer_than_the_session() {
        let crashes = Nemesis::only(&[FaultClass::Crashes]).draw(Seed(1), 3, HOUR);
        let session = Duration::from_secs(9);
        let shorter = |f: &&ScheduledFault| f.lasts.is_some_and(|lasts| lasts < session);
        let short = crashes.faults.iter().filter(shorter).count();
        assert!(short > 30 && crashes.faults.len() - short > 30);
    }

    #[test]
    fn undercurrent_brings_actions_into_storms_of_other_faults() {
        let crashes = Nemesis::only(&[FaultClass::Crashes]).actions(["tidy up"]);
        let count = |nemesis: &Nemesis| {
            let schedule = nemesis.draw(Seed(1), 3, HOUR);
            let mut classes = schedule.faults.iter().map(|scheduled| scheduled.fault.class());
            classes.by_ref().filter(|class| *class == FaultClass::Actions).count()
        };
        assert_eq!(count(&crashes), 0);
        assert!(count(&crashes.undercurrent()) > 100);
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        assert!(Nemesis::only(&[]).draw(Seed(1), 3, HOUR).faults.is_empty());
        let deedless = Nemesis::only(&[FaultClass::Actions]).undercurrent();
        assert!(deedless.draw(Seed(1), 3, HOUR).faults.is_empty());
        let alone = nemesis().draw(Seed(1), 1, HOUR);
        assert!(!alone.faults.is_empty());
    }

    #[test]
    fn schedule_reads_as_a_person_wants_it() {
        let schedule = nemesis().draw(Seed(4), 3, Duration::from_secs(40));
        expect_test::expect![[r#"
            schedule
                 3.574s  lose 100 of 1000 flights node 1 node 0 for 2.330s
                 5.220s  hold node 2 node 1 for 3.292s
                 8.252s  set the clock off by 428014 ms node 1 for 20.883s
                11.051s  slow to 557 ms node 2 node 1 for 2.485s
                12.576s  drift the clock by 8895 ppm boss 45 for 10.137s
                14.680s  hold node 2 for 5.981s
                14.786s  slow to 1749 ms node 1 for 11.525s
                16.782s  hold node 2 boss 43 for 22.832s
                18.515s  lose 20 of 1000 flights boss 39 for 4.653s
                21.534s  set the clock off by 54 ms boss 1 for 5.504s
                23.130s  set the clock off by 401 ms node 2 for 2.750s
                24.044s  drift the clock by -56 ppm node 0 for 2.076s
                33.760s  cut power boss 9 for 25.981s
                33.889s  crash node 0 for 3.335s
                36.633s  fail 69 of 1000 reads node 1 for 15.384s
                39.655s  crash boss 58 for 5.586s
                40.000s  heal"#]]
        .assert_eq(&format!("schedule\n{schedule}"));
    }
}
