//! Three voters, a network that loses, repeats and reorders, and disks that survive crashes. What
//! is committed is checked against what anybody has ever seen committed.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::super::*;
use crate::types::SplitMix;

pub(super) const ELECTION_TICKS: usize = 10;

pub(super) fn settings(me: i32, voters: i32, seed: u64) -> Settings {
    Settings {
        me: NodeId(me),
        voters: (0..voters).map(NodeId).collect(),
        election_ticks: ELECTION_TICKS,
        heartbeat_ticks: 2,
        seed,
    }
}

/// How bad the world is, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hardship {
    pub(super) lost: usize,
    pub(super) repeated: usize,
    pub(super) crash_in_step: usize,
}

/// What a node has been told since it started.
pub(super) struct Node {
    pub(super) quorum: Quorum,
    pub(super) saved: Saved,
    /// Everything committed, as its state machine knows it.
    pub(super) state: BTreeMap<i64, Bytes>,
    /// The position of its next proposal, while it is active.
    pub(super) next_offset: Option<i64>,
    epoch: u64,
}

pub(super) struct Cluster {
    pub(super) nodes: Vec<Node>,
    pub(super) wire: Vec<QuorumMessage>,
    pub(super) dice: SplitMix,
    pub(super) hardship: Hardship,
    /// Nodes that are cut off from everybody.
    pub(super) cut_off: BTreeSet<NodeId>,
    /// Everything that was ever committed.
    pub(super) truth: BTreeMap<i64, Bytes>,
    /// Who was active in which epoch.
    actives: BTreeMap<u64, NodeId>,
    /// All effects of all nodes.
    pub(super) diary: Vec<(NodeId, Effect)>,
    pub(super) restores: usize,
}

impl Cluster {
    pub(super) fn new(voters: i32, seed: u64) -> Self {
        let mut dice = SplitMix::new(seed);
        let nodes = (0..voters)
            .map(|id| Node::start(settings(id, voters, dice.next_u64()), Saved::default()))
            .collect();
        Self {
            nodes,
            wire: Vec::new(),
            dice,
            hardship: Hardship::default(),
            cut_off: BTreeSet::new(),
            truth: BTreeMap::new(),
            actives: BTreeMap::new(),
            diary: Vec::new(),
            restores: 0,
        }
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.dice.below(100) < percent
    }

    pub(super) fn step(&mut self, node: usize, event: Event) {
        let effects = self.nodes[node].quorum.step(event);
        for effect in effects {
            // The power may fail between any two effects.
            if self.chance(self.hardship.crash_in_step) {
                self.restart(node);
                return;
            }
            self.perform(node, effect);
        }
    }

    pub(super) fn restart(&mut self, node: usize) {
        let saved = self.nodes[node].saved.clone();
        let id = i32::try_from(node).unwrap();
        let voters = i32::try_from(self.nodes.len()).unwrap();
        let seed = self.dice.next_u64();
        self.nodes[node] = Node::start(settings(id, voters, seed), saved);
    }

    /// Delivers a message from anywhere in the queue.
    pub(super) fn deliver(&mut self) {
        if self.wire.is_empty() {
            return;
        }
        let place = self.dice.below(self.wire.len());
        let message = self.wire.swap_remove(place);
        let cut = [message.from, message.to].iter().any(|end| self.cut_off.contains(end));
        if cut || self.chance(self.hardship.lost) {
            return;
        }
        if self.chance(self.hardship.repeated) {
            self.wire.push(message.clone());
        }
        self.step(usize::try_from(message.to.0).unwrap(), Event::Received(message));
    }

    /// A tick for everybody, and then quiet.
    pub(super) fn tick_all(&mut self) {
        for node in 0..self.nodes.len() {
            self.step(node, Event::Tick);
        }
        while !self.wire.is_empty() {
            self.deliver();
        }
    }

    /// Proposes something that says where it must come to stand.
    pub(super) fn propose(&mut self, node: usize) {
        let Some(next_offset) = self.nodes[node].next_offset else { return };
        let epoch = self.nodes[node].epoch;
        self.nodes[node].next_offset = Some(next_offset + 1);
        let payload = format!("{next_offset} in {epoch}");
        self.step(node, Event::Propose(payload.into()));
    }

    pub(super) fn snapshot(&mut self, node: usize) {
        let Some((offset, _)) = self.nodes[node].state.last_key_value() else { return };
        let event = Event::Snapshot {
            offset: MetadataOffset(*offset),
            image: serde_json::to_vec(&self.nodes[node].state).unwrap().into(),
        };
        self.step(node, event);
    }

    pub(super) fn active(&self) -> Option<usize> {
        self.nodes.iter().position(|node| node.quorum.is_active())
    }

    fn perform(&mut self, node: usize, effect: Effect) {
        let id = NodeId(i32::try_from(node).unwrap());
        self.diary.push((id, effect.clone()));
        let this = &mut self.nodes[node];
        match effect {
            Effect::Persist(change) => this.saved.apply(change),
            Effect::Send(message) => {
                assert_eq!(message.from, id);
                self.wire.push(message);
            }
            Effect::Restore { offset, image } => {
                this.state = serde_json::from_slice(&image).unwrap();
                let truth = self.truth.range(..=offset.0).map(|(o, p)| (*o, p.clone()));
                assert_eq!(this.state, truth.collect(), "a snapshot tells the truth");
                self.restores += 1;
            }
            Effect::Committed { offset, payload } => self.committed(node, offset.0, payload),
            Effect::Leader { leader: _, epoch } => assert!(epoch >= this.epoch || epoch > 0),
            Effect::Active { epoch, next_offset } => {
                let other = self.actives.insert(epoch, id);
                assert!(other.is_none(), "{other:?} and {id} are active in epoch {epoch}");
                let newest = self.truth.last_key_value().map_or(0, |(offset, _)| *offset);
                let known = this.state.last_key_value().map_or(0, |(offset, _)| *offset);
                assert_eq!(known, newest, "an active node knows everything committed");
                assert!(next_offset.0 > newest);
                (this.next_offset, this.epoch) = (Some(next_offset.0), epoch);
            }
            Effect::Resigned | Effect::ProposalDropped => this.next_offset = None,
        }
    }

    /// Everybody commits the same, in the same order, and leaves nothing out.
    fn committed(&mut self, node: usize, offset: i64, payload: Bytes) {
        let state = &mut self.nodes[node].state;
        let last = state.last_key_value().map_or(0, |(offset, _)| *offset);
        assert!(offset > last, "{offset} after {last}");
        match self.truth.range(last + 1..).next() {
            Some((next, known)) => assert_eq!((*next, known), (offset, &payload)),
            None => {
                let text = String::from_utf8(payload.to_vec()).unwrap();
                assert!(text.starts_with(&format!("{offset} in ")), "{text} stands at {offset}");
                self.truth.insert(offset, payload.clone());
            }
        }
        state.insert(offset, payload);
    }
}

impl Node {
    fn start(settings: Settings, saved: Saved) -> Self {
        let quorum = Quorum::restore(settings, saved.clone());
        Self { quorum, saved, state: BTreeMap::new(), next_offset: None, epoch: 0 }
    }
}
