//! GS2, *leader completeness*: for every election that the controllers commit,
//! `committed(p) ⊑ log(leader, p)` at that moment; and again when the leader of the newest epoch
//! begins to act.
//!
//! Source: Vanlightly's *LeaderCompleteness*. With GS1 it only adds leaders from outside the in-sync
//! and eligible sets.
//!
//! Asked of every leader it would cry wolf: an election may name a broker that died a moment ago;
//! it never acts on it, because registering again takes the leadership from it. And a broker that
//! is late may begin to act in an epoch that is over: it was complete when it was elected, and
//! cannot commit anything now.

use highwater::host::probe::Observation;
use highwater::types::BrokerId;

use super::{Invariant, Violation};
use crate::picture::{Change, Partition, Picture, What};

#[derive(Debug)]
pub(super) struct LeaderCompleteness;

impl Invariant for LeaderCompleteness {
    fn name(&self) -> &'static str {
        "GS2"
    }

    fn statement(&self) -> &'static str {
        "an elected leader holds all that is committed"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        match change.what {
            What::Observed(Observation::MetadataCommitted { .. }) => {
                for partition in picture.touched() {
                    let Some(leader) = newly_elected(partition) else { continue };
                    if picture.is_current(leader) {
                        check_leader(partition, leader, change)?;
                    }
                }
                Ok(())
            }
            What::Observed(Observation::BecameLeader { leader_epoch, .. }) => {
                for partition in picture.touched() {
                    if partition.newest_epoch() == Some(*leader_epoch) {
                        check_leader(partition, change.broker(), change)?;
                    }
                }
                Ok(())
            }
            What::Observed(_) | What::Started | What::Stopped(_) | What::DiskHarmed => Ok(()),
        }
    }
}

/// The leader that the latest batch of metadata gave the partition.
fn newly_elected(partition: &Partition) -> Option<BrokerId> {
    let record = partition.registration()?;
    let known = partition.registration_before().map(|before| before.leader_epoch);
    if Some(record.leader_epoch) > known { record.leader } else { None }
}

fn check_leader(
    partition: &Partition,
    leader: BrokerId,
    change: &Change<'_>,
) -> Result<(), Violation> {
    match partition.missing_from(leader) {
        Some(missing) if partition.is_judged() => {
            let what = format!(
                "broker {leader} leads in epoch {}, but its log lacks offset {missing} of what is \
                 committed up to {}",
                partition.newest_epoch().unwrap_or_default(),
                partition.committed().end_offset(),
            );
            Err(Violation::of("GS2", partition, change, what))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::picture::Stop;
    use crate::picture::tale::{Tale, batch};

    fn third_falls_behind() -> Tale {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]);
        tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1)).is_legal();
        tale
    }

    #[test]
    fn electing_a_replica_that_fell_behind_is_found() {
        let mut tale = third_falls_behind();
        tale.elect(3);
        tale.breaks("GS2");
    }

    #[test]
    fn a_late_leader_of_an_old_epoch_may_lack_what_was_committed_since() {
        let mut tale = Tale::begin();
        tale.elect(2);
        tale.elect(3).in_sync(&[1, 3], &[]);
        tale.lead(3, 3, 0).replicate(3, &[1], batch(0, 3, 7)).high_watermark(3, 1, Some(3));
        tale.lead(2, 2, 0);
        tale.is_legal();
    }

    #[test]
    fn an_election_may_name_a_broker_that_is_down() {
        let mut tale = third_falls_behind();
        tale.stop(2, Stop::PowerCut);
        tale.elect(2);
        tale.is_legal();
    }
}
