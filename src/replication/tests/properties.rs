//! One leader under random events, against a plain bookkeeping of what it may know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
use super::cluster::config;
use crate::types::*;

#[derive(Clone, Copy, Debug)]
enum Input {
    Append(u8),
    Fetched { follower: u8, offset: u8, broker_epoch: u8 },
    Wait(u8),
    Expire(u8),
    Answer { kind: u8, epoch_step: u8, members: u8 },
    Metadata { epoch_step: u8, version_step: u8, members: u8, inactive: u8, min: u8 },
    Tick(u8),
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => (1..4_u8).prop_map(Input::Append),
        8 => (1..5_u8, any::<u8>(), 0..4_u8).prop_map(|(follower, offset, broker_epoch)| {
            Input::Fetched { follower, offset, broker_epoch }
        }),
        4 => any::<u8>().prop_map(Input::Wait),
        2 => any::<u8>().prop_map(Input::Expire),
        3 => (0..4_u8, 0..3_u8, 0..4_u8).prop_map(|(kind, epoch_step, members)| {
            Input::Answer { kind, epoch_step, members }
        }),
        2 => (0..8_u8, 0..3_u8, 0..4_u8, 0..4_u8, 1..4_u8).prop_map(
            |(epoch_step, version_step, members, inactive, min)| {
                Input::Metadata { epoch_step, version_step, members, inactive, min }
            }
        ),
        3 => (0..40_u8).prop_map(Input::Tick),
    ]
}

/// A leader and what its events entitle it to.
struct Witness {
    replica: Replica,
    now: Millis,
    end: Offset,
    epochs: LeaderEpochCache,
    assignment: Assignment,
    /// Log end offsets by fetches of this reign.
    held: BTreeMap<BrokerId, Offset>,
    in_flight: Option<AlterPartitionProposal>,
    waiting: BTreeMap<ProduceTicket, Offset>,
    tickets: u64,
}

impl Witness {
    fn new(third_set: bool) -> Self {
        let settings = Settings {
            me: BrokerId(1),
            replica_lag_time_max: Duration::from_secs(30),
            alter_partition_retry: Duration::from_secs(1),
            wait_for_caught_up_followers: third_set,
        };
        let standing = ReplicaStanding { broker_epoch: Some(BrokerEpoch(1)), active: true };
        let assignment = Assignment {
            leader: Some(BrokerId(1)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            in_sync_replicas: vec![BrokerId(1), BrokerId(2), BrokerId(3)],
            replicas: (1..=3).map(|id| (BrokerId(id), standing)).collect(),
            recovery_state: RecoveryState::Recovered,
            min_in_sync_replicas: 2,
        };
        let mut witness = Self {
            replica: Replica::new(settings, Offset(0)),
            now: Millis(0),
            end: Offset(0),
            epochs: LeaderEpochCache::default(),
            assignment: assignment.clone(),
            held: BTreeMap::new(),
            in_flight: None,
            waiting: BTreeMap::new(),
            tickets: 0,
        };
        witness.feed(Event::MetadataApplied(assignment));
        witness
    }

    fn play(&mut self, input: Input) {
        match input {
            Input::Append(records) => {
                self.epochs.assign(self.replica.leader_epoch(), self.end);
                self.end = self.end.plus(i64::from(records));
                self.feed(Event::Appended);
            }
            Input::Fetched { follower, offset, broker_epoch } => {
                self.fetched(BrokerId(i32::from(follower)), offset, broker_epoch);
            }
            Input::Wait(offset) => {
                self.tickets += 1;
                let ticket = ProduceTicket(self.tickets);
                let last_offset = Offset(i64::from(offset) % (self.end.0 + 1));
                self.waiting.insert(ticket, last_offset);
                self.feed(Event::ProduceWaits { ticket, last_offset });
            }
            Input::Expire(ticket) => {
                let ticket = ProduceTicket(u64::from(ticket) % (self.tickets + 1));
                self.feed(Event::ProduceExpired { ticket });
                assert!(!self.waiting.contains_key(&ticket), "an expired request still waits");
            }
            Input::Answer { kind, epoch_step, members } => {
                self.answer(kind, epoch_step, members);
            }
            Input::Metadata { epoch_step, version_step, members, inactive, min } => {
                let assignment = &mut self.assignment;
                // Mostly the same epoch; sometimes a new reign of the same leader.
                assignment.leader_epoch.0 += i32::from(epoch_step / 7);
                let version = self.replica.partition_epoch().0 + i32::from(version_step);
                assignment.partition_epoch = PartitionEpoch(version + i32::from(epoch_step / 7));
                assignment.in_sync_replicas = in_sync(members);
                assignment.min_in_sync_replicas = usize::from(min);
                for (id, standing) in &mut assignment.replicas {
                    standing.active = i32::from(inactive) != id.0;
                }
                let news = assignment.leader_epoch > self.replica.leader_epoch();
                if news {
                    self.held.clear();
                }
                if news || assignment.partition_epoch > self.replica.partition_epoch() {
                    self.in_flight = None;
                }
                self.feed(Event::MetadataApplied(self.assignment.clone()));
            }
            Input::Tick(seconds) => {
                self.now = self.now + Duration::from_secs(u64::from(seconds));
                self.feed(Event::Tick);
            }
        }
    }

    fn fetched(&mut self, follower: BrokerId, offset: u8, broker_epoch: u8) {
        let fetch_offset = Offset(i64::from(offset) % (self.end.0 + 1));
        if (2..=3).contains(&follower.0) && broker_epoch >= 1 {
            self.held.insert(follower, fetch_offset);
        }
        self.feed(Event::FollowerFetched {
            follower,
            // 0 is an earlier incarnation, 1 the registered one, more a version without the field.
            broker_epoch: (broker_epoch < 2).then(|| BrokerEpoch(i64::from(broker_epoch))),
            fetch_offset,
            log_start_offset: Offset(0),
            leader_end_offset: self.end,
        });
    }

    fn answer(&mut self, kind: u8, epoch_step: u8, members: u8) {
        let Some(proposal) = self.in_flight.take() else { return };
        let answer = match kind {
            0 => AlterPartitionAnswer::Committed {
                leader: Some(BrokerId(1)),
                leader_epoch: proposal.leader_epoch,
                partition_epoch: PartitionEpoch(
                    proposal.partition_epoch.0 + i32::from(epoch_step.min(1)),
                ),
                in_sync_replicas: match epoch_step {
                    0 => self.committed(),
                    1 => proposal.in_sync_replicas.keys().copied().collect(),
                    _ => in_sync(members),
                },
                recovery_state: RecoveryState::Recovered,
            },
            1 => AlterPartitionAnswer::Refused,
            2 => AlterPartitionAnswer::OutOfDate,
            _ => AlterPartitionAnswer::Ambiguous,
        };
        self.feed(Event::AlterPartitionAnswered { proposal, answer });
    }

    fn committed(&self) -> Vec<BrokerId> {
        self.replica.in_sync_replicas().unwrap().committed().iter().copied().collect()
    }

    fn feed(&mut self, event: Event) {
        let before = (self.replica.leader_epoch(), self.replica.high_watermark());
        let epochs = self.epochs.clone();
        let log = LogMarkers {
            log_start_offset: Offset(0),
            log_end_offset: self.end,
            committable_end_offset: self.end,
            leader_epochs: &epochs,
        };
        let effects = self.replica.step(self.now, log, event);
        let after = self.replica.high_watermark();
        assert!(after >= before.1, "LS2: the high watermark of a leader fell");
        for effect in effects {
            self.witness(effect);
        }
        if after > before.1 {
            self.judge_high_watermark(after);
        }
        if self.replica.leader_epoch() > before.0 {
            assert!(self.waiting.is_empty(), "LS8: a request outlived its reign");
        }
        assert_eq!(self.replica.waiting_produces(), self.waiting.len());
    }

    fn witness(&mut self, effect: Effect) {
        match effect {
            Effect::AssignLeaderEpoch { epoch, start_offset } => {
                assert_eq!(start_offset, self.end);
                self.epochs.assign(epoch, start_offset);
            }
            Effect::ProposeInSyncReplicas(proposal) => {
                assert_eq!(self.in_flight, None, "LS6: two proposals");
                assert_eq!(proposal.partition_epoch, self.replica.partition_epoch(), "LS6: base");
                assert!(proposal.in_sync_replicas.contains_key(&BrokerId(1)), "GS10: no leader");
                self.in_flight = Some(proposal);
            }
            Effect::CompleteProduce(done) => {
                let last_offset = self.waiting.remove(&done.ticket).expect("answered once");
                match done.outcome {
                    ProduceOutcome::Committed | ProduceOutcome::NotEnoughReplicasAfterAppend => {
                        assert!(last_offset < self.replica.high_watermark(), "GS7: too early");
                    }
                    ProduceOutcome::TimedOut | ProduceOutcome::NotLeader => {}
                    ProduceOutcome::StorageFailed => panic!("the disk is fine"),
                }
            }
            Effect::Truncate { .. } | Effect::AppendFetched | Effect::RestartLog { .. } => {
                panic!("a leader does not cut or follow")
            }
            Effect::AdvanceHighWatermark { .. }
            | Effect::Fetch { .. }
            | Effect::StopFetching
            | Effect::BackOffFetching
            | Effect::AdvanceLogStart { .. }
            | Effect::AskLeaderBounds
            | Effect::WakeFetches
            | Effect::ReportLeader { .. }
            | Effect::ReportFollower { .. }
            | Effect::ReportInSyncReplicas { .. } => {}
        }
    }

    /// Whoever may be in sync is known to hold everything below the high watermark.
    fn judge_high_watermark(&self, high_watermark: Offset) {
        let in_sync = self.replica.in_sync_replicas().unwrap();
        assert!(!self.replica.is_under_min_in_sync(), "moved with too few in sync");
        assert!(high_watermark <= self.end, "LS1");
        let proposed: BTreeSet<BrokerId> =
            self.in_flight.iter().flat_map(|p| p.in_sync_replicas.keys()).copied().collect();
        for member in in_sync.committed().union(&proposed).filter(|id| id.0 != 1) {
            let held = self.held.get(member);
            assert!(held >= Some(&high_watermark), "R13: {member} holds {held:?} only");
        }
    }
}

fn in_sync(members: u8) -> Vec<BrokerId> {
    let others = (2..=3).filter(|id| members & (1 << (id - 2)) != 0);
    std::iter::once(1).chain(others).map(BrokerId).collect()
}

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn a_leader_promises_only_what_its_in_sync_replicas_hold(
        inputs in proptest::collection::vec(input(), 0..120),
        third_set in any::<bool>(),
    ) {
        let mut witness = Witness::new(third_set);
        for input in inputs {
            witness.play(input);
        }
    }
}
