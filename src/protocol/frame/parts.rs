//! A frame to be sent as a list of pieces, so that records are referenced and not copied.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// A frame without its length, in pieces that belong one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameParts {
    parts: Vec<Bytes>,
}

impl FrameParts {
    pub(crate) fn new(parts: Vec<Bytes>) -> Self {
        Self { parts }
    }

    /// The pieces in order.
    #[must_use]
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// Bytes in all pieces together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The frame in one piece; copies only if there are several.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        if self.parts.len() == 1 {
            return self.parts.remove(0);
        }
        let mut whole = BytesMut::with_capacity(self.len());
        for part in &self.parts {
            whole.extend_from_slice(part);
        }
        whole.freeze()
    }

    /// The frame with its length in front, for `write_all_buf`: vectored, without a copy. `None`
    /// if the frame is longer than a length can say.
    #[must_use]
    pub fn into_buf(self) -> Option<FrameBuf> {
        let length = i32::try_from(self.len()).ok()?;
        let mut parts = VecDeque::with_capacity(self.parts.len() + 1);
        parts.push_back(Bytes::copy_from_slice(&length.to_be_bytes()));
        parts.extend(self.parts.into_iter().filter(|part| !part.is_empty()));
        Some(FrameBuf { parts })
    }
}

impl From<Bytes> for FrameParts {
    fn from(frame: Bytes) -> Self {
        Self { parts: vec![frame] }
    }
}

/// What is still to be sent of a frame, its length included.
#[derive(Clone, Debug)]
pub struct FrameBuf {
    /// None of them is empty.
    parts: VecDeque<Bytes>,
}

impl Buf for FrameBuf {
    fn remaining(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&[], |part| part)
    }

    fn advance(&mut self, mut sent: usize) {
        while sent > 0 {
            let front = self.parts.front_mut().expect("the caller advances within what remains");
            if sent < front.len() {
                front.advance(sent);
                return;
            }
            sent -= front.len();
            self.parts.pop_front();
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, part) in slices.iter_mut().zip(&self.parts) {
            *slice = IoSlice::new(part);
            filled += 1;
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_sent_whole_however_little_is_taken_at_a_time() {
        for step in 1..12 {
            let parts = [&b"head"[..], b"", b"records", b"tail"];
            let frame = FrameParts::new(parts.iter().map(|p| Bytes::copy_from_slice(p)).collect());
            let mut buf = frame.clone().into_buf().expect("short");
            let mut sent = Vec::new();
            while buf.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 2];
                let filled = buf.chunks_vectored(&mut slices);
                let first: Vec<u8> = slices[..filled].iter().flat_map(|s| s.to_vec()).collect();
                let taken = step.min(first.len());
                sent.extend_from_slice(&first[..taken]);
                buf.advance(taken);
            }
            assert_eq!(sent, b"\0\0\0\x0fheadrecordstail");
            assert_eq!(frame.into_bytes(), "headrecordstail");
        }
    }
}
