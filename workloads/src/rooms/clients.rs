//! Producers and consumers, and what they may complain about.

use std::collections::BTreeMap;

use highwater::host::probe::{BatchId, Observation};
use highwater::replication::{
    CompletedProduce, Event, FetchRequestView, FetchVerdict, ProduceOutcome, ProduceTicket,
};
use highwater::types::{
    Acks, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, TopicPartition,
};

use super::world::{Happening, World};

/// A produce request that waits for its commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Produce {
    batch: BatchId,
}

/// What the clients have seen.
#[derive(Debug)]
pub(super) struct Clients {
    sent: u32,
    /// Per partition: what was acknowledged to producers with acks=all.
    acknowledged: Vec<Vec<BatchId>>,
    /// Per partition: the content first read at each base offset.
    consumed: Vec<BTreeMap<Offset, u32>>,
    /// Per partition and leader epoch: the furthest offset that was known to be readable.
    readable: Vec<BTreeMap<LeaderEpoch, Offset>>,
}

impl Clients {
    pub(super) fn new(partitions: usize) -> Self {
        Self {
            sent: 0,
            acknowledged: vec![Vec::new(); partitions],
            consumed: vec![BTreeMap::new(); partitions],
            readable: vec![BTreeMap::new(); partitions],
        }
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.iter().map(|batches| batches.len() as u64).sum()
    }

    pub(super) fn acknowledged_of(&self, partition: usize) -> &[BatchId] {
        &self.acknowledged[partition]
    }

    /// What was read and what `log` holds instead.
    pub(super) fn changed(&self, partition: usize, log: &[BatchId]) -> Option<(Offset, u32)> {
        let mut seen = self.consumed[partition].iter();
        seen.find(|(offset, content)| {
            let at = log.binary_search_by_key(*offset, |batch| batch.base_offset);
            at.map_or(true, |at| log[at].crc != **content)
        })
        .map(|(offset, content)| (*offset, *content))
    }
}

impl World {
    pub(super) fn produce_something(&mut self) {
        if self.healed {
            return;
        }
        self.schedule_within(self.weather.produce_interval, Happening::Produce);
        let partition = self.dice.below(self.weather.partitions);
        // Mostly to the leader; but clients are late too.
        let leader = self.quorum.partition(partition).and_then(|record| record.leader);
        let broker = match leader {
            Some(leader) if !self.one_in(4) => {
                usize::try_from(leader.0 - 1).expect("brokers are numbered from 1")
            }
            Some(_) | None => self.dice.below(self.brokers.len()),
        };
        let acks = if self.one_in(4) { Acks::Leader } else { Acks::All };
        self.produce(broker, partition, acks);
    }

    pub(super) fn produce(&mut self, broker: usize, partition: usize, acks: Acks) {
        if !self.brokers[broker].up {
            return;
        }
        let hosted = &self.brokers[broker].hosted[partition];
        let Ok(leader_epoch) = hosted.replica.admit_produce(acks) else { return };
        if acks == Acks::All && hosted.replica.is_under_min_in_sync() {
            let what = format!("broker {broker} takes acks=all with fewer in sync than required");
            self.object("CV11", partition, what);
        }
        let base_offset = self.brokers[broker].hosted[partition].log.end();
        let records = i64::from(self.one_in(3)) + i64::from(self.one_in(3));
        self.clients.sent += 1;
        let batch = BatchId {
            base_offset,
            last_offset: base_offset.plus(records),
            leader_epoch,
            crc: self.clients.sent,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(-1),
            base_sequence: Sequence(-1),
        };
        self.append(broker, partition, batch, true);
        self.feed(broker, partition, Event::Appended);
        match acks {
            Acks::None => {}
            Acks::Leader => self.acknowledge(broker, partition, batch, acks),
            Acks::All => {
                let ticket = self.quorum.next_ticket();
                let hosted = &mut self.brokers[broker].hosted[partition];
                hosted.produces.insert(ProduceTicket(ticket), Produce { batch });
                let run = self.brokers[broker].run;
                let expired = Happening::ProduceExpired { broker, run, partition, ticket };
                self.schedule(70, expired);
                let ticket = ProduceTicket(ticket);
                let last_offset = batch.last_offset;
                self.feed(broker, partition, Event::ProduceWaits { ticket, last_offset });
            }
        }
    }

    pub(super) fn produce_expired(
        &mut self,
        (broker, run, partition): (usize, u32, usize),
        ticket: u64,
    ) {
        if self.runs(broker, run) {
            let ticket = ProduceTicket(ticket);
            self.feed(broker, partition, Event::ProduceExpired { ticket });
        }
    }

    pub(super) fn produce_completed(
        &mut self,
        broker: usize,
        partition: usize,
        completed: CompletedProduce,
    ) {
        let hosted = &mut self.brokers[broker].hosted[partition];
        let Some(produce) = hosted.produces.remove(&completed.ticket) else {
            let what =
                format!("broker {broker} answers {:?}, which nobody asked", completed.ticket);
            self.object("LS8", partition, what);
            return;
        };
        match completed.outcome {
            ProduceOutcome::Committed => {
                self.acknowledge(broker, partition, produce.batch, Acks::All);
            }
            ProduceOutcome::NotEnoughReplicasAfterAppend
            | ProduceOutcome::TimedOut
            | ProduceOutcome::NotLeader
            | ProduceOutcome::StorageFailed => {}
        }
    }

    fn acknowledge(&mut self, broker: usize, partition: usize, batch: BatchId, acks: Acks) {
        let observation = Observation::Acknowledged {
            partition: self.name(partition),
            acks,
            leader_epoch: batch.leader_epoch,
            base_offset: batch.base_offset,
            last_offset: batch.last_offset,
            duplicate: false,
        };
        let node = self.brokers[broker].node();
        self.observe(node, &observation);
        if acks == Acks::All {
            self.clients.acknowledged[partition].push(batch);
        }
    }

    /// Somebody reads, from any replica, or asks a leader how far it can read.
    pub(super) fn consume_something(&mut self) {
        if self.healed {
            return;
        }
        self.schedule_within(20, Happening::Consume);
        let broker = self.dice.below(self.brokers.len());
        let partition = self.dice.below(self.weather.partitions);
        if !self.brokers[broker].up {
            return;
        }
        if self.one_in(3) {
            self.ask_latest(broker, partition);
        } else {
            self.consume(broker, partition);
        }
    }

    fn consume(&mut self, broker: usize, partition: usize) {
        let mark = self.brokers[broker].hosted[partition].replica.high_watermark();
        let from = Offset(i64::try_from(self.up_to(mark.0.unsigned_abs())).expect("an offset"));
        let hosted = &self.brokers[broker].hosted[partition];
        let from = hosted.log.read(from, 1).first().map_or(from, |batch| batch.base_offset);
        let view = FetchRequestView {
            follower: None,
            current_leader_epoch: None,
            fetch_offset: from,
            last_fetched_epoch: None,
        };
        let verdict = hosted.replica.check_fetch(hosted.log.markers(), &view);
        let Ok(FetchVerdict::Read { end, .. }) = verdict else { return };
        let batches: Vec<BatchId> = hosted.log.read(from, 8).to_vec();
        let batches: Vec<_> = batches.into_iter().filter(|b| b.last_offset < end).collect();
        let Some(to) = batches.last().map(|batch| batch.last_offset.plus(1)) else { return };
        let epoch = hosted.replica.leader_epoch();
        let as_leader = hosted.replica.check_leader_epoch(None).is_ok();
        let served = Observation::Served { partition: self.name(partition), from, to, as_leader };
        let node = self.brokers[broker].node();
        self.observe(node, &served);
        let judged = self.is_judged(&self.name(partition));
        for batch in batches {
            let content = batch.crc;
            let first =
                *self.clients.consumed[partition].entry(batch.base_offset).or_insert(content);
            if first != content && judged {
                let what = format!(
                    "broker {broker} serves {content} at {}, where {first} was read before",
                    batch.base_offset
                );
                self.object("CV4", partition, what);
            }
        }
        self.now_readable(partition, epoch, to);
    }

    /// ListOffsets(LATEST), which must not go back while epochs do not (CV9, KIP-207).
    fn ask_latest(&mut self, broker: usize, partition: usize) {
        let replica = &self.brokers[broker].hosted[partition].replica;
        let Some(latest) = replica.latest_offset() else { return };
        let epoch = replica.leader_epoch();
        let known = self.clients.readable[partition].range(..=epoch).map(|(_, to)| *to).max();
        if known > Some(latest) && self.is_judged(&self.name(partition)) {
            let what = format!(
                "broker {broker} says in epoch {epoch} that {latest} is the latest offset, but {} \
                 was known before in epoch {epoch} or earlier",
                known.unwrap_or_default()
            );
            self.object("CV9", partition, what);
        }
        self.now_readable(partition, epoch, latest);
    }

    fn now_readable(&mut self, partition: usize, epoch: LeaderEpoch, to: Offset) {
        let known = self.clients.readable[partition].entry(epoch).or_default();
        *known = (*known).max(to);
    }

    pub(super) fn is_judged(&self, partition: &TopicPartition) -> bool {
        self.inspector.picture().within_budget(partition)
    }
}
