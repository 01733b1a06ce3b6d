//! GS6, *quorum superset*: for the acting leader l of the newest epoch,
//! `|committedISR(l)| >= minISR ⇒ maximalISR(l) ⊇ ISR ∪ ELR` of the controllers.
//!
//! Source: Vanlightly's *ReplicationQuorumSuperset*, hachikuji's *ValidHighWatermark*. It says that
//! whoever could be elected next has to be waited for; the high watermark is safe because of it.
//!
//! Without the conditions it would cry wolf: a leader below the minimum does not move its high
//! watermark, so it need not count the eligible; a deposed leader knows nothing of the newest sets
//! and is held back by the epoch instead; and a leader just told of its epoch has not said yet whom
//! it counts.

use highwater::host::probe::Observation;

use super::{Invariant, Violation};
use crate::picture::{Change, Partition, Picture, What};

#[derive(Debug)]
pub(super) struct QuorumSuperset;

impl Invariant for QuorumSuperset {
    fn name(&self) -> &'static str {
        "GS6"
    }

    fn statement(&self) -> &'static str {
        "the newest leader counts everybody who could be elected next"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        match change.what {
            What::Observed(
                Observation::InSyncReplicas { .. } | Observation::MetadataCommitted { .. },
            ) => picture.touched().try_for_each(|p| check_partition(picture, p, change)),
            What::Observed(_) | What::Started | What::Stopped(_) | What::DiskHarmed => Ok(()),
        }
    }
}

fn check_partition(
    picture: &Picture,
    partition: &Partition,
    change: &Change<'_>,
) -> Result<(), Violation> {
    let Some(record) = partition.registration() else { return Ok(()) };
    let leading = record.leader.filter(|leader| picture.is_current(*leader));
    let Some(leadership) =
        leading.and_then(|l| partition.replica(l)).and_then(|replica| replica.leadership())
    else {
        return Ok(());
    };
    let Some(in_sync) = &leadership.in_sync else { return Ok(()) };
    if !partition.is_judged()
        || leadership.leader_epoch != record.leader_epoch
        || in_sync.committed.len() < partition.min_in_sync_replicas()
    {
        return Ok(());
    }
    let candidates = record.in_sync_replicas.iter().chain(&record.eligible_leader_replicas);
    let Some(uncounted) = candidates.into_iter().find(|id| !in_sync.maximal.contains(id)) else {
        return Ok(());
    };
    let what = format!(
        "leader {} of epoch {} counts {:?} (partition epoch {}), but broker {uncounted} may be \
         elected: in sync {:?}, eligible {:?} (partition epoch {})",
        record.leader.unwrap_or_default(),
        record.leader_epoch,
        in_sync.maximal,
        in_sync.partition_epoch,
        record.in_sync_replicas,
        record.eligible_leader_replicas,
        record.partition_epoch,
    );
    Err(Violation::of("GS6", partition, change, what))
}

#[cfg(test)]
mod tests {
    use crate::picture::tale::{Tale, ids};

    #[test]
    fn a_leader_that_counts_a_shrunken_set_too_early_is_found() {
        let mut tale = Tale::begin();
        tale.believe(1, &[1, 2, 3], &[1, 2, 3]).is_legal();
        tale.believe(1, &[1, 2, 3], &[1, 2]);
        tale.breaks("GS6");
    }

    #[test]
    fn a_member_that_the_leader_does_not_wait_for_is_found() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]).believe(1, &[1, 2], &[1, 2]).is_legal();
        tale.in_sync(&[1, 2, 3], &[]);
        tale.breaks("GS6");
    }

    #[test]
    fn a_leader_below_the_minimum_need_not_count_the_eligible() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1], &[2, 3]).believe(1, &[1], &[1]);
        tale.record.in_sync_replicas = ids(&[2]);
        tale.record.eligible_leader_replicas = ids(&[1, 3]);
        tale.elect(2).lead(2, 2, 0).believe(2, &[2], &[1, 2]);
        tale.is_legal();
    }
}
