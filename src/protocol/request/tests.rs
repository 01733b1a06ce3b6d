//! Frames written by hand, frames of strangers, and every message against an independent
//! implementation.

mod differential;
mod hostile;
mod samples;

use bytes::Bytes;
use expect_test::expect;

use super::*;
use crate::protocol::messages::{
    FetchMetadataOutcome, FetchMetadataRequest, FetchMetadataResponse, FetchResponse,
};
use crate::quorum::{LogEntry, QuorumMessage};
use crate::types::{MetadataOffset, MetadataRecord, NodeId};

fn hex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| {
        u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex")
    };
    digits.chunks(2).map(byte).collect::<Vec<u8>>().into()
}

#[test]
fn a_metadata_request_written_by_hand_is_understood() {
    // key 3, version 4, correlation 7, client "me", one topic "t", no auto creation
    let frame = hex("0003 0004 00000007 0002 6d65 00000001 0001 74 00");
    let (header, request) = decode_request(frame.clone()).expect("a good frame");
    assert_eq!((header.api, header.version, header.correlation_id), (ApiKey::Metadata, 4, 7));
    assert_eq!(header.client_id, Some("me".into()));
    let Request::Metadata(metadata) = &request else { panic!("{request:?}") };
    let topics = metadata.topics.as_ref().expect("a list");
    assert_eq!(topics[0].name.as_deref(), Some("t"));
    assert!(!metadata.allow_auto_topic_creation);
    assert_eq!(encode_request(4, 7, Some("me"), &request), Ok(frame));
}

#[test]
fn a_produce_response_of_version_9_is_written_as_by_hand() {
    let response = Response::Produce(samples::produce_response(9));
    let header =
        RequestHeader { api: ApiKey::Produce, version: 9, correlation_id: 3, client_id: None };
    let frame = encode_response(&header, &response).expect("fits").into_bytes();
    // correlation 3, no tags; one topic "orders": partition 2, error 20, offset 17, append time 5,
    // log start 1, one record error (3, "bad"), message "late"; throttle 9
    let by_hand =
        hex("00000003 00 02 07 6f7264657273 02 00000002 0014 0000000000000011 0000000000000005 \
         0000000000000001 02 00000003 04 626164 00 05 6c617465 00 00 00000009 00");
    assert_eq!(frame, by_hand);
}

#[test]
fn an_api_versions_request_from_the_future_is_told_where_to_step_down_to() {
    let error = decode_request(hex("0012 0063 0000002a ffff 00 00")).expect_err("version 99");
    assert_eq!(error.to_string(), "ApiVersions in version 99; versions 0 to 4 are spoken");
    let (header, response) = error.answer().expect("the one error with an answer");
    let frame = encode_response(&header, &response).expect("fits").into_bytes();
    // correlation 42, error 35, one line: key 18, versions 0 to 4
    assert_eq!(frame, hex("0000002a 0023 00000001 0012 0000 0004"));
}

#[test]
fn every_other_request_that_is_not_spoken_has_no_answer() {
    let frames = [
        ("empty", ""),
        ("seven bytes", "00030004000000"),
        ("unknown key", "0008 0002 00000001 ffff"),
        ("negative key", "ffff 0002 00000001 ffff"),
        ("produce 2", "0000 0002 00000001 ffff"),
        ("metadata 14", "0003 000e 00000001 ffff 00"),
        ("no body", "0003 0004 00000001 ffff"),
        ("a byte too much", "0012 0000 00000001 ffff 00"),
        ("client id cut", "0012 0000 00000001 0009 61"),
    ];
    let mut lines = String::new();
    for (what, frame) in frames {
        let error = decode_request(hex(frame)).expect_err("not spoken");
        assert_eq!(error.answer(), None);
        lines += &format!("{what}: {error}\n");
    }
    expect![[r#"
        empty: frame of 0 bytes is shorter than the 8 of a header
        seven bytes: frame of 7 bytes is shorter than the 8 of a header
        unknown key: unknown api key 8 in version 2
        negative key: unknown api key -1 in version 2
        produce 2: Produce in version 2; versions 3 to 11 are spoken
        metadata 14: Metadata in version 14; versions 0 to 13 are spoken
        no body: malformed Metadata request in version 4: unexpected end of input at byte 10: needed 4 bytes, only 0 remain
        a byte too much: malformed ApiVersions request in version 0: 1 trailing bytes remain after decoding
        client id cut: malformed ApiVersions request in version 0: unexpected end of input at byte 10: needed 9 bytes, only 1 remain
    "#]]
    .assert_eq(&lines);
}

#[test]
fn large_records_of_a_fetch_response_are_referenced_and_not_copied() {
    for version in 4..=17 {
        let mut fetch = samples::fetch_response(version);
        let records = Bytes::from(vec![7; 5000]);
        fetch.responses[0].partitions[0].records = Some(records.clone());
        let header =
            RequestHeader { api: ApiKey::Fetch, version, correlation_id: 1, client_id: None };
        let response = Response::Fetch(fetch);
        let frame = encode_response(&header, &response).expect("fits");
        assert_eq!(frame.parts().len(), 3, "version {version}");
        assert_eq!(frame.parts()[1].as_ptr(), records.as_ptr(), "version {version}");
        let (correlation_id, read) =
            decode_response(ApiKey::Fetch, version, frame.into_bytes()).expect("our own frame");
        assert_eq!((correlation_id, read), (1, response), "version {version}");
    }
}

#[test]
fn records_that_are_null_are_sent_as_empty() {
    let mut fetch = samples::fetch_response(17);
    fetch.responses[0].partitions[0].records = None;
    let header =
        RequestHeader { api: ApiKey::Fetch, version: 17, correlation_id: 1, client_id: None };
    let frame = encode_response(&header, &Response::Fetch(fetch)).expect("fits").into_bytes();
    let (_, read) = decode_response(ApiKey::Fetch, 17, frame).expect("our own frame");
    let Response::Fetch(FetchResponse { responses, .. }) = read else { panic!("{read:?}") };
    assert_eq!(responses[0].partitions[0].records, Some(Bytes::new()));
}

#[test]
fn an_answer_is_expected_to_everything_but_a_produce_without_acks() {
    let mut produce = samples::produce_request();
    assert!(Request::Produce(produce.clone()).expects_response());
    produce.acks = 0;
    assert!(!Request::Produce(produce).expects_response());
}

fn quorum_message() -> QuorumMessage {
    QuorumMessage {
        from: NodeId(1),
        to: NodeId(2),
        kind: 3,
        epoch: 4,
        log_epoch: 5,
        index: 6,
        entries: vec![LogEntry { epoch: 4, index: 7, payload: Bytes::from_static(b"entry") }],
        commit: 6,
        commit_epoch: 4,
        snapshot: Some((3, 2, Bytes::from_static(b"image"))),
        request_snapshot: 0,
        reject: true,
        reject_hint: 8,
        context: Bytes::new(),
        priority: -1,
    }
}

#[test]
fn our_own_messages_come_back_as_they_were_sent() {
    let fetch = FetchMetadataRequest { after: MetadataOffset(9), max_wait_ms: 500 };
    for request in [Request::FetchMetadata(fetch), Request::Quorum(quorum_message())] {
        let frame = encode_request(0, 5, None, &request).expect("small");
        let (header, read) = decode_request(frame).expect("our own frame");
        assert_eq!((header.correlation_id, header.client_id, read), (5, None, request));
    }
    let batch = (MetadataOffset(10), vec![MetadataRecord::ProducerIds { next: 1000 }]);
    let outcomes = [
        FetchMetadataOutcome::NotController { hint: Some(NodeId(3)) },
        FetchMetadataOutcome::Batches { batches: vec![batch], committed: MetadataOffset(10) },
        FetchMetadataOutcome::Snapshot(Bytes::from_static(b"image")),
    ];
    let mut responses: Vec<Response> =
        outcomes.map(|outcome| Response::FetchMetadata(FetchMetadataResponse { outcome })).into();
    responses.push(Response::Quorum);
    for response in responses {
        let api = response.api();
        let header = RequestHeader { api, version: 0, correlation_id: 5, client_id: None };
        let frame = encode_response(&header, &response).expect("small").into_bytes();
        assert_eq!(decode_response(api, 0, frame), Ok((5, response)));
    }
}
