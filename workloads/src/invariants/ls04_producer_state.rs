//! LS4, *producer state*: what a leader knows of an idempotent producer is a function of its log. So
//! when it appends a batch, the sequence continues that of the producer's last batch in the log, or
//! begins at 0 under a newer producer epoch.
//!
//! Source: R28, KIP-98. State that is not rebuilt by a follower, or not rolled back by a truncation,
//! shows here as a sequence appended twice or left out.
//!
//! A batch of a producer unknown to the log may carry any sequence: its earlier batches may have
//! been deleted. And followers copy; they do not judge.

use highwater::host::probe::{BatchId, Observation};
use highwater::types::{ProducerId, Sequence};

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Picture, What};

#[derive(Debug)]
pub(super) struct ProducerState;

impl Invariant for ProducerState {
    fn name(&self) -> &'static str {
        "LS4"
    }

    fn statement(&self) -> &'static str {
        "along a log the sequences of an idempotent producer have no gap and no repetition"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let What::Observed(Observation::Appended { batch, as_leader: true, .. }) = change.what
        else {
            return Ok(());
        };
        if batch.producer_id == ProducerId::NONE {
            return Ok(());
        }
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let Some((_, earlier)) = replica.log.batches().split_last() else { return Ok(()) };
        let Some(before) = earlier.iter().rev().find(|b| b.producer_id == batch.producer_id) else {
            return Ok(());
        };
        if continues(before, batch) {
            return Ok(());
        }
        let what = format!("leader {} appended {batch:?} behind {before:?}", change.broker());
        Err(Violation::of(self.name(), partition, change, what))
    }
}

fn continues(before: &BatchId, batch: &BatchId) -> bool {
    if batch.producer_epoch > before.producer_epoch {
        return batch.base_sequence == Sequence(0);
    }
    let records = before.last_offset.0 - before.base_offset.0 + 1;
    let records = i32::try_from(records).expect("a batch holds fewer than 2^31 records");
    batch.producer_epoch == before.producer_epoch
        && batch.base_sequence == before.base_sequence.plus(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tale;
    use highwater::types::ProducerEpoch;

    fn batch(offset: i64, leader_epoch: i32, producer_epoch: i16, sequence: i32) -> BatchId {
        BatchId {
            producer_id: ProducerId(5),
            producer_epoch: ProducerEpoch(producer_epoch),
            base_sequence: Sequence(sequence),
            ..tale::batch(offset, leader_epoch, 7)
        }
    }

    #[test]
    fn a_batch_appended_twice_is_found() {
        let mut tale = tale::Tale::begin();
        tale.append(1, batch(0, 1, 0, 3), true).append(1, batch(1, 1, 0, 3), true);
        tale.breaks("LS4");
    }

    #[test]
    fn a_gap_is_found() {
        let mut tale = tale::Tale::begin();
        tale.append(1, batch(0, 1, 0, 3), true).append(1, batch(1, 1, 0, 5), true);
        tale.breaks("LS4");
    }

    #[test]
    fn a_sequence_may_be_used_again_after_a_truncation_wrap_or_begin_anew() {
        let mut tale = tale::Tale::begin();
        tale.append(1, batch(0, 1, 0, i32::MAX), true).append(1, batch(1, 1, 0, 0), true);
        tale.truncate(1, 1).append(1, batch(1, 1, 0, 0), true);
        tale.append(1, batch(2, 1, 1, 0), true);
        // The tale takes the content for the same; the place was cut and filled again.
        tale.is_legal();
    }
}
