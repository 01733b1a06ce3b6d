//! GS4, *log matching below the high watermark*: for any two replicas a and b of a partition,
//! `log(a)[..n] = log(b)[..n]` with `n = min(hw(a), hw(b))`; and nothing above is served.
//!
//! Source: Vanlightly's *LogMatching*; the consumer's half is R14. Instead of all pairs, each replica is compared
//! with the ghost log of what is committed, which costs nothing and says the same: every high
//! watermark was a leader's before it was anybody's.
//!
//! Comparing whole logs would cry wolf: a follower's tail may diverge until it asks. So would a
//! check between a truncation and the high watermark that follows it, or of a replica that has been
//! opened and not yet been told whom to follow.

use highwater::host::probe::Observation;
use highwater::types::Offset;

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Picture, What};

#[derive(Debug)]
pub(super) struct LogsMatch;

impl Invariant for LogsMatch {
    fn name(&self) -> &'static str {
        "GS4"
    }

    fn statement(&self) -> &'static str {
        "below its high watermark every acting replica holds, and serves, only what is committed"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let (bound, deed) = match change.what {
            What::Observed(Observation::HighWatermark { to, .. }) => {
                (*to, "moved its high watermark")
            }
            What::Observed(Observation::Served { to, .. }) => (*to, "served a consumer up"),
            What::Observed(Observation::Appended { .. }) => (Offset::ZERO, "appended"),
            What::Observed(_) | What::Started | What::Stopped(_) | What::DiskHarmed => {
                return Ok(());
            }
        };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let bound = if bound == Offset::ZERO { replica.high_watermark } else { bound };
        let agreed_to = replica.log.agreed_to();
        if !partition.is_judged() || !replica.is_acting() || agreed_to >= bound {
            return Ok(());
        }
        let what = format!(
            "broker {} {deed} to {bound}, but agrees with what is committed (up to {}) only up to \
             {agreed_to}, where it holds {:?}",
            change.broker(),
            partition.committed().end_offset(),
            replica.log.batch_at(agreed_to),
        );
        Err(Violation::of(self.name(), partition, change, what))
    }
}

#[cfg(test)]
mod tests {
    use highwater::host::probe::Observation;
    use highwater::types::Offset;

    use crate::picture::tale::{Tale, batch, orders};

    #[test]
    fn a_follower_that_exposes_a_diverging_record_is_found() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]);
        tale.append(3, batch(0, 0, 9), false).follow(3, 1, 1);
        tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1)).is_legal();
        tale.high_watermark(3, 1, None);
        tale.breaks("GS4");
    }

    #[test]
    fn serving_a_record_above_the_high_watermark_is_found() {
        let mut tale = Tale::begin();
        tale.append(1, batch(0, 1, 7), true);
        let (from, to) = (Offset(0), Offset(1));
        tale.say(1, Observation::Served { partition: orders(), from, to, as_leader: true });
        tale.breaks("GS4");
    }

    #[test]
    fn a_diverging_tail_above_the_high_watermark_is_legal() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]).follow(3, 1, 1).append(3, batch(0, 0, 9), false);
        tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
        tale.truncate(3, 0).append(3, batch(0, 1, 7), false).high_watermark(3, 1, None);
        tale.is_legal();
    }
}
