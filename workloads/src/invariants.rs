//! What must hold at every moment, one file per property (GS, LS of the protocol's description).
//!
//! An invariant is asked after every change of the [`Picture`]. It fires at the mistake, long before
//! a client can see what came of it. Each file states the property, where it comes from, and why the
//! obvious check would cry wolf.
//!
//! | | property | source |
//! |---|---|---|
//! | GS1 | whoever may be elected holds everything committed | Vanlightly *LeaderCandidateCompleteness*, hachikuji *StrongIsr* |
//! | GS2 | whoever is elected holds everything committed | Vanlightly *LeaderCompleteness* |
//! | GS3 | what is committed never changes | derived |
//! | GS4 | logs agree below their high watermarks; only that is served | Vanlightly *LogMatching* |
//! | GS5 | same epoch at the same offset: same log up to there | Raft's log matching |
//! | GS6 | who counts for the high watermark covers who may be elected | Vanlightly *ReplicationQuorumSuperset*, hachikuji *ValidHighWatermark* |
//! | GS7 | acknowledged by all means committed | derived |
//! | GS9 | one leader per epoch; epochs grow | TLA+ models |
//! | GS10 | the controller's sets are consistent | Vanlightly *ControllerIsrAndElr* |
//! | GS11 | everybody's metadata is a prefix of the committed log | Vanlightly *MetadataLogMatching* |
//! | LS1 | log start <= high watermark <= log end; no gaps | R1 |
//! | LS2 | a leader's high watermark never falls within an epoch | R13 |
//! | LS3 | leader epochs are a function of the log | R2 |
//! | LS4 | producer state is a function of the log | R28 |
//! | LS5 | what was durable survives | R31–R33 |
//! | LS6 | at most one change of the in-sync set is under way | KIP-497 |
//! | LS10 | only a leader appends for clients | R8 |
//!
//! After an unclean election on demand, or once the fault budget is exceeded, committed records may
//! be lost by right: GS1 to GS4, GS6 and GS7 are then no longer judged for that partition. GS5 and
//! GS9 to GS11 and the local ones always are.

mod deed;
mod gs01_candidate_completeness;
mod gs02_leader_completeness;
mod gs03_committed_is_immutable;
mod gs04_logs_match;
mod gs05_epochs_match;
mod gs06_quorum_superset;
mod gs07_acknowledged_is_committed;
mod gs09_one_leader_per_epoch;
mod gs10_controller_sets;
mod gs11_metadata_prefix;
mod ls01_markers;
mod ls02_high_watermark_monotone;
mod ls03_leader_epochs;
mod ls04_producer_state;
mod ls05_durability;
mod ls06_one_proposal;
mod ls10_leader_appends;

use std::fmt;
use std::time::Duration;

use highwater::host::probe::Observation;
use highwater::types::{NodeId, TopicPartition};

pub use deed::Deed;
pub(crate) use deed::{ELECTION, NEWS, OPENING};
pub use ls03_leader_epochs::{epochs_of, leader_epochs_match};

use crate::picture::{Change, Partition, Picture, Settings, Stop, What};

/// A property that holds at every moment.
pub trait Invariant: fmt::Debug + Send {
    /// Its number, for example `GS1`.
    fn name(&self) -> &'static str;

    /// What it says, in one sentence.
    fn statement(&self) -> &'static str;

    /// Judges the picture after `change`; looks only at what the change can have broken.
    ///
    /// # Errors
    /// The property does not hold.
    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation>;
}

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which property.
    pub invariant: &'static str,
    /// Of which partition, if of one.
    pub partition: Option<TopicPartition>,
    /// What was done when it broke, without nodes and numbers, such as `an election`; `None` if
    /// nothing was done that an invariant is asked after.
    pub occasion: Option<&'static str>,
    /// What was seen, with both values.
    pub what: String,
    /// When, since the run began.
    pub at: Duration,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken at {:?}", self.invariant, self.at)?;
        if let Some(partition) = &self.partition {
            write!(f, " on {partition}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl Violation {
    pub(crate) fn of(
        invariant: &'static str,
        partition: &Partition,
        change: &Change<'_>,
        what: String,
    ) -> Self {
        let occasion = Some(deed::occasion(change, Some(partition)));
        Self { invariant, partition: Some(partition.name().clone()), occasion, what, at: change.at }
    }

    /// One that concerns no partition.
    pub(crate) fn of_none(invariant: &'static str, change: &Change<'_>, what: String) -> Self {
        let occasion = Some(deed::occasion(change, None));
        Self { invariant, partition: None, occasion, what, at: change.at }
    }
}

/// Every invariant there is, in the order of the table above.
#[must_use]
pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(gs01_candidate_completeness::CandidateCompleteness),
        Box::new(gs02_leader_completeness::LeaderCompleteness),
        Box::new(gs03_committed_is_immutable::CommittedIsImmutable),
        Box::new(gs04_logs_match::LogsMatch),
        Box::new(gs05_epochs_match::EpochsMatch),
        Box::new(gs06_quorum_superset::QuorumSuperset),
        Box::new(gs07_acknowledged_is_committed::AcknowledgedIsCommitted),
        Box::new(gs09_one_leader_per_epoch::OneLeaderPerEpoch),
        Box::new(gs10_controller_sets::ControllerSets),
        Box::new(gs11_metadata_prefix::MetadataPrefix),
        Box::new(ls01_markers::Markers),
        Box::new(ls02_high_watermark_monotone::HighWatermarkMonotone),
        Box::new(ls03_leader_epochs::LeaderEpochs),
        Box::new(ls04_producer_state::ProducerState),
        Box::new(ls05_durability::Durability),
        Box::new(ls06_one_proposal::OneProposal),
        Box::new(ls10_leader_appends::LeaderAppends),
    ]
}

/// Keeps the picture and asks every invariant after every change.
#[derive(Debug)]
pub struct Inspector {
    picture: Picture,
    invariants: Vec<Box<dyn Invariant>>,
}

impl Inspector {
    /// Begins with an empty picture and [`all`] invariants.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { picture: Picture::new(settings), invariants: all() }
    }

    /// The picture.
    #[must_use]
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// See [`Picture::waive`].
    pub fn waive(&mut self, partition: &TopicPartition, why: &'static str) {
        self.picture.waive(partition, why);
    }

    /// A node observed something.
    ///
    /// # Errors
    /// The first invariant that does not hold any more.
    pub fn observe(
        &mut self,
        node: impl Into<NodeId>,
        at: Duration,
        observation: &Observation,
    ) -> Result<(), Violation> {
        let node = node.into();
        self.picture.observe(node, at, observation);
        self.check(&Change { at, node, what: What::Observed(observation) })
    }

    /// A node's process was started.
    ///
    /// # Errors
    /// The first invariant that does not hold any more.
    pub fn started(&mut self, node: impl Into<NodeId>, at: Duration) -> Result<(), Violation> {
        let node = node.into();
        self.picture.started(node);
        self.check(&Change { at, node, what: What::Started })
    }

    /// A node's process ended.
    ///
    /// # Errors
    /// The first invariant that does not hold any more.
    pub fn stopped(
        &mut self,
        node: impl Into<NodeId>,
        at: Duration,
        how: Stop,
    ) -> Result<(), Violation> {
        let node = node.into();
        self.picture.stopped(node, how);
        self.check(&Change { at, node, what: What::Stopped(how) })
    }

    /// A node's disk was harmed; see [`Picture::disk_harmed`].
    ///
    /// # Errors
    /// The first invariant that does not hold any more.
    pub fn disk_harmed(&mut self, node: impl Into<NodeId>, at: Duration) -> Result<(), Violation> {
        let node = node.into();
        self.picture.disk_harmed(node);
        self.check(&Change { at, node, what: What::DiskHarmed })
    }

    fn check(&mut self, change: &Change<'_>) -> Result<(), Violation> {
        for invariant in &mut self.invariants {
            invariant.check(&self.picture, change)?;
        }
        Ok(())
    }
}

/// Whether the picture's partition and replica for an observation exist, both.
fn concerned<'p>(
    picture: &'p Picture,
    change: &Change<'_>,
) -> Option<(&'p Partition, &'p crate::picture::Replica)> {
    let partition = picture.touched().next()?;
    Some((partition, partition.replica(change.broker())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_has_its_own_number_and_a_sentence() {
        let invariants = all();
        let mut names: Vec<_> = invariants.iter().map(|invariant| invariant.name()).collect();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for invariant in invariants {
            assert!(invariant.statement().len() > 20, "{}", invariant.name());
        }
    }
}
