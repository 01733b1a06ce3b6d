//! One round of Fetch requests: one to each broker that a partition is read from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::position::Position;
use super::{ConsumeError, Consumer, Fetched};
use crate::protocol::batch::{Batch, records};
use crate::protocol::messages::fetch_response::PartitionData;
use crate::protocol::messages::{FetchRequest, FetchResponse, build, fetch_request};
use crate::protocol::{BatchError, Batches, ErrorCode, Request, Response};
use crate::types::{BrokerId, LeaderEpoch, Offset, TopicId, TopicPartition};

/// What a round brought.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) records: Vec<Fetched>,
    /// The first thing that went wrong.
    pub(super) error: Option<ConsumeError>,
    /// A leader sent us to a replica, or a replica back to the leader.
    pub(super) redirected: bool,
}

impl Round {
    fn note(&mut self, error: ConsumeError) {
        self.error.get_or_insert(error);
    }
}

/// Whom to ask, and for what.
#[derive(Debug)]
struct Source {
    broker: BrokerId,
    address: Arc<str>,
    wanted: Vec<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    partition: TopicPartition,
    topic_id: TopicId,
    current_epoch: Option<LeaderEpoch>,
    offset: Offset,
    is_leader: bool,
}

impl Consumer {
    pub(super) async fn fetch_round(&mut self, max_wait: Duration) -> Round {
        let mut round = Round::default();
        let sources = self.sources(&mut round).await;
        let brokers = u32::try_from(sources.len()).unwrap_or(u32::MAX).max(1);
        for source in sources.into_values() {
            self.fetch(source, max_wait / brokers, &mut round).await;
        }
        round
    }

    async fn sources(&mut self, round: &mut Round) -> BTreeMap<BrokerId, Source> {
        let mut sources = BTreeMap::new();
        let assigned: Vec<TopicPartition> = self.positions.keys().cloned().collect();
        for partition in assigned {
            match self.source_of(&partition).await {
                Ok((broker, address, wanted)) => sources
                    .entry(broker)
                    .or_insert_with(|| Source { broker, address, wanted: Vec::new() })
                    .wanted
                    .push(wanted),
                Err(error) => round.note(error),
            }
        }
        sources
    }

    /// Finds out whom to read from, and that the position still lies on the leader's log.
    async fn source_of(
        &mut self,
        partition: &TopicPartition,
    ) -> Result<(BrokerId, Arc<str>, Wanted), ConsumeError> {
        let now = self.cluster.host().clock.now();
        let deadline = now + self.cluster.settings().request_timeout;
        let leader = self.cluster.leader_for(partition, deadline).await?;
        let position = *self.position_of(partition);
        if position.pinned.is_none() {
            if let Some(asked) = position.epoch_to_validate(leader.epoch) {
                self.validate(partition, &leader, asked).await?;
            }
            self.position_of(partition).lead_by(leader.epoch);
        }
        let replica = self.position_of(partition).replica(now);
        let elsewhere = replica.and_then(|broker| Some((broker, self.cluster.address_of(broker)?)));
        let is_leader = elsewhere.as_ref().is_none_or(|(broker, _)| *broker == leader.broker);
        let wanted = Wanted {
            partition: partition.clone(),
            topic_id: self.cluster.topic_id(&partition.topic).unwrap_or_default(),
            current_epoch: leader.epoch,
            offset: position.offset,
            is_leader,
        };
        let (broker, address) = elsewhere.unwrap_or((leader.broker, leader.address));
        Ok((broker, address, wanted))
    }

    async fn fetch(&mut self, source: Source, max_wait: Duration, round: &mut Round) {
        let request = self.request(&source, max_wait);
        let limit = max_wait + self.cluster.settings().request_timeout;
        match self.cluster.call(&source.address, &request, limit).await {
            Ok(Response::Fetch(response)) => {
                for wanted in &source.wanted {
                    let taken = self.take(&source, wanted, &response, round);
                    if let Err(error) = taken {
                        self.forget_source(wanted);
                        round.note(error);
                    }
                }
            }
            Ok(_) => unreachable!("an answer is read as what was asked"),
            Err(error) => {
                source.wanted.iter().for_each(|wanted| self.forget_source(wanted));
                round.note(error.into());
            }
        }
    }

    fn request(&self, source: &Source, max_wait: Duration) -> Request {
        let mut topics: BTreeMap<TopicId, Vec<fetch_request::FetchPartition>> = BTreeMap::new();
        for wanted in &source.wanted {
            let partition = build(|fetch: &mut fetch_request::FetchPartition| {
                fetch.partition = wanted.partition.partition;
                fetch.current_leader_epoch = wanted.current_epoch.map_or(-1, |epoch| epoch.0);
                fetch.fetch_offset = wanted.offset.0;
                fetch.partition_max_bytes = clamp(self.settings.partition_fetch_bytes_max);
            });
            topics.entry(wanted.topic_id).or_default().push(partition);
        }
        Request::Fetch(build(|request: &mut FetchRequest| {
            request.max_wait_ms = i32::try_from(max_wait.as_millis()).unwrap_or(i32::MAX);
            request.min_bytes = 1;
            request.max_bytes = clamp(self.settings.fetch_bytes_max);
            request.rack_id = self.settings.rack.as_deref().unwrap_or_default().into();
            request.topics = topics
                .into_iter()
                .map(|(id, partitions)| {
                    build(|topic: &mut fetch_request::FetchTopic| {
                        topic.topic_id = id.into();
                        topic.partitions = partitions;
                    })
                })
                .collect();
        }))
    }

    /// Takes in what the answer says of one partition.
    fn take(
        &mut self,
        source: &Source,
        wanted: &Wanted,
        response: &FetchResponse,
        round: &mut Round,
    ) -> Result<(), ConsumeError> {
        let partition = wanted.partition.clone();
        let refused = |code| ConsumeError::Refused {
            partition: partition.clone(),
            broker: source.broker,
            code,
        };
        if let Some(code) = ErrorCode::from_code(response.error_code).failure() {
            return Err(refused(code));
        }
        let data = response
            .responses
            .iter()
            .filter(|topic| TopicId::from(topic.topic_id) == wanted.topic_id)
            .flat_map(|topic| &topic.partitions)
            .find(|data| data.partition_index == partition.partition)
            .ok_or_else(|| ConsumeError::LeftOut(partition.clone()))?;
        let advised_until = self.cluster.host().clock.now() + self.settings.metadata_age_max;
        let position = self.position_of(&partition);
        let code = ErrorCode::from_code(data.error_code);
        if code == ErrorCode::OffsetOutOfRange {
            if !wanted.is_leader && position.pinned.is_none() {
                // A replica that is behind, not a wrong position: go back to the leader.
                position.preferred = None;
                round.redirected = true;
                return Ok(());
            }
            let (broker, asked) = (source.broker, wanted.offset);
            return Err(ConsumeError::OffsetOutOfRange { partition, broker, asked });
        }
        if let Some(code) = code.failure() {
            return Err(refused(code));
        }
        position.high_watermark = Some(Offset(data.high_watermark));
        if data.preferred_read_replica >= 0 && wanted.is_leader {
            position.preferred = Some((BrokerId(data.preferred_read_replica), advised_until));
            round.redirected = true;
        }
        take_records(&partition, position, data, &mut round.records)
            .map_err(|reason| ConsumeError::Batch { partition, position: position.offset, reason })
    }

    /// After a failure: the leader may have changed, the replica may be gone.
    fn forget_source(&mut self, wanted: &Wanted) {
        self.position_of(&wanted.partition).preferred = None;
        self.cluster.forget(&wanted.partition);
    }

    fn position_of(&mut self, partition: &TopicPartition) -> &mut Position {
        self.positions.get_mut(partition).expect("only assigned partitions are read")
    }
}

fn clamp(bytes: u32) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

/// Takes the records from the position on, batch by batch, and moves the position behind them.
fn take_records(
    partition: &TopicPartition,
    position: &mut Position,
    data: &PartitionData,
    into: &mut Vec<Fetched>,
) -> Result<(), BatchError> {
    for batch in Batches::new(data.records.clone().unwrap_or_default()) {
        let batch = match batch {
            Ok(batch) => batch,
            // The answer's size limit cut the last batch; it comes whole next time.
            Err(BatchError::HeaderCut { .. } | BatchError::BatchCut { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        batch.header.verify_crc(&batch.bytes)?;
        if batch.header.next_offset() <= position.offset {
            continue;
        }
        if !batch.header.attributes.is_control() {
            into.extend(read(partition, position.offset, &batch)?);
        }
        position.offset = batch.header.next_offset();
        position.last_epoch = Some(batch.header.partition_leader_epoch);
    }
    Ok(())
}

/// The records of a batch from `from` on: a batch is sent whole, wherever in it one reads.
fn read(
    partition: &TopicPartition,
    from: Offset,
    batch: &Batch,
) -> Result<Vec<Fetched>, BatchError> {
    let mut read = Vec::new();
    for record in records(&batch.bytes)? {
        let record = record?;
        if record.offset >= from {
            read.push(Fetched {
                partition: partition.clone(),
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key,
                value: record.value,
                leader_epoch: batch.header.partition_leader_epoch,
            });
        }
    }
    Ok(read)
}
