//! One change of one partition: the new in-sync set, eligible replicas, leader and epochs (R6,
//! R22, R23; KIP-966).
//!
//! Every way in which a partition can change goes through [`PartitionChange`], so that the rules
//! of the in-sync set, of the eligible leader replicas and of the epochs stand in one place.
//!
//! An in-sync replica holds everything committed. When one leaves while fewer than
//! `min.insync.replicas` remain, nothing more can be committed without it, so it still holds
//! everything: it becomes *eligible*. It stops being so when enough replicas are in sync again to
//! commit without it, or when it restarts uncleanly and may have lost its log's end.

use super::MetadataImage;
use crate::types::{BrokerId, LeaderEpoch, PartitionEpoch, PartitionRecord, RecoveryState};

/// Which leader is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Election {
    /// The first replica if it may lead, else as [`Election::Online`].
    Preferred,
    /// The present leader if it may go on, else the first replica that may lead.
    Online,
    /// As [`Election::Online`], and if nobody may lead, any active replica. May lose records.
    Unclean,
}

/// What the change has to respect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) eligible_leader_replicas: bool,
    pub(super) elect_last_known_leader: bool,
    /// The topic's effective `min.insync.replicas`.
    pub(super) min_in_sync_replicas: usize,
}

/// A change being put together. As begun, it takes replicas that are not active out of the in-sync
/// set and elects a leader if the present one has to go.
#[derive(Clone, Debug)]
pub(super) struct PartitionChange<'a> {
    image: &'a MetadataImage,
    partition: &'a PartitionRecord,
    rules: Rules,
    election: Election,
    in_sync_replicas: Vec<BrokerId>,
    recovery_state: RecoveryState,
    uncleanly_restarted: Option<BrokerId>,
    drop_eligible: bool,
    even_if_equal: bool,
}

/// The outcome of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Clean(BrokerId),
    Unclean(BrokerId),
    Nobody,
}

impl<'a> PartitionChange<'a> {
    /// Begins a change of `partition`; `image` knows which brokers are active.
    pub(super) fn new(
        image: &'a MetadataImage,
        partition: &'a PartitionRecord,
        rules: Rules,
    ) -> Self {
        let active = partition.in_sync_replicas.iter().copied().filter(|b| image.is_active(*b));
        Self {
            image,
            partition,
            rules,
            election: Election::Online,
            in_sync_replicas: active.collect(),
            recovery_state: partition.recovery_state,
            uncleanly_restarted: None,
            drop_eligible: false,
            even_if_equal: false,
        }
    }

    /// Which leader is wanted.
    pub(super) fn election(mut self, election: Election) -> Self {
        self.election = election;
        self
    }

    /// A leader's wish (R17). It makes a new version even if nothing changes, so that a leader
    /// that does not know what became of an earlier wish can force the matter.
    pub(super) fn wish(
        mut self,
        in_sync_replicas: impl Fn(BrokerId) -> bool,
        recovery_state: RecoveryState,
    ) -> Self {
        let replicas = self.partition.replicas.iter().copied();
        self.in_sync_replicas = replicas.filter(|replica| in_sync_replicas(*replica)).collect();
        self.recovery_state = recovery_state;
        self.even_if_equal = true;
        self
    }

    /// This broker may have lost its log's end: it is not eligible any more.
    pub(super) fn uncleanly_restarted(mut self, broker: Option<BrokerId>) -> Self {
        self.uncleanly_restarted = broker;
        self
    }

    /// `min.insync.replicas` was lowered: those in sync can now commit without the eligible ones
    /// (KAFKA-16540). While nobody is in sync nobody commits, and the eligible ones stay: they are
    /// then all that the partition can be recovered from (GS12).
    pub(super) fn drop_eligible(mut self) -> Self {
        self.drop_eligible = true;
        self
    }

    /// The partition's next version; `None` if nothing changes.
    pub(super) fn build(self) -> Option<PartitionRecord> {
        let mut next = self.partition.clone();
        next.recovery_state = self.recovery_state;
        next.in_sync_replicas = self.next_in_sync_replicas();
        next.eligible_leader_replicas = self.next_eligible(&next.in_sync_replicas);
        next.leader = match self.elect(&next) {
            Outcome::Clean(leader) => {
                if next.in_sync_replicas.is_empty() {
                    next.in_sync_replicas = vec![leader];
                    next.eligible_leader_replicas.retain(|replica| *replica != leader);
                }
                Some(leader)
            }
            Outcome::Unclean(leader) => {
                next.in_sync_replicas = vec![leader];
                next.eligible_leader_replicas.clear();
                next.recovery_state = RecoveryState::Recovering;
                Some(leader)
            }
            Outcome::Nobody => None,
        };
        if self.can_commit(&next.in_sync_replicas) {
            next.eligible_leader_replicas.clear();
        }
        next.last_known_leader = self.next_last_known_leader(&next);
        if next == *self.partition && !self.even_if_equal {
            return None;
        }
        if next.leader != self.partition.leader && !mutant!(D04) {
            next.leader_epoch = LeaderEpoch(next.leader_epoch.0 + 1);
        }
        next.partition_epoch = PartitionEpoch(next.partition_epoch.0 + 1);
        Some(next)
    }

    /// Without eligible leader replicas somebody has to keep the right to lead, even if nobody is
    /// active: the leader, who holds everything, or else whoever is left.
    fn next_in_sync_replicas(&self) -> Vec<BrokerId> {
        if !self.in_sync_replicas.is_empty() || self.rules.eligible_leader_replicas {
            return self.in_sync_replicas.clone();
        }
        let members = &self.partition.in_sync_replicas;
        let leader = self.partition.leader.filter(|leader| members.contains(leader));
        leader.or_else(|| members.first().copied()).into_iter().collect()
    }

    fn next_eligible(&self, in_sync_replicas: &[BrokerId]) -> Vec<BrokerId> {
        let drop = self.drop_eligible || !self.rules.eligible_leader_replicas;
        if self.can_commit(in_sync_replicas) || (drop && !in_sync_replicas.is_empty()) {
            return Vec::new();
        }
        let partition = self.partition;
        let complete = |replica: &BrokerId| {
            partition.eligible_leader_replicas.contains(replica)
                || partition.in_sync_replicas.contains(replica)
        };
        let replicas = partition.replicas.iter().copied();
        replicas
            .filter(|replica| complete(replica) && !in_sync_replicas.contains(replica))
            .filter(|replica| Some(*replica) != self.uncleanly_restarted)
            .collect()
    }

    /// Whether these replicas can commit records on their own (R13).
    fn can_commit(&self, in_sync_replicas: &[BrokerId]) -> bool {
        let min = self.rules.min_in_sync_replicas.min(self.partition.replicas.len()).max(1);
        in_sync_replicas.len() >= min
    }

    fn elect(&self, next: &PartitionRecord) -> Outcome {
        let holds_all = |replica: BrokerId| {
            if next.in_sync_replicas.is_empty() {
                next.eligible_leader_replicas.contains(&replica)
            } else {
                next.in_sync_replicas.contains(&replica)
            }
        };
        let replicas = &self.partition.replicas;
        let preferred = replicas.first().filter(|_| self.election == Election::Preferred);
        let may_lead = |replica: &BrokerId| {
            self.image.is_active(*replica)
                && (holds_all(*replica) || (mutant!(D02) && Some(replica) == preferred))
        };
        let candidates = preferred.into_iter().chain(&self.partition.leader).chain(replicas);
        if let Some(leader) = candidates.copied().find(may_lead) {
            return Outcome::Clean(leader);
        }
        if let Some(leader) = self.last_resort(next) {
            return Outcome::Unclean(leader);
        }
        if self.election == Election::Unclean || mutant!(D01) {
            let active = replicas.iter().copied().find(|replica| self.image.is_active(*replica));
            return active.map_or(Outcome::Nobody, Outcome::Unclean);
        }
        Outcome::Nobody
    }

    /// The last known leader, once nobody else has a right to lead (R23).
    fn last_resort(&self, next: &PartitionRecord) -> Option<BrokerId> {
        let nobody_left =
            next.in_sync_replicas.is_empty() && next.eligible_leader_replicas.is_empty();
        let permitted = self.rules.eligible_leader_replicas && self.rules.elect_last_known_leader;
        self.partition
            .last_known_leader
            .filter(|leader| nobody_left && permitted && self.image.is_active(*leader))
    }

    /// Remembers who led when the last in-sync replica left, until somebody leads again.
    fn next_last_known_leader(&self, next: &PartitionRecord) -> Option<BrokerId> {
        if next.leader.is_some() || !next.in_sync_replicas.is_empty() {
            return None;
        }
        self.partition.leader.or(self.partition.last_known_leader)
    }
}
