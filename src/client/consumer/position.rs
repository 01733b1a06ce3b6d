//! Where a consumer stands in one partition.

use crate::types::{BrokerId, LeaderEpoch, Millis, Offset};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Of the next record to read.
    pub(super) offset: Offset,
    /// The epoch of the last record read; `None` before the first.
    pub(super) last_epoch: Option<LeaderEpoch>,
    /// The reign in which the position is known to lie on the leader's log (KIP-320).
    pub(super) valid_in: Option<LeaderEpoch>,
    /// The replica that the leader advises to read from, and until when.
    pub(super) preferred: Option<(BrokerId, Millis)>,
    /// The broker that the caller wants to read from.
    pub(super) pinned: Option<BrokerId>,
    /// As of the last answer.
    pub(super) high_watermark: Option<Offset>,
}

impl Position {
    pub(super) fn at(offset: Offset) -> Self {
        Self {
            offset,
            last_epoch: None,
            valid_in: None,
            preferred: None,
            pinned: None,
            high_watermark: None,
        }
    }

    /// The replica to read from instead of the leader.
    pub(super) fn replica(&self, now: Millis) -> Option<BrokerId> {
        let advised = self.preferred.filter(|&(_, until)| now < until).map(|(broker, _)| broker);
        self.pinned.or(advised)
    }

    /// The epoch to ask the leader about before reading on in the reign `current`, if any.
    pub(super) fn epoch_to_validate(&self, current: Option<LeaderEpoch>) -> Option<LeaderEpoch> {
        if current.is_none() || current == self.valid_in {
            return None;
        }
        self.last_epoch
    }
}
