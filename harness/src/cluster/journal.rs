//! What was done to the cluster and when: for people to read, and for machines to repeat.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timeline;
use crate::fault::{Fault, FaultId, Skipped};
use crate::gate::lock;
use crate::system::Stopped;
use crate::trace::Tracer;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The time since the simulation began.
    #[serde(with = "crate::millis")]
    pub at: Duration,
    /// What happened.
    pub event: JournalEvent,
}

/// What can happen to a cluster. Nodes are called by their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JournalEvent {
    /// A fault took effect.
    Struck {
        /// Its number.
        id: FaultId,
        /// The fault.
        fault: Fault,
        /// Whom it struck; for a partition, its groups.
        on: Vec<String>,
    },
    /// A fault did not take effect.
    Skipped {
        /// The fault.
        fault: Fault,
        /// Whom it was to strike.
        on: Vec<String>,
        /// Why not.
        why: Skipped,
    },
    /// A fault was lifted, alone.
    Lifted {
        /// Its number.
        id: FaultId,
        /// The fault.
        fault: Fault,
        /// Whom it had struck.
        on: Vec<String>,
    },
    /// A node was started again.
    Restarted {
        /// The node.
        node: String,
        /// Which start it was.
        incarnation: u64,
    },
    /// A process ended, other than by a fault.
    Ended {
        /// The node.
        node: String,
        /// How.
        how: Stopped,
    },
    /// Every fault was lifted and every node is up.
    Healed,
    /// Something that the story had to say.
    Note(String),
}

/// Is told each line as it is written.
pub type JournalListener = Box<dyn FnMut(&JournalEntry) + Send>;

/// The journal of a run, shared with whoever will tell of its failure. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    timeline: Timeline,
    tracer: Tracer,
    entries: Arc<Mutex<Vec<JournalEntry>>>,
    listener: Arc<Mutex<Option<JournalListener>>>,
}

impl Journal {
    pub(crate) fn new(timeline: Timeline, tracer: Tracer) -> Self {
        Self { timeline, tracer, entries: Arc::default(), listener: Arc::default() }
    }

    /// Writes a line, dated now.
    pub(crate) fn write(&self, event: JournalEvent) {
        self.tracer.note(event.to_string());
        let entry = JournalEntry { at: self.timeline.now(), event };
        lock(&self.entries).push(entry.clone());
        if let Some(listener) = lock(&self.listener).as_mut() {
            listener(&entry);
        }
    }

    /// From now on `listener`, and nobody who listened before, is told each line as it is written.
    /// It must not write lines itself.
    pub fn listen(&self, listener: JournalListener) {
        *lock(&self.listener) = Some(listener);
    }

    /// All lines so far.
    #[must_use]
    pub fn entries(&self) -> Vec<JournalEntry> {
        lock(&self.entries).clone()
    }

    /// The time since the simulation began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.timeline.now()
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lock(&self.entries).iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for JournalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3}s  {}", self.at.as_secs_f64(), self.event)
    }
}

impl fmt::Display for JournalEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aim = |on: &[String]| match on {
            [] => String::new(),
            names => format!(" {}", names.join(" ")),
        };
        match self {
            Self::Struck { fault, on, .. } => write!(f, "{fault}{}", aim(on)),
            Self::Skipped { fault, on, why } => write!(f, "skipped {fault}{}: {why}", aim(on)),
            Self::Lifted { fault, on, .. } => write!(f, "end of {fault}{}", aim(on)),
            Self::Restarted { node, incarnation } => write!(f, "start {node} (no. {incarnation})"),
            Self::Ended { node, how } => write!(f, "{node} {how}"),
            Self::Healed => f.write_str("heal"),
            Self::Note(text) => f.write_str(text),
        }
    }
}
