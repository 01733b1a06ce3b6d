//! What goes wrong, and when. Every fault is chosen so that the guarantees still hold: no more
//! replicas are lost at a time than the settings cover.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::types::Millis;

use super::world::{Happening, Place, World};
use crate::picture::{Partition, Stop};

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
        match self.dice.below(100) {
            0..30 => self.move_leader(partition),
            30..42 => self.brokers[broker].mute_until = until,
            42..58 => self.brokers[broker].deaf_until = until,
            58..70 => self.cut_something(broker, until),
            70..80 => {
                let how = if self.one_in(2) { Stop::Crash } else { Stop::PowerCut };
                if self.brokers[broker].up && self.may_lose(broker, how) {
                    self.stop(broker, how);
                }
            }
            80..85 => self.brokers[broker].leaving = true,
            85..90 => self.fail_over(),
            90..95 => {
                let slow = self.one_in(2);
                self.brokers[broker].fetch_batches_max = if slow { 1 } else { 4 };
            }
            _ => {
                self.links = Links::default();
                for broker in &mut self.brokers {
                    broker.deaf_until = Millis(0);
                    broker.mute_until = Millis(0);
                }
            }
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
            _ => {
                for peer in (0..self.brokers.len()).filter(|peer| *peer != broker) {
                    self.links.cut.insert((broker, peer), until);
                    self.links.cut.insert((peer, broker), until);
                }
            }
        }
    }

    /// Whether the guarantees cover the loss of this broker now.
    fn may_lose(&self, broker: usize, how: Stop) -> bool {
        let id = self.brokers[broker].id;
        let picture = self.inspector.picture();
        let counts = self.weather.eligible_leader_replicas || how == Stop::PowerCut;
        let allowed = if self.weather.eligible_leader_replicas {
            self.weather.min_in_sync_replicas - 1
        } else {
            0
        };
        let covered = |partition: &Partition| {
            let Some(record) = partition.registration() else { return true };
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
