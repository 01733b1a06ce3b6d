//! When a leader's proposal to change its in-sync set has come true.
//!
//! Kafka counts a shrink or an expansion once the proposal is done, not when it is made, and counts
//! what the leader itself wished: a replica whose broker the controller fenced was not put out by
//! the leader. The word that a proposal is done may come as the controller's answer or, sooner, as
//! metadata.

use std::collections::BTreeSet;

use crate::replication::{InSyncReplicas, Replica};
use crate::types::BrokerId;

use super::ReplicaCounters;

/// A proposal that is under way.
#[derive(Debug)]
pub(crate) struct InSyncChange {
    before: BTreeSet<BrokerId>,
    wished: BTreeSet<BrokerId>,
}

impl InSyncChange {
    /// What `replica` wishes and does not have yet. `None`, at no cost, nearly always.
    pub(crate) fn under_way(replica: &Replica) -> Option<Self> {
        let in_sync = replica.in_sync_replicas()?;
        let proposal = in_sync.pending()?.proposal();
        let wished: BTreeSet<_> = proposal.in_sync_replicas.keys().copied().collect();
        let before = in_sync.committed().clone();
        (wished != before).then_some(Self { before, wished })
    }

    /// Counts the change if `replica` now has what it wished for.
    pub(crate) fn count(&self, replica: &Replica, counters: &ReplicaCounters) {
        let now = replica.in_sync_replicas().map(InSyncReplicas::committed);
        if now != Some(&self.wished) {
            return;
        }
        if self.wished.is_subset(&self.before) {
            counters.in_sync_shrinks.one_more();
        } else {
            counters.in_sync_expands.one_more();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::replication::{
        AlterPartitionAnswer, AlterPartitionProposal, Assignment, Effect, Event, ReplicaStanding,
        Settings,
    };
    use crate::types::{
        BrokerEpoch, LeaderEpoch, LeaderEpochCache, LogMarkers, Millis, Offset, PartitionEpoch,
        RecoveryState,
    };

    const LAG: Duration = Duration::from_secs(1);

    /// Broker 1 leads, 2 and 3 are to follow.
    struct Scene {
        replica: Replica,
        counters: ReplicaCounters,
        epochs: LeaderEpochCache,
        proposal: Option<AlterPartitionProposal>,
    }

    impl Scene {
        fn new(in_sync: &[i32]) -> Self {
            let settings = Settings {
                me: BrokerId(1),
                replica_lag_time_max: LAG,
                alter_partition_retry: Duration::from_millis(100),
                wait_for_caught_up_followers: true,
            };
            let mut scene = Self {
                replica: Replica::new(settings, Offset(0)),
                counters: ReplicaCounters::default(),
                epochs: LeaderEpochCache::default(),
                proposal: None,
            };
            scene.step(0, Event::MetadataApplied(assignment(in_sync, 0)));
            scene
        }

        /// As `Partition::feed` does it.
        fn step(&mut self, at: u64, event: Event) {
            let log = LogMarkers {
                log_start_offset: Offset(0),
                log_end_offset: Offset(5),
                committable_end_offset: Offset(5),
                leader_epochs: &self.epochs,
            };
            let change = InSyncChange::under_way(&self.replica);
            for effect in self.replica.step(Millis(at), log, event) {
                if let Effect::ProposeInSyncReplicas(proposal) = effect {
                    self.proposal = Some(proposal);
                }
            }
            if let Some(change) = change {
                change.count(&self.replica, &self.counters);
            }
        }

        fn answer(&mut self, at: u64, answer: AlterPartitionAnswer) {
            let proposal = self.proposal.clone().expect("something was proposed");
            self.step(at, Event::AlterPartitionAnswered { proposal, answer });
        }

        fn fetches(&mut self, at: u64, follower: i32) {
            let fetched = Event::FollowerFetched {
                follower: BrokerId(follower),
                broker_epoch: Some(BrokerEpoch(7)),
                fetch_offset: Offset(5),
                log_start_offset: Offset(0),
                leader_end_offset: Offset(5),
            };
            self.step(at, fetched);
        }

        /// Shrinks and expansions.
        fn counted(&self) -> (u64, u64) {
            (self.counters.in_sync_shrinks.get(), self.counters.in_sync_expands.get())
        }
    }

    fn assignment(in_sync: &[i32], partition_epoch: i32) -> Assignment {
        let standing = ReplicaStanding { broker_epoch: Some(BrokerEpoch(7)), active: true };
        Assignment {
            leader: Some(BrokerId(1)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(partition_epoch),
            in_sync_replicas: in_sync.iter().copied().map(BrokerId).collect(),
            replicas: [1, 2, 3].map(|id| (BrokerId(id), standing)).to_vec(),
            recovery_state: RecoveryState::Recovered,
            min_in_sync_replicas: 1,
        }
    }

    fn committed(in_sync: &[i32]) -> AlterPartitionAnswer {
        AlterPartitionAnswer::Committed {
            leader: Some(BrokerId(1)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(1),
            in_sync_replicas: in_sync.iter().copied().map(BrokerId).collect(),
            recovery_state: RecoveryState::Recovered,
        }
    }

    #[test]
    fn a_shrink_counts_once_it_is_done() {
        let mut scene = Scene::new(&[1, 2, 3]);
        scene.fetches(1900, 2);
        scene.step(2000, Event::Tick);
        assert_eq!(scene.counted(), (0, 0), "so far it is a wish");
        scene.answer(2010, committed(&[1, 2]));
        assert_eq!(scene.counted(), (1, 0));
        scene.step(2020, Event::MetadataApplied(assignment(&[1, 2], 1)));
        assert_eq!(scene.counted(), (1, 0), "metadata says nothing new");
    }

    #[test]
    fn metadata_may_be_first_with_the_word() {
        let mut scene = Scene::new(&[1, 2]);
        scene.fetches(100, 3);
        scene.step(110, Event::MetadataApplied(assignment(&[1, 2, 3], 1)));
        assert_eq!(scene.counted(), (0, 1));
        scene.answer(120, committed(&[1, 2, 3]));
        assert_eq!(scene.counted(), (0, 1), "the answer comes too late to count again");
    }

    #[test]
    fn what_was_refused_or_is_in_doubt_does_not_count() {
        let mut scene = Scene::new(&[1, 2]);
        scene.fetches(100, 3);
        scene.answer(110, AlterPartitionAnswer::Ambiguous);
        assert_eq!(scene.counted(), (0, 0));
        let mut scene = Scene::new(&[1, 2]);
        scene.fetches(100, 3);
        scene.answer(110, AlterPartitionAnswer::Refused);
        assert_eq!(scene.counted(), (0, 0));
    }

    #[test]
    fn whom_the_controller_puts_out_the_leader_did_not() {
        let mut scene = Scene::new(&[1, 2, 3]);
        scene.step(100, Event::MetadataApplied(assignment(&[1, 3], 1)));
        assert_eq!(scene.counted(), (0, 0));
    }
}
