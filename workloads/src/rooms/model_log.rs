//! A replica's log as a list of batches, with a page cache: what was written and what is durable.

use highwater::host::probe::BatchId;
use highwater::types::{LeaderEpochCache, LogMarkers, Offset, SplitMix};

/// The log of one replica.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelLog {
    batches: Vec<BatchId>,
    epochs: LeaderEpochCache,
    /// What the device held at the last flush.
    durable: Vec<BatchId>,
}

impl ModelLog {
    pub(super) fn end(&self) -> Offset {
        self.batches.last().map_or(Offset::ZERO, |batch| batch.last_offset.plus(1))
    }

    pub(super) fn batches(&self) -> &[BatchId] {
        &self.batches
    }

    pub(super) fn epochs(&self) -> &LeaderEpochCache {
        &self.epochs
    }

    pub(super) fn epochs_mut(&mut self) -> &mut LeaderEpochCache {
        &mut self.epochs
    }

    pub(super) fn markers(&self) -> LogMarkers<'_> {
        LogMarkers {
            log_start_offset: Offset::ZERO,
            log_end_offset: self.end(),
            committable_end_offset: self.end(),
            leader_epochs: &self.epochs,
        }
    }

    pub(super) fn append(&mut self, batch: BatchId) {
        self.epochs.assign(batch.leader_epoch, batch.base_offset);
        self.batches.push(batch);
    }

    pub(super) fn truncate(&mut self, to: Offset) {
        let keep = self.batches.partition_point(|batch| batch.last_offset < to);
        self.batches.truncate(keep);
        self.epochs.truncate_end(to);
    }

    /// At most `count` batches from `offset` on.
    pub(super) fn read(&self, offset: Offset, count: usize) -> &[BatchId] {
        let from = self.batches.partition_point(|batch| batch.last_offset < offset);
        let to = (from + count).min(self.batches.len());
        &self.batches[from..to]
    }

    pub(super) fn flush(&mut self) {
        self.durable.clone_from(&self.batches);
    }

    /// The machine loses power: what was not flushed is lost from some batch on. A truncation that
    /// was not flushed may come undone.
    pub(super) fn lose_power(&mut self, dice: &mut SplitMix) {
        let pairs = self.batches.iter().zip(&self.durable);
        let common = pairs.take_while(|(now, durable)| now == durable).count();
        if common < self.durable.len() && dice.below(2) == 0 {
            self.batches.clone_from(&self.durable);
        } else {
            let kept = common + dice.below(self.batches.len() - common + 1);
            self.batches.truncate(kept);
        }
    }

    /// The log is opened again: its epochs are rebuilt from its batches (R33).
    pub(super) fn recover(&mut self) {
        self.epochs.clear();
        for batch in &self.batches {
            self.epochs.assign(batch.leader_epoch, batch.base_offset);
        }
        self.flush();
    }
}
