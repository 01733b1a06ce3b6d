//! What the quorum is told and what it answers with.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::types::{MetadataOffset, NodeId};

/// How a controller takes part in the quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// This node.
    pub me: NodeId,
    /// Every voter, this node included.
    pub voters: Vec<NodeId>,
    /// Ticks without a leader's sign of life before an election; each node adds up to as many
    /// again, drawn from `seed`. `controller.quorum.fetch.timeout.ms` in ticks.
    pub election_ticks: usize,
    /// Ticks between a leader's signs of life.
    pub heartbeat_ticks: usize,
    /// Where the random part of election timeouts comes from.
    pub seed: u64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// One tick of time has passed.
    Tick,
    /// A message of another voter arrived. Stale and repeated ones are harmless.
    Received(QuorumMessage),
    /// Append `payload` if this node leads; it gets the position after the last one. A node that
    /// does not lead answers with [`Effect::ProposalDropped`].
    Propose(Bytes),
    /// Everything up to and including `offset` is in `image`; entries below may be dropped.
    Snapshot {
        /// The last position that the image contains.
        offset: MetadataOffset,
        /// The serialised metadata.
        image: Bytes,
    },
}

/// What to do, in this order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make this durable (fsync) before performing anything that follows.
    Persist(Change),
    /// Send a message to another voter; it may be lost.
    Send(QuorumMessage),
    /// A snapshot from the leader replaced the log: feed it to the controller.
    Restore {
        /// The last position that the image contains.
        offset: MetadataOffset,
        /// The serialised metadata.
        image: Bytes,
    },
    /// `payload` is committed at `offset`. Positions grow, with gaps where raft's own entries lie.
    Committed {
        /// The position.
        offset: MetadataOffset,
        /// What was proposed.
        payload: Bytes,
    },
    /// Who leads has changed. `leader` is `None` while an election is under way.
    Leader {
        /// Who leads.
        leader: Option<NodeId>,
        /// The quorum's epoch (raft term).
        epoch: u64,
    },
    /// This node leads and everything before its epoch is committed and applied: it may act as
    /// controller. Its next proposal gets `next_offset`.
    Active {
        /// The quorum's epoch.
        epoch: u64,
        /// The position of the next proposal.
        next_offset: MetadataOffset,
    },
    /// This node does not lead any more (or is not sure that it still does).
    Resigned,
    /// A proposal was not accepted; nothing of it will ever be committed.
    ProposalDropped,
}

/// One message between voters: raft's, in our own serialised form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumMessage {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// Raft's message type, by its protobuf number.
    pub kind: i32,
    /// The sender's epoch.
    pub epoch: u64,
    /// Epoch of the entry before `entries`.
    pub log_epoch: u64,
    /// Position of the entry before `entries`.
    pub index: u64,
    /// Entries to append.
    pub entries: Vec<LogEntry>,
    /// The sender's commit position.
    pub commit: u64,
    /// Epoch of the sender's commit position.
    pub commit_epoch: u64,
    /// A snapshot: position, epoch, voters and image.
    pub snapshot: Option<(u64, u64, Bytes)>,
    /// Raft's request snapshot position.
    pub request_snapshot: u64,
    /// The message refuses.
    pub reject: bool,
    /// Where the refuser suggests to go on.
    pub reject_hint: u64,
    /// Opaque context of raft (ReadIndex, transfer).
    pub context: Bytes,
    /// Raft's election priority.
    pub priority: i64,
}

/// One entry of the quorum's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its epoch.
    pub epoch: u64,
    /// Its position, from 1.
    pub index: u64,
    /// What was proposed; empty for raft's own entries.
    pub payload: Bytes,
}

/// Raft's vote and commit position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// The newest epoch seen.
    pub epoch: u64,
    /// Whom this node voted for in it; 0 for nobody.
    pub vote: u64,
    /// The commit position.
    pub commit: u64,
}

/// What one step made of the durable state. Applied in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Replace everything by this snapshot: position, epoch, image.
    pub snapshot: Option<(u64, u64, Bytes)>,
    /// Append these, dropping whatever stood at their positions or behind.
    pub entries: Vec<LogEntry>,
    /// The new vote and commit position.
    pub hard_state: Option<HardState>,
}

/// The durable state that a node starts from: all changes, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The last snapshot: position, epoch, image.
    pub snapshot: Option<(u64, u64, Bytes)>,
    /// The entries behind it.
    pub entries: Vec<LogEntry>,
    /// Vote and commit position.
    pub hard_state: HardState,
}
