//! Looks at every message before raft does: raft panics on some that no correct voter sends.
//!
//! A damaged frame, a voter that lost its disk or a stranger must not bring a controller down. A
//! message that fails a check is dropped, which raft cannot tell from a loss on the way.

use raft::eraftpb::{Message, MessageType};
use raft::{Raft, Storage};

use super::{QuorumMessage, Settings, translate};

/// No epoch and no position comes near this one; raft may add to them without overflow.
const NUMBER_MAX: u64 = i64::MAX.unsigned_abs() / 2;

/// The message as raft may see it.
pub(super) fn admit<S: Storage>(
    settings: &Settings,
    raft: &Raft<S>,
    message: QuorumMessage,
) -> Option<Message> {
    let known = settings.voters.contains(&message.from) && message.from != settings.me;
    if !known || message.to != settings.me || !is_sound(&message) {
        return None;
    }
    let mut message = translate::from_wire(message, &settings.voters)?;
    if !is_voters_kind(message.msg_type) || !has_right_load(&message) {
        return None;
    }
    let last_index = raft.raft_log.last_index();
    let from_this_epoch = message.term == raft.term;
    let acknowledges = message.msg_type == MessageType::MsgAppendResponse && !message.reject;
    if acknowledges && from_this_epoch && message.index > last_index {
        return None; // Its sender lost its disk since, or has another log.
    }
    if message.msg_type == MessageType::MsgHeartbeat && message.commit > last_index {
        // The leader thinks that this node has more than it has. That it leads is still news.
        message.commit = 0;
    }
    Some(message)
}

/// What no voter ever sends, whatever the kind.
fn is_sound(message: &QuorumMessage) -> bool {
    let numbers = [
        message.epoch,
        message.log_epoch,
        message.index,
        message.commit,
        message.commit_epoch,
        message.reject_hint,
    ];
    message.epoch > 0 // Raft takes epoch 0 for a message of its own.
        && numbers.into_iter().all(|number| number <= NUMBER_MAX)
        && message.context.is_empty() // No reads through the leader, no transfers.
        && message.priority == 0
        && message.request_snapshot == 0
        && are_entries_sound(message)
        && message
            .snapshot
            .as_ref()
            .is_none_or(|(index, epoch, _)| {
                (1..=NUMBER_MAX).contains(index) && (1..=message.epoch).contains(epoch)
            })
}

/// Entries follow each other from `index` on, with epochs that do not decrease.
fn are_entries_sound(message: &QuorumMessage) -> bool {
    let (mut index, mut epoch) = (message.index, message.log_epoch);
    message.entries.iter().all(|entry| {
        let follows = entry.index == index + 1 && entry.epoch >= epoch.max(1);
        (index, epoch) = (entry.index, entry.epoch);
        follows && entry.index <= NUMBER_MAX && entry.epoch <= message.epoch
    })
}

/// Kinds that voters send to each other. The others are raft's messages to itself, or belong to
/// what we do not use.
fn is_voters_kind(kind: MessageType) -> bool {
    matches!(
        kind,
        MessageType::MsgAppend
            | MessageType::MsgAppendResponse
            | MessageType::MsgRequestVote
            | MessageType::MsgRequestVoteResponse
            | MessageType::MsgRequestPreVote
            | MessageType::MsgRequestPreVoteResponse
            | MessageType::MsgSnapshot
            | MessageType::MsgHeartbeat
            | MessageType::MsgHeartbeatResponse
    )
}

fn has_right_load(message: &Message) -> bool {
    let appends = message.msg_type == MessageType::MsgAppend;
    let restores = message.msg_type == MessageType::MsgSnapshot;
    // Raft reads epoch 0 as "no such entry", and would find that to match one that it lacks.
    let starts_somewhere = !appends || (message.index == 0) == (message.log_term == 0);
    (appends || message.entries.is_empty())
        && restores == message.snapshot.is_some()
        && starts_somewhere
}
