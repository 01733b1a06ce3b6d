//! Kafka's wire: frames, versions, messages, error codes and record batches.
//!
//! The messages themselves come from the crate `kafka-wire`, whose decoders never let a peer's
//! count size an allocation; nothing outside this room names that crate, so it can be exchanged.
//! Record batches stay opaque: a broker reads their 61-byte header ([`batch`]) and rewrites its
//! first 16 bytes, and never looks at a record.
//!
//! Reading order: [`frame`] cuts a stream into frames, [`api`] says which requests in which
//! versions are spoken, [`request`] turns frames into requests and responses and back.
//!
//! This room has two arrows out that the others of its kind have not: [`crate::quorum`]'s message,
//! which travels in a request of our own, and [`crate::host::probe`]'s batch identity.

pub mod api;
pub mod batch;
pub mod error_code;
pub mod frame;
pub mod messages;
pub mod request;

pub use api::ApiKey;
pub use batch::{BatchError, BatchHeader, Batches, RecordBatchBuilder};
pub use error_code::ErrorCode;
pub use frame::{FrameCodec, FrameError, FrameParts};
pub use request::{
    EncodeError, Request, RequestError, RequestHeader, Response, ResponseError, decode_request,
    decode_response, encode_request, encode_response,
};
