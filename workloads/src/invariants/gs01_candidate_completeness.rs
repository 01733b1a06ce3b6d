//! GS1, *candidate completeness*: for all partitions p and brokers b,
//! `b ∈ ISR(p) ∪ ELR(p) ∧ current(b) ⇒ committed(p) ⊑ log(b, p)`.
//!
//! Source: Vanlightly's *LeaderCandidateCompleteness*, hachikuji's *StrongIsr*. By far the strongest
//! detector: it fires when a replica gets a right that it should not have, not when that right is
//! used.
//!
//! Asked of every member of the sets it would cry wolf: a broker that is down cannot act on its
//! right, and one that came back with less than it had is taken out of the sets by its own
//! registration, before which it may not act either. So only a broker counts whose *running*
//! incarnation is the registered one. Replicas outside both sets may hold anything.

use super::{Invariant, Violation};
use crate::picture::{Change, Partition, Picture, What};
use highwater::host::probe::Observation;

#[derive(Debug)]
pub(super) struct CandidateCompleteness;

impl Invariant for CandidateCompleteness {
    fn name(&self) -> &'static str {
        "GS1"
    }

    fn statement(&self) -> &'static str {
        "every running, registered member of the in-sync and eligible sets holds all that is committed"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        match change.what {
            What::Observed(
                Observation::HighWatermark { .. }
                | Observation::Truncated { .. }
                | Observation::Restarted { .. }
                | Observation::LogStartAdvanced { .. }
                | Observation::LogOpened { .. }
                | Observation::Registered { .. }
                | Observation::MetadataCommitted { .. },
            ) => picture.touched().try_for_each(|p| check_partition(picture, p, change)),
            // Nothing else takes records away, gives rights, or commits.
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
    if !partition.is_judged() {
        return Ok(());
    }
    for &broker in record.in_sync_replicas.iter().chain(&record.eligible_leader_replicas) {
        let Some(missing) = partition.missing_from(broker) else { continue };
        if !picture.is_current(broker) {
            continue;
        }
        let set =
            if record.in_sync_replicas.contains(&broker) { "in sync" } else { "eligible to lead" };
        let what = format!(
            "broker {broker} is {set} in partition epoch {}, but its log lacks offset {missing} of \
             what is committed up to {}",
            record.partition_epoch,
            partition.committed().end_offset(),
        );
        return Err(Violation::of("GS1", partition, change, what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use highwater::host::probe::Observation;
    use highwater::types::Offset;

    use crate::picture::Stop;
    use crate::picture::tale::{Tale, batch, broker, orders};

    #[test]
    fn an_in_sync_replica_without_a_committed_record_is_found() {
        let mut tale = Tale::begin();
        tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
        tale.breaks("GS1");
    }

    #[test]
    fn a_replica_taken_in_too_early_is_found() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]);
        tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1)).is_legal();
        tale.in_sync(&[1, 2, 3], &[]);
        tale.breaks("GS1");
    }

    fn restart(tale: &mut Tale, node: i32, at: i64) {
        tale.say(node, Observation::Restarted { partition: orders(), at: Offset(at) });
    }

    #[test]
    fn a_member_that_skips_committed_records_is_found() {
        let mut tale = Tale::begin();
        tale.replicate(1, &[2, 3], batch(0, 1, 7)).high_watermark(1, 1, Some(1)).is_legal();
        restart(&mut tale, 3, 1);
        tale.breaks("GS1");
    }

    #[test]
    fn a_head_that_the_leader_has_deleted_may_be_skipped() {
        let mut tale = Tale::begin();
        tale.replicate(1, &[2, 3], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
        tale.say(1, Observation::LogStartAdvanced { partition: orders(), to: Offset(1) });
        restart(&mut tale, 3, 1);
        tale.high_watermark(3, 1, None);
        tale.replicate(1, &[2, 3], batch(1, 1, 8)).high_watermark(1, 2, Some(1));
        tale.is_legal();
    }

    #[test]
    fn a_member_that_is_down_or_not_registered_again_may_lack_records() {
        let mut tale = Tale::begin();
        tale.stop(3, Stop::PowerCut);
        tale.replicate(1, &[2], batch(0, 1, 7));
        // The fetch of broker 3 was still under way when it lost power.
        tale.append(3, batch(0, 1, 7), false).high_watermark(1, 1, Some(1));
        tale.start(3).open(3, vec![], 0);
        tale.record.in_sync_replicas.pop();
        tale.commit_partition(vec![broker(3, 9, true)]);
        tale.is_legal();
    }
}
