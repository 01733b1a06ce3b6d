//! Which link is cut, held or slow, and by which faults.
//!
//! Faults overlap: a node may be isolated while half of the cluster is partitioned from the other
//! half, and lose its power meanwhile. Each fault is one [`Rule`], and a link's state follows from
//! all rules in force; so to mend one fault is to remove its rule, and no repair undoes another
//! fault. turmoil is told only what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::system::Node;
use crate::topology::{Topology, Zone};

/// A host of the simulation: the nodes first, then the places for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostId(pub(crate) usize);

/// What one fault does to the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The node and its peers do not hear each other; clients reach it.
    Isolate(Node),
    /// Nobody hears the node and it hears nobody.
    IsolateFully(Node),
    /// The node hears none of its peers.
    Deafen(Node),
    /// None of its peers hears the node.
    Silence(Node),
    /// Nodes that are named hear each other only within a group that they share.
    Partition(Vec<BTreeSet<Node>>),
    /// Nothing from hosts in one zone reaches those in the other; `None` is every other zone.
    Zones(Option<Zone>, Option<Zone>),
    /// Nothing from one host reaches the other.
    OneWay(HostId, HostId),
    /// What is sent between the two is kept back until the rule goes.
    Hold(HostId, HostId),
    /// What is sent between the two takes at least so long.
    Slow(HostId, HostId, Duration),
    /// Of a thousand flights of segments between the two so many are lost, and sent again.
    Lossy(HostId, HostId, u32),
}

/// Whether a connection can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Yes; the link was cut so many times before.
    Open { cuts: u64 },
    /// There is no process at the other end, but a kernel that says so.
    Refused,
    /// Nobody will ever answer.
    Silent,
}

/// What turmoil is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rewiring {
    Hold(HostId, HostId),
    Release(HostId, HostId),
    Cut(HostId, HostId),
    Mend(HostId, HostId),
    Latency(HostId, HostId, Delay),
}

/// How long messages take; what is `None` is as everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delay {
    /// The fastest.
    pub(crate) latency: Option<Duration>,
    /// How much longer the slowest takes.
    pub(crate) jitter: Option<Duration>,
}

/// The state of the link between a host and a later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Link {
    up_cut: bool,
    down_cut: bool,
    held: bool,
    /// Of a thousand flights so many are lost.
    loss: u32,
    delay: Delay,
}

/// Everything that is known about the network. Processes read it, the cluster writes it.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    names: Vec<String>,
    nodes: usize,
    topology: Option<Topology>,
    zones: BTreeMap<HostId, Zone>,
    powerless: BTreeSet<HostId>,
    vacant: BTreeSet<HostId>,
    rules: BTreeMap<u64, Vec<Rule>>,
    links: BTreeMap<(HostId, HostId), Link>,
    cuts: BTreeMap<(HostId, HostId), u64>,
}

impl Wires {
    /// Adds a host whose name must be new. Nodes are added before clients.
    pub(crate) fn add(&mut self, name: &str, is_node: bool) -> HostId {
        let host = HostId(self.names.len());
        self.names.push(name.to_owned());
        if is_node {
            assert_eq!(self.nodes, host.0, "nodes are added before clients");
            self.nodes += 1;
        }
        for other in 0..host.0 {
            self.links.insert((HostId(other), host), Link::default());
        }
        host
    }

    /// Says where the zones lie. Nodes that are there stand in them in turn.
    pub(crate) fn survey(&mut self, topology: Topology) {
        let hosts = (0..self.nodes).map(|index| (HostId(index), topology.place(index)));
        self.zones = hosts.collect();
        self.topology = Some(topology);
    }

    /// Moves a host into a zone, or out of all.
    pub(crate) fn place(&mut self, host: HostId, zone: Option<Zone>) {
        match zone {
            Some(zone) => self.zones.insert(host, zone),
            None => self.zones.remove(&host),
        };
    }

    pub(crate) fn find(&self, name: &str) -> Option<HostId> {
        self.names.iter().position(|known| known == name).map(HostId)
    }

    pub(crate) fn name(&self, host: HostId) -> &str {
        &self.names[host.0]
    }

    /// Whether the machine answers at all.
    pub(crate) fn set_power(&mut self, host: HostId, on: bool) {
        if on {
            self.powerless.remove(&host)
        } else {
            self.powerless.insert(host)
        };
    }

    /// Whether a process runs on the machine.
    pub(crate) fn set_process(&mut self, host: HostId, runs: bool) {
        if runs {
            self.vacant.remove(&host)
        } else {
            self.vacant.insert(host)
        };
    }

    /// Puts a fault's rule into force; a fault may have several.
    pub(crate) fn enforce(&mut self, fault: u64, rule: Rule) {
        self.rules.entry(fault).or_default().push(rule);
    }

    /// Lifts the rules of a fault.
    pub(crate) fn lift(&mut self, fault: u64) {
        self.rules.remove(&fault);
    }

    /// Lifts all rules.
    pub(crate) fn lift_all(&mut self) {
        self.rules.clear();
    }

    /// Whether `from` can make a connection to `to` now.
    pub(crate) fn reach(&self, from: HostId, to: HostId) -> Reach {
        let blocked = |from, to| from != to && self.is_cut(from, to);
        if blocked(from, to) || blocked(to, from) {
            Reach::Silent
        } else if self.vacant.contains(&to) {
            Reach::Refused
        } else {
            let count = |pair| self.cuts.get(&pair).copied().unwrap_or_default();
            Reach::Open { cuts: count((from, to)) + count((to, from)) }
        }
    }

    /// Whether nothing that `from` sends reaches `to`.
    pub(crate) fn is_cut(&self, from: HostId, to: HostId) -> bool {
        self.powerless.contains(&from)
            || self.powerless.contains(&to)
            || self.rules.values().flatten().any(|rule| self.cuts(rule, from, to))
    }

    /// Whether this rule alone keeps what `from` sends from reaching `to`.
    pub(crate) fn cuts(&self, rule: &Rule, from: HostId, to: HostId) -> bool {
        let peers = from.0 < self.nodes && to.0 < self.nodes;
        let is = |host: HostId, node: &Node| host.0 == node.0;
        match rule {
            Rule::Isolate(node) => peers && (is(from, node) || is(to, node)),
            Rule::IsolateFully(node) => is(from, node) || is(to, node),
            Rule::Deafen(node) => peers && is(to, node),
            Rule::Silence(node) => peers && is(from, node),
            Rule::Partition(groups) => {
                let (from, to) = (Node(from.0), Node(to.0));
                let named = |node| groups.iter().any(|group| group.contains(node));
                let together = groups.iter().any(|g| g.contains(&from) && g.contains(&to));
                peers && named(&from) && named(&to) && !together
            }
            Rule::Zones(mute, deaf) => match (self.zones.get(&from), self.zones.get(&to)) {
                (Some(from), Some(to)) => {
                    from != to && mute.is_none_or(|z| z == *from) && deaf.is_none_or(|z| z == *to)
                }
                (_, None) | (None, _) => false,
            },
            Rule::OneWay(mute, deaf) => from == *mute && to == *deaf,
            Rule::Hold(..) | Rule::Slow(..) | Rule::Lossy(..) => false,
        }
    }

    /// Of a thousand flights that `from` sends to `to` so many are lost.
    pub(crate) fn loss(&self, from: HostId, to: HostId) -> u32 {
        self.links.get(&(from.min(to), from.max(to))).map_or(0, |link| link.loss)
    }

    fn desired(&self, low: HostId, high: HostId) -> Link {
        let joins = |a: &HostId, b: &HostId| (*a, *b) == (low, high) || (*b, *a) == (low, high);
        let mut link = Link {
            up_cut: self.is_cut(low, high),
            down_cut: self.is_cut(high, low),
            loss: self.loss_on_the_way(low, high),
            delay: self.distance(low, high),
            ..Link::default()
        };
        for rule in self.rules.values().flatten() {
            match rule {
                Rule::Hold(a, b) if joins(a, b) => link.held = true,
                Rule::Lossy(a, b, per_mille) if joins(a, b) => {
                    link.loss = link.loss.max(*per_mille);
                }
                Rule::Slow(a, b, latency) if joins(a, b) => {
                    link.delay.latency = link.delay.latency.max(Some(*latency));
                }
                Rule::Hold(..)
                | Rule::Slow(..)
                | Rule::Lossy(..)
                | Rule::Isolate(_)
                | Rule::IsolateFully(_)
                | Rule::Deafen(_)
                | Rule::Silence(_)
                | Rule::Partition(_)
                | Rule::Zones(..)
                | Rule::OneWay(..) => {}
            }
        }
        link
    }

    fn loss_on_the_way(&self, low: HostId, high: HostId) -> u32 {
        match (&self.topology, self.zones.get(&low), self.zones.get(&high)) {
            (Some(topology), Some(low), Some(high)) => topology.loss_between(*low, *high),
            (Some(_) | None, _, _) => 0,
        }
    }

    fn distance(&self, low: HostId, high: HostId) -> Delay {
        let zones = (self.zones.get(&low), self.zones.get(&high));
        let path = match (&self.topology, zones) {
            (Some(topology), (Some(low), Some(high))) => topology.between(*low, *high),
            (Some(_) | None, _) => None,
        };
        Delay { latency: path.map(|path| path.latency), jitter: path.map(|path| path.jitter) }
    }

    /// What has to change so that every link is as the rules want it.
    pub(crate) fn rewire(&mut self) -> Vec<Rewiring> {
        let pairs: Vec<_> = self.links.keys().copied().collect();
        let mut changes = Vec::new();
        for (low, high) in pairs {
            let new = self.desired(low, high);
            let old = self.links.insert((low, high), new).unwrap_or_default();
            transition((low, high), old, new, &mut changes);
        }
        for change in &changes {
            if let Rewiring::Cut(from, to) = change {
                *self.cuts.entry((*from, *to)).or_default() += 1;
            }
        }
        changes
    }
}

/// In turmoil a link direction is healthy, cut or held, and hold and release set both at once.
fn transition((low, high): (HostId, HostId), old: Link, new: Link, changes: &mut Vec<Rewiring>) {
    let ways = [(low, high, old.up_cut, new.up_cut), (high, low, old.down_cut, new.down_cut)];
    let mended = ways.iter().any(|(_, _, was, is)| *was && !*is);
    let reset = old.held != new.held || (new.held && mended);
    if reset {
        let whole = if new.held { Rewiring::Hold(low, high) } else { Rewiring::Release(low, high) };
        changes.push(whole);
    }
    for (from, to, was, is) in ways {
        if is && (reset || !was) {
            changes.push(Rewiring::Cut(from, to));
        } else if was && !is && !reset {
            changes.push(Rewiring::Mend(from, to));
        }
    }
    if old.delay != new.delay {
        changes.push(Rewiring::Latency(low, high, new.delay));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_nodes_and_a_client() -> Wires {
        let mut wires = Wires::default();
        for name in ["a", "b", "c"] {
            wires.add(name, true);
        }
        wires.add("client", false);
        assert!(wires.rewire().is_empty());
        wires
    }

    /// The cut directions, as `a>b`.
    fn cut(wires: &Wires) -> String {
        let hosts = 0..wires.names.len();
        let pairs = hosts.clone().flat_map(|from| hosts.clone().map(move |to| (from, to)));
        let cut = pairs.filter(|(from, to)| from != to && wires.is_cut(HostId(*from), HostId(*to)));
        let names = |host: usize| &wires.name(HostId(host))[..1];
        cut.map(|(from, to)| format!("{}>{}", names(from), names(to))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_shape_cuts_what_it_says() {
        let shapes = [
            (Rule::Isolate(Node(0)), "a>b a>c b>a c>a"),
            (Rule::IsolateFully(Node(0)), "a>b a>c a>c b>a c>a c>a"),
            (Rule::Deafen(Node(0)), "b>a c>a"),
            (Rule::Silence(Node(0)), "a>b a>c"),
            (Rule::OneWay(HostId(3), HostId(1)), "c>b"),
        ];
        for (rule, expected) in shapes {
            let mut wires = three_nodes_and_a_client();
            wires.enforce(1, rule.clone());
            assert_eq!(cut(&wires), expected, "{rule:?}");
        }
        let mut wires = three_nodes_and_a_client();
        let bridge = [BTreeSet::from([Node(0), Node(1)]), BTreeSet::from([Node(1), Node(2)])];
        wires.enforce(1, Rule::Partition(bridge.to_vec()));
        assert_eq!(cut(&wires), "a>c c>a");
    }

    #[test]
    fn repair_of_one_fault_leaves_the_other() {
        let mut wires = three_nodes_and_a_client();
        wires.enforce(1, Rule::Isolate(Node(0)));
        wires.enforce(2, Rule::OneWay(HostId(0), HostId(1)));
        wires.set_power(HostId(2), false);
        wires.rewire();
        wires.lift(1);
        wires.rewire();
        assert_eq!(cut(&wires), "a>b a>c b>c c>a c>b c>c c>c");
        wires.set_power(HostId(2), true);
        let expected = [
            Rewiring::Mend(HostId(0), HostId(2)),
            Rewiring::Mend(HostId(2), HostId(0)),
            Rewiring::Mend(HostId(1), HostId(2)),
            Rewiring::Mend(HostId(2), HostId(1)),
            Rewiring::Mend(HostId(2), HostId(3)),
            Rewiring::Mend(HostId(3), HostId(2)),
        ];
        assert_eq!(wires.rewire(), expected);
        wires.lift(2);
        assert_eq!(wires.rewire(), [Rewiring::Mend(HostId(0), HostId(1))]);
    }

    #[test]
    fn hold_and_cut_on_one_link_compose() {
        let (a, b) = (HostId(0), HostId(1));
        let mut wires = three_nodes_and_a_client();
        wires.enforce(1, Rule::OneWay(a, b));
        wires.rewire();
        wires.enforce(2, Rule::Hold(b, a));
        assert_eq!(wires.rewire(), [Rewiring::Hold(a, b), Rewiring::Cut(a, b)]);
        wires.lift(1);
        assert_eq!(wires.rewire(), [Rewiring::Hold(a, b)]);
        wires.lift(2);
        assert_eq!(wires.rewire(), [Rewiring::Release(a, b)]);
    }

    #[test]
    fn slowest_rule_sets_the_latency() {
        let (a, b) = (HostId(0), HostId(1));
        let (slow, slower) = (Duration::from_millis(100), Duration::from_millis(300));
        let at_least = |latency| Delay { latency: Some(latency), jitter: None };
        let mut wires = three_nodes_and_a_client();
        wires.enforce(1, Rule::Slow(a, b, slower));
        wires.enforce(2, Rule::Slow(b, a, slow));
        assert_eq!(wires.rewire(), [Rewiring::Latency(a, b, at_least(slower))]);
        wires.lift(1);
        assert_eq!(wires.rewire(), [Rewiring::Latency(a, b, at_least(slow))]);
        wires.lift_all();
        assert_eq!(wires.rewire(), [Rewiring::Latency(a, b, Delay::default())]);
    }

    #[test]
    fn zones_are_far_apart_and_can_be_cut_off_with_the_clients_in_them() {
        let (far, jitter) = (Duration::from_millis(40), Duration::from_millis(5));
        let topology = Topology::new(&["x", "y"]).path("x", "y", far, jitter);
        let (x, y) = (topology.find("x"), topology.find("y"));
        let mut wires = three_nodes_and_a_client();
        wires.survey(topology);
        let delay = Delay { latency: Some(far), jitter: Some(jitter) };
        let [a, b, c] = [0, 1, 2].map(HostId);
        let both_ways = [Rewiring::Latency(a, b, delay), Rewiring::Latency(b, c, delay)];
        assert_eq!(wires.rewire(), both_ways, "a and c stand in x, b in y, the client nowhere");
        wires.enforce(1, Rule::Zones(y, None));
        assert_eq!(cut(&wires), "b>a b>c");
        wires.place(HostId(3), y);
        assert_eq!(cut(&wires), "b>a b>c c>a c>c", "the client is the second c");
        wires.lift_all();
        wires.enforce(2, Rule::Zones(x, y));
        wires.place(HostId(3), None);
        assert_eq!(cut(&wires), "a>b c>b");
    }

    #[test]
    fn connections_are_refused_timed_out_or_open() {
        let (a, b) = (HostId(0), HostId(1));
        let mut wires = three_nodes_and_a_client();
        assert_eq!(wires.reach(a, b), Reach::Open { cuts: 0 });
        wires.set_process(b, false);
        assert_eq!(wires.reach(a, b), Reach::Refused);
        wires.enforce(1, Rule::OneWay(b, a));
        wires.rewire();
        assert_eq!(wires.reach(a, b), Reach::Silent);
        wires.lift(1);
        wires.set_process(b, true);
        assert_eq!(wires.reach(a, b), Reach::Open { cuts: 1 });
    }
}
