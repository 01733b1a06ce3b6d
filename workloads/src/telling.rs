//! Tells a run while it lasts: what was done to the cluster, what its nodes and controllers made
//! of it, and what its clients got, one event a line.
//!
//! Three sources are told as one story: the journal, the brokers' observations, and the history
//! that the clients write. Telling only listens: a run is the same whether it is told or not. Of
//! the observations only those are told that a person would ask about; a trace has them all.

mod clients;
mod decisions;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use harness::cluster::{Cluster, JournalEntry, JournalEvent};
use harness::history::Recorder;
use harness::report::{LiveEvent, Tone};
use highwater::host::probe::{BatchId, Observation};
use highwater::types::{BrokerEpoch, MetadataOffset, NodeId, Offset, TopicPartition};

use crate::system::Brokers;
use clients::Clients;
use decisions::Decisions;

/// Is told each event as it happens.
pub type Ear = Box<dyn FnMut(LiveEvent<'_>) + Send>;

/// What stands where a node's name would: the faults' side, the controllers' decisions, all
/// clients together, and the run itself.
pub const TELLERS: [&str; 4] = [FAULTS, CONTROLLER, CLIENTS, RUN];

const FAULTS: &str = "faults";
const CONTROLLER: &str = "controller";
const CLIENTS: &str = "clients";
const RUN: &str = "run";

/// One run being told. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Telling {
    narrator: Arc<Mutex<Narrator>>,
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").finish_non_exhaustive()
    }
}

impl Telling {
    /// Listens to everything in `cluster` from now on.
    pub(crate) fn begin(ear: Ear, cluster: &Cluster<Brokers>) -> Self {
        let narrator = Narrator::new(ear, cluster.nodes().iter().map(|node| cluster.name(*node)));
        let telling = Self { narrator: Arc::new(Mutex::new(narrator)) };
        let journal = telling.clone();
        cluster.journal().listen(Box::new(move |entry| journal.lock().journal(entry)));
        let watch = telling.clone();
        cluster.system().watch().listen(Box::new(move |at, node, observation| {
            watch.lock().observed(at, node, observation);
        }));
        telling
    }

    /// Clients write their history to `recorder` from now on.
    pub(crate) fn read_along(&self, recorder: &Recorder, at: Duration) {
        self.lock().clients = Some(Clients::new(recorder.clone(), at));
    }

    /// Clients have come to their end.
    pub(crate) fn clients_stopped(&self, at: Duration) {
        let mut narrator = self.lock();
        narrator.catch_up(at);
        narrator.clients = None;
    }

    /// The run says something itself.
    pub(crate) fn say(&self, at: Duration, what: &str, tone: Tone) {
        let mut narrator = self.lock();
        narrator.catch_up(at);
        narrator.say(at, RUN, what, tone);
    }

    fn lock(&self) -> MutexGuard<'_, Narrator> {
        self.narrator.lock().expect("whoever is told does not panic")
    }
}

/// What is known of one replica, as far as the story needs it.
#[derive(Debug, Default)]
struct Known {
    end: Offset,
    leads: bool,
}

struct Narrator {
    ear: Ear,
    nodes: Vec<String>,
    /// Hosts of one step have their own moment in it; the story does not go back for them.
    latest: Duration,
    replicas: BTreeMap<(NodeId, TopicPartition), Known>,
    registered: BTreeMap<NodeId, BrokerEpoch>,
    active: BTreeSet<NodeId>,
    decided_to: Option<MetadataOffset>,
    decisions: Decisions,
    clients: Option<Clients>,
}

impl Narrator {
    fn new<'a>(ear: Ear, nodes: impl Iterator<Item = &'a str>) -> Self {
        Self {
            ear,
            nodes: nodes.map(str::to_owned).collect(),
            latest: Duration::ZERO,
            replicas: BTreeMap::new(),
            registered: BTreeMap::new(),
            active: BTreeSet::new(),
            decided_to: None,
            decisions: Decisions::default(),
            clients: None,
        }
    }

    fn say(&mut self, at: Duration, node: &str, what: &str, tone: Tone) {
        self.latest = self.latest.max(at);
        (self.ear)(LiveEvent { at: self.latest, node, what, tone });
    }

    /// Tells what clients got in the seconds that are over at `at`.
    fn catch_up(&mut self, at: Duration) {
        let Some(clients) = &mut self.clients else { return };
        for (at, what, tone) in clients.until(at) {
            self.say(at, CLIENTS, &what, tone);
        }
    }

    fn journal(&mut self, entry: &JournalEntry) {
        self.catch_up(entry.at);
        let (node, what, tone) = match &entry.event {
            JournalEvent::Struck { fault, on, .. } => {
                self.aimed(on, &format!("FAULT {fault}"), Tone::Doubt)
            }
            JournalEvent::Lifted { fault, on, .. } => {
                self.aimed(on, &format!("over: {fault}"), Tone::Good)
            }
            JournalEvent::Skipped { fault, on, why } => {
                let (node, what, tone) = self.aimed(on, &format!("skipped: {fault}"), Tone::Faint);
                (node, format!("{what} ({why})"), tone)
            }
            JournalEvent::Restarted { node, incarnation } => {
                (node.clone(), format!("starts, for the {} time", nth(*incarnation)), Tone::Good)
            }
            JournalEvent::Ended { node, how } => {
                (node.clone(), format!("its process {how}"), Tone::Doubt)
            }
            JournalEvent::Healed => {
                let what = "heal: every fault is lifted, every node is up";
                (FAULTS.to_owned(), what.to_owned(), Tone::Good)
            }
            JournalEvent::Note(text) => (RUN.to_owned(), text.clone(), Tone::Normal),
        };
        self.say(entry.at, &node, &what, tone);
    }

    /// What befalls one node is told as the node's; what befalls several, with their names.
    fn aimed(&self, on: &[String], what: &str, tone: Tone) -> (String, String, Tone) {
        match on {
            [] => (FAULTS.to_owned(), what.to_owned(), tone),
            [one] if self.nodes.contains(one) => (one.clone(), what.to_owned(), tone),
            several => (FAULTS.to_owned(), format!("{what}: {}", several.join(" | ")), tone),
        }
    }

    fn observed(&mut self, at: Duration, node: NodeId, observation: &Observation) {
        self.catch_up(at);
        match observation {
            Observation::LogOpened { partition, batches, bytes_cut, .. } => {
                self.opened(at, node, (partition, batches, *bytes_cut));
            }
            Observation::Appended { partition, batch, .. } => {
                self.replica(node, partition).end = after(batch);
            }
            Observation::Truncated { partition, to } => {
                let end = std::mem::replace(&mut self.replica(node, partition).end, *to);
                let count = records(end.0 - to.0);
                let what = format!("truncates {partition} to {to}, {count} gone");
                self.tell(at, node, &what, Tone::Doubt);
            }
            Observation::Restarted { partition, at: start } => {
                self.replica(node, partition).end = *start;
                let what = format!("deletes {partition} and begins anew at {start}");
                self.tell(at, node, &what, Tone::Doubt);
            }
            Observation::BecameLeader { partition, leader_epoch, leader_epoch_start_offset } => {
                self.replica(node, partition).leads = true;
                let what = format!(
                    "leads {partition} in epoch {leader_epoch}, from {leader_epoch_start_offset} on"
                );
                self.tell(at, node, &what, Tone::Normal);
            }
            Observation::BecameFollower { partition, leader_epoch, leader } => {
                let led = std::mem::take(&mut self.replica(node, partition).leads);
                if led {
                    let leader = leader.map_or("nobody".to_owned(), |id| name(id.into()));
                    let what = format!(
                        "leads {partition} no more, follows {leader} in epoch {leader_epoch}"
                    );
                    self.tell(at, node, &what, Tone::Normal);
                }
            }
            Observation::MetadataCommitted { offset, records } => {
                if self.decided_to < Some(*offset) {
                    self.decided_to = Some(*offset);
                    for (what, tone) in self.decisions.told(records) {
                        self.say(at, CONTROLLER, &what, tone);
                    }
                }
            }
            Observation::Registered { broker_epoch } => {
                self.is_registered(at, node, *broker_epoch);
            }
            Observation::ActiveController { epoch, active, .. } => {
                if *active {
                    self.active.insert(node);
                    let what = format!("becomes the active controller, in epoch {epoch}");
                    self.tell(at, node, &what, Tone::Normal);
                } else if self.active.remove(&node) {
                    self.tell(at, node, "is the active controller no more", Tone::Normal);
                }
            }
            Observation::StorageFailed { partition, error } => {
                let what = format!("its disk fails {partition}: {error}");
                self.tell(at, node, &what, Tone::Doubt);
            }
            Observation::LogStartAdvanced { .. }
            | Observation::Flushed { .. }
            | Observation::HighWatermark { .. }
            | Observation::InSyncReplicas { .. }
            | Observation::Acknowledged { .. }
            | Observation::Served { .. }
            | Observation::MetadataApplied { .. } => {}
        }
    }

    /// The first registration is no news.
    fn is_registered(&mut self, at: Duration, node: NodeId, epoch: BrokerEpoch) {
        if self.registered.insert(node, epoch).is_some() {
            let what = format!("registers again, as broker epoch {epoch}");
            self.tell(at, node, &what, Tone::Faint);
        }
    }

    /// A log is opened: at the first start, or by a process that came back.
    fn opened(
        &mut self,
        at: Duration,
        node: NodeId,
        (partition, batches, bytes_cut): (&TopicPartition, &[BatchId], u64),
    ) {
        let end = batches.last().map_or(Offset::default(), after);
        let before = std::mem::replace(self.replica(node, partition), Known { end, leads: false });
        if before.end == Offset::default() && end == Offset::default() {
            return;
        }
        let mut what = format!("opens {partition} with {} records", end.0);
        if end < before.end {
            what.push_str(&format!(", {} lost", records(before.end.0 - end.0)));
        }
        if bytes_cut > 0 {
            what.push_str(&format!(", {bytes_cut} torn bytes cut off"));
        }
        let tone = if end < before.end { Tone::Doubt } else { Tone::Normal };
        self.tell(at, node, &what, tone);
    }

    fn tell(&mut self, at: Duration, node: NodeId, what: &str, tone: Tone) {
        self.say(at, &name(node), what, tone);
    }

    fn replica(&mut self, node: NodeId, partition: &TopicPartition) -> &mut Known {
        self.replicas.entry((node, partition.clone())).or_default()
    }
}

/// The log end once the batch is appended.
fn after(batch: &BatchId) -> Offset {
    Offset(batch.last_offset.0 + 1)
}

fn name(node: NodeId) -> String {
    format!("node-{node}")
}

fn records(count: i64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

fn nth(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
