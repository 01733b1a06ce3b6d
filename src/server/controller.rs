//! The shell around the quorum and the controller: one task that owns both.
//!
//! It feeds messages, requests and ticks in, and performs effects in order. What the quorum
//! promises is on the disk before anything is sent; what the controller answers is committed
//! before anybody hears of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::controller::{self, Controller, Reply, Request, RequestTicket};
use crate::host::Host;
use crate::host::probe::Observation;
use crate::quorum::{self, Quorum, QuorumMessage};
use crate::types::{MetadataOffset, MetadataRecord, Millis, NodeId};

use super::committed::Committed;
use super::metrics::ControllerCounters;
use super::quorum_log::{QuorumLog, QuorumLogError};

/// One tick of the quorum and of the controller.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// Requests and messages that may wait for the controller; beyond that they are dropped, and their
/// senders try again.
const INBOX: usize = 1024;
/// Batches kept behind the last snapshot before the next one is taken.
const SNAPSHOT_EVERY: i64 = 10_000;

/// How the rest of the node reaches its controller.
#[derive(Clone, Debug)]
pub(crate) struct ControllerHandle {
    inbox: mpsc::Sender<Input>,
    /// What is committed, for whoever replays it.
    pub(crate) committed: Arc<Committed>,
    /// What happens in the cluster, counted.
    pub(crate) counters: Arc<ControllerCounters>,
    controller: Arc<Mutex<Controller>>,
}

#[derive(Debug)]
enum Input {
    Request { request: Request, reply: oneshot::Sender<Reply> },
    Message(QuorumMessage),
}

impl ControllerHandle {
    /// Asks the controller; NOT_CONTROLLER where this node is not the active one or is overrun.
    pub(crate) async fn ask(&self, request: Request) -> Reply {
        let (reply, answer) = oneshot::channel();
        if self.inbox.try_send(Input::Request { request, reply }).is_err() {
            return Reply::NotController;
        }
        answer.await.unwrap_or(Reply::NotController)
    }

    /// The controller's state, for whoever only looks.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Controller> {
        lock(&self.controller)
    }

    /// Hands over a message of another voter; lost if the controller is overrun.
    pub(crate) fn receive(&self, message: QuorumMessage) {
        self.inbox.try_send(Input::Message(message)).ok();
    }
}

/// The task's own state.
#[derive(Debug)]
pub(crate) struct ControllerShell {
    host: Host,
    me: NodeId,
    quorum: Quorum,
    controller: Arc<Mutex<Controller>>,
    counters: Arc<ControllerCounters>,
    /// When each batch was decided that this reign has proposed and not seen committed.
    decided: VecDeque<Millis>,
    /// The last leader that the quorum was seen to have, and its epoch.
    last_leader: Option<(NodeId, u64)>,
    log: QuorumLog,
    inbox: mpsc::Receiver<Input>,
    peers: BTreeMap<NodeId, mpsc::Sender<QuorumMessage>>,
    waiting: BTreeMap<RequestTicket, oneshot::Sender<Reply>>,
    committed: Arc<Committed>,
    next_ticket: u64,
    snapshot_at: MetadataOffset,
}

/// Why a controller cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The quorum's log failed: this node can keep no promise.
    #[error("the quorum's log failed: {0}")]
    QuorumLog(String),
    /// A committed batch is not one this version can read.
    #[error("the metadata batch at {offset} cannot be read: {reason}")]
    UnreadableBatch {
        /// Its position.
        offset: MetadataOffset,
        /// What the decoder said.
        reason: String,
    },
}

impl From<QuorumLogError> for ControllerError {
    fn from(error: QuorumLogError) -> Self {
        Self::QuorumLog(error.to_string())
    }
}

impl ControllerShell {
    /// Opens the quorum's log and gets ready to run. `peers` are the outboxes of other voters.
    pub(crate) async fn open(
        host: Host,
        config: &Config,
        peers: BTreeMap<NodeId, mpsc::Sender<QuorumMessage>>,
    ) -> Result<(Self, ControllerHandle), ControllerError> {
        let (log, saved) = QuorumLog::open(host.storage.clone()).await?;
        let mut controller = Controller::new(super::settings::controller(config));
        let committed = Arc::new(Committed::new());
        let mut snapshot_at = MetadataOffset(0);
        if let Some((offset, _, image)) = &saved.snapshot {
            snapshot_at = MetadataOffset(i64::try_from(*offset).unwrap_or(i64::MAX));
            restore(&mut controller, &committed, host.clock.now(), snapshot_at, image)?;
        }
        let settings = super::settings::quorum(config, TICK, host.dice.next_u64());
        let quorum = Quorum::restore(settings, saved);
        let (sender, inbox) = mpsc::channel(INBOX);
        let (counters, controller) = (Arc::default(), Arc::new(Mutex::new(controller)));
        let handle = ControllerHandle {
            inbox: sender,
            committed: committed.clone(),
            counters: Arc::clone(&counters),
            controller: controller.clone(),
        };
        let shell = Self {
            me: config.node_id,
            host,
            quorum,
            controller,
            counters,
            decided: VecDeque::new(),
            last_leader: None,
            log,
            inbox,
            peers,
            waiting: BTreeMap::new(),
            committed,
            next_ticket: 0,
            snapshot_at,
        };
        Ok((shell, handle))
    }

    /// Runs until the disk fails; a controller never stops by itself.
    pub(crate) async fn run(mut self) -> Result<(), ControllerError> {
        let mut next_tick = self.host.clock.now() + TICK;
        loop {
            let now = self.host.clock.now();
            if now >= next_tick {
                next_tick = now + TICK;
                self.quorum_step(quorum::Event::Tick).await?;
                let dice = self.host.dice.next_u64();
                self.controller_step(controller::Event::Tick { dice }).await?;
                continue;
            }
            let input = self.host.within(next_tick - now, self.inbox.recv()).await;
            match input {
                None => {}
                Some(None) => return Ok(()),
                Some(Some(Input::Message(message))) => {
                    self.quorum_step(quorum::Event::Received(message)).await?;
                }
                Some(Some(Input::Request { request, reply })) => {
                    let ticket = RequestTicket(self.next_ticket);
                    self.next_ticket += 1;
                    self.waiting.insert(ticket, reply);
                    self.controller_step(controller::Event::Requested { ticket, request }).await?;
                }
            }
        }
    }

    async fn controller_step(&mut self, event: controller::Event) -> Result<(), ControllerError> {
        let mut proposals = VecDeque::new();
        self.decide(event, &mut proposals);
        self.drive(proposals).await
    }

    async fn quorum_step(&mut self, event: quorum::Event) -> Result<(), ControllerError> {
        self.drive(VecDeque::from([event])).await
    }

    /// Performs the quorum's effects, and whatever the controller proposes because of them.
    async fn drive(&mut self, mut events: VecDeque<quorum::Event>) -> Result<(), ControllerError> {
        while let Some(event) = events.pop_front() {
            tracing::trace!(target: "highwater::quorum", ?event);
            for effect in self.quorum.step(event) {
                tracing::trace!(target: "highwater::quorum", ?effect);
                self.perform(effect, &mut events).await?;
            }
        }
        Ok(())
    }

    async fn perform(
        &mut self,
        effect: quorum::Effect,
        events: &mut VecDeque<quorum::Event>,
    ) -> Result<(), ControllerError> {
        match effect {
            quorum::Effect::Persist(change) => self.log.append(&change).await?,
            quorum::Effect::Send(message) => {
                if let Some(peer) = self.peers.get(&message.to) {
                    // Raft repeats what matters; a peer that cannot keep up loses messages.
                    peer.try_send(message).ok();
                }
            }
            quorum::Effect::Restore { offset, image } => {
                let now = self.host.clock.now();
                let restored =
                    restore(&mut lock(&self.controller), &self.committed, now, offset, &image);
                self.note_applied(&restored);
                restored?;
                self.snapshot_at = offset;
            }
            quorum::Effect::Committed { offset, payload } => {
                self.commit(offset, &payload, events)?;
            }
            quorum::Effect::Leader { leader, epoch } => {
                tracing::info!(?leader, epoch, "the quorum's leader changed");
                self.committed.set_leader(leader);
                self.note_leader(leader, epoch);
            }
            quorum::Effect::Active { epoch, next_offset } => {
                self.observe_active(epoch, true);
                self.committed.set_active(true);
                self.decided.clear();
                self.decide(controller::Event::Elected { epoch, next_offset }, events);
            }
            quorum::Effect::Resigned => {
                self.observe_active(self.quorum.epoch(), false);
                self.committed.set_active(false);
                self.depose(events);
            }
            quorum::Effect::ProposalDropped => self.depose(events),
        }
        Ok(())
    }

    /// Forgets what was decided in this reign and is not proposed yet: fed later, it would take a
    /// position that the next reign counts on.
    fn depose(&mut self, events: &mut VecDeque<quorum::Event>) {
        events.retain(|event| !matches!(event, quorum::Event::Propose(_)));
        self.decided.clear();
        self.decide(controller::Event::Deposed, events);
    }

    /// Metadata was read and applied, or could not be read.
    fn note_applied<T>(&self, read: &Result<T, ControllerError>) {
        match read {
            Ok(_) => self.counters.applied(self.host.clock.now()),
            Err(_) => self.counters.metadata_errors.one_more(),
        }
    }

    fn note_leader(&mut self, leader: Option<NodeId>, epoch: u64) {
        let Some(leader) = leader else { return };
        if self.last_leader.replace((leader, epoch)) != Some((leader, epoch)) {
            self.counters.new_active_controllers.one_more();
        }
    }

    fn observe_active(&self, epoch: u64, active: bool) {
        tracing::info!(epoch, active, "active controller");
        self.host.probe.observe(Observation::ActiveController { node: self.me, epoch, active });
    }

    fn commit(
        &mut self,
        offset: MetadataOffset,
        payload: &[u8],
        events: &mut VecDeque<quorum::Event>,
    ) -> Result<(), ControllerError> {
        let read = postcard::from_bytes(payload).map_err(|error| {
            ControllerError::UnreadableBatch { offset, reason: error.to_string() }
        });
        self.note_applied(&read);
        let records: Arc<Vec<MetadataRecord>> = Arc::new(read?);
        self.host
            .probe
            .observe(Observation::MetadataCommitted { offset, records: records.clone() });
        self.committed.push(offset, records.clone());
        self.decide(controller::Event::Committed { offset, records }, events);
        if offset.0 - self.snapshot_at.0 >= SNAPSHOT_EVERY {
            self.take_snapshot(offset, events);
        }
        Ok(())
    }

    fn take_snapshot(&mut self, offset: MetadataOffset, events: &mut VecDeque<quorum::Event>) {
        let image = postcard::to_stdvec(lock(&self.controller).image())
            .expect("the image is made of plain values");
        let image = Bytes::from(image);
        self.snapshot_at = offset;
        self.committed.restore(offset, image.clone());
        events.push_back(quorum::Event::Snapshot { offset, image });
    }

    /// Feeds the controller and performs what it wants; proposals go to the back of `events`.
    fn decide(&mut self, event: controller::Event, events: &mut VecDeque<quorum::Event>) {
        let now: Millis = self.host.clock.now();
        let committed = matches!(event, controller::Event::Committed { .. });
        let decided = if committed { self.decided.pop_front() } else { None };
        tracing::trace!(target: "highwater::controller", ?event);
        let effects = lock(&self.controller).step(now, event);
        for effect in effects {
            tracing::debug!(target: "highwater::controller", ?effect);
            match effect {
                controller::Effect::Propose(records) => {
                    let payload = postcard::to_stdvec(&records)
                        .expect("metadata records are made of plain values");
                    self.decided.push_back(now);
                    events.push_back(quorum::Event::Propose(Bytes::from(payload)));
                }
                controller::Effect::Reply { ticket, reply } => {
                    if let Some(waiting) = self.waiting.remove(&ticket) {
                        // The asker may have given up; the record stays committed either way.
                        waiting.send(reply).ok();
                    }
                }
                controller::Effect::Elections { clean, eligible, unclean } => {
                    tracing::info!(clean, eligible, unclean, "elections");
                    self.counters.eligible_elections.add(eligible.into());
                    self.counters.unclean_elections.add(unclean.into());
                    self.counters.elections.record(now, now - decided.unwrap_or(now));
                }
            }
        }
    }
}

fn lock(controller: &Mutex<Controller>) -> MutexGuard<'_, Controller> {
    controller.lock().expect("a panic under this lock is a bug that ends the controller")
}

fn restore(
    controller: &mut Controller,
    committed: &Committed,
    now: Millis,
    offset: MetadataOffset,
    bytes: &Bytes,
) -> Result<(), ControllerError> {
    let image = postcard::from_bytes(bytes)
        .map_err(|error| ControllerError::UnreadableBatch { offset, reason: error.to_string() })?;
    committed.restore(offset, bytes.clone());
    let effects = controller.step(now, controller::Event::Restored(Box::new(image)));
    debug_assert!(effects.is_empty(), "a restored controller is not active yet");
    Ok(())
}
