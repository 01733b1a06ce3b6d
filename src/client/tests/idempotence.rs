//! The idempotent producer: the same sequence for the same batch, and never for another.

use std::sync::Mutex;

use super::*;
use crate::protocol::BatchHeader;

/// What a batch says of its producer: id, sequence, records.
type Seen = Arc<Mutex<Vec<(i64, i32, i32)>>>;

/// Producer ids 1000, 1001, ..; the answers to Produce one after the other, then success.
fn stage(answers: Vec<fn() -> Act>) -> (Arc<Stage>, Seen) {
    let mut answers = answers.into_iter();
    let mut next_id = 1000;
    let seen = Seen::default();
    let notes = seen.clone();
    let stage = Stage::new(move |_, request| match request {
        Request::InitProducerId(_) => {
            next_id += 1;
            Act::Answer(Response::InitProducerId(build(|r: &mut InitProducerIdResponse| {
                (r.producer_id, r.producer_epoch) = (next_id - 1, 0);
            })))
        }
        Request::Produce(produce) => {
            let batch = produce.topic_data[0].partition_data[0].records.clone();
            let header = BatchHeader::parse(&batch.expect("a batch")).expect("a good one");
            let seen = (header.producer_id.0, header.base_sequence.0, header.records_count);
            notes.lock().expect("no panic").push(seen);
            answers.next().map_or_else(success, |answer| answer())
        }
        _ => Act::Answer(metadata(1, 5)),
    });
    (stage, seen)
}

fn success() -> Act {
    Act::Answer(Response::Produce(produced(ErrorCode::None, 17)))
}

fn refuse(code: ErrorCode) -> Act {
    Act::Answer(Response::Produce(produced(code, -1)))
}

fn producer(stage: &Arc<Stage>, retries: u32) -> Producer {
    let delivery_timeout = Duration::from_secs(10);
    let sending =
        ProducerSettings { acks: Acks::All, idempotence: true, delivery_timeout, retries };
    Producer::new(stage.host(), settings(), sending)
}

/// Appends batches of two records, and says how each ended: a(cknowledged), n(ot), i(ndeterminate).
async fn append(producer: &mut Producer, batches: usize) -> String {
    let mut ends = String::new();
    for _ in 0..batches {
        let outcome = producer.append(&orders(), vec![value("a"), value("b")]).await;
        ends.push(match outcome {
            Ok(_) => 'a',
            Err(ProduceError::NotAppended(_)) => 'n',
            Err(ProduceError::Indeterminate(_)) => 'i',
        });
    }
    ends
}

fn sequences(seen: &Seen) -> Vec<(i64, i32, i32)> {
    seen.lock().expect("no panic").clone()
}

#[tokio::test(start_paused = true)]
async fn sequences_follow_each_other_and_a_retry_repeats_its_own() {
    let (stage, seen) =
        stage(vec![success, || Act::HangUp, || refuse(ErrorCode::NotLeaderOrFollower)]);
    assert_eq!(append(&mut producer(&stage, 5), 3).await, "aaa");
    let expected = [(1000, 0, 2), (1000, 2, 2), (1000, 2, 2), (1000, 2, 2), (1000, 4, 2)];
    assert_eq!(sequences(&seen), expected);
}

#[tokio::test(start_paused = true)]
async fn a_batch_certainly_not_appended_leaves_its_sequence_to_the_next() {
    let (stage, seen) = stage(vec![success, || refuse(ErrorCode::NotEnoughReplicas)]);
    assert_eq!(append(&mut producer(&stage, 0), 3).await, "ana");
    assert_eq!(sequences(&seen), [(1000, 0, 2), (1000, 2, 2), (1000, 2, 2)]);
}

#[tokio::test(start_paused = true)]
async fn after_a_batch_that_stays_in_doubt_the_producer_is_another() {
    let (stage, seen) = stage(vec![success, || Act::StaySilent]);
    assert_eq!(append(&mut producer(&stage, 0), 4).await, "aiaa");
    let expected = [(1000, 0, 2), (1000, 2, 2), (1001, 0, 2), (1001, 2, 2)];
    assert_eq!(sequences(&seen), expected);
}

#[tokio::test(start_paused = true)]
async fn a_broken_sequence_is_reported_and_begins_anew() {
    let broken: fn() -> Act = || refuse(ErrorCode::OutOfOrderSequenceNumber);
    let (stage_a, seen) = stage(vec![success, broken]);
    assert_eq!(append(&mut producer(&stage_a, 5), 3).await, "ana");
    assert_eq!(sequences(&seen), [(1000, 0, 2), (1000, 2, 2), (1001, 0, 2)]);
    // The same refusal after an attempt without an answer proves nothing.
    let (stage_b, _) = stage(vec![success, || Act::HangUp, broken]);
    assert_eq!(append(&mut producer(&stage_b, 5), 3).await, "aia");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_append_takes_the_producer_id_with_it() {
    let (stage, seen) = stage(vec![|| Act::StaySilent]);
    let mut producer = producer(&stage, 5);
    let partition = orders();
    let append_one = producer.append(&partition, vec![value("a")]);
    assert!(tokio::time::timeout(Duration::from_secs(1), append_one).await.is_err());
    assert_eq!(append(&mut producer, 1).await, "a");
    assert_eq!(sequences(&seen), [(1000, 0, 1), (1001, 0, 2)], "no batch under another's sequence");
}

#[tokio::test(start_paused = true)]
async fn without_a_producer_id_nothing_is_sent() {
    let stage = Stage::new(|_, request| match request {
        Request::InitProducerId(_) => {
            Act::Answer(Response::InitProducerId(build(|r: &mut InitProducerIdResponse| {
                r.error_code = ErrorCode::CoordinatorNotAvailable.code();
            })))
        }
        _ => Act::Answer(metadata(1, 5)),
    });
    assert_eq!(append(&mut producer(&stage, 2), 1).await, "n");
    assert!(!stage.heard().contains(" Produce\n"));
}

#[test]
#[should_panic(expected = "an idempotent producer needs acks=all, not acks=1")]
fn idempotence_without_acks_of_all_does_not_exist() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let _inside = runtime.as_ref().expect("a runtime").enter();
    let stage = Stage::new(|_, _| Act::HangUp);
    let delivery_timeout = Duration::from_secs(10);
    let sending =
        ProducerSettings { acks: Acks::Leader, idempotence: true, delivery_timeout, retries: 0 };
    let _producer = Producer::new(stage.host(), settings(), sending);
}
