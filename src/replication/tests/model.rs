//! Three replicas with real records, a toy controller and a network that delays, repeats and
//! loses. Small enough that a thousand schedules take a second.
//!
//! The model keeps what no broker knows: which record was first committed at each offset. It looks
//! at all replicas after every operation and panics, with the rule's number, if a promise is broken.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::*;
use super::toy_controller::Controller;
use crate::types::*;

/// Something that happens in the model. Small numbers choose among brokers or messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// Somebody produces to this broker.
    Produce(u8),
    /// This broker sends its next fetch, if it has none under way.
    SendFetch(u8),
    /// One of the messages under way arrives.
    Deliver(u8),
    /// One of them arrives, and will arrive again. Not so a question to the controller: nobody but
    /// its sender can repeat that, and the sender knows.
    Repeat(u8),
    /// One of them is lost, or late: whoever waits for its answer gives up.
    GiveUp(u8),
    /// This broker applies the next so many metadata records, the last of them only.
    ApplyMetadata(u8, u8),
    /// The controller moves the leadership to this broker, if it may.
    Elect(u8),
    /// The controller loses sight of this broker.
    Fence(u8),
    /// The controller sees it again.
    Unfence(u8),
    /// The broker stops and starts; its log survives, its high watermark's checkpoint is old.
    Restart(u8),
    /// So many seconds pass at every broker, and this one notices.
    Tick(u8, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) epoch: LeaderEpoch,
    value: u64,
}

#[derive(Clone, Debug)]
enum Message {
    Fetch { from: BrokerId, broker_epoch: BrokerEpoch, to: BrokerId, view: FetchRequestView },
    AskBounds { from: BrokerId, to: BrokerId, request: FetchIdentity },
    FetchReply { to: BrokerId, request: FetchIdentity, answer: FetchAnswer, records: Vec<Record> },
    Alter { from: BrokerId, broker_epoch: BrokerEpoch, proposal: AlterPartitionProposal },
    AlterReply { to: BrokerId, proposal: AlterPartitionProposal, answer: AlterPartitionAnswer },
}

pub(super) struct Node {
    pub(super) id: BrokerId,
    pub(super) replica: Replica,
    broker_epoch: BrokerEpoch,
    pub(super) log: Vec<Record>,
    pub(super) epochs: LeaderEpochCache,
    /// How many metadata records it has applied.
    applied: usize,
    source: Option<(BrokerId, LeaderEpoch)>,
    fetching: bool,
    /// The highest high watermark of the reign, to see that it never falls.
    pub(super) reign: (LeaderEpoch, Offset),
    proposed: Option<AlterPartitionProposal>,
}

/// The model.
pub(super) struct Cluster {
    now: Millis,
    pub(super) nodes: Vec<Node>,
    pub(super) controller: Controller,
    network: Vec<Message>,
    settings: Settings,
    pub(super) committed: Vec<Record>,
    waiting: BTreeMap<(BrokerId, ProduceTicket), (Offset, Record)>,
    produced: u64,
    /// How many acks=all requests were answered as committed.
    pub(super) acknowledged: usize,
}

impl Cluster {
    pub(super) fn new(min_in_sync_replicas: usize, third_set: bool) -> Self {
        let settings = Settings {
            me: BrokerId(0),
            replica_lag_time_max: Duration::from_secs(30),
            alter_partition_retry: Duration::from_secs(1),
            wait_for_caught_up_followers: third_set,
        };
        let controller = Controller::new(min_in_sync_replicas);
        let nodes = (1..=3).map(|id| Node::new(BrokerId(id), settings)).collect();
        let mut cluster = Self {
            now: Millis(0),
            nodes,
            controller,
            network: Vec::new(),
            settings,
            committed: Vec::new(),
            waiting: BTreeMap::new(),
            produced: 0,
            acknowledged: 0,
        };
        for at in 0..3 {
            cluster.apply_metadata(at, usize::MAX);
        }
        cluster
    }

    /// Lets one thing happen, and looks whether every promise still holds.
    pub(super) fn play(&mut self, op: Op) {
        let broker = |a: u8| usize::from(a) % 3;
        let message =
            |a: u8| (!self.network.is_empty()).then(|| usize::from(a) % self.network.len());
        match op {
            Op::Produce(a) => self.produce(broker(a)),
            Op::SendFetch(a) => self.send_fetch(broker(a)),
            Op::Deliver(a) => {
                if let Some(at) = message(a) {
                    let message = self.network.remove(at);
                    self.deliver(message);
                }
            }
            Op::Repeat(a) => {
                if let Some(at) = message(a) {
                    let message = self.network[at].clone();
                    if !matches!(message, Message::Alter { .. }) {
                        self.deliver(message);
                    }
                }
            }
            Op::GiveUp(a) => {
                if let Some(at) = message(a) {
                    self.give_up(at);
                }
            }
            Op::ApplyMetadata(a, n) => self.apply_metadata(broker(a), usize::from(n)),
            Op::Elect(a) => self.controller.elect(self.nodes[broker(a)].id),
            Op::Fence(a) => self.controller.fence(self.nodes[broker(a)].id),
            Op::Unfence(a) => self.controller.unfence(self.nodes[broker(a)].id),
            Op::Restart(a) => self.restart(broker(a)),
            Op::Tick(a, seconds) => {
                self.now = self.now + Duration::from_secs(u64::from(seconds));
                self.feed(broker(a), Event::Tick, &[]);
            }
        }
        self.judge();
    }

    /// Ends every hardship and lets the cluster come to rest (CV13): everybody in sync, logs and
    /// high watermarks equal, nobody waiting.
    pub(super) fn heal_and_settle(&mut self) {
        for id in 1..=3 {
            self.controller.unfence(BrokerId(id));
        }
        for round in 0..60 {
            for at in 0..3_u8 {
                self.play(Op::ApplyMetadata(at, u8::MAX));
                self.play(Op::Tick(at, 1));
                self.play(Op::SendFetch(at));
                while !self.network.is_empty() {
                    self.play(Op::Deliver(0));
                }
            }
            if round == 30 {
                // A last record, since a new epoch's own start is part of the test.
                (0..3).for_each(|at| self.play(Op::Produce(at)));
            }
        }
        assert!(self.waiting.is_empty(), "LV4: a produce request is never answered");
        assert_eq!(self.controller.in_sync_replicas().len(), 3, "LV5: not all are in sync");
        for node in &self.nodes {
            assert_eq!(node.log, self.committed, "LV5: broker {} has not caught up", node.id);
            assert_eq!(node.replica.high_watermark(), node.end(), "LV5: HW of {}", node.id);
            let pending = node.replica.in_sync_replicas().and_then(InSyncReplicas::pending);
            assert_eq!(pending, None, "LV2: a proposal never ends");
        }
    }

    fn produce(&mut self, at: usize) {
        let Ok(epoch) = self.nodes[at].replica.admit_produce(Acks::All) else { return };
        self.produced += 1;
        let record = Record { epoch, value: self.produced };
        let node = &mut self.nodes[at];
        let (ticket, offset) = (ProduceTicket(self.produced), node.end());
        node.append(&[record]);
        self.waiting.insert((node.id, ticket), (offset, record));
        self.feed(at, Event::Appended, &[]);
        self.feed(at, Event::ProduceWaits { ticket, last_offset: offset }, &[]);
    }

    fn send_fetch(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let Some((to, epoch)) = node.source.filter(|_| !node.fetching) else { return };
        node.fetching = true;
        let view = FetchRequestView {
            follower: Some(node.id),
            current_leader_epoch: Some(epoch),
            fetch_offset: node.end(),
            last_fetched_epoch: node.epochs.last_fetched_epoch(node.end()),
        };
        let broker_epoch = node.broker_epoch;
        self.network.push(Message::Fetch { from: node.id, broker_epoch, to, view });
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Fetch { from, broker_epoch, to, view } => {
                let (answer, records) = self.serve_fetch(index(to), from, broker_epoch, &view);
                let request = FetchIdentity {
                    leader_epoch: view.current_leader_epoch.unwrap(),
                    fetch_offset: view.fetch_offset,
                };
                self.network.push(Message::FetchReply { to: from, request, answer, records });
            }
            Message::AskBounds { from, to, request } => {
                let node = &self.nodes[index(to)];
                let answer = match node.replica.check_leader_epoch(Some(request.leader_epoch)) {
                    Ok(_) => FetchAnswer::LeaderBounds {
                        log_start_offset: Offset(0),
                        log_end_offset: node.end(),
                    },
                    Err(_) => FetchAnswer::Retry,
                };
                let records = Vec::new();
                self.network.push(Message::FetchReply { to: from, request, answer, records });
            }
            Message::FetchReply { to, request, answer, records } => {
                self.nodes[index(to)].fetching = false;
                self.feed(index(to), Event::FetchAnswered { request, answer }, &records);
            }
            Message::Alter { from, broker_epoch, proposal } => {
                let answer = self.controller.alter_partition(from, broker_epoch, &proposal);
                self.network.push(Message::AlterReply { to: from, proposal, answer });
            }
            Message::AlterReply { to, proposal, answer } => {
                self.nodes[index(to)].proposed = None;
                self.feed(index(to), Event::AlterPartitionAnswered { proposal, answer }, &[]);
            }
        }
    }

    fn serve_fetch(
        &mut self,
        at: usize,
        follower: BrokerId,
        broker_epoch: BrokerEpoch,
        view: &FetchRequestView,
    ) -> (FetchAnswer, Vec<Record>) {
        let node = &self.nodes[at];
        match node.replica.check_fetch(node.markers(), view) {
            Ok(FetchVerdict::Read { end, high_watermark }) => {
                // Two records at most, so that followers can be behind.
                let records: Vec<Record> = node.log[position(view.fetch_offset)..position(end)]
                    .iter()
                    .take(2)
                    .copied()
                    .collect();
                let count = i64::try_from(records.len()).unwrap();
                let batches = FetchedBatches {
                    base_offset: (count > 0).then_some(view.fetch_offset),
                    end_offset: view.fetch_offset.plus(count),
                    leader_epoch_max: records.last().map(|record| record.epoch),
                    high_watermark,
                    log_start_offset: Offset(0),
                };
                let event = Event::FollowerFetched {
                    follower,
                    broker_epoch: Some(broker_epoch),
                    fetch_offset: view.fetch_offset,
                    log_start_offset: Offset(0),
                    leader_end_offset: node.end(),
                };
                self.feed(at, event, &[]);
                (FetchAnswer::Records(batches), records)
            }
            Ok(FetchVerdict::Diverging(end)) => (FetchAnswer::Diverging(end), Vec::new()),
            Err(FetchRefusal::OffsetOutOfRange { .. }) => {
                (FetchAnswer::OffsetOutOfRange, Vec::new())
            }
            Err(FetchRefusal::FencedLeaderEpoch { .. }) => {
                (FetchAnswer::FencedLeaderEpoch, Vec::new())
            }
            Err(
                FetchRefusal::UnknownLeaderEpoch { .. }
                | FetchRefusal::NotLeader
                | FetchRefusal::NotAssigned(_)
                | FetchRefusal::StorageFailed,
            ) => (FetchAnswer::Retry, Vec::new()),
        }
    }

    /// Whoever waits for this message loses patience. A request may still arrive after that.
    fn give_up(&mut self, at: usize) {
        match self.network[at].clone() {
            Message::Fetch { from: to, view, .. } => {
                let request = FetchIdentity {
                    leader_epoch: view.current_leader_epoch.unwrap(),
                    fetch_offset: view.fetch_offset,
                };
                self.nodes[index(to)].fetching = false;
                let answer = FetchAnswer::Unreachable;
                self.feed(index(to), Event::FetchAnswered { request, answer }, &[]);
            }
            Message::AskBounds { from: to, request, .. }
            | Message::FetchReply { to, request, .. } => {
                self.network.remove(at);
                self.nodes[index(to)].fetching = false;
                let answer = FetchAnswer::Unreachable;
                self.feed(index(to), Event::FetchAnswered { request, answer }, &[]);
            }
            Message::Alter { from: to, proposal, .. }
            | Message::AlterReply { to, proposal, .. } => {
                if matches!(self.network[at], Message::AlterReply { .. }) {
                    self.network.remove(at);
                }
                let node = &mut self.nodes[index(to)];
                if node.proposed.as_ref().is_some_and(|sent| sent.attempt == proposal.attempt) {
                    node.proposed = None;
                    let answer = AlterPartitionAnswer::Ambiguous;
                    self.feed(index(to), Event::AlterPartitionAnswered { proposal, answer }, &[]);
                }
            }
        }
    }

    fn apply_metadata(&mut self, at: usize, records: usize) {
        let history = self.controller.history();
        let node = &self.nodes[at];
        let upto = node.applied.saturating_add(records).min(history.len());
        if upto > node.applied {
            let assignment = history[upto - 1].clone();
            self.nodes[at].applied = upto;
            self.feed(at, Event::MetadataApplied(assignment), &[]);
        }
    }

    fn restart(&mut self, at: usize) {
        let node = &self.nodes[at];
        let (id, checkpoint) = (node.id, Offset(node.replica.high_watermark().0 / 2));
        let broker_epoch = self.controller.register(id);
        self.waiting.retain(|(broker, _), _| *broker != id);
        // What was sent to the old process finds nobody; what it sent is still on its way.
        self.network.retain(|message| match message {
            Message::FetchReply { to, .. } | Message::AlterReply { to, .. } => *to != id,
            Message::Fetch { .. } | Message::AskBounds { .. } | Message::Alter { .. } => true,
        });
        let node = &mut self.nodes[at];
        let fresh = Node::new(id, self.settings);
        let settings = fresh.replica.common.settings;
        *node = Node {
            replica: Replica::new(settings, checkpoint),
            broker_epoch,
            log: std::mem::take(&mut node.log),
            epochs: node.epochs.clone(),
            ..fresh
        };
        self.apply_metadata(at, usize::MAX);
    }

    fn feed(&mut self, at: usize, event: Event, records: &[Record]) {
        let node = &mut self.nodes[at];
        let epochs = node.epochs.clone();
        let log = LogMarkers { leader_epochs: &epochs, ..node.markers() };
        for effect in node.replica.step(self.now, log, event) {
            self.perform(at, effect, records);
        }
    }

    fn perform(&mut self, at: usize, effect: Effect, records: &[Record]) {
        let now_committed = position(self.nodes[at].replica.high_watermark());
        let node = &mut self.nodes[at];
        match effect {
            Effect::AssignLeaderEpoch { epoch, start_offset } => {
                node.epochs.assign(epoch, start_offset);
            }
            Effect::AdvanceHighWatermark { .. } => {
                let leads = matches!(node.replica.role(), Role::Leader { .. });
                while leads && self.committed.len() < now_committed {
                    self.committed.push(node.log[self.committed.len()]);
                }
            }
            Effect::CompleteProduce(done) => {
                let id = node.id;
                let (offset, record) =
                    self.waiting.remove(&(id, done.ticket)).expect("answered once, and waited");
                if done.outcome == ProduceOutcome::Committed {
                    self.acknowledged += 1;
                    let committed = self.committed.get(position(offset));
                    assert_eq!(committed, Some(&record), "GS7: acknowledged, not committed");
                }
            }
            Effect::ProposeInSyncReplicas(proposal) => {
                let base = node.replica.partition_epoch();
                assert_eq!(proposal.partition_epoch, base, "LS6: a stale base");
                let superseded = node.proposed.take().is_none_or(|old| old.partition_epoch < base);
                assert!(superseded, "LS6: two proposals on one base");
                node.proposed = Some(proposal.clone());
                let (from, broker_epoch) = (node.id, node.broker_epoch);
                self.network.push(Message::Alter { from, broker_epoch, proposal });
            }
            Effect::Fetch { leader, leader_epoch } => {
                (node.source, node.fetching) = (Some((leader, leader_epoch)), false);
            }
            Effect::StopFetching => node.source = None,
            Effect::AppendFetched => node.append(records),
            Effect::Truncate { to } => {
                node.log.truncate(position(to));
                node.epochs.truncate_end(to);
            }
            Effect::AskLeaderBounds => {
                let Some((to, leader_epoch)) = node.source else { return };
                let request = FetchIdentity { leader_epoch, fetch_offset: node.end() };
                node.fetching = true;
                self.network.push(Message::AskBounds { from: node.id, to, request });
            }
            Effect::RestartLog { .. } | Effect::AdvanceLogStart { .. } => {
                panic!("no log in this model loses its head")
            }
            Effect::BackOffFetching
            | Effect::WakeFetches
            | Effect::ReportLeader { .. }
            | Effect::ReportFollower { .. }
            | Effect::ReportInSyncReplicas { .. } => {}
        }
    }
}

impl Node {
    fn new(id: BrokerId, settings: Settings) -> Self {
        Self {
            id,
            replica: Replica::new(Settings { me: id, ..settings }, Offset(0)),
            broker_epoch: Controller::first_broker_epoch(id),
            log: Vec::new(),
            epochs: LeaderEpochCache::default(),
            applied: 0,
            source: None,
            fetching: false,
            reign: (LeaderEpoch(-1), Offset(0)),
            proposed: None,
        }
    }

    pub(super) fn end(&self) -> Offset {
        Offset(i64::try_from(self.log.len()).unwrap())
    }

    fn append(&mut self, records: &[Record]) {
        for record in records {
            if self.epochs.latest() != Some(record.epoch) {
                self.epochs.assign(record.epoch, self.end());
            }
            self.log.push(*record);
        }
    }

    fn markers(&self) -> LogMarkers<'_> {
        LogMarkers {
            log_start_offset: Offset(0),
            log_end_offset: self.end(),
            committable_end_offset: self.end(),
            leader_epochs: &self.epochs,
        }
    }
}

fn index(broker: BrokerId) -> usize {
    usize::try_from(broker.0 - 1).unwrap()
}

pub(super) fn position(offset: Offset) -> usize {
    usize::try_from(offset.0).unwrap()
}
