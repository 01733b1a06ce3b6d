//! Every message in every version against `kafka-protocol`, another generator's work: what one
//! writes the other must read, and write again to the same bytes.

use bytes::BytesMut;
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable};

use super::*;
use crate::protocol::api::VERSIONS;

/// Takes a frame apart with the other implementation and puts it together again.
fn rewritten<H, B>(frame: &Bytes, header_version: i16, version: i16) -> Bytes
where
    H: Encodable + Decodable,
    B: Encodable + Decodable,
{
    let mut rest = frame.clone();
    let header = H::decode(&mut rest, header_version).expect("they read our header");
    let body = B::decode(&mut rest, version).expect("they read our body");
    assert!(rest.is_empty(), "they leave nothing over");
    let mut again = BytesMut::new();
    header.encode(&mut again, header_version).expect("they write what they read");
    body.encode(&mut again, version).expect("they write what they read");
    again.freeze()
}

/// A message with their defaults only, under a header of ours.
fn default_frame<B: Encodable + Default>(head: &[u8], version: i16) -> Bytes {
    let mut frame = BytesMut::from(head);
    B::default().encode(&mut frame, version).expect("defaults can be written");
    frame.freeze()
}

macro_rules! differential {
    ($($kind:ident: $request:ident => $response:ident;)+) => {
        fn check_request(api: ApiKey, version: i16) {
            let key = theirs::ApiKey::try_from(api.code()).expect("a key of Kafka's");
            let header_version = key.request_header_version(version);
            let frame = samples::request_frame(api, version);
            let again = match api {
                $(ApiKey::$kind => rewritten::<theirs::RequestHeader, theirs::$request>(
                    &frame, header_version, version,
                ),)+
                ApiKey::FetchMetadata | ApiKey::QuorumMessage => frame.clone(),
            };
            assert_eq!(again, frame, "{api} {version}");
            let (header, request) = decode_request(again).expect("we read what they wrote");
            let written = encode_request(version, header.correlation_id, Some("sample"), &request);
            assert_eq!(written, Ok(frame), "{api} {version}");
        }

        fn check_response(api: ApiKey, version: i16) {
            let key = theirs::ApiKey::try_from(api.code()).expect("a key of Kafka's");
            let header_version = key.response_header_version(version);
            let frame = samples::response_frame(api, version);
            let again = match api {
                $(ApiKey::$kind => rewritten::<theirs::ResponseHeader, theirs::$response>(
                    &frame, header_version, version,
                ),)+
                ApiKey::FetchMetadata | ApiKey::QuorumMessage => frame.clone(),
            };
            assert_eq!(again, frame, "{api} {version}");
            let (correlation_id, response) =
                decode_response(api, version, again).expect("we read what they wrote");
            let header = RequestHeader { api, version, correlation_id, client_id: None };
            let written = encode_response(&header, &response).expect("what was read can be written");
            assert_eq!(written.into_bytes(), frame, "{api} {version}");
        }

        fn check_defaults(api: ApiKey, version: i16) {
            let key = theirs::ApiKey::try_from(api.code()).expect("a key of Kafka's");
            let head = [api.code().to_be_bytes(), version.to_be_bytes()].concat();
            let head = [&head[..], &[0, 0, 0, 1, 0xff, 0xff]].concat();
            let tags = &[0][..usize::from(key.request_header_version(version) == 2)];
            let frame = match api {
                $(ApiKey::$kind =>
                    default_frame::<theirs::$request>(&[&head[..], tags].concat(), version),)+
                ApiKey::FetchMetadata | ApiKey::QuorumMessage => return,
            };
            let (_, request) = decode_request(frame.clone()).expect("we read their defaults");
            assert_eq!(encode_request(version, 1, None, &request), Ok(frame), "{api} {version}");
            let tags = &[0][..usize::from(key.response_header_version(version) == 1)];
            let head = [&[0, 0, 0, 1], tags].concat();
            let frame = match api {
                $(ApiKey::$kind => default_frame::<theirs::$response>(&head, version),)+
                ApiKey::FetchMetadata | ApiKey::QuorumMessage => return,
            };
            let (_, response) =
                decode_response(api, version, frame.clone()).expect("we read their defaults");
            let header = RequestHeader { api, version, correlation_id: 1, client_id: None };
            let written = encode_response(&header, &response).expect("what was read can be written");
            assert_eq!(written.into_bytes(), frame, "{api} {version}");
        }
    };
}

differential! {
    ApiVersions: ApiVersionsRequest => ApiVersionsResponse;
    Metadata: MetadataRequest => MetadataResponse;
    Produce: ProduceRequest => ProduceResponse;
    Fetch: FetchRequest => FetchResponse;
    ListOffsets: ListOffsetsRequest => ListOffsetsResponse;
    CreateTopics: CreateTopicsRequest => CreateTopicsResponse;
    InitProducerId: InitProducerIdRequest => InitProducerIdResponse;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;
    ElectLeaders: ElectLeadersRequest => ElectLeadersResponse;
    BrokerRegistration: BrokerRegistrationRequest => BrokerRegistrationResponse;
    BrokerHeartbeat: BrokerHeartbeatRequest => BrokerHeartbeatResponse;
    AlterPartition: AlterPartitionRequest => AlterPartitionResponse;
    AllocateProducerIds: AllocateProducerIdsRequest => AllocateProducerIdsResponse;
}

fn every_version(check: fn(ApiKey, i16)) {
    let kafka = VERSIONS.into_iter().filter(|(api, _, _)| api.code() < 10_000);
    for (api, min, max) in kafka {
        for version in min..=max {
            check(api, version);
        }
    }
}

#[test]
fn an_independent_implementation_agrees_on_every_request() {
    every_version(check_request);
}

#[test]
fn an_independent_implementation_agrees_on_every_response() {
    every_version(check_response);
}

#[test]
fn the_defaults_of_an_independent_implementation_are_understood() {
    every_version(check_defaults);
}

/// Fields by name, so that two fields swapped by both generators alike could not hide.
#[test]
fn an_independent_implementation_reads_the_same_fields() {
    let mut rest = samples::request_frame(ApiKey::Fetch, 17);
    theirs::RequestHeader::decode(&mut rest, 2).expect("their header");
    let fetch = theirs::FetchRequest::decode(&mut rest, 17).expect("their body");
    assert_eq!((fetch.replica_state.replica_id.0, fetch.replica_state.replica_epoch), (2, 30));
    let partition = &fetch.topics[0].partitions[0];
    assert_eq!((partition.fetch_offset, partition.log_start_offset), (17, 3));
    assert_eq!((partition.current_leader_epoch, partition.last_fetched_epoch), (5, 4));

    let mut rest = samples::response_frame(ApiKey::Fetch, 12);
    theirs::ResponseHeader::decode(&mut rest, 1).expect("their header");
    let fetch = theirs::FetchResponse::decode(&mut rest, 12).expect("their body");
    let partition = &fetch.responses[0].partitions[0];
    assert_eq!((partition.high_watermark, partition.last_stable_offset), (20, 19));
    assert_eq!((partition.diverging_epoch.epoch, partition.diverging_epoch.end_offset), (4, 11));
    assert_eq!((partition.current_leader.leader_epoch, partition.log_start_offset), (5, 2));

    let mut rest = samples::request_frame(ApiKey::AlterPartition, 3);
    theirs::RequestHeader::decode(&mut rest, 2).expect("their header");
    let alter = theirs::AlterPartitionRequest::decode(&mut rest, 3).expect("their body");
    let partition = &alter.topics[0].partitions[0];
    assert_eq!((partition.leader_epoch, partition.partition_epoch), (5, 9));
    assert_eq!(partition.new_isr_with_epochs[0].broker_epoch, 41);
}
