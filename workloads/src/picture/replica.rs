//! One replica: its log and what it takes itself for.

use highwater::types::{BrokerId, LeaderEpoch, Offset, PartitionEpoch};

use super::{ReplicaLog, Stop};

/// One broker's copy of a partition.
#[derive(Debug, Default)]
pub struct Replica {
    /// What it holds; of a node that is down, what it last held.
    pub log: ReplicaLog,
    /// Its high watermark.
    pub high_watermark: Offset,
    /// The high watermark before it last moved.
    pub high_watermark_before: Offset,
    /// How many records it has sent to consumers; one that is read twice counts twice.
    pub served: u64,
    /// Everything below is durable.
    pub flushed_to: Offset,
    /// What it acts as.
    pub role: Role,
    /// The newest leader epoch that this run of the replica has acted in.
    pub epoch_seen: Option<LeaderEpoch>,
    /// The same, before its role last changed.
    pub epoch_seen_before: Option<LeaderEpoch>,
    /// How its log was last opened, and what had become of it until then.
    pub opening: Option<Opening>,
    /// What its node's stops since then come to.
    pub(super) stopped_by: Option<Stop>,
}

impl Replica {
    pub(super) fn act(&mut self, role: Role, leader_epoch: LeaderEpoch) {
        self.role = role;
        self.epoch_seen_before = self.epoch_seen;
        self.epoch_seen = self.epoch_seen.max(Some(leader_epoch));
    }

    pub(super) fn rest(&mut self) {
        self.role = Role::Idle;
        self.epoch_seen = None;
        self.epoch_seen_before = None;
    }

    /// Its leadership, if it leads.
    #[must_use]
    pub fn leadership(&self) -> Option<&Leadership> {
        match &self.role {
            Role::Leader(leadership) => Some(leadership),
            Role::Idle | Role::Follower { .. } => None,
        }
    }

    /// Whether it acts at all: since its process started it was told to lead or follow.
    #[must_use]
    pub fn is_acting(&self) -> bool {
        match &self.role {
            Role::Leader(_) | Role::Follower { .. } => true,
            Role::Idle => false,
        }
    }
}

/// What a replica acts as.
#[derive(Debug, Default)]
pub enum Role {
    /// Nothing: its process is down or has not been told yet.
    #[default]
    Idle,
    /// It leads.
    Leader(Leadership),
    /// It follows, or waits for a leader.
    Follower {
        /// In which epoch.
        leader_epoch: LeaderEpoch,
        /// Whom.
        leader: Option<BrokerId>,
    },
}

/// A replica's time as leader.
#[derive(Debug)]
pub struct Leadership {
    /// The epoch.
    pub leader_epoch: LeaderEpoch,
    /// The log end offset it claimed at the beginning (LESO).
    pub start_offset: Offset,
    /// Its in-sync set, once it told.
    pub in_sync: Option<InSync>,
    /// What it told before that in the same epoch.
    pub in_sync_before: Option<InSync>,
}

/// A leader's view of the in-sync set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InSync {
    /// The committed set's version.
    pub partition_epoch: PartitionEpoch,
    /// The committed set.
    pub committed: Vec<BrokerId>,
    /// The committed set and the members of a pending proposal.
    pub maximal: Vec<BrokerId>,
}

/// What a log was like when it was opened again.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// How the process had ended.
    pub after: Option<Stop>,
    /// Whether the disk had been harmed in between.
    pub disk_harmed: bool,
    /// What had been promised to be durable.
    pub durable_to: Offset,
    /// Where the log had ended.
    pub previous_end_offset: Offset,
    /// Up to here the log is what it was.
    pub survived_to: Offset,
}
