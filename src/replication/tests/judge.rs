//! What must hold after every operation of the model, by the numbers of the invariants.

use std::collections::BTreeSet;

use super::super::Role;
use super::model::{Cluster, position};
use crate::types::*;

impl Cluster {
    /// Looks at every replica alone, at its controller, and at every pair.
    pub(super) fn judge(&mut self) {
        let in_sync = self.controller.in_sync_replicas();
        for node in &mut self.nodes {
            let (id, high_watermark) = (node.id, node.replica.high_watermark());
            assert!(high_watermark <= node.end(), "LS1: high watermark past the log of {id}");
            let known = position(high_watermark);
            assert!(known <= self.committed.len(), "GS3: {id} takes for committed what is not");
            assert_eq!(node.log[..known], self.committed[..known], "GS4: {id} differs");
            for (at, record) in node.log.iter().enumerate() {
                let offset = Offset(i64::try_from(at).unwrap());
                assert_eq!(node.epochs.epoch_at(offset), Some(record.epoch), "LS3: {id}");
            }
            let trailing = node.epochs.latest() != node.epochs.last_fetched_epoch(node.end());
            let follows = matches!(node.replica.role(), Role::Follower { .. });
            assert!(!(trailing && follows), "LS3: {id} follows with an epoch of its own");
            if in_sync.contains(&id) {
                assert!(
                    node.log.starts_with(&self.committed),
                    "GS1: {id} lacks a committed record"
                );
            }
            if let Role::Leader { leader_epoch, .. } = node.replica.role() {
                if node.reign.0 == leader_epoch {
                    assert!(high_watermark >= node.reign.1, "LS2: high watermark fell");
                }
                node.reign = (leader_epoch, high_watermark);
                let known = node.replica.in_sync_replicas().expect("it leads");
                let counted_on = known.committed().len() >= self.controller.min_in_sync_replicas();
                if counted_on && leader_epoch == self.controller.leader_epoch() {
                    let missing: BTreeSet<_> = in_sync.difference(known.maximal()).collect();
                    assert!(missing.is_empty(), "GS6: {id} does not count on {missing:?}");
                }
            } else {
                assert_eq!(node.replica.waiting_produces(), 0, "LS8: waits at a follower");
            }
        }
        self.judge_pairs();
    }

    fn judge_pairs(&self) {
        for (at, one) in self.nodes.iter().enumerate() {
            for other in &self.nodes[at + 1..] {
                let both = one.log.len().min(other.log.len());
                let same = (0..both).rfind(|&o| one.log[o].epoch == other.log[o].epoch);
                if let Some(last) = same {
                    let (one, other) = (&one.log[..=last], &other.log[..=last]);
                    assert_eq!(one, other, "GS5: same epoch, different past");
                }
            }
        }
    }
}
