//! Everything the brokers observe, gathered in one place and judged as it arrives.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use harness::clock::Timeline;
use highwater::host::Probe;
use highwater::host::probe::Observation;
use highwater::types::{NodeId, TopicPartition};

use crate::invariants::{Inspector, Violation};
use crate::picture::{Picture, Settings, Stop};

/// Observations kept for the report of a violation.
const KEPT: usize = 400;

/// The picture of one cluster, shared by its brokers' probes and whoever looks at it.
#[derive(Clone, Debug)]
pub struct Watch {
    timeline: Timeline,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    inspector: Inspector,
    violation: Option<Violation>,
    latest: VecDeque<(Duration, NodeId, String)>,
    keeps_everything: bool,
}

impl Watch {
    /// An empty picture. Observations are stamped with the time of `timeline`.
    #[must_use]
    pub fn new(timeline: Timeline, settings: Settings) -> Self {
        let state = State {
            inspector: Inspector::new(settings),
            violation: None,
            latest: VecDeque::new(),
            keeps_everything: false,
        };
        Self { timeline, state: Arc::new(Mutex::new(state)) }
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

    /// Looks at the picture.
    pub fn look<T>(&self, look: impl FnOnce(&Picture) -> T) -> T {
        look(self.lock().inspector.picture())
    }

    /// The first property that did not hold, if one did not.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.lock().violation.clone()
    }

    /// The latest observations in words, oldest first.
    #[must_use]
    pub fn latest(&self) -> Vec<(Duration, NodeId, String)> {
        self.lock().latest.iter().cloned().collect()
    }

    /// A node's process was started.
    pub fn started(&self, node: NodeId) {
        let at = self.timeline.now();
        self.judge(|inspector| inspector.started(node, at));
    }

    /// A node's process ended.
    pub fn stopped(&self, node: NodeId, how: Stop) {
        let at = self.timeline.now();
        self.judge(|inspector| inspector.stopped(node, at, how));
    }

    /// A node's disk lost or changed what it had promised to keep.
    pub fn disk_harmed(&self, node: NodeId) {
        let at = self.timeline.now();
        self.judge(|inspector| inspector.disk_harmed(node, at));
    }

    /// Loss of committed records in `partition` is from now on what an administrator asked for.
    pub fn waive(&self, partition: &TopicPartition, why: &'static str) {
        self.lock().inspector.waive(partition, why);
    }

    fn judge(&self, change: impl FnOnce(&mut Inspector) -> Result<(), Violation>) {
        let mut state = self.lock();
        if let Err(violation) = change(&mut state.inspector) {
            // The first is the mistake; what follows are its consequences.
            state.violation.get_or_insert(violation);
        }
    }

    fn observe(&self, node: NodeId, observation: &Observation) {
        let at = self.timeline.now();
        let mut state = self.lock();
        if state.violation.is_none() {
            state.keep(at, node, observation);
        }
        if let Err(violation) = state.inspector.observe(node, at, observation) {
            state.violation.get_or_insert(violation);
        }
    }
}

impl State {
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
        self.watch.observe(self.node, &observation);
    }
}
