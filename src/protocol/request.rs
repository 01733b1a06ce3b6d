//! Frames to requests and responses, and back: the concrete functions around the messages.
//!
//! A frame is read with limits drawn from its own length: no string, array or record set can claim
//! more than arrived. A request in a version that the table does not name is an error, and the
//! connection is closed; only for ApiVersions there is an answer, by which a newer client learns
//! how far it must step down.

mod body;
mod fetch_parts;
mod fit;

#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes, BytesMut};
use kafka_wire::{
    RequestHeader as WireRequestHeader, ResponseHeader as WireResponseHeader,
    request_header_version, response_header_version,
};
use kafka_wire_core::{
    ApiKey as WireKey, ApiVersion, DecodeLimits, Decoder, KafkaDecode as _, KafkaEncode as _,
};

use super::api::{ApiKey, version_range};
use super::error_code::ErrorCode;
use super::frame::FrameParts;
use super::messages::{ApiVersionsResponse, StrBytes, build};
pub use body::{BodyError, Request, Response};

/// Bytes that every request begins with: key, version, correlation id.
const FIXED_HEADER_BYTES: usize = 8;

/// Room made at first for a frame that is written; most need no more.
const FRAME_BYTES_USUAL: usize = 256;

/// Elements of one array, whatever the frame's length. Far above any sensible request; it keeps a
/// frame of empty strings from growing thirtyfold in memory.
const ARRAY_ELEMENTS_MAX: usize = 100_000;

/// Unknown tagged fields of one structure.
const TAGGED_FIELDS_MAX: usize = 256;

/// The head of a request: what to answer, in which version, to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// The kind of request.
    pub api: ApiKey,
    /// The version of the request, and of the response to it.
    pub version: i16,
    /// Comes back with the response.
    pub correlation_id: i32,
    /// How the client calls itself.
    pub client_id: Option<StrBytes>,
}

/// Why a frame is not a request that we can serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No request is that short.
    #[error("frame of {length} bytes is shorter than the {FIXED_HEADER_BYTES} of a header")]
    TooShort {
        /// Bytes of the frame.
        length: usize,
    },
    /// A kind of request that we do not speak.
    #[error("unknown api key {key} in version {version}")]
    UnknownApi {
        /// The key on the wire.
        key: i16,
        /// The version on the wire.
        version: i16,
    },
    /// A version of ApiVersions that we do not speak: the one case with an answer, see
    /// [`RequestError::answer`].
    #[error("ApiVersions in version {version}; versions {min} to {max} are spoken")]
    UnsupportedApiVersions {
        /// The version on the wire.
        version: i16,
        /// The lowest version we speak.
        min: i16,
        /// The highest version we speak.
        max: i16,
        /// Names the request.
        correlation_id: i32,
    },
    /// A version that we do not speak.
    #[error("{api} in version {version}; versions {min} to {max} are spoken")]
    UnsupportedVersion {
        /// The kind of request.
        api: ApiKey,
        /// The version on the wire.
        version: i16,
        /// The lowest version we speak.
        min: i16,
        /// The highest version we speak.
        max: i16,
    },
    /// The bytes are not what the key and version promise.
    #[error("malformed {api} request in version {version}: {reason}")]
    Malformed {
        /// The kind of request.
        api: ApiKey,
        /// Its version.
        version: i16,
        /// What is wrong with it.
        reason: BodyError,
    },
}

/// Why a frame is not the response that was awaited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {api} response in version {version}: {reason}")]
pub struct ResponseError {
    /// What had been asked.
    pub api: ApiKey,
    /// In which version.
    pub version: i16,
    /// What is wrong with the answer.
    pub reason: BodyError,
}

/// Why a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The message says what its version cannot.
    #[error("cannot write {api} in version {version}: {reason}")]
    NotRepresentable {
        /// The kind of request.
        api: ApiKey,
        /// Its version.
        version: i16,
        /// What the version cannot say.
        reason: kafka_wire_core::EncodeError,
    },
    /// One of our own messages cannot be serialised.
    #[error("cannot write {api}: {reason}")]
    Own {
        /// The kind of request.
        api: ApiKey,
        /// What the serialiser says.
        reason: postcard::Error,
    },
    /// The frame is longer than its length can say.
    #[error("{api} takes {length} bytes, more than a frame can have")]
    TooLarge {
        /// The kind of request.
        api: ApiKey,
        /// Bytes of the frame.
        length: usize,
    },
}

impl RequestError {
    /// The answer that an ApiVersions request of an unknown version gets: version 0, error
    /// UNSUPPORTED_VERSION and the range to choose from (KIP-511). Every other error closes the
    /// connection.
    #[must_use]
    pub fn answer(&self) -> Option<(RequestHeader, Response)> {
        let &Self::UnsupportedApiVersions { min, max, correlation_id, .. } = self else {
            return None;
        };
        let api = ApiKey::ApiVersions;
        let header = RequestHeader { api, version: 0, correlation_id, client_id: None };
        let response = build(|response: &mut ApiVersionsResponse| {
            response.error_code = ErrorCode::UnsupportedVersion.code();
            response.api_keys = vec![version_range(api, (min, max))];
        });
        Some((header, Response::ApiVersions(response)))
    }
}

/// Reads a request out of a frame (without its length).
///
/// # Errors
/// The frame is no request that we serve. Only [`RequestError::answer`] says whether it gets an
/// answer.
pub fn decode_request(frame: Bytes) -> Result<(RequestHeader, Request), RequestError> {
    let length = frame.len();
    if length < FIXED_HEADER_BYTES {
        return Err(RequestError::TooShort { length });
    }
    let mut fixed = &frame[..FIXED_HEADER_BYTES];
    let (key, version, correlation_id) = (fixed.get_i16(), fixed.get_i16(), fixed.get_i32());
    let api = ApiKey::from_code(key).ok_or(RequestError::UnknownApi { key, version })?;
    let (min, max) = api.versions();
    if !api.supports(version) {
        return Err(if api == ApiKey::ApiVersions {
            RequestError::UnsupportedApiVersions { version, min, max, correlation_id }
        } else {
            RequestError::UnsupportedVersion { api, version, min, max }
        });
    }
    read_request(frame, api, version).map_err(|reason| RequestError::Malformed {
        api,
        version,
        reason,
    })
}

fn read_request(
    frame: Bytes,
    api: ApiKey,
    version: i16,
) -> Result<(RequestHeader, Request), BodyError> {
    let limits = limits(frame.len());
    let mut decoder = Decoder::new(frame, limits)?;
    let header_version = request_header_version(body::request_is_flexible(api, version));
    let header = WireRequestHeader::decode(&mut decoder, ApiVersion::new(header_version))?;
    let request = body::decode_request_body(api, version, decoder)?;
    let WireRequestHeader { correlation_id, client_id, .. } = header;
    Ok((RequestHeader { api, version, correlation_id, client_id }, request))
}

/// Writes the response to the request that `header` headed. Large record sets are referenced.
///
/// What the version cannot carry is left out where clients of that version do without it: hints
/// at the current leader and its address, the preferred replica, leader epochs of ListOffsets,
/// authorised operations. Records that are null become empty: old clients choke on null.
///
/// # Panics
/// If the response is not of the request's kind: only a handler's bug can do that.
///
/// # Errors
/// The response says what its version cannot say otherwise, or exceeds a frame.
pub fn encode_response(
    header: &RequestHeader,
    response: &Response,
) -> Result<FrameParts, EncodeError> {
    let RequestHeader { api, version, .. } = *header;
    assert_eq!(response.api(), api, "a request is answered by a response of its kind");
    let mut head = BytesMut::with_capacity(FRAME_BYTES_USUAL);
    build(|head: &mut WireResponseHeader| head.correlation_id = header.correlation_id)
        .encode_into(&mut head, ApiVersion::new(response_head_version(api, version)))
        .map_err(|reason| EncodeError::NotRepresentable { api, version, reason })?;
    let response = fit::fit(response, version);
    let frame = if let Response::Fetch(fetch) = response.as_ref() {
        fetch_parts::encode(fetch, version, head)
            .map_err(|reason| EncodeError::NotRepresentable { api, version, reason })?
    } else {
        body::encode_response_body(&response, version, &mut head)?;
        FrameParts::from(head.freeze())
    };
    bounded(api, frame.len())?;
    Ok(frame)
}

/// Writes a request as a frame (without its length).
///
/// # Errors
/// The request says what its version cannot, or exceeds a frame.
pub fn encode_request(
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    request: &Request,
) -> Result<Bytes, EncodeError> {
    let api = request.api();
    let mut frame = BytesMut::with_capacity(FRAME_BYTES_USUAL);
    let header = build(|header: &mut WireRequestHeader| {
        header.request_api_key = api.code();
        header.request_api_version = version;
        header.correlation_id = correlation_id;
        header.client_id = client_id.map(StrBytes::from);
    });
    let header_version = request_header_version(body::request_is_flexible(api, version));
    header
        .encode_into(&mut frame, ApiVersion::new(header_version))
        .map_err(|reason| EncodeError::NotRepresentable { api, version, reason })?;
    body::encode_request_body(request, version, &mut frame)?;
    bounded(api, frame.len())?;
    Ok(frame.freeze())
}

/// Reads the response to a request of kind `api` in `version`, and the correlation id it answers.
///
/// # Errors
/// The frame is no such response. Whether the request took effect is then unknown.
pub fn decode_response(
    api: ApiKey,
    version: i16,
    frame: Bytes,
) -> Result<(i32, Response), ResponseError> {
    read_response(api, version, frame).map_err(|reason| ResponseError { api, version, reason })
}

fn read_response(api: ApiKey, version: i16, frame: Bytes) -> Result<(i32, Response), BodyError> {
    let limits = limits(frame.len());
    let mut decoder = Decoder::new(frame, limits)?;
    let head_version = ApiVersion::new(response_head_version(api, version));
    let head = WireResponseHeader::decode(&mut decoder, head_version)?;
    Ok((head.correlation_id, body::decode_response_body(api, version, decoder)?))
}

fn response_head_version(api: ApiKey, version: i16) -> i16 {
    let flexible = body::response_is_flexible(api, version);
    response_header_version(WireKey::new(api.code()), ApiVersion::new(version), flexible)
}

/// What a frame of `length` bytes may claim.
fn limits(length: usize) -> DecodeLimits {
    build(|limits: &mut DecodeLimits| {
        limits.max_frame_bytes = length;
        limits.max_string_bytes = length;
        limits.max_bytes_bytes = length;
        limits.max_array_elements = length.min(ARRAY_ELEMENTS_MAX);
        limits.max_tagged_fields = TAGGED_FIELDS_MAX;
        limits.max_tag_bytes = length;
        limits.max_total_tag_bytes = length;
    })
}

fn bounded(api: ApiKey, length: usize) -> Result<(), EncodeError> {
    i32::try_from(length).map(|_| ()).map_err(|_| EncodeError::TooLarge { api, length })
}
