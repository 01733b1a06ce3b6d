//! The messages that Kafka has not: how brokers learn committed metadata.
//!
//! They travel in ordinary frames with Kafka's flexible headers; their bodies are postcard. A
//! peer's count cannot size an allocation: serde reserves at most a mebibyte on a count's word.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::types::{MetadataOffset, MetadataRecord, NodeId};

/// A broker asks a controller for the metadata committed behind a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchMetadataRequest {
    /// The last position that the broker has applied; 0 before the first.
    pub after: MetadataOffset,
    /// How long the controller may hold the answer back while there is nothing new.
    pub max_wait_ms: u32,
}

/// The answer to [`FetchMetadataRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchMetadataResponse {
    /// What there is.
    pub outcome: FetchMetadataOutcome,
}

/// See [`FetchMetadataResponse`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FetchMetadataOutcome {
    /// The node asked is not the active controller.
    NotController {
        /// Who is, as far as it knows.
        hint: Option<NodeId>,
    },
    /// The batches behind the position asked for, oldest first; perhaps none.
    Batches {
        /// Each batch with its position.
        batches: Vec<(MetadataOffset, Vec<MetadataRecord>)>,
        /// The last position committed, whether or not its batch is among these.
        committed: MetadataOffset,
    },
    /// The position asked for is too old: the whole metadata as a serialised image, which replaces
    /// what the broker has.
    Snapshot(Bytes),
}
