//! One call of [`super::Replica::step`]: what it knows, and the effects it gathers.
//!
//! The parts of a replica write their effects here and nowhere else, so that their order is the
//! order of the decisions, and waiting fetches are woken once, at the end, when everything that
//! they could look at has settled.

use crate::types::{LeaderEpoch, LogMarkers, Millis, Offset, PartitionEpoch};

use super::{Effect, Settings};

/// What a replica keeps whichever part it plays.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) settings: Settings,
    /// The newest leader epoch applied; -1 before the first metadata.
    pub(super) leader_epoch: LeaderEpoch,
    /// The newest partition epoch known, from metadata or from the controller's own answer.
    pub(super) partition_epoch: PartitionEpoch,
    pub(super) high_watermark: Offset,
    /// How many proposals were made; numbers the next one.
    pub(super) proposals: u64,
}

/// A step in the making.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) now: Millis,
    /// The log as it was before the effects.
    pub(super) log: LogMarkers<'a>,
    pub(super) common: &'a mut Common,
    effects: Vec<Effect>,
    wake_fetches: bool,
}

impl<'a> Step<'a> {
    pub(super) fn new(now: Millis, log: LogMarkers<'a>, common: &'a mut Common) -> Self {
        Self { now, log, common, effects: Vec::new(), wake_fetches: false }
    }

    pub(super) fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Asks that waiting fetches be looked at again, after everything else.
    pub(super) fn wake_fetches(&mut self) {
        self.wake_fetches = true;
    }

    /// Moves the high watermark, and with it whoever waits for it.
    pub(super) fn move_high_watermark(&mut self, to: Offset) {
        if to != self.common.high_watermark {
            self.common.high_watermark = to;
            self.emit(Effect::AdvanceHighWatermark { to });
            self.wake_fetches();
        }
    }

    /// The effects, in order.
    pub(super) fn finish(mut self) -> Vec<Effect> {
        if self.wake_fetches {
            self.effects.push(Effect::WakeFetches);
        }
        self.effects
    }
}
