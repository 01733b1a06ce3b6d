//! Durations in files: whole milliseconds, which people and other programs can read.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a duration; what does not fit 64 bits becomes the largest number.
///
/// # Errors
/// Whatever the serializer fails with.
pub fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).serialize(to)
}

/// Reads a duration.
///
/// # Errors
/// It is not a whole number.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_millis)
}

/// The same for a duration that may be missing.
pub mod optional {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    /// As [`super::serialize`]; `None` is null.
    ///
    /// # Errors
    /// Whatever the serializer fails with.
    pub fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).serialize(to)
    }

    /// As [`super::deserialize`].
    ///
    /// # Errors
    /// It is neither null nor a whole number.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}
