//! Where a log begins and ends, and whether a position still lies on it.

use super::{ConsumeError, Consumer};
use crate::client::cluster::Leader;
use crate::protocol::messages::{
    ListOffsetsRequest, OffsetForLeaderEpochRequest, build, list_offsets_request,
    offset_for_leader_epoch_request,
};
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{EpochEndOffset, LeaderEpoch, Millis, Offset, TopicPartition};

/// Asks ListOffsets for the end of what consumers may read.
const LATEST: i64 = -1;

/// Asks ListOffsets for the first offset held.
const EARLIEST: i64 = -2;

/// A consumer's `replica_id`.
const CONSUMER: i32 = -1;

impl Consumer {
    /// One past the last record that consumers may read, and the leader's epoch.
    ///
    /// # Errors
    /// No leader says so within the request timeout.
    pub async fn latest_offset(
        &mut self,
        partition: &TopicPartition,
    ) -> Result<(Offset, Option<LeaderEpoch>), ConsumeError> {
        self.list_offset(partition, LATEST).await
    }

    /// The first offset that the leader holds.
    ///
    /// # Errors
    /// No leader says so within the request timeout.
    pub async fn earliest_offset(
        &mut self,
        partition: &TopicPartition,
    ) -> Result<Offset, ConsumeError> {
        self.list_offset(partition, EARLIEST).await.map(|(offset, _)| offset)
    }

    async fn list_offset(
        &mut self,
        partition: &TopicPartition,
        timestamp: i64,
    ) -> Result<(Offset, Option<LeaderEpoch>), ConsumeError> {
        let timeout = self.cluster.settings().request_timeout;
        let deadline = self.cluster.host().clock.now() + timeout;
        loop {
            let error = match self.list_offset_once(partition, timestamp, deadline).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            if !error.is_passing() || !self.has_time_for_another(deadline) {
                return Err(error);
            }
            self.cluster.forget(partition);
            let pause = self.cluster.settings().retry_backoff;
            self.cluster.host().clock.sleep(pause).await;
        }
    }

    async fn list_offset_once(
        &mut self,
        partition: &TopicPartition,
        timestamp: i64,
        deadline: Millis,
    ) -> Result<(Offset, Option<LeaderEpoch>), ConsumeError> {
        let leader = self.cluster.leader_for(partition, deadline).await?;
        let limit = deadline - self.cluster.host().clock.now();
        let request = list_offsets_request(partition, &leader, timestamp);
        let answer = self.cluster.call(&leader.address, &request, limit).await?;
        let Response::ListOffsets(answer) = answer else {
            unreachable!("an answer is read as what was asked")
        };
        let found = answer
            .topics
            .iter()
            .filter(|topic| topic.name.as_str() == &*partition.topic)
            .flat_map(|topic| &topic.partitions)
            .find(|found| found.partition_index == partition.partition)
            .ok_or_else(|| ConsumeError::LeftOut(partition.clone()))?;
        accepted(partition, &leader, found.error_code)?;
        let epoch = (found.leader_epoch >= 0).then_some(LeaderEpoch(found.leader_epoch));
        Ok((Offset(found.offset), epoch))
    }

    /// Asks the leader where the epoch of the last record read ends. If it ends below the position,
    /// records that were read are not on the leader's log any more.
    pub(super) async fn validate(
        &mut self,
        partition: &TopicPartition,
        leader: &Leader,
        last_epoch: LeaderEpoch,
    ) -> Result<(), ConsumeError> {
        let limit = self.cluster.settings().request_timeout;
        let request = epoch_request(partition, leader, last_epoch);
        let answer = match self.cluster.call(&leader.address, &request, limit).await {
            Ok(Response::OffsetForLeaderEpoch(answer)) => answer,
            Ok(_) => unreachable!("an answer is read as what was asked"),
            Err(error) => {
                self.cluster.forget(partition);
                return Err(error.into());
            }
        };
        let end = answer
            .topics
            .iter()
            .filter(|topic| topic.topic.as_str() == &*partition.topic)
            .flat_map(|topic| &topic.partitions)
            .find(|end| end.partition == partition.partition)
            .ok_or_else(|| ConsumeError::LeftOut(partition.clone()))?;
        accepted(partition, leader, end.error_code)
            .inspect_err(|_| self.cluster.forget(partition))?;
        let end = (end.end_offset >= 0 && end.leader_epoch >= 0).then_some(EpochEndOffset {
            epoch: LeaderEpoch(end.leader_epoch),
            end_offset: Offset(end.end_offset),
        });
        let position = self.position(partition).unwrap_or(Offset::ZERO);
        match end {
            Some(end) if end.end_offset >= position => Ok(()),
            Some(_) | None => {
                let partition = partition.clone();
                Err(ConsumeError::LogTruncated { partition, position, end })
            }
        }
    }
}

fn accepted(partition: &TopicPartition, leader: &Leader, code: i16) -> Result<(), ConsumeError> {
    match ErrorCode::from_code(code).failure() {
        None => Ok(()),
        Some(code) => {
            let (partition, broker) = (partition.clone(), leader.broker);
            Err(ConsumeError::Refused { partition, broker, code })
        }
    }
}

fn list_offsets_request(partition: &TopicPartition, leader: &Leader, timestamp: i64) -> Request {
    Request::ListOffsets(build(|request: &mut ListOffsetsRequest| {
        request.replica_id = CONSUMER;
        request.topics = vec![build(|topic: &mut list_offsets_request::ListOffsetsTopic| {
            topic.name = (*partition.topic).into();
            topic.partitions =
                vec![build(|asked: &mut list_offsets_request::ListOffsetsPartition| {
                    asked.partition_index = partition.partition;
                    asked.current_leader_epoch = leader.epoch.map_or(-1, |epoch| epoch.0);
                    asked.timestamp = timestamp;
                })];
        })];
    }))
}

fn epoch_request(partition: &TopicPartition, leader: &Leader, last_epoch: LeaderEpoch) -> Request {
    use offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
    Request::OffsetForLeaderEpoch(build(|request: &mut OffsetForLeaderEpochRequest| {
        request.replica_id = CONSUMER;
        request.topics = vec![build(|topic: &mut OffsetForLeaderTopic| {
            topic.topic = (*partition.topic).into();
            topic.partitions = vec![build(|asked: &mut OffsetForLeaderPartition| {
                asked.partition = partition.partition;
                asked.current_leader_epoch = leader.epoch.map_or(-1, |epoch| epoch.0);
                asked.leader_epoch = last_epoch.0;
            })];
        })];
    }))
}
