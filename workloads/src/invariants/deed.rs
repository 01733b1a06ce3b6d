//! The deed with which an invariant broke: what a node did, told coarsely enough that two
//! appearances of one mistake are the same.
//!
//! A mistake breaks its invariant with the same deed wherever it appears, while nodes, offsets and
//! times differ. And two mistakes that break the same invariant seldom do it with the same deed: a
//! replica that truncates too much and a leader that counts too few both break GS1.

use highwater::host::probe::Observation;
use serde::Serialize;

use crate::picture::{Change, Partition, What};

/// The deed with which an invariant broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// A leader raised its high watermark.
    Commits,
    /// A follower moved its high watermark.
    Marks,
    /// A replica truncated its log, or deleted it.
    Truncates,
    /// A log was opened again.
    Opens,
    /// A leader appended.
    Appends,
    /// A follower appended.
    Copies,
    /// A leader answered a producer.
    Acknowledges,
    /// A replica answered a consumer.
    Serves,
    /// A replica began to lead.
    Leads,
    /// A replica began to follow.
    Follows,
    /// A leader changed its view of the in-sync set.
    Counts,
    /// The controllers committed metadata.
    Decides,
    /// A broker applied metadata, or learned that it is registered.
    Learns,
    /// Anything else.
    Other,
}

/// What the controllers do when a leader is named under a higher epoch.
pub(crate) const ELECTION: &str = "an election";
/// Whatever else the controllers commit.
const DECISION: &str = "a decision of the controllers";
/// What a replica does when it starts.
pub(crate) const OPENING: &str = "the opening of a log";
/// What a broker does with what the controllers have committed.
pub(crate) const NEWS: &str = "news of the metadata";

impl Deed {
    /// What kind of deed an observation is.
    #[must_use]
    pub fn of(observation: &Observation) -> Self {
        match observation {
            Observation::LogOpened { .. } => Self::Opens,
            Observation::Appended { as_leader: true, .. } => Self::Appends,
            Observation::Appended { as_leader: false, .. } => Self::Copies,
            Observation::Truncated { .. } | Observation::Restarted { .. } => Self::Truncates,
            Observation::BecameLeader { .. } => Self::Leads,
            Observation::BecameFollower { .. } => Self::Follows,
            Observation::HighWatermark { leading_in: Some(_), .. } => Self::Commits,
            Observation::HighWatermark { leading_in: None, .. } => Self::Marks,
            Observation::InSyncReplicas { .. } => Self::Counts,
            Observation::Acknowledged { .. } => Self::Acknowledges,
            Observation::Served { .. } => Self::Serves,
            Observation::MetadataCommitted { .. } => Self::Decides,
            Observation::MetadataApplied { .. } | Observation::Registered { .. } => Self::Learns,
            Observation::Flushed { .. }
            | Observation::LogStartAdvanced { .. }
            | Observation::ActiveController { .. }
            | Observation::StorageFailed { .. } => Self::Other,
        }
    }
}

/// The occasion on which something broke: the deed as a noun, for `GS1 at a truncation`. What the
/// controllers decided is told more closely where it is about one partition.
pub(super) fn occasion(change: &Change<'_>, partition: Option<&Partition>) -> &'static str {
    let observation = match change.what {
        What::Observed(observation) => observation,
        What::Started => return "a start",
        What::Stopped(_) => return "a stop",
        What::DiskHarmed => return "damage to a disk",
    };
    match Deed::of(observation) {
        Deed::Commits => "a leader's high watermark",
        Deed::Marks => "a follower's high watermark",
        Deed::Truncates => "a truncation",
        Deed::Opens => OPENING,
        Deed::Appends => "a leader's append",
        Deed::Copies => "a follower's append",
        Deed::Acknowledges => "an acknowledgement",
        Deed::Serves => "a read",
        Deed::Leads => "the start of a leader",
        Deed::Follows => "the start of a follower",
        Deed::Counts => "a leader's view of the in-sync set",
        Deed::Decides => partition.map_or(DECISION, decision),
        Deed::Learns => NEWS,
        Deed::Other => "another observation",
    }
}

/// What the controllers decided about a partition with the latest batch that concerns it: those who
/// lead and those who join are told apart from all else, since they get rights by it.
fn decision(partition: &Partition) -> &'static str {
    let (Some(before), Some(now)) = (partition.registration_before(), partition.registration())
    else {
        return DECISION;
    };
    let joins = |broker| !before.in_sync_replicas.contains(broker);
    if now.leader.is_some() && now.leader_epoch > before.leader_epoch {
        ELECTION
    } else if now.in_sync_replicas.iter().any(joins) {
        "an expansion of the in-sync set"
    } else {
        DECISION
    }
}

#[cfg(test)]
mod tests {
    use highwater::types::MetadataOffset;

    use super::*;
    use crate::picture::Stop;
    use crate::picture::tale::{Tale, batch};

    /// One record that brokers 1 and 2, which are in sync, have committed, and broker 3 lacks.
    fn one_is_behind() -> Tale {
        let mut tale = Tale::begin();
        tale.in_sync(&[1, 2], &[]);
        tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1)).is_legal();
        tale
    }

    #[test]
    fn mistakes_that_break_one_invariant_differ_by_occasion() {
        let mut counts_too_few = Tale::begin();
        counts_too_few.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
        let mut admits_too_early = one_is_behind();
        admits_too_early.in_sync(&[1, 2, 3], &[]);
        let mut truncates_too_much = one_is_behind();
        truncates_too_much.truncate(2, 0);
        let told = [counts_too_few, admits_too_early, truncates_too_much];
        assert_eq!(
            told.map(|tale| tale.shape()),
            [
                "GS1 at a leader's high watermark",
                "GS1 at an expansion of the in-sync set",
                "GS1 at a truncation"
            ]
        );
    }

    #[test]
    fn decision_is_an_election_if_somebody_is_named_leader() {
        let mut elects_the_wrong_one = one_is_behind();
        elects_the_wrong_one.elect(3);
        assert_eq!(elects_the_wrong_one.shape(), "GS2 at an election");
        let mut keeps_too_little = one_is_behind();
        keeps_too_little.in_sync(&[2], &[]);
        assert_eq!(keeps_too_little.shape(), "GS10 at a decision of the controllers");
    }

    #[test]
    fn log_that_comes_back_without_its_records_broke_at_its_opening() {
        let mut tale = one_is_behind();
        tale.stop(2, Stop::Clean).start(2).open(2, vec![], 0);
        assert_eq!(tale.shape(), "LS5 at the opening of a log");
    }

    #[test]
    fn what_concerns_no_partition_has_an_occasion_too() {
        let mut tale = one_is_behind();
        tale.say(1, Observation::MetadataApplied { offset: MetadataOffset(1_000) });
        assert_eq!(tale.shape(), "GS11 at news of the metadata");
    }
}
