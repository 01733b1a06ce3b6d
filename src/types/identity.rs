//! Who is who: nodes, brokers, topics and their partitions.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::number;

number! {
    /// `node.id` of a process, whichever roles it plays.
    NodeId(i32)
}

number! {
    /// A node in its role as a broker: `node.id` again.
    BrokerId(i32)
}

impl From<BrokerId> for NodeId {
    fn from(broker: BrokerId) -> Self {
        Self(broker.0)
    }
}

impl From<NodeId> for BrokerId {
    fn from(node: NodeId) -> Self {
        Self(node.0)
    }
}

macro_rules! uuid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Makes an identity out of two random words.
            #[must_use]
            pub fn from_words(high: u64, low: u64) -> Self {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&high.to_be_bytes());
                bytes[8..].copy_from_slice(&low.to_be_bytes());
                Self(bytes)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();

            /// Reads what `Display` writes.
            fn from_str(text: &str) -> Result<Self, ()> {
                parse_base64_url(text).map(Self).ok_or(())
            }
        }

        impl fmt::Display for $name {
            /// URL-safe base64 without padding, 22 characters, as Kafka prints its UUIDs.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base64_url(self.0))
            }
        }
    };
}

uuid! {
    /// Identifies a topic across deletion and re-creation under the same name (KIP-516).
    TopicId
}

uuid! {
    /// Identifies one run of a broker process; two registrations with the same one are retries.
    ///
    /// Kafka draws all of its bits. Here the first half counts the runs on one data directory, so
    /// that a controller can tell which of two runs came first.
    Incarnation
}

impl Incarnation {
    /// Run number `run` of a broker on its data directory. `random` tells apart runs that were
    /// counted alike, because one of them started from a copy of the directory.
    #[must_use]
    pub fn of_run(run: u64, random: u64) -> Self {
        Self::from_words(run, random)
    }

    /// How many runs there have been on the data directory up to this one.
    #[must_use]
    pub fn run(self) -> u64 {
        u64::try_from(u128::from_be_bytes(self.0) >> 64).expect("half of the bits are left")
    }
}

uuid! {
    /// Identifies a log directory (KIP-858).
    DirectoryId
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64_url(bytes: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bytes);
    // 128 bits are 21 whole digits of six bits and one of two, which carries four zero bits.
    let mut text: String = (0..21)
        .map(|digit| {
            let index = (number >> (122 - 6 * digit)) & 0x3f;
            char::from(ALPHABET[usize::try_from(index).expect("six bits")])
        })
        .collect();
    let last = (number & 0x3) << 4;
    text.push(char::from(ALPHABET[usize::try_from(last).expect("six bits")]));
    text
}

fn parse_base64_url(text: &str) -> Option<[u8; 16]> {
    if text.len() != 22 {
        return None;
    }
    let mut number: u128 = 0;
    for (position, byte) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|known| *known == byte)?;
        let digit = u128::try_from(digit).ok()?;
        number = if position < 21 {
            (number << 6) | digit
        } else if digit & 0xf == 0 {
            (number << 2) | (digit >> 4)
        } else {
            return None;
        };
    }
    Some(number.to_be_bytes())
}

/// One partition of one topic. Its directory is named `topic-partition`, as in Kafka.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's index, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Names a partition.
    #[must_use]
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_print_as_kafka_prints_them() {
        assert_eq!(TopicId([0; 16]).to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(TopicId([0xff; 16]).to_string(), "_____________________w");
    }

    #[test]
    fn runs_are_told_apart_by_their_number() {
        let run = |number| Incarnation::of_run(number, 0x0123_4567_89ab_cdef);
        assert_eq!(run(7).run(), 7);
        assert_eq!(run(u64::MAX).run(), u64::MAX);
        assert!(run(7) < run(8));
    }

    #[test]
    fn uuids_are_read_as_they_are_printed() {
        let id = TopicId::from_words(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("short".parse::<TopicId>(), Err(()));
        assert_eq!("_____________________x".parse::<TopicId>(), Err(()), "stray bits");
    }
}
