//! The world of one schedule: its clock, its dice, the queue of what is going to happen, and who is
//! in it.

use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use highwater::controller::{Reply, Request};
use highwater::host::probe::Observation;
use highwater::types::{Millis, NodeId, SplitMix, TopicPartition};

use super::brokers::Broker;
use super::clients::Clients;
use super::controllers::{Purpose, Quorum};
use super::fetching::{BoundsReply, Fetch, FetchReply};
use super::nemesis::{Fault, Links};
use super::{Outcome, Profile};
use crate::invariants::{Inspector, Violation};
use crate::picture::Settings;

/// What was drawn for one schedule, and how fast its clocks tick. Short times let much happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) brokers: usize,
    pub(super) partitions: usize,
    pub(super) min_in_sync_replicas: usize,
    pub(super) eligible_leader_replicas: bool,
    pub(super) wait_for_caught_up_followers: bool,
    pub(super) elect_last_known_leader: bool,
    pub(super) fault_interval: Option<u64>,
    pub(super) fault_weights: [usize; 11],
    /// Milliseconds between produce requests, at most.
    pub(super) produce_interval: u64,
    pub(super) replica_lag_time_max: u64,
    pub(super) session_timeout: u64,
    /// Of 1000 messages so many get lost.
    pub(super) loss: usize,
    /// Of 100 messages so many are slow.
    pub(super) slow: usize,
    /// Of this kind of message a third is slow: an answer that outlives the epoch it was given in
    /// is the trap of many a protocol.
    pub(super) laggard: Option<MessageKind>,
    /// Batches per fetch, unless a follower is throttled.
    pub(super) fetch_batches: usize,
    /// Steps until the faults end.
    events: u64,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageKind {
    Fetch,
    FetchReply,
    ControllerRequest,
    ControllerReply,
}

impl Weather {
    fn draw(dice: &mut SplitMix, profile: &Profile) -> Self {
        let spared = profile.spared.is_some_and(|one_in| dice.below(one_in) == 0);
        let calm = spared || profile.fault_interval_ms.is_none();
        let brokers = profile.brokers.unwrap_or([3, 3, 3, 3, 4, 5][dice.below(6)]);
        let most = if brokers > 4 { 3 } else { 2 };
        let lags: [u64; 3] = if calm { [60, 120, 400] } else { [30, 60, 150] };
        // One record after the other, so that a follower is always a little behind.
        let intervals = if calm { [1, 4, 10, 25] } else { [4, 10, 25, 80] };
        let kinds = [
            MessageKind::Fetch,
            MessageKind::FetchReply,
            MessageKind::ControllerRequest,
            MessageKind::ControllerReply,
        ];
        Self {
            brokers,
            partitions: profile.partitions.unwrap_or(1 + usize::from(dice.below(4) == 0)),
            min_in_sync_replicas: profile.min_in_sync_replicas.unwrap_or(most),
            eligible_leader_replicas: profile.eligible_leader_replicas.unwrap_or(dice.below(5) > 0),
            wait_for_caught_up_followers: profile
                .wait_for_caught_up_followers
                .unwrap_or(dice.below(2) == 0),
            elect_last_known_leader: dice.below(2) == 0,
            fault_interval: profile.fault_interval_ms.filter(|_| !calm),
            fault_weights: Fault::draw_weights(dice),
            produce_interval: intervals[dice.below(4)],
            replica_lag_time_max: lags[dice.below(3)],
            session_timeout: if calm { 1_000 } else { [40, 60, 90][dice.below(3)] },
            loss: if calm { 0 } else { [0, 5, 30][dice.below(3)] },
            slow: if calm { 0 } else { [1, 5, 15][dice.below(3)] },
            laggard: kinds.get(dice.below(6)).copied().filter(|_| !calm),
            fetch_batches: if calm { 32 } else { 4 },
            events: if calm { 4 * profile.events } else { profile.events },
        }
    }
}

/// Who sends or gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Broker(usize),
    Controllers,
}

/// Something that is going to happen. Whatever concerns a run of a broker names the run, since a
/// broker that was started again knows nothing of what its predecessor had asked.
#[derive(Debug)]
pub(super) enum Happening {
    Fetch(Box<Fetch>),
    FetchReply(Box<FetchReply>),
    AskBounds(Box<Fetch>),
    BoundsReply(Box<BoundsReply>),
    FetchDue { broker: usize, run: u32, partition: usize },
    FetchExpired { broker: usize, run: u32, partition: usize, id: u64 },
    ParkedExpired { broker: usize, run: u32, partition: usize },
    Woken { broker: usize, run: u32, partition: usize },
    Request { controller: usize, ticket: u64, request: Box<Request> },
    Reply { broker: usize, ticket: u64, purpose: Box<Purpose>, reply: Box<Reply> },
    RequestExpired { ticket: u64 },
    Commit { term: u64 },
    Follow { controller: usize },
    Deposed { controller: usize, term: u64 },
    ControllerTick,
    Register { broker: usize, run: u32 },
    Heartbeat { broker: usize, run: u32 },
    Tick { broker: usize, run: u32 },
    Metadata { broker: usize, run: u32 },
    Flush { broker: usize },
    ProduceExpired { broker: usize, run: u32, partition: usize, ticket: u64 },
    Produce,
    Consume,
    Fault,
    Restart { broker: usize },
}

impl Happening {
    /// What kind of message it is, if it is one that another place sent.
    fn kind(&self) -> Option<MessageKind> {
        match self {
            Self::Fetch(_) | Self::AskBounds(_) => Some(MessageKind::Fetch),
            Self::FetchReply(_) | Self::BoundsReply(_) => Some(MessageKind::FetchReply),
            Self::Request { .. } => Some(MessageKind::ControllerRequest),
            Self::Reply { .. } => Some(MessageKind::ControllerReply),
            Self::FetchDue { .. }
            | Self::FetchExpired { .. }
            | Self::ParkedExpired { .. }
            | Self::Woken { .. }
            | Self::RequestExpired { .. }
            | Self::Commit { .. }
            | Self::Follow { .. }
            | Self::Deposed { .. }
            | Self::ControllerTick
            | Self::Register { .. }
            | Self::Heartbeat { .. }
            | Self::Tick { .. }
            | Self::Metadata { .. }
            | Self::Flush { .. }
            | Self::ProduceExpired { .. }
            | Self::Produce
            | Self::Consume
            | Self::Fault
            | Self::Restart { .. } => None,
        }
    }
}

#[derive(Debug)]
struct Scheduled {
    at: Millis,
    /// Of two things due at once, the one scheduled first happens first.
    order: u64,
    happening: Happening,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // The heap gives out its greatest element, so the earliest has to be that.
        other.at.0.cmp(&self.at.0).then_with(|| other.order.cmp(&self.order))
    }
}

/// Everything in one schedule.
pub(super) struct World {
    pub(super) now: Millis,
    pub(super) dice: SplitMix,
    pub(super) weather: Weather,
    pub(super) brokers: Vec<Broker>,
    pub(super) quorum: Quorum,
    pub(super) links: Links,
    pub(super) clients: Clients,
    pub(super) inspector: Inspector,
    pub(super) healed: bool,
    /// `min.insync.replicas` is lowered once at most.
    pub(super) lowered: bool,
    pub(super) violation: Option<Violation>,
    clients_only: bool,
    partitions: Vec<TopicPartition>,
    queue: BinaryHeap<Scheduled>,
    scheduled: u64,
    events: u64,
    transcript: Option<(usize, VecDeque<String>)>,
}

impl World {
    pub(super) fn new(seed: u64, profile: &Profile, transcript: Option<usize>) -> Self {
        let mut dice = SplitMix::new(seed);
        let weather = Weather::draw(&mut dice, profile);
        let settings = Settings {
            eligible_leader_replicas: weather.eligible_leader_replicas,
            min_in_sync_replicas_default: weather.min_in_sync_replicas,
            unclean_leader_election_default: false,
        };
        let partitions: Vec<_> = (0..weather.partitions)
            .map(|index| TopicPartition::new("orders", i32::try_from(index).expect("a few")))
            .collect();
        Self {
            now: Millis(0),
            brokers: (0..weather.brokers).map(|at| Broker::new(at, &weather)).collect(),
            quorum: Quorum::new(&weather),
            links: Links::default(),
            clients: Clients::new(weather.partitions),
            inspector: Inspector::new(settings),
            healed: false,
            lowered: false,
            violation: None,
            clients_only: profile.clients_only,
            partitions,
            queue: BinaryHeap::new(),
            scheduled: 0,
            events: 0,
            transcript: transcript.map(|lines| (lines, VecDeque::new())),
            dice,
            weather,
        }
    }

    /// The whole schedule: faults, then healing, then the last look.
    pub(super) fn play(mut self, seed: u64) -> Outcome {
        self.begin();
        while self.violation.is_none() && self.events < self.weather.events && self.step() {}
        if self.weather.fault_interval.is_none() {
            self.judge_calm();
        }
        if self.violation.is_none() {
            self.settle();
        }
        let picture = self.inspector.picture();
        Outcome {
            seed,
            events: self.events,
            virtual_ms: self.now.0,
            acknowledged: self.clients.acknowledged(),
            waived: picture.partitions().iter().filter(|p| !p.is_judged()).count(),
            sometimes: picture.tally().in_words(),
            violation: self.violation,
            transcript: self.transcript.map_or_else(Vec::new, |(_, lines)| lines.into()),
        }
    }

    /// Everybody starts, the topic is made, the clocks begin to tick.
    fn begin(&mut self) {
        for broker in 0..self.brokers.len() {
            self.start(broker);
        }
        self.found_cluster();
        for broker in 0..self.brokers.len() {
            self.schedule_within(40, Happening::Flush { broker });
        }
        self.schedule_within(15, Happening::ControllerTick);
        self.schedule_within(5, Happening::Produce);
        self.schedule_within(15, Happening::Consume);
        if let Some(interval) = self.weather.fault_interval {
            self.schedule_within(2 * interval, Happening::Fault);
        }
    }

    /// Lets the next thing happen; says whether there was one.
    pub(super) fn step(&mut self) -> bool {
        let Some(Scheduled { at, happening, .. }) = self.queue.pop() else {
            return false;
        };
        self.now = self.now.max(at);
        self.events += 1;
        if self.transcript.is_some() {
            self.write_down(format!("{happening:?}"));
        }
        self.happen(happening);
        true
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Fetch(fetch) => self.fetch_arrives(*fetch),
            Happening::FetchReply(reply) => self.fetch_answered(*reply),
            Happening::AskBounds(fetch) => self.bounds_asked(&fetch),
            Happening::BoundsReply(reply) => self.bounds_answered(*reply),
            Happening::FetchDue { broker, run, partition } => {
                if self.runs(broker, run) {
                    self.send_fetch(broker, partition);
                }
            }
            Happening::FetchExpired { broker, run, partition, id } => {
                self.fetch_expired((broker, run, partition), id);
            }
            Happening::ParkedExpired { broker, run, partition } => {
                if self.runs(broker, run) {
                    self.look_at_parked(broker, partition, true);
                }
            }
            Happening::Woken { broker, run, partition } => {
                if self.runs(broker, run) {
                    self.look_at_parked(broker, partition, false);
                }
            }
            Happening::Request { controller, ticket, request } => {
                self.controller_asked(controller, ticket, *request);
            }
            Happening::Reply { broker, ticket, purpose, reply } => {
                if self.reply_arrives(ticket) {
                    self.controller_answered(broker, *purpose, *reply);
                }
            }
            Happening::RequestExpired { ticket } => self.request_expired(ticket),
            Happening::Commit { term } => self.commit(term),
            Happening::Follow { controller } => self.catch_up(controller),
            Happening::Deposed { controller, term } => self.hear_of_deposition(controller, term),
            Happening::ControllerTick => self.controller_tick(),
            Happening::Register { broker, run } => self.register(broker, run),
            Happening::Heartbeat { broker, run } => self.heartbeat(broker, run),
            Happening::Tick { broker, run } => self.tick(broker, run),
            Happening::Metadata { broker, run } => self.metadata_arrives(broker, run),
            Happening::Flush { broker } => self.flush(broker),
            Happening::ProduceExpired { broker, run, partition, ticket } => {
                self.produce_expired((broker, run, partition), ticket);
            }
            Happening::Produce => self.produce_something(),
            Happening::Consume => self.consume_something(),
            Happening::Fault => self.fault(),
            Happening::Restart { broker } => self.restart(broker),
        }
    }

    pub(super) fn schedule(&mut self, after: u64, happening: Happening) {
        self.scheduled += 1;
        let at = self.now + Duration::from_millis(after);
        self.queue.push(Scheduled { at, order: self.scheduled, happening });
    }

    /// Some time from now, at most `within` milliseconds.
    pub(super) fn schedule_within(&mut self, within: u64, happening: Happening) {
        let after = 1 + self.up_to(within);
        self.schedule(after, happening);
    }

    /// Sends a message: it takes its time and may get lost.
    pub(super) fn send(&mut self, from: Place, to: Place, message: Happening) {
        let lost = !self.healed && self.dice.below(1_000) < self.weather.loss;
        if lost || self.links.is_cut(from, to, self.now) {
            return;
        }
        let laggard = self.weather.laggard.is_some_and(|kind| message.kind() == Some(kind));
        let after =
            if laggard && !self.healed && self.one_in(3) { self.up_to(120) } else { self.delay() };
        self.schedule(after, message);
    }

    /// How long something takes that crosses the network: mostly little, now and then very much.
    pub(super) fn delay(&mut self) -> u64 {
        let kind = self.dice.below(100);
        match kind {
            _ if self.healed || kind >= 2 * self.weather.slow => self.up_to(3),
            _ if kind >= self.weather.slow / 4 => self.up_to(40),
            _ => self.up_to(300),
        }
    }

    /// A number from 0 to `most`.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        let bound = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
        u64::try_from(self.dice.below(bound)).expect("not more than `most`")
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.dice.below(n) == 0
    }

    pub(super) fn runs(&self, broker: usize, run: u32) -> bool {
        self.brokers[broker].up && self.brokers[broker].run == run
    }

    pub(super) fn name(&self, partition: usize) -> TopicPartition {
        self.partitions[partition].clone()
    }

    pub(super) fn at(&self) -> Duration {
        Duration::from_millis(self.now.0)
    }

    /// A node tells the picture what it sees, and the invariants are asked.
    pub(super) fn observe(&mut self, node: NodeId, observation: &Observation) {
        if self.transcript.is_some() {
            self.write_down(format!("    {node}: {observation:?}"));
        }
        let verdict = self.inspector.observe(node, self.at(), observation);
        self.judge(verdict);
    }

    pub(super) fn judge(&mut self, verdict: Result<(), Violation>) {
        if let Err(violation) = verdict
            && (!self.clients_only || is_visible(&violation))
        {
            self.violation.get_or_insert(violation);
        }
    }

    pub(super) fn object(&mut self, invariant: &'static str, partition: usize, what: String) {
        let partition = Some(self.name(partition));
        let at = self.at();
        let occasion = None;
        self.judge(Err(Violation { invariant, partition, occasion, what, at }));
    }

    pub(super) fn write_down(&mut self, line: String) {
        let now = self.now;
        if let Some((most, lines)) = &mut self.transcript {
            if lines.len() == *most {
                lines.pop_front();
            }
            lines.push_back(format!("{now:>6} {line}"));
        }
    }
}

/// Whether clients could tell: what they were told (CV), or that it takes too long (LV).
fn is_visible(violation: &Violation) -> bool {
    ["CV", "LV"].iter().any(|kind| violation.invariant.starts_with(kind))
}
