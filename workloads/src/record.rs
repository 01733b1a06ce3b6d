//! Everything that changed the picture of a cluster, in order: enough to draw it anew at any moment.
//!
//! A [`Watch`](crate::watch::Watch) keeps a record if it is asked to. Two runs of which one stops the
//! faults at some moment have equal records up to there, or something is not repeatable.

use std::time::Duration;

use highwater::host::probe::Observation;
use highwater::types::{NodeId, TopicPartition};

use crate::invariants::Violation;
use crate::picture::{Picture, Settings, Stop};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When, since the run began. Nodes of one step have each their own moment in it, so this may
    /// go back by less than a step.
    pub at: Duration,
    /// At which node.
    pub node: NodeId,
    /// What.
    pub what: Happening,
}

/// The kinds of change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The node said so.
    Observed(Observation),
    /// The node's process was started.
    Started,
    /// The node's process ended.
    Stopped(Stop),
    /// The node's disk was emptied or damaged.
    DiskHarmed,
    /// Losses in a partition are from now on what somebody asked for.
    Waived(TopicPartition, &'static str),
}

/// What happened in a run, and where in it the first invariant broke.
#[derive(Clone, Debug)]
pub struct Record {
    settings: Settings,
    happened: Vec<Happened>,
    broke: Option<(usize, Violation)>,
}

impl Record {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, happened: Vec::new(), broke: None }
    }

    pub(crate) fn note(&mut self, happened: Happened) {
        self.happened.push(happened);
    }

    pub(crate) fn note_violation(&mut self, violation: &Violation) {
        if let (None, Some(index)) = (&self.broke, self.happened.len().checked_sub(1)) {
            self.broke = Some((index, violation.clone()));
        }
    }

    /// Every change, in order.
    #[must_use]
    pub fn happened(&self) -> &[Happened] {
        &self.happened
    }

    /// The index of the change with which the first invariant broke, and how it did.
    #[must_use]
    pub fn broke(&self) -> Option<(usize, &Violation)> {
        self.broke.as_ref().map(|(index, violation)| (*index, violation))
    }

    /// The picture before anything has happened. Each change can be drawn into it with
    /// [`Happened::draw`].
    #[must_use]
    pub fn blank(&self) -> Picture {
        Picture::new(self.settings)
    }

    /// The picture after the first `count` changes.
    #[must_use]
    pub fn picture_after(&self, count: usize) -> Picture {
        let mut picture = self.blank();
        self.happened.iter().take(count).for_each(|happened| happened.draw(&mut picture));
        picture
    }

    /// Whether both are the same before `moment`.
    #[must_use]
    pub fn agrees_before(&self, other: &Self, moment: Duration) -> bool {
        fn before(record: &Record, moment: Duration) -> impl Iterator<Item = &Happened> {
            record.happened.iter().filter(move |happened| happened.at < moment)
        }
        before(self, moment).eq(before(other, moment))
    }
}

impl Happened {
    /// What was observed, if it was that.
    #[must_use]
    pub fn observation(&self) -> Option<&Observation> {
        match &self.what {
            Happening::Observed(observation) => Some(observation),
            Happening::Started
            | Happening::Stopped(_)
            | Happening::DiskHarmed
            | Happening::Waived(..) => None,
        }
    }

    /// Brings a picture of everything before up to date.
    pub fn draw(&self, picture: &mut Picture) {
        match &self.what {
            Happening::Observed(observation) => picture.observe(self.node, self.at, observation),
            Happening::Started => picture.started(self.node),
            Happening::Stopped(how) => picture.stopped(self.node, *how),
            Happening::DiskHarmed => picture.disk_harmed(self.node),
            Happening::Waived(partition, why) => picture.waive(partition, why),
        }
    }
}
