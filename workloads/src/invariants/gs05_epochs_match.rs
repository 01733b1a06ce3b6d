//! GS5, *epoch matching*: for any two logs ever and any offset o,
//! `epoch(log(a)[o]) = epoch(log(b)[o]) ⇒ log(a)[..=o] = log(b)[..=o]`; and epochs never fall along
//! a log.
//!
//! Source: Raft's log matching, since a leader epoch has one leader (GS9) and a leader never rewrites
//! its own epoch. Catches a wrong truncation at the first batch appended behind it, before any high
//! watermark covers it.
//!
//! Each batch is compared with the first one ever seen at its place (epoch, base offset), and so is
//! the place of the batch before it; by induction everything before is equal too. It would cry wolf
//! to demand a predecessor of the first batch of a log whose head was deleted.

use highwater::host::probe::{BatchId, Observation};

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Partition, Picture, What, same_batch};

#[derive(Debug)]
pub(super) struct EpochsMatch;

impl Invariant for EpochsMatch {
    fn name(&self) -> &'static str {
        "GS5"
    }

    fn statement(&self) -> &'static str {
        "two logs with the same leader epoch at the same offset are equal up to there"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let from = match change.what {
            What::Observed(Observation::Appended { .. }) => None,
            What::Observed(Observation::LogOpened { .. }) => Some(()),
            What::Observed(_) | What::Started | What::Stopped(_) | What::DiskHarmed => {
                return Ok(());
            }
        };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let batches = replica.log.batches();
        let first = match from {
            None => batches.len().saturating_sub(1),
            Some(()) => {
                let survived_to = replica.opening.map(|opening| opening.survived_to);
                batches.partition_point(|batch| Some(batch.base_offset) < survived_to)
            }
        };
        for index in first..batches.len() {
            let before = index.checked_sub(1).map(|index| &batches[index]);
            if let Some(what) = contradiction(partition, &batches[index], before) {
                let what = format!("broker {} holds {:?}, {what}", change.broker(), batches[index]);
                return Err(Violation::of(self.name(), partition, change, what));
            }
        }
        Ok(())
    }
}

/// What about `batch`, which follows `before` in some log, contradicts what was ever seen.
fn contradiction(
    partition: &Partition,
    batch: &BatchId,
    before: Option<&BatchId>,
) -> Option<String> {
    let lineage = partition.lineage();
    if let Some(before) = before {
        if before.leader_epoch > batch.leader_epoch {
            return Some(format!("behind one of the newer epoch {}", before.leader_epoch));
        }
        let place = (before.leader_epoch, before.base_offset);
        if let Some(known) = lineage.before(batch).filter(|known| *known != place) {
            return Some(format!(
                "behind offset {} of epoch {}; elsewhere it follows offset {} of epoch {}",
                place.1, place.0, known.1, known.0
            ));
        }
    }
    if let Some(first) = lineage.first_seen(batch).filter(|first| !same_batch(first, batch)) {
        return Some(format!("where {first:?} was first seen"));
    }
    lineage.overlapping(batch).map(|other| format!("which overlaps {other:?} of the same epoch"))
}

#[cfg(test)]
mod tests {
    use crate::picture::tale::{Tale, batch};

    #[test]
    fn two_records_at_one_place_are_found() {
        let mut tale = Tale::begin();
        tale.append(1, batch(0, 1, 7), true).append(2, batch(0, 1, 8), false);
        tale.breaks("GS5");
    }

    #[test]
    fn a_record_behind_another_past_is_found() {
        let mut tale = Tale::begin();
        tale.append(1, batch(0, 1, 7), true);
        tale.elect(2);
        tale.lead(2, 2, 0).append(2, batch(0, 2, 8), true).append(2, batch(1, 2, 9), true);
        tale.append(1, batch(1, 2, 9), false);
        tale.breaks("GS5");
    }

    #[test]
    fn epochs_that_fall_along_a_log_are_found() {
        let mut tale = Tale::begin();
        tale.append(3, batch(0, 5, 7), false).append(3, batch(1, 4, 8), false);
        tale.breaks("GS5");
    }

    #[test]
    fn different_records_of_different_epochs_may_share_an_offset() {
        let mut tale = Tale::begin();
        tale.append(1, batch(0, 1, 7), true);
        tale.elect(2);
        tale.lead(2, 2, 0).append(2, batch(0, 2, 8), true);
        tale.follow(1, 2, 2).truncate(1, 0).append(1, batch(0, 2, 8), false);
        tale.is_legal();
    }
}
