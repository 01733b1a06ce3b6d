//! What is known about a process and its machine.

use highwater::types::{BrokerEpoch, MetadataOffset};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It shut down and wrote its clean marker.
    Clean,
    /// It was killed; its machine kept what it had written.
    Crash,
    /// Its machine lost power, and with it what was not flushed.
    PowerCut,
    /// It was killed while it shut down, and nobody outside knows whether the marker was written.
    Interrupted,
}

impl Stop {
    /// Whether the controllers will take it for unclean (KIP-966).
    #[must_use]
    pub fn is_unclean(self) -> bool {
        match self {
            Self::Clean => false,
            Self::Crash | Self::PowerCut | Self::Interrupted => true,
        }
    }

    /// What two stops in a row come to for a log that was not opened between them: a run that ends
    /// before it has opened its logs does not bring back what the power cut before it took.
    #[must_use]
    pub fn and_then(self, later: Self) -> Self {
        if self == Self::PowerCut { self } else { later }
    }
}

/// One node.
#[derive(Debug, Default)]
pub struct Node {
    running: bool,
    registered: Option<BrokerEpoch>,
    applied: Option<MetadataOffset>,
    applied_before: Option<MetadataOffset>,
    last_stop: Option<Stop>,
    /// Whether this run has opened a log.
    opened: bool,
    unclean_under: Option<BrokerEpoch>,
    lossy: bool,
    damaged: bool,
}

impl Node {
    pub(super) fn start(&mut self) {
        self.running = true;
        self.opened = false;
        self.registered = None;
        self.applied = None;
        self.applied_before = None;
    }

    pub(super) fn stop(&mut self, how: Stop, under: Option<BrokerEpoch>) {
        self.running = false;
        self.registered = None;
        // Whatever ends a run that has opened no log: what the clean stop before it left is there.
        let how =
            if self.last_stop == Some(Stop::Clean) && !self.opened { Stop::Clean } else { how };
        self.last_stop = Some(how);
        if how.is_unclean() {
            self.lost_under(under, how == Stop::PowerCut);
        }
    }

    pub(super) fn harm(&mut self, under: Option<BrokerEpoch>) {
        self.damaged = true;
        if !self.running {
            self.last_stop = Some(Stop::PowerCut);
        }
        self.lost_under(under, true);
    }

    fn lost_under(&mut self, under: Option<BrokerEpoch>, lossy: bool) {
        // A broker that dies again before it was registered again is still the one first lost.
        let again = self.unclean_under == under;
        self.lossy = lossy || (again && self.lossy);
        self.unclean_under = under;
    }

    /// It opened a log, and its clean marker is spent.
    pub(super) fn opened(&mut self) {
        self.opened = true;
    }

    pub(super) fn applied(&mut self, offset: MetadataOffset) {
        self.applied_before = self.applied.replace(offset);
    }

    pub(super) fn registered(&mut self, epoch: BrokerEpoch) {
        self.registered = Some(epoch);
    }

    pub(super) fn take_damage(&mut self) -> bool {
        std::mem::take(&mut self.damaged)
    }

    /// Whether its process runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// The broker epoch that this run was given, once it knows.
    #[must_use]
    pub fn broker_epoch(&self) -> Option<BrokerEpoch> {
        self.registered
    }

    /// How far this run has applied metadata.
    #[must_use]
    pub fn metadata_applied(&self) -> Option<MetadataOffset> {
        self.applied
    }

    /// How far it had before the latest [`Node::metadata_applied`].
    #[must_use]
    pub fn metadata_applied_before(&self) -> Option<MetadataOffset> {
        self.applied_before
    }

    /// How its latest run ended; `None` while it is the first. A run that opened no log after a
    /// clean stop ended cleanly, whatever ended it.
    #[must_use]
    pub fn last_stop(&self) -> Option<Stop> {
        self.last_stop
    }

    /// Under which broker epoch it last stopped uncleanly or lost data; `None` if it never did
    /// while registered.
    #[must_use]
    pub fn unclean_under(&self) -> Option<BrokerEpoch> {
        self.unclean_under
    }

    /// Whether data may have been lost with that stop.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.lossy
    }
}
