//! Frames: a four-byte length, then that many bytes.
//!
//! A length is the first thing a stranger may lie about. So the limit is checked before anything
//! is read, and the buffer grows with what has arrived, not with what was announced.

mod parts;

pub use parts::{FrameBuf, FrameParts};

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// Bytes of the length in front of a frame.
const LENGTH_BYTES: usize = 4;

/// Kafka's default of `socket.request.max.bytes`.
pub const FRAME_BYTES_MAX: usize = 100 * 1024 * 1024;

/// How far the buffer may grow beyond what has arrived of a frame.
const RESERVE_BYTES: usize = 64 * 1024;

/// Cuts a byte stream into frames, and puts lengths in front of frames.
#[derive(Clone, Copy, Debug)]
pub struct FrameCodec {
    limit: usize,
}

/// Why a stream of frames cannot go on. The connection must be closed.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream failed or ended inside a frame.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The length is negative: this is no peer of ours.
    #[error("frame length {length} is negative; at most {limit} bytes are allowed")]
    Negative {
        /// What was announced.
        length: i32,
        /// What is allowed.
        limit: usize,
    },
    /// The frame exceeds `socket.request.max.bytes`.
    #[error("frame of {length} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// What was announced, or is to be sent.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
}

impl FrameCodec {
    /// Frames of up to `limit` bytes, the length not counted (`socket.request.max.bytes`).
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit }
    }

    fn announced(&self, length: i32) -> Result<usize, FrameError> {
        let Ok(length) = usize::try_from(length) else {
            return Err(FrameError::Negative { length, limit: self.limit });
        };
        if length > self.limit {
            return Err(FrameError::TooLarge { length, limit: self.limit });
        }
        Ok(length)
    }
}

impl Decoder for FrameCodec {
    type Item = Bytes;
    type Error = FrameError;

    /// One frame without its length, or `None` while it is incomplete.
    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(mut head) = source.get(..LENGTH_BYTES) else {
            return Ok(None);
        };
        let length = self.announced(head.get_i32())?;
        let missing = (LENGTH_BYTES + length).saturating_sub(source.len());
        if missing > 0 {
            source.reserve(missing.min(RESERVE_BYTES));
            return Ok(None);
        }
        source.advance(LENGTH_BYTES);
        Ok(Some(source.split_to(length).freeze()))
    }
}

impl Encoder<FrameParts> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, frame: FrameParts, target: &mut BytesMut) -> Result<(), FrameError> {
        let too_large = || FrameError::TooLarge { length: frame.len(), limit: self.limit };
        if frame.len() > self.limit {
            return Err(too_large());
        }
        let length = i32::try_from(frame.len()).map_err(|_| too_large())?;
        target.reserve(LENGTH_BYTES + frame.len());
        target.put_i32(length);
        for part in frame.parts() {
            target.extend_from_slice(part);
        }
        Ok(())
    }
}

impl Encoder<Bytes> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, frame: Bytes, target: &mut BytesMut) -> Result<(), FrameError> {
        self.encode(FrameParts::from(frame), target)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_all(codec: &mut FrameCodec, bytes: &[u8], chunk: usize) -> Vec<Bytes> {
        let mut source = BytesMut::new();
        let mut frames = Vec::new();
        for part in bytes.chunks(chunk) {
            source.extend_from_slice(part);
            while let Some(frame) = codec.decode(&mut source).expect("lengths within the limit") {
                frames.push(frame);
            }
        }
        frames
    }

    #[test]
    fn an_announced_giant_is_refused_before_a_byte_is_reserved() {
        let mut codec = FrameCodec::new(1000);
        let mut source = BytesMut::from(&1001_i32.to_be_bytes()[..]);
        let refused = codec.decode(&mut source).expect_err("over the limit");
        assert_eq!(refused.to_string(), "frame of 1001 bytes exceeds the limit of 1000 bytes");
        let mut source = BytesMut::from(&(-7_i32).to_be_bytes()[..]);
        let refused = codec.decode(&mut source).expect_err("negative");
        assert_eq!(
            refused.to_string(),
            "frame length -7 is negative; at most 1000 bytes are allowed"
        );
    }

    #[test]
    fn the_buffer_grows_with_what_arrived_and_not_with_what_was_announced() {
        let mut codec = FrameCodec::new(FRAME_BYTES_MAX);
        let mut source = BytesMut::new();
        source.put_i32(i32::try_from(FRAME_BYTES_MAX).expect("100 MiB fit"));
        assert!(codec.decode(&mut source).expect("the limit itself is allowed").is_none());
        assert!(source.capacity() <= 2 * RESERVE_BYTES, "reserved {}", source.capacity());
    }

    #[test]
    fn a_frame_over_the_limit_is_not_sent() {
        let mut codec = FrameCodec::new(3);
        let mut target = BytesMut::new();
        let refused = codec.encode(Bytes::from_static(b"four"), &mut target);
        assert!(matches!(refused, Err(FrameError::TooLarge { length: 4, limit: 3 })));
        assert!(target.is_empty(), "no half frame is left behind");
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_the_stream_is_cut(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            chunk in 1_usize..50,
        ) {
            let mut codec = FrameCodec::new(100);
            let mut stream = BytesMut::new();
            for frame in &frames {
                codec.encode(Bytes::from(frame.clone()), &mut stream).expect("small");
            }
            prop_assert_eq!(decode_all(&mut codec, &stream, chunk), frames);
        }

        #[test]
        fn random_streams_end_in_a_frame_or_an_error_and_never_in_a_panic(
            stream in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut codec = FrameCodec::new(64);
            let mut source = BytesMut::from(&stream[..]);
            while let Ok(Some(frame)) = codec.decode(&mut source) {
                prop_assert!(frame.len() <= 64);
            }
        }
    }
}
