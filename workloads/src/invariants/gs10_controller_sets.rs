//! GS10, *the controller's sets*: after every batch of metadata, for every partition,
//! `ISR ⊆ replicas`, `leader = none ∨ leader ∈ ISR`, `ISR ∩ ELR = ∅`, `ELR ≠ ∅ ⇒ |ISR| < minISR`; no
//! fenced or departing broker is in ISR; and a broker that comes back from an unclean stop is in
//! neither set.
//!
//! Source: Vanlightly's *ControllerIsrAndElr*, KIP-841, KIP-966. Always judged.
//!
//! Asked of single records it would cry wolf: registering a broker and taking it out of the sets is
//! one batch. Without eligible leader replicas the last member stays in sync whatever befalls it, as
//! Kafka does; and a member that asks to shut down may stay while it is the only one. Whether a stop
//! was unclean is only asked of the incarnation that runs, once it knows its epoch: an earlier one's
//! registration may arrive late.

use highwater::host::probe::Observation;
use highwater::types::BrokerId;

use super::{Invariant, Violation};
use crate::picture::{Change, Partition, Picture, Stop, What};

#[derive(Debug)]
pub(super) struct ControllerSets;

impl Invariant for ControllerSets {
    fn name(&self) -> &'static str {
        "GS10"
    }

    fn statement(&self) -> &'static str {
        "the controllers' in-sync and eligible sets are consistent with each other and the brokers"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let registered = match change.what {
            What::Observed(Observation::MetadataCommitted { .. }) => false,
            What::Observed(Observation::Registered { .. }) => true,
            What::Observed(_) | What::Started | What::Stopped(_) | What::DiskHarmed => {
                return Ok(());
            }
        };
        for partition in picture.touched() {
            let objection = if registered {
                returned_uncleanly(picture, partition, change.broker())
            } else {
                inconsistency(picture, partition)
            };
            if let Some(what) = objection {
                return Err(Violation::of(self.name(), partition, change, what));
            }
        }
        Ok(())
    }
}

fn inconsistency(picture: &Picture, partition: &Partition) -> Option<String> {
    let record = partition.registration()?;
    let (in_sync, eligible) = (&record.in_sync_replicas, &record.eligible_leader_replicas);
    if let Some(foreign) = in_sync.iter().chain(eligible).find(|id| !record.replicas.contains(id)) {
        return Some(format!("broker {foreign} is not one of {:?}", record.replicas));
    }
    if let Some(leader) = record.leader.filter(|leader| !in_sync.contains(leader)) {
        return Some(format!("leader {leader} is not in sync: {in_sync:?}"));
    }
    if let Some(both) = in_sync.iter().find(|id| eligible.contains(id)) {
        return Some(format!("broker {both} is in sync and eligible at once"));
    }
    let required = partition.min_in_sync_replicas();
    if !eligible.is_empty() && in_sync.len() >= required {
        return Some(format!(
            "{eligible:?} stay eligible although {} of {required} are in sync",
            in_sync.len()
        ));
    }
    let image = picture.metadata().image();
    let last_stays = in_sync.len() == 1 && !picture.settings().eligible_leader_replicas;
    in_sync.iter().find_map(|id| match image.brokers.get(id) {
        Some(broker) if broker.fenced && !last_stays => {
            Some(format!("broker {id} is fenced and in sync: {in_sync:?}"))
        }
        Some(broker) if broker.in_controlled_shutdown && in_sync.len() > 1 => {
            Some(format!("broker {id} is shutting down and in sync: {in_sync:?}"))
        }
        Some(_) => None,
        None => Some(format!("broker {id} is in sync and not registered")),
    })
}

fn returned_uncleanly(picture: &Picture, partition: &Partition, id: BrokerId) -> Option<String> {
    let record = partition.registration()?;
    let stop = picture.node(id)?.last_stop()?;
    let certainly_unclean = match stop {
        Stop::Crash | Stop::PowerCut => true,
        Stop::Clean | Stop::Interrupted => false,
    };
    if !certainly_unclean || !picture.is_current(id) {
        return None;
    }
    let in_sync = record.in_sync_replicas.contains(&id);
    let last_stays =
        !picture.settings().eligible_leader_replicas && record.in_sync_replicas.len() == 1;
    if (in_sync && !last_stays) || record.eligible_leader_replicas.contains(&id) {
        return Some(format!(
            "broker {id} came back from an unclean stop ({stop:?}) and kept its rights: in sync \
             {:?}, eligible {:?}",
            record.in_sync_replicas, record.eligible_leader_replicas
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use highwater::host::probe::Observation;
    use highwater::types::{BrokerEpoch, BrokerId};

    use crate::picture::Stop;
    use crate::picture::tale::{Tale, broker, ids};

    #[test]
    fn a_leader_that_is_not_in_sync_is_found() {
        let mut tale = Tale::begin();
        tale.in_sync(&[2, 3], &[]);
        tale.breaks("GS10");
    }

    #[test]
    fn eligible_replicas_next_to_a_full_set_are_found() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[3]);
        tale.breaks("GS10");
    }

    #[test]
    fn a_fenced_member_is_found() {
        let mut tale = Tale::begin();
        tale.commit(vec![broker(3, 3, true)]);
        tale.breaks("GS10");
    }

    #[test]
    fn rights_kept_over_an_unclean_restart_are_found() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1], &[2, 3]).stop(3, Stop::Crash).start(3);
        tale.commit(vec![broker(3, 9, true)]).is_legal();
        tale.say(3, Observation::Registered { broker_epoch: BrokerEpoch(9) });
        tale.breaks("GS10");
    }

    #[test]
    fn fencing_and_taking_out_is_one_step_and_clean_restarts_keep_their_right() {
        let mut tale = Tale::begin();
        tale.record.in_sync_replicas = ids(&[1]);
        tale.record.eligible_leader_replicas = ids(&[2, 3]);
        tale.commit_partition(vec![broker(3, 3, true), broker(2, 2, true)]);
        tale.stop(3, Stop::Clean).start(3).commit(vec![broker(3, 9, true)]);
        tale.say(3, Observation::Registered { broker_epoch: BrokerEpoch(9) });
        tale.is_legal();
    }

    /// Seed 0xa7dd2a: a broker stopped cleanly, and then was started on a full disk again and again.
    #[test]
    fn runs_that_open_no_log_do_not_spend_a_clean_stop() {
        let mut tale = Tale::begin();
        tale.record.in_sync_replicas = ids(&[1]);
        tale.record.eligible_leader_replicas = ids(&[2, 3]);
        tale.commit_partition(vec![broker(3, 3, true), broker(2, 2, true)]);
        tale.stop(3, Stop::Clean).start(3).stop(3, Stop::Crash).start(3);
        tale.commit(vec![broker(3, 9, true)]);
        tale.say(3, Observation::Registered { broker_epoch: BrokerEpoch(9) });
        tale.is_legal();
        tale.open(3, vec![], 0).stop(3, Stop::Crash).start(3).commit(vec![broker(3, 12, true)]);
        tale.say(3, Observation::Registered { broker_epoch: BrokerEpoch(12) });
        tale.breaks("GS10");
    }

    #[test]
    fn without_eligible_replicas_the_last_member_stays() {
        let mut tale = Tale::with(false);
        tale.in_sync(&[1], &[]);
        tale.record.leader = None;
        tale.record.leader_epoch.0 += 1;
        tale.commit_partition(vec![broker(1, 1, true)]);
        assert_eq!(tale.record.in_sync_replicas, [BrokerId(1)]);
        tale.is_legal();
    }
}
