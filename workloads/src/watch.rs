//! Everything the brokers observe, gathered in one place and judged as it arrives.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use harness::clock::Timeline;
use highwater::host::Probe;
use highwater::host::probe::{BatchId, Observation};
use highwater::types::{BrokerId, NodeId, Offset, TopicPartition};

use crate::invariants::{Inspector, Violation};
use crate::picture::{Picture, Settings, Stop, same_batch};
use crate::record::{Happened, Happening, Record};
use crate::words;

/// Observations kept for the report of a violation.
const KEPT: usize = 400;

/// Is told each observation, after it was judged.
pub type Listener = Box<dyn FnMut(Duration, NodeId, &Observation) + Send>;

/// The picture of one cluster, shared by its brokers' probes and whoever looks at it.
#[derive(Clone)]
pub struct Watch {
    state: Arc<Mutex<State>>,
    listeners: Arc<Mutex<Vec<Listener>>>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Records that a replica held and holds no more.
#[derive(Clone, Debug)]
struct Fate {
    partition: TopicPartition,
    batch: BatchId,
    why: String,
}

#[derive(Debug)]
struct State {
    timeline: Timeline,
    inspector: Inspector,
    fates: Vec<Fate>,
    /// The newest epoch of the quorum in which a node became active, and the node while it is.
    active: (u64, Option<NodeId>),
    violation: Option<Violation>,
    latest: VecDeque<(Duration, NodeId, String)>,
    keeps_everything: bool,
    record: Option<Record>,
}

impl Watch {
    /// An empty picture, at the beginning of time.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let state = State {
            timeline: Timeline::default(),
            inspector: Inspector::new(settings),
            fates: Vec::new(),
            active: (0, None),
            violation: None,
            latest: VecDeque::new(),
            keeps_everything: false,
            record: None,
        };
        Self { state: Arc::new(Mutex::new(state)), listeners: Arc::default() }
    }

    /// From now on what happens is stamped with the time of `timeline`.
    pub fn set_timeline(&self, timeline: &Timeline) {
        self.lock().timeline = timeline.clone();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the picture does not panic")
    }

    /// The probe of one node.
    #[must_use]
    pub fn probe(&self, node: NodeId) -> Arc<dyn Probe> {
        Arc::new(NodeProbe { watch: self.clone(), node })
    }

    /// Keeps every observation in words, for a trace; otherwise only the last few hundred.
    pub fn keep_everything(&self) {
        self.lock().keeps_everything = true;
    }

    /// Keeps a record, for whoever explains the run. To be called before anything happens.
    pub fn keep_record(&self) {
        let mut state = self.lock();
        state.record = Some(Record::new(state.inspector.picture().settings()));
    }

    /// The record, if one is kept; it begins anew.
    #[must_use]
    pub fn take_record(&self) -> Option<Record> {
        self.lock().record.take()
    }

    /// From now on `listener`, beside those who listen already, is told each observation. It may
    /// look at the picture, but not cause observations.
    pub fn listen(&self, listener: Listener) {
        self.listeners.lock().expect("a listener does not panic").push(listener);
    }

    /// Looks at the picture.
    pub fn look<T>(&self, look: impl FnOnce(&Picture) -> T) -> T {
        look(self.lock().inspector.picture())
    }

    /// The first property that did not hold, if one did not.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.lock().violation.clone()
    }

    /// The active controller of the newest epoch, while it has not resigned or stopped.
    #[must_use]
    pub fn active_controller(&self) -> Option<NodeId> {
        self.lock().active.1
    }

    /// The latest observations in words, oldest first.
    #[must_use]
    pub fn latest(&self) -> Vec<(Duration, NodeId, String)> {
        self.lock().latest.iter().cloned().collect()
    }

    /// A node's process was started.
    pub fn started(&self, node: NodeId) {
        self.judge(node, Happening::Started, |inspector, at| inspector.started(node, at));
    }

    /// A node's process ended.
    pub fn stopped(&self, node: NodeId, how: Stop) {
        let mut state = self.lock();
        if state.active.1 == Some(node) {
            state.active.1 = None;
        }
        drop(state);
        let what = Happening::Stopped(how);
        self.judge(node, what, |inspector, at| inspector.stopped(node, at, how));
    }

    /// A node's disk lost or changed what it had promised to keep.
    pub fn disk_harmed(&self, node: NodeId) {
        let what = Happening::DiskHarmed;
        self.judge(node, what, |inspector, at| inspector.disk_harmed(node, at));
    }

    /// Loss of committed records in `partition` is from now on what an administrator asked for.
    pub fn waive(&self, partition: &TopicPartition, why: &'static str) {
        let mut state = self.lock();
        let (at, node) = (state.timeline.now(), NodeId::default());
        state.note(at, node, || Happening::Waived(partition.clone(), why));
        state.inspector.waive(partition, why);
    }

    /// Why the record that was acknowledged at `offset` is gone: the replica that appended it cut
    /// it off or lost it before it was committed, or after the guarantees were waived. `None` if
    /// nothing of the kind was observed.
    #[must_use]
    pub fn fate(&self, partition: &TopicPartition, offset: i64) -> Option<String> {
        let state = self.lock();
        let picture = state.inspector.picture();
        let judged = picture.within_budget(partition);
        let offset = Offset(offset);
        let committed = picture.partition(partition)?.committed().batch_at(offset);
        state
            .fates
            .iter()
            .filter(|fate| fate.partition == *partition)
            .filter(|fate| (fate.batch.base_offset..=fate.batch.last_offset).contains(&offset))
            .find(|fate| !judged || committed.is_none_or(|kept| !same_batch(kept, &fate.batch)))
            .map(|fate| fate.why.clone())
    }

    fn judge(
        &self,
        node: NodeId,
        what: Happening,
        change: impl FnOnce(&mut Inspector, Duration) -> Result<(), Violation>,
    ) {
        let mut state = self.lock();
        let at = state.timeline.now();
        state.note(at, node, || what);
        let judged = change(&mut state.inspector, at);
        state.note_judgement(judged);
    }

    fn observe(&self, node: NodeId, observation: &Observation) {
        let mut state = self.lock();
        let at = state.timeline.now();
        if state.violation.is_none() {
            state.keep(at, node, observation);
        }
        state.note_fates(at, node, observation);
        state.note_controller(observation);
        state.note(at, node, || Happening::Observed(observation.clone()));
        let judged = state.inspector.observe(node, at, observation);
        state.note_judgement(judged);
        drop(state);
        let mut listeners = self.listeners.lock().expect("a listener does not panic");
        for listener in listeners.iter_mut() {
            listener(at, node, observation);
        }
    }
}

impl State {
    fn note(&mut self, at: Duration, node: NodeId, what: impl FnOnce() -> Happening) {
        if let Some(record) = &mut self.record {
            record.note(Happened { at, node, what: what() });
        }
    }

    fn note_judgement(&mut self, judged: Result<(), Violation>) {
        let Err(violation) = judged else { return };
        if let Some(record) = &mut self.record {
            record.note_violation(&violation);
        }
        // The first is the mistake; what follows are its consequences.
        self.violation.get_or_insert(violation);
    }

    fn note_controller(&mut self, observation: &Observation) {
        let Observation::ActiveController { node, epoch, active } = observation else { return };
        if *active && *epoch >= self.active.0 {
            self.active = (*epoch, Some(*node));
        } else if !*active && self.active.1 == Some(*node) {
            self.active.1 = None;
        }
    }

    /// Remembers which batches a replica is about to lose.
    fn note_fates(&mut self, at: Duration, node: NodeId, observation: &Observation) {
        let (partition, how) = if let Observation::Truncated { partition, .. } = observation {
            (partition, "cut them off its log")
        } else if let Observation::LogOpened { partition, .. } = observation {
            (partition, "came back without them")
        } else if let Observation::Restarted { partition, .. } = observation {
            (partition, "began its log anew")
        } else {
            return;
        };
        let picture = self.inspector.picture();
        let replica =
            picture.partition(partition).and_then(|known| known.replica(BrokerId::from(node)));
        let Some(replica) = replica else { return };
        let gone = replica.log.batches().iter().filter(|batch| {
            if let Observation::Truncated { to, .. } = observation {
                batch.last_offset >= *to
            } else if let Observation::LogOpened { batches, .. } = observation {
                !batches.iter().any(|kept| same_batch(kept, batch))
            } else {
                true
            }
        });
        let why = format!("node-{node} {how} at {:.3}s", at.as_secs_f64());
        let fates: Vec<Fate> = gone
            .map(|batch| Fate { partition: partition.clone(), batch: *batch, why: why.clone() })
            .collect();
        self.fates.extend(fates);
    }

    /// Words are only made where somebody will read them: they cost more than the judging.
    fn keep(&mut self, at: Duration, node: NodeId, observation: &Observation) {
        if !self.keeps_everything {
            return;
        }
        if self.latest.len() >= KEPT * 1000 {
            self.latest.pop_front();
        }
        self.latest.push_back((at, node, format!("{observation:?}")));
    }
}

#[derive(Debug)]
struct NodeProbe {
    watch: Watch,
    node: NodeId,
}

impl Probe for NodeProbe {
    fn observe(&self, observation: Observation) {
        if let Observation::Appended { .. }
        | Observation::Truncated { .. }
        | Observation::Flushed { .. }
        | Observation::LogOpened { .. }
        | Observation::Restarted { .. }
        | Observation::LogStartAdvanced { .. } = &observation
        {
            // The log itself has no voice: its deeds are told here.
            tracing::debug!(target: "highwater::log", "{}", words::observation(&observation));
        }
        self.watch.observe(self.node, &observation);
    }
}
