//! Produce (0), versions 3–11: acks 0, 1 and all (R27, R28).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::log::AppendError;
use crate::protocol::ErrorCode;
use crate::protocol::batch::{self, BatchError};
use crate::protocol::messages::{ProduceRequest, ProduceResponse, produce_response};
use crate::protocol::request::Response;
use crate::replication::{ProduceOutcome, ProduceRefusal, ProduceTicket};
use crate::server::broker::Broker;
use crate::server::message;
use crate::server::partition::{Acknowledgement, Partition, ProduceError};
use crate::types::{Acks, TopicPartition};

use super::Answer;

/// The longest that a producer may have an answer held back.
const TIMEOUT_MAX: Duration = Duration::from_secs(15 * 60);

/// What became of one partition's records so far.
enum Progress {
    /// Refused, or failed.
    Failed(ErrorCode, String),
    /// In the log; for acks=all its fate is still open.
    Appended(Appended),
}

struct Appended {
    partition: Arc<Partition>,
    ticket: ProduceTicket,
    outcome: oneshot::Receiver<ProduceOutcome>,
    acknowledgement: Acknowledgement,
}

/// Appends everything first and then waits, so that one slow partition does not hold up the
/// others of the request.
pub(super) async fn handle(broker: &Arc<Broker>, request: ProduceRequest) -> Answer {
    let acks = Acks::from_i16(request.acks);
    let mut topics = Vec::new();
    for topic in &request.topic_data {
        let mut partitions = Vec::new();
        for data in &topic.partition_data {
            let name = TopicPartition::new(topic.name.as_str(), data.index);
            let progress = match acks {
                _ if request.transactional_id.as_ref().is_some_and(|id| !id.is_empty()) => {
                    let reason = "transactions are not supported".to_owned();
                    Progress::Failed(ErrorCode::InvalidTxnState, reason)
                }
                None => {
                    let reason = format!("acks={} is none of 0, 1 and -1", request.acks);
                    Progress::Failed(ErrorCode::InvalidRequiredAcks, reason)
                }
                Some(acks) => append(broker, &name, data.records.clone(), acks),
            };
            partitions.push((data.index, progress));
        }
        topics.push((topic.name.clone(), partitions));
    }
    flush(&topics).await;
    let deadline = broker.host.clock.now()
        + Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0)).min(TIMEOUT_MAX);
    let mut failed = false;
    let mut responses = Vec::new();
    for (name, partitions) in topics {
        let mut partition_responses = Vec::new();
        for (index, progress) in partitions {
            let left = deadline - broker.host.clock.now();
            let response = finish(broker, acks, (index, progress), left).await;
            failed |= response.error_code != 0;
            partition_responses.push(response);
        }
        responses.push(message!(produce_response::TopicProduceResponse {
            name: name,
            partition_responses: partition_responses,
        }));
    }
    match acks {
        // A producer with acks=0 hears of an error only by losing its connection.
        Some(Acks::None) if failed => Answer::Close,
        Some(Acks::None) => Answer::Silent,
        Some(Acks::Leader | Acks::All) | None => {
            let response = message!(ProduceResponse { responses: responses });
            Answer::Respond(Response::Produce(response))
        }
    }
}

fn append(broker: &Broker, name: &TopicPartition, records: Option<Bytes>, acks: Acks) -> Progress {
    let records = records.unwrap_or_default();
    if records.is_empty() {
        // Not a damaged batch: sending it again, as clients do with those, cannot help.
        return Progress::Failed(ErrorCode::InvalidRecord, "there is no batch".to_owned());
    }
    if let Err(error) = batch::validate_produced(&records) {
        return Progress::Failed(batch_code(&error), error.to_string());
    }
    let Some(partition) = broker.replicas.get(name) else {
        return Progress::Failed(unknown_code(broker, name), format!("no replica of {name} here"));
    };
    match partition.append(records, acks) {
        Ok((acknowledgement, ticket, outcome)) => {
            Progress::Appended(Appended { partition, ticket, outcome, acknowledgement })
        }
        Err(error) => Progress::Failed(produce_code(&error), error.to_string()),
    }
}

/// A partition of a known topic that has no replica here belongs to another broker.
fn unknown_code(broker: &Broker, name: &TopicPartition) -> ErrorCode {
    match broker.metadata.image().partition(&name.topic, name.partition) {
        Some(_) => ErrorCode::NotLeaderOrFollower,
        None => ErrorCode::UnknownTopicOrPartition,
    }
}

async fn flush<Name>(topics: &[(Name, Vec<(i32, Progress)>)]) {
    for (_, progress) in topics.iter().flat_map(|(_, partitions)| partitions) {
        if let Progress::Appended(appended) = progress {
            appended.partition.flush_if_due().await;
        }
    }
}

async fn finish(
    broker: &Broker,
    acks: Option<Acks>,
    (index, progress): (i32, Progress),
    left: Duration,
) -> produce_response::PartitionProduceResponse {
    let appended = match progress {
        Progress::Failed(code, reason) => return failure(index, code, &reason),
        Progress::Appended(appended) => appended,
    };
    let outcome = match acks {
        Some(Acks::All) => {
            wait(broker, &appended.partition, appended.ticket, appended.outcome, left).await
        }
        Some(acks @ (Acks::None | Acks::Leader)) => {
            appended.partition.acknowledge_append(appended.ticket, acks)
        }
        None => ProduceOutcome::NotLeader,
    };
    if outcome != ProduceOutcome::Committed {
        return failure(index, outcome_code(outcome), "the records are in the log of the leader");
    }
    message!(produce_response::PartitionProduceResponse {
        index: index,
        base_offset: appended.acknowledgement.base_offset.0,
        log_append_time_ms: -1,
        log_start_offset: appended.partition.lock().log.log_start_offset().0,
        error_message: None,
    })
}

/// Waits until the records' fate is known, for at most `left`.
async fn wait(
    broker: &Broker,
    partition: &Partition,
    ticket: ProduceTicket,
    mut outcome: oneshot::Receiver<ProduceOutcome>,
    left: Duration,
) -> ProduceOutcome {
    if let Some(known) = broker.host.within(left, &mut outcome).await {
        return known.unwrap_or(ProduceOutcome::NotLeader);
    }
    // The state machine answers an expiry at once, unless it has answered already.
    partition.expire_produce(ticket);
    outcome.await.unwrap_or(ProduceOutcome::TimedOut)
}

fn failure(
    index: i32,
    code: ErrorCode,
    reason: &str,
) -> produce_response::PartitionProduceResponse {
    message!(produce_response::PartitionProduceResponse {
        index: index,
        error_code: code.code(),
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        error_message: Some(reason.into()),
    })
}

fn outcome_code(outcome: ProduceOutcome) -> ErrorCode {
    match outcome {
        ProduceOutcome::Committed => ErrorCode::None,
        ProduceOutcome::NotEnoughReplicasAfterAppend => ErrorCode::NotEnoughReplicasAfterAppend,
        ProduceOutcome::TimedOut => ErrorCode::RequestTimedOut,
        ProduceOutcome::NotLeader => ErrorCode::NotLeaderOrFollower,
        ProduceOutcome::StorageFailed => ErrorCode::KafkaStorageError,
    }
}

fn produce_code(error: &ProduceError) -> ErrorCode {
    match error {
        ProduceError::Refused(ProduceRefusal::NotLeader) => ErrorCode::NotLeaderOrFollower,
        ProduceError::Refused(ProduceRefusal::NotEnoughReplicas { .. }) => {
            ErrorCode::NotEnoughReplicas
        }
        ProduceError::Refused(ProduceRefusal::StorageFailed) => ErrorCode::KafkaStorageError,
        ProduceError::Log(error) => append_code(error),
    }
}

fn append_code(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::MessageTooLarge { .. } => ErrorCode::MessageTooLarge,
        AppendError::RecordListTooLarge { .. } => ErrorCode::RecordListTooLarge,
        AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::Batch(error) => batch_code(error),
        AppendError::Empty => ErrorCode::InvalidRecord,
        AppendError::UnexpectedOffset { .. }
        | AppendError::LeaderEpochDecreased { .. }
        | AppendError::OffsetsExhausted { .. }
        | AppendError::Log(_) => ErrorCode::KafkaStorageError,
    }
}

fn batch_code(error: &BatchError) -> ErrorCode {
    match error {
        BatchError::HeaderCut { .. }
        | BatchError::BatchCut { .. }
        | BatchError::Length(_)
        | BatchError::Checksum { .. }
        | BatchError::Offsets { .. } => ErrorCode::CorruptMessage,
        BatchError::Magic(_)
        | BatchError::Count { .. }
        | BatchError::Several { .. }
        | BatchError::Control
        | BatchError::Producer { .. }
        | BatchError::Record { .. } => ErrorCode::InvalidRecord,
        BatchError::Transactional(_) => ErrorCode::InvalidTxnState,
        BatchError::Compressed(_) => ErrorCode::UnsupportedCompressionType,
        BatchError::TooLarge(_) => ErrorCode::MessageTooLarge,
    }
}
