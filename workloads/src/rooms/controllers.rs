//! Two controllers over one metadata log: requests, proposals, commits, and a failover that forgets
//! what was not committed.
//!
//! The quorum itself is not here. Of it remains what it promises: a proposal is committed some time
//! later, or its controller is deposed and some suffix of the proposals is gone for good, while the
//! deposed controller may not know yet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use highwater::controller::{
    AlterPartitionRequest, Controller, CreateTopicRequest, Effect, ElectionKind, Event,
    HeartbeatReply, PartitionRefusal, Reply, Request, RequestTicket, Settings,
};
use highwater::host::probe::Observation;
use highwater::replication::{AlterPartitionAnswer, AlterPartitionProposal, Event as ReplicaEvent};
use highwater::types::{BrokerId, MetadataOffset, MetadataRecord, NodeId, PartitionRecord};

use super::world::{Happening, Place, Weather, World};
use crate::picture::Stop;

/// A batch in the metadata log.
pub(super) type Entry = (MetadataOffset, Arc<Vec<MetadataRecord>>);

/// What a broker, or the operator, wanted from a controller.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    Register,
    Heartbeat,
    AlterPartition { partition: usize, proposal: AlterPartitionProposal },
}

/// Who waits for an answer.
#[derive(Clone, Debug)]
struct Waiter {
    broker: usize,
    run: u32,
    purpose: Purpose,
    /// It has stopped to wait.
    expired: bool,
}

/// The controllers and their log.
#[derive(Debug)]
pub(super) struct Quorum {
    controllers: [Controller; 2],
    /// How many entries each has been told of.
    told: [usize; 2],
    log: Vec<Entry>,
    active: usize,
    term: u64,
    /// What is proposed and not committed, with the position it will get.
    pending: VecDeque<Entry>,
    next_offset: MetadataOffset,
    waiting: BTreeMap<u64, Waiter>,
    tickets: u64,
}

/// How long a broker waits for a controller's answer.
const REQUEST_TIMEOUT: u64 = 50;

impl Quorum {
    pub(super) fn new(weather: &Weather) -> Self {
        let controller = |at: i32| {
            Controller::new(Settings {
                me: NodeId(100 + at),
                session_timeout: Duration::from_millis(weather.session_timeout),
                eligible_leader_replicas: weather.eligible_leader_replicas,
                unclean_leader_election: false,
                min_in_sync_replicas: weather.min_in_sync_replicas,
                default_partitions: 1,
                default_replication_factor: 3,
                preferred_check_interval: Duration::from_millis(150),
                auto_rebalance: weather.fault_interval.is_some(),
                unclean_retry_interval: Duration::from_millis(100),
                elect_last_known_leader: weather.elect_last_known_leader,
            })
        };
        Self {
            controllers: [controller(0), controller(1)],
            told: [0, 0],
            log: Vec::new(),
            active: 0,
            term: 0,
            pending: VecDeque::new(),
            next_offset: MetadataOffset(1),
            waiting: BTreeMap::new(),
            tickets: 0,
        }
    }

    pub(super) fn log(&self) -> &[Entry] {
        &self.log
    }

    /// What the active controller takes for committed.
    pub(super) fn partition(&self, partition: usize) -> Option<&PartitionRecord> {
        let index = i32::try_from(partition).expect("a few partitions");
        self.controllers[self.active].image().partition("orders", index)
    }

    /// Whether something is proposed that is not committed yet.
    pub(super) fn decides(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether a controller does not know yet that it was deposed. Brokers may report to it so
    /// long, and then the active one takes them for silent.
    pub(super) fn is_disputed(&self) -> bool {
        self.controllers[1 - self.active].is_active()
    }

    pub(super) fn is_active(&self, broker: BrokerId) -> bool {
        self.controllers[self.active].image().is_active(broker)
    }

    pub(super) fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }
}

impl World {
    /// The first controller becomes active, registers everybody and makes the topic; nobody is
    /// late for that.
    pub(super) fn found_cluster(&mut self) {
        self.become_active(0);
        for _ in 0..3 {
            for broker in 0..self.brokers.len() {
                let run = self.brokers[broker].run;
                self.register(broker, run);
                self.send_heartbeat(broker);
            }
            self.hurry();
        }
        let count = i32::try_from(self.brokers.len()).expect("a few brokers");
        let assignment = (0..self.weather.partitions).map(|partition| {
            let first = i32::try_from(partition).expect("a few partitions");
            (first, (0..count).map(|at| BrokerId((first + at) % count + 1)).collect())
        });
        let topic = CreateTopicRequest {
            name: "orders".into(),
            partitions: None,
            replication_factor: None,
            assignment: assignment.collect(),
            configs: BTreeMap::new(),
        };
        let dice = [self.dice.next_u64(), self.dice.next_u64()];
        let topics = vec![topic];
        self.ask(Request::CreateTopics { topics, validate_only: false, dice });
        self.hurry();
    }

    /// Commits everything at once and lets everybody hear of it.
    fn hurry(&mut self) {
        while !self.quorum.pending.is_empty() {
            self.commit(self.quorum.term);
        }
        for _ in 0..40 {
            self.step();
        }
    }

    /// An operator's request to the active controller.
    pub(super) fn ask(&mut self, request: Request) {
        let ticket = self.quorum.next_ticket();
        self.controller_asked(self.quorum.active, ticket, request);
    }

    /// A broker's request, to whom it takes for the active controller.
    fn request(&mut self, broker: usize, purpose: Purpose, request: Request) -> u64 {
        let ticket = self.quorum.next_ticket();
        let state = &self.brokers[broker];
        let (run, controller) = (state.run, state.controller);
        self.quorum.waiting.insert(ticket, Waiter { broker, run, purpose, expired: false });
        let message = Happening::Request { controller, ticket, request: Box::new(request) };
        self.send(Place::Broker(broker), Place::Controllers, message);
        self.schedule(REQUEST_TIMEOUT, Happening::RequestExpired { ticket });
        ticket
    }

    /// A request without an answer worth waiting for: it arrives at once or not at all.
    pub(super) fn request_quickly(&mut self, broker: usize, purpose: Purpose, request: Request) {
        let ticket = self.quorum.next_ticket();
        let state = &self.brokers[broker];
        let (run, controller) = (state.run, state.controller);
        if !self.links.is_cut(Place::Broker(broker), Place::Controllers, self.now) {
            self.quorum.waiting.insert(ticket, Waiter { broker, run, purpose, expired: false });
            self.controller_asked(controller, ticket, request);
        }
    }

    pub(super) fn request_registration(&mut self, broker: usize, request: Request) {
        if self.quorum.log.is_empty() {
            self.request_quickly(broker, Purpose::Register, request);
        } else {
            self.request(broker, Purpose::Register, request);
        }
    }

    /// A leader's wish to change its in-sync set.
    pub(super) fn propose(
        &mut self,
        broker: usize,
        partition: usize,
        proposal: AlterPartitionProposal,
    ) {
        let Some(record) = self.quorum.partition(partition) else { return };
        let topic_id = record.topic_id;
        let state = &self.brokers[broker];
        let request = AlterPartitionRequest {
            broker: state.id,
            broker_epoch: state.epoch.expect("a broker acts only once it is registered"),
            topic_id,
            partition: i32::try_from(partition).expect("a few partitions"),
            leader_epoch: proposal.leader_epoch,
            partition_epoch: proposal.partition_epoch,
            in_sync_replicas: proposal.in_sync_replicas.clone(),
            recovery_state: proposal.recovery_state,
        };
        let purpose = Purpose::AlterPartition { partition, proposal };
        self.request(broker, purpose, Request::AlterPartition(request));
    }

    pub(super) fn controller_asked(&mut self, controller: usize, ticket: u64, request: Request) {
        let event = Event::Requested { ticket: RequestTicket(ticket), request };
        self.control(controller, event);
    }

    /// Feeds a controller, and performs the effects.
    fn control(&mut self, controller: usize, event: Event) {
        let effects = self.quorum.controllers[controller].step(self.now, event);
        for effect in effects {
            match effect {
                // Nobody follows a deposed controller: what it proposes is gone.
                Effect::Propose(_) if controller != self.quorum.active => {}
                Effect::Propose(records) => {
                    let offset = self.quorum.next_offset;
                    self.quorum.next_offset = MetadataOffset(offset.0 + 1);
                    self.quorum.pending.push_back((offset, Arc::new(records)));
                    let (after, term) = (self.delay(), self.quorum.term);
                    self.schedule(after, Happening::Commit { term });
                }
                Effect::Reply { ticket, reply } => self.reply(ticket.0, reply),
                Effect::Elections { .. } => {}
            }
        }
    }

    fn reply(&mut self, ticket: u64, reply: Reply) {
        let Some(waiter) = self.quorum.waiting.get(&ticket).cloned() else { return };
        let Waiter { broker, purpose, .. } = waiter;
        if matches!(reply, Reply::Heartbeat(HeartbeatReply::Alive { should_shut_down: false, .. }))
        {
            self.quorum.waiting.remove(&ticket);
            return;
        }
        let (purpose, reply) = (Box::new(purpose), Box::new(reply));
        let message = Happening::Reply { broker, ticket, purpose, reply };
        self.send(Place::Controllers, Place::Broker(broker), message);
    }

    pub(super) fn request_expired(&mut self, ticket: u64) {
        let Some(waiter) = self.quorum.waiting.get_mut(&ticket) else { return };
        waiter.expired = true;
        let Waiter { broker, run, purpose, .. } = waiter.clone();
        if !self.runs(broker, run) {
            return;
        }
        self.look_for_controller(broker);
        match purpose {
            Purpose::Register | Purpose::Heartbeat => {}
            Purpose::AlterPartition { partition, proposal } => {
                let answer = AlterPartitionAnswer::Ambiguous;
                self.feed(
                    broker,
                    partition,
                    ReplicaEvent::AlterPartitionAnswered { proposal, answer },
                );
            }
        }
    }

    /// The broker finds out who is active, or asks the other one.
    fn look_for_controller(&mut self, broker: usize) {
        let known = !self.one_in(4);
        let controller = &mut self.brokers[broker].controller;
        *controller = if known { self.quorum.active } else { 1 - *controller };
    }

    /// An answer reaches its broker. One that comes too late is mostly dropped with its connection.
    pub(super) fn reply_arrives(&mut self, ticket: u64) -> bool {
        let Some(waiter) = self.quorum.waiting.remove(&ticket) else { return false };
        self.runs(waiter.broker, waiter.run) && (!waiter.expired || self.one_in(2))
    }

    pub(super) fn controller_answered(&mut self, broker: usize, purpose: Purpose, reply: Reply) {
        let not_active = reply == Reply::NotController;
        if not_active {
            self.look_for_controller(broker);
        }
        match (purpose, reply) {
            (Purpose::Register, Reply::Registered(Ok(epoch))) => self.registered(broker, epoch),
            (Purpose::Heartbeat, Reply::Heartbeat(HeartbeatReply::Alive { .. })) => {
                // Only the leave to shut down is passed on.
                self.stop_cleanly(broker);
            }
            (Purpose::Heartbeat, Reply::Heartbeat(HeartbeatReply::StaleBrokerEpoch)) => {
                // Another run has taken its place. It can never be unfenced again, and starts anew.
                self.stop(broker, Stop::Crash);
            }
            (Purpose::AlterPartition { partition, proposal }, reply) => {
                let answer = alter_partition_answer(reply);
                self.feed(
                    broker,
                    partition,
                    ReplicaEvent::AlterPartitionAnswered { proposal, answer },
                );
            }
            // Tried again in time.
            (Purpose::Register | Purpose::Heartbeat, _) => {}
        }
    }

    pub(super) fn commit(&mut self, term: u64) {
        if term != self.quorum.term {
            return;
        }
        let Some(entry) = self.quorum.pending.pop_front() else { return };
        self.quorum.log.push(entry);
        let active = self.quorum.active;
        self.catch_up(active);
        let after = self.delay();
        self.schedule(after, Happening::Follow { controller: 1 - active });
        self.spread_metadata();
    }

    fn spread_metadata(&mut self) {
        for broker in 0..self.brokers.len() {
            let (after, run) = (self.delay(), self.brokers[broker].run);
            self.schedule(after, Happening::Metadata { broker, run });
        }
    }

    /// Tells a controller of everything committed. A deposed one learns that it is first.
    pub(super) fn catch_up(&mut self, controller: usize) {
        if controller != self.quorum.active && self.quorum.controllers[controller].is_active() {
            return;
        }
        let node = NodeId(100 + i32::from(controller == 1));
        while self.quorum.told[controller] < self.quorum.log.len() {
            let (offset, records) = self.quorum.log[self.quorum.told[controller]].clone();
            self.quorum.told[controller] += 1;
            self.observe(
                node,
                &Observation::MetadataCommitted { offset, records: records.clone() },
            );
            self.control(controller, Event::Committed { offset, records });
        }
    }

    pub(super) fn controller_tick(&mut self) {
        for controller in 0..2 {
            let dice = self.dice.next_u64();
            self.control(controller, Event::Tick { dice });
        }
        self.schedule(10, Happening::ControllerTick);
    }

    /// The other controller takes over. Some of what was proposed survives.
    pub(super) fn fail_over(&mut self) {
        let old = self.quorum.active;
        let survivors = self.dice.below(self.quorum.pending.len() + 1);
        let survivors: Vec<Entry> = self.quorum.pending.drain(..survivors).collect();
        self.quorum.pending.clear();
        self.quorum.log.extend(survivors);
        let term = self.quorum.term + 1;
        let after = self.delay();
        self.schedule(after, Happening::Deposed { controller: old, term });
        self.become_active(1 - old);
        self.spread_metadata();
    }

    fn become_active(&mut self, controller: usize) {
        if self.quorum.controllers[controller].is_active() {
            self.control(controller, Event::Deposed);
        }
        self.quorum.term += 1;
        self.quorum.active = controller;
        self.catch_up(controller);
        // The quorum's own entry, which begins a term, takes a position too.
        let last = self.quorum.log.last().map_or(0, |(offset, _)| offset.0);
        self.quorum.next_offset = MetadataOffset(last + 2);
        let (epoch, next_offset) = (self.quorum.term, self.quorum.next_offset);
        let node = NodeId(100 + i32::from(controller == 1));
        self.observe(node, &Observation::ActiveController { node, epoch, active: true });
        self.control(controller, Event::Elected { epoch, next_offset });
    }

    pub(super) fn hear_of_deposition(&mut self, controller: usize, term: u64) {
        if controller != self.quorum.active && term <= self.quorum.term {
            self.control(controller, Event::Deposed);
            self.catch_up(controller);
        }
    }

    /// Moves the leadership of a partition to another in-sync replica. The operator makes that
    /// replica the preferred one first, as a reassignment of the same replicas would.
    pub(super) fn move_leader(&mut self, partition: usize) {
        let Some(record) = self.quorum.partition(partition).cloned() else { return };
        let in_sync = &record.in_sync_replicas;
        let others: Vec<BrokerId> = in_sync
            .iter()
            .copied()
            .filter(|id| Some(*id) != record.leader && self.quorum.is_active(*id))
            .collect();
        if self.one_in(4) {
            // The operator does not look whether the preferred replica is fit to lead.
            self.elect_preferred(partition);
            return;
        }
        if others.is_empty() || !self.quorum.pending.is_empty() {
            return;
        }
        let chosen = others[self.dice.below(others.len())];
        if record.replicas.first() != Some(&chosen) {
            self.prefer(record, chosen);
        }
        self.elect_preferred(partition);
    }

    fn elect_preferred(&mut self, partition: usize) {
        let index = i32::try_from(partition).expect("a few partitions");
        let partitions = Some(vec![(Arc::from("orders"), index)]);
        self.ask(Request::ElectLeaders { kind: ElectionKind::Preferred, partitions });
    }

    /// From now on fewer copies are enough to commit. Never the other way: a leader that has not
    /// heard of a higher minimum yet may commit with fewer by right.
    pub(super) fn lower_min_in_sync(&mut self) {
        let fewer = 1 + self.dice.below(self.weather.min_in_sync_replicas - 1);
        let changes = BTreeMap::from([("min.insync.replicas".to_owned(), Some(fewer.to_string()))]);
        self.ask(Request::AlterTopicConfigs { topic: "orders".into(), changes });
    }

    fn prefer(&mut self, mut record: PartitionRecord, chosen: BrokerId) {
        record.replicas.sort_by_key(|id| *id != chosen);
        record.in_sync_replicas.sort_by_key(|id| *id != chosen);
        record.partition_epoch.0 += 1;
        let offset = self.quorum.next_offset;
        self.quorum.log.push((offset, Arc::new(vec![MetadataRecord::Partition(record)])));
        // The controllers have no request for this; the active one reads it from the log.
        let active = self.quorum.active;
        self.control(active, Event::Deposed);
        self.become_active(active);
        self.spread_metadata();
    }
}

/// What a reply means to the leader that asked (R17).
fn alter_partition_answer(reply: Reply) -> AlterPartitionAnswer {
    match reply {
        Reply::AlterPartition(Ok(done)) => AlterPartitionAnswer::Committed {
            leader: done.leader,
            leader_epoch: done.leader_epoch,
            partition_epoch: done.partition_epoch,
            in_sync_replicas: done.in_sync_replicas,
            recovery_state: done.recovery_state,
        },
        Reply::AlterPartition(Err(refusal)) => match refusal {
            PartitionRefusal::IneligibleReplica(_) => AlterPartitionAnswer::Refused,
            PartitionRefusal::UnknownTopicId
            | PartitionRefusal::UnknownPartition
            | PartitionRefusal::FencedLeaderEpoch(_)
            | PartitionRefusal::InvalidRequest(_)
            | PartitionRefusal::InvalidUpdateVersion(_)
            | PartitionRefusal::NewLeaderElected => AlterPartitionAnswer::OutOfDate,
            PartitionRefusal::StaleBrokerEpoch | PartitionRefusal::FromTheFuture => {
                AlterPartitionAnswer::Ambiguous
            }
        },
        Reply::NotController
        | Reply::Registered(_)
        | Reply::Heartbeat(_)
        | Reply::TopicsCreated(_)
        | Reply::LeadersElected(_)
        | Reply::ProducerIds(_)
        | Reply::TopicConfigs(_) => AlterPartitionAnswer::Ambiguous,
    }
}
