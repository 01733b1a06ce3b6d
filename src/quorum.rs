//! **Pure.** The controllers' log: raft, from the `raft` crate, driven by ticks and messages.
//!
//! [`Quorum::step`] takes what happened and answers with what to make durable, what to send and
//! what is committed, in an order that is safe to perform one by one: nothing is sent before what
//! it promises is on the disk.
//!
//! The crate rolls its own dice for election timeouts. Here every timeout is drawn from the seed
//! in [`Settings`] and set again after each call, so that the crate's draw never counts: the same
//! events bring the same effects, whatever the process.

mod event;
mod guard;
mod saved;
mod store;
#[cfg(test)]
mod tests;
mod timeouts;
mod translate;

pub use event::{Change, Effect, Event, HardState, LogEntry, QuorumMessage, Saved, Settings};

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use raft::eraftpb::{Entry, Message, MessageType};
use raft::{Config, ProgressState, RawNode, Ready, SnapshotStatus, StateRole};

use crate::types::{MetadataOffset, NodeId};
use store::Store;
use timeouts::Timeouts;
use translate::{node_id, raft_id};

/// The most bytes of entries in one message; a larger entry travels alone.
const MESSAGE_BYTES_MAX: u64 = 1 << 20;
/// The most messages with entries that one follower has not answered.
const MESSAGES_IN_FLIGHT_MAX: usize = 64;
/// The most bytes of proposals that are not committed. A further one is dropped.
const UNCOMMITTED_BYTES_MAX: u64 = 64 << 20;

/// One voter of the quorum.
pub struct Quorum {
    settings: Settings,
    node: RawNode<Store>,
    timeouts: Timeouts,
    /// Leader and epoch as last told.
    told: (Option<NodeId>, u64),
    /// The epoch in which this node is active.
    active_in: Option<u64>,
    /// Everything up to here was handed out.
    applied: u64,
    /// The snapshot that this node started from, until it is handed out.
    start: Option<Effect>,
    /// For how many ticks each follower has owed its answer to a snapshot.
    snapshots_sent: BTreeMap<u64, usize>,
}

impl fmt::Debug for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quorum")
            .field("me", &self.settings.me)
            .field("epoch", &self.epoch())
            .field("leader", &self.leader())
            .field("active_in", &self.active_in)
            .field("applied", &self.applied)
            .finish_non_exhaustive()
    }
}

impl Quorum {
    /// A voter that starts from what it had made durable; from [`Saved::default`] if nothing.
    /// Damaged state is cut back to what makes sense, as far as that goes.
    ///
    /// # Panics
    ///
    /// Panics if this node's id is negative.
    #[must_use]
    pub fn restore(mut settings: Settings, saved: Saved) -> Self {
        settings.voters.sort_unstable();
        settings.voters.dedup();
        let voters = settings.voters.iter().filter_map(|voter| raft_id(*voter)).collect();
        let store = Store::new(saved.mended(), voters);
        let applied = store.snapshot_index();
        let start = (applied > 0).then(|| Effect::Restore {
            offset: metadata_offset(applied),
            image: store.snapshot_image(),
        });
        let heartbeat_tick = settings.heartbeat_ticks.max(1);
        let config = Config {
            id: raft_id(settings.me).expect("a node's own id is not negative"),
            election_tick: settings.election_ticks.max(heartbeat_tick + 1),
            heartbeat_tick,
            applied,
            max_size_per_msg: MESSAGE_BYTES_MAX,
            max_inflight_msgs: MESSAGES_IN_FLIGHT_MAX,
            max_uncommitted_size: UNCOMMITTED_BYTES_MAX,
            check_quorum: true,
            pre_vote: true,
            ..Config::default()
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let timeouts = Timeouts::new(settings.seed, config.id, config.election_tick);
        let node = RawNode::new(&config, store, &logger).expect("the configuration is valid");
        let mut quorum = Self {
            told: (None, node.raft.term),
            settings,
            node,
            timeouts,
            active_in: None,
            applied,
            start,
            snapshots_sent: BTreeMap::new(),
        };
        quorum.timeouts.enforce(&mut quorum.node.raft);
        quorum
    }

    /// Takes in what happened and says what to do, in order. The first call also hands out the
    /// snapshot that this node started from, as [`Effect::Restore`].
    ///
    /// A reign's proposals are fed between its [`Effect::Active`] and the [`Effect::Resigned`] or
    /// [`Effect::ProposalDropped`] that ends it; the shell throws away what is left of them then.
    /// One that is fed later would take a position that the next reign counts on.
    #[must_use]
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::from_iter(self.start.take());
        match event {
            Event::Tick => self.tick(),
            Event::Received(message) => self.receive(message),
            Event::Propose(payload) => {
                if !self.propose(&payload) {
                    effects.push(Effect::ProposalDropped);
                }
            }
            Event::Snapshot { offset, image } => effects.extend(self.compact(offset, image)),
        }
        self.campaign_alone();
        self.timeouts.enforce(&mut self.node.raft);
        self.tell_leadership(&mut effects);
        while self.node.has_ready() {
            self.perform_ready(&mut effects);
        }
        self.timeouts.enforce(&mut self.node.raft);
        self.tell_active(&mut effects);
        effects
    }

    /// Who leads, as far as this node knows.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        node_id(self.node.raft.leader_id)
    }

    /// The newest epoch that this node has seen.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.node.raft.term
    }

    /// Whether this node has announced itself with [`Effect::Active`] and not resigned since.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active_in.is_some()
    }

    /// Everything up to and including this position is committed and was handed out.
    #[must_use]
    pub fn committed(&self) -> MetadataOffset {
        metadata_offset(self.applied)
    }

    fn tick(&mut self) {
        self.node.tick();
        self.send_lost_snapshots_again();
    }

    fn receive(&mut self, message: QuorumMessage) {
        let message = guard::admit(&self.settings, &self.node.raft, message);
        // Whatever else is wrong with it, a message that raft refuses may as well be lost.
        drop(message.map(|message| self.node.step(message)));
    }

    /// Whether the proposal got the next position. An active node that cannot accept one gives up
    /// leading: its controller counts on every position.
    fn propose(&mut self, payload: &Bytes) -> bool {
        let Some(epoch) = self.active_in else { return false };
        // An empty entry cannot be told from raft's own.
        if !payload.is_empty() && self.node.propose(Vec::new(), payload.to_vec()).is_ok() {
            return true;
        }
        self.node.raft.become_follower(epoch, raft::INVALID_ID);
        false
    }

    /// A sole voter need not wait for anybody.
    fn campaign_alone(&mut self) {
        let alone = self.settings.voters == [self.settings.me];
        if alone && self.node.raft.state != StateRole::Leader {
            self.node.campaign().expect("a sole voter may always campaign");
        }
    }

    /// Drops the log up to `offset`, which `image` contains. The whole durable state is written
    /// anew: the snapshot, and the entries behind it.
    fn compact(&mut self, offset: MetadataOffset, image: Bytes) -> Option<Effect> {
        let index = u64::try_from(offset.0).ok().filter(|index| *index <= self.applied)?;
        let (epoch, tail) = self.node.mut_store().compact(index, image.clone())?;
        Some(Effect::Persist(Change {
            snapshot: Some((index, epoch, image)),
            entries: tail,
            hard_state: Some(translate::hard_state(&self.node.raft.hard_state())),
        }))
    }

    /// Raft waits for the answer to a snapshot without end, and either may be lost.
    fn send_lost_snapshots_again(&mut self) {
        let waiting = |id: &u64| {
            let leads = self.node.raft.state == StateRole::Leader;
            let progress = self.node.raft.prs().get(*id);
            leads && progress.is_some_and(|progress| progress.state == ProgressState::Snapshot)
        };
        let voters = self.settings.voters.iter().filter_map(|voter| raft_id(*voter));
        let waiting: Vec<u64> = voters.filter(waiting).collect();
        self.snapshots_sent.retain(|id, _| waiting.contains(id));
        for id in waiting {
            let ticks = self.snapshots_sent.entry(id).or_default();
            *ticks += 1;
            if *ticks >= self.settings.election_ticks {
                *ticks = 0;
                self.node.report_snapshot(id, SnapshotStatus::Failure);
            }
        }
    }

    /// A reign that is over ends before anything of the next one is told.
    fn tell_leadership(&mut self, effects: &mut Vec<Effect>) {
        let epoch = self.epoch();
        let leads = self.node.raft.state == StateRole::Leader;
        if self.active_in.is_some_and(|active_in| !leads || active_in != epoch) {
            self.active_in = None;
            effects.push(Effect::Resigned);
        }
        let now = (self.leader(), epoch);
        if self.told != now {
            self.told = now;
            effects.push(Effect::Leader { leader: now.0, epoch });
        }
    }

    fn tell_active(&mut self, effects: &mut Vec<Effect>) {
        let raft = &self.node.raft;
        let leads = raft.state == StateRole::Leader && raft.commit_to_current_term();
        if self.active_in.is_some() || !leads || self.applied < raft.raft_log.last_index() {
            return;
        }
        self.active_in = Some(raft.term);
        let next_offset = metadata_offset(raft.raft_log.last_index() + 1);
        effects.push(Effect::Active { epoch: raft.term, next_offset });
    }

    fn perform_ready(&mut self, effects: &mut Vec<Effect>) {
        let mut ready = self.node.ready();
        self.persist(&mut ready, effects);
        send(ready.take_messages(), effects);
        send(ready.take_persisted_messages(), effects);
        let restored = ready.snapshot().get_metadata().index;
        if restored > 0 {
            let image = ready.snapshot().data.clone();
            self.applied = restored;
            effects.push(Effect::Restore { offset: metadata_offset(restored), image });
        }
        self.hand_out(ready.take_committed_entries(), effects);
        let mut light = self.node.advance(ready);
        send(light.take_messages(), effects);
        self.hand_out(light.take_committed_entries(), effects);
        self.node.advance_apply();
    }

    /// A commit position alone is not worth an fsync: after a restart the leader tells it again.
    fn persist(&mut self, ready: &mut Ready, effects: &mut Vec<Effect>) {
        let hard_state = self.node.raft.hard_state();
        let store = self.node.mut_store();
        let snapshot = translate::snapshot(ready.snapshot());
        if let Some((index, epoch, image)) = &snapshot {
            store.replace(*index, *epoch, image.clone());
        }
        let entries: Vec<LogEntry> =
            ready.take_entries().into_iter().map(translate::entry).collect();
        store.append(&entries);
        if ready.must_sync() {
            let hard_state = Some(translate::hard_state(&hard_state));
            effects.push(Effect::Persist(Change { snapshot, entries, hard_state }));
        }
    }

    fn hand_out(&mut self, entries: Vec<Entry>, effects: &mut Vec<Effect>) {
        for entry in entries {
            self.applied = entry.index;
            if !entry.data.is_empty() {
                let offset = metadata_offset(entry.index);
                effects.push(Effect::Committed { offset, payload: entry.data });
            }
        }
    }
}

fn send(messages: Vec<Message>, effects: &mut Vec<Effect>) {
    for message in messages {
        // A proposal that raft would forward to the leader: positions are only for the active.
        if message.get_msg_type() != MessageType::MsgPropose {
            effects.extend(translate::to_wire(message).map(Effect::Send));
        }
    }
}

fn metadata_offset(index: u64) -> MetadataOffset {
    MetadataOffset(i64::try_from(index).expect("positions are counted one by one from 1"))
}
