//! The verbs of hardship, for stories. Each is a fault of the same name in `fault`.
//!
//! A verb that cannot take effect is a mistake in the story, and panics: a test that crashes a node
//! which is down already does not test what it says.

use std::time::Duration;

use super::Cluster;
use crate::disk::{DiskFault, Loss};
use crate::fault::{Fault, FaultId};
use crate::gate::lock;
use crate::net::wires::Rule;
use crate::system::{Node, System};
use crate::topology::Zone;

/// # Panics
/// Each of these verbs panics if it cannot take effect.
impl<S: System> Cluster<S> {
    fn must_strike(&mut self, fault: Fault, on: &[Node]) -> FaultId {
        match self.strike(&fault, on) {
            Ok(id) => id,
            Err(why) => panic!("{fault} {on:?} has no effect: {why}"),
        }
    }

    /// `kill -9`: the process is gone, its operating system closes its sockets and keeps its files.
    pub fn crash(&mut self, node: Node) -> FaultId {
        self.must_strike(Fault::Crash, &[node])
    }

    /// The process is gone without a word to its peers; its files are kept.
    pub fn crash_silently(&mut self, node: Node) -> FaultId {
        self.must_strike(Fault::CrashSilently, &[node])
    }

    /// The machine loses its power. What was not fsynced is lost in part, as the dice say.
    pub fn power_cut(&mut self, node: Node) -> FaultId {
        self.must_strike(Fault::PowerCut { loss: Loss::Random }, &[node])
    }

    /// The machine loses its power, and as much of what was not fsynced as the story wants.
    pub fn power_cut_losing(&mut self, node: Node, loss: Loss) -> FaultId {
        self.must_strike(Fault::PowerCut { loss }, &[node])
    }

    /// Asks the process to stop and waits until it has; kills it after the stop limit.
    pub fn shut_down(&mut self, node: Node) -> FaultId {
        let id = self.must_strike(Fault::ShutDown, &[node]);
        while self.is_running(node) {
            self.step();
        }
        id
    }

    /// Starts a node that is down.
    pub fn restart(&mut self, node: Node) {
        assert!(!self.is_running(node), "{} runs already", self.name(node));
        self.start_again(node);
    }

    /// The process stands still until it is resumed.
    pub fn pause(&mut self, node: Node) -> FaultId {
        self.must_strike(Fault::Pause, &[node])
    }

    /// The process goes on, however often it was paused.
    pub fn resume(&mut self, node: Node) {
        assert!(self.is_paused(node), "{} is not paused", self.name(node));
        for id in self.nodes[node.0].paused_by.clone() {
            self.lift(id);
        }
    }

    /// Cuts a node off from its peers. Its clients still reach it: this is the cut that makes a
    /// node believe wrongly, and lets somebody listen to it.
    pub fn isolate(&mut self, node: Node) -> FaultId {
        self.must_strike(Fault::Isolate, &[node])
    }

    /// Cuts a node off from everybody, clients included.
    pub fn isolate_fully(&mut self, node: Node) -> FaultId {
        self.must_strike(Fault::IsolateFully, &[node])
    }

    /// The node does not hear its peers, which hear it.
    pub fn deafen(&mut self, node: Node) -> FaultId {
        self.must_strike(Fault::Deafen, &[node])
    }

    /// The node's peers do not hear it, though it hears them.
    pub fn silence(&mut self, node: Node) -> FaultId {
        self.must_strike(Fault::Silence, &[node])
    }

    /// Nodes hear each other only within a group that they share. Nodes that no group names keep
    /// all their links; clients are not affected.
    pub fn partition(&mut self, groups: &[&[Node]]) -> FaultId {
        let groups = groups.iter().map(|group| group.to_vec()).collect();
        self.must_strike(Fault::Partition { groups }, &[])
    }

    /// Nothing that one node sends reaches the other; the way back is open. New connections need
    /// both ways.
    pub fn cut_one_way(&mut self, from: Node, to: Node) -> FaultId {
        self.must_strike(Fault::CutOneWay, &[from, to])
    }

    /// Keeps back what the two send each other until [`Cluster::release`]. Streams survive.
    pub fn hold(&mut self, a: Node, b: Node) -> FaultId {
        self.must_strike(Fault::Hold, &[a, b])
    }

    /// Delivers, in order, what was kept back between the two.
    pub fn release(&mut self, a: Node, b: Node) {
        let is_theirs = |on: &[Node]| on == [a, b] || on == [b, a];
        let holds = self.in_force_where(|fault, on| *fault == Fault::Hold && is_theirs(on));
        assert!(!holds.is_empty(), "nothing is held between {a:?} and {b:?}");
        holds.into_iter().for_each(|id| self.lift(id));
    }

    /// Messages between the two take at least so long.
    pub fn slow_link(&mut self, a: Node, b: Node, latency: Duration) -> FaultId {
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.must_strike(Fault::Slow { latency_ms }, &[a, b])
    }

    /// Sets the node's wall clock off by so many milliseconds.
    pub fn set_clock_offset(&mut self, node: Node, offset_ms: i64) -> FaultId {
        self.must_strike(Fault::SetClock { offset_ms }, &[node])
    }

    /// Lets the node's clock run fast by so many millionths, or slow if negative.
    pub fn set_clock_rate(&mut self, node: Node, rate_ppm: i32) -> FaultId {
        self.must_strike(Fault::DriftClock { rate_ppm }, &[node])
    }

    /// Puts the node's disk into trouble.
    pub fn break_disk(&mut self, node: Node, trouble: DiskFault) -> FaultId {
        self.must_strike(Fault::Disk(trouble), &[node])
    }

    /// Cuts a zone off from all others: what stands in it, clients included, hears only each other.
    pub fn cut_zone(&mut self, zone: &str) -> FaultId {
        let cut = self.zone(zone);
        let inside = |node: &Node| self.zone_of(*node) == Some(zone);
        let (inside, outside) = self.nodes().into_iter().partition(inside);
        let id = self.register(Fault::Partition { groups: vec![inside, outside] }, Vec::new());
        lock(&self.wires).enforce(id.0, Rule::Zones(Some(cut), None));
        lock(&self.wires).enforce(id.0, Rule::Zones(None, Some(cut)));
        self.rewire();
        self.note(format!("cut {zone} off"));
        id
    }

    /// Nothing from one zone reaches the other; the way back is open.
    pub fn cut_zones_one_way(&mut self, from: &str, to: &str) -> FaultId {
        let (mute, deaf) = (self.zone(from), self.zone(to));
        let id = self.register(Fault::CutOneWay, Vec::new());
        lock(&self.wires).enforce(id.0, Rule::Zones(Some(mute), Some(deaf)));
        self.rewire();
        self.note(format!("cut the way from {from} to {to}"));
        id
    }

    /// The nodes in a zone.
    #[must_use]
    pub fn nodes_in(&self, zone: &str) -> Vec<Node> {
        let nodes = self.nodes().into_iter();
        nodes.filter(|node| self.zone_of(*node) == Some(zone)).collect()
    }

    /// The zone that a node stands in; `None` without a topology.
    #[must_use]
    pub fn zone_of(&self, node: Node) -> Option<&str> {
        self.options.topology.as_ref().map(|topology| topology.zone_of(node.0))
    }

    pub(super) fn zone(&self, name: &str) -> Zone {
        let topology = self.options.topology.as_ref();
        let zone = topology.and_then(|topology| topology.find(name));
        let Some(zone) = zone else { panic!("no zone is called {name}") };
        zone
    }

    /// Cuts a client that is at work off from a node, both ways, until it is lifted or healed.
    pub fn cut_client(&mut self, client: &str, node: Node) -> FaultId {
        let desk = self.desks.iter().find(|desk| desk.tenant.as_deref() == Some(client));
        let Some(desk) = desk else { panic!("no client at work is called {client}") };
        let (there, here) = (desk.host, self.slot(node).host);
        let id = self.register(Fault::CutOneWay, Vec::new());
        lock(&self.wires).enforce(id.0, Rule::OneWay(there, here));
        lock(&self.wires).enforce(id.0, Rule::OneWay(here, there));
        self.rewire();
        self.note(format!("cut {client} off from {}", self.name(node)));
        id
    }
}
