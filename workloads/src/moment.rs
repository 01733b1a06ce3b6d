//! A cluster at one moment, as an engineer wants to see it: every node, controller and replica, what
//! the controllers have committed and what each leader makes of it, the faults in force, the calls
//! that are open, and what happened last.

mod gather;
mod text;

use std::time::Duration;

use serde::Serialize;

/// A cluster that stands still. Nodes are called by their names, brokers by their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// The time since the run began.
    #[serde(rename = "at_ms", with = "harness::millis")]
    pub at: Duration,
    /// The first invariant that broke, if one did.
    pub violation: Option<String>,
    /// Every machine.
    pub nodes: Vec<NodeState>,
    /// Every controller.
    pub controllers: Vec<ControllerState>,
    /// Every partition.
    pub partitions: Vec<PartitionState>,
    /// The faults in force, oldest first.
    pub faults: Vec<String>,
    /// Calls of clients that have not returned, oldest first.
    pub open_calls: Vec<String>,
    /// The last lines of the journal: what was done to the cluster.
    pub journal: Vec<String>,
    /// The last things that nodes did, oldest first.
    pub latest: Vec<String>,
}

/// A machine and its process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeState {
    /// Its name.
    pub node: String,
    /// `up`, `paused`, `stopping` or `down`.
    pub process: &'static str,
    /// Which start of the node is or was the last.
    pub incarnation: u64,
    /// The broker epoch under which this process knows itself registered.
    pub broker_epoch: Option<i64>,
    /// What the controllers say of the broker: `active`, `fenced`, `leaving` or `unknown`, and the
    /// epoch that they know it under.
    pub registered: String,
    /// How far it has applied metadata.
    pub metadata_applied: Option<i64>,
    /// What is wrong with its disk.
    pub disk_troubles: Vec<String>,
    /// How far its wall clock is off.
    pub clock_offset_ms: i64,
    /// By how many millionths its clock runs fast.
    pub clock_rate_ppm: i32,
}

/// A controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ControllerState {
    /// The node.
    pub node: String,
    /// Whether it believes itself active.
    pub active: bool,
    /// The quorum's epoch (raft term) in which it last became or ceased to be active.
    pub epoch: Option<u64>,
    /// The last metadata that it has seen committed since it started.
    pub committed: Option<i64>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionState {
    /// Its name.
    pub partition: String,
    /// What the controllers have committed about it, in words.
    pub registration: String,
    /// The smallest number of replicas in sync that may commit.
    pub min_in_sync_replicas: usize,
    /// One past the last record that no fault may take away.
    pub committed_end_offset: i64,
    /// Why losses are excused, if they are.
    pub waived: Option<String>,
    /// Its replicas.
    pub replicas: Vec<ReplicaState>,
}

/// A replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplicaState {
    /// Its node.
    pub node: String,
    /// What it acts as, and in which leader epoch.
    pub role: String,
    /// The first offset held.
    pub log_start_offset: i64,
    /// One past the last offset held.
    pub log_end_offset: i64,
    /// Its high watermark.
    pub high_watermark: i64,
    /// Everything below is known to be on its disk.
    pub flushed_to: i64,
    /// Up to here its log is what is committed.
    pub agrees_to: i64,
    /// Its log by epochs, the last few.
    pub epochs: Vec<EpochState>,
    /// What a leader makes of the in-sync set, once it has told.
    pub believes: Option<BeliefState>,
}

/// The part of a log that one leader epoch owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EpochState {
    /// The epoch.
    pub leader_epoch: i32,
    /// Its first offset.
    pub from: i64,
    /// Its last offset.
    pub to: i64,
    /// How many batches.
    pub batches: usize,
}

/// A leader's view of the in-sync set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BeliefState {
    /// The version of the committed set.
    pub partition_epoch: i32,
    /// The set that it takes for committed.
    pub committed: Vec<i32>,
    /// That, and the members of a proposal under way.
    pub maximal: Vec<i32>,
}
