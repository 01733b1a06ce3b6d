//! How much of the fault budget is used, and what happens to the verdict when it is exceeded.
//!
//! With eligible leader replicas (KIP-966) at most `min.insync.replicas` - 1 replicas may at a time
//! be *uncleanly stopped and not yet back in sync*. A kill counts although it loses nothing, because
//! the controllers cannot tell. Only replicas that had a right to lead count: the controller had them
//! in the in-sync or eligible set at the stop, or took them in before they registered again.
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

    pub(in crate::picture) fn waive(&mut self, waiver: Waiver) {
        self.waiver.get_or_insert(waiver);
    }
}

impl Partition {
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
        let allowed = if settings.eligible_leader_replicas {
            self.min_in_sync_replicas().saturating_sub(1)
        } else {
            0
        };
        if self.budget.lost.len() > allowed {
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
