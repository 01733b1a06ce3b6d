//! The records of the metadata log: what controllers write and brokers replay (R5).
//!
//! Each record is the whole new state of one thing, not a change to it: replaying a record twice
//! or reading a single one tells the truth. Records that belong together form a batch, which is
//! one entry of the quorum's log and takes effect at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    BrokerEpoch, BrokerId, DirectoryId, Incarnation, LeaderEpoch, NodeId, PartitionEpoch, TopicId,
    number,
};

number! {
    /// The position of a batch of metadata records in the quorum's log; the first is 1.
    MetadataOffset(i64)
}

/// One thing that the cluster has agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetadataRecord {
    /// A broker registered, was fenced, unfenced, or asked to shut down.
    Broker(BrokerRecord),
    /// A topic exists.
    Topic(TopicRecord),
    /// A partition exists or its registration changed.
    Partition(PartitionRecord),
    /// Producer ids below `next` have been given out (KIP-730).
    ProducerIds {
        /// The first id of the next block.
        next: i64,
    },
    /// A controller announced where it listens.
    Controller(ControllerRecord),
}

/// A broker's registration (R19–R21).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerRecord {
    /// `node.id`.
    pub id: BrokerId,
    /// The metadata offset of the batch that registered this incarnation.
    pub epoch: BrokerEpoch,
    /// Which run of the process registered.
    pub incarnation: Incarnation,
    /// The host that clients and other brokers connect to.
    pub host: Arc<str>,
    /// The port on that host.
    pub port: u16,
    /// `broker.rack`.
    pub rack: Option<Arc<str>>,
    /// A fenced broker leads nothing and is in no in-sync set.
    pub fenced: bool,
    /// The broker asked to leave (R21).
    pub in_controlled_shutdown: bool,
    /// The broker's log directories.
    pub directories: Vec<DirectoryId>,
}

/// A controller's endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerRecord {
    /// `node.id`.
    pub id: NodeId,
    /// The host it listens on.
    pub host: Arc<str>,
    /// The port it listens on.
    pub port: u16,
}

/// A topic and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicRecord {
    /// The topic's identity.
    pub id: TopicId,
    /// The topic's name.
    pub name: Arc<str>,
    /// Topic-level settings by Kafka's names, for example `min.insync.replicas`.
    pub configs: BTreeMap<String, String>,
}

/// Whether a partition's leader was elected cleanly (KIP-704).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RecoveryState {
    /// The leader held everything committed.
    Recovered,
    /// The leader was elected uncleanly and has not yet reported itself ready.
    Recovering,
}

/// A partition's registration: the unit of the controller's decisions (R5, R6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRecord {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition's index.
    pub partition: i32,
    /// The assigned brokers; the first is the preferred leader.
    pub replicas: Vec<BrokerId>,
    /// The in-sync replicas, in the order of `replicas`.
    pub in_sync_replicas: Vec<BrokerId>,
    /// Replicas outside the in-sync set that still hold everything committed (KIP-966).
    pub eligible_leader_replicas: Vec<BrokerId>,
    /// The last leader, remembered once no eligible replica is left.
    pub last_known_leader: Option<BrokerId>,
    /// The leader; `None` while the partition is offline.
    pub leader: Option<BrokerId>,
    /// Grows with every record that names a leader, or names none.
    pub leader_epoch: LeaderEpoch,
    /// Grows with every change of this record.
    pub partition_epoch: PartitionEpoch,
    /// Whether the leader was elected cleanly.
    pub recovery_state: RecoveryState,
}
