//! Between raft's own messages and ours.
//!
//! Raft's ids begin with 1, Kafka's with 0: raft's are one higher. The voters are fixed by the
//! configuration, so a snapshot does not carry them; they are put back in on arrival.

use bytes::Bytes;
use protobuf::ProtobufEnum as _;
use raft::eraftpb::{ConfState, Entry, Message, MessageType, Snapshot, SnapshotMetadata};

use super::{HardState, LogEntry, QuorumMessage};
use crate::types::NodeId;

/// Raft's id of a node; `None` for a negative one.
pub(super) fn raft_id(node: NodeId) -> Option<u64> {
    u64::try_from(i64::from(node.0) + 1).ok().filter(|id| *id != raft::INVALID_ID)
}

/// The node of a raft id; `None` for raft's "nobody".
pub(super) fn node_id(id: u64) -> Option<NodeId> {
    i32::try_from(id.checked_sub(1)?).ok().map(NodeId)
}

/// A message of raft's as we send it; `None` if it is for nobody.
pub(super) fn to_wire(mut message: Message) -> Option<QuorumMessage> {
    let snapshot = message.snapshot.take().and_then(|snapshot| self::snapshot(&snapshot));
    Some(QuorumMessage {
        from: node_id(message.from)?,
        to: node_id(message.to)?,
        kind: message.msg_type.value(),
        epoch: message.term,
        log_epoch: message.log_term,
        index: message.index,
        entries: message.take_entries().into_iter().map(entry).collect(),
        commit: message.commit,
        commit_epoch: message.commit_term,
        snapshot,
        request_snapshot: message.request_snapshot,
        reject: message.reject,
        reject_hint: message.reject_hint,
        context: message.context,
        priority: message.priority,
    })
}

/// A message of ours as raft wants it; `None` for a kind or an id that does not exist.
pub(super) fn from_wire(message: QuorumMessage, voters: &[NodeId]) -> Option<Message> {
    let voters: Vec<u64> = voters.iter().filter_map(|voter| raft_id(*voter)).collect();
    let snapshot = message.snapshot.map(|snapshot| to_raft_snapshot(snapshot, &voters));
    Some(Message {
        msg_type: MessageType::from_i32(message.kind)?,
        from: raft_id(message.from)?,
        to: raft_id(message.to)?,
        term: message.epoch,
        log_term: message.log_epoch,
        index: message.index,
        entries: message.entries.into_iter().map(to_raft_entry).collect(),
        commit: message.commit,
        commit_term: message.commit_epoch,
        snapshot: snapshot.into(),
        request_snapshot: message.request_snapshot,
        reject: message.reject,
        reject_hint: message.reject_hint,
        context: message.context,
        priority: message.priority,
        ..Message::default()
    })
}

/// One of raft's entries as we keep it.
pub(super) fn entry(entry: Entry) -> LogEntry {
    LogEntry { epoch: entry.term, index: entry.index, payload: entry.data }
}

/// One of our entries as raft wants it.
pub(super) fn to_raft_entry(entry: LogEntry) -> Entry {
    let LogEntry { epoch, index, payload } = entry;
    Entry { term: epoch, index, data: payload, ..Entry::default() }
}

/// Position, epoch and image of one of raft's snapshots; `None` for raft's "no snapshot".
pub(super) fn snapshot(snapshot: &Snapshot) -> Option<(u64, u64, Bytes)> {
    let metadata = snapshot.get_metadata();
    (metadata.index > 0).then(|| (metadata.index, metadata.term, snapshot.data.clone()))
}

/// One of our snapshots as raft wants it.
pub(super) fn to_raft_snapshot(
    (index, epoch, image): (u64, u64, Bytes),
    voters: &[u64],
) -> Snapshot {
    let conf_state = ConfState { voters: voters.to_vec(), ..ConfState::default() };
    let metadata = SnapshotMetadata {
        conf_state: Some(conf_state).into(),
        index,
        term: epoch,
        ..SnapshotMetadata::default()
    };
    Snapshot { data: image, metadata: Some(metadata).into(), ..Snapshot::default() }
}

/// Raft's vote and commit position as we keep them.
pub(super) fn hard_state(state: &raft::eraftpb::HardState) -> HardState {
    HardState { epoch: state.term, vote: state.vote, commit: state.commit }
}
