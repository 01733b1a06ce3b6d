//! What replicas want done by others: fetching, and proposals to the controller.
//!
//! A replica leaves its newest wish here under its own lock and goes on; the fetchers and the
//! proposer pick it up. A newer wish replaces an older one, so nothing can queue up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::host::Host;
use crate::replication::AlterPartitionProposal;
use crate::types::{BrokerId, LeaderEpoch, Millis, TopicId, TopicPartition};

/// The wishes of all replicas of this broker.
#[derive(Debug)]
pub(crate) struct Orders {
    host: Host,
    fetch_backoff: std::time::Duration,
    state: Mutex<State>,
    /// Told when a fetch order changed.
    pub(crate) fetch_changed: Notify,
    /// Told when a proposal waits.
    pub(crate) proposed: Notify,
    /// Told when the disk has failed.
    halting: Notify,
}

#[derive(Debug, Default)]
struct State {
    fetches: BTreeMap<TopicPartition, FetchOrder>,
    proposals: BTreeMap<TopicPartition, (TopicId, AlterPartitionProposal)>,
    failure: Option<String>,
}

/// From whom a follower fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FetchOrder {
    /// The leader.
    pub(crate) leader: BrokerId,
    /// The epoch to send.
    pub(crate) leader_epoch: LeaderEpoch,
    /// Not before this moment.
    pub(crate) not_before: Millis,
    /// First ask where the leader's log starts and ends.
    pub(crate) ask_bounds: bool,
}

impl Orders {
    /// No wishes yet; a follower that backs off does so for `fetch_backoff`.
    pub(crate) fn new(host: Host, fetch_backoff: std::time::Duration) -> Arc<Self> {
        Arc::new(Self {
            host,
            fetch_backoff,
            state: Mutex::default(),
            fetch_changed: Notify::new(),
            proposed: Notify::new(),
            halting: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic under this lock is a bug that ends the broker")
    }

    /// (Re)starts fetching `name` from `leader`.
    pub(crate) fn fetch(&self, name: &TopicPartition, leader: BrokerId, leader_epoch: LeaderEpoch) {
        let order = FetchOrder { leader, leader_epoch, not_before: Millis(0), ask_bounds: false };
        self.lock().fetches.insert(name.clone(), order);
        self.fetch_changed.notify_waiters();
    }

    /// Stops fetching `name`.
    pub(crate) fn stop_fetching(&self, name: &TopicPartition) {
        self.lock().fetches.remove(name);
    }

    /// Fetches `name` again, but not at once.
    pub(crate) fn back_off(&self, name: &TopicPartition) {
        let not_before = self.host.clock.now() + self.fetch_backoff;
        if let Some(order) = self.lock().fetches.get_mut(name) {
            order.not_before = not_before;
        }
    }

    /// Asks the leader of `name` for its bounds before fetching on.
    pub(crate) fn ask_bounds(&self, name: &TopicPartition) {
        if let Some(order) = self.lock().fetches.get_mut(name) {
            order.ask_bounds = true;
        }
    }

    /// The bounds have been asked for.
    pub(crate) fn bounds_asked(&self, name: &TopicPartition) {
        if let Some(order) = self.lock().fetches.get_mut(name) {
            order.ask_bounds = false;
        }
    }

    /// Everything to be fetched from `leader`.
    pub(crate) fn fetches_from(&self, leader: BrokerId) -> Vec<(TopicPartition, FetchOrder)> {
        self.lock()
            .fetches
            .iter()
            .filter(|(_, order)| order.leader == leader)
            .map(|(name, order)| (name.clone(), *order))
            .collect()
    }

    /// Every broker that something is fetched from.
    pub(crate) fn leaders(&self) -> Vec<BrokerId> {
        let mut leaders: Vec<_> = self.lock().fetches.values().map(|order| order.leader).collect();
        leaders.sort_unstable();
        leaders.dedup();
        leaders
    }

    /// Leaves a proposal for the controller, replacing an earlier one of the same partition.
    pub(crate) fn propose(
        &self,
        name: &TopicPartition,
        topic_id: TopicId,
        proposal: AlterPartitionProposal,
    ) {
        self.lock().proposals.insert(name.clone(), (topic_id, proposal));
        self.proposed.notify_one();
    }

    /// The disk failed under a replica. There is one log directory, so the broker cannot go on: as
    /// in Kafka it halts, and the others elect without it.
    pub(crate) fn halt(&self, reason: String) {
        self.lock().failure.get_or_insert(reason);
        self.halting.notify_waiters();
    }

    /// Whether the disk has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.lock().failure.is_some()
    }

    /// Waits until the disk has failed, and says how.
    pub(crate) async fn halted(&self) -> String {
        loop {
            let halting = self.halting.notified();
            if let Some(reason) = self.lock().failure.clone() {
                return reason;
            }
            halting.await;
        }
    }

    /// Takes every proposal that waits.
    pub(crate) fn take_proposals(
        &self,
    ) -> BTreeMap<TopicPartition, (TopicId, AlterPartitionProposal)> {
        std::mem::take(&mut self.lock().proposals)
    }
}
