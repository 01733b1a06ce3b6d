//! Every batch that was ever in any replica's log: what came before it and who held it.

use std::collections::BTreeMap;

use highwater::host::probe::BatchId;
use highwater::types::{BrokerId, LeaderEpoch, Offset};

use crate::picture::{ReplicaLog, same_batch};

/// A batch's place: the epoch and the base offset, which no two different batches may share.
type Place = (LeaderEpoch, Offset);

/// The family tree of a partition's batches.
#[derive(Debug, Default)]
pub struct Lineage {
    known: BTreeMap<Place, Entry>,
}

#[derive(Debug)]
struct Entry {
    batch: BatchId,
    /// The batch before it; `None` while only logs that begin with it were seen.
    before: Option<Place>,
    holders: Vec<BrokerId>,
}

impl Lineage {
    pub(super) fn note(&mut self, broker: BrokerId, batch: BatchId, before: Option<&BatchId>) {
        let before = before.map(place);
        let entry = self.known.entry(place(&batch)).or_insert_with(|| Entry {
            batch,
            before,
            holders: Vec::new(),
        });
        entry.before = entry.before.or(before);
        if same_batch(&entry.batch, &batch) && !entry.holders.contains(&broker) {
            entry.holders.push(broker);
        }
    }

    /// Notes the batches of a log that has just been opened, from `from` on.
    pub(super) fn note_all(&mut self, broker: BrokerId, log: &ReplicaLog, from: Offset) {
        let mut before = None;
        for batch in log.batches() {
            if batch.base_offset >= from {
                self.note(broker, *batch, before);
            }
            before = Some(batch);
        }
    }

    /// The batch first seen at the place of `batch`.
    #[must_use]
    pub fn first_seen(&self, batch: &BatchId) -> Option<&BatchId> {
        self.known.get(&place(batch)).map(|entry| &entry.batch)
    }

    /// Epoch and base offset of the batch that came before `batch` where it was first seen with
    /// one before it.
    #[must_use]
    pub fn before(&self, batch: &BatchId) -> Option<(LeaderEpoch, Offset)> {
        self.known.get(&place(batch)).and_then(|entry| entry.before)
    }

    /// How many brokers ever held the batch.
    #[must_use]
    pub fn holders(&self, batch: &BatchId) -> usize {
        self.known.get(&place(batch)).map_or(0, |entry| entry.holders.len())
    }

    /// A different batch of the same epoch whose offsets overlap those of `batch`.
    #[must_use]
    pub fn overlapping(&self, batch: &BatchId) -> Option<&BatchId> {
        let (epoch, base) = place(batch);
        let earlier = self.known.range((epoch, Offset(i64::MIN))..(epoch, base)).next_back();
        let later =
            self.known.range((epoch, base.plus(1))..(epoch, batch.last_offset.plus(1))).next();
        earlier
            .map(|(_, entry)| &entry.batch)
            .filter(|earlier| earlier.last_offset >= base)
            .or(later.map(|(_, entry)| &entry.batch))
    }
}

fn place(batch: &BatchId) -> Place {
    (batch.leader_epoch, batch.base_offset)
}
