//! How far readers were behind: `worst-realtime-lag`, informative.
//!
//! No freshness is promised: a reader sees a prefix. Still it is worth knowing for how long a
//! record had been acknowledged when a reader was told that there was nothing more.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::history::{Key, Phase};

use super::Case;
use super::calls::Call;

/// A reader was behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lag {
    /// For how long the oldest record that it did not get had been acknowledged when it asked, in
    /// microseconds.
    pub behind_us: u64,
    /// The log.
    pub key: Key,
    /// The replica that answered.
    pub source: String,
    /// The index of the operation that acknowledged the record.
    pub acknowledged: u64,
    /// The index of the poll that did not return it.
    pub poll: u64,
}

/// Durably acknowledged offsets, each with the earliest acknowledgement at or after it.
pub(super) struct Acknowledged<'c, 'h> {
    case: &'c Case<'h>,
    logs: BTreeMap<&'h Key, Vec<(i64, usize)>>,
}

impl<'c, 'h> Acknowledged<'c, 'h> {
    pub(super) fn new(case: &'c Case<'h>) -> Self {
        let logs = case.ledger.logs.iter().map(|(key, log)| {
            let kept = log.sends.values().filter(|sent| case.kept(sent));
            let kept = kept.filter(|sent| sent.outcome == Phase::Ok);
            let offset = |call: usize| case.ledger.calls[call].last();
            let mut offsets: Vec<(i64, usize)> =
                kept.filter_map(|sent| Some((sent.offset?, offset(sent.call)))).collect();
            offsets.sort_unstable();
            let mut earliest = usize::MAX;
            for (_, moment) in offsets.iter_mut().rev() {
                earliest = earliest.min(*moment);
                *moment = earliest;
            }
            (*key, offsets)
        });
        Self { case, logs: logs.collect() }
    }

    /// How far behind this poll left its reader, given the last offset behind it per key.
    pub(super) fn lag<'p>(
        &self,
        call: &Call<'_>,
        source: &str,
        positions: impl Iterator<Item = (&'p Key, i64)>,
    ) -> Option<Lag> {
        let ledger = &self.case.ledger;
        let asked = ledger.time(call.began);
        let behind = positions.filter_map(|(key, behind)| {
            let offsets = self.logs.get(key)?;
            let next = offsets.partition_point(|(offset, _)| *offset <= behind);
            let (_, acknowledged) = offsets.get(next)?;
            // Who asked at that very time was not behind.
            let for_us = NonZeroU64::new(asked.checked_sub(ledger.time(*acknowledged))?)?;
            Some((for_us.get(), key, *acknowledged))
        });
        let (behind_us, key, acknowledged) = behind.max_by_key(|(behind_us, ..)| *behind_us)?;
        Some(Lag {
            behind_us,
            key: key.clone(),
            source: source.to_owned(),
            acknowledged: ledger.index(acknowledged),
            poll: ledger.index(call.last()),
        })
    }
}
