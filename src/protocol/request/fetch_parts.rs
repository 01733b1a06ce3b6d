//! A Fetch response in pieces, so that records go from the log to the socket without a copy.
//!
//! The generated encoder writes into one buffer. A response's record sets are its bulk, and each
//! is the last field of its partition: so the parts around them are written by the encoder, and
//! the record sets themselves are put in between.
//!
//! ```text
//! [throttle .. partition fields .. records length] [records] [tags .. next partition ..] ..
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use kafka_wire::KafkaMessage;
use kafka_wire_core::{ApiVersion, EncodeError, Encoder, KafkaEncode};

use crate::protocol::frame::FrameParts;
use crate::protocol::messages::FetchResponse;
use crate::protocol::messages::build;
use crate::protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};

/// Record sets below this are copied: a piece of their own would cost more.
const REFERENCED_BYTES_MIN: usize = 512;

/// Bytes of an empty compact array, of null compact bytes, and of a tag section without tags.
const EMPTY_COMPACT_BYTES: usize = 1;

/// Bytes of a plain array's count and of a plain length.
const PLAIN_LENGTH_BYTES: usize = 4;

/// The response in pieces, behind what `head` already holds.
pub(super) fn encode(
    response: &FetchResponse,
    version: i16,
    head: BytesMut,
) -> Result<FrameParts, EncodeError> {
    let mut pieces = Pieces { version, finished: Vec::new(), open: head };
    // Everything but the topics, as the encoder writes it; the topics belong into its middle.
    let around = build(|around: &mut FetchResponse| {
        around.throttle_time_ms = response.throttle_time_ms;
        around.error_code = response.error_code;
        around.session_id = response.session_id;
        around.node_endpoints.clone_from(&response.node_endpoints);
        around.unknown_tagged_fields = response.unknown_tagged_fields.clone();
    })
    .encode_to_bytes(ApiVersion::new(version))?;
    let before = if version >= 7 { 10 } else { 4 };
    pieces.open.extend_from_slice(&around[..before]);
    pieces.count(response.responses.len())?;
    for topic in &response.responses {
        pieces.topic(topic)?;
    }
    pieces.open.extend_from_slice(&around[before + pieces.empty_array_bytes()..]);
    Ok(pieces.finish())
}

struct Pieces {
    version: i16,
    finished: Vec<Bytes>,
    /// What will be the next piece.
    open: BytesMut,
}

impl Pieces {
    fn is_flexible(&self) -> bool {
        FetchResponse::is_flexible(ApiVersion::new(self.version))
    }

    fn empty_array_bytes(&self) -> usize {
        if self.is_flexible() { EMPTY_COMPACT_BYTES } else { PLAIN_LENGTH_BYTES }
    }

    /// An array's count or a record set's length.
    fn count(&mut self, count: usize) -> Result<(), EncodeError> {
        let overflow = |_| EncodeError::LengthOverflow {
            kind: "fetch response",
            length: count,
            maximum: 0x7fff_ffff,
        };
        let plain = i32::try_from(count).map_err(overflow)?;
        if self.is_flexible() {
            let compact = u32::try_from(count).map_err(overflow)? + 1;
            Encoder::new(&mut self.open).write_unsigned_varint(compact)
        } else {
            self.open.put_i32(plain);
            Ok(())
        }
    }

    fn topic(&mut self, topic: &FetchableTopicResponse) -> Result<(), EncodeError> {
        let mut encoder = Encoder::new(&mut self.open);
        match self.version {
            13.. => encoder.write_raw_slice(topic.topic_id.as_bytes())?,
            12 => encoder.write_compact_string(&topic.topic)?,
            _ => encoder.write_string(&topic.topic)?,
        }
        self.count(topic.partitions.len())?;
        for partition in &topic.partitions {
            self.partition(partition)?;
        }
        if self.is_flexible() {
            Encoder::new(&mut self.open).write_tagged_fields(&topic.unknown_tagged_fields)?;
        }
        Ok(())
    }

    fn partition(&mut self, partition: &PartitionData) -> Result<(), EncodeError> {
        let version = ApiVersion::new(self.version);
        let records = match &partition.records {
            Some(records) if records.len() >= REFERENCED_BYTES_MIN => records,
            Some(_) | None => {
                return partition.encode_into(&mut self.open, version).map(|_| ());
            }
        };
        let mut around = partition.clone();
        around.records = None;
        let bytes = around.encode_to_bytes(version)?;
        let (before, tags) = if self.is_flexible() {
            // Without tags the last two bytes are null records and an empty tag section.
            around.diverging_epoch = Default::default();
            around.current_leader = Default::default();
            around.snapshot_id = Default::default();
            around.unknown_tagged_fields = Default::default();
            let before = around.encoded_len(version)? - 2 * EMPTY_COMPACT_BYTES;
            (before, before + EMPTY_COMPACT_BYTES)
        } else {
            (bytes.len() - PLAIN_LENGTH_BYTES, bytes.len())
        };
        self.open.extend_from_slice(&bytes[..before]);
        self.count(records.len())?;
        self.finished.push(self.open.split().freeze());
        self.finished.push(records.clone());
        self.open.extend_from_slice(&bytes[tags..]);
        Ok(())
    }

    fn finish(mut self) -> FrameParts {
        if !self.open.is_empty() {
            self.finished.push(self.open.freeze());
        }
        FrameParts::new(self.finished)
    }
}
