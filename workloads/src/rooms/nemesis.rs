//! What goes wrong, and when. Every fault is chosen so that the guarantees still hold: no more
//! replicas are lost at a time than the settings cover.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::types::{Millis, SplitMix};

use super::world::{Happening, Place, World};
use crate::picture::{Partition, Stop};

/// The kinds of hardship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Leadership moves, and nobody leaves the in-sync set.
    MoveLeader,
    /// A broker's heartbeats do not get through.
    Mute,
    /// A broker hears no metadata for a while, and then much at once.
    Deafen,
    /// Links are cut.
    Cut,
    /// A process is killed.
    Kill,
    /// A machine loses power.
    CutPower,
    /// A broker shuts down.
    Leave,
    /// The other controller takes over.
    FailOver,
    /// A follower gets less per fetch, or enough again.
    Throttle,
    /// `min.insync.replicas` becomes less, for good.
    LowerMinInSync,
    /// Everything that lasts ends.
    Mend,
}

impl Fault {
    const ALL: [Self; 11] = [
        Self::MoveLeader,
        Self::Mute,
        Self::Deafen,
        Self::Cut,
        Self::Kill,
        Self::CutPower,
        Self::Leave,
        Self::FailOver,
        Self::Throttle,
        Self::LowerMinInSync,
        Self::Mend,
    ];

    /// How often each comes in one schedule, relative to the others. Each schedule leaves some out
    /// and exaggerates others: what many faults at once hide, few may show.
    pub(super) fn draw_weights(dice: &mut SplitMix) -> [usize; 11] {
        let usual = [30, 12, 16, 12, 5, 5, 5, 5, 5, 2, 5];
        usual.map(|weight| weight * [0, 1, 1, 4][dice.below(4)] + 1)
    }
}

/// Links that are cut, in one direction each, and until when.
#[derive(Debug, Default)]
pub(super) struct Links {
    cut: BTreeMap<(usize, usize), Millis>,
}

/// The controllers' place among the ends of links.
const CONTROLLERS: usize = usize::MAX;

impl Links {
    pub(super) fn is_cut(&self, from: Place, to: Place, now: Millis) -> bool {
        !self.cut.is_empty()
            && self.cut.get(&(end(from), end(to))).is_some_and(|until| *until > now)
    }
}

fn end(place: Place) -> usize {
    match place {
        Place::Broker(at) => at,
        Place::Controllers => CONTROLLERS,
    }
}

impl World {
    pub(super) fn fault(&mut self) {
        let Some(interval) = self.weather.fault_interval.filter(|_| !self.healed) else { return };
        self.schedule_within(2 * interval, Happening::Fault);
        let broker = self.dice.below(self.brokers.len());
        let partition = self.dice.below(self.weather.partitions);
        let lasting = Duration::from_millis(10 + self.up_to(140));
        let until = self.now + lasting;
        match self.draw_fault() {
            Fault::MoveLeader => self.move_leader(partition),
            Fault::Mute => self.brokers[broker].mute_until = until,
            Fault::Deafen => self.brokers[broker].deaf_until = until,
            Fault::Cut => self.cut_something(broker, until),
            Fault::Kill => self.stop_if_covered(broker, Stop::Crash),
            Fault::CutPower => self.stop_if_covered(broker, Stop::PowerCut),
            Fault::Leave => self.brokers[broker].leaving = true,
            Fault::FailOver => self.fail_over(),
            Fault::Throttle => {
                let slow = self.one_in(2);
                let usual = self.weather.fetch_batches;
                self.brokers[broker].fetch_batches_max = if slow { 1 } else { usual };
            }
            Fault::LowerMinInSync => {
                if self.nobody_is_lost() && !self.lowered {
                    self.lowered = true;
                    self.lower_min_in_sync();
                }
            }
            Fault::Mend => {
                self.links = Links::default();
                for broker in &mut self.brokers {
                    broker.deaf_until = Millis(0);
                    broker.mute_until = Millis(0);
                }
            }
        }
    }

    fn draw_fault(&mut self) -> Fault {
        let weights = self.weather.fault_weights;
        let mut ball = self.dice.below(weights.iter().sum());
        for (fault, weight) in Fault::ALL.into_iter().zip(weights) {
            if ball < weight {
                return fault;
            }
            ball -= weight;
        }
        Fault::Mend
    }

    fn stop_if_covered(&mut self, broker: usize, how: Stop) {
        // A replica about to join is in the most delicate moment of its life.
        let joining = if self.one_in(2) { self.joining() } else { None };
        let broker = joining.unwrap_or(broker);
        if self.brokers[broker].up && self.may_lose(broker, how) {
            self.stop(broker, how);
        }
    }

    /// One direction, both, or everything around a broker.
    fn cut_something(&mut self, broker: usize, until: Millis) {
        let other = match self.dice.below(self.brokers.len() + 1) {
            at if at == self.brokers.len() || at == broker => CONTROLLERS,
            at => at,
        };
        match self.dice.below(4) {
            0 => {
                self.links.cut.insert((broker, other), until);
            }
            1 => {
                self.links.cut.insert((other, broker), until);
            }
            2 => {
                self.links.cut.insert((broker, other), until);
                self.links.cut.insert((other, broker), until);
            }
            _ => self.cut_off_until(broker, until),
        }
    }

    /// The broker's peers do not hear it, nor it them, until the links are mended.
    pub(super) fn cut_off(&mut self, broker: usize) {
        self.cut_off_until(broker, Millis(u64::MAX));
    }

    fn cut_off_until(&mut self, broker: usize, until: Millis) {
        for peer in (0..self.brokers.len()).filter(|peer| *peer != broker) {
            self.links.cut.insert((broker, peer), until);
            self.links.cut.insert((peer, broker), until);
        }
    }

    /// A broker that some leader has proposed for the in-sync set.
    fn joining(&self) -> Option<usize> {
        let hosted = self.brokers.iter().flat_map(|broker| &broker.hosted);
        let sets = hosted.filter_map(|hosted| hosted.replica.in_sync_replicas());
        let mut proposed = sets.filter_map(|set| set.maximal().difference(set.committed()).next());
        proposed.next().and_then(|id| usize::try_from(id.0 - 1).ok())
    }

    /// Whether every replica that was lost is back in sync.
    fn nobody_is_lost(&self) -> bool {
        let picture = self.inspector.picture();
        picture.partitions().iter().all(|partition| partition.budget().lost().is_empty())
    }

    /// Whether the guarantees cover the loss of this broker now.
    fn may_lose(&self, broker: usize, how: Stop) -> bool {
        let id = self.brokers[broker].id;
        let picture = self.inspector.picture();
        let counts = self.weather.eligible_leader_replicas || how == Stop::PowerCut;
        let elr = self.weather.eligible_leader_replicas;
        let covered = |partition: &Partition| {
            let Some(record) = partition.registration() else { return true };
            let allowed = partition.losses_covered(elr);
            let counted = record.in_sync_replicas.contains(&id)
                || record.eligible_leader_replicas.contains(&id)
                || partition.replicas().any(|(_, replica)| {
                    let in_sync = replica.leadership().and_then(|own| own.in_sync.as_ref());
                    in_sync.is_some_and(|view| view.maximal.contains(&id))
                });
            let lost = partition.budget().lost();
            !counted || lost.contains(&id) || lost.len() < allowed
        };
        !counts || picture.partitions().iter().all(covered)
    }
}
