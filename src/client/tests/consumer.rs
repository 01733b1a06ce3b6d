//! The consumer: what it reads, from whom, and what it reports instead of guessing.

use super::*;
use crate::protocol::RecordBatchBuilder;

/// What a script is asked by a Fetch of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    offset: i64,
    epoch: i32,
}

fn asked(fetch: &FetchRequest) -> Asked {
    let partition = &fetch.topics[0].partitions[0];
    Asked { offset: partition.fetch_offset, epoch: partition.current_leader_epoch }
}

fn fetched(fill: impl FnOnce(&mut fetch_response::PartitionData)) -> Act {
    use fetch_response::*;
    Act::Answer(Response::Fetch(build(|r: &mut FetchResponse| {
        r.responses = vec![build(|t: &mut FetchableTopicResponse| {
            t.topic_id = TOPIC_ID.into();
            t.partitions = vec![build(fill)];
        })];
    })))
}

fn refused(code: ErrorCode) -> Act {
    fetched(|data| data.error_code = code.code())
}

/// A batch of records "0", "1", .. by their offsets.
fn batch(base_offset: i64, records: i64, epoch: i32) -> Bytes {
    let mut batch = RecordBatchBuilder::new().appended_at(Offset(base_offset), LeaderEpoch(epoch));
    for offset in base_offset..base_offset + records {
        let value = Some(Bytes::from(offset.to_string()));
        batch.push(NewRecord { value, ..NewRecord::default() });
    }
    batch.build().expect("small")
}

fn records(bytes: Bytes) -> Act {
    fetched(|data| (data.records, data.high_watermark) = (Some(bytes), 100))
}

fn consumer(stage: &Arc<Stage>, offset: i64) -> Consumer {
    let reading = ConsumerSettings {
        rack: Some("r1".into()),
        fetch_bytes_max: 1 << 20,
        partition_fetch_bytes_max: 1 << 20,
        metadata_age_max: Duration::from_secs(300),
    };
    let mut consumer = Consumer::new(stage.host(), settings(), reading);
    consumer.assign(orders(), Offset(offset));
    consumer
}

fn offsets(records: &[Fetched]) -> Vec<i64> {
    assert!(records.iter().all(|r| r.value == Some(Bytes::from(r.offset.0.to_string()))));
    records.iter().map(|record| record.offset.0).collect()
}

const WAIT: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn a_batch_is_sent_whole_and_read_from_the_position_on() {
    let stage = Stage::new(|_, request| match request {
        Request::Fetch(fetch) if asked(&fetch) == (Asked { offset: 12, epoch: 5 }) => {
            let tail = batch(20, 3, 5);
            let row = [&batch(10, 5, 4)[..], &batch(15, 5, 5)[..], &tail[..tail.len() - 1]];
            records(Bytes::from(row.concat()))
        }
        Request::Fetch(fetch) => records(batch(asked(&fetch).offset, 1, 5)),
        _ => Act::Answer(metadata(1, 5)),
    });
    let mut consumer = consumer(&stage, 12);
    let first = consumer.poll(WAIT).await.expect("records");
    assert_eq!(offsets(&first), [12, 13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(first[0].leader_epoch, LeaderEpoch(4));
    assert_eq!(consumer.high_watermark(&orders()), Some(Offset(100)));
    let second = consumer.poll(WAIT).await.expect("records");
    assert_eq!(offsets(&second), [20], "the batch that was cut comes again");
    assert_eq!(consumer.position(&orders()), Some(Offset(21)));
}

#[tokio::test(start_paused = true)]
async fn an_empty_log_is_no_error_and_not_asked_in_a_hurry() {
    let stage = Stage::new(|_, request| match request {
        Request::Fetch(_) => records(Bytes::new()),
        _ => Act::Answer(metadata(1, 5)),
    });
    let mut consumer = consumer(&stage, 0);
    assert_eq!(consumer.poll(WAIT).await.expect("no error"), []);
    assert!(stage.elapsed() <= WAIT + Duration::from_millis(10));
    assert!(stage.heard().matches("Fetch").count() <= 20, "a pause between two requests");
}

#[tokio::test(start_paused = true)]
async fn an_offset_out_of_range_is_reported_and_the_position_stays() {
    let stage = Stage::new(|_, request| match request {
        Request::Fetch(_) => refused(ErrorCode::OffsetOutOfRange),
        _ => Act::Answer(metadata(1, 5)),
    });
    let mut consumer = consumer(&stage, 7);
    let error = consumer.poll(WAIT).await.expect_err("out of range");
    assert_eq!(error.to_string(), "offset 7 of orders-0 is outside the log of broker 1");
    assert_eq!(consumer.position(&orders()), Some(Offset(7)));
}

#[tokio::test(start_paused = true)]
async fn a_leaders_advice_is_followed_until_the_replica_is_behind() {
    let stage = Stage::new(|address, request| match request {
        Request::Fetch(fetch) if address == "b1:9092" => {
            assert_eq!(fetch.rack_id.as_str(), "r1");
            if asked(&fetch).offset == 10 {
                records(batch(10, 1, 5))
            } else {
                fetched(|data| data.preferred_read_replica = 2)
            }
        }
        Request::Fetch(fetch) if asked(&fetch).offset < 10 => {
            records(batch(asked(&fetch).offset, 5, 5))
        }
        Request::Fetch(_) => refused(ErrorCode::OffsetOutOfRange),
        _ => Act::Answer(metadata(1, 5)),
    });
    let mut consumer = consumer(&stage, 0);
    for expected in [vec![0, 1, 2, 3, 4], vec![5, 6, 7, 8, 9], vec![10]] {
        assert_eq!(offsets(&consumer.poll(WAIT).await.expect("records")), expected);
    }
    let fetches: Vec<String> =
        stage.heard().lines().filter(|l| l.ends_with("Fetch")).map(|l| l[..2].into()).collect();
    assert_eq!(fetches, ["b1", "b2", "b2", "b2", "b1"]);
}

#[tokio::test(start_paused = true)]
async fn a_chosen_replica_is_asked_whatever_the_leader_advises() {
    let stage = Stage::new(|address, request| match request {
        Request::Fetch(_) if address == "b3:9092" => records(batch(0, 2, 5)),
        Request::Fetch(_) => fetched(|data| data.preferred_read_replica = 2),
        _ => Act::Answer(metadata(1, 5)),
    });
    let mut consumer = consumer(&stage, 0);
    consumer.read_from(Some(BrokerId(3)));
    assert_eq!(offsets(&consumer.poll(WAIT).await.expect("records")), [0, 1]);
    assert!(!stage.heard().contains("b2:9092"));
}

/// Broker 1 leads in epoch 5 and serves ten records; then broker 2 leads in epoch 6, where epoch 5
/// ends at `end_of_5`.
fn change_of_leaders(end_of_5: i64) -> Arc<Stage> {
    let mut moved = false;
    Stage::new(move |address, request| match request {
        Request::Metadata(_) if moved => Act::Answer(metadata(2, 6)),
        Request::Metadata(_) => Act::Answer(metadata(1, 5)),
        Request::Fetch(fetch) if address == "b1:9092" && asked(&fetch).offset == 0 => {
            records(batch(0, 10, 5))
        }
        Request::Fetch(fetch) if address == "b2:9092" => {
            assert_eq!(asked(&fetch), Asked { offset: 10, epoch: 6 });
            records(batch(10, 1, 6))
        }
        Request::OffsetForLeaderEpoch(request) => {
            let question = &request.topics[0].partitions[0];
            assert_eq!((question.current_leader_epoch, question.leader_epoch), (6, 5));
            Act::Answer(Response::OffsetForLeaderEpoch(epoch_end(end_of_5)))
        }
        _ => {
            moved = true;
            refused(ErrorCode::NotLeaderOrFollower)
        }
    })
}

fn epoch_end(end_offset: i64) -> OffsetForLeaderEpochResponse {
    use offset_for_leader_epoch_response::*;
    build(|r: &mut OffsetForLeaderEpochResponse| {
        r.topics = vec![build(|t: &mut OffsetForLeaderTopicResult| {
            t.topic = "orders".into();
            t.partitions = vec![build(|p: &mut EpochEndOffset| {
                (p.leader_epoch, p.end_offset) = (5, end_offset);
            })];
        })];
    })
}

#[tokio::test(start_paused = true)]
async fn after_a_change_of_leaders_the_position_is_checked_before_reading_on() {
    let stage = change_of_leaders(10);
    let mut consumer = consumer(&stage, 0);
    assert_eq!(consumer.poll(WAIT).await.expect("records").len(), 10);
    assert_eq!(offsets(&consumer.poll(WAIT).await.expect("the new leader's")), [10]);
    assert_eq!(stage.heard().matches("OffsetForLeaderEpoch").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_truncated_log_is_reported_until_the_caller_decides() {
    let stage = change_of_leaders(8);
    let mut consumer = consumer(&stage, 0);
    assert_eq!(consumer.poll(WAIT).await.expect("records").len(), 10);
    for _ in 0..2 {
        let error = consumer.poll(WAIT).await.expect_err("two records read are gone");
        assert_eq!(error.to_string(), "orders-0 was truncated below offset 10");
        let ConsumeError::LogTruncated { end: Some(end), .. } = error else { panic!("{error}") };
        assert_eq!((end.epoch, end.end_offset), (LeaderEpoch(5), Offset(8)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_a_flipped_bit_is_not_read() {
    let stage = Stage::new(|_, request| match request {
        Request::Fetch(_) => {
            let mut bytes = batch(0, 2, 5).to_vec();
            *bytes.last_mut().expect("not empty") ^= 1;
            records(bytes.into())
        }
        _ => Act::Answer(metadata(1, 5)),
    });
    let error = consumer(&stage, 0).poll(WAIT).await.expect_err("corrupt");
    assert!(matches!(error, ConsumeError::Batch { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_does_not_answer_costs_one_request_timeout() {
    let stage = Stage::new(|_, request| match request {
        Request::Fetch(_) => Act::StaySilent,
        _ => Act::Answer(metadata(1, 5)),
    });
    let error = consumer(&stage, 0).poll(WAIT).await.expect_err("no answer");
    assert!(matches!(error, ConsumeError::Call(CallError::TimedOut { .. })), "{error}");
    assert!(stage.elapsed() <= WAIT + Duration::from_millis(3_010), "{:?}", stage.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_log_is_asked_for_until_the_new_leader_knows_it() {
    use list_offsets_response::*;
    let mut questions = 0;
    let stage = Stage::new(move |_, request| {
        let Request::ListOffsets(request) = request else {
            return Act::Answer(metadata(1, 5));
        };
        questions += 1;
        let question = request.topics[0].partitions[0].clone();
        Act::Answer(Response::ListOffsets(build(|r: &mut ListOffsetsResponse| {
            r.topics = vec![build(|t: &mut ListOffsetsTopicResponse| {
                t.name = "orders".into();
                t.partitions = vec![build(|p: &mut ListOffsetsPartitionResponse| {
                    match (questions, question.timestamp) {
                        (1, _) => p.error_code = ErrorCode::OffsetNotAvailable.code(),
                        (_, -1) => (p.offset, p.leader_epoch) = (42, 5),
                        _ => p.offset = 3,
                    }
                })];
            })];
        })))
    });
    let mut consumer = consumer(&stage, 0);
    let latest = consumer.latest_offset(&orders()).await.expect("known at the second try");
    assert_eq!(latest, (Offset(42), Some(LeaderEpoch(5))));
    assert_eq!(consumer.earliest_offset(&orders()).await.expect("known"), Offset(3));
}

#[tokio::test(start_paused = true)]
async fn one_partition_in_trouble_does_not_hide_another_nor_is_it_hidden() {
    let stage = Stage::new(|_, request| match request {
        Request::Fetch(fetch) => {
            let partitions = &fetch.topics[0].partitions;
            assert_eq!(partitions.len(), 2);
            let Act::Answer(Response::Fetch(mut answer)) = records(batch(0, 1, 5)) else {
                unreachable!()
            };
            answer.responses[0].partitions.push(build(
                |data: &mut fetch_response::PartitionData| {
                    data.partition_index = 1;
                    data.error_code = ErrorCode::OffsetOutOfRange.code();
                },
            ));
            Act::Answer(Response::Fetch(answer))
        }
        _ => {
            let Response::Metadata(mut answer) = metadata(1, 5) else { unreachable!() };
            let mut second = answer.topics[0].partitions[0].clone();
            second.partition_index = 1;
            answer.topics[0].partitions.push(second);
            Act::Answer(Response::Metadata(answer))
        }
    });
    let mut consumer = consumer(&stage, 0);
    consumer.assign(TopicPartition::new("orders", 1), Offset(9));
    assert_eq!(offsets(&consumer.poll(WAIT).await.expect("records first")), [0]);
    let error = consumer.poll(WAIT).await.expect_err("then the trouble");
    assert_eq!(error.to_string(), "offset 9 of orders-1 is outside the log of broker 1");
}
