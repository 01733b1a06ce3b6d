//! One reign: a replica that leads in one leader epoch (R7, R12, R13, R27).
//!
//! A `Leader` is made new for every epoch, also when the same broker goes on leading. It therefore
//! cannot remember anything of an earlier reign: a follower may have cut its log in between, and
//! what it once held proves nothing.

mod membership;

use std::collections::{BTreeMap, BTreeSet};

use crate::types::{BrokerEpoch, BrokerId, Offset, PartitionEpoch};

use super::in_sync::InSyncReplicas;
use super::progress::{FollowerFetch, Progress};
use super::purgatory::{self, Purgatory};
use super::step::Step;
use super::{Assignment, Effect, ProduceOutcome, ProduceTicket};

/// What a leader has and nobody else.
#[derive(Debug)]
pub(super) struct Leader {
    /// The log end offset at the moment the epoch began (LESO).
    pub(super) start_offset: Offset,
    pub(super) in_sync: InSyncReplicas,
    /// The other assigned replicas.
    pub(super) followers: BTreeMap<BrokerId, Progress>,
    /// How many replicas are assigned, this one included.
    pub(super) replication_factor: usize,
    /// As configured, but not more than there are replicas.
    pub(super) min_in_sync_replicas: usize,
    pub(super) purgatory: Purgatory,
    /// This broker's own epoch in its metadata.
    broker_epoch: Option<BrokerEpoch>,
    /// The last sets that were reported, so that each change is reported once.
    reported: Option<Report>,
}

/// The version of the committed set, the committed set, the maximal set.
type Report = (PartitionEpoch, BTreeSet<BrokerId>, BTreeSet<BrokerId>);

impl Leader {
    /// Begins a reign (R7). The epoch gets its start in the log at once, also if nothing is ever
    /// written in it (KAFKA-7415). The high watermark stays what it was locally: that may be behind
    /// the truth, and followers of the old leader will bring it forward.
    pub(super) fn begin(step: &mut Step<'_>, assignment: &Assignment) -> Self {
        let start_offset = step.log.log_end_offset;
        let leader_epoch = assignment.leader_epoch;
        step.emit(Effect::AssignLeaderEpoch { epoch: leader_epoch, start_offset });
        step.emit(Effect::ReportLeader { leader_epoch, start_offset });
        let members: BTreeSet<BrokerId> = assignment.in_sync_replicas.iter().copied().collect();
        let followers = assignment
            .replicas
            .iter()
            .filter(|(id, _)| *id != step.common.settings.me)
            .map(|&(id, standing)| {
                let caught_up_since = members.contains(&id).then_some(step.now);
                (id, Progress::unknown(standing, caught_up_since))
            })
            .collect();
        let mut leader = Self {
            start_offset,
            in_sync: InSyncReplicas::Committed(members),
            followers,
            replication_factor: assignment.replicas.len(),
            min_in_sync_replicas: 0,
            purgatory: Purgatory::default(),
            broker_epoch: None,
            reported: None,
        };
        leader.apply_standing(step, assignment);
        leader.report_in_sync(step);
        if mutant!(B08) {
            step.move_high_watermark(start_offset);
        }
        leader.advance_high_watermark(step);
        step.wake_fetches();
        leader
    }

    /// Takes over newer metadata of the same epoch. `newer` says that the partition epoch has
    /// moved: only then is the in-sync set in it news, and every proposal that built on the old
    /// version is dead by the controller's compare-and-set.
    pub(super) fn refresh(&mut self, step: &mut Step<'_>, assignment: &Assignment, newer: bool) {
        if assignment.partition_epoch >= step.common.partition_epoch {
            self.apply_replicas(step, assignment);
        }
        self.apply_standing(step, assignment);
        if newer {
            self.in_sync.commit(assignment.in_sync_replicas.iter().copied().collect());
        }
        self.report_in_sync(step);
        self.advance_high_watermark(step);
    }

    /// The log grew, or more of it has become durable.
    pub(super) fn appended(&mut self, step: &mut Step<'_>) {
        self.advance_high_watermark(step);
        step.wake_fetches();
    }

    /// A follower asked for more, which proves that it holds everything below (R12).
    pub(super) fn follower_fetched(
        &mut self,
        step: &mut Step<'_>,
        follower: BrokerId,
        fetch: FollowerFetch,
    ) {
        // A broker that is not assigned has no progress here, so it cannot be counted (R10c).
        let Some(progress) = self.followers.get_mut(&follower) else { return };
        if progress.observe(step.now, fetch) {
            self.expand(step, follower);
            self.advance_high_watermark(step);
        }
    }

    /// A produce request wants to know when its records are committed.
    pub(super) fn produce_waits(
        &mut self,
        step: &mut Step<'_>,
        ticket: ProduceTicket,
        last_offset: Offset,
    ) {
        if mutant!(B01) || last_offset < step.common.high_watermark {
            purgatory::answer(step, ticket, self.outcome_of_commit());
        } else if last_offset < step.log.log_end_offset {
            self.purgatory.wait(ticket, last_offset);
        } else {
            // The record is not in this log: it was cut off before the request came to wait, and
            // whatever comes to stand at its offset is not what the client sent.
            purgatory::answer(step, ticket, ProduceOutcome::NotLeader);
        }
    }

    /// Re-evaluates the high watermark (R13); only ever raises it.
    pub(super) fn advance_high_watermark(&mut self, step: &mut Step<'_>) {
        if self.is_under_min_in_sync() && !mutant!(B04) {
            // Fewer copies than a client may rely on are no commitment (KAFKA-15583).
            return;
        }
        if let Some(to) = self.replicated_end(step)
            && to > step.common.high_watermark
        {
            step.move_high_watermark(to);
            let outcome = self.outcome_of_commit();
            self.purgatory.complete(step, outcome);
        }
    }

    /// How far everybody who counts holds the log; `None` if that is not known of somebody.
    fn replicated_end(&self, step: &Step<'_>) -> Option<Offset> {
        let settings = step.common.settings;
        let mut end = step.log.committable_end_offset;
        let others = self.in_sync.maximal().iter().filter(|member| **member != settings.me);
        for member in others.filter(|member| !(mutant!(B03) && self.in_sync.may_leave(**member))) {
            end = end.min(self.followers.get(member)?.log_end_offset()?);
        }
        if settings.wait_for_caught_up_followers {
            for progress in self.followers.values() {
                // About to join: were it left behind now, it would have to catch up for ever.
                if progress.is_eligible()
                    && progress.is_caught_up(
                        step.now,
                        step.log.log_end_offset,
                        settings.replica_lag_time_max,
                    )
                {
                    end = end.min(progress.log_end_offset()?);
                }
            }
        }
        Some(end)
    }

    /// What a client is told whose records the high watermark has passed (R27).
    fn outcome_of_commit(&self) -> ProduceOutcome {
        if self.in_sync.maximal().len() >= self.min_in_sync_replicas {
            ProduceOutcome::Committed
        } else {
            ProduceOutcome::NotEnoughReplicasAfterAppend
        }
    }

    /// Whether fewer replicas are in sync than `min.insync.replicas` demands.
    pub(super) fn is_under_min_in_sync(&self) -> bool {
        self.in_sync.committed().len() < self.min_in_sync_replicas
    }

    fn apply_replicas(&mut self, step: &Step<'_>, assignment: &Assignment) {
        let me = step.common.settings.me;
        let assigned: BTreeMap<_, _> = assignment.replicas.iter().copied().collect();
        self.followers.retain(|id, _| assigned.contains_key(id));
        for (id, standing) in assigned.into_iter().filter(|(id, _)| *id != me) {
            self.followers.entry(id).or_insert_with(|| Progress::unknown(standing, None));
        }
        self.replication_factor = assignment.replicas.len();
    }

    fn apply_standing(&mut self, step: &Step<'_>, assignment: &Assignment) {
        self.min_in_sync_replicas = assignment.min_in_sync_replicas.min(self.replication_factor);
        for &(id, standing) in &assignment.replicas {
            if id == step.common.settings.me {
                self.broker_epoch = standing.broker_epoch;
            } else if let Some(progress) = self.followers.get_mut(&id) {
                progress.standing = standing;
            }
        }
    }
}
