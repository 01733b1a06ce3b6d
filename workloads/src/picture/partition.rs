//! One partition: its registration, its replicas, and the ghost state that no broker has.

mod budget;
mod lineage;

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::controller::MetadataImage;
use highwater::host::probe::Observation;
use highwater::types::{
    Acks, BrokerId, LeaderEpoch, MetadataOffset, Offset, PartitionEpoch, PartitionRecord,
    TopicPartition,
};

pub use budget::{Budget, Waiver};
pub use lineage::Lineage;

use super::{
    Committed, InSync, Leadership, Node, Opening, Replica, ReplicaLog, Role, Sometimes, Stop, Tally,
};

/// A produce request with acks=all that was answered with success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its first record.
    pub base_offset: Offset,
    /// Its last record.
    pub last_offset: Offset,
    /// When.
    pub at: Duration,
}

/// One partition.
#[derive(Debug)]
pub struct Partition {
    name: TopicPartition,
    registration: Option<PartitionRecord>,
    registration_before: Option<PartitionRecord>,
    named_leaders: BTreeMap<LeaderEpoch, Option<BrokerId>>,
    acting_leaders: BTreeMap<LeaderEpoch, BrokerId>,
    in_sync_by_epoch: BTreeMap<PartitionEpoch, Vec<BrokerId>>,
    min_in_sync: Vec<(MetadataOffset, usize)>,
    replicas: BTreeMap<BrokerId, Replica>,
    committed: Committed,
    acknowledged: Vec<Acknowledged>,
    lineage: Lineage,
    pub(super) budget: Budget,
}

impl Partition {
    pub(super) fn new(name: TopicPartition) -> Self {
        Self {
            name,
            registration: None,
            registration_before: None,
            named_leaders: BTreeMap::new(),
            acting_leaders: BTreeMap::new(),
            in_sync_by_epoch: BTreeMap::new(),
            min_in_sync: Vec::new(),
            replicas: BTreeMap::new(),
            committed: Committed::default(),
            acknowledged: Vec::new(),
            lineage: Lineage::default(),
            budget: Budget::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &TopicPartition {
        &self.name
    }

    /// What the controllers have committed about it.
    #[must_use]
    pub fn registration(&self) -> Option<&PartitionRecord> {
        self.registration.as_ref()
    }

    /// Whether its leader acts as such, all its replicas act and are in sync, and everything is
    /// committed on each of them (CV13). A process that was started again does nothing yet, whatever
    /// the metadata say of it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let Some(record) = &self.registration else { return false };
        let Some(leader) = record.leader.and_then(|leader| self.replica(leader)) else {
            return false;
        };
        let leads =
            matches!(&leader.role, Role::Leader(led) if led.leader_epoch == record.leader_epoch);
        let end = leader.log.log_end_offset();
        let has_everything = |replica: &Replica| {
            let acts = !matches!(replica.role, Role::Idle);
            acts && replica.log.log_end_offset() == end && replica.high_watermark == end
        };
        leads
            && record.in_sync_replicas.len() == record.replicas.len()
            && record.replicas.iter().all(|id| self.replica(*id).is_some_and(has_everything))
    }

    /// What they had committed before the latest batch that concerns it.
    #[must_use]
    pub fn registration_before(&self) -> Option<&PartitionRecord> {
        self.registration_before.as_ref()
    }

    /// The newest leader epoch that the controllers have committed.
    #[must_use]
    pub fn newest_epoch(&self) -> Option<LeaderEpoch> {
        self.registration.as_ref().map(|record| record.leader_epoch)
    }

    /// Whom the controllers named leader in `epoch`; the outer `None` if they never spoke of it.
    #[must_use]
    pub fn named_leader(&self, epoch: LeaderEpoch) -> Option<Option<BrokerId>> {
        self.named_leaders.get(&epoch).copied()
    }

    /// Who first acted as leader in `epoch`.
    #[must_use]
    pub fn acting_leader(&self, epoch: LeaderEpoch) -> Option<BrokerId> {
        self.acting_leaders.get(&epoch).copied()
    }

    /// The in-sync set that was committed as version `epoch`.
    #[must_use]
    pub fn in_sync_replicas_in(&self, epoch: PartitionEpoch) -> Option<&[BrokerId]> {
        self.in_sync_by_epoch.get(&epoch).map(Vec::as_slice)
    }

    /// The effective `min.insync.replicas` now.
    #[must_use]
    pub fn min_in_sync_replicas(&self) -> usize {
        self.min_in_sync.last().map_or(1, |(_, min)| *min)
    }

    /// The lowest effective `min.insync.replicas` that a broker which has applied metadata up to
    /// `applied` may still go by.
    #[must_use]
    pub fn min_in_sync_replicas_since(&self, applied: Option<MetadataOffset>) -> usize {
        let in_force = self
            .min_in_sync
            .iter()
            .rposition(|(from, _)| applied.is_some_and(|applied| *from <= applied))
            .unwrap_or(0);
        self.min_in_sync.iter().skip(in_force).map(|(_, min)| *min).min().unwrap_or(1)
    }

    /// A broker's replica, if it ever had one.
    #[must_use]
    pub fn replica(&self, broker: BrokerId) -> Option<&Replica> {
        self.replicas.get(&broker)
    }

    /// Every replica that ever was.
    pub fn replicas(&self) -> impl Iterator<Item = (BrokerId, &Replica)> {
        self.replicas.iter().map(|(broker, replica)| (*broker, replica))
    }

    /// What is committed.
    #[must_use]
    pub fn committed(&self) -> &Committed {
        &self.committed
    }

    /// Every produce request with acks=all that was answered with success, in order.
    #[must_use]
    pub fn acknowledged(&self) -> &[Acknowledged] {
        &self.acknowledged
    }

    /// Every batch that was ever in any replica's log.
    #[must_use]
    pub fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// How much of the fault budget is used.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Whether the guarantees about committed records still hold here.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        self.budget.waiver().is_none()
    }

    /// Whether `broker`'s log holds everything committed (from where logs begin on purpose).
    #[must_use]
    pub fn holds_committed(&self, broker: BrokerId) -> bool {
        self.missing_from(broker).is_none()
    }

    /// The first committed offset that `broker`'s log lacks or holds differently.
    #[must_use]
    pub fn missing_from(&self, broker: BrokerId) -> Option<Offset> {
        let end = self.committed.end_offset();
        let Some(replica) = self.replicas.get(&broker) else {
            return (end > self.committed.deleted_to()).then_some(Offset::ZERO);
        };
        let start = replica.log.log_start_offset();
        if start > self.committed.deleted_to() && start > Offset::ZERO {
            return Some(self.committed.deleted_to());
        }
        let agreed_to = replica.log.agreed_to();
        (agreed_to < end).then_some(agreed_to)
    }

    pub(super) fn concerns(&self, broker: BrokerId) -> bool {
        self.replicas.contains_key(&broker)
            || self.registration.as_ref().is_some_and(|record| record.replicas.contains(&broker))
    }

    pub(super) fn stopped(&mut self, broker: BrokerId, how: Stop) {
        if let Some(replica) = self.replicas.get_mut(&broker) {
            replica.rest();
            let earlier = replica.stopped_by;
            replica.stopped_by = Some(earlier.map_or(how, |earlier| earlier.and_then(how)));
        }
    }

    /// Takes in the state after a batch of metadata.
    pub(super) fn register(&mut self, image: &MetadataImage, default: usize, tally: &mut Tally) {
        let Some(topic) = image.topic(&self.name.topic) else { return };
        let min = image.min_in_sync_replicas(topic, default);
        let before = self.min_in_sync.last().map(|(_, known)| *known);
        if before != Some(min) {
            self.min_in_sync.push((image.offset, min));
        }
        let lowered = before > Some(min);
        let Some(record) = topic.partitions.get(&self.name.partition) else { return };
        self.named_leaders.entry(record.leader_epoch).or_insert(record.leader);
        self.in_sync_by_epoch
            .entry(record.partition_epoch)
            .or_insert_with(|| record.in_sync_replicas.clone());
        self.registration_before = self.registration.replace(record.clone());
        if let Some(before) = &self.registration_before {
            tally_registration(before, record, min, tally);
            self.budget.narrow(before, record, min, lowered);
        }
    }

    /// Takes in what a replica of this partition observed.
    pub(super) fn observe(
        &mut self,
        broker: BrokerId,
        at: Duration,
        observation: &Observation,
        node: &mut Node,
    ) {
        let replica = self.replicas.entry(broker).or_default();
        match observation {
            Observation::LogOpened { log_start_offset, batches, high_watermark, .. } => {
                let mut log = ReplicaLog::opened(*log_start_offset, batches);
                log.agree(&self.committed);
                let survived_to = opened(replica, log, *high_watermark, node);
                self.lineage.note_all(broker, &replica.log, survived_to);
            }
            Observation::Appended { batch, .. } => {
                self.lineage.note(broker, *batch, replica.log.batches().last());
                replica.log.append(*batch, &self.committed);
            }
            Observation::Truncated { to, .. } => {
                replica.log.truncate(*to);
                replica.flushed_to = replica.flushed_to.min(*to);
            }
            Observation::Flushed { to, .. } => replica.flushed_to = *to,
            Observation::Restarted { at, .. } => {
                replica.log.restart(*at);
                replica.flushed_to = replica.flushed_to.min(*at);
            }
            Observation::LogStartAdvanced { to, .. } => {
                replica.log.advance_start(*to);
                if replica.leadership().is_some() {
                    self.committed.deleted(*to);
                }
            }
            Observation::BecameLeader { leader_epoch, leader_epoch_start_offset, .. } => {
                let leadership = Leadership {
                    leader_epoch: *leader_epoch,
                    start_offset: *leader_epoch_start_offset,
                    in_sync: None,
                    in_sync_before: None,
                };
                replica.act(Role::Leader(leadership), *leader_epoch);
                self.acting_leaders.entry(*leader_epoch).or_insert(broker);
            }
            Observation::BecameFollower { leader_epoch, leader, .. } => {
                let role = Role::Follower { leader_epoch: *leader_epoch, leader: *leader };
                replica.act(role, *leader_epoch);
            }
            Observation::HighWatermark { to, leading_in, .. } => {
                self.high_watermark_moved(broker, *to, *leading_in);
            }
            Observation::InSyncReplicas { .. } => in_sync_changed(replica, observation),
            Observation::Acknowledged { acks, base_offset, last_offset, .. } => {
                if *acks == Acks::All {
                    let (base_offset, last_offset) = (*base_offset, *last_offset);
                    self.acknowledged.push(Acknowledged { base_offset, last_offset, at });
                }
            }
            Observation::Served { from, to, .. } => {
                replica.served += u64::try_from(to.0 - from.0).unwrap_or(0);
            }
            Observation::StorageFailed { .. }
            | Observation::MetadataCommitted { .. }
            | Observation::MetadataApplied { .. }
            | Observation::Registered { .. }
            | Observation::ActiveController { .. } => {}
        }
    }

    fn high_watermark_moved(
        &mut self,
        broker: BrokerId,
        to: Offset,
        leading_in: Option<LeaderEpoch>,
    ) {
        let Some(replica) = self.replicas.get_mut(&broker) else { return };
        replica.high_watermark_before = replica.high_watermark;
        replica.high_watermark = to;
        // Only the leader that the controllers named for this epoch commits anything by it.
        let leads = leading_in.and_then(|epoch| self.named_leaders.get(&epoch).copied().flatten());
        let end = self.committed.end_offset();
        if leads != Some(broker) || to <= end || replica.log.agreed_to() < end {
            return;
        }
        if self.committed.extend(&replica.log, to) {
            for replica in self.replicas.values_mut() {
                if replica.log.agreed_to() == end {
                    replica.log.agree(&self.committed);
                }
            }
        }
    }

    pub(super) fn tally(&self, broker: BrokerId, observation: &Observation, tally: &mut Tally) {
        let newest = self.newest_epoch();
        let Some(replica) = self.replicas.get(&broker) else { return };
        let state = match observation {
            Observation::Truncated { .. } => Sometimes::LogTruncated,
            Observation::Restarted { .. } => Sometimes::LogRestarted,
            Observation::Appended { batch, as_leader: true, .. }
                if newest.is_some_and(|newest| batch.leader_epoch < newest) =>
            {
                Sometimes::DeposedAppended
            }
            Observation::BecameLeader { .. }
                if replica.high_watermark < self.committed.end_offset() =>
            {
                Sometimes::ElectedBehind
            }
            Observation::HighWatermark { to, leading_in: Some(epoch), .. }
                if *to == self.committed.end_offset() && newest.is_some_and(|new| *epoch < new) =>
            {
                Sometimes::DeposedCommitted
            }
            Observation::HighWatermark { to, .. } if *to < replica.high_watermark_before => {
                Sometimes::HighWatermarkFell
            }
            Observation::InSyncReplicas { committed, maximal, .. }
                if maximal.len() > committed.len() =>
            {
                Sometimes::ExpansionPending
            }
            Observation::Acknowledged { duplicate: true, .. } => Sometimes::DuplicateAcknowledged,
            Observation::Acknowledged { acks: Acks::All, .. } => Sometimes::AcknowledgedByAll,
            Observation::Acknowledged { .. } => Sometimes::AcknowledgedByLeader,
            Observation::Served { as_leader: true, .. } => Sometimes::ServedByLeader,
            Observation::Served { as_leader: false, .. } => Sometimes::ServedByFollower,
            Observation::LogOpened { .. }
                if replica.opening.is_some_and(|o| o.survived_to < o.previous_end_offset) =>
            {
                Sometimes::TailLost
            }
            Observation::LogOpened { .. }
            | Observation::Appended { .. }
            | Observation::Flushed { .. }
            | Observation::LogStartAdvanced { .. }
            | Observation::BecameLeader { .. }
            | Observation::BecameFollower { .. }
            | Observation::HighWatermark { .. }
            | Observation::InSyncReplicas { .. }
            | Observation::MetadataCommitted { .. }
            | Observation::MetadataApplied { .. }
            | Observation::Registered { .. }
            | Observation::ActiveController { .. }
            | Observation::StorageFailed { .. } => return,
        };
        tally.count(state);
    }
}

/// A replica's log was opened again; up to where it is what it was.
fn opened(
    replica: &mut Replica,
    log: ReplicaLog,
    high_watermark: Offset,
    node: &mut Node,
) -> Offset {
    let survived_to = log.common_prefix(&replica.log);
    let previous = std::mem::replace(&mut replica.log, log);
    node.opened();
    replica.opening = Some(Opening {
        after: replica.stopped_by.take().or_else(|| node.last_stop()),
        disk_harmed: node.take_damage(),
        durable_to: replica.flushed_to,
        previous_end_offset: previous.log_end_offset(),
        survived_to,
    });
    replica.flushed_to = replica.flushed_to.min(survived_to);
    replica.high_watermark_before = high_watermark;
    replica.high_watermark = high_watermark;
    replica.rest();
    survived_to
}

fn in_sync_changed(replica: &mut Replica, observation: &Observation) {
    let Observation::InSyncReplicas { leader_epoch, partition_epoch, committed, maximal, .. } =
        observation
    else {
        return;
    };
    if let Role::Leader(leadership) = &mut replica.role
        && leadership.leader_epoch == *leader_epoch
    {
        leadership.in_sync_before = leadership.in_sync.replace(InSync {
            partition_epoch: *partition_epoch,
            committed: committed.clone(),
            maximal: maximal.clone(),
        });
    }
}

fn tally_registration(
    before: &PartitionRecord,
    after: &PartitionRecord,
    min: usize,
    tally: &mut Tally,
) {
    if before.partition_epoch == after.partition_epoch {
        return;
    }
    if after.leader_epoch > before.leader_epoch {
        match after.leader {
            None => tally.count(Sometimes::Offline),
            Some(leader) => {
                tally.count(Sometimes::LeaderElected);
                if before.eligible_leader_replicas.contains(&leader) {
                    tally.count(Sometimes::ElectedFromEligible);
                } else if !before.in_sync_replicas.contains(&leader) {
                    tally.count(Sometimes::ElectedUncleanly);
                } else if before
                    .leader
                    .is_some_and(|old| old != leader && after.in_sync_replicas.contains(&old))
                {
                    tally.count(Sometimes::LeaderMoved);
                }
            }
        }
    }
    if after.in_sync_replicas.len() < before.in_sync_replicas.len() {
        tally.count(Sometimes::InSyncShrank);
    }
    if after.in_sync_replicas.len() > before.in_sync_replicas.len() {
        tally.count(Sometimes::InSyncGrew);
    }
    if after.in_sync_replicas.len() < min {
        tally.count(Sometimes::UnderMinInSync);
    }
    if !after.eligible_leader_replicas.is_empty() {
        tally.count(Sometimes::EligibleRemembered);
    }
}
