//! A replica on a bench: a story of events goes in, a transcript with the effects comes out.
//!
//! The bench plays the shell: it performs the effects on a log that has markers and epochs but no
//! records. Values are sticky: `metadata` repeats whatever it is not told anew. The replica is
//! broker 1 of brokers 1, 2 and 3, whose broker epochs are 10, 20 and 30.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use expect_test::Expect;

use super::super::*;
use crate::types::*;

/// Plays the lines of a transcript that are not indented, and compares what comes out with those
/// that are. A new story is written as its events alone; `UPDATE_EXPECT=1` fills in the rest.
pub(super) fn check(story: Expect) {
    let mut bench = Bench::new();
    let lines = || story.data().lines().filter(|line| !line.trim().is_empty());
    let indent = |line: &str| line.len() - line.trim_start().len();
    let margin = lines().map(indent).min().expect("a story has lines");
    for line in lines().filter(|line| indent(line) == margin).map(str::trim) {
        writeln!(bench.transcript, "{line}").unwrap();
        bench.play(line);
    }
    story.assert_eq(&bench.transcript);
}

struct Bench {
    replica: Replica,
    now: Millis,
    start: Offset,
    end: Offset,
    flushed: Option<Offset>,
    epochs: LeaderEpochCache,
    assignment: Assignment,
    proposals: Vec<AlterPartitionProposal>,
    fetched: Option<(Offset, LeaderEpoch)>,
    transcript: String,
}

/// The words of a line behind the first: `key=value` or a bare word, which is its own value.
type Words<'a> = BTreeMap<&'a str, &'a str>;

impl Bench {
    fn new() -> Self {
        let settings = Settings {
            me: BrokerId(1),
            replica_lag_time_max: Duration::from_secs(30),
            alter_partition_retry: Duration::from_secs(1),
            wait_for_caught_up_followers: false,
        };
        let assignment = Assignment {
            leader: None,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            in_sync_replicas: vec![BrokerId(1), BrokerId(2), BrokerId(3)],
            replicas: (1..=3).map(|id| (BrokerId(id), standing(i64::from(id) * 10))).collect(),
            recovery_state: RecoveryState::Recovered,
            min_in_sync_replicas: 2,
        };
        Self {
            replica: Replica::new(settings, Offset(0)),
            now: Millis(1_000_000),
            start: Offset(0),
            end: Offset(0),
            flushed: None,
            epochs: LeaderEpochCache::default(),
            assignment,
            proposals: Vec::new(),
            fetched: None,
            transcript: String::new(),
        }
    }

    fn play(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap();
        let words: Words<'_> =
            words.map(|word| word.split_once('=').unwrap_or((word, word))).collect();
        match verb {
            "replica" => self.set_up(&words),
            "metadata" => self.metadata(&words),
            "appended" => self.appended(number(words.keys().next().unwrap())),
            "flushed" => {
                self.flushed = Some(offset(words["to"]));
                self.feed(Event::Appended);
            }
            "fetch" => self.fetch(&words),
            "consume" => self.consume(&words),
            "advise" => self.advise(&words),
            "produce" => self.feed(Event::ProduceWaits {
                ticket: ProduceTicket(words["ticket"].parse().unwrap()),
                last_offset: offset(words["last"]),
            }),
            "expire" => self.feed(Event::ProduceExpired {
                ticket: ProduceTicket(words["ticket"].parse().unwrap()),
            }),
            "admit" => {
                let acks = if words.contains_key("all") { Acks::All } else { Acks::Leader };
                self.say(&describe(self.replica.admit_produce(acks)));
            }
            "controller" => self.controller(&words),
            "after" => self.now = self.now + Duration::from_secs(words["s"].parse().unwrap()),
            "tick" => self.feed(Event::Tick),
            "answer" => self.answer(&words),
            "disk-fails" => self.feed(Event::StorageFailed),
            "latest" => self.say(&format!("{:?}", self.replica.latest_offset())),
            "state" => self.state(),
            other => panic!("unknown verb {other}"),
        }
    }

    fn set_up(&mut self, words: &Words<'_>) {
        (self.start, self.end) = range(words["log"]);
        for entry in words.get("epochs").map(|list| list.split(',')).into_iter().flatten() {
            let (epoch, start) = entry.split_once('@').unwrap();
            self.epochs.assign(LeaderEpoch(epoch.parse().unwrap()), offset(start));
        }
        let mut settings = self.replica.common.settings;
        settings.wait_for_caught_up_followers = words.contains_key("third-set");
        if words.contains_key("flush") {
            self.flushed = Some(self.end);
        }
        self.replica =
            Replica::new(settings, words.get("hw").map_or(self.start, |word| offset(word)));
    }

    fn metadata(&mut self, words: &Words<'_>) {
        let assignment = &mut self.assignment;
        if let Some(leader) = words.get("leader") {
            assignment.leader = (*leader != "none").then(|| broker(leader));
        }
        if let Some(epoch) = words.get("epoch") {
            (assignment.leader_epoch, assignment.partition_epoch) = epochs(epoch);
        }
        if let Some(members) = words.get("isr") {
            assignment.in_sync_replicas = brokers(members);
        }
        if let Some(min) = words.get("min") {
            assignment.min_in_sync_replicas = min.parse().unwrap();
        }
        if let Some(assigned) = words.get("replicas") {
            assignment.replicas = brokers(assigned)
                .into_iter()
                .map(|id| (id, standing(i64::from(id.0) * 10)))
                .collect();
        }
        let inactive = words.get("inactive").map(|list| brokers(list)).unwrap_or_default();
        let reborn = words.get("reborn").map(|list| brokers(list)).unwrap_or_default();
        for (id, standing) in &mut assignment.replicas {
            standing.active = !inactive.contains(id);
            if reborn.contains(id) {
                standing.broker_epoch = standing.broker_epoch.map(|epoch| BrokerEpoch(epoch.0 + 1));
            }
        }
        self.feed(Event::MetadataApplied(self.assignment.clone()));
    }

    fn appended(&mut self, records: i64) {
        self.epochs.assign(self.replica.leader_epoch(), self.end);
        self.end = self.end.plus(records);
        self.feed(Event::Appended);
    }

    /// A follower's fetch, as the handler does it: the check, the look at the log, the event.
    fn fetch(&mut self, words: &Words<'_>) {
        let follower = broker(words["by"]);
        let request = FetchRequestView {
            follower: Some(follower),
            current_leader_epoch: Some(self.asked_epoch(words)),
            fetch_offset: offset(words["at"]),
            last_fetched_epoch: words.get("last").map(|last| LeaderEpoch(last.parse().unwrap())),
        };
        let epoch = words.get("broker").map_or(i64::from(follower.0) * 10, |epoch| number(epoch));
        match self.replica.check_fetch(self.log(), &request) {
            Ok(FetchVerdict::Read { .. }) => self.feed(Event::FollowerFetched {
                follower,
                broker_epoch: Some(BrokerEpoch(epoch)),
                fetch_offset: request.fetch_offset,
                log_start_offset: Offset(0),
                leader_end_offset: self.end,
            }),
            verdict => self.say(&describe(verdict)),
        }
    }

    fn consume(&mut self, words: &Words<'_>) {
        let request = FetchRequestView {
            follower: None,
            current_leader_epoch: Some(self.asked_epoch(words)),
            fetch_offset: offset(words["at"]),
            last_fetched_epoch: None,
        };
        self.say(&describe(self.replica.check_fetch(self.log(), &request)));
    }

    /// Whom a consumer is sent to that stands near some brokers.
    fn advise(&mut self, words: &Words<'_>) {
        let near = words["near"].split(',').map(|id| BrokerId(id.parse().unwrap())).collect();
        let advised = self.replica.preferred_read_replica(offset(words["at"]), &near);
        self.say(&advised.map_or("stay".to_owned(), |broker| format!("read from {broker}")));
    }

    fn asked_epoch(&self, words: &Words<'_>) -> LeaderEpoch {
        words.get("epoch").map_or(self.replica.leader_epoch(), |e| LeaderEpoch(e.parse().unwrap()))
    }

    /// The controller answers the newest proposal, or the one that `to` names.
    fn controller(&mut self, words: &Words<'_>) {
        let answered = words.get("to").map(|to| to.parse::<u64>().unwrap());
        let proposal = self
            .proposals
            .iter()
            .rfind(|proposal| answered.is_none_or(|attempt| attempt == proposal.attempt))
            .expect("a proposal to answer")
            .clone();
        let answer = if let Some(epoch) = words.get("committed") {
            let (leader_epoch, partition_epoch) = epochs(epoch);
            AlterPartitionAnswer::Committed {
                leader: Some(BrokerId(1)),
                leader_epoch,
                partition_epoch,
                in_sync_replicas: brokers(words["isr"]),
                recovery_state: RecoveryState::Recovered,
            }
        } else if words.contains_key("refused") {
            AlterPartitionAnswer::Refused
        } else if words.contains_key("out-of-date") {
            AlterPartitionAnswer::OutOfDate
        } else {
            AlterPartitionAnswer::Ambiguous
        };
        self.feed(Event::AlterPartitionAnswered { proposal, answer });
    }

    /// The leader answers this follower; `epoch` and `at` name an earlier request.
    fn answer(&mut self, words: &Words<'_>) {
        let request = FetchIdentity {
            leader_epoch: self.asked_epoch(words),
            fetch_offset: words.get("at").map_or(self.end, |at| offset(at)),
        };
        let answer = if let Some(records) = words.get("records") {
            let (base, end) = range(records);
            let epoch =
                words.get("of").map_or(request.leader_epoch, |e| LeaderEpoch(e.parse().unwrap()));
            self.fetched = Some((end, epoch));
            FetchAnswer::Records(FetchedBatches {
                base_offset: (base < end).then_some(base),
                end_offset: end,
                leader_epoch_max: (base < end).then_some(epoch),
                high_watermark: offset(words["hw"]),
                log_start_offset: words.get("start").map_or(Offset(0), |start| offset(start)),
            })
        } else if let Some(end) = words.get("diverging") {
            let (epoch, end) = end.split_once('@').unwrap();
            FetchAnswer::Diverging(EpochEndOffset {
                epoch: LeaderEpoch(epoch.parse().unwrap()),
                end_offset: offset(end),
            })
        } else if let Some(bounds) = words.get("bounds") {
            let (log_start_offset, log_end_offset) = range(bounds);
            FetchAnswer::LeaderBounds { log_start_offset, log_end_offset }
        } else if words.contains_key("out-of-range") {
            FetchAnswer::OffsetOutOfRange
        } else if words.contains_key("fenced") {
            FetchAnswer::FencedLeaderEpoch
        } else if words.contains_key("retry") {
            FetchAnswer::Retry
        } else {
            FetchAnswer::Unreachable
        };
        self.feed(Event::FetchAnswered { request, answer });
    }

    fn state(&mut self) {
        let replica = &self.replica;
        let mut text = format!("{:?}, high watermark {}", replica.role(), replica.high_watermark());
        if let Some(in_sync) = replica.in_sync_replicas() {
            let (committed, maximal) = (in_sync.committed(), in_sync.maximal());
            write!(text, ", committed {}", join(committed)).unwrap();
            write!(text, ", maximal {}, {} wait", join(maximal), replica.waiting_produces())
                .unwrap();
            for (is, word) in [
                (replica.is_under_replicated(), "under replicated"),
                (replica.is_under_min_in_sync(), "under min"),
                (replica.is_at_min_in_sync(), "at min"),
            ] {
                if is {
                    write!(text, ", {word}").unwrap();
                }
            }
        }
        let last = self.epochs.last_fetched_epoch(self.end);
        write!(text, ", log {}..{} last epoch {:?}", self.start, self.end, last.map(|e| e.0))
            .unwrap();
        self.say(&text);
    }

    fn log(&self) -> LogMarkers<'_> {
        LogMarkers {
            log_start_offset: self.start,
            log_end_offset: self.end,
            committable_end_offset: self.flushed.unwrap_or(self.end),
            leader_epochs: &self.epochs,
        }
    }

    fn feed(&mut self, event: Event) {
        let epochs = self.epochs.clone();
        let log = LogMarkers { leader_epochs: &epochs, ..self.log() };
        for effect in self.replica.step(self.now, log, event) {
            self.perform(&effect);
            self.say(&say_effect(&effect));
        }
    }

    fn perform(&mut self, effect: &Effect) {
        match effect {
            Effect::AssignLeaderEpoch { epoch, start_offset } => {
                self.epochs.assign(*epoch, *start_offset);
            }
            Effect::AppendFetched => {
                let (end, epoch) = self.fetched.take().unwrap();
                if self.epochs.latest() != Some(epoch) {
                    self.epochs.assign(epoch, self.end);
                }
                self.end = end;
            }
            Effect::Truncate { to } => {
                self.end = *to;
                self.epochs.truncate_end(*to);
            }
            Effect::RestartLog { at } => {
                (self.start, self.end) = (*at, *at);
                self.epochs.clear();
            }
            Effect::AdvanceLogStart { to } => {
                self.start = *to;
                self.epochs.truncate_start(*to);
            }
            Effect::ProposeInSyncReplicas(proposal) => self.proposals.push(proposal.clone()),
            Effect::AdvanceHighWatermark { .. }
            | Effect::CompleteProduce(_)
            | Effect::Fetch { .. }
            | Effect::StopFetching
            | Effect::BackOffFetching
            | Effect::AskLeaderBounds
            | Effect::WakeFetches
            | Effect::ReportLeader { .. }
            | Effect::ReportFollower { .. }
            | Effect::ReportInSyncReplicas { .. } => {}
        }
    }

    fn say(&mut self, text: &str) {
        writeln!(self.transcript, "  {text}").unwrap();
    }
}

fn describe<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("refused: {error}"),
    }
}

fn say_effect(effect: &Effect) -> String {
    match effect {
        Effect::AssignLeaderEpoch { epoch, start_offset } => {
            format!("epoch {epoch} begins at {start_offset}")
        }
        Effect::AdvanceHighWatermark { to } => format!("high watermark {to}"),
        Effect::CompleteProduce(done) => format!("produce {}: {:?}", done.ticket.0, done.outcome),
        Effect::ProposeInSyncReplicas(proposal) => {
            let members: Vec<String> = proposal
                .in_sync_replicas
                .iter()
                .map(|(id, epoch)| format!("{id}:{}", epoch.map_or(-1, |epoch| epoch.0)))
                .collect();
            let base = (proposal.leader_epoch, proposal.partition_epoch);
            format!("propose #{} {} on {}/{}", proposal.attempt, members.join(","), base.0, base.1)
        }
        Effect::Fetch { leader, leader_epoch } => format!("fetch from {leader} in {leader_epoch}"),
        Effect::StopFetching => "stop fetching".into(),
        Effect::BackOffFetching => "back off".into(),
        Effect::AppendFetched => "append".into(),
        Effect::Truncate { to } => format!("truncate to {to}"),
        Effect::RestartLog { at } => format!("restart the log at {at}"),
        Effect::AdvanceLogStart { to } => format!("log start {to}"),
        Effect::AskLeaderBounds => "ask for the leader's bounds".into(),
        Effect::WakeFetches => "wake fetches".into(),
        Effect::ReportLeader { leader_epoch, start_offset } => {
            format!("lead {leader_epoch} from {start_offset}")
        }
        Effect::ReportFollower { leader_epoch, leader } => match leader {
            Some(leader) => format!("follow {leader} in {leader_epoch}"),
            None => format!("follow nobody in {leader_epoch}"),
        },
        Effect::ReportInSyncReplicas { partition_epoch, committed, maximal, .. } => {
            format!("in sync at {partition_epoch}: {} maximal {}", join(committed), join(maximal))
        }
    }
}

fn standing(broker_epoch: i64) -> ReplicaStanding {
    ReplicaStanding { broker_epoch: Some(BrokerEpoch(broker_epoch)), active: true }
}

fn join<'a>(members: impl IntoIterator<Item = &'a BrokerId>) -> String {
    members.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

fn offset(text: &str) -> Offset {
    Offset(number(text))
}

fn broker(text: &str) -> BrokerId {
    BrokerId(text.parse().unwrap())
}

fn brokers(text: &str) -> Vec<BrokerId> {
    text.split(',').map(broker).collect()
}

fn range(text: &str) -> (Offset, Offset) {
    let (from, to) = text.split_once("..").unwrap();
    (offset(from), offset(to))
}

/// `leader epoch/partition epoch`.
fn epochs(text: &str) -> (LeaderEpoch, PartitionEpoch) {
    let (leader, partition) = text.split_once('/').unwrap();
    (LeaderEpoch(leader.parse().unwrap()), PartitionEpoch(partition.parse().unwrap()))
}
