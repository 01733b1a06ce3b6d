//! The producer's error map: what it may call certain, and what it must not.

use expect_test::expect;

use super::*;

/// A script of answers to Produce, one after the other; the last one repeats.
fn leading(leader: i32, answers: Vec<fn() -> Act>) -> Arc<Stage> {
    let mut answers = answers.into_iter().peekable();
    Stage::new(move |_, request| {
        if let Request::Metadata(_) = request {
            return Act::Answer(metadata(leader, 5));
        }
        let answer = *answers.peek().expect("an answer");
        if answers.len() > 1 {
            answers.next();
        }
        answer()
    })
}

fn producer(stage: &Arc<Stage>, acks: Acks, retries: u32) -> Producer {
    let delivery_timeout = Duration::from_secs(10);
    let sending = ProducerSettings { acks, idempotence: false, delivery_timeout, retries };
    Producer::new(stage.host(), settings(), sending)
}

async fn append(stage: &Arc<Stage>, retries: u32) -> Result<Appended, ProduceError> {
    producer(stage, Acks::All, retries).append(&orders(), vec![value("a")]).await
}

fn told(outcome: Result<Appended, ProduceError>) -> String {
    match outcome {
        Ok(Appended::Acknowledged { base_offset, leader, .. }) => {
            format!("{base_offset} at {leader}")
        }
        Ok(Appended::Sent { leader }) => format!("sent to {leader}"),
        Err(error) => error.to_string(),
    }
}

fn success() -> Act {
    Act::Answer(Response::Produce(produced(ErrorCode::None, 17)))
}

fn refuse(code: ErrorCode) -> Act {
    Act::Answer(Response::Produce(produced(code, -1)))
}

#[tokio::test(start_paused = true)]
async fn only_these_codes_prove_that_nothing_was_appended() {
    let mut certain = String::new();
    for &code in ErrorCode::ALL.iter().filter(|code| code.failure().is_some()) {
        let stage = Stage::new(move |_, request| match request {
            Request::Produce(_) => refuse(code),
            _ => Act::Answer(metadata(1, 5)),
        });
        match append(&stage, 0).await.expect_err("refused") {
            ProduceError::NotAppended(Refusal::Code(told)) => {
                assert_eq!(told, code);
                certain += &format!("{code}\n");
            }
            ProduceError::Indeterminate(Doubt::Code(told)) => assert_eq!(told, code),
            other => panic!("{code}: {other}"),
        }
    }
    expect![[r#"
        UNKNOWN_TOPIC_OR_PARTITION
        MESSAGE_TOO_LARGE
        RECORD_LIST_TOO_LARGE
        NOT_ENOUGH_REPLICAS
        TOPIC_AUTHORIZATION_FAILED
        CLUSTER_AUTHORIZATION_FAILED
        OUT_OF_ORDER_SEQUENCE_NUMBER
        INVALID_PRODUCER_EPOCH
        INVALID_RECORD
        UNKNOWN_TOPIC_ID
    "#]]
    .assert_eq(&certain);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_batch_has_its_offset() {
    let stage = leading(2, vec![success]);
    assert_eq!(told(append(&stage, 0).await), "17 at 2");
    let expected = "b1:9092 connected\nb1:9092 Metadata\nb2:9092 connected\nb2:9092 Produce\n";
    assert_eq!(stage.heard(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_lost_a_late_and_a_senseless_answer_leave_the_batch_in_doubt() {
    let acts: [fn() -> Act; 4] = [
        || Act::HangUp,
        || {
            Act::AnswerAfter(
                Duration::from_secs(4),
                Response::Produce(produced(ErrorCode::None, 17)),
            )
        },
        || Act::Answer(Response::Produce(ProduceResponse::default())),
        || Act::Answer(Response::Produce(produced(ErrorCode::None, -1))),
    ];
    let mut lines = String::new();
    for act in acts {
        lines += &format!("{}\n", told(append(&leading(1, vec![act]), 0).await));
    }
    expect![[r#"
        may be appended: lost the connection to b1:9092 during a request: the connection failed: unexpected end of file
        may be appended: b1:9092 did not answer within 3s
        may be appended: the answer leaves the partition out
        may be appended: acknowledged at offset -1
    "#]]
    .assert_eq(&lines);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_take_back_an_earlier_doubt() {
    let refused: fn() -> Act = || refuse(ErrorCode::NotEnoughReplicas);
    let stage = leading(1, vec![|| Act::HangUp, refused]);
    let outcome = append(&stage, 3).await.expect_err("never acknowledged");
    assert!(matches!(outcome, ProduceError::Indeterminate(Doubt::NoAnswer(_))), "{outcome}");
    let stage = leading(1, vec![refused]);
    let outcome = append(&stage, 3).await.expect_err("refused four times");
    assert!(matches!(outcome, ProduceError::NotAppended(_)), "{outcome}");
    assert_eq!(stage.heard().matches("Produce").count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_leaders_refusal_is_told_although_nobody_could_be_asked_afterwards() {
    let mut asked = 0;
    let stage = Stage::new(move |_, request| match request {
        Request::Produce(_) => refuse(ErrorCode::NotEnoughReplicas),
        _ => {
            asked += 1;
            if asked == 1 { Act::Answer(metadata(1, 5)) } else { Act::StaySilent }
        }
    });
    let outcome = append(&stage, u32::MAX).await.expect_err("refused");
    let ProduceError::NotAppended(Refusal::Code(code)) = outcome else { panic!("{outcome}") };
    assert_eq!(code, ErrorCode::NotEnoughReplicas);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_an_abandoned_attempt_is_not_taken_for_the_next() {
    let late: fn() -> Act = || {
        Act::AnswerAfter(Duration::from_secs(4), Response::Produce(produced(ErrorCode::None, 1)))
    };
    let stage = leading(1, vec![late, success]);
    assert_eq!(told(append(&stage, 1).await), "17 at 1");
    assert_eq!(stage.heard().matches("b1:9092 connected").count(), 2, "on a new connection");
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_certain() {
    let stage = leading(2, vec![success]);
    stage.close("b2:9092");
    let outcome = told(append(&stage, 0).await);
    assert_eq!(outcome, "not appended: never sent: cannot connect to b2:9092: connection refused");
    stage.close("b1:9092");
    let outcome = told(append(&stage, 0).await);
    let nobody = "no broker answered; the last: cannot connect to b1:9092: connection refused";
    assert_eq!(outcome, format!("not appended: never sent: {nobody}"));
    let nothing = producer(&stage, Acks::All, 0).append(&orders(), Vec::new()).await;
    assert!(matches!(nothing, Err(ProduceError::NotAppended(_))), "no records, no batch");
}

#[tokio::test(start_paused = true)]
async fn a_deposed_leader_says_who_leads_now() {
    let stage = Stage::new(|address, request| match request {
        Request::Metadata(_) => Act::Answer(metadata(1, 5)),
        _ if address == "b2:9092" => success(),
        _ => Act::Answer(Response::Produce({
            let mut refusal = produced(ErrorCode::NotLeaderOrFollower, -1);
            let answer = &mut refusal.responses[0].partition_responses[0];
            (answer.current_leader.leader_id, answer.current_leader.leader_epoch) = (2, 6);
            refusal
        })),
    });
    let appended = append(&stage, 1).await.expect("broker 2 leads");
    let (leader, leader_epoch) = (BrokerId(2), Some(LeaderEpoch(6)));
    let base_offset = Offset(17);
    assert_eq!(appended, Appended::Acknowledged { base_offset, leader, leader_epoch });
    assert_eq!(stage.heard().matches("Metadata").count(), 1, "nobody had to be asked");
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_is_looked_up_and_an_old_one_not_believed() {
    let mut lookups = 0;
    let stage = Stage::new(move |address, request| match request {
        Request::Metadata(_) => {
            lookups += 1;
            // The second broker asked has not heard of the election yet.
            Act::Answer(if lookups == 3 { metadata(2, 6) } else { metadata(1, 5) })
        }
        _ if address == "b2:9092" => success(),
        _ => refuse(ErrorCode::NotLeaderOrFollower),
    });
    assert_eq!(told(append(&stage, 5).await), "17 at 2");
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_when_its_time_is_up() {
    let stage = leading(1, vec![|| Act::StaySilent]);
    let outcome = append(&stage, u32::MAX).await.expect_err("no answer ever");
    assert!(matches!(outcome, ProduceError::Indeterminate(_)), "{outcome}");
    assert!(stage.elapsed() <= Duration::from_millis(10_010), "{:?}", stage.elapsed());
    assert!(stage.elapsed() >= Duration::from_secs(9), "{:?}", stage.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_acks_a_batch_is_sent_and_no_more_is_claimed() {
    let stage = leading(1, vec![|| Act::StaySilent]);
    let mut producer = producer(&stage, Acks::None, 0);
    for _ in 0..3 {
        let outcome = producer.append(&orders(), vec![value("a")]).await;
        assert_eq!(told(outcome), "sent to 1");
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(stage.heard().matches("Produce").count(), 3, "on one connection");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_nobody_knows_is_certain_and_one_that_appears_is_found() {
    let mut lookups = 0;
    let stage = Stage::new(move |_, request| match request {
        Request::Metadata(_) => {
            lookups += 1;
            let Response::Metadata(mut answer) = metadata(1, 5) else { unreachable!() };
            if lookups < 3 {
                answer.topics[0].error_code = ErrorCode::UnknownTopicOrPartition.code();
                answer.topics[0].partitions.clear();
            }
            Act::Answer(Response::Metadata(answer))
        }
        _ => success(),
    });
    let outcome = told(append(&stage, 0).await);
    assert_eq!(
        outcome,
        "not appended: never sent: \
         the topic of orders-0 cannot be looked up: UNKNOWN_TOPIC_OR_PARTITION"
    );
    assert_eq!(told(append(&stage, 5).await), "17 at 1");
}
