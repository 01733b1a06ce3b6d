//! LS3, *leader epochs*: the leader epoch cache of a replica is a function of its log: one entry per
//! epoch that owns a batch, at its first offset; besides those at most entries that own nothing, at
//! the log end. A leader begins its epoch where its log ends.
//!
//! Source: R2, R7, KAFKA-7415, KAFKA-10706. From outside only the last sentence shows; where the
//! cache itself is at hand, ask [`leader_epochs_match`].
//!
//! Exact equality would cry wolf: a leader that has appended nothing yet owns an entry without a
//! record, and keeps it as a follower until it appends or truncates.

use highwater::host::probe::{BatchId, Observation};
use highwater::types::{LeaderEpochCache, LeaderEpochEntry, Offset};

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Picture, What};

#[derive(Debug)]
pub(super) struct LeaderEpochs;

impl Invariant for LeaderEpochs {
    fn name(&self) -> &'static str {
        "LS3"
    }

    fn statement(&self) -> &'static str {
        "a replica's leader epochs follow from its log, and a leader's begins at its log end"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let What::Observed(Observation::BecameLeader { leader_epoch_start_offset, .. }) =
            change.what
        else {
            return Ok(());
        };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let end = replica.log.log_end_offset();
        if *leader_epoch_start_offset == end {
            return Ok(());
        }
        let what = format!(
            "leader {} says that its epoch begins at {leader_epoch_start_offset}, but its log ends \
             at {end}",
            change.broker()
        );
        Err(Violation::of(self.name(), partition, change, what))
    }
}

/// The leader epochs that own the batches of a log which begins at `log_start_offset`.
#[must_use]
pub fn epochs_of(batches: &[BatchId], log_start_offset: Offset) -> Vec<LeaderEpochEntry> {
    let mut entries: Vec<LeaderEpochEntry> = Vec::new();
    for batch in batches.iter().filter(|batch| batch.last_offset >= log_start_offset) {
        if entries.last().is_none_or(|last| last.epoch != batch.leader_epoch) {
            entries.push(LeaderEpochEntry {
                epoch: batch.leader_epoch,
                start_offset: batch.base_offset.max(log_start_offset),
            });
        }
    }
    entries
}

/// Whether a leader epoch cache fits a log of these batches between `start` and `end`.
///
/// # Errors
/// Says what the cache holds and what the log asks for.
pub fn leader_epochs_match(
    cache: &LeaderEpochCache,
    batches: &[BatchId],
    start: Offset,
    end: Offset,
) -> Result<(), String> {
    let due = epochs_of(batches, start);
    let held = cache.entries();
    let empty = held.get(due.len()..).unwrap_or_default();
    let fits = held.len() >= due.len()
        && held[..due.len()] == due[..]
        && empty.iter().all(|entry| entry.start_offset == end);
    if fits {
        return Ok(());
    }
    Err(format!("the leader epochs are {held:?}, the log of {start}..{end} asks for {due:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tale::{Tale, batch};

    #[test]
    fn an_epoch_that_does_not_begin_at_the_log_end_is_found() {
        let mut tale = Tale::begin();
        tale.replicate(1, &[2, 3], batch(0, 1, 7)).elect(2).lead(2, 2, 0);
        tale.breaks("LS3");
    }

    #[test]
    fn a_deposed_leader_may_be_ahead_of_the_new_epochs_beginning() {
        let mut tale = Tale::begin();
        tale.append(1, batch(0, 1, 7), true).elect(2).lead(2, 2, 0);
        tale.is_legal();
    }

    #[test]
    fn epochs_follow_from_batches() {
        let log = [batch(0, 1, 7), batch(1, 1, 8), batch(2, 4, 9)];
        let pairs: Vec<_> =
            epochs_of(&log, Offset(1)).iter().map(|e| (e.epoch.0, e.start_offset.0)).collect();
        assert_eq!(pairs, [(1, 1), (4, 2)]);
    }
}
