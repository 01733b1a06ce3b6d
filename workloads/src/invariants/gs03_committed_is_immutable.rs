//! GS3, *committed is immutable*: whenever the high watermark of a leader passes offset o,
//! `log(leader, p)[o] = committed(p)[o]` if the latter is defined.
//!
//! Source: derived from what a consumer may rely on. Holds for leaders of every epoch, also deposed
//! ones: whatever such a leader still manages to commit was on every replica that could be elected.
//!
//! Comparing a new leader's high watermark with the true one would cry wolf: it is legal that the
//! former is lower, until the followers have fetched from it. A watermark above the true one is not
//! wrong either: that is what committing means.

use highwater::host::probe::Observation;

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Picture, What};

#[derive(Debug)]
pub(super) struct CommittedIsImmutable;

impl Invariant for CommittedIsImmutable {
    fn name(&self) -> &'static str {
        "GS3"
    }

    fn statement(&self) -> &'static str {
        "what a leader's high watermark covers equals what was committed there before"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let What::Observed(Observation::HighWatermark { to, leading_in: Some(epoch), .. }) =
            change.what
        else {
            return Ok(());
        };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let agreed_to = replica.log.agreed_to();
        if !partition.is_judged() || agreed_to >= (*to).min(partition.committed().end_offset()) {
            return Ok(());
        }
        let what = format!(
            "leader {} of epoch {epoch} raised its high watermark to {to}, but at offset {agreed_to} \
             it holds {:?} where {:?} was committed",
            change.broker(),
            replica.log.batch_at(agreed_to),
            partition.committed().batch_at(agreed_to),
        );
        Err(Violation::of(self.name(), partition, change, what))
    }
}

#[cfg(test)]
mod tests {
    use crate::picture::tale::{Tale, batch, ids, orders};

    #[test]
    fn committing_another_record_at_a_committed_offset_is_found() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]);
        tale.append(3, batch(0, 0, 9), false);
        tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1)).is_legal();
        tale.inspector.waive(&orders(), "somebody asked for an election");
        tale.record.in_sync_replicas = ids(&[3]);
        tale.elect(3);
        tale.lead(3, 2, 1).high_watermark(3, 1, Some(2)).is_legal();

        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]);
        tale.append(3, batch(0, 0, 9), false);
        tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
        tale.high_watermark(3, 1, Some(2));
        tale.breaks("GS3");
    }

    #[test]
    fn a_new_leader_may_be_behind_and_a_deposed_one_may_commit() {
        let mut tale = Tale::begin();
        tale.replicate(1, &[2, 3], batch(0, 1, 7));
        tale.elect(2);
        tale.high_watermark(1, 1, Some(1));
        tale.lead(2, 2, 1).append(2, batch(1, 2, 8), true);
        tale.high_watermark(2, 1, Some(2));
        tale.is_legal();
    }
}
