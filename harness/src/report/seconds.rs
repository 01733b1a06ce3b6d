//! Durations in JSON: a number of seconds, which every tool can read and plot.
//!
//! For `#[serde(with = "..")]`. Exact to the nanosecond up to some fifty simulated days.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

pub(crate) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Timed {
        #[serde(with = "super")]
        at: Duration,
    }

    proptest! {
        #[test]
        fn seconds_come_back_as_they_went(nanos in 0_u64..4_000_000_000_000_000) {
            let timed = Timed { at: Duration::from_nanos(nanos) };
            let json = serde_json::to_string(&timed).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timed>(&json).unwrap(), timed);
        }
    }

    #[test]
    fn seconds_that_are_no_duration_are_refused() {
        for json in ["{\"at\":-1.0}", "{\"at\":1e300}", "{\"at\":\"soon\"}"] {
            assert!(serde_json::from_str::<Timed>(json).is_err(), "{json}");
        }
    }
}
