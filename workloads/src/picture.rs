//! The picture of the cluster: what an all-seeing observer knows, built from observations alone.
//!
//! Brokers and controllers tell their [`highwater::host::Probe`] each fact as it becomes one; the
//! driver of the run adds what happens to the nodes themselves. From both the picture keeps every
//! replica's log and role, the metadata that the quorum has committed, and the *ghost state* that
//! no broker has: which records are committed, which were acknowledged, and how much of the fault
//! budget is used. The invariants are judged against it. It is the same for the whole broker in a
//! simulated network and for the pure rooms under a random scheduler.
//!
//! A change costs what it touches: a batch appended is compared with one committed batch, a high
//! watermark raised walks over the batches it newly covers. Only opening a log reads it whole.

mod log;
mod metadata;
mod node;
mod partition;
mod replica;
mod sometimes;

#[cfg(test)]
pub(crate) mod tale;

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::host::probe::Observation;
use highwater::types::{BrokerId, NodeId, TopicPartition};

pub use log::{Committed, ReplicaLog, same_batch};
pub use metadata::{Disagreement, Metadata};
pub use node::{Node, Stop};
pub use partition::{Acknowledged, Budget, Lineage, Partition, Waiver};
pub use replica::{InSync, Leadership, Opening, Replica, Role};
pub use sometimes::{Sometimes, Tally};

/// What the picture has to know about the cluster's settings.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether the controller keeps eligible leader replicas (KIP-966).
    pub eligible_leader_replicas: bool,
    /// `min.insync.replicas` of topics that do not say.
    pub min_in_sync_replicas_default: usize,
    /// `unclean.leader.election.enable` of topics that do not say.
    pub unclean_leader_election_default: bool,
}

/// Something that changed the picture, with the picture after it.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// When, since the run began.
    pub at: Duration,
    /// At which node.
    pub node: NodeId,
    /// What.
    pub what: What<'a>,
}

impl Change<'_> {
    /// The node in its role as a broker.
    #[must_use]
    pub fn broker(&self) -> BrokerId {
        self.node.into()
    }
}

/// The kinds of change.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// The node said so.
    Observed(&'a Observation),
    /// The node's process was started.
    Started,
    /// The node's process ended.
    Stopped(Stop),
    /// The node's disk was emptied or damaged.
    DiskHarmed,
}

/// Everything known about the cluster now.
#[derive(Debug)]
pub struct Picture {
    settings: Settings,
    metadata: Metadata,
    nodes: BTreeMap<NodeId, Node>,
    partitions: Vec<Partition>,
    index: BTreeMap<TopicPartition, usize>,
    /// The partitions that the latest change concerns.
    touched: Vec<usize>,
    tally: Tally,
}

impl Picture {
    /// The picture before anything has happened.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            metadata: Metadata::default(),
            nodes: BTreeMap::new(),
            partitions: Vec::new(),
            index: BTreeMap::new(),
            touched: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// The node's process was started.
    pub fn started(&mut self, node: impl Into<NodeId>) {
        let node = node.into();
        self.nodes.entry(node).or_default().start();
        self.touch_hosted(node.into());
    }

    /// The node's process ended.
    pub fn stopped(&mut self, node: impl Into<NodeId>, how: Stop) {
        let node = node.into();
        let epoch = self.metadata.broker_epoch(node.into());
        self.nodes.entry(node).or_default().stop(how, epoch);
        self.touch_hosted(node.into());
        for &touched in &self.touched {
            self.partitions[touched].stopped(node.into(), how);
        }
        self.settle_budgets();
    }

    /// The node's disk lost everything, or lost or changed things below what it had promised to
    /// keep. Counts as a loss even if the node had been stopped cleanly before.
    pub fn disk_harmed(&mut self, node: impl Into<NodeId>) {
        let node = node.into();
        let epoch = self.metadata.broker_epoch(node.into());
        self.nodes.entry(node).or_default().harm(epoch);
        self.touch_hosted(node.into());
        self.settle_budgets();
    }

    /// Loss of committed records in `partition` is from now on what an administrator asked for.
    pub fn waive(&mut self, partition: &TopicPartition, why: &'static str) {
        let index = self.index_of(partition);
        self.partitions[index].budget.waive(Waiver::Operator(why));
    }

    /// Takes in what a node has observed.
    ///
    /// # Panics
    /// Never on what a broker can do; only if the picture itself has a bug.
    pub fn observe(&mut self, node: impl Into<NodeId>, at: Duration, observation: &Observation) {
        let node: NodeId = node.into();
        self.touched.clear();
        match observation {
            Observation::MetadataCommitted { offset, records } => {
                self.metadata_committed(node, *offset, records);
            }
            Observation::MetadataApplied { offset } => {
                self.nodes.entry(node).or_default().applied(*offset);
            }
            Observation::Registered { broker_epoch } => {
                self.nodes.entry(node).or_default().registered(*broker_epoch);
                self.touch_hosted(node.into());
            }
            Observation::ActiveController { active, .. } => {
                if *active {
                    self.tally.count(Sometimes::ControllerChanged);
                }
            }
            Observation::LogOpened { partition, .. }
            | Observation::Appended { partition, .. }
            | Observation::Truncated { partition, .. }
            | Observation::Flushed { partition, .. }
            | Observation::Restarted { partition, .. }
            | Observation::LogStartAdvanced { partition, .. }
            | Observation::BecameLeader { partition, .. }
            | Observation::BecameFollower { partition, .. }
            | Observation::HighWatermark { partition, .. }
            | Observation::InSyncReplicas { partition, .. }
            | Observation::Acknowledged { partition, .. }
            | Observation::Served { partition, .. }
            | Observation::StorageFailed { partition, .. } => {
                let index = self.index_of(partition);
                self.touched.push(index);
                let state = self.nodes.entry(node).or_default();
                if matches!(observation, Observation::StorageFailed { .. }) {
                    state.harm(self.metadata.broker_epoch(node.into()));
                }
                self.partitions[index].observe(node.into(), at, observation, state);
                self.partitions[index].tally(node.into(), observation, &mut self.tally);
                if matches!(observation, Observation::StorageFailed { .. }) {
                    self.settle_budgets();
                }
            }
        }
    }

    fn metadata_committed(
        &mut self,
        node: NodeId,
        offset: highwater::types::MetadataOffset,
        records: &std::sync::Arc<Vec<highwater::types::MetadataRecord>>,
    ) {
        if !self.metadata.committed(node, offset, records) {
            return;
        }
        let touched = self.metadata.concerned(records);
        for partition in touched {
            let index = self.index_of(&partition);
            self.touched.push(index);
            self.partitions[index].register(
                self.metadata.image(),
                self.settings.min_in_sync_replicas_default,
                &mut self.tally,
            );
        }
        self.settle_budgets();
    }

    /// Brings the budgets of the touched partitions up to date.
    fn settle_budgets(&mut self) {
        for &touched in &self.touched {
            self.partitions[touched].settle_budget(
                &self.nodes,
                &self.metadata,
                self.settings,
                &mut self.tally,
            );
        }
    }

    fn touch_hosted(&mut self, broker: BrokerId) {
        self.touched.clear();
        for (index, partition) in self.partitions.iter().enumerate() {
            if partition.concerns(broker) {
                self.touched.push(index);
            }
        }
    }

    fn index_of(&mut self, partition: &TopicPartition) -> usize {
        if let Some(&index) = self.index.get(partition) {
            return index;
        }
        let index = self.partitions.len();
        self.partitions.push(Partition::new(partition.clone()));
        self.index.insert(partition.clone(), index);
        index
    }

    /// The settings given.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// What the quorum has committed.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// A node, if it ever did anything.
    #[must_use]
    pub fn node(&self, node: impl Into<NodeId>) -> Option<&Node> {
        self.nodes.get(&node.into())
    }

    /// Every node that ever did anything.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().map(|(id, node)| (*id, node))
    }

    /// One partition, if anything is known of it.
    #[must_use]
    pub fn partition(&self, partition: &TopicPartition) -> Option<&Partition> {
        self.index.get(partition).map(|&index| &self.partitions[index])
    }

    /// Every partition.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The partitions that the latest change concerns.
    pub fn touched(&self) -> impl Iterator<Item = &Partition> {
        self.touched.iter().map(|&index| &self.partitions[index])
    }

    /// How often each noteworthy state was reached.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether `broker` runs and the controllers have registered this very run of it. Until then
    /// it may hold less than its place in the in-sync set suggests, and may not act on that place.
    #[must_use]
    pub fn is_current(&self, broker: BrokerId) -> bool {
        self.node(broker).is_some_and(|node| {
            node.is_running()
                && node.broker_epoch().is_some()
                && node.broker_epoch() == self.metadata.broker_epoch(broker)
        })
    }

    /// Whether the guarantees about committed records still hold for this partition: no unclean
    /// election took place on demand and the fault budget was never exceeded.
    #[must_use]
    pub fn within_budget(&self, partition: &TopicPartition) -> bool {
        self.partition(partition).is_none_or(Partition::is_judged)
    }
}
