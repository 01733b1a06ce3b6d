//! Where each part of a [`Moment`] is known: the machines to the harness, the rest to the record.

use std::collections::BTreeMap;

use harness::cluster::Cluster;
use harness::history::{History, Phase};
use harness::system::Node;
use highwater::host::probe::Observation;
use highwater::types::{BrokerId, NodeId};

use super::{
    BeliefState, ControllerState, EpochState, Moment, NodeState, PartitionState, ReplicaState,
};
use crate::picture::{Partition, Picture, Replica, ReplicaLog, Role};
use crate::record::{Happened, Happening, Record};
use crate::system::{Brokers, broker_of};
use crate::words;

/// So many epochs of a log are told, the last ones.
const EPOCHS: usize = 4;
/// So many lines of the journal.
const JOURNAL: usize = 8;
/// So many things that nodes did.
const LATEST: usize = 16;

impl Moment {
    /// The cluster now, of which `record` and `history` tell everything so far.
    #[must_use]
    pub fn of(cluster: &Cluster<Brokers>, record: &Record, history: &History) -> Self {
        let picture = record.picture_after(record.happened().len());
        let last = |lines: Vec<String>, most: usize| {
            let from = lines.len().saturating_sub(most);
            lines[from..].to_vec()
        };
        let journal = cluster.journal().entries().iter().map(ToString::to_string).collect();
        let faults = cluster.faults_in_force().into_iter();
        let faults = faults.map(|(_, fault, on)| format!("{fault} {}", on.join(" ")));
        Self {
            at: cluster.now(),
            violation: record.broke().map(|(_, violation)| violation.to_string()),
            nodes: cluster.nodes().iter().map(|node| machine(cluster, &picture, *node)).collect(),
            controllers: controllers(cluster, record),
            partitions: picture.partitions().iter().map(partition).collect(),
            faults: faults.map(|line| line.trim_end().to_owned()).collect(),
            open_calls: open_calls(history),
            journal: last(journal, JOURNAL),
            latest: latest(record),
        }
    }
}

fn machine(cluster: &Cluster<Brokers>, picture: &Picture, node: Node) -> NodeState {
    let (disk, clock, broker) = (cluster.disk(node), cluster.clock(node), broker_of(node));
    let process = if !cluster.is_running(node) {
        "down"
    } else if cluster.is_paused(node) {
        "paused"
    } else if cluster.is_stopping(node) {
        "stopping"
    } else {
        "up"
    };
    let known = picture.metadata().image().brokers.get(&broker);
    let registered = known.map_or("unknown".to_owned(), |record| {
        let state = match (record.fenced, record.in_controlled_shutdown) {
            (true, _) => "fenced",
            (false, true) => "leaving",
            (false, false) => "active",
        };
        format!("{state}, epoch {}", record.epoch)
    });
    let seen = picture.node(broker);
    NodeState {
        node: cluster.name(node).to_owned(),
        process,
        incarnation: cluster.incarnation(node),
        broker_epoch: seen.and_then(|seen| seen.broker_epoch()).map(|epoch| epoch.0),
        registered,
        metadata_applied: seen.and_then(|seen| seen.metadata_applied()).map(|offset| offset.0),
        disk_troubles: disk.troubles().iter().map(ToString::to_string).collect(),
        clock_offset_ms: clock.offset_ms(),
        clock_rate_ppm: clock.rate_ppm(),
    }
}

/// Every controller; what it knew before it was started again, it has to learn anew.
fn controllers(cluster: &Cluster<Brokers>, record: &Record) -> Vec<ControllerState> {
    let count = cluster.system().settings().controller_count();
    let mut known: BTreeMap<NodeId, ControllerState> = BTreeMap::new();
    for node in cluster.nodes().into_iter().take(count) {
        let name = cluster.name(node).to_owned();
        let state = ControllerState { node: name, active: false, epoch: None, committed: None };
        known.insert(broker_of(node).into(), state);
    }
    for happened in record.happened() {
        let Some(state) = known.get_mut(&happened.node) else { continue };
        match &happened.what {
            Happening::Observed(Observation::MetadataCommitted { offset, .. }) => {
                state.committed = state.committed.max(Some(offset.0));
            }
            Happening::Observed(Observation::ActiveController { epoch, active, .. }) => {
                (state.epoch, state.active) = (Some(*epoch), *active);
            }
            Happening::Stopped(_) => (state.active, state.committed) = (false, None),
            Happening::Observed(_)
            | Happening::Started
            | Happening::DiskHarmed
            | Happening::Waived(..) => {}
        }
    }
    known.into_values().collect()
}

fn partition(partition: &Partition) -> PartitionState {
    PartitionState {
        partition: partition.name().to_string(),
        registration: partition
            .registration()
            .map_or("not registered".to_owned(), words::registration),
        min_in_sync_replicas: partition.min_in_sync_replicas(),
        committed_end_offset: partition.committed().end_offset().0,
        waived: partition.budget().waiver().map(|waiver| format!("{waiver:?}")),
        replicas: partition.replicas().map(|(broker, held)| replica(broker, held)).collect(),
    }
}

fn replica(broker: BrokerId, replica: &Replica) -> ReplicaState {
    let role = match &replica.role {
        Role::Idle => "idle".to_owned(),
        Role::Leader(leadership) => format!("leads in epoch {}", leadership.leader_epoch),
        Role::Follower { leader_epoch, leader } => {
            format!("follows {} in epoch {leader_epoch}", words::whom(*leader))
        }
    };
    let believes = replica.leadership().and_then(|leadership| leadership.in_sync.as_ref());
    let numbers = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect();
    ReplicaState {
        node: words::node(broker),
        role,
        log_start_offset: replica.log.log_start_offset().0,
        log_end_offset: replica.log.log_end_offset().0,
        high_watermark: replica.high_watermark.0,
        flushed_to: replica.flushed_to.0,
        agrees_to: replica.log.agreed_to().0,
        epochs: epochs(&replica.log),
        believes: believes.map(|view| BeliefState {
            partition_epoch: view.partition_epoch.0,
            committed: numbers(&view.committed),
            maximal: numbers(&view.maximal),
        }),
    }
}

fn epochs(log: &ReplicaLog) -> Vec<EpochState> {
    let mut epochs: Vec<EpochState> = Vec::new();
    for batch in log.batches() {
        let last = epochs.last_mut().filter(|last| last.leader_epoch == batch.leader_epoch.0);
        match last {
            Some(last) => {
                last.to = batch.last_offset.0;
                last.batches += 1;
            }
            None => epochs.push(EpochState {
                leader_epoch: batch.leader_epoch.0,
                from: batch.base_offset.0,
                to: batch.last_offset.0,
                batches: 1,
            }),
        }
    }
    let from = epochs.len().saturating_sub(EPOCHS);
    epochs.split_off(from)
}

/// The calls that were asked and not answered. A call of unknown fate is answered: nobody waits.
fn open_calls(history: &History) -> Vec<String> {
    let mut open = BTreeMap::new();
    for operation in history.operations() {
        match operation.phase {
            Phase::Invoke => drop(open.insert(operation.process, operation)),
            Phase::Ok | Phase::Fail | Phase::Info => drop(open.remove(&operation.process)),
        }
    }
    let mut open: Vec<_> = open.into_values().collect();
    open.sort_by_key(|operation| operation.index);
    open.into_iter().map(ToString::to_string).collect()
}

/// What is done all the time and changes nothing that a person would ask for is left out.
fn latest(record: &Record) -> Vec<String> {
    let is_told = |happened: &&Happened| {
        !matches!(
            happened.observation(),
            Some(Observation::Flushed { .. } | Observation::MetadataApplied { .. })
        )
    };
    let mut lines: Vec<String> =
        record.happened().iter().rev().filter(is_told).take(LATEST).map(one_line).collect();
    lines.reverse();
    lines
}

fn one_line(happened: &Happened) -> String {
    let Happened { at, node, what } = happened;
    format!("{:>10.3}s  node-{node}  {}", at.as_secs_f64(), words::happening(what))
}
