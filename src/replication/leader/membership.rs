//! How a leader changes the in-sync set: who may join, who must leave, and what to make of the
//! controller's answer (R15–R17).

use std::collections::BTreeSet;

use crate::types::{BrokerId, RecoveryState};

use super::super::step::Step;
use super::super::{AlterPartitionAnswer, AlterPartitionProposal, Effect, InSyncReplicas};
use super::Leader;

impl Leader {
    /// Proposes that `follower`, which just fetched, joins (R16).
    pub(super) fn expand(&mut self, step: &mut Step<'_>, follower: BrokerId) {
        if self.may_join(step, follower) {
            let mut wished = self.in_sync.committed().clone();
            wished.insert(follower);
            self.propose(step, &wished);
        }
    }

    /// Whether `follower` holds everything that is committed, and may be counted on from now on.
    fn may_join(&self, step: &Step<'_>, follower: BrokerId) -> bool {
        let Some(progress) = self.followers.get(&follower) else { return false };
        let Some(end) = progress.log_end_offset() else { return false };
        let proposal_free = self.in_sync.pending().is_none();
        let outside = !self.in_sync.committed().contains(&follower);
        // The high watermark may be behind the truth just after an election; the log end offset at
        // its start never is (KAFKA-7128).
        let holds_committed =
            (end >= step.common.high_watermark && end >= self.start_offset) || mutant!(C02);
        proposal_free && outside && holds_committed && progress.is_eligible()
    }

    /// Time has passed: asks again what is due, and puts out who fell behind (R15).
    pub(in super::super) fn tick(&mut self, step: &mut Step<'_>) {
        if let Some(pending) = self.in_sync.pending_mut() {
            if let Some(proposal) = pending.resend(step.now) {
                step.emit(Effect::ProposeInSyncReplicas(proposal));
            }
        } else {
            let in_time = self.members_in_time(step);
            if in_time.len() < self.in_sync.committed().len() {
                self.propose(step, &in_time);
            }
        }
        // A follower outside the set that no longer counts as about to join holds nothing back.
        self.advance_high_watermark(step);
    }

    fn members_in_time(&self, step: &Step<'_>) -> BTreeSet<BrokerId> {
        let settings = step.common.settings;
        let in_time = |member: &&BrokerId| {
            **member == settings.me
                || self.followers.get(member).is_some_and(|progress| {
                    progress.is_caught_up(
                        step.now,
                        step.log.log_end_offset,
                        settings.replica_lag_time_max,
                    )
                })
        };
        self.in_sync.committed().iter().filter(in_time).copied().collect()
    }

    /// The controller answered, or did not (R17).
    pub(in super::super) fn alter_partition_answered(
        &mut self,
        step: &mut Step<'_>,
        proposal: &AlterPartitionProposal,
        answer: AlterPartitionAnswer,
    ) {
        let known = (step.common.leader_epoch, step.common.partition_epoch);
        let retry_at = step.now + step.common.settings.alter_partition_retry;
        let Some(pending) = self.in_sync.pending_mut() else { return };
        if !pending.awaits_answer_to(proposal) {
            // Metadata has overtaken it, and said more than this answer can.
            return;
        }
        match answer {
            AlterPartitionAnswer::Committed {
                leader: _,
                leader_epoch,
                partition_epoch,
                in_sync_replicas,
                recovery_state: _,
            } => {
                let unmoved = partition_epoch == known.1 && pending.is_unresolved();
                if leader_epoch > known.0 {
                    pending.await_metadata();
                } else if (leader_epoch, partition_epoch) < known || unmoved {
                    pending.retry_later(retry_at);
                } else {
                    step.common.partition_epoch = partition_epoch;
                    self.in_sync.commit(in_sync_replicas.into_iter().collect());
                }
            }
            AlterPartitionAnswer::Refused => {
                if pending.is_unresolved() {
                    let wished = self.in_sync.committed().clone();
                    let settlement = self.proposal(step, &wished);
                    if let Some(pending) = self.in_sync.pending_mut() {
                        pending.settle_later(settlement, retry_at);
                    }
                } else {
                    self.in_sync.revert();
                }
            }
            AlterPartitionAnswer::OutOfDate => pending.await_metadata(),
            AlterPartitionAnswer::Ambiguous => pending.retry_later(retry_at),
        }
        self.report_in_sync(step);
        self.advance_high_watermark(step);
    }

    fn propose(&mut self, step: &mut Step<'_>, wished: &BTreeSet<BrokerId>) {
        let proposal = self.proposal(step, wished);
        self.in_sync.propose(proposal.clone());
        step.emit(Effect::ProposeInSyncReplicas(proposal));
        self.report_in_sync(step);
    }

    /// Words a wish. Each member goes with the broker epoch that its own fetches carried, never
    /// with the metadata's: that one may belong to a later incarnation, which holds who knows what
    /// (KIP-903). A leader that serves has recovered, so it always says so.
    fn proposal(&self, step: &mut Step<'_>, wished: &BTreeSet<BrokerId>) -> AlterPartitionProposal {
        step.common.proposals += 1;
        let broker_epoch = |member: &BrokerId| {
            if *member == step.common.settings.me {
                self.broker_epoch
            } else {
                self.followers.get(member).and_then(|progress| progress.broker_epoch())
            }
        };
        AlterPartitionProposal {
            attempt: step.common.proposals,
            leader_epoch: step.common.leader_epoch,
            partition_epoch: step.common.partition_epoch,
            in_sync_replicas: wished.iter().map(|id| (*id, broker_epoch(id))).collect(),
            recovery_state: RecoveryState::Recovered,
        }
    }

    /// Tells the probe and the metrics, once per change.
    pub(super) fn report_in_sync(&mut self, step: &mut Step<'_>) {
        let partition_epoch = step.common.partition_epoch;
        let (committed, maximal) = (self.in_sync.committed(), self.in_sync.maximal());
        let unchanged =
            self.reported.as_ref().is_some_and(|(epoch, old_committed, old_maximal)| {
                *epoch == partition_epoch && old_committed == committed && old_maximal == maximal
            });
        if !unchanged {
            step.emit(Effect::ReportInSyncReplicas {
                leader_epoch: step.common.leader_epoch,
                partition_epoch,
                committed: committed.iter().copied().collect(),
                maximal: maximal.iter().copied().collect(),
            });
            self.reported = Some((partition_epoch, committed.clone(), maximal.clone()));
        }
    }

    /// Whether fewer replicas are in sync than are assigned.
    pub(in super::super) fn is_under_replicated(&self) -> bool {
        self.in_sync.committed().len() < self.replication_factor
    }

    /// Whether exactly as many replicas are in sync as `min.insync.replicas` demands.
    pub(in super::super) fn is_at_min_in_sync(&self) -> bool {
        self.in_sync.committed().len() == self.min_in_sync_replicas
    }

    /// When a proposal wants to be sent again.
    pub(in super::super) fn next_deadline(&self) -> Option<crate::types::Millis> {
        self.in_sync.pending().and_then(|pending| pending.retry_at())
    }

    pub(in super::super) fn in_sync(&self) -> &InSyncReplicas {
        &self.in_sync
    }
}
