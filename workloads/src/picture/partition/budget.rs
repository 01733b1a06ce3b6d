//! How much of the fault budget is used, and what happens to the verdict when it is exceeded.
//!
//! With eligible leader replicas (KIP-966) at most `min.insync.replicas` - 1 replicas may at a time
//! be *uncleanly stopped and not yet back in sync*. A kill counts although it loses nothing, because
//! the controllers cannot tell. Only replicas that had a right to lead count: the controller had them
//! in the in-sync or eligible set at the stop, or took them in before they registered again.
//!
//! Who lowers `min.insync.replicas` takes the right to lead from all that were eligible (R23). If fewer
//! are in sync at that time than even the lower minimum, they alone have it until enough are, and
//! one of them has to stay.
//!
//! Without eligible leader replicas nothing limits the right of the last replica standing, so that a
//! single one that really loses records may take them away; kills, on the other hand, are free.

use std::collections::{BTreeMap, BTreeSet};

use highwater::types::{BrokerId, NodeId, PartitionRecord};

use super::{Partition, Sometimes, Tally};
use crate::picture::{Metadata, Node, Settings};

/// Why loss of committed records is no longer a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiver {
    /// More replicas were lost at a time than the settings cover.
    BudgetExceeded,
    /// A leader was elected uncleanly, as the topic's settings allow.
    UncleanElectionAllowed,
    /// Somebody asked for it.
    Operator(&'static str),
}

/// The fault budget of one partition.
#[derive(Debug, Default)]
pub struct Budget {
    lost: BTreeSet<BrokerId>,
    waiver: Option<Waiver>,
    /// Those that were eligible lost their right when the minimum was lowered, and fewer are in sync
    /// than it asks for.
    narrowed: bool,
}

impl Budget {
    /// The replicas that stopped uncleanly and are not back in sync.
    #[must_use]
    pub fn lost(&self) -> &BTreeSet<BrokerId> {
        &self.lost
    }

    /// Why loss is no longer a bug; `None` while it is one.
    #[must_use]
    pub fn waiver(&self) -> Option<Waiver> {
        self.waiver
    }

    /// Takes in a registration, after another one and under a minimum that was lowered with it or
    /// not.
    pub(super) fn narrow(
        &mut self,
        before: &PartitionRecord,
        record: &PartitionRecord,
        min: usize,
        lowered: bool,
    ) {
        let dropped = lowered
            && !before.eligible_leader_replicas.is_empty()
            && record.eligible_leader_replicas.is_empty();
        let few = record.in_sync_replicas.len() < min.min(record.replicas.len());
        self.narrowed = few && (dropped || self.narrowed);
    }

    pub(in crate::picture) fn waive(&mut self, waiver: Waiver) {
        self.waiver.get_or_insert(waiver);
    }
}

impl Partition {
    /// How many replicas may be lost at a time, with eligible leader replicas or without.
    #[must_use]
    pub fn losses_covered(&self, eligible_leader_replicas: bool) -> usize {
        if !eligible_leader_replicas {
            return 0;
        }
        let covered = self.min_in_sync_replicas().saturating_sub(1);
        match &self.registration {
            Some(record) if self.budget.narrowed => {
                let mut rights = self.budget.lost.clone();
                rights.extend(&record.in_sync_replicas);
                rights.extend(&record.eligible_leader_replicas);
                covered.min(rights.len().saturating_sub(1))
            }
            Some(_) | None => covered,
        }
    }

    /// Counts anew who is lost, after a node or the registration changed.
    pub(in crate::picture) fn settle_budget(
        &mut self,
        nodes: &BTreeMap<NodeId, Node>,
        metadata: &Metadata,
        settings: Settings,
        tally: &mut Tally,
    ) {
        let Some(record) = self.registration.clone() else { return };
        let spent_before = self.budget.lost.len();
        for &broker in &record.replicas {
            let Some(node) = nodes.get(&broker.into()) else { continue };
            let Some(under) = node.unclean_under() else { continue };
            let registered = metadata.broker_epoch(broker);
            let in_sync = record.in_sync_replicas.contains(&broker);
            let candidate = in_sync || record.eligible_leader_replicas.contains(&broker);
            let counts = settings.eligible_leader_replicas || node.is_lossy();
            if registered == Some(under) && candidate && counts {
                self.budget.lost.insert(broker);
            } else if registered > Some(under) && in_sync {
                self.budget.lost.remove(&broker);
            }
        }
        self.judge_budget(&record, metadata, settings);
        let allowed = self.min_in_sync_replicas().saturating_sub(1);
        if self.budget.lost.len() > spent_before && self.budget.lost.len() == allowed {
            tally.count(Sometimes::BudgetSpent);
        }
        if self.budget.lost.len() > spent_before && self.budget.lost.len() > allowed {
            tally.count(Sometimes::BudgetExceeded);
        }
    }

    fn judge_budget(&mut self, record: &PartitionRecord, metadata: &Metadata, settings: Settings) {
        if self.budget.lost.len() > self.losses_covered(settings.eligible_leader_replicas) {
            self.budget.waive(Waiver::BudgetExceeded);
        }
        let unclean = self.registration_before.as_ref().is_some_and(|before| {
            record.leader_epoch > before.leader_epoch
                && record.leader.is_some_and(|leader| {
                    !before.in_sync_replicas.contains(&leader)
                        && !before.eligible_leader_replicas.contains(&leader)
                })
        });
        let topic = metadata.image().topics.get(&record.topic_id);
        let said = topic.and_then(|t| t.record.configs.get("unclean.leader.election.enable"));
        let allows_unclean =
            said.map_or(settings.unclean_leader_election_default, |said| said == "true");
        if unclean && allows_unclean {
            self.budget.waive(Waiver::UncleanElectionAllowed);
        }
    }
}

#[cfg(test)]
mod tests {
    use highwater::types::{BrokerId, MetadataRecord, TopicRecord};

    use super::Waiver;
    use crate::picture::tale::{Tale, broker, ids, orders};
    use crate::picture::{Partition, Stop};

    fn partition(tale: &Tale) -> &Partition {
        tale.inspector.picture().partition(&orders()).unwrap()
    }

    /// Broker 3 registers again under epoch 9 and is taken out of the sets.
    fn register_third_again(tale: &mut Tale) {
        tale.start(3);
        tale.record.in_sync_replicas = ids(&[1, 2]);
        tale.commit_partition(vec![broker(3, 9, true)]);
    }

    #[test]
    fn a_kill_spends_the_budget_until_the_replica_is_back_in_sync() {
        let mut tale = Tale::begin();
        tale.stop(3, Stop::Crash);
        assert_eq!(partition(&tale).budget().lost().iter().copied().collect::<Vec<_>>(), ids(&[3]));
        register_third_again(&mut tale);
        assert_eq!(partition(&tale).budget().lost().len(), 1);
        tale.commit(vec![broker(3, 9, false)]).in_sync(&[1, 2, 3], &[]);
        assert_eq!(partition(&tale).budget().lost().len(), 0);
        tale.stop(2, Stop::PowerCut);
        assert!(partition(&tale).is_judged(), "one at a time is covered");
    }

    #[test]
    fn a_second_loss_at_a_time_exceeds_it_for_good() {
        let mut tale = Tale::begin();
        tale.stop(3, Stop::Crash).stop(2, Stop::PowerCut);
        assert_eq!(partition(&tale).budget().waiver(), Some(Waiver::BudgetExceeded));
        register_third_again(&mut tale);
        tale.commit(vec![broker(3, 9, false)]).in_sync(&[1, 2, 3], &[]);
        assert!(!partition(&tale).is_judged());
    }

    #[test]
    fn neither_clean_stops_nor_replicas_without_rights_count() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]).stop(3, Stop::PowerCut).stop(2, Stop::Clean);
        assert_eq!(partition(&tale).budget().lost().len(), 0);
        // The controllers take the dead one in before they know that it is dead.
        tale.in_sync(&[1, 2, 3], &[]);
        assert!(partition(&tale).budget().lost().contains(&BrokerId(3)));
    }

    #[test]
    fn without_eligible_replicas_kills_are_free_and_one_lossy_stop_is_too_many() {
        let mut tale = Tale::with(false);
        tale.stop(3, Stop::Crash).stop(2, Stop::Crash);
        assert!(partition(&tale).is_judged());
        tale.stop(1, Stop::PowerCut);
        assert!(!partition(&tale).is_judged());
    }

    /// Commits another minimum, and the partition with these sets.
    fn ask_for(tale: &mut Tale, min: usize, in_sync: &[i32], eligible: &[i32]) {
        let configs = [("min.insync.replicas".to_owned(), min.to_string())].into();
        let topic = TopicRecord { id: tale.record.topic_id, name: "orders".into(), configs };
        tale.record.in_sync_replicas = ids(in_sync);
        tale.record.eligible_leader_replicas = ids(eligible);
        tale.commit_partition(vec![MetadataRecord::Topic(topic)]);
    }

    #[test]
    fn a_lower_minimum_leaves_less_to_lose_until_enough_are_in_sync() {
        let lowered = || {
            let mut tale = Tale::begin();
            ask_for(&mut tale, 3, &[1, 2, 3], &[]);
            tale.in_sync(&[1], &[2, 3]);
            assert_eq!(partition(&tale).losses_covered(true), 2);
            ask_for(&mut tale, 2, &[1], &[]);
            assert_eq!(partition(&tale).losses_covered(true), 0);
            tale
        };
        let mut tale = lowered();
        assert!(partition(&tale).is_judged(), "nothing is lost yet");
        tale.stop(1, Stop::Crash);
        assert_eq!(partition(&tale).budget().waiver(), Some(Waiver::BudgetExceeded));

        let mut tale = lowered();
        tale.in_sync(&[1, 2], &[]);
        assert_eq!(partition(&tale).losses_covered(true), 1);
        tale.in_sync(&[2], &[1]).stop(1, Stop::Crash);
        assert!(partition(&tale).is_judged(), "another one is there");
    }

    #[test]
    fn who_loses_the_right_to_lead_for_no_reason_is_missed() {
        let mut tale = Tale::begin();
        tale.in_sync(&[1], &[2, 3]).in_sync(&[1], &[]);
        assert_eq!(partition(&tale).losses_covered(true), 1);
        // A higher minimum is no reason, either.
        ask_for(&mut tale, 2, &[1], &[2]);
        ask_for(&mut tale, 3, &[1], &[]);
        assert_eq!(partition(&tale).losses_covered(true), 2);
    }

    #[test]
    fn an_unclean_election_waives_only_where_it_is_allowed() {
        for allowed in [false, true] {
            let mut tale = Tale::begin();
            let configs =
                [("unclean.leader.election.enable".to_owned(), allowed.to_string())].into();
            let topic = TopicRecord { id: tale.record.topic_id, name: "orders".into(), configs };
            tale.commit(vec![MetadataRecord::Topic(topic)]).in_sync(&[1], &[2]);
            tale.record.in_sync_replicas = ids(&[3]);
            tale.record.eligible_leader_replicas = Vec::new();
            tale.elect(3);
            let waiver = allowed.then_some(Waiver::UncleanElectionAllowed);
            assert_eq!(partition(&tale).budget().waiver(), waiver);
        }
    }
}
