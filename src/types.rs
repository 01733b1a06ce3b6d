//! The words of the house: one newtype and one definition per term, in Kafka's vocabulary.
//!
//! Every number that crosses a function is one of these, so that an offset cannot be passed for
//! an epoch. An offset bound is exclusive: record `o` is committed when `o < high_watermark`.

mod identity;
mod leader_epochs;
mod markers;
mod metadata;
mod split_mix;

pub use identity::{BrokerId, DirectoryId, Incarnation, NodeId, TopicId, TopicPartition};
pub use leader_epochs::{EpochEndOffset, LeaderEpochCache, LeaderEpochEntry};
pub use markers::LogMarkers;
pub use metadata::{
    BrokerRecord, ControllerRecord, MetadataOffset, MetadataRecord, PartitionRecord, RecoveryState,
    TopicRecord,
};
pub use split_mix::SplitMix;

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }
    };
}
pub(crate) use number;

number! {
    /// The number of a record in its partition's log, from 0. As a bound it is exclusive.
    Offset(i64)
}

number! {
    /// Numbers the reigns of a partition's leaders; grows at every record that names a leader.
    LeaderEpoch(i32)
}

number! {
    /// Numbers the versions of a partition's registration; the compare-and-set key of
    /// AlterPartition (KIP-497).
    PartitionEpoch(i32)
}

number! {
    /// Numbers a broker's registrations: the metadata offset of the record that registered it.
    BrokerEpoch(i64)
}

number! {
    /// Identifies an idempotent producer (KIP-98); -1 on batches that are not idempotent.
    ProducerId(i64)
}

number! {
    /// Fences earlier incarnations of a producer id; -1 on batches that are not idempotent.
    ProducerEpoch(i16)
}

number! {
    /// An idempotent producer's record counter per partition; wraps from 2^31-1 to 0.
    Sequence(i32)
}

number! {
    /// Milliseconds of a host's monotonic clock. Two hosts' readings are not comparable.
    Millis(u64)
}

impl Offset {
    /// The first offset of a log that never lost its head.
    pub const ZERO: Self = Self(0);

    /// The offset `records` further on.
    #[must_use]
    pub fn plus(self, records: i64) -> Self {
        Self(self.0 + records)
    }
}

impl LeaderEpoch {
    /// The epoch of a partition in which nobody has led yet.
    pub const ZERO: Self = Self(0);
}

impl ProducerId {
    /// The id of a batch whose producer is not idempotent.
    pub const NONE: Self = Self(-1);
}

impl Sequence {
    /// The sequence `records` further on, wrapping from 2^31-1 to 0 (R28).
    #[must_use]
    pub fn plus(self, records: i32) -> Self {
        let sum = i64::from(self.0) + i64::from(records);
        let wrapped = sum.rem_euclid(i64::from(i32::MAX) + 1);
        Self(i32::try_from(wrapped).expect("a remainder of 2^31 fits in an i32"))
    }
}

impl Add<std::time::Duration> for Millis {
    type Output = Self;

    fn add(self, after: std::time::Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Millis {
    type Output = std::time::Duration;

    /// How long after `earlier` this is; zero if it is not.
    fn sub(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// When a produce request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Acks {
    /// `acks=0`: never; the producer does not wait.
    None,
    /// `acks=1`: when the leader has appended the records.
    Leader,
    /// `acks=all` (-1): when the records are committed.
    All,
}

impl Acks {
    /// The value on the wire.
    #[must_use]
    pub fn as_i16(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }

    /// Reads the value on the wire; `None` for anything but 0, 1 and -1.
    #[must_use]
    pub fn from_i16(value: i16) -> Option<Self> {
        match value {
            0 => Some(Self::None),
            1 => Some(Self::Leader),
            -1 => Some(Self::All),
            _ => None,
        }
    }
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "0",
            Self::Leader => "1",
            Self::All => "all",
        })
    }
}
