//! One populated message of every kind, with every field that its version can carry.

use bytes::Bytes;

use super::super::*;
use crate::protocol::api::{ListenerKind, advertised_versions};
use crate::protocol::messages::*;

/// A frame of a populated request.
pub(super) fn request_frame(api: ApiKey, version: i16) -> Bytes {
    encode_request(version, 77, Some("sample"), &request(api, version)).expect("representable")
}

/// A frame of a populated response.
pub(super) fn response_frame(api: ApiKey, version: i16) -> Bytes {
    let header = RequestHeader { api, version, correlation_id: 77, client_id: None };
    encode_response(&header, &response(api, version)).expect("representable").into_bytes()
}

pub(super) fn request(api: ApiKey, version: i16) -> Request {
    match api {
        ApiKey::ApiVersions => Request::ApiVersions(build(|r: &mut ApiVersionsRequest| {
            r.client_software_name = "tester".into();
            r.client_software_version = "1.0".into();
        })),
        ApiKey::Metadata => Request::Metadata(metadata_request(version)),
        ApiKey::Produce => Request::Produce(produce_request()),
        ApiKey::Fetch => Request::Fetch(fetch_request(version)),
        ApiKey::ListOffsets => Request::ListOffsets(list_offsets_request(version)),
        ApiKey::CreateTopics => Request::CreateTopics(create_topics_request()),
        ApiKey::InitProducerId => {
            Request::InitProducerId(build(|r: &mut InitProducerIdRequest| {
                r.transactional_id = None;
                r.transaction_timeout_ms = 60_000;
                if version >= 3 {
                    (r.producer_id, r.producer_epoch) = (7, 2);
                }
            }))
        }
        ApiKey::OffsetForLeaderEpoch => Request::OffsetForLeaderEpoch(epoch_request()),
        ApiKey::ElectLeaders => Request::ElectLeaders(build(|r: &mut ElectLeadersRequest| {
            r.election_type = i8::from(version >= 1);
            r.topic_partitions =
                Some(vec![build(|t: &mut elect_leaders_request::TopicPartitions| {
                    t.topic = "orders".into();
                    t.partitions = vec![0, 5];
                })]);
            r.timeout_ms = 1234;
        })),
        ApiKey::AlterPartition => Request::AlterPartition(alter_partition_request(version)),
        ApiKey::BrokerRegistration => Request::BrokerRegistration(registration_request(version)),
        ApiKey::BrokerHeartbeat => {
            Request::BrokerHeartbeat(build(|r: &mut BrokerHeartbeatRequest| {
                (r.broker_id, r.broker_epoch, r.current_metadata_offset) = (3, 40, 41);
                (r.want_fence, r.want_shut_down) = (true, true);
            }))
        }
        ApiKey::AllocateProducerIds => {
            Request::AllocateProducerIds(build(|r: &mut AllocateProducerIdsRequest| {
                (r.broker_id, r.broker_epoch) = (3, 40);
            }))
        }
        ApiKey::FetchMetadata => Request::FetchMetadata(FetchMetadataRequest {
            after: crate::types::MetadataOffset(9),
            max_wait_ms: 500,
        }),
        ApiKey::QuorumMessage => Request::Quorum(super::quorum_message()),
    }
}

pub(super) fn response(api: ApiKey, version: i16) -> Response {
    match api {
        ApiKey::ApiVersions => Response::ApiVersions(advertised_versions(ListenerKind::Broker)),
        ApiKey::Metadata => Response::Metadata(metadata_response()),
        ApiKey::Produce => Response::Produce(produce_response(version)),
        ApiKey::Fetch => Response::Fetch(fetch_response(version)),
        ApiKey::ListOffsets => Response::ListOffsets(list_offsets_response()),
        ApiKey::CreateTopics => Response::CreateTopics(create_topics_response()),
        ApiKey::InitProducerId => {
            Response::InitProducerId(build(|r: &mut InitProducerIdResponse| {
                (r.throttle_time_ms, r.error_code) = (1, 15);
                (r.producer_id, r.producer_epoch) = (4000, 3);
            }))
        }
        ApiKey::OffsetForLeaderEpoch => Response::OffsetForLeaderEpoch(epoch_response()),
        ApiKey::ElectLeaders => Response::ElectLeaders(elect_leaders_response()),
        ApiKey::AlterPartition => Response::AlterPartition(alter_partition_response()),
        ApiKey::BrokerRegistration => {
            Response::BrokerRegistration(build(|r: &mut BrokerRegistrationResponse| {
                (r.throttle_time_ms, r.error_code, r.broker_epoch) = (1, 101, 40);
            }))
        }
        ApiKey::BrokerHeartbeat => {
            Response::BrokerHeartbeat(build(|r: &mut BrokerHeartbeatResponse| {
                (r.error_code, r.is_caught_up, r.is_fenced, r.should_shut_down) =
                    (77, true, false, true);
            }))
        }
        ApiKey::AllocateProducerIds => {
            Response::AllocateProducerIds(build(|r: &mut AllocateProducerIdsResponse| {
                (r.error_code, r.producer_id_start, r.producer_id_len) = (0, 4000, 1000);
            }))
        }
        ApiKey::FetchMetadata => Response::FetchMetadata(FetchMetadataResponse {
            outcome: FetchMetadataOutcome::Snapshot(Bytes::from_static(b"image")),
        }),
        ApiKey::QuorumMessage => Response::Quorum,
    }
}

fn topic_id() -> Uuid {
    Uuid::from_bytes(*b"0123456789abcdef")
}

fn metadata_request(version: i16) -> MetadataRequest {
    build(|r: &mut MetadataRequest| {
        r.topics = Some(vec![build(|t: &mut metadata_request::MetadataRequestTopic| {
            t.name = Some("orders".into());
            t.topic_id = topic_id();
        })]);
        r.allow_auto_topic_creation = version < 4;
        r.include_topic_authorized_operations = version >= 8;
    })
}

fn metadata_response() -> MetadataResponse {
    build(|r: &mut MetadataResponse| {
        r.throttle_time_ms = 2;
        r.brokers = vec![build(|b: &mut metadata_response::MetadataResponseBroker| {
            (b.node_id, b.host, b.port) = (1, "one".into(), 9092);
            b.rack = Some("r1".into());
        })];
        r.cluster_id = Some("cluster".into());
        r.controller_id = 1;
        r.topics = vec![build(|t: &mut metadata_response::MetadataResponseTopic| {
            (t.error_code, t.name, t.topic_id) = (5, Some("orders".into()), topic_id());
            t.topic_authorized_operations = 4;
            t.partitions = vec![build(|p: &mut metadata_response::MetadataResponsePartition| {
                (p.error_code, p.partition_index, p.leader_id, p.leader_epoch) = (9, 3, 1, 8);
                (p.replica_nodes, p.isr_nodes) = (vec![1, 2, 3], vec![1, 2]);
                p.offline_replicas = vec![3];
            })];
        })];
    })
}

pub(super) fn produce_request() -> ProduceRequest {
    build(|r: &mut ProduceRequest| {
        (r.transactional_id, r.acks, r.timeout_ms) = (None, -1, 1500);
        r.topic_data = vec![build(|t: &mut produce_request::TopicProduceData| {
            t.name = "orders".into();
            t.partition_data = vec![build(|p: &mut produce_request::PartitionProduceData| {
                (p.index, p.records) = (2, Some(Bytes::from_static(b"a batch")));
            })];
        })];
    })
}

pub(super) fn produce_response(version: i16) -> ProduceResponse {
    build(|r: &mut ProduceResponse| {
        r.throttle_time_ms = 9;
        r.responses = vec![build(|t: &mut produce_response::TopicProduceResponse| {
            t.name = "orders".into();
            t.partition_responses =
                vec![build(|p: &mut produce_response::PartitionProduceResponse| {
                    (p.index, p.error_code, p.base_offset) = (2, 20, 17);
                    (p.log_append_time_ms, p.log_start_offset) = (5, 1);
                    p.record_errors =
                        vec![build(|e: &mut produce_response::BatchIndexAndErrorMessage| {
                            (e.batch_index, e.batch_index_error_message) = (3, Some("bad".into()));
                        })];
                    p.error_message = Some("late".into());
                    if version >= 10 {
                        (p.current_leader.leader_id, p.current_leader.leader_epoch) = (4, 6);
                    }
                })];
        })];
        if version >= 10 {
            r.node_endpoints = vec![build(|n: &mut produce_response::NodeEndpoint| {
                (n.node_id, n.host, n.port, n.rack) = (4, "four".into(), 9092, None);
            })];
        }
    })
}

fn fetch_request(version: i16) -> FetchRequest {
    build(|r: &mut FetchRequest| {
        if version >= 15 {
            (r.replica_state.replica_id, r.replica_state.replica_epoch) = (2, 30);
        } else {
            r.replica_id = 2;
        }
        (r.max_wait_ms, r.min_bytes, r.max_bytes) = (500, 1, 1 << 20);
        r.topics = vec![build(|t: &mut fetch_request::FetchTopic| {
            (t.topic, t.topic_id) = ("orders".into(), topic_id());
            t.partitions = vec![build(|p: &mut fetch_request::FetchPartition| {
                (p.partition, p.current_leader_epoch, p.fetch_offset) = (2, 5, 17);
                (p.log_start_offset, p.partition_max_bytes) = (3, 4096);
                p.last_fetched_epoch = if version >= 12 { 4 } else { -1 };
                if version >= 17 {
                    p.replica_directory_id = topic_id();
                }
            })];
        })];
        if version >= 7 {
            r.forgotten_topics_data = vec![build(|f: &mut fetch_request::ForgottenTopic| {
                (f.topic, f.topic_id, f.partitions) = ("old".into(), topic_id(), vec![1]);
            })];
        }
        r.rack_id = "r1".into();
    })
}

pub(super) fn fetch_response(version: i16) -> FetchResponse {
    build(|r: &mut FetchResponse| {
        r.throttle_time_ms = 3;
        if version >= 7 {
            (r.error_code, r.session_id) = (71, 12);
        }
        r.responses = vec![build(|t: &mut fetch_response::FetchableTopicResponse| {
            if version >= 13 {
                t.topic_id = topic_id();
            } else {
                t.topic = "orders".into();
            }
            t.partitions = vec![fetch_partition(version, 0), fetch_partition(version, 1)];
        })];
        if version >= 16 {
            r.node_endpoints = vec![build(|n: &mut fetch_response::NodeEndpoint| {
                (n.node_id, n.host, n.port, n.rack) = (4, "four".into(), 9092, Some("r".into()));
            })];
        }
    })
}

fn fetch_partition(version: i16, index: i32) -> fetch_response::PartitionData {
    build(|p: &mut fetch_response::PartitionData| {
        (p.partition_index, p.error_code) = (index, 6);
        (p.high_watermark, p.last_stable_offset) = (20, 19);
        if version >= 5 {
            p.log_start_offset = 2;
        }
        if version >= 11 {
            p.preferred_read_replica = 3;
        }
        if version >= 12 {
            (p.diverging_epoch.epoch, p.diverging_epoch.end_offset) = (4, 11);
            (p.current_leader.leader_id, p.current_leader.leader_epoch) = (1, 5);
        }
        p.aborted_transactions = None;
        p.records = Some(Bytes::from_static(b"some batches"));
    })
}

fn list_offsets_request(version: i16) -> ListOffsetsRequest {
    build(|r: &mut ListOffsetsRequest| {
        (r.replica_id, r.isolation_level) = (-1, i8::from(version >= 2));
        r.timeout_ms = if version >= 10 { 900 } else { r.timeout_ms };
        r.topics = vec![build(|t: &mut list_offsets_request::ListOffsetsTopic| {
            t.name = "orders".into();
            t.partitions = vec![build(|p: &mut list_offsets_request::ListOffsetsPartition| {
                (p.partition_index, p.current_leader_epoch, p.timestamp) = (2, 5, -1);
            })];
        })];
    })
}

fn list_offsets_response() -> ListOffsetsResponse {
    build(|r: &mut ListOffsetsResponse| {
        r.throttle_time_ms = 1;
        r.topics = vec![build(|t: &mut list_offsets_response::ListOffsetsTopicResponse| {
            t.name = "orders".into();
            t.partitions =
                vec![build(|p: &mut list_offsets_response::ListOffsetsPartitionResponse| {
                    (p.partition_index, p.error_code) = (2, 78);
                    (p.timestamp, p.offset, p.leader_epoch) = (12, 17, 5);
                })];
        })];
    })
}

fn create_topics_request() -> CreateTopicsRequest {
    build(|r: &mut CreateTopicsRequest| {
        (r.timeout_ms, r.validate_only) = (700, true);
        r.topics = vec![build(|t: &mut create_topics_request::CreatableTopic| {
            (t.name, t.num_partitions, t.replication_factor) = ("orders".into(), -1, -1);
            t.assignments =
                vec![build(|a: &mut create_topics_request::CreatableReplicaAssignment| {
                    (a.partition_index, a.broker_ids) = (0, vec![1, 2]);
                })];
            t.configs = vec![build(|c: &mut create_topics_request::CreatableTopicConfig| {
                (c.name, c.value) = ("min.insync.replicas".into(), Some("2".into()));
            })];
        })];
    })
}

fn create_topics_response() -> CreateTopicsResponse {
    build(|r: &mut CreateTopicsResponse| {
        r.throttle_time_ms = 1;
        r.topics = vec![build(|t: &mut create_topics_response::CreatableTopicResult| {
            (t.name, t.topic_id) = ("orders".into(), topic_id());
            (t.error_code, t.error_message) = (36, Some("exists".into()));
            (t.num_partitions, t.replication_factor) = (3, 2);
            t.configs =
                Some(vec![build(|c: &mut create_topics_response::CreatableTopicConfigs| {
                    (c.name, c.value, c.config_source) = ("retention.ms".into(), None, 5);
                })]);
        })];
    })
}

fn epoch_request() -> OffsetForLeaderEpochRequest {
    build(|r: &mut OffsetForLeaderEpochRequest| {
        r.replica_id = -1;
        r.topics = vec![build(|t: &mut offset_for_leader_epoch_request::OffsetForLeaderTopic| {
            t.topic = "orders".into();
            t.partitions =
                vec![build(|p: &mut offset_for_leader_epoch_request::OffsetForLeaderPartition| {
                    (p.partition, p.current_leader_epoch, p.leader_epoch) = (2, 5, 4);
                })];
        })];
    })
}

fn epoch_response() -> OffsetForLeaderEpochResponse {
    build(|r: &mut OffsetForLeaderEpochResponse| {
        r.topics =
            vec![build(|t: &mut offset_for_leader_epoch_response::OffsetForLeaderTopicResult| {
                t.topic = "orders".into();
                t.partitions =
                    vec![build(|p: &mut offset_for_leader_epoch_response::EpochEndOffset| {
                        (p.error_code, p.partition, p.leader_epoch, p.end_offset) = (74, 2, 4, 11);
                    })];
            })];
    })
}

fn elect_leaders_response() -> ElectLeadersResponse {
    build(|r: &mut ElectLeadersResponse| {
        (r.throttle_time_ms, r.error_code) = (1, 41);
        r.replica_election_results =
            vec![build(|t: &mut elect_leaders_response::ReplicaElectionResult| {
                t.topic = "orders".into();
                t.partition_result =
                    vec![build(|p: &mut elect_leaders_response::PartitionResult| {
                        (p.partition_id, p.error_code) = (2, 84);
                        p.error_message = None;
                    })];
            })];
    })
}

fn alter_partition_request(version: i16) -> AlterPartitionRequest {
    build(|r: &mut AlterPartitionRequest| {
        (r.broker_id, r.broker_epoch) = (1, 40);
        r.topics = vec![build(|t: &mut alter_partition_request::TopicData| {
            t.topic_id = topic_id();
            t.partitions = vec![build(|p: &mut alter_partition_request::PartitionData| {
                (p.partition_index, p.leader_epoch, p.partition_epoch) = (2, 5, 9);
                p.leader_recovery_state = 1;
                if version >= 3 {
                    p.new_isr_with_epochs =
                        vec![build(|b: &mut alter_partition_request::BrokerState| {
                            (b.broker_id, b.broker_epoch) = (2, 41);
                        })];
                } else {
                    p.new_isr = vec![1, 2];
                }
            })];
        })];
    })
}

fn alter_partition_response() -> AlterPartitionResponse {
    build(|r: &mut AlterPartitionResponse| {
        (r.throttle_time_ms, r.error_code) = (1, 77);
        r.topics = vec![build(|t: &mut alter_partition_response::TopicData| {
            t.topic_id = topic_id();
            t.partitions = vec![build(|p: &mut alter_partition_response::PartitionData| {
                (p.partition_index, p.error_code, p.leader_id) = (2, 95, 1);
                (p.leader_epoch, p.isr, p.partition_epoch) = (5, vec![1, 2], 10);
                p.leader_recovery_state = 1;
            })];
        })];
    })
}

fn registration_request(version: i16) -> BrokerRegistrationRequest {
    build(|r: &mut BrokerRegistrationRequest| {
        (r.broker_id, r.cluster_id, r.incarnation_id) = (3, "cluster".into(), topic_id());
        r.listeners = vec![build(|l: &mut broker_registration_request::Listener| {
            (l.name, l.host, l.port) = ("PLAINTEXT".into(), "three".into(), 9092);
        })];
        r.rack = None;
        if version >= 2 {
            r.log_dirs = vec![topic_id()];
        }
        if version >= 3 {
            r.previous_broker_epoch = 39;
        }
    })
}
