//! What a run's page shows beyond the history: what every replica did and when, who was in sync,
//! what the nodes sent each other, and what the logs held when a mistake was seen.
//!
//! It is collected while the run lasts, by listening only: the run is the same with and without.

mod frames;
mod logs;
mod page;
#[cfg(test)]
mod tests;
mod wires;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use harness::cluster::Cluster;
use harness::history::{History, Recorder};
use harness::report::page::{Line, LogPicture, micros};
use highwater::host::probe::Observation;
use highwater::types::{BrokerId, LeaderEpoch, NodeId, Offset, PartitionRecord, TopicPartition};

pub use page::page;

use crate::picture::Picture;
use crate::system::Brokers;
use crate::watch::Watch;
use wires::Wires;

/// What was collected of one run.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    nodes: Vec<String>,
    replicas: BTreeMap<(TopicPartition, NodeId), ReplicaTale>,
    memberships: BTreeMap<TopicPartition, Vec<Membership>>,
    /// When a node became, or ceased to be, the active controller, and in which epoch.
    controllers: Vec<(Duration, NodeId, u64, bool)>,
    wires: Wires,
    logs: Vec<LogPicture>,
    /// What clients had seen when the run ended, however it ended.
    history: History,
}

/// What one replica did.
#[derive(Clone, Debug)]
struct ReplicaTale {
    roles: Vec<(Duration, Role)>,
    log_end_offset: Line,
    high_watermark: Line,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Leader(LeaderEpoch),
    Follower(LeaderEpoch, Option<BrokerId>),
}

/// What the controllers had committed about a partition, from some moment on.
#[derive(Clone, Debug)]
struct Membership {
    at: Duration,
    in_sync_replicas: Vec<BrokerId>,
}

/// Collects while the run lasts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Chronicler {
    chronicle: Arc<Mutex<Chronicle>>,
    watch: Watch,
    recorder: Arc<Mutex<Option<Recorder>>>,
}

impl fmt::Debug for Chronicler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chronicler").finish_non_exhaustive()
    }
}

impl Chronicler {
    /// Listens to everything in `cluster` from now on. To be called before its first step.
    pub(crate) fn begin(cluster: &Cluster<Brokers>) -> Self {
        let nodes = cluster.nodes().iter().map(|node| cluster.name(*node).to_owned()).collect();
        let watch = cluster.system().watch().clone();
        let chronicle = Chronicle { nodes, ..Chronicle::default() };
        let chronicle = Arc::new(Mutex::new(chronicle));
        let chronicler = Self { chronicle, watch, recorder: Arc::default() };
        let observer = chronicler.clone();
        chronicler.watch.listen(Box::new(move |at, node, observation| {
            observer.observed(at, node, observation);
        }));
        let (listener, timeline) = (chronicler.clone(), cluster.timeline().clone());
        cluster.tap(Box::new(move |way, passage| {
            listener.lock().wires.note(timeline.now(), way, passage);
        }));
        chronicler
    }

    /// Clients write their history to `recorder` from now on.
    pub(crate) fn read_along(&self, recorder: &Recorder) {
        *self.recorder.lock().expect("nothing panics with the recorder") = Some(recorder.clone());
    }

    /// What was collected, when the run is over at `at`.
    pub(crate) fn finish(&self, at: Duration) -> Chronicle {
        let mut chronicle = self.lock();
        if chronicle.logs.is_empty() {
            chronicle.logs = self.watch.look(|picture| logs::pictures(picture, at));
        }
        let recorder = self.recorder.lock().expect("nothing panics with the recorder");
        chronicle.history = recorder.as_ref().map(Recorder::history).unwrap_or_default();
        std::mem::take(&mut *chronicle)
    }

    fn observed(&self, at: Duration, node: NodeId, observation: &Observation) {
        let mut chronicle = self.lock();
        chronicle.observed(at, node, observation);
        if matches!(observation, Observation::MetadataCommitted { .. }) {
            self.watch.look(|picture| chronicle.committed(at, picture));
        }
        // What follows the first mistake are its consequences, and would cover it.
        if chronicle.logs.is_empty() && self.watch.violation().is_some() {
            chronicle.logs = self.watch.look(|picture| logs::pictures(picture, at));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Chronicle> {
        self.chronicle.lock().expect("nothing panics while it collects")
    }
}

impl Chronicle {
    fn observed(&mut self, at: Duration, node: NodeId, observation: &Observation) {
        match observation {
            Observation::LogOpened {
                partition, log_start_offset, batches, high_watermark, ..
            } => {
                let end = batches.last().map_or(*log_start_offset, |b| b.last_offset.plus(1));
                let replica = self.replica(partition, node);
                replica.ends(at, end);
                replica.high_watermark.step(at, high_watermark.0);
            }
            Observation::Appended { partition, batch, .. } => {
                self.replica(partition, node).ends(at, batch.last_offset.plus(1));
            }
            Observation::Truncated { partition, to } => self.replica(partition, node).ends(at, *to),
            Observation::Restarted { partition, at: offset } => {
                self.replica(partition, node).ends(at, *offset);
            }
            Observation::BecameLeader { partition, leader_epoch, .. } => {
                self.replica(partition, node).roles.push((at, Role::Leader(*leader_epoch)));
            }
            Observation::BecameFollower { partition, leader_epoch, leader } => {
                let role = Role::Follower(*leader_epoch, *leader);
                self.replica(partition, node).roles.push((at, role));
            }
            Observation::HighWatermark { partition, to, .. } => {
                self.replica(partition, node).high_watermark.step(at, to.0);
            }
            Observation::ActiveController { node, epoch, active } => {
                self.controllers.push((at, *node, *epoch, *active));
            }
            Observation::LogStartAdvanced { .. }
            | Observation::Flushed { .. }
            | Observation::InSyncReplicas { .. }
            | Observation::Acknowledged { .. }
            | Observation::Served { .. }
            | Observation::MetadataCommitted { .. }
            | Observation::MetadataApplied { .. }
            | Observation::Registered { .. }
            | Observation::StorageFailed { .. } => {}
        }
    }

    fn replica(&mut self, partition: &TopicPartition, node: NodeId) -> &mut ReplicaTale {
        self.replicas.entry((partition.clone(), node)).or_default()
    }

    /// The controllers have committed something: what changed of the in-sync sets?
    fn committed(&mut self, at: Duration, picture: &Picture) {
        for partition in picture.touched() {
            let Some(PartitionRecord { in_sync_replicas, .. }) = partition.registration() else {
                continue;
            };
            let known = self.memberships.entry(partition.name().clone()).or_default();
            if known.last().is_none_or(|last| last.in_sync_replicas != *in_sync_replicas) {
                known.push(Membership { at, in_sync_replicas: in_sync_replicas.clone() });
            }
        }
    }

    /// Which node it is, in the order of their names.
    fn index_of(&self, node: NodeId) -> Option<usize> {
        let name = format!("node-{node}");
        self.nodes.iter().position(|known| *known == name)
    }

    /// The moment of each end of a role: the next one, a stop of the node, or the end of the run.
    fn roles_until(&self, roles: &[(Duration, Role)], stops: &[u64], lasted: u64) -> Vec<Acted> {
        let mut acted = Vec::new();
        for (position, (at, role)) in roles.iter().enumerate() {
            let from = micros(*at);
            let next = roles.get(position + 1).map_or(lasted, |(at, _)| micros(*at));
            let stop = stops.iter().copied().find(|stop| *stop >= from).unwrap_or(u64::MAX);
            acted.push(Acted { from, to: next.min(stop).max(from), role: *role });
        }
        acted
    }
}

/// A role while it lasted.
#[derive(Clone, Copy, Debug)]
struct Acted {
    from: u64,
    to: u64,
    role: Role,
}

impl Default for ReplicaTale {
    fn default() -> Self {
        Self {
            roles: Vec::new(),
            log_end_offset: Line::new("log end offset"),
            high_watermark: Line::new("high watermark"),
        }
    }
}

impl ReplicaTale {
    fn ends(&mut self, at: Duration, offset: Offset) {
        self.log_end_offset.step(at, offset.0);
    }
}
