//! Bytes that a broker should not be sent: whole requests of every kind in every version, spoiled.

use bytes::Bytes;
use highwater::protocol::api::VERSIONS;
use highwater::protocol::messages::{
    AllocateProducerIdsRequest, AlterPartitionRequest, ApiVersionsRequest, BrokerHeartbeatRequest,
    BrokerRegistrationRequest, CreateTopicsRequest, ElectLeadersRequest, FetchMetadataRequest,
    FetchRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, Uuid, alter_partition_request, build,
    create_topics_request, elect_leaders_request, fetch_request, list_offsets_request,
    metadata_request, offset_for_leader_epoch_request, produce_request,
};
use highwater::protocol::{ApiKey, Request, encode_request};
use highwater::quorum::{LogEntry, QuorumMessage};
use highwater::types::{MetadataOffset, NodeId};
use proptest::prelude::*;

/// The broker epoch of nobody: a request that names it is refused, whatever else it wants.
const NO_EPOCH: i64 = 0x7777_7777;

/// A frame, with its length in front, for every kind of request in every version.
pub(crate) fn good_frames() -> Vec<Bytes> {
    let all = VERSIONS.iter().flat_map(|&(api, min, max)| {
        (min..=max).map(move |version| {
            let frame = encode_request(version, 7, Some("fuzz"), &request(api, version));
            with_length(&frame.expect("written for this version"))
        })
    });
    all.collect()
}

pub(crate) fn with_length(frame: &[u8]) -> Bytes {
    let length = u32::try_from(frame.len()).expect("a frame of a test");
    [&length.to_be_bytes(), frame].concat().into()
}

/// What is done to a whole request.
#[derive(Clone, Debug)]
enum Spoil {
    /// Some bits are turned over, behind the length.
    Bits(Vec<usize>),
    /// It ends early, and its length says so.
    Cut(usize),
    /// It ends early, and its length does not say so.
    Broken(usize),
    /// More follows, and its length says so.
    Longer(Vec<u8>),
    /// The same bytes in another version.
    Version(i16),
    /// The same bytes as another kind of request.
    Api(i16),
    /// Somewhere there is a number that no count should be.
    Number(usize, i32),
    /// Another length stands in front.
    Length(i32),
}

/// Spoiled requests, and bytes that never were one.
pub(crate) fn bad_bytes() -> impl Strategy<Value = Vec<u8>> {
    let good = prop::sample::select(good_frames());
    let spoiled = (good, spoil()).prop_map(|(frame, how)| apply(&frame, how));
    let header = (prop::sample::select(VERSIONS.to_vec()), any::<u16>());
    let behind_a_header = (header, prop::collection::vec(any::<u8>(), 0..200)).prop_map(
        |(((api, min, max), pick), body)| {
            let version = min + i16::try_from(pick % 32).expect("small") % (max - min + 1);
            let head = [api.code().to_be_bytes(), version.to_be_bytes()].concat();
            with_length(&[&head[..], &body].concat()).to_vec()
        },
    );
    let random = prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![8 => spoiled, 3 => behind_a_header, 1 => random]
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let huge = prop::sample::select(vec![i32::MAX, -1, i32::MIN, 0x00ff_ffff, 0x7fff_0000]);
    prop_oneof![
        4 => prop::collection::vec(any::<usize>(), 1..6).prop_map(Spoil::Bits),
        1 => any::<usize>().prop_map(Spoil::Cut),
        1 => any::<usize>().prop_map(Spoil::Broken),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Spoil::Longer),
        1 => (-2_i16..20).prop_map(Spoil::Version),
        1 => prop::sample::select(VERSIONS.to_vec()).prop_map(|(api, ..)| Spoil::Api(api.code())),
        3 => (any::<usize>(), huge).prop_map(|(at, number)| Spoil::Number(at, number)),
        1 => any::<i32>().prop_map(Spoil::Length),
    ]
}

fn apply(frame: &[u8], how: Spoil) -> Vec<u8> {
    let mut bytes = frame.to_vec();
    let body = bytes.len() - 4;
    match how {
        Spoil::Bits(bits) => {
            for bit in bits {
                bytes[4 + bit / 8 % body] ^= 1 << (bit % 8);
            }
        }
        Spoil::Cut(keep) => return with_length(&frame[4..4 + keep % body]).to_vec(),
        Spoil::Broken(keep) => bytes.truncate(keep % frame.len()),
        Spoil::Longer(more) => return with_length(&[&frame[4..], &more].concat()).to_vec(),
        Spoil::Version(version) => bytes[6..8].copy_from_slice(&version.to_be_bytes()),
        Spoil::Api(code) => bytes[4..6].copy_from_slice(&code.to_be_bytes()),
        Spoil::Number(at, number) => {
            let at = 12 + at % (bytes.len() - 15);
            bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
        }
        Spoil::Length(length) => bytes[..4].copy_from_slice(&length.to_be_bytes()),
    }
    bytes
}

fn request(api: ApiKey, version: i16) -> Request {
    match api {
        ApiKey::Produce => Request::Produce(produce()),
        ApiKey::Fetch => Request::Fetch(fetch(version)),
        ApiKey::ListOffsets => Request::ListOffsets(list_offsets()),
        ApiKey::Metadata => Request::Metadata(metadata(version)),
        ApiKey::ApiVersions => Request::ApiVersions(build(|r: &mut ApiVersionsRequest| {
            (r.client_software_name, r.client_software_version) = ("fuzz".into(), "1".into());
        })),
        ApiKey::CreateTopics => Request::CreateTopics(create_topics()),
        ApiKey::InitProducerId => {
            Request::InitProducerId(build(|r: &mut InitProducerIdRequest| {
                (r.transactional_id, r.transaction_timeout_ms) = (None, 1000);
            }))
        }
        ApiKey::OffsetForLeaderEpoch => Request::OffsetForLeaderEpoch(epochs()),
        ApiKey::ElectLeaders => Request::ElectLeaders(build(|r: &mut ElectLeadersRequest| {
            r.timeout_ms = 100;
            r.topic_partitions =
                Some(vec![build(|t: &mut elect_leaders_request::TopicPartitions| {
                    (t.topic, t.partitions) = ("fuzzed".into(), vec![0, 1]);
                })]);
        })),
        ApiKey::AlterPartition => Request::AlterPartition(alter_partition(version)),
        ApiKey::BrokerRegistration => {
            Request::BrokerRegistration(build(|r: &mut BrokerRegistrationRequest| {
                (r.broker_id, r.cluster_id) = (1, "another".into());
                r.incarnation_id = Uuid::from_bytes(*b"0123456789abcdef");
            }))
        }
        ApiKey::BrokerHeartbeat => {
            Request::BrokerHeartbeat(build(|r: &mut BrokerHeartbeatRequest| {
                (r.broker_id, r.broker_epoch, r.want_shut_down) = (1, NO_EPOCH, true);
            }))
        }
        ApiKey::AllocateProducerIds => {
            Request::AllocateProducerIds(build(|r: &mut AllocateProducerIdsRequest| {
                (r.broker_id, r.broker_epoch) = (1, NO_EPOCH);
            }))
        }
        ApiKey::FetchMetadata => Request::FetchMetadata(FetchMetadataRequest {
            after: MetadataOffset(0),
            max_wait_ms: 10,
        }),
        ApiKey::QuorumMessage => Request::Quorum(quorum_message()),
    }
}

fn metadata(version: i16) -> MetadataRequest {
    build(|r: &mut MetadataRequest| {
        r.topics = Some(vec![build(|t: &mut metadata_request::MetadataRequestTopic| {
            t.name = Some("fuzzed".into());
        })]);
        r.allow_auto_topic_creation = version < 4;
    })
}

fn produce() -> ProduceRequest {
    build(|r: &mut ProduceRequest| {
        (r.transactional_id, r.acks, r.timeout_ms) = (None, 1, 100);
        r.topic_data = vec![build(|t: &mut produce_request::TopicProduceData| {
            t.name = "fuzzed".into();
            t.partition_data = vec![build(|p: &mut produce_request::PartitionProduceData| {
                let mut batch = highwater::protocol::RecordBatchBuilder::new();
                batch.push(highwater::protocol::batch::NewRecord::default());
                p.records = Some(batch.build().expect("one record"));
            })];
        })];
    })
}

fn fetch(version: i16) -> FetchRequest {
    build(|r: &mut FetchRequest| {
        (r.max_wait_ms, r.min_bytes, r.max_bytes) = (10, 1, 1 << 20);
        (r.replica_id, r.rack_id) = (-1, if version >= 11 { "a".into() } else { "".into() });
        r.topics = vec![build(|t: &mut fetch_request::FetchTopic| {
            t.topic = if version < 13 { "fuzzed".into() } else { "".into() };
            t.partitions = vec![build(|p: &mut fetch_request::FetchPartition| {
                p.partition_max_bytes = 1 << 20;
            })];
        })];
    })
}

fn list_offsets() -> ListOffsetsRequest {
    build(|r: &mut ListOffsetsRequest| {
        r.replica_id = -1;
        r.topics = vec![build(|t: &mut list_offsets_request::ListOffsetsTopic| {
            t.name = "fuzzed".into();
            t.partitions = vec![build(|p: &mut list_offsets_request::ListOffsetsPartition| {
                p.timestamp = -1;
            })];
        })];
    })
}

fn create_topics() -> CreateTopicsRequest {
    build(|r: &mut CreateTopicsRequest| {
        r.timeout_ms = 100;
        r.topics = vec![build(|t: &mut create_topics_request::CreatableTopic| {
            (t.name, t.num_partitions, t.replication_factor) = ("fuzzed".into(), 1, 1);
        })];
    })
}

fn epochs() -> OffsetForLeaderEpochRequest {
    build(|r: &mut OffsetForLeaderEpochRequest| {
        use offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
        r.topics = vec![build(|t: &mut OffsetForLeaderTopic| {
            t.topic = "fuzzed".into();
            t.partitions = vec![build(|p: &mut OffsetForLeaderPartition| p.leader_epoch = 0)];
        })];
    })
}

fn alter_partition(version: i16) -> AlterPartitionRequest {
    build(|r: &mut AlterPartitionRequest| {
        (r.broker_id, r.broker_epoch) = (1, NO_EPOCH);
        r.topics = vec![build(|t: &mut alter_partition_request::TopicData| {
            t.partitions = vec![build(|p: &mut alter_partition_request::PartitionData| {
                if version < 3 {
                    p.new_isr = vec![1];
                }
            })];
        })];
    })
}

fn quorum_message() -> QuorumMessage {
    QuorumMessage {
        from: NodeId(2),
        to: NodeId(1),
        kind: 3,
        epoch: 9,
        log_epoch: 1,
        index: 1,
        entries: vec![LogEntry { epoch: 1, index: 2, payload: Bytes::from_static(b"entry") }],
        commit: 2,
        commit_epoch: 1,
        snapshot: None,
        request_snapshot: 0,
        reject: false,
        reject_hint: 0,
        context: Bytes::new(),
        priority: 0,
    }
}
