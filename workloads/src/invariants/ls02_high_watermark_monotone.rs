//! LS2, *monotone high watermark*: while a replica leads in one epoch its high watermark never falls.
//!
//! Source: R13. A leader's high watermark is a promise to consumers.
//!
//! Of followers it would cry wolf: theirs falls when they truncate, and when a new leader does not
//! know the true one yet.

use highwater::host::probe::Observation;

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Picture, What};

#[derive(Debug)]
pub(super) struct HighWatermarkMonotone;

impl Invariant for HighWatermarkMonotone {
    fn name(&self) -> &'static str {
        "LS2"
    }

    fn statement(&self) -> &'static str {
        "a leader's high watermark never falls within an epoch"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let What::Observed(Observation::HighWatermark { to, leading_in: Some(epoch), .. }) =
            change.what
        else {
            return Ok(());
        };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let leads = replica.leadership().is_some_and(|own| own.leader_epoch == *epoch);
        if !leads || *to >= replica.high_watermark_before {
            return Ok(());
        }
        let what = format!(
            "leader {} of epoch {epoch} moved its high watermark from {} back to {to}",
            change.broker(),
            replica.high_watermark_before
        );
        Err(Violation::of(self.name(), partition, change, what))
    }
}

#[cfg(test)]
mod tests {
    use crate::picture::tale::{Tale, batch};

    #[test]
    fn a_leaders_high_watermark_that_falls_is_found() {
        let mut tale = Tale::begin();
        tale.replicate(1, &[2, 3], batch(0, 1, 7)).high_watermark(1, 1, Some(1)).is_legal();
        tale.high_watermark(1, 0, Some(1));
        tale.breaks("LS2");
    }

    #[test]
    fn a_followers_high_watermark_may_fall() {
        let mut tale = Tale::begin();
        tale.replicate(1, &[2, 3], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
        tale.follow(3, 1, 1).high_watermark(3, 1, None);
        tale.elect(2);
        tale.lead(2, 2, 1).follow(3, 2, 2).high_watermark(3, 0, None);
        tale.is_legal();
    }
}
