//! Replication between brokers: fetches, their answers, and how both can come late.

use highwater::host::probe::BatchId;
use highwater::replication::{
    Event, FetchAnswer, FetchIdentity, FetchRefusal, FetchRequestView, FetchVerdict, FetchedBatches,
};
use highwater::types::{BrokerEpoch, LeaderEpoch, Offset};

use super::brokers::Next;
use super::world::{Happening, Place, World};

/// A follower's request, for records or for the bounds of the leader's log.
#[derive(Clone, Debug)]
pub(super) struct Fetch {
    from: usize,
    run: u32,
    to: usize,
    partition: usize,
    id: u64,
    broker_epoch: Option<BrokerEpoch>,
    identity: FetchIdentity,
    last_fetched_epoch: Option<LeaderEpoch>,
    batches_max: usize,
}

/// The answer to a fetch.
#[derive(Debug)]
pub(super) struct FetchReply {
    to: usize,
    run: u32,
    partition: usize,
    id: u64,
    identity: FetchIdentity,
    answer: FetchAnswer,
    batches: Vec<BatchId>,
}

/// The answer to a question for bounds.
#[derive(Debug)]
pub(super) struct BoundsReply {
    to: usize,
    run: u32,
    partition: usize,
    id: u64,
    identity: FetchIdentity,
    answer: FetchAnswer,
}

/// How long a follower waits for an answer.
const FETCH_TIMEOUT: u64 = 60;

/// How long a leader keeps a fetch that finds nothing (`replica.fetch.wait.max.ms`).
const FETCH_WAIT: u64 = 20;

impl World {
    /// Sends the next fetch, if one is wanted and none is under way.
    pub(super) fn send_fetch(&mut self, broker: usize, partition: usize) {
        if let Some(fetch) = self.new_fetch(broker, partition) {
            let to = fetch.to;
            let message = Happening::Fetch(Box::new(fetch));
            self.send(Place::Broker(broker), Place::Broker(to), message);
        }
    }

    pub(super) fn ask_bounds(&mut self, broker: usize, partition: usize) {
        if let Some(fetch) = self.new_fetch(broker, partition) {
            let to = fetch.to;
            let message = Happening::AskBounds(Box::new(fetch));
            self.send(Place::Broker(broker), Place::Broker(to), message);
        }
    }

    fn new_fetch(&mut self, broker: usize, partition: usize) -> Option<Fetch> {
        let id = self.quorum.next_ticket();
        let state = &mut self.brokers[broker];
        let hosted = &mut state.hosted[partition];
        let (leader, leader_epoch) = hosted.source.filter(|_| hosted.outstanding.is_none())?;
        hosted.outstanding = Some(id);
        let end = hosted.log.end();
        let fetch = Fetch {
            from: broker,
            run: state.run,
            to: usize::try_from(leader.0 - 1).expect("brokers are numbered from 1"),
            partition,
            id,
            broker_epoch: state.epoch,
            identity: FetchIdentity { leader_epoch, fetch_offset: end },
            last_fetched_epoch: hosted.log.epochs().last_fetched_epoch(end),
            batches_max: state.fetch_batches_max,
        };
        let run = state.run;
        self.schedule(FETCH_TIMEOUT, Happening::FetchExpired { broker, run, partition, id });
        Some(fetch)
    }

    /// A fetch reaches a broker, which may lead or not.
    pub(super) fn fetch_arrives(&mut self, fetch: Fetch) {
        if self.brokers[fetch.to].up {
            self.serve(fetch, false, false);
        }
    }

    /// Judges a fetch and answers or parks it. One that was parked has been counted before.
    fn serve(&mut self, fetch: Fetch, parked: bool, last_chance: bool) {
        let (to, partition) = (fetch.to, fetch.partition);
        let id = self.brokers[fetch.from].id;
        let hosted = &self.brokers[to].hosted[partition];
        let view = FetchRequestView {
            follower: Some(id),
            current_leader_epoch: Some(fetch.identity.leader_epoch),
            fetch_offset: fetch.identity.fetch_offset,
            last_fetched_epoch: fetch.last_fetched_epoch,
        };
        let verdict = hosted.replica.check_fetch(hosted.log.markers(), &view);
        let is_proof = !parked && verdict.as_ref().is_ok_and(|verdict| verdict.is_proof_of_end());
        let end = hosted.log.end();
        let batches = hosted.log.read(view.fetch_offset, fetch.batches_max).to_vec();
        if is_proof {
            let learnt = Event::FollowerFetched {
                follower: id,
                broker_epoch: fetch.broker_epoch,
                fetch_offset: view.fetch_offset,
                log_start_offset: Offset::ZERO,
                leader_end_offset: end,
            };
            self.feed(to, partition, learnt);
        }
        let (answer, batches) = match verdict {
            Ok(FetchVerdict::Read { high_watermark, .. }) => {
                if batches.is_empty() && !last_chance {
                    self.park(fetch, parked);
                    return;
                }
                (FetchAnswer::Records(sum_up(&batches, view.fetch_offset, high_watermark)), batches)
            }
            Ok(FetchVerdict::Diverging(end)) => (FetchAnswer::Diverging(end), Vec::new()),
            Err(refusal) => (refused(refusal), Vec::new()),
        };
        let reply = FetchReply {
            to: fetch.from,
            run: fetch.run,
            partition,
            id: fetch.id,
            identity: fetch.identity,
            answer,
            batches,
        };
        let message = Happening::FetchReply(Box::new(reply));
        self.send(Place::Broker(to), Place::Broker(fetch.from), message);
    }

    fn park(&mut self, fetch: Fetch, again: bool) {
        let (broker, partition) = (fetch.to, fetch.partition);
        let run = self.brokers[broker].run;
        if !again {
            self.schedule(FETCH_WAIT, Happening::ParkedExpired { broker, run, partition });
        }
        self.brokers[broker].hosted[partition].parked.push(fetch);
    }

    /// Looks at the parked fetches again. Once the time of one of them is up, all are answered.
    pub(super) fn look_at_parked(&mut self, broker: usize, partition: usize, last_chance: bool) {
        for fetch in std::mem::take(&mut self.brokers[broker].hosted[partition].parked) {
            self.serve(fetch, true, last_chance);
        }
    }

    /// An answer reaches a follower, perhaps one that it has stopped to wait for.
    pub(super) fn fetch_answered(&mut self, reply: FetchReply) {
        let (broker, partition) = (reply.to, reply.partition);
        if !self.runs(broker, reply.run) || !self.expected(broker, partition, reply.id) {
            return;
        }
        let event = Event::FetchAnswered { request: reply.identity, answer: reply.answer };
        if self.feed_with(broker, partition, event, &reply.batches) == Next::AtOnce {
            self.send_fetch(broker, partition);
        }
    }

    /// Takes note of an answer's arrival. One that comes too late is mostly dropped with its
    /// connection, but a fetcher that is used again may hand it on (KAFKA-18991).
    fn expected(&mut self, broker: usize, partition: usize, id: u64) -> bool {
        let hosted = &mut self.brokers[broker].hosted[partition];
        if hosted.outstanding == Some(id) {
            hosted.outstanding = None;
            return true;
        }
        self.one_in(2)
    }

    pub(super) fn fetch_expired(&mut self, (broker, run, partition): (usize, u32, usize), id: u64) {
        if !self.runs(broker, run) || self.brokers[broker].hosted[partition].outstanding != Some(id)
        {
            return;
        }
        let hosted = &mut self.brokers[broker].hosted[partition];
        hosted.outstanding = None;
        let Some((_, leader_epoch)) = hosted.source else { return };
        let request = FetchIdentity { leader_epoch, fetch_offset: hosted.log.end() };
        let event = Event::FetchAnswered { request, answer: FetchAnswer::Unreachable };
        if self.feed(broker, partition, event) == Next::AtOnce {
            self.send_fetch(broker, partition);
        }
    }

    pub(super) fn bounds_asked(&mut self, fetch: &Fetch) {
        if !self.brokers[fetch.to].up {
            return;
        }
        let hosted = &self.brokers[fetch.to].hosted[fetch.partition];
        let epoch = Some(fetch.identity.leader_epoch);
        let answer = match hosted.replica.check_leader_epoch(epoch) {
            Ok(_) => FetchAnswer::LeaderBounds {
                log_start_offset: Offset::ZERO,
                log_end_offset: hosted.log.end(),
            },
            Err(refusal) => refused(refusal),
        };
        let reply = BoundsReply {
            to: fetch.from,
            run: fetch.run,
            partition: fetch.partition,
            id: fetch.id,
            identity: fetch.identity,
            answer,
        };
        let message = Happening::BoundsReply(Box::new(reply));
        self.send(Place::Broker(fetch.to), Place::Broker(fetch.from), message);
    }

    pub(super) fn bounds_answered(&mut self, reply: BoundsReply) {
        let BoundsReply { to, run, partition, id, identity, answer } = reply;
        let reply = FetchReply { to, run, partition, id, identity, answer, batches: Vec::new() };
        self.fetch_answered(reply);
    }
}

fn sum_up(batches: &[BatchId], from: Offset, high_watermark: Offset) -> FetchedBatches {
    FetchedBatches {
        base_offset: batches.first().map(|batch| batch.base_offset),
        end_offset: batches.last().map_or(from, |batch| batch.last_offset.plus(1)),
        leader_epoch_max: batches.iter().map(|batch| batch.leader_epoch).max(),
        high_watermark,
        log_start_offset: Offset::ZERO,
    }
}

fn refused(refusal: FetchRefusal) -> FetchAnswer {
    match refusal {
        FetchRefusal::FencedLeaderEpoch { .. } => FetchAnswer::FencedLeaderEpoch,
        FetchRefusal::OffsetOutOfRange { .. } => FetchAnswer::OffsetOutOfRange,
        FetchRefusal::UnknownLeaderEpoch { .. }
        | FetchRefusal::NotLeader
        | FetchRefusal::NotAssigned(_)
        | FetchRefusal::StorageFailed => FetchAnswer::Retry,
    }
}
