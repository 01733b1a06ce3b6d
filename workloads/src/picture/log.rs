//! One replica's log, and the ghost of what is committed, as lists of batches.

use highwater::host::probe::BatchId;
use highwater::types::{LeaderEpoch, Offset};

/// Whether two batches are the same: offsets, epoch and content.
#[must_use]
pub fn same_batch(one: &BatchId, other: &BatchId) -> bool {
    one.base_offset == other.base_offset
        && one.last_offset == other.last_offset
        && one.leader_epoch == other.leader_epoch
        && one.crc == other.crc
}

/// The records first covered by the high watermark of a leader that acts within the protocol.
///
/// It only grows. What a leader deletes at its head stays here and is remembered as deleted.
#[derive(Debug, Default)]
pub struct Committed {
    batches: Vec<BatchId>,
    deleted_to: Offset,
}

impl Committed {
    /// One past the last committed record.
    #[must_use]
    pub fn end_offset(&self) -> Offset {
        self.batches.last().map_or(Offset::ZERO, |batch| batch.last_offset.plus(1))
    }

    /// The batches, from offset 0.
    #[must_use]
    pub fn batches(&self) -> &[BatchId] {
        &self.batches
    }

    /// Below this some leader has deleted records on purpose.
    #[must_use]
    pub fn deleted_to(&self) -> Offset {
        self.deleted_to
    }

    pub(super) fn deleted(&mut self, to: Offset) {
        self.deleted_to = self.deleted_to.max(to);
    }

    /// Takes over from `log`, which agrees with everything committed so far, the batches that lie
    /// wholly below `high_watermark`. Says whether there were any.
    pub(super) fn extend(&mut self, log: &ReplicaLog, high_watermark: Offset) -> bool {
        let Some(first) = log.index_of(self.end_offset()) else { return false };
        let known = self.batches.len();
        let covered = log.batches[first..].iter().take_while(|b| b.last_offset < high_watermark);
        self.batches.extend(covered);
        self.batches.len() > known
    }

    /// The committed batch that `offset` falls into.
    #[must_use]
    pub fn batch_at(&self, offset: Offset) -> Option<&BatchId> {
        batch_at(&self.batches, offset)
    }
}

/// What a replica holds.
#[derive(Clone, Debug, Default)]
pub struct ReplicaLog {
    log_start_offset: Offset,
    log_end_offset: Offset,
    batches: Vec<BatchId>,
    /// Up to here the log equals the committed one; never beyond the end of either.
    agreed_to: Offset,
}

impl ReplicaLog {
    pub(super) fn opened(log_start_offset: Offset, batches: &[BatchId]) -> Self {
        let mut log = Self {
            log_start_offset,
            log_end_offset: log_start_offset,
            batches: batches.to_vec(),
            agreed_to: batches.first().map_or(log_start_offset, |batch| batch.base_offset),
        };
        log.find_end();
        log
    }

    /// The first offset held.
    #[must_use]
    pub fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// One past the last record.
    #[must_use]
    pub fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// The batches, oldest first. May still list some that lie below the log start offset.
    #[must_use]
    pub fn batches(&self) -> &[BatchId] {
        &self.batches
    }

    /// Up to here the log equals the committed one; never beyond the end of either.
    #[must_use]
    pub fn agreed_to(&self) -> Offset {
        self.agreed_to
    }

    /// The batch that `offset` falls into.
    #[must_use]
    pub fn batch_at(&self, offset: Offset) -> Option<&BatchId> {
        batch_at(&self.batches, offset)
    }

    /// The epoch of the last batch.
    #[must_use]
    pub fn last_epoch(&self) -> Option<LeaderEpoch> {
        self.batches.last().map(|batch| batch.leader_epoch)
    }

    pub(super) fn append(&mut self, batch: BatchId, committed: &Committed) {
        let agreed_whole = self.agreed_to == self.log_end_offset;
        self.batches.push(batch);
        self.log_end_offset = batch.last_offset.plus(1);
        if agreed_whole {
            self.agree(committed);
        }
    }

    pub(super) fn truncate(&mut self, to: Offset) {
        let keep = self.batches.partition_point(|batch| batch.last_offset < to);
        self.batches.truncate(keep);
        self.find_end();
        self.agreed_to = self.agreed_to.min(self.log_end_offset);
    }

    pub(super) fn restart(&mut self, at: Offset) {
        *self = Self::opened(at, &[]);
    }

    pub(super) fn advance_start(&mut self, to: Offset) {
        self.log_start_offset = self.log_start_offset.max(to);
        if self.log_end_offset < to {
            self.restart(to);
        }
    }

    /// Walks on from where agreement with the committed log ended so far.
    pub(super) fn agree(&mut self, committed: &Committed) {
        let Some(mine) = self.index_of(self.agreed_to) else { return };
        let ghost = committed.batches.partition_point(|b| b.base_offset < self.agreed_to);
        let pairs = self.batches[mine..].iter().zip(&committed.batches[ghost..]);
        for (batch, _) in pairs.take_while(|(mine, ghost)| same_batch(mine, ghost)) {
            self.agreed_to = batch.last_offset.plus(1);
        }
    }

    /// One past the last batch that this log and `other` hold in common, from the later of their
    /// starts on.
    #[must_use]
    pub fn common_prefix(&self, other: &Self) -> Offset {
        let from = self.log_start_offset.max(other.log_start_offset);
        let tail = |log: &Self| log.batches.partition_point(|batch| batch.last_offset < from);
        let pairs = self.batches[tail(self)..].iter().zip(&other.batches[tail(other)..]);
        pairs
            .take_while(|(one, two)| same_batch(one, two))
            .last()
            .map_or(from, |(batch, _)| batch.last_offset.plus(1))
    }

    fn find_end(&mut self) {
        self.log_end_offset = self
            .batches
            .last()
            .map_or(self.log_start_offset, |batch| batch.last_offset.plus(1))
            .max(self.log_start_offset);
    }

    /// Where the batch that begins at `base` is.
    fn index_of(&self, base: Offset) -> Option<usize> {
        let index = match self.batches.last() {
            // Nearly always the batch just appended.
            Some(last) if last.base_offset == base => self.batches.len() - 1,
            _ => self.batches.partition_point(|batch| batch.base_offset < base),
        };
        self.batches.get(index).filter(|batch| batch.base_offset == base).map(|_| index)
    }
}

fn batch_at(batches: &[BatchId], offset: Offset) -> Option<&BatchId> {
    let index = batches.partition_point(|batch| batch.last_offset < offset);
    batches.get(index).filter(|batch| batch.base_offset <= offset)
}
