//! LS1, *markers*: on every acting replica `logStart <= HW <= LEO`, and its log has no gaps.
//!
//! Source: R1. A high watermark beyond the log end exposes records that do not exist yet.
//!
//! Asked right after a truncation or a restart of the log it would cry wolf: the high watermark
//! follows in the next effect. So it is asked when the high watermark moves, and otherwise when the
//! replica does the next thing for which the markers must be right.

use highwater::host::probe::Observation;

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Picture, Replica, What};

#[derive(Debug)]
pub(super) struct Markers;

impl Invariant for Markers {
    fn name(&self) -> &'static str {
        "LS1"
    }

    fn statement(&self) -> &'static str {
        "log start offset <= high watermark <= log end offset, and no gaps between"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let appended = match change.what {
            What::Observed(Observation::Appended { .. }) => true,
            What::Observed(
                Observation::HighWatermark { .. }
                | Observation::LogOpened { .. }
                | Observation::BecameLeader { .. }
                | Observation::BecameFollower { .. },
            ) => false,
            What::Observed(_) | What::Started | What::Stopped(_) | What::DiskHarmed => {
                return Ok(());
            }
        };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let log = &replica.log;
        let mark = replica.high_watermark;
        if mark < log.log_start_offset() || mark > log.log_end_offset() {
            let what = format!(
                "the high watermark of broker {} is {mark}, its log is {}..{}",
                change.broker(),
                log.log_start_offset(),
                log.log_end_offset()
            );
            return Err(Violation::of(self.name(), partition, change, what));
        }
        match gap(replica).filter(|_| appended) {
            Some(what) => {
                let what = format!("broker {} {what}", change.broker());
                Err(Violation::of(self.name(), partition, change, what))
            }
            None => Ok(()),
        }
    }
}

/// Whether the newest batch does not begin where the one before it ends.
fn gap(replica: &Replica) -> Option<String> {
    let batches = replica.log.batches();
    let (last, rest) = batches.split_last()?;
    let expected =
        rest.last().map_or(replica.log.log_start_offset(), |before| before.last_offset.plus(1));
    (last.base_offset != expected)
        .then(|| format!("appended {last:?} where offset {expected} was due"))
}

#[cfg(test)]
mod tests {
    use crate::picture::tale::{Tale, batch};

    #[test]
    fn a_high_watermark_beyond_the_log_end_is_found() {
        let mut tale = Tale::begin();
        tale.follow(3, 1, 1).append(1, batch(0, 1, 7), true).high_watermark(3, 1, None);
        assert!(tale.inspector.picture().partitions()[0].is_judged());
        tale.inspector.waive(&crate::picture::tale::orders(), "GS4 would fire first");
        let mut tale = Tale::begin();
        tale.inspector.waive(&crate::picture::tale::orders(), "GS4 would fire first");
        tale.follow(3, 1, 1).high_watermark(3, 1, None);
        tale.breaks("LS1");
    }

    #[test]
    fn a_high_watermark_left_behind_by_a_truncation_is_found() {
        let mut tale = Tale::begin();
        tale.inspector.waive(&crate::picture::tale::orders(), "somebody cut the log");
        tale.replicate(1, &[2, 3], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
        tale.follow(3, 1, 1).high_watermark(3, 1, None).truncate(3, 0).is_legal();
        tale.follow(3, 2, 2);
        tale.breaks("LS1");
    }

    #[test]
    fn a_gap_is_found() {
        let mut tale = Tale::begin();
        tale.append(1, batch(3, 1, 7), true);
        tale.breaks("LS1");
    }

    #[test]
    fn the_high_watermark_may_follow_a_truncation_in_the_next_step() {
        let mut tale = Tale::begin();
        tale.inspector.waive(&crate::picture::tale::orders(), "somebody cut the log");
        tale.replicate(1, &[2, 3], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
        tale.follow(3, 1, 1).high_watermark(3, 1, None);
        tale.truncate(3, 0).high_watermark(3, 0, None).append(3, batch(0, 1, 7), false);
        tale.is_legal();
    }
}
