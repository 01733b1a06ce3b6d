//! Faults as data: whether one can strike, what it does, and how it ends.
//!
//! Each fault in force has a number and remembers what it changed, so that faults overlap freely
//! and each ends alone: a node paused twice runs again when both pauses are over, and a link cut
//! twice is open when both cuts are mended.

use std::collections::BTreeSet;
use std::time::Duration;

use super::node::Death;
use super::{Cluster, JournalEvent};
use crate::disk::DiskFault;
use crate::fault::{Fault, FaultId, Skipped};
use crate::gate::lock;
use crate::net::wires::{HostId, Rule};
use crate::system::{Node, Stopped, System};

/// A fault that has struck and not ended.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    fault: Fault,
    on: Vec<Node>,
}

impl<S: System> Cluster<S> {
    /// Inflicts a fault. The number returned lifts it again.
    ///
    /// # Errors
    /// Why it cannot take effect; then nothing has changed.
    pub fn strike(&mut self, fault: &Fault, on: &[Node]) -> Result<FaultId, Skipped> {
        let outcome = self.can_strike(fault, on).and_then(|()| self.inflict(fault, on));
        self.write_strike(fault, on, outcome)
    }

    /// As [`Cluster::strike`], but only if the system permits the fault on each of the nodes.
    ///
    /// # Errors
    /// As [`Cluster::strike`], or that it is over budget.
    pub fn strike_within_budget(&mut self, fault: &Fault, on: &[Node]) -> Result<FaultId, Skipped> {
        let outcome = self.can_strike(fault, on).and_then(|()| {
            let permitted = on.iter().all(|node| self.system.permits(fault, *node));
            if permitted { self.inflict(fault, on) } else { Err(Skipped::OverBudget) }
        });
        self.write_strike(fault, on, outcome)
    }

    /// Notes that a fault found no target.
    pub(crate) fn skip(
        &self,
        fault: &Fault,
        on: &[Node],
        why: Skipped,
    ) -> Result<FaultId, Skipped> {
        self.write_strike(fault, on, Err(why))
    }

    /// Whether a fault in force keeps the node down, and will start it when it ends.
    pub(crate) fn is_held_down(&self, node: Node) -> bool {
        let by = self.slot(node).down_by;
        by.is_some_and(|id| self.in_force.contains_key(&id))
    }

    /// Ends one fault, and starts the nodes that it brought down. A fault that is over already
    /// stays so.
    pub fn lift(&mut self, id: FaultId) {
        let Some(InForce { fault, on }) = self.in_force.remove(&id) else { return };
        let names = self.aim(&fault, &on);
        self.journal.write(JournalEvent::Lifted { id, fault: fault.clone(), on: names });
        lock(&self.wires).lift(id.0);
        self.rewire();
        for node in on {
            self.lift_from(node, id, &fault);
        }
    }

    /// Ends every fault: links, latencies, clocks and disks are as new (a flipped bit stays
    /// flipped), paused nodes run, and nodes that are down for whatever reason are started. A node
    /// that is about to stop is started as soon as it has, and so is one that has met a failure of
    /// its disk and dies of it only now.
    pub fn heal(&mut self) {
        self.journal.write(JournalEvent::Healed);
        self.in_force.clear();
        lock(&self.wires).lift_all();
        self.rewire();
        for node in self.nodes() {
            let slot = &mut self.nodes[node.0];
            slot.clock.set_offset_ms(0);
            slot.clock.set_rate_ppm(0);
            slot.disk.mend_all();
            slot.paused_by.clear();
            self.open_gate(node);
            if !self.is_running(node) {
                self.start_again(node);
            } else if self.slot(node).stop_deadline.is_some() {
                self.nodes[node.0].starts_after_stop = true;
            } else {
                let slot = &mut self.nodes[node.0];
                slot.starts_after_exit = slot.met_a_failure();
            }
        }
    }

    /// Whether the fault could take effect now.
    ///
    /// # Errors
    /// Why not.
    pub fn can_strike(&self, fault: &Fault, on: &[Node]) -> Result<(), Skipped> {
        let distinct = BTreeSet::from_iter(on);
        let known = on.iter().all(|node| node.0 < self.nodes.len());
        if !known || !fault.aims().contains(&on.len()) || distinct.len() != on.len() {
            return Err(Skipped::WrongTarget);
        }
        let needs_process = fault.stops_the_process()
            || matches!(fault, Fault::Pause | Fault::Disk(DiskFault::CutAfter { .. }));
        if needs_process && on.iter().any(|node| !self.is_running(*node)) {
            return Err(Skipped::NotRunning);
        }
        let needs_life = matches!(fault, Fault::Pause | Fault::ShutDown);
        if needs_life && on.iter().any(|node| self.is_paused(*node)) {
            return Err(Skipped::AlreadyPaused);
        }
        Ok(())
    }

    /// Does what the fault says, to nodes that it can be done to.
    fn inflict(&mut self, fault: &Fault, on: &[Node]) -> Result<FaultId, Skipped> {
        let id = FaultId(self.next_fault);
        if let Fault::Action(name) = fault {
            let mut dice = self.seed.stream(&format!("action/{}", id.0));
            let deed = self.system.act(name, &mut dice).ok_or(Skipped::NothingToBreak)?;
            self.next_fault += 1;
            self.client(name, deed);
            return Ok(id);
        }
        let rules = self.rules(fault, on);
        if matches!(fault, Fault::Partition { .. }) && !self.separates(&rules) {
            return Err(Skipped::NothingToBreak);
        }
        for rule in rules {
            lock(&self.wires).enforce(id.0, rule);
        }
        self.rewire();
        let mut struck = Vec::new();
        for node in on {
            if self.inflict_on(*node, id, fault) {
                struck.push(*node);
            }
        }
        if struck.len() < on.len() && struck.is_empty() {
            return Err(Skipped::NothingToBreak);
        }
        Ok(self.register(fault.clone(), struck))
    }

    /// Gives a fault that is in force its number.
    pub(super) fn register(&mut self, fault: Fault, on: Vec<Node>) -> FaultId {
        let id = FaultId(self.next_fault);
        self.next_fault += 1;
        self.in_force.insert(id, InForce { fault, on });
        id
    }

    /// Every fault in force with whom it struck, by name, oldest first.
    #[must_use]
    pub fn faults_in_force(&self) -> Vec<(FaultId, Fault, Vec<String>)> {
        let told = |(id, InForce { fault, on }): (&FaultId, &InForce)| {
            (*id, fault.clone(), self.aim(fault, on))
        };
        self.in_force.iter().map(told).collect()
    }

    /// The numbers of the faults in force that match.
    pub(super) fn in_force_where(&self, wanted: impl Fn(&Fault, &[Node]) -> bool) -> Vec<FaultId> {
        let matching = self.in_force.iter().filter(|(_, other)| wanted(&other.fault, &other.on));
        matching.map(|(id, _)| *id).collect()
    }

    /// What the fault does to links.
    fn rules(&self, fault: &Fault, on: &[Node]) -> Vec<Rule> {
        let host = |node: &Node| HostId(node.0);
        let links = || match on {
            [a, b] => vec![(host(a), host(b))],
            [center] => {
                let peers = self.nodes().into_iter().filter(|peer| peer != center);
                peers.map(|peer| (host(center), host(&peer))).collect()
            }
            _ => Vec::new(),
        };
        match fault {
            Fault::Isolate => on.iter().map(|node| Rule::Isolate(*node)).collect(),
            Fault::IsolateFully => on.iter().map(|node| Rule::IsolateFully(*node)).collect(),
            Fault::Deafen => on.iter().map(|node| Rule::Deafen(*node)).collect(),
            Fault::Silence => on.iter().map(|node| Rule::Silence(*node)).collect(),
            Fault::CutOneWay => links().into_iter().map(|(a, b)| Rule::OneWay(a, b)).collect(),
            Fault::Hold => links().into_iter().map(|(a, b)| Rule::Hold(a, b)).collect(),
            Fault::Slow { latency_ms } => {
                let latency = Duration::from_millis(*latency_ms);
                links().into_iter().map(|(a, b)| Rule::Slow(a, b, latency)).collect()
            }
            Fault::Lossy { per_mille } => {
                links().into_iter().map(|(a, b)| Rule::Lossy(a, b, *per_mille)).collect()
            }
            Fault::Partition { groups } => {
                let groups = groups.iter().map(|group| group.iter().copied().collect());
                vec![Rule::Partition(groups.collect())]
            }
            Fault::Crash
            | Fault::CrashSilently
            | Fault::PowerCut { .. }
            | Fault::ShutDown
            | Fault::Pause
            | Fault::SetClock { .. }
            | Fault::DriftClock { .. }
            | Fault::Disk(_)
            | Fault::Action(_) => Vec::new(),
        }
    }

    /// Whether a partition keeps any two of the cluster's nodes apart.
    fn separates(&self, rules: &[Rule]) -> bool {
        let hosts = || (0..self.nodes.len()).map(HostId);
        let wires = lock(&self.wires);
        hosts().any(|from| {
            hosts().any(|to| from != to && rules.iter().any(|rule| wires.cuts(rule, from, to)))
        })
    }

    /// What the fault does to one node, beside its links. Whether it did.
    fn inflict_on(&mut self, node: Node, id: FaultId, fault: &Fault) -> bool {
        let now = self.now();
        let slot = &mut self.nodes[node.0];
        match fault {
            Fault::Crash => self.bring_down(node, id, Death::Kill),
            Fault::CrashSilently => self.bring_down(node, id, Death::SilentKill),
            Fault::PowerCut { loss } => self.bring_down(node, id, Death::PowerCut(*loss)),
            Fault::ShutDown => {
                slot.stop.request();
                slot.stop_deadline = Some(now + self.options.stop_limit);
                slot.down_by = Some(id);
            }
            Fault::Pause => {
                slot.paused_by.insert(id);
                if let Some(process) = &slot.process {
                    process.gate.shut();
                }
            }
            Fault::SetClock { offset_ms } => slot.clock.set_offset_ms(*offset_ms),
            Fault::DriftClock { rate_ppm } => slot.clock.set_rate_ppm(*rate_ppm),
            Fault::Disk(trouble) => return slot.disk.inject(trouble),
            Fault::Isolate
            | Fault::IsolateFully
            | Fault::Deafen
            | Fault::Silence
            | Fault::Partition { .. }
            | Fault::CutOneWay
            | Fault::Hold
            | Fault::Slow { .. }
            | Fault::Lossy { .. }
            | Fault::Action(_) => {}
        }
        true
    }

    fn bring_down(&mut self, node: Node, id: FaultId, death: Death) {
        let how = match death {
            Death::Kill => Stopped::Killed { silent: false },
            Death::SilentKill => Stopped::Killed { silent: true },
            Death::PowerCut(_) => Stopped::PowerCut,
        };
        self.nodes[node.0].down_by = Some(id);
        self.kill(node, death, &how);
    }

    /// Undoes on one node what the fault did to it, beside its links.
    fn lift_from(&mut self, node: Node, id: FaultId, fault: &Fault) {
        let slot = &mut self.nodes[node.0];
        match fault {
            Fault::Crash | Fault::CrashSilently | Fault::PowerCut { .. } | Fault::ShutDown => {
                if slot.down_by == Some(id) {
                    // A process that was asked to stop and has not yet is not waited for.
                    self.kill(node, Death::Kill, &Stopped::Killed { silent: false });
                    self.start_again(node);
                }
            }
            Fault::Pause => {
                slot.paused_by.remove(&id);
                if slot.paused_by.is_empty() {
                    self.open_gate(node);
                }
            }
            Fault::SetClock { .. } => {
                slot.clock.set_offset_ms(0);
                self.reapply(node, fault);
            }
            Fault::DriftClock { .. } => {
                slot.clock.set_rate_ppm(0);
                self.reapply(node, fault);
            }
            Fault::Disk(trouble) => {
                slot.disk.mend(trouble);
                let is_down = slot.process.is_none() && slot.down_by.is_none();
                if matches!(trouble, DiskFault::CutAfter { .. }) && is_down {
                    self.start_again(node);
                }
                self.reapply(node, fault);
            }
            Fault::Isolate
            | Fault::IsolateFully
            | Fault::Deafen
            | Fault::Silence
            | Fault::Partition { .. }
            | Fault::CutOneWay
            | Fault::Hold
            | Fault::Slow { .. }
            | Fault::Lossy { .. }
            | Fault::Action(_) => {}
        }
    }

    /// A clock or disk fault has ended; the latest one of its kind that is still in force on the
    /// node, if there is one, takes effect again.
    fn reapply(&mut self, node: Node, ended: &Fault) {
        let alike = self.in_force.iter().rev().find(|(_, other)| {
            other.on.contains(&node) && other.fault.is_like(ended) && other.fault.lasts()
        });
        if let Some((id, other)) = alike.map(|(id, other)| (*id, other.fault.clone())) {
            self.inflict_on(node, id, &other);
        }
    }

    /// Lets a node's process go on.
    fn open_gate(&self, node: Node) {
        let slot = self.slot(node);
        if let Some(process) = &slot.process
            && !slot.disk.wants_power_cut()
        {
            process.gate.open();
        }
    }

    fn write_strike(
        &self,
        fault: &Fault,
        on: &[Node],
        outcome: Result<FaultId, Skipped>,
    ) -> Result<FaultId, Skipped> {
        let (fault, on) = (fault.clone(), self.aim(fault, on));
        self.journal.write(match &outcome {
            Ok(id) => JournalEvent::Struck { id: *id, fault, on },
            Err(why) => JournalEvent::Skipped { fault, on, why: why.clone() },
        });
        outcome
    }

    /// Whom a fault strikes, by name.
    fn aim(&self, fault: &Fault, on: &[Node]) -> Vec<String> {
        let name = |node: &Node| self.nodes.get(node.0).map_or("?", |slot| &slot.name).to_owned();
        if let Fault::Partition { groups } = fault {
            let join = |group: &Vec<Node>| group.iter().map(name).collect::<Vec<_>>().join("+");
            return groups.iter().map(join).collect();
        }
        on.iter().map(name).collect()
    }
}
