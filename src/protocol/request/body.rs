//! The list of requests and responses, written once; all that differs between them is generated
//! from it.

use bytes::{Bytes, BytesMut};
use kafka_wire::KafkaMessage;
use kafka_wire_core::{ApiVersion, DecodeError, Decoder, KafkaDecode, KafkaEncode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::EncodeError;
use crate::protocol::api::ApiKey;
use crate::protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, AlterPartitionRequest,
    AlterPartitionResponse, ApiVersionsRequest, ApiVersionsResponse, BrokerHeartbeatRequest,
    BrokerHeartbeatResponse, BrokerRegistrationRequest, BrokerRegistrationResponse,
    CreateTopicsRequest, CreateTopicsResponse, ElectLeadersRequest, ElectLeadersResponse,
    FetchMetadataRequest, FetchMetadataResponse, FetchRequest, FetchResponse,
    InitProducerIdRequest, InitProducerIdResponse, ListOffsetsRequest, ListOffsetsResponse,
    MetadataRequest, MetadataResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    ProduceRequest, ProduceResponse,
};
use crate::quorum::QuorumMessage;
use crate::types::Acks;

/// What is wrong with a message's bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A message of Kafka's.
    #[error("{0}")]
    Kafka(#[from] DecodeError),
    /// A message of our own.
    #[error("{0}")]
    Own(#[from] postcard::Error),
    /// Bytes follow where the message should end.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
}

macro_rules! messages {
    ($($kind:ident: $request:ident => $response:ident;)+) => {
        /// A request of any kind we speak.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Request {
            $(#[doc = concat!("Kafka's ", stringify!($request), ".")] $kind($request),)+
            /// A broker asks a controller for committed metadata.
            FetchMetadata(FetchMetadataRequest),
            /// A raft message from one controller to another.
            Quorum(QuorumMessage),
        }

        /// A response of any kind we speak.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Response {
            $(#[doc = concat!("Kafka's ", stringify!($response), ".")] $kind($response),)+
            /// Committed metadata.
            FetchMetadata(FetchMetadataResponse),
            /// The raft message has arrived. It says nothing about what came of it.
            Quorum,
        }

        impl Request {
            /// Its kind.
            #[must_use]
            pub fn api(&self) -> ApiKey {
                match self {
                    $(Self::$kind(_) => ApiKey::$kind,)+
                    Self::FetchMetadata(_) => ApiKey::FetchMetadata,
                    Self::Quorum(_) => ApiKey::QuorumMessage,
                }
            }
        }

        impl Response {
            /// The kind of request it answers.
            #[must_use]
            pub fn api(&self) -> ApiKey {
                match self {
                    $(Self::$kind(_) => ApiKey::$kind,)+
                    Self::FetchMetadata(_) => ApiKey::FetchMetadata,
                    Self::Quorum => ApiKey::QuorumMessage,
                }
            }
        }

        pub(super) fn request_is_flexible(api: ApiKey, version: i16) -> bool {
            let version = ApiVersion::new(version);
            match api {
                $(ApiKey::$kind => $request::is_flexible(version),)+
                ApiKey::FetchMetadata | ApiKey::QuorumMessage => true,
            }
        }

        pub(super) fn response_is_flexible(api: ApiKey, version: i16) -> bool {
            let version = ApiVersion::new(version);
            match api {
                $(ApiKey::$kind => $response::is_flexible(version),)+
                ApiKey::FetchMetadata | ApiKey::QuorumMessage => true,
            }
        }

        pub(super) fn decode_request_body(
            api: ApiKey,
            version: i16,
            decoder: Decoder,
        ) -> Result<Request, BodyError> {
            match api {
                $(ApiKey::$kind => kafka(version, decoder).map(Request::$kind),)+
                ApiKey::FetchMetadata => own(decoder).map(Request::FetchMetadata),
                ApiKey::QuorumMessage => own(decoder).map(Request::Quorum),
            }
        }

        pub(super) fn decode_response_body(
            api: ApiKey,
            version: i16,
            decoder: Decoder,
        ) -> Result<Response, BodyError> {
            match api {
                $(ApiKey::$kind => kafka(version, decoder).map(Response::$kind),)+
                ApiKey::FetchMetadata => own(decoder).map(Response::FetchMetadata),
                ApiKey::QuorumMessage => own(decoder).map(|()| Response::Quorum),
            }
        }

        pub(super) fn encode_request_body(
            request: &Request,
            version: i16,
            target: &mut BytesMut,
        ) -> Result<(), EncodeError> {
            match request {
                $(Request::$kind(body) => encode_kafka(request.api(), version, body, target),)+
                Request::FetchMetadata(body) => encode_own(request.api(), body, target),
                Request::Quorum(body) => encode_own(request.api(), body, target),
            }
        }

        pub(super) fn encode_response_body(
            response: &Response,
            version: i16,
            target: &mut BytesMut,
        ) -> Result<(), EncodeError> {
            match response {
                $(Response::$kind(body) => encode_kafka(response.api(), version, body, target),)+
                Response::FetchMetadata(body) => encode_own(response.api(), body, target),
                Response::Quorum => Ok(()),
            }
        }
    };
}

messages! {
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

impl Request {
    /// Whether the request is answered at all: a Produce with acks=0 is not.
    #[must_use]
    pub fn expects_response(&self) -> bool {
        !matches!(self, Self::Produce(produce) if produce.acks == Acks::None.as_i16())
    }
}

fn kafka<M: KafkaDecode>(version: i16, mut decoder: Decoder) -> Result<M, BodyError> {
    let message = M::decode(&mut decoder, ApiVersion::new(version))?;
    decoder.finish()?;
    Ok(message)
}

fn own<M: DeserializeOwned>(mut decoder: Decoder) -> Result<M, BodyError> {
    let body: Bytes = decoder.take_bytes(decoder.remaining())?;
    let (message, rest) = postcard::take_from_bytes(&body)?;
    if rest.is_empty() { Ok(message) } else { Err(BodyError::Trailing(rest.len())) }
}

fn encode_kafka(
    api: ApiKey,
    version: i16,
    body: &impl KafkaEncode,
    target: &mut BytesMut,
) -> Result<(), EncodeError> {
    body.encode_into(target, ApiVersion::new(version))
        .map(|_| ())
        .map_err(|reason| EncodeError::NotRepresentable { api, version, reason })
}

fn encode_own(
    api: ApiKey,
    body: &impl Serialize,
    target: &mut BytesMut,
) -> Result<(), EncodeError> {
    let bytes = postcard::to_stdvec(body).map_err(|reason| EncodeError::Own { api, reason })?;
    target.extend_from_slice(&bytes);
    Ok(())
}
