//! The in-sync set and what is under way to change it (R13, R15–R17).
//!
//! A proposal is neither true nor false until the controller's word is known, so a leader lives
//! with both possibilities: whoever may be a member counts ([`InSyncReplicas::maximal`]), and only
//! who certainly is one is counted on ([`InSyncReplicas::committed`]).
//!
//! ```text
//!                  propose                      answer: committed, refused;
//!   Committed ---------------> Pending*  ----------- newer metadata ----------> Committed
//!                              | in flight   --ambiguous-->  retry at
//!                              | in flight   <----Tick-----  retry at
//!                              | in flight   --out of date-> awaiting metadata
//!                              | in flight   --refused, but an earlier attempt is unresolved-->
//!                              '                 retry at, with the committed set as the wish
//! ```

use std::collections::BTreeSet;

use crate::types::{BrokerId, Millis};

use super::AlterPartitionProposal;

/// The in-sync set of a leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InSyncReplicas {
    /// Nothing is under way.
    Committed(BTreeSet<BrokerId>),
    /// The leader asked to add members. Until the controller's word is known they hold the high
    /// watermark back as if they had joined, but do not count for `min.insync.replicas`.
    PendingExpand {
        /// The members that the controller has confirmed.
        committed: BTreeSet<BrokerId>,
        /// Those and the proposed ones.
        maximal: BTreeSet<BrokerId>,
        /// The question to the controller.
        pending: PendingProposal,
    },
    /// The leader asked to remove members. Until the controller's word is known they hold the high
    /// watermark back as before.
    PendingShrink {
        /// The members that the controller has confirmed, the proposed leavers included.
        committed: BTreeSet<BrokerId>,
        /// The question to the controller.
        pending: PendingProposal,
    },
}

/// A proposal without a final answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingProposal {
    proposal: AlterPartitionProposal,
    delivery: Delivery,
    /// An attempt got no clear answer and may still reach the controller: a refusal is not final.
    unresolved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    InFlight,
    RetryAt(Millis),
    AwaitingMetadata,
}

impl InSyncReplicas {
    /// The members that the controller has confirmed, the leader among them.
    #[must_use]
    pub fn committed(&self) -> &BTreeSet<BrokerId> {
        match self {
            Self::Committed(committed)
            | Self::PendingExpand { committed, .. }
            | Self::PendingShrink { committed, .. } => committed,
        }
    }

    /// Everybody who may be a member: the confirmed ones and those of a pending proposal. Safe for
    /// the high watermark whichever way the controller decides (R13).
    #[must_use]
    pub fn maximal(&self) -> &BTreeSet<BrokerId> {
        match self {
            Self::Committed(committed) | Self::PendingShrink { committed, .. } => committed,
            Self::PendingExpand { maximal, .. } => maximal,
        }
    }

    /// Whether a proposal that would put `member` out is under way.
    pub(super) fn may_leave(&self, member: BrokerId) -> bool {
        self.pending()
            .is_some_and(|pending| !pending.proposal.in_sync_replicas.contains_key(&member))
    }

    /// The proposal that awaits its final answer, if there is one.
    #[must_use]
    pub fn pending(&self) -> Option<&PendingProposal> {
        match self {
            Self::Committed(_) => None,
            Self::PendingExpand { pending, .. } | Self::PendingShrink { pending, .. } => {
                Some(pending)
            }
        }
    }

    pub(super) fn pending_mut(&mut self) -> Option<&mut PendingProposal> {
        match self {
            Self::Committed(_) => None,
            Self::PendingExpand { pending, .. } | Self::PendingShrink { pending, .. } => {
                Some(pending)
            }
        }
    }

    /// Takes note that `proposal` is on its way. There must be no other (LS6).
    pub(super) fn propose(&mut self, proposal: AlterPartitionProposal) {
        assert!(self.pending().is_none(), "only one proposal may be under way");
        let committed = self.committed().clone();
        let wished: BTreeSet<BrokerId> = proposal.in_sync_replicas.keys().copied().collect();
        let pending = PendingProposal { proposal, delivery: Delivery::InFlight, unresolved: false };
        *self = if wished.is_subset(&committed) {
            Self::PendingShrink { committed, pending }
        } else {
            let maximal = committed.union(&wished).copied().collect();
            Self::PendingExpand { committed, maximal, pending }
        };
    }

    /// The controller's word: this is the in-sync set, and nothing is under way any more.
    pub(super) fn commit(&mut self, members: BTreeSet<BrokerId>) {
        *self = Self::Committed(members);
    }

    /// Certainly nothing was done: back to what was committed.
    pub(super) fn revert(&mut self) {
        *self = Self::Committed(self.committed().clone());
    }
}

impl PendingProposal {
    /// What was proposed.
    #[must_use]
    pub fn proposal(&self) -> &AlterPartitionProposal {
        &self.proposal
    }

    /// When to ask again; `None` while an answer or newer metadata is awaited.
    #[must_use]
    pub fn retry_at(&self) -> Option<Millis> {
        match self.delivery {
            Delivery::RetryAt(at) => Some(at),
            Delivery::InFlight | Delivery::AwaitingMetadata => None,
        }
    }

    /// Whether an attempt may still reach the controller although nothing more is heard of it.
    pub(super) fn is_unresolved(&self) -> bool {
        self.unresolved
    }

    /// Whether `answered` is the question that is in flight, and not an earlier one.
    pub(super) fn awaits_answer_to(&self, answered: &AlterPartitionProposal) -> bool {
        self.delivery == Delivery::InFlight && self.proposal.attempt == answered.attempt
    }

    /// Nobody knows what became of the attempt: ask the same again at `at`.
    pub(super) fn retry_later(&mut self, at: Millis) {
        self.unresolved = true;
        self.delivery = Delivery::RetryAt(at);
    }

    /// The leader is out of date; metadata will tell.
    pub(super) fn await_metadata(&mut self) {
        self.delivery = Delivery::AwaitingMetadata;
    }

    /// An earlier attempt is unresolved and this one was refused: ask for `settlement`, which
    /// wishes for nothing new. Once the partition epoch has moved, no earlier attempt can succeed.
    pub(super) fn settle_later(&mut self, settlement: AlterPartitionProposal, at: Millis) {
        self.proposal = settlement;
        self.delivery = Delivery::RetryAt(at);
    }

    /// The proposal to send again, exactly as it was (KAFKA-15353), once its time has come.
    pub(super) fn resend(&mut self, now: Millis) -> Option<AlterPartitionProposal> {
        if self.retry_at().is_some_and(|at| now >= at) {
            self.delivery = Delivery::InFlight;
            return Some(self.proposal.clone());
        }
        None
    }
}
