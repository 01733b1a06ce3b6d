//! GS7, *acknowledged is committed*: when a leader answers acks=all with success, all records of the
//! request are committed, in its log, and on at least `minISR` replicas.
//!
//! Source: derived; it is the producer's half of the contract. Holds for duplicates too.
//!
//! Counting the replicas that hold the records *now* would cry wolf: a follower proves by a fetch
//! that it holds a record, and may lose power before the leader reads that fetch. So whoever ever
//! held it counts; what the loss of it means is the fault budget's matter. And a leader that has not
//! heard of a higher `min.insync.replicas` yet goes by the old one.

use highwater::host::probe::Observation;
use highwater::types::{Acks, Offset};

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Partition, Picture, Replica, What};

#[derive(Debug)]
pub(super) struct AcknowledgedIsCommitted;

impl Invariant for AcknowledgedIsCommitted {
    fn name(&self) -> &'static str {
        "GS7"
    }

    fn statement(&self) -> &'static str {
        "a success of acks=all is for committed records on min.insync.replicas replicas"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let What::Observed(Observation::Acknowledged {
            acks: Acks::All,
            base_offset,
            last_offset,
            ..
        }) = change.what
        else {
            return Ok(());
        };
        let Some((partition, replica)) = concerned(picture, change) else { return Ok(()) };
        if !partition.is_judged() || *base_offset < replica.log.log_start_offset() {
            return Ok(());
        }
        let applied = picture.node(change.node).and_then(|node| node.metadata_applied());
        let required = partition.min_in_sync_replicas_since(applied);
        let range = (*base_offset, *last_offset);
        match objection(partition, replica, range, required) {
            None => Ok(()),
            Some(why) => {
                let what = format!(
                    "broker {} acknowledged offsets {base_offset} to {last_offset} to a producer \
                     with acks=all, but {why}",
                    change.broker()
                );
                Err(Violation::of(self.name(), partition, change, what))
            }
        }
    }
}

fn objection(
    partition: &Partition,
    replica: &Replica,
    (base, last): (Offset, Offset),
    required: usize,
) -> Option<String> {
    let committed = partition.committed().end_offset();
    if committed <= last {
        return Some(format!("only offsets below {committed} are committed"));
    }
    if replica.log.agreed_to() <= last {
        return Some(format!("its own log ends or differs at {}", replica.log.agreed_to()));
    }
    let mut offset = base;
    while let Some(batch) = replica.log.batch_at(offset).filter(|_| offset <= last) {
        let holders = partition.lineage().holders(batch);
        if holders < required {
            return Some(format!("{batch:?} was only ever on {holders} of {required} replicas"));
        }
        offset = batch.last_offset.plus(1);
    }
    None
}

#[cfg(test)]
mod tests {
    use highwater::types::Acks;

    use crate::picture::Stop;
    use crate::picture::tale::{Tale, batch, broker};

    #[test]
    fn acknowledging_before_the_commit_is_found() {
        let mut tale = Tale::begin();
        tale.append(1, batch(0, 1, 7), true).acknowledge(1, 0, Acks::All);
        tale.breaks("GS7");
    }

    #[test]
    fn acknowledging_a_single_copy_is_found() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1], &[]).append(1, batch(0, 1, 7), true).high_watermark(1, 1, Some(1));
        tale.acknowledge(1, 0, Acks::All);
        tale.breaks("GS7");
    }

    #[test]
    fn a_copy_lost_just_before_the_answer_is_legal() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]).replicate(1, &[2], batch(0, 1, 7));
        tale.stop(2, Stop::PowerCut).high_watermark(1, 1, Some(1));
        tale.start(2).open(2, vec![], 0);
        tale.record.in_sync_replicas = crate::picture::tale::ids(&[1]);
        tale.commit_partition(vec![broker(2, 9, true)]);
        tale.acknowledge(1, 0, Acks::All);
        tale.is_legal();
    }

    #[test]
    fn one_copy_is_enough_for_a_producer_that_asked_for_one() {
        let mut tale = Tale::begin();
        tale.append(1, batch(0, 1, 7), true).acknowledge(1, 0, Acks::Leader);
        tale.is_legal();
    }
}
