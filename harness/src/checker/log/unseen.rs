//! What was acknowledged and not yet read, over time: the `unseen` series, informative.
//!
//! During a run, unread is merely late. How the backlog grows under a fault and melts away after
//! it tells more than one number at the end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::history::{Key, Phase};

use super::Case;

/// The most moments of a series, besides the last.
const MOMENTS_MAX: usize = 240;

/// How many values were acknowledged and not yet read at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// Virtual time in microseconds since the run began.
    pub time: u64,
    /// By log; only logs with such values.
    pub values: BTreeMap<Key, u64>,
}

/// Samples the backlog at moments spread evenly over the history, and at its end.
pub(super) fn series(case: &Case<'_>) -> Vec<Unseen> {
    let mut changes: Vec<(usize, &Key, bool)> = Vec::new();
    for (key, log) in &case.ledger.logs {
        for (value, sent) in log.sends.iter().filter(|(_, sent)| sent.outcome == Phase::Ok) {
            let acknowledged = case.ledger.calls[sent.call].last();
            let read = log.first_ok(*value, sent);
            // What was read before its producer heard of it was never unseen.
            if read.is_none_or(|read| read > acknowledged) {
                changes.push((acknowledged, key, true));
                changes.extend(read.map(|read| (read, *key, false)));
            }
        }
    }
    changes.sort_unstable();
    let Some((last, ..)) = changes.last() else {
        return Vec::new();
    };
    let stride = last / MOMENTS_MAX + 1;
    let mut now = Unseen::default();
    let mut series = Vec::new();
    for (at, (moment, key, more)) in changes.iter().enumerate() {
        let count = now.values.entry((*key).clone()).or_default();
        *count = if *more { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            now.values.remove(*key);
        }
        let next = changes.get(at + 1).map(|(next, ..)| *next);
        if next.is_none_or(|next| next / stride > moment / stride) {
            now.time = case.ledger.time(*moment);
            series.push(now.clone());
        }
    }
    series
}
