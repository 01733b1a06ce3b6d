//! LS5, *durability*: a log that is opened again holds what it held when its process was killed or
//! stopped; after a power cut it holds at least everything that was said to be flushed.
//!
//! Source: R31 to R33: a recovery point that runs ahead of the disk, a torn tail cut too early, a
//! checkpoint that names bytes that are not there.
//!
//! Demanding that the log be a *prefix* of the old one would cry wolf after a power cut: a
//! truncation that was not flushed may be undone by it, so that older records come back behind the
//! durable part. Their divergence is the protocol's matter. A harmed disk promises nothing.

use highwater::host::probe::Observation;

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Picture, Stop, What};

#[derive(Debug)]
pub(super) struct Durability;

impl Invariant for Durability {
    fn name(&self) -> &'static str {
        "LS5"
    }

    fn statement(&self) -> &'static str {
        "a log comes back with all that was written, or after a power cut with all that was flushed"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let What::Observed(Observation::LogOpened { .. }) = change.what else { return Ok(()) };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let Some(opening) = replica.opening.filter(|opening| !opening.disk_harmed) else {
            return Ok(());
        };
        let (promised, why) = match opening.after {
            None | Some(Stop::Clean | Stop::Crash | Stop::Interrupted) => {
                (opening.previous_end_offset, "was written")
            }
            Some(Stop::PowerCut) => (opening.durable_to, "was flushed"),
        };
        if opening.survived_to >= promised.min(opening.previous_end_offset) {
            return Ok(());
        }
        let what = format!(
            "broker {} opened its log after {:?} with what it had only up to {}, but it {why} up \
             to {promised}",
            change.broker(),
            opening.after,
            opening.survived_to
        );
        Err(Violation::of(self.name(), partition, change, what))
    }
}

#[cfg(test)]
mod tests {
    use highwater::host::probe::Observation;
    use highwater::types::Offset;

    use crate::picture::Stop;
    use crate::picture::tale::{Tale, batch, orders};

    fn two_records() -> Tale {
        let mut tale = Tale::begin();
        tale.append(3, batch(0, 1, 7), false).append(3, batch(1, 1, 8), false);
        tale.say(3, Observation::Flushed { partition: orders(), to: Offset(1) });
        tale
    }

    #[test]
    fn records_lost_by_a_kill_are_found() {
        let mut tale = two_records();
        tale.stop(3, Stop::Crash).start(3).open(3, vec![batch(0, 1, 7)], 0);
        tale.breaks("LS5");
    }

    #[test]
    fn flushed_records_lost_by_a_power_cut_are_found() {
        let mut tale = two_records();
        tale.stop(3, Stop::PowerCut).start(3).open(3, vec![], 0);
        tale.breaks("LS5");
    }

    /// Seed 0x654: the run after the power cut ended before it had opened its logs.
    #[test]
    fn a_run_that_dies_before_it_opens_its_logs_does_not_undo_the_power_cut_before_it() {
        let mut tale = two_records();
        tale.stop(3, Stop::PowerCut).start(3).stop(3, Stop::Crash).start(3);
        tale.open(3, vec![batch(0, 1, 7)], 0).is_legal();
    }

    #[test]
    fn a_power_cut_may_take_what_was_not_flushed_and_a_new_disk_all() {
        let mut tale = two_records();
        tale.stop(3, Stop::PowerCut).start(3).open(3, vec![batch(0, 1, 7)], 0).is_legal();
        tale.stop(3, Stop::Clean);
        let at = std::time::Duration::ZERO;
        tale.inspector.disk_harmed(highwater::types::NodeId(3), at).unwrap();
        tale.start(3).open(3, vec![], 0);
        tale.is_legal();
    }
}
