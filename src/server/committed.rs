//! The committed metadata of this controller, for brokers that replay it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::types::{MetadataOffset, MetadataRecord, NodeId};

/// Batches handed out in one answer, so that an answer stays small.
const BATCHES_PER_ANSWER: usize = 500;

/// What is committed, and who leads.
#[derive(Debug)]
pub(crate) struct Committed {
    state: Mutex<State>,
    /// Told when anything changes.
    pub(crate) changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    snapshot: Option<(MetadataOffset, Bytes)>,
    batches: BTreeMap<MetadataOffset, Arc<Vec<MetadataRecord>>>,
    leader: Option<NodeId>,
    active: bool,
}

/// What a broker that has reached some position may have next.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// This controller is not the active one; that one may be.
    NotController(Option<NodeId>),
    /// Nothing new.
    Nothing,
    /// The batches behind its position.
    Batches(Vec<(MetadataOffset, Arc<Vec<MetadataRecord>>)>),
    /// Everything: its position lies before the oldest batch kept.
    Snapshot(Bytes),
}

impl Committed {
    /// Nothing is committed yet.
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic under this lock is a bug that ends the broker")
    }

    /// Adds a batch.
    pub(crate) fn push(&self, offset: MetadataOffset, records: Arc<Vec<MetadataRecord>>) {
        self.lock().batches.insert(offset, records);
        self.changed.notify_waiters();
    }

    /// Replaces everything up to `offset` by an image.
    pub(crate) fn restore(&self, offset: MetadataOffset, image: Bytes) {
        let mut state = self.lock();
        state.batches.retain(|at, _| *at > offset);
        state.snapshot = Some((offset, image));
        drop(state);
        self.changed.notify_waiters();
    }

    /// Names the quorum's leader.
    pub(crate) fn set_leader(&self, leader: Option<NodeId>) {
        self.lock().leader = leader;
        self.changed.notify_waiters();
    }

    /// Says whether this node is the active controller.
    pub(crate) fn set_active(&self, active: bool) {
        self.lock().active = active;
        self.changed.notify_waiters();
    }

    /// The last position committed.
    pub(crate) fn offset(&self) -> MetadataOffset {
        let state = self.lock();
        let snapshot = state.snapshot.as_ref().map(|(offset, _)| *offset);
        state.batches.last_key_value().map(|(offset, _)| *offset).max(snapshot).unwrap_or_default()
    }

    /// What follows `after`.
    pub(crate) fn next(&self, after: MetadataOffset) -> Next {
        let state = self.lock();
        if !state.active {
            return Next::NotController(state.leader);
        }
        if let Some((offset, image)) = &state.snapshot
            && after < *offset
        {
            return Next::Snapshot(image.clone());
        }
        let behind = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let batches: Vec<_> = state
            .batches
            .range(behind)
            .take(BATCHES_PER_ANSWER)
            .map(|(offset, records)| (*offset, records.clone()))
            .collect();
        if batches.is_empty() { Next::Nothing } else { Next::Batches(batches) }
    }
}
