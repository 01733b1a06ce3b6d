//! Which leader epoch begins where in a log (R2, R3; KIP-101, KIP-279).

use serde::{Deserialize, Serialize};

use super::{LeaderEpoch, Offset};

/// The first offset that was appended in a leader epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeaderEpochEntry {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// The offset of its first record, or the log end offset when the epoch began.
    pub start_offset: Offset,
}

/// Where a leader epoch ends: the answer of R3.
///
/// The epoch belongs to the answer. An offset alone is the mistake of KIP-101 that KIP-279 mends:
/// it is the largest epoch not above the one asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EpochEndOffset {
    /// The largest epoch known that is not above the one asked for.
    pub epoch: LeaderEpoch,
    /// One past its last record.
    pub end_offset: Offset,
}

/// The ordered list of (epoch, start offset) of one log; both strictly increase (R2).
///
/// ```
/// use highwater::types::{LeaderEpoch, LeaderEpochCache, Offset};
///
/// let mut epochs = LeaderEpochCache::default();
/// epochs.assign(LeaderEpoch(1), Offset(0));
/// epochs.assign(LeaderEpoch(4), Offset(20));
/// let end = epochs.end_offset(LeaderEpoch(2), Offset(25)).expect("epoch 4 is newer");
/// assert_eq!((end.epoch, end.end_offset), (LeaderEpoch(1), Offset(20)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderEpochCache {
    entries: Vec<LeaderEpochEntry>,
}

impl LeaderEpochCache {
    /// Records that `epoch` begins at `start_offset`, dropping every entry with an epoch at or
    /// above it or a start at or behind it. Does nothing if the epoch already goes on there: also
    /// if a later one was begun behind it that never got a record, as when a leader of one moment
    /// follows again and fetches more of what came before its own epoch.
    pub fn assign(&mut self, epoch: LeaderEpoch, start_offset: Offset) {
        self.entries.retain(|entry| {
            entry.start_offset < start_offset
                || (entry.epoch == epoch && entry.start_offset == start_offset)
        });
        if self.latest() == Some(epoch) {
            return;
        }
        self.entries.retain(|entry| entry.epoch < epoch);
        self.entries.push(LeaderEpochEntry { epoch, start_offset });
    }

    /// Drops every entry that starts at or behind `end_offset`. Runs also if the log itself needed
    /// no cut (KAFKA-10706).
    pub fn truncate_end(&mut self, end_offset: Offset) {
        self.entries.retain(|entry| entry.start_offset < end_offset);
    }

    /// Drops the entries wholly below `start_offset` and re-bases the one it falls into.
    pub fn truncate_start(&mut self, start_offset: Offset) {
        let floor = self.entries.iter().rposition(|entry| entry.start_offset <= start_offset);
        if let Some(floor) = floor {
            self.entries.drain(..floor);
            self.entries[0].start_offset = start_offset;
        }
    }

    /// Where `asked` ends in a log that ends at `log_end_offset` (R3). `None` is UNDEFINED: the
    /// cache is empty, or the asker is from this log's future.
    #[must_use]
    pub fn end_offset(&self, asked: LeaderEpoch, log_end_offset: Offset) -> Option<EpochEndOffset> {
        let newest = self.entries.last()?;
        if asked == newest.epoch {
            return Some(EpochEndOffset { epoch: asked, end_offset: log_end_offset });
        }
        let higher = self.entries.iter().position(|entry| entry.epoch > asked)?;
        let end_offset = self.entries[higher].start_offset;
        let epoch = if higher == 0 { asked } else { self.entries[higher - 1].epoch };
        Some(EpochEndOffset { epoch, end_offset })
    }

    /// The newest epoch, whether or not it owns records.
    #[must_use]
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// The epoch of the record at `offset`, if the cache reaches down to it.
    #[must_use]
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.start_offset <= offset)
            .map(|entry| entry.epoch)
    }

    /// The epoch of the last record of a log that ends at `log_end_offset`: what a follower sends
    /// as `last_fetched_epoch` (R9). An epoch that owns no record yet does not count.
    #[must_use]
    pub fn last_fetched_epoch(&self, log_end_offset: Offset) -> Option<LeaderEpoch> {
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.start_offset < log_end_offset)
            .map(|entry| entry.epoch)
    }

    /// The entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[LeaderEpochEntry] {
        &self.entries
    }

    /// Forgets everything, as when the whole log is deleted.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(i32, i64)]) -> LeaderEpochCache {
        let mut cache = LeaderEpochCache::default();
        for &(epoch, start) in entries {
            cache.assign(LeaderEpoch(epoch), Offset(start));
        }
        cache
    }

    fn pairs(cache: &LeaderEpochCache) -> Vec<(i32, i64)> {
        cache.entries().iter().map(|e| (e.epoch.0, e.start_offset.0)).collect()
    }

    #[test]
    fn assigning_an_epoch_drops_what_it_contradicts() {
        let mut epochs = cache(&[(1, 0), (3, 10), (5, 20)]);
        epochs.assign(LeaderEpoch(4), Offset(15));
        assert_eq!(pairs(&epochs), [(1, 0), (3, 10), (4, 15)]);
        epochs.assign(LeaderEpoch(6), Offset(15));
        assert_eq!(
            pairs(&epochs),
            [(1, 0), (3, 10), (6, 15)],
            "an epoch without records gives way"
        );
    }

    #[test]
    fn an_older_epoch_goes_on_where_a_newer_one_got_no_record() {
        let mut epochs = cache(&[(1, 0), (2, 3)]);
        epochs.assign(LeaderEpoch(1), Offset(3));
        assert_eq!(pairs(&epochs), [(1, 0)]);
    }

    #[test]
    fn the_end_of_an_epoch_follows_the_five_cases() {
        let epochs = cache(&[(2, 5), (4, 20)]);
        let end = |asked| {
            epochs.end_offset(LeaderEpoch(asked), Offset(30)).map(|e| (e.epoch.0, e.end_offset.0))
        };
        assert_eq!(end(4), Some((4, 30)), "the newest epoch ends at the log end");
        assert_eq!(end(5), None, "an epoch from the future");
        assert_eq!(end(1), Some((1, 5)), "older than everything known");
        assert_eq!(end(3), Some((2, 20)), "the largest epoch at or below");
        assert_eq!(LeaderEpochCache::default().end_offset(LeaderEpoch(0), Offset(0)), None);
    }

    #[test]
    fn cutting_the_log_cuts_the_epochs() {
        let mut epochs = cache(&[(1, 0), (3, 10), (5, 20)]);
        epochs.truncate_end(Offset(20));
        assert_eq!(pairs(&epochs), [(1, 0), (3, 10)]);
        epochs.truncate_start(Offset(12));
        assert_eq!(pairs(&epochs), [(3, 12)]);
    }

    #[test]
    fn an_epoch_without_records_is_not_the_last_fetched_one() {
        let epochs = cache(&[(1, 0), (3, 10)]);
        assert_eq!(epochs.last_fetched_epoch(Offset(10)), Some(LeaderEpoch(1)));
        assert_eq!(epochs.last_fetched_epoch(Offset(11)), Some(LeaderEpoch(3)));
        assert_eq!(epochs.latest(), Some(LeaderEpoch(3)));
    }
}
