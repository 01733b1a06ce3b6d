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

    /// The position lies on the log of the reign `current`. Advice that an earlier leader gave is
    /// void: it did not know the in-sync set of this one.
    pub(super) fn lead_by(&mut self, current: Option<LeaderEpoch>) {
        if current != self.valid_in {
            self.preferred = None;
        }
        self.valid_in = current;
    }

    /// The epoch to ask the leader about before reading on in the reign `current`, if any.
    pub(super) fn epoch_to_validate(&self, current: Option<LeaderEpoch>) -> Option<LeaderEpoch> {
        if current.is_none() || current == self.valid_in {
            return None;
        }
        self.last_epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_ends_with_its_lease_or_with_the_reign() {
        let mut position = Position::at(Offset(0));
        position.lead_by(Some(LeaderEpoch(1)));
        position.preferred = Some((BrokerId(2), Millis(300)));
        position.lead_by(Some(LeaderEpoch(1)));
        assert_eq!(position.replica(Millis(299)), Some(BrokerId(2)));
        assert_eq!(position.replica(Millis(300)), None);
        position.lead_by(Some(LeaderEpoch(2)));
        assert_eq!(position.replica(Millis(0)), None);
    }
}
