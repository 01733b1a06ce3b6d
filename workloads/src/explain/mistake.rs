//! The mistake: the deed with which the first invariant broke, whom and what it concerns, and which
//! rule was not kept.
//!
//! Everything is taken from the picture just before and just after the deed. The table of
//! [`rules`](super::rules) says what an invariant speaks of in general; what is seen in the pictures
//! narrows it down.

use std::time::Duration;

use highwater::host::probe::Observation;
use highwater::types::{BrokerId, NodeId, Offset, TopicPartition};

use super::rules::{Deed, Rule, rules_of};
use super::{decision, marks};
use crate::picture::{Partition, Picture};
use crate::record::{Happened, Happening, Record};
use crate::words;

/// The records that something is about, first and last.
pub(super) type Span = (Offset, Offset);

/// What was wrong about the deed.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    /// The invariant that broke.
    pub(super) invariant: &'static str,
    /// The index of the deed in the record.
    pub(super) index: usize,
    /// When it was done.
    pub(super) at: Duration,
    /// By whom.
    pub(super) node: NodeId,
    /// The partition, if it is about one.
    pub(super) partition: Option<TopicPartition>,
    /// Whose log is not as it should be, or who has a right that it should not have.
    pub(super) subject: BrokerId,
    /// The records concerned, if it is about records.
    pub(super) span: Option<Span>,
    /// What was done, and why it is wrong: a sentence without its full stop.
    pub(super) what: String,
    /// The rules that were not kept, the nearest first.
    pub(super) rules: Vec<Rule>,
}

/// The deed, with the picture before and after it.
pub(super) struct Scene<'a> {
    pub(super) invariant: &'static str,
    pub(super) record: &'a Record,
    pub(super) index: usize,
    pub(super) happened: &'a Happened,
    pub(super) before: Picture,
    pub(super) after: Picture,
}

/// What a closer look says: whom it concerns, the sentence, the rules.
pub(super) struct Finding {
    pub(super) subject: BrokerId,
    pub(super) span: Option<Span>,
    pub(super) what: String,
    pub(super) rules: Vec<Rule>,
}

impl Mistake {
    /// The mistake of a run in which an invariant broke.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let (index, violation) = record.broke()?;
        let happened = &record.happened()[index];
        let before = record.picture_after(index);
        let after = record.picture_after(index + 1);
        let invariant = violation.invariant;
        let scene = Scene { invariant, record, index, happened, before, after };
        let partition = violation.partition.as_ref().and_then(|name| scene.after.partition(name));
        let deed = deed(&happened.what);
        let finding = partition
            .and_then(|partition| scene.look_closer(partition, deed))
            .unwrap_or_else(|| Finding {
                subject: happened.node.into(),
                span: span_of(happened),
                what: violation.what.clone(),
                rules: rules_of(violation.invariant, deed).to_vec(),
            });
        let Finding { subject, span, what, rules } = finding;
        Some(Self {
            invariant: violation.invariant,
            index,
            at: violation.at,
            node: happened.node,
            partition: violation.partition.clone(),
            subject,
            span,
            what,
            rules,
        })
    }
}

impl Scene<'_> {
    pub(super) fn actor(&self) -> BrokerId {
        self.happened.node.into()
    }

    fn look_closer(&self, partition: &Partition, deed: Deed) -> Option<Finding> {
        let lacking = self.lacking(partition);
        match (self.invariant, deed) {
            ("GS1", Deed::Commits | Deed::Marks) => marks::commits(self, partition, lacking?),
            ("GS1", Deed::Truncates) => marks::truncates(self, partition, lacking?),
            ("GS4", Deed::Serves) => marks::serves(self, partition),
            ("GS7", Deed::Acknowledges) => marks::acknowledges(self, partition),
            ("GS5", Deed::Copies | Deed::Appends) => marks::diverges(self, partition),
            ("LS4", Deed::Appends) => marks::repeats(self, partition),
            ("GS1" | "GS2" | "GS9" | "GS10", Deed::Decides) => {
                decision::decides(self, partition, lacking)
            }
            _ => None,
        }
    }

    /// The member of the in-sync and eligible sets, or the leader, that lacks something committed,
    /// and what.
    fn lacking(&self, partition: &Partition) -> Option<(BrokerId, Span)> {
        let record = partition.registration()?;
        let end = partition.committed().end_offset();
        let candidates = record.leader.iter().chain(&record.in_sync_replicas);
        candidates.chain(&record.eligible_leader_replicas).find_map(|broker| {
            let missing = partition.missing_from(*broker)?;
            let current = self.after.is_current(*broker);
            (current && missing < end).then(|| (*broker, (missing, Offset(end.0 - 1))))
        })
    }
}

/// What kind of deed it is.
pub(super) fn deed(what: &Happening) -> Deed {
    match what {
        Happening::Observed(observation) => Deed::of(observation),
        Happening::Started
        | Happening::Stopped(_)
        | Happening::DiskHarmed
        | Happening::Waived(_, _) => Deed::Other,
    }
}

/// The records that a deed names.
fn span_of(happened: &Happened) -> Option<Span> {
    match happened.observation()? {
        Observation::Appended { batch, .. } => Some((batch.base_offset, batch.last_offset)),
        Observation::Acknowledged { base_offset, last_offset, .. } => {
            Some((*base_offset, *last_offset))
        }
        Observation::Served { from, to, .. } => Some((*from, Offset(to.0 - 1).max(*from))),
        Observation::LogOpened { .. }
        | Observation::Truncated { .. }
        | Observation::Flushed { .. }
        | Observation::Restarted { .. }
        | Observation::LogStartAdvanced { .. }
        | Observation::BecameLeader { .. }
        | Observation::BecameFollower { .. }
        | Observation::HighWatermark { .. }
        | Observation::InSyncReplicas { .. }
        | Observation::MetadataCommitted { .. }
        | Observation::MetadataApplied { .. }
        | Observation::Registered { .. }
        | Observation::ActiveController { .. }
        | Observation::StorageFailed { .. } => None,
    }
}

/// `offsets 7-9, which were committed`
pub(super) fn span(span: Span) -> String {
    words::offsets(span.0, span.1)
}
