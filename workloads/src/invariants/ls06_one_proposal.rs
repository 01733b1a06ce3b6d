//! LS6, *one proposal*: a leader has at most one change of the in-sync set under way, built on the
//! set that the controllers committed under the partition epoch it names.
//!
//! Source: KIP-497. Two overlapping proposals would be computed on a base that one of them changes.
//!
//! A leader may fall back from a proposal to the committed set (a definite refusal) and then propose
//! something else under the same partition epoch; going from one proposal to another directly is
//! the mistake. A pending shrink does not show here, since it keeps counting the old set; and the order of a set means nothing.

use std::collections::BTreeSet;

use highwater::host::probe::Observation;
use highwater::types::BrokerId;

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, InSync, Partition, Picture, What};

#[derive(Debug)]
pub(super) struct OneProposal;

impl Invariant for OneProposal {
    fn name(&self) -> &'static str {
        "LS6"
    }

    fn statement(&self) -> &'static str {
        "a leader has one in-sync proposal at most, built on what is committed"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let What::Observed(Observation::InSyncReplicas { .. }) = change.what else {
            return Ok(());
        };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        let Some(leadership) = replica.leadership() else { return Ok(()) };
        let Some(now) = &leadership.in_sync else { return Ok(()) };
        let objection =
            objection(partition, now).or_else(|| jump(leadership.in_sync_before.as_ref()?, now));
        match objection {
            None => Ok(()),
            Some(why) => {
                let what = format!("leader {} {why}", change.broker());
                Err(Violation::of(self.name(), partition, change, what))
            }
        }
    }
}

fn set(brokers: &[BrokerId]) -> BTreeSet<BrokerId> {
    brokers.iter().copied().collect()
}

fn objection(partition: &Partition, now: &InSync) -> Option<String> {
    let epoch = now.partition_epoch;
    match partition.in_sync_replicas_in(epoch) {
        None => Some(format!("goes by partition epoch {epoch}, which was never committed")),
        Some(committed) if set(committed) != set(&now.committed) => Some(format!(
            "takes {:?} for the in-sync set of partition epoch {epoch}; committed was {committed:?}",
            now.committed
        )),
        Some(_) if !set(&now.maximal).is_superset(&set(&now.committed)) => {
            Some(format!("counts {:?}, fewer than the committed {:?}", now.maximal, now.committed))
        }
        Some(_) => None,
    }
}

fn jump(before: &InSync, now: &InSync) -> Option<String> {
    if now.partition_epoch < before.partition_epoch {
        return Some(format!(
            "went from partition epoch {} back to {}",
            before.partition_epoch, now.partition_epoch
        ));
    }
    let proposes = |view: &InSync| set(&view.maximal) != set(&view.committed);
    let overlapping = now.partition_epoch == before.partition_epoch
        && proposes(before)
        && proposes(now)
        && set(&before.maximal) != set(&now.maximal);
    overlapping.then(|| {
        format!(
            "went from the proposal {:?} to {:?} under the same partition epoch {}",
            before.maximal, now.maximal, now.partition_epoch
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::picture::tale::Tale;

    #[test]
    fn two_proposals_at_a_time_are_found() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1], &[2]).believe(1, &[1], &[1, 2]).is_legal();
        tale.believe(1, &[1], &[1, 3]);
        tale.breaks("LS6");
    }

    #[test]
    fn a_set_that_nobody_committed_is_found() {
        let mut tale = Tale::begin();
        tale.believe(1, &[1, 2], &[1, 2, 3]);
        tale.breaks("LS6");
    }

    #[test]
    fn a_refused_proposal_may_be_followed_by_another() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1], &[2]).believe(1, &[1], &[2, 1]).believe(1, &[1], &[1]);
        tale.believe(1, &[1], &[1, 3]);
        tale.is_legal();
    }
}
