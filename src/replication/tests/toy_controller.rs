//! A controller of one partition, by the book (R18–R23) and without a quorum behind it: what it
//! decides is committed at once. The last member of the in-sync set keeps its right to lead.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use crate::types::*;

/// The registration and everything it ever was.
pub(super) struct Controller {
    history: Vec<Assignment>,
    registrations: i64,
}

impl Controller {
    pub(super) fn new(min_in_sync_replicas: usize) -> Self {
        let brokers = [1, 2, 3].map(BrokerId);
        let standing =
            |id| ReplicaStanding { broker_epoch: Some(Self::first_broker_epoch(id)), active: true };
        let first = Assignment {
            leader: Some(BrokerId(1)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            in_sync_replicas: brokers.to_vec(),
            replicas: brokers.map(|id| (id, standing(id))).to_vec(),
            recovery_state: RecoveryState::Recovered,
            min_in_sync_replicas,
        };
        Self { history: vec![first], registrations: 10 }
    }

    pub(super) fn first_broker_epoch(id: BrokerId) -> BrokerEpoch {
        BrokerEpoch(i64::from(id.0))
    }

    pub(super) fn history(&self) -> &[Assignment] {
        &self.history
    }

    pub(super) fn in_sync_replicas(&self) -> BTreeSet<BrokerId> {
        self.current().in_sync_replicas.iter().copied().collect()
    }

    pub(super) fn leader_epoch(&self) -> LeaderEpoch {
        self.current().leader_epoch
    }

    pub(super) fn min_in_sync_replicas(&self) -> usize {
        self.current().min_in_sync_replicas
    }

    /// Moves the leadership to an active member.
    pub(super) fn elect(&mut self, broker: BrokerId) {
        let mut next = self.current().clone();
        if next.in_sync_replicas.contains(&broker) && standings(&next)[&broker].active {
            next.leader = Some(broker);
            next.leader_epoch.0 += 1;
            next.partition_epoch.0 += 1;
            self.history.push(next);
        }
    }

    pub(super) fn fence(&mut self, broker: BrokerId) {
        let mut next = self.current().clone();
        for (_, standing) in next.replicas.iter_mut().filter(|(id, _)| *id == broker) {
            standing.active = false;
        }
        self.remove_and_elect(next, broker);
    }

    pub(super) fn unfence(&mut self, broker: BrokerId) {
        let mut next = self.current().clone();
        for (_, standing) in next.replicas.iter_mut().filter(|(id, _)| *id == broker) {
            standing.active = true;
        }
        if next.leader.is_none() && next.in_sync_replicas.contains(&broker) {
            next.leader = Some(broker);
            next.leader_epoch.0 += 1;
            next.partition_epoch.0 += 1;
        }
        self.history.push(next);
    }

    /// A new incarnation: new broker epoch, fenced, out of the in-sync set.
    pub(super) fn register(&mut self, broker: BrokerId) -> BrokerEpoch {
        self.registrations += 1;
        let epoch = BrokerEpoch(self.registrations);
        let mut next = self.current().clone();
        for (_, standing) in next.replicas.iter_mut().filter(|(id, _)| *id == broker) {
            *standing = ReplicaStanding { broker_epoch: Some(epoch), active: false };
        }
        self.remove_and_elect(next, broker);
        epoch
    }

    pub(super) fn alter_partition(
        &mut self,
        sender: BrokerId,
        broker_epoch: BrokerEpoch,
        proposal: &AlterPartitionProposal,
    ) -> AlterPartitionAnswer {
        let mut next = self.current().clone();
        let standings = standings(&next);
        if standings[&sender].broker_epoch != Some(broker_epoch) {
            return AlterPartitionAnswer::Ambiguous;
        }
        if proposal.leader_epoch != next.leader_epoch
            || next.leader != Some(sender)
            || proposal.partition_epoch != next.partition_epoch
        {
            return AlterPartitionAnswer::OutOfDate;
        }
        assert!(proposal.in_sync_replicas.contains_key(&sender), "GS10: a leader out of sync");
        let eligible = proposal.in_sync_replicas.iter().all(|(id, epoch)| {
            let standing = standings[id];
            standing.active && (epoch.is_none() || *epoch == standing.broker_epoch)
        });
        if !eligible {
            return AlterPartitionAnswer::Refused;
        }
        next.in_sync_replicas = proposal.in_sync_replicas.keys().copied().collect();
        next.partition_epoch.0 += 1;
        self.history.push(next.clone());
        AlterPartitionAnswer::Committed {
            leader: next.leader,
            leader_epoch: next.leader_epoch,
            partition_epoch: next.partition_epoch,
            in_sync_replicas: next.in_sync_replicas,
            recovery_state: next.recovery_state,
        }
    }

    fn current(&self) -> &Assignment {
        self.history.last().expect("there is always a registration")
    }

    /// Takes `broker` out of the in-sync set, unless it is the last, and out of the leadership.
    fn remove_and_elect(&mut self, mut next: Assignment, broker: BrokerId) {
        let before = (next.leader, next.in_sync_replicas.clone());
        if next.in_sync_replicas != [broker] {
            next.in_sync_replicas.retain(|id| *id != broker);
        }
        if next.leader == Some(broker) {
            let standings = standings(&next);
            next.leader = next.in_sync_replicas.iter().copied().find(|id| standings[id].active);
            next.leader_epoch.0 += 1;
        }
        if before != (next.leader, next.in_sync_replicas.clone()) {
            next.partition_epoch.0 += 1;
        }
        self.history.push(next);
    }
}

fn standings(assignment: &Assignment) -> BTreeMap<BrokerId, ReplicaStanding> {
    assignment.replicas.iter().copied().collect()
}
