//! One replica on this broker: its log, its pure state machine, and whoever waits for it.
//!
//! Everything about a replica happens under one lock, so that the check of a leader epoch, the
//! read or append, and what the leader concludes from it are one step (R12). An effect of the
//! state machine is performed once, in order, before the next event is fed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use crate::host::Host;
use crate::host::probe::Observation;
use crate::log::{AppendError, AppendedAsLeader, Log, LogConfig, ReadError};
use crate::replication::{
    AlterPartitionProposal, Assignment, CompletedProduce, Effect, Event, FetchAnswer,
    FetchIdentity, ProduceOutcome, ProduceTicket, Replica, Role,
};
use crate::types::{Acks, LeaderEpoch, Offset, TopicId, TopicPartition};

use super::metrics::{InSyncChange, ReplicaCounters};
use super::orders::Orders;

/// A replica and its shell.
#[derive(Debug)]
pub(crate) struct Partition {
    /// Its name.
    pub(crate) name: TopicPartition,
    /// Its topic's identity.
    pub(crate) topic_id: TopicId,
    host: Host,
    orders: Arc<Orders>,
    counters: Arc<ReplicaCounters>,
    /// How far this follower was behind its leader's high watermark at the last answer.
    lag: AtomicU64,
    state: Mutex<State>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct State {
    /// The log on this broker's disk.
    pub(crate) log: Log,
    /// What the replica decides.
    pub(crate) replica: Replica,
    produces: BTreeMap<ProduceTicket, WaitingProduce>,
    next_ticket: u64,
    waiting_fetches: Vec<Weak<Notify>>,
    fetched: Option<Bytes>,
}

#[derive(Debug)]
struct WaitingProduce {
    done: oneshot::Sender<ProduceOutcome>,
    appended: Acknowledgement,
}

/// What will be acknowledged, once it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledgement {
    /// Offset of the first record.
    pub(crate) base_offset: Offset,
    /// Offset of the last record.
    pub(crate) last_offset: Offset,
    /// Whether the batch was a duplicate.
    pub(crate) duplicate: bool,
}

/// Why an append came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProduceError {
    /// The state machine refused it; nothing was appended.
    #[error(transparent)]
    Refused(#[from] crate::replication::ProduceRefusal),
    /// The log refused it.
    #[error(transparent)]
    Log(#[from] AppendError),
}

impl Partition {
    /// Wraps a log that has been opened, and tells the probe what it holds.
    pub(crate) fn new(
        name: TopicPartition,
        topic_id: TopicId,
        (log, replica): (Log, Replica),
        (host, orders, counters): (Host, Arc<Orders>, Arc<ReplicaCounters>),
    ) -> Arc<Self> {
        let state = State {
            log,
            replica,
            produces: BTreeMap::new(),
            next_ticket: 0,
            waiting_fetches: Vec::new(),
            fetched: None,
        };
        let (lag, state) = (AtomicU64::new(0), Mutex::new(state));
        Arc::new(Self { name, topic_id, host, orders, counters, lag, state })
    }

    /// The replica's state, exclusively. Never held across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic under this lock is a bug that ends the broker")
    }

    /// Keeps the log by these settings from now on.
    pub(crate) fn configure(&self, config: LogConfig) {
        self.lock().log.configure(config);
    }

    /// Feeds what the metadata says (R7, R8, R24).
    pub(crate) fn apply(&self, assignment: Assignment) {
        self.feed(&mut self.lock(), Event::MetadataApplied(assignment));
    }

    /// Lets time pass (R15).
    pub(crate) fn tick(&self) {
        self.feed(&mut self.lock(), Event::Tick);
    }

    /// Feeds the controller's answer to a proposal (R17).
    pub(crate) fn alter_partition_answered(
        &self,
        proposal: AlterPartitionProposal,
        answer: crate::replication::AlterPartitionAnswer,
    ) {
        self.feed(&mut self.lock(), Event::AlterPartitionAnswered { proposal, answer });
    }

    /// Feeds one event and performs what follows from it.
    pub(crate) fn feed(&self, state: &mut State, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next.take() {
            let now = self.host.clock.now();
            let change = InSyncChange::under_way(&state.replica);
            tracing::trace!(target: "highwater::replication", partition = %self.name, ?event);
            let effects = state.replica.step(now, state.log.markers(), event);
            if let Some(change) = change {
                change.count(&state.replica, &self.counters);
            }
            for effect in effects {
                tracing::debug!(target: "highwater::replication", partition = %self.name, ?effect);
                if let Err(error) = self.perform(state, effect) {
                    self.report_failure(error);
                    next = Some(Event::StorageFailed);
                    break;
                }
            }
        }
    }

    fn perform(&self, state: &mut State, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::AssignLeaderEpoch { epoch, start_offset } => {
                state.log.assign_leader_epoch(epoch, start_offset).map_err(|e| e.to_string())?;
            }
            Effect::AdvanceHighWatermark { to } => self.report_high_watermark(state, to),
            Effect::CompleteProduce(completed) => self.complete_produce(state, completed),
            Effect::ProposeInSyncReplicas(proposal) => {
                self.orders.propose(&self.name, self.topic_id, proposal);
            }
            Effect::Fetch { leader, leader_epoch } => {
                self.lag.store(0, Ordering::Relaxed);
                self.orders.fetch(&self.name, leader, leader_epoch);
            }
            Effect::StopFetching => self.orders.stop_fetching(&self.name),
            Effect::BackOffFetching => self.orders.back_off(&self.name),
            Effect::AppendFetched => self.append_fetched(state)?,
            Effect::Truncate { to } => {
                state.log.truncate_to(to).map_err(|e| e.to_string())?;
                // A cut inside a batch takes the whole batch.
                let to = state.log.log_end_offset();
                self.observe(|partition| Observation::Truncated { partition, to });
            }
            Effect::RestartLog { at } => {
                state.log.restart_at(at).map_err(|e| e.to_string())?;
                self.observe(|partition| Observation::Restarted { partition, at });
            }
            Effect::AdvanceLogStart { to } => {
                state.log.advance_log_start(to).map_err(|e| e.to_string())?;
                self.observe(|partition| Observation::LogStartAdvanced { partition, to });
            }
            Effect::AskLeaderBounds => self.orders.ask_bounds(&self.name),
            Effect::WakeFetches => state.wake_fetches(),
            Effect::ReportLeader { leader_epoch, start_offset } => {
                tracing::info!(partition = %self.name, %leader_epoch, %start_offset, "leading");
                self.observe(|partition| Observation::BecameLeader {
                    partition,
                    leader_epoch,
                    leader_epoch_start_offset: start_offset,
                });
            }
            Effect::ReportFollower { leader_epoch, leader } => {
                tracing::info!(partition = %self.name, %leader_epoch, ?leader, "following");
                self.observe(|partition| Observation::BecameFollower {
                    partition,
                    leader_epoch,
                    leader,
                });
            }
            Effect::ReportInSyncReplicas { leader_epoch, partition_epoch, committed, maximal } => {
                self.observe(|partition| Observation::InSyncReplicas {
                    partition,
                    leader_epoch,
                    partition_epoch,
                    committed,
                    maximal,
                });
            }
        }
        Ok(())
    }

    /// A read came to nothing. A replica whose device fails goes offline, or a leader that can feed
    /// nobody would go on leading. Rot in one batch leaves the rest readable.
    pub(crate) fn read_failed(&self, state: &mut State, error: &ReadError) {
        match error {
            ReadError::Io { .. } | ReadError::Failed { .. } => {
                self.report_failure(error.to_string());
                self.feed(state, Event::StorageFailed);
            }
            ReadError::OffsetOutOfRange { .. } | ReadError::Corrupt(_) => {}
        }
    }

    fn report_failure(&self, error: String) {
        tracing::error!(partition = %self.name, error, "the disk failed");
        self.orders.halt(format!("{}: {error}", self.name));
        self.observe(|partition| Observation::StorageFailed { partition, error });
    }

    fn observe(&self, observation: impl FnOnce(TopicPartition) -> Observation) {
        self.host.probe.observe(observation(self.name.clone()));
    }

    fn report_high_watermark(&self, state: &State, to: Offset) {
        let leading_in = match state.replica.role() {
            Role::Leader { leader_epoch, .. } => Some(leader_epoch),
            Role::Follower { .. } | Role::Idle | Role::Failed => None,
        };
        self.observe(|partition| Observation::HighWatermark { partition, to, leading_in });
    }

    /// The records were checked when they arrived, so a refusal can only be the disk's.
    fn append_fetched(&self, state: &mut State) -> Result<(), String> {
        let records = state.fetched.take().expect("the shell keeps the records it announced");
        let bytes = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let appended = state.log.append_as_follower(records).map_err(|e| e.to_string())?;
        self.counters.replication_bytes_in.add(bytes);
        for batch in appended.batches {
            self.observe(|partition| Observation::Appended { partition, batch, as_leader: false });
        }
        // The replica takes it that everything it fetched is in its log.
        appended.failure.map_or(Ok(()), |failure| Err(failure.to_string()))
    }

    /// Appends a producer's batch as leader, and says what will be acknowledged.
    ///
    /// For acks=all the receiver resolves when the records' fate is known.
    pub(crate) fn append(
        &self,
        batches: Bytes,
        acks: Acks,
    ) -> Result<(Acknowledgement, ProduceTicket, oneshot::Receiver<ProduceOutcome>), ProduceError>
    {
        let mut state = self.lock();
        let state = &mut *state;
        let leader_epoch = state.replica.admit_produce(acks)?;
        let appended = match state.log.append_as_leader(batches, leader_epoch) {
            Ok(appended) => appended,
            Err(error) => {
                // Also if the log could be mended: a leader that cannot write would go on leading
                // and refuse everybody, while another one could serve them.
                if let AppendError::Log(failed) = &error {
                    self.report_failure(failed.to_string());
                    self.feed(state, Event::StorageFailed);
                }
                return Err(error.into());
            }
        };
        let appended = self.report_appended(appended);
        if !appended.duplicate {
            self.feed(state, Event::Appended);
        }
        let ticket = ProduceTicket(state.next_ticket);
        state.next_ticket += 1;
        let (done, outcome) = oneshot::channel();
        state.produces.insert(ticket, WaitingProduce { done, appended });
        if acks == Acks::All {
            self.feed(state, Event::ProduceWaits { ticket, last_offset: appended.last_offset });
        }
        Ok((appended, ticket, outcome))
    }

    fn report_appended(&self, appended: AppendedAsLeader) -> Acknowledgement {
        match appended {
            AppendedAsLeader::Appended { base_offset, last_offset, batches } => {
                for batch in batches {
                    self.observe(|partition| Observation::Appended {
                        partition,
                        batch,
                        as_leader: true,
                    });
                }
                Acknowledgement { base_offset, last_offset, duplicate: false }
            }
            AppendedAsLeader::Duplicate { base_offset, last_offset } => {
                Acknowledgement { base_offset, last_offset, duplicate: true }
            }
        }
    }

    /// Ends a produce request that does not wait for the high watermark: acks=0 or acks=1. Says
    /// whether it may be answered with success.
    pub(crate) fn acknowledge_append(&self, ticket: ProduceTicket, acks: Acks) -> ProduceOutcome {
        let mut state = self.lock();
        let Some(waiting) = state.produces.remove(&ticket) else {
            return ProduceOutcome::NotLeader;
        };
        if state.log.failure().is_some() {
            return ProduceOutcome::StorageFailed;
        }
        if acks == Acks::Leader {
            self.report_acknowledged(&state, acks, waiting.appended);
        }
        ProduceOutcome::Committed
    }

    /// The request's own time limit has passed.
    pub(crate) fn expire_produce(&self, ticket: ProduceTicket) {
        self.feed(&mut self.lock(), Event::ProduceExpired { ticket });
    }

    fn complete_produce(&self, state: &mut State, completed: CompletedProduce) {
        let Some(waiting) = state.produces.remove(&completed.ticket) else { return };
        if completed.outcome == ProduceOutcome::Committed {
            self.report_acknowledged(state, Acks::All, waiting.appended);
        }
        // The handler may have gone with its connection; the records stay either way.
        waiting.done.send(completed.outcome).ok();
    }

    fn report_acknowledged(&self, state: &State, acks: Acks, appended: Acknowledgement) {
        self.observe(|partition| Observation::Acknowledged {
            partition,
            acks,
            leader_epoch: state.replica.leader_epoch(),
            base_offset: appended.base_offset,
            last_offset: appended.last_offset,
            duplicate: appended.duplicate,
        });
    }

    /// Feeds a leader's answer to this follower's fetch (R11).
    pub(crate) fn fetch_answered(
        &self,
        request: FetchIdentity,
        answer: FetchAnswer,
        records: Option<Bytes>,
    ) {
        let mut state = self.lock();
        state.fetched = records;
        self.feed(&mut state, Event::FetchAnswered { request, answer });
        state.fetched = None;
        if let FetchAnswer::Records(batches) = answer {
            let lacking = batches.high_watermark.0 - state.log.log_end_offset().0;
            self.lag.store(u64::try_from(lacking).unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// How many committed records this follower lacked when its leader last answered.
    pub(crate) fn lag(&self) -> u64 {
        self.lag.load(Ordering::Relaxed)
    }

    /// Makes the log durable as far as `flush.messages` asks for it, and lets the state machine
    /// know (R31). Does nothing where it does not ask.
    pub(crate) async fn flush_if_due(&self) {
        let ticket = {
            let state = self.lock();
            if !state.log.needs_flush() {
                return;
            }
            state.log.flush_ticket()
        };
        self.flush(ticket).await;
    }

    /// Makes everything durable and leaves what a clean start needs. Nothing is appended after it.
    pub(crate) async fn close(&self) {
        let closed = self.lock().log.close();
        match closed {
            Ok(ticket) => self.flush(ticket).await,
            Err(error) => tracing::warn!(partition = %self.name, %error, "closing the log failed"),
        }
    }

    async fn flush(&self, ticket: crate::log::FlushTicket) {
        let flushed = ticket.run().await;
        let mut state = self.lock();
        match flushed {
            Ok(flushed) => {
                state.log.flushed(flushed);
                let to = state.log.recovery_point();
                self.observe(|partition| Observation::Flushed { partition, to });
                self.feed(&mut state, Event::Appended);
            }
            Err(error) => {
                self.report_failure(format!("fsync: {error}"));
                self.feed(&mut state, Event::StorageFailed);
            }
        }
    }

    /// What the next fetch of this follower asks for: offset, last fetched epoch, log start.
    pub(crate) fn next_fetch(&self, leader_epoch: LeaderEpoch) -> NextFetch {
        let state = self.lock();
        let markers = state.log.markers();
        NextFetch {
            identity: FetchIdentity { leader_epoch, fetch_offset: markers.log_end_offset },
            last_fetched_epoch: markers.leader_epochs.last_fetched_epoch(markers.log_end_offset),
            log_start_offset: markers.log_start_offset,
        }
    }
}

/// See [`Partition::next_fetch`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextFetch {
    /// What the answer will be matched against.
    pub(crate) identity: FetchIdentity,
    /// The epoch of the last record held (R9).
    pub(crate) last_fetched_epoch: Option<LeaderEpoch>,
    /// Where the log starts.
    pub(crate) log_start_offset: Offset,
}

impl State {
    /// Registers a waiting fetch; it is notified once, at the next change that may concern it.
    pub(crate) fn wait_for_change(&mut self, waiter: &Arc<Notify>) {
        // Fetches that timed out leave a dead entry behind; sweep them before the list grows.
        if self.waiting_fetches.len() >= 64 {
            self.waiting_fetches.retain(|waiter| waiter.strong_count() > 0);
        }
        self.waiting_fetches.push(Arc::downgrade(waiter));
    }

    fn wake_fetches(&mut self) {
        for waiter in self.waiting_fetches.drain(..) {
            if let Some(waiter) = waiter.upgrade() {
                waiter.notify_one();
            }
        }
    }
}
