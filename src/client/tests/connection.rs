//! One connection: an answer is taken for the request it answers, or not at all.

use super::*;

fn ask() -> Request {
    Request::Metadata(MetadataRequest::default())
}

/// What the broker does.
type Reaction = fn() -> Act;

async fn call_once(act: Reaction) -> (Result<Response, CallError>, bool) {
    let stage = Stage::new(move |_, _| act());
    let mut connection =
        Connection::connect(&stage.host(), "b1:9092", "tester").await.expect("it listens");
    let outcome = connection.call(&ask(), Duration::from_secs(3)).await;
    (outcome, connection.is_usable())
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_leaves_the_connection_usable() {
    let (outcome, usable) =
        call_once(|| Act::AnswerAfter(Duration::from_secs(2), metadata(1, 5))).await;
    assert_eq!(outcome.expect("two seconds are in time"), metadata(1, 5));
    assert!(usable);
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_after_sending_is_indeterminate_and_ends_the_connection() {
    let acts: [(Reaction, &str); 5] = [
        (|| Act::StaySilent, "b1:9092 did not answer within 3s"),
        (
            || Act::AnswerAfter(Duration::from_secs(4), metadata(1, 5)),
            "b1:9092 did not answer within 3s",
        ),
        (
            || Act::HangUp,
            "lost the connection to b1:9092 during a request: \
             the connection failed: unexpected end of file",
        ),
        (|| Act::AnswerOther(metadata(1, 5)), "b1:9092 answered request 100 where 0 was asked"),
        (
            || Act::Say(Bytes::from_static(b"rubbish")),
            "b1:9092 answered what cannot be understood: malformed Metadata response in version \
             13: tagged field count count 105 exceeds the 2 bytes remaining at byte 4",
        ),
    ];
    for (act, told) in acts {
        let (outcome, usable) = call_once(act).await;
        let error = outcome.expect_err("no answer to the request");
        assert!(error.is_indeterminate(), "{error}");
        assert_eq!(error.to_string(), told);
        assert!(!usable, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_where_nobody_listens() {
    let stage = Stage::new(|_, _| Act::HangUp);
    stage.close("b1:9092");
    let refused = Connection::connect(&stage.host(), "b1:9092", "tester").await;
    let error = refused.expect_err("nobody listens");
    assert!(!error.is_indeterminate());
    assert_eq!(error.to_string(), "cannot connect to b1:9092: connection refused");
}

#[tokio::test(start_paused = true)]
async fn a_request_its_version_cannot_carry_is_not_sent_and_harms_nothing() {
    let stage = Stage::new(|_, _| Act::Answer(metadata(1, 5)));
    let mut connection =
        Connection::connect(&stage.host(), "b1:9092", "tester").await.expect("it listens");
    let all = Request::Metadata(build(|r: &mut MetadataRequest| r.topics = None));
    let error = connection.call_in_version(0, &all, Duration::from_secs(3)).await;
    assert!(!error.expect_err("version 0 has no null").is_indeterminate());
    assert!(connection.is_usable());
    connection.call(&all, Duration::from_secs(3)).await.expect("the newest version has");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_takes_the_connection_with_it() {
    let stage = Stage::new(|_, _| Act::AnswerAfter(Duration::from_secs(1), metadata(1, 5)));
    let mut connection =
        Connection::connect(&stage.host(), "b1:9092", "tester").await.expect("it listens");
    let request = ask();
    let call = connection.call(&request, Duration::from_secs(3));
    assert!(tokio::time::timeout(Duration::from_millis(10), call).await.is_err());
    let error = connection.call(&request, Duration::from_secs(3)).await;
    assert!(matches!(error, Err(CallError::Closed { .. })), "the next answer would be the old one");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_left_between_two_requests_is_connected_to_anew() {
    let stage = Stage::new(|_, _| Act::AnswerAndHangUp(metadata(1, 5)));
    let mut cluster = Cluster::new(stage.host(), settings());
    let address = "b1:9092".into();
    for _ in 0..2 {
        cluster.call(&address, &ask(), Duration::from_secs(3)).await.expect("it answers");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let lines = ["b1:9092 connected", "b1:9092 Metadata"].repeat(2).join("\n") + "\n";
    assert_eq!(stage.heard(), lines, "no request is lost to the closed connection");
}
