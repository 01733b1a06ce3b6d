//! **Pure.** What one replica of one partition decides: leading, following, the in-sync set, the
//! high watermark (R7–R17, R27–R30).
//!
//! [`Replica::step`] takes the time, what the local log looks like and what happened, and answers
//! with what to do. The shell performs the effects in order, each once, before it feeds the next
//! event. Nothing here waits, reads a clock, rolls dice or touches a disk, so ten thousand
//! schedules a second can be tried against it.
//!
//! What the shell owes in return: [`Replica::admit_produce`], the append and
//! [`Event::ProduceWaits`] happen with no other event between them; so do
//! [`Replica::check_fetch`] of a follower, the look at the log end and
//! [`Event::FollowerFetched`]. A metadata change in between would let one reign's promise count in
//! the next.

mod event;
mod fetch;
mod follower;
mod in_sync;
mod leader;
mod progress;
mod purgatory;
mod step;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::types::{Acks, BrokerId, LeaderEpoch, LogMarkers, Millis, Offset, PartitionEpoch};

pub use event::{
    AlterPartitionAnswer, AlterPartitionProposal, Assignment, CompletedProduce, Effect, Event,
    FetchAnswer, FetchIdentity, FetchRefusal, FetchRequestView, FetchVerdict, FetchedBatches,
    ProduceOutcome, ProduceRefusal, ProduceTicket, ReplicaStanding,
};
pub use in_sync::{InSyncReplicas, PendingProposal};

use follower::Follower;
use leader::Leader;
use progress::FollowerFetch;
use step::{Common, Step};

/// What a replica is set up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The broker this replica is on.
    pub me: BrokerId,
    /// `replica.lag.time.max.ms`: how long a follower may be behind before it leaves the in-sync
    /// set (R15).
    pub replica_lag_time_max: Duration,
    /// How long to wait before a proposal without a clear answer is sent again.
    pub alter_partition_retry: Duration,
    /// Whether followers that are about to join hold the high watermark back (the third set of
    /// R13). Kafka does; safety does not need it, and it hides mistakes from tests.
    pub wait_for_caught_up_followers: bool,
}

/// One replica of one partition.
///
/// ```
/// use std::time::Duration;
/// use highwater::replication::{Assignment, Effect, Event, Replica, ReplicaStanding, Settings};
/// use highwater::types::*;
///
/// let mut replica = Replica::new(
///     Settings {
///         me: BrokerId(1),
///         replica_lag_time_max: Duration::from_secs(30),
///         alter_partition_retry: Duration::from_millis(100),
///         wait_for_caught_up_followers: true,
///     },
///     Offset(0),
/// );
/// let epochs = LeaderEpochCache::default();
/// let log = |end| LogMarkers {
///     log_start_offset: Offset(0),
///     log_end_offset: Offset(end),
///     committable_end_offset: Offset(end),
///     leader_epochs: &epochs,
/// };
/// let alone = Assignment {
///     leader: Some(BrokerId(1)),
///     leader_epoch: LeaderEpoch(0),
///     partition_epoch: PartitionEpoch(0),
///     in_sync_replicas: vec![BrokerId(1)],
///     replicas: vec![(
///         BrokerId(1),
///         ReplicaStanding { broker_epoch: Some(BrokerEpoch(3)), active: true },
///     )],
///     recovery_state: RecoveryState::Recovered,
///     min_in_sync_replicas: 2,
/// };
/// let _ = replica.step(Millis(0), log(0), Event::MetadataApplied(alone));
/// let effects = replica.step(Millis(1), log(5), Event::Appended);
/// assert_eq!(effects[0], Effect::AdvanceHighWatermark { to: Offset(5) });
/// ```
#[derive(Debug)]
pub struct Replica {
    common: Common,
    part: Part,
}

/// The part that a replica plays.
#[derive(Debug)]
enum Part {
    /// Metadata has not spoken of it yet.
    Unassigned,
    /// Nobody leads.
    Leaderless,
    Leader(Box<Leader>),
    Follower(Follower),
    Failed,
}

/// The part that a replica plays, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It leads.
    Leader {
        /// In this epoch.
        leader_epoch: LeaderEpoch,
        /// Its log end offset when the epoch began.
        start_offset: Offset,
    },
    /// It follows.
    Follower {
        /// In this epoch.
        leader_epoch: LeaderEpoch,
        /// This broker.
        leader: BrokerId,
    },
    /// The partition has no leader, or metadata has not spoken of this replica yet.
    Idle,
    /// Its disk failed.
    Failed,
}

/// What a leader knows about a follower; all of it from fetches in the current epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerProgress {
    /// The follower's broker.
    pub id: BrokerId,
    /// How far it holds the log; `None` until it fetches.
    pub log_end_offset: Option<Offset>,
    /// Where its log starts; `None` until it fetches.
    pub log_start_offset: Option<Offset>,
    /// The last moment at which it held everything; `None` if it never did in this epoch.
    pub caught_up_since: Option<Millis>,
    /// Whether its broker is registered, unfenced and staying, in the incarnation that fetched.
    pub eligible: bool,
}

impl Replica {
    /// A replica that plays no part until metadata speaks of it. `high_watermark` comes from the
    /// checkpoint; the caller has clamped it into the recovered log (R33).
    #[must_use]
    pub fn new(settings: Settings, high_watermark: Offset) -> Self {
        let common = Common {
            settings,
            leader_epoch: LeaderEpoch(-1),
            partition_epoch: PartitionEpoch(-1),
            high_watermark,
            proposals: 0,
        };
        Self { common, part: Part::Unassigned }
    }

    /// Decides what follows from `event`. `now` must not go backwards; `log` is the local log as
    /// it is before the effects are performed.
    #[must_use]
    pub fn step(&mut self, now: Millis, log: LogMarkers<'_>, event: Event) -> Vec<Effect> {
        let mut step = Step::new(now, log, &mut self.common);
        match event {
            Event::MetadataApplied(assignment) => {
                apply_metadata(&mut self.part, &mut step, &assignment);
            }
            Event::StorageFailed => fail(&mut self.part, &mut step),
            Event::FetchAnswered { request, answer } => match &mut self.part {
                Part::Follower(follower) => follower.fetch_answered(&mut step, request, answer),
                Part::Unassigned | Part::Leaderless | Part::Leader(_) | Part::Failed => {}
            },
            Event::ProduceWaits { ticket, last_offset } => match &mut self.part {
                Part::Leader(leader) => leader.produce_waits(&mut step, ticket, last_offset),
                Part::Failed => {
                    purgatory::answer(&mut step, ticket, ProduceOutcome::StorageFailed);
                }
                Part::Unassigned | Part::Leaderless | Part::Follower(_) => {
                    purgatory::answer(&mut step, ticket, ProduceOutcome::NotLeader);
                }
            },
            Event::Appended
            | Event::FollowerFetched { .. }
            | Event::ProduceExpired { .. }
            | Event::AlterPartitionAnswered { .. }
            | Event::Tick => match &mut self.part {
                Part::Leader(leader) => lead(leader, &mut step, event),
                Part::Unassigned | Part::Leaderless | Part::Follower(_) | Part::Failed => {}
            },
        }
        step.finish()
    }

    /// Whether a produce request may be appended, and with which leader epoch (R27). Only
    /// acks=all cares how many replicas are in sync.
    ///
    /// # Errors
    ///
    /// Says why nothing may be appended.
    pub fn admit_produce(&self, acks: Acks) -> Result<LeaderEpoch, ProduceRefusal> {
        let leader = match &self.part {
            Part::Leader(leader) => leader,
            Part::Failed => return Err(ProduceRefusal::StorageFailed),
            Part::Unassigned | Part::Leaderless | Part::Follower(_) => {
                return Err(ProduceRefusal::NotLeader);
            }
        };
        match acks {
            Acks::All if leader.is_under_min_in_sync() => Err(ProduceRefusal::NotEnoughReplicas {
                in_sync: leader.in_sync().committed().len(),
                required: leader.min_in_sync_replicas,
            }),
            Acks::All | Acks::Leader | Acks::None => Ok(self.common.leader_epoch),
        }
    }

    /// The part that the replica plays.
    #[must_use]
    pub fn role(&self) -> Role {
        let leader_epoch = self.common.leader_epoch;
        match &self.part {
            Part::Leader(leader) => {
                Role::Leader { leader_epoch, start_offset: leader.start_offset }
            }
            Part::Follower(follower) => Role::Follower { leader_epoch, leader: follower.leader },
            Part::Unassigned | Part::Leaderless => Role::Idle,
            Part::Failed => Role::Failed,
        }
    }

    /// One past the last record that this replica knows to be committed.
    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        self.common.high_watermark
    }

    /// The newest leader epoch applied; -1 before the first metadata.
    #[must_use]
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.common.leader_epoch
    }

    /// The newest partition epoch known; -1 before the first metadata. A leader may know it from
    /// the controller's answer before metadata brings it.
    #[must_use]
    pub fn partition_epoch(&self) -> PartitionEpoch {
        self.common.partition_epoch
    }

    /// The in-sync set and what is under way to change it; `None` where this replica does not lead.
    #[must_use]
    pub fn in_sync_replicas(&self) -> Option<&InSyncReplicas> {
        self.leader().map(Leader::in_sync)
    }

    /// The other assigned replicas, as this leader knows them; none where it does not lead.
    pub fn followers(&self) -> impl Iterator<Item = FollowerProgress> + '_ {
        self.leader().into_iter().flat_map(|leader| &leader.followers).map(|(&id, progress)| {
            FollowerProgress {
                id,
                log_end_offset: progress.log_end_offset(),
                log_start_offset: progress.log_start_offset(),
                caught_up_since: progress.caught_up_since(),
                eligible: progress.is_eligible(),
            }
        })
    }

    /// Whether it leads and fewer replicas are in sync than are assigned.
    #[must_use]
    pub fn is_under_replicated(&self) -> bool {
        self.leader().is_some_and(Leader::is_under_replicated)
    }

    /// Whether it leads and fewer replicas are in sync than `min.insync.replicas` demands.
    #[must_use]
    pub fn is_under_min_in_sync(&self) -> bool {
        self.leader().is_some_and(Leader::is_under_min_in_sync)
    }

    /// Whether it leads and losing one more replica would stop acks=all.
    #[must_use]
    pub fn is_at_min_in_sync(&self) -> bool {
        self.leader().is_some_and(Leader::is_at_min_in_sync)
    }

    /// How many produce requests wait for the high watermark.
    #[must_use]
    pub fn waiting_produces(&self) -> usize {
        self.leader().map_or(0, |leader| leader.purgatory.len())
    }

    /// When a [`Event::Tick`] has something to do besides the regular look at the in-sync set:
    /// a proposal wants to be sent again.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        self.leader().and_then(Leader::next_deadline)
    }

    fn leader(&self) -> Option<&Leader> {
        match &self.part {
            Part::Leader(leader) => Some(leader),
            Part::Unassigned | Part::Leaderless | Part::Follower(_) | Part::Failed => None,
        }
    }
}

/// The events that only a leader minds.
fn lead(leader: &mut Leader, step: &mut Step<'_>, event: Event) {
    match event {
        Event::Appended => leader.appended(step),
        Event::FollowerFetched {
            follower,
            broker_epoch,
            fetch_offset,
            log_start_offset,
            leader_end_offset,
        } => {
            let fetch =
                FollowerFetch { broker_epoch, fetch_offset, log_start_offset, leader_end_offset };
            leader.follower_fetched(step, follower, fetch);
        }
        Event::ProduceExpired { ticket } => leader.purgatory.expire(step, ticket),
        Event::AlterPartitionAnswered { proposal, answer } => {
            leader.alter_partition_answered(step, &proposal, answer);
        }
        Event::Tick => leader.tick(step),
        Event::MetadataApplied(_)
        | Event::ProduceWaits { .. }
        | Event::FetchAnswered { .. }
        | Event::StorageFailed => {}
    }
}

/// Takes over what the metadata says (R7, R8, R24). Older leader epochs are history; in the same
/// epoch the partition epoch decides whether the in-sync set is news. A new epoch always begins a
/// new reign, also under the same leader.
fn apply_metadata(part: &mut Part, step: &mut Step<'_>, assignment: &Assignment) {
    if matches!(part, Part::Failed) || assignment.leader_epoch < step.common.leader_epoch {
        return;
    }
    let newer = assignment.partition_epoch > step.common.partition_epoch;
    if assignment.leader_epoch == step.common.leader_epoch {
        step.common.partition_epoch = step.common.partition_epoch.max(assignment.partition_epoch);
        if let Part::Leader(leader) = part {
            leader.refresh(step, assignment, newer);
        }
        return;
    }
    step.common.leader_epoch = assignment.leader_epoch;
    step.common.partition_epoch = assignment.partition_epoch;
    let followed = matches!(part, Part::Follower(_));
    end_reign(part, step, ProduceOutcome::NotLeader);
    *part = match assignment.leader {
        Some(leader) if leader == step.common.settings.me => {
            if followed {
                step.emit(Effect::StopFetching);
            }
            Part::Leader(Box::new(Leader::begin(step, assignment)))
        }
        Some(leader) => Part::Follower(Follower::begin(step, leader)),
        None => {
            stand_aside(step);
            Part::Leaderless
        }
    };
}

/// The disk failed: nothing this replica says can be relied on until the broker restarts.
fn fail(part: &mut Part, step: &mut Step<'_>) {
    if !matches!(part, Part::Failed) {
        end_reign(part, step, ProduceOutcome::StorageFailed);
        stand_aside(step);
        *part = Part::Failed;
    }
}

/// Answers every waiting produce request (LS8). The records stay in the log, and whoever leads
/// next decides what becomes of them.
fn end_reign(part: &mut Part, step: &mut Step<'_>, outcome: ProduceOutcome) {
    if let Part::Leader(leader) = part {
        std::mem::take(&mut leader.purgatory).fail_all(step, outcome);
    }
}

fn stand_aside(step: &mut Step<'_>) {
    step.emit(Effect::StopFetching);
    let leader_epoch = step.common.leader_epoch;
    step.emit(Effect::ReportFollower { leader_epoch, leader: None });
    step.wake_fetches();
}
