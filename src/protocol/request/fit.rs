//! What an old version of a response cannot carry, taken out of it.
//!
//! The encoder refuses to lose a field silently. Handlers fill in what the newest version has;
//! here is the one list of what older clients do without, and what they get instead.

use std::borrow::Cow;

use bytes::Bytes;

use super::Response;
use crate::protocol::messages::{
    FetchResponse, ListOffsetsResponse, MetadataResponse, ProduceResponse, StrBytes,
};

/// The response as `version` can carry it.
pub(super) fn fit(response: &Response, version: i16) -> Cow<'_, Response> {
    match response {
        Response::Produce(produce) if version < 10 => {
            Cow::Owned(Response::Produce(fit_produce(produce.clone())))
        }
        Response::Fetch(fetch) if version < 16 || has_null_records(fetch) => {
            Cow::Owned(Response::Fetch(fit_fetch(fetch.clone(), version)))
        }
        Response::ListOffsets(offsets) if version < 4 => {
            Cow::Owned(Response::ListOffsets(fit_list_offsets(offsets.clone())))
        }
        Response::Metadata(metadata) => {
            Cow::Owned(Response::Metadata(fit_metadata(metadata.clone(), version)))
        }
        Response::ElectLeaders(elect) if version < 1 => {
            let mut elect = elect.clone();
            elect.error_code = 0;
            Cow::Owned(Response::ElectLeaders(elect))
        }
        Response::Produce(_)
        | Response::Fetch(_)
        | Response::ListOffsets(_)
        | Response::ElectLeaders(_)
        | Response::ApiVersions(_)
        | Response::CreateTopics(_)
        | Response::InitProducerId(_)
        | Response::OffsetForLeaderEpoch(_)
        | Response::BrokerRegistration(_)
        | Response::BrokerHeartbeat(_)
        | Response::AlterPartition(_)
        | Response::AllocateProducerIds(_)
        | Response::FetchMetadata(_)
        | Response::Quorum => Cow::Borrowed(response),
    }
}

fn fit_produce(mut produce: ProduceResponse) -> ProduceResponse {
    produce.node_endpoints.clear();
    for topic in &mut produce.responses {
        for partition in &mut topic.partition_responses {
            partition.current_leader = Default::default();
        }
    }
    produce
}

fn has_null_records(fetch: &FetchResponse) -> bool {
    fetch.responses.iter().flat_map(|topic| &topic.partitions).any(|p| p.records.is_none())
}

fn fit_fetch(mut fetch: FetchResponse, version: i16) -> FetchResponse {
    if version < 16 {
        fetch.node_endpoints.clear();
    }
    if version < 7 {
        fetch.session_id = 0;
    }
    for partition in fetch.responses.iter_mut().flat_map(|topic| &mut topic.partitions) {
        // An old librdkafka rejects a null record set ("invalid MessageSetSize -1").
        partition.records.get_or_insert_with(Bytes::new);
        if version < 12 {
            partition.diverging_epoch = Default::default();
            partition.current_leader = Default::default();
            partition.snapshot_id = Default::default();
        }
        if version < 11 {
            partition.preferred_read_replica = -1;
        }
    }
    fetch
}

fn fit_list_offsets(mut offsets: ListOffsetsResponse) -> ListOffsetsResponse {
    for partition in offsets.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        partition.leader_epoch = -1;
    }
    offsets
}

fn fit_metadata(mut metadata: MetadataResponse, version: i16) -> MetadataResponse {
    if !(8..=10).contains(&version) {
        metadata.cluster_authorized_operations = i32::MIN;
    }
    for topic in &mut metadata.topics {
        if version < 8 {
            topic.topic_authorized_operations = i32::MIN;
        }
        if version < 12 {
            topic.name.get_or_insert_with(StrBytes::default);
        }
    }
    metadata
}
