//! GS9, *one leader per epoch*: no two brokers ever act as leader of a partition in the same leader
//! epoch, and only the one that the controllers named does; leader epochs, partition epochs and
//! broker epochs only grow, at the controllers and at every replica.
//!
//! Source: the TLA+ models. Always judged, also after an unclean election.
//!
//! Two leaders *at a time* are legal: a deposed leader acts on in its old epoch until it hears of
//! the new one, and a broker that is late may even begin to act in an epoch that is over. And a
//! replica that starts again begins to count epochs anew.

use highwater::host::probe::Observation;
use highwater::types::{BrokerId, LeaderEpoch, MetadataRecord};

use super::{Invariant, Violation, concerned};
use crate::picture::{Change, Partition, Picture, What};

#[derive(Debug)]
pub(super) struct OneLeaderPerEpoch;

impl Invariant for OneLeaderPerEpoch {
    fn name(&self) -> &'static str {
        "GS9"
    }

    fn statement(&self) -> &'static str {
        "one broker at most leads in a leader epoch, the one named, and epochs only grow"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let epoch = match change.what {
            What::Observed(Observation::MetadataCommitted { offset, records }) => {
                // A controller that is late tells of what is history already.
                if *offset == picture.metadata().offset() {
                    check_brokers(picture, records, change)?;
                }
                return picture.touched().try_for_each(|p| check_registration(p, change));
            }
            What::Observed(Observation::BecameLeader { leader_epoch, .. }) => {
                for partition in picture.touched() {
                    check_leader(partition, *leader_epoch, change)?;
                }
                *leader_epoch
            }
            What::Observed(Observation::BecameFollower { leader_epoch, .. }) => *leader_epoch,
            What::Observed(_) | What::Started | What::Stopped(_) | What::DiskHarmed => {
                return Ok(());
            }
        };
        match concerned(picture, change) {
            Some((partition, replica)) if replica.epoch_seen_before > Some(epoch) => {
                let what = format!(
                    "broker {} went from leader epoch {} back to {epoch}",
                    change.broker(),
                    replica.epoch_seen_before.unwrap_or_default(),
                );
                Err(Violation::of(self.name(), partition, change, what))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn check_leader(
    partition: &Partition,
    epoch: LeaderEpoch,
    change: &Change<'_>,
) -> Result<(), Violation> {
    let broker = change.broker();
    let what = match (partition.acting_leader(epoch), partition.named_leader(epoch)) {
        (Some(other), _) if other != broker => {
            format!("brokers {other} and {broker} both lead in epoch {epoch}")
        }
        (_, named) if named != Some(Some(broker)) => {
            let named = named.flatten().map_or("nobody".into(), |id: BrokerId| id.to_string());
            format!("broker {broker} leads in epoch {epoch}, which the controllers gave to {named}")
        }
        (_, _) => return Ok(()),
    };
    Err(Violation::of("GS9", partition, change, what))
}

fn check_registration(partition: &Partition, change: &Change<'_>) -> Result<(), Violation> {
    let (Some(before), Some(after)) = (partition.registration_before(), partition.registration())
    else {
        return Ok(());
    };
    let what = if before == after {
        return Ok(());
    } else if after.partition_epoch <= before.partition_epoch {
        format!(
            "the partition changed, but its epoch went from {} to {}",
            before.partition_epoch, after.partition_epoch
        )
    } else if after.leader_epoch < before.leader_epoch
        || (after.leader_epoch == before.leader_epoch && after.leader != before.leader)
    {
        format!(
            "leader {:?} of epoch {} was followed by {:?} of epoch {}",
            before.leader, before.leader_epoch, after.leader, after.leader_epoch
        )
    } else {
        return Ok(());
    };
    Err(Violation::of("GS9", partition, change, what))
}

fn check_brokers(
    picture: &Picture,
    records: &[MetadataRecord],
    change: &Change<'_>,
) -> Result<(), Violation> {
    for record in records {
        let MetadataRecord::Broker(broker) = record else { continue };
        let before = picture.metadata().previous_broker_epoch(broker.id);
        if let Some(before) = before.filter(|before| *before > broker.epoch) {
            let what = format!("broker {} went from epoch {before} to {}", broker.id, broker.epoch);
            return Err(Violation::of_none("GS9", change, what));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use highwater::host::probe::Observation;
    use highwater::types::{BrokerId, MetadataOffset};

    use crate::picture::tale::{Tale, broker};

    #[test]
    fn two_leaders_in_one_epoch_are_found() {
        let mut tale = Tale::begin();
        tale.lead(2, 1, 0);
        tale.breaks("GS9");
    }

    #[test]
    fn a_leader_that_nobody_named_is_found() {
        let mut tale = Tale::begin();
        tale.lead(2, 2, 0);
        tale.breaks("GS9");
    }

    #[test]
    fn an_election_without_a_new_epoch_is_found() {
        let mut tale = Tale::begin();
        tale.record.leader = Some(BrokerId(2));
        tale.commit_partition(Vec::new());
        tale.breaks("GS9");
    }

    #[test]
    fn a_replica_that_goes_back_to_an_older_epoch_is_found() {
        let mut tale = Tale::begin();
        tale.elect(2);
        tale.follow(3, 2, 2).is_legal();
        tale.follow(3, 1, 1);
        tale.breaks("GS9");
    }

    #[test]
    fn a_broker_epoch_that_falls_is_found() {
        let mut tale = Tale::begin();
        tale.commit(vec![broker(3, 2, false)]);
        tale.breaks("GS9");
    }

    #[test]
    fn a_controller_that_is_late_may_tell_of_old_broker_epochs() {
        let mut tale = Tale::begin();
        tale.record.in_sync_replicas.pop();
        tale.commit_partition(vec![broker(3, 9, true)]);
        // The tale registered broker 3 at offset 3.
        let (offset, records) = (MetadataOffset(3), Arc::new(vec![broker(3, 3, false)]));
        tale.say(101, Observation::MetadataCommitted { offset, records });
        tale.is_legal();
    }

    #[test]
    fn a_late_leader_of_an_epoch_that_is_over_is_legal() {
        let mut tale = Tale::begin();
        tale.elect(2);
        tale.elect(3);
        tale.lead(3, 3, 0).lead(2, 2, 0);
        tale.is_legal();
    }
}
