//! Cuts a byte stream into Kafka's frames, as far as it takes to name them.
//!
//! A frame is its length in four bytes and so many bytes. A request begins with its kind, its
//! version and its correlation id, an answer with the correlation id of its request.

/// As much of a frame as is looked at: length, kind, version, correlation id.
const HEAD: usize = 12;

/// What is looked at of an answer: length and correlation id.
const ANSWER_HEAD: usize = 8;

/// One direction of one stream.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    head: Vec<u8>,
    /// How many bytes of the frame are to come, once its head is known.
    rest: Option<usize>,
    is_answer: bool,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A request of this kind.
    Request { api: i16, correlation_id: i32 },
    /// The answer to the request with this id.
    Answer { correlation_id: i32 },
}

impl Frames {
    pub(super) fn new(is_answer: bool) -> Self {
        Self { head: Vec::new(), rest: None, is_answer }
    }

    /// Takes in the next bytes, and says which frames' heads became known by them.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Vec<Head> {
        let mut heads = Vec::new();
        while !bytes.is_empty() {
            if let Some(rest) = &mut self.rest {
                let skipped = bytes.len().min(*rest);
                bytes = &bytes[skipped..];
                *rest -= skipped;
                if *rest == 0 {
                    self.rest = None;
                }
                continue;
            }
            let wanted = if self.is_answer { ANSWER_HEAD } else { HEAD };
            let taken = bytes.len().min(wanted - self.head.len());
            self.head.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.head.len() == wanted {
                heads.push(self.begin());
            }
        }
        heads
    }

    fn begin(&mut self) -> Head {
        let number = |at: usize| {
            let bytes = [self.head[at], self.head[at + 1], self.head[at + 2], self.head[at + 3]];
            i32::from_be_bytes(bytes)
        };
        // A length that cannot be (the stream is not Kafka's) is taken for the shortest.
        let length = usize::try_from(number(0)).unwrap_or_default();
        let rest = (length + 4).saturating_sub(self.head.len());
        let head = if self.is_answer {
            Head::Answer { correlation_id: number(4) }
        } else {
            let api = i16::from_be_bytes([self.head[4], self.head[5]]);
            Head::Request { api, correlation_id: number(8) }
        };
        self.rest = (rest > 0).then_some(rest);
        self.head.clear();
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(api: i16, correlation_id: i32, body: usize) -> Vec<u8> {
        let length = i32::try_from(8 + body).unwrap();
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(api.to_be_bytes());
        bytes.extend([0, 7]);
        bytes.extend(correlation_id.to_be_bytes());
        bytes.resize(bytes.len() + body, 0xff);
        bytes
    }

    #[test]
    fn frames_are_named_wherever_the_stream_is_cut() {
        let bytes = [request(1, 10, 30), request(0, 11, 0), request(18, 12, 5)].concat();
        let expected = [(1, 10), (0, 11), (18, 12)]
            .map(|(api, correlation_id)| Head::Request { api, correlation_id });
        for piece in 1..=bytes.len() {
            let mut frames = Frames::new(false);
            let heads: Vec<Head> =
                bytes.chunks(piece).flat_map(|chunk| frames.take(chunk)).collect();
            assert_eq!(heads, expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn an_answer_is_named_by_its_request() {
        let mut frames = Frames::new(true);
        let bytes = [0, 0, 0, 6, 0, 0, 0, 9, 1, 1, 0, 0, 0, 4, 0, 0, 0, 10];
        let expected = [9, 10].map(|correlation_id| Head::Answer { correlation_id });
        assert_eq!(frames.take(&bytes), expected);
    }

    #[test]
    fn what_is_no_frame_is_no_trouble() {
        let mut frames = Frames::new(false);
        assert_eq!(frames.take(&[0xff; 100]).len(), 8);
    }
}
