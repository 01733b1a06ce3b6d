//! LS10, *only a leader appends for clients*: a batch appended as leader carries the epoch in which
//! the replica leads at that moment.
//!
//! Source: R7, R8. A batch stamped with an epoch that is over, or with a follower's, belongs to
//! nobody and may be taken for another leader's.
//!
//! Being deposed is no objection: the controllers may have named another leader that this replica
//! has not heard of.

use highwater::host::probe::Observation;

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Picture, What};

#[derive(Debug)]
pub(super) struct LeaderAppends;

impl Invariant for LeaderAppends {
    fn name(&self) -> &'static str {
        "LS10"
    }

    fn statement(&self) -> &'static str {
        "only a replica that leads appends for clients, in its own epoch"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let What::Observed(Observation::Appended { batch, as_leader: true, .. }) = change.what
        else {
            return Ok(());
        };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let leads_in = replica.leadership().map(|leadership| leadership.leader_epoch);
        if leads_in == Some(batch.leader_epoch) {
            return Ok(());
        }
        let what = format!(
            "broker {} appended {batch:?} as leader, but is {:?}",
            change.broker(),
            replica.role
        );
        Err(Violation::of(self.name(), partition, change, what))
    }
}

#[cfg(test)]
mod tests {
    use crate::picture::tale::{Tale, batch};

    #[test]
    fn a_follower_that_appends_for_a_client_is_found() {
        let mut tale = Tale::begin();
        tale.follow(2, 1, 1).append(2, batch(0, 1, 7), true);
        tale.breaks("LS10");
    }

    #[test]
    fn an_append_under_a_stale_epoch_is_found() {
        let mut tale = Tale::begin();
        tale.elect(1).lead(1, 2, 0).append(1, batch(0, 1, 7), true);
        tale.breaks("LS10");
    }

    #[test]
    fn a_deposed_leader_may_append_in_its_epoch() {
        let mut tale = Tale::begin();
        tale.elect(2).lead(2, 2, 0);
        tale.append(1, batch(0, 1, 7), true);
        tale.is_legal();
    }
}
