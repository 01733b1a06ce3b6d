//! What a log knows of its idempotent producers (R28, KIP-98): a function of its batches (LS4).
//!
//! The leader asks it before it appends; leaders and followers alike tell it what was appended. So a
//! follower that is elected recognises the retries of batches which it only copied.

use std::collections::BTreeMap;

use super::error::AppendError;
use crate::protocol::batch::BatchHeader;
use crate::types::{Offset, ProducerEpoch, ProducerId, Sequence};

/// How many batches of a producer are remembered; it may have so many requests in flight.
pub const BATCHES_MAX: usize = 5;

/// A batch as its producer numbered it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducedBatch {
    /// Sequence of the first record.
    pub base_sequence: Sequence,
    /// Sequence of the last record.
    pub last_sequence: Sequence,
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// The largest timestamp, in milliseconds since 1970.
    pub max_timestamp: i64,
}

/// One producer: its newest epoch and its last batches in that epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerEntry {
    epoch: ProducerEpoch,
    /// Oldest first; unused places are zero, so that equal entries compare equal.
    batches: [ProducedBatch; BATCHES_MAX],
    len: usize,
}

/// What is to be done with batches that a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are new.
    Append,
    /// They are in the log already, at these offsets.
    Duplicate {
        /// Offset of the first record.
        base_offset: Offset,
        /// Offset of the last record.
        last_offset: Offset,
    },
}

impl ProducerEntry {
    pub(super) fn new(epoch: ProducerEpoch) -> Self {
        Self { epoch, batches: [ProducedBatch::default(); BATCHES_MAX], len: 0 }
    }

    /// The newest epoch seen.
    #[must_use]
    pub fn epoch(&self) -> ProducerEpoch {
        self.epoch
    }

    /// The last batches of that epoch, oldest first; at most [`BATCHES_MAX`].
    #[must_use]
    pub fn batches(&self) -> &[ProducedBatch] {
        &self.batches[..self.len]
    }

    pub(super) fn push(&mut self, batch: ProducedBatch) {
        if self.len == BATCHES_MAX {
            self.batches.rotate_left(1);
            self.len -= 1;
        }
        self.batches[self.len] = batch;
        self.len += 1;
    }

    fn note(&mut self, header: &BatchHeader) {
        if header.producer_epoch != self.epoch {
            *self = Self::new(header.producer_epoch);
        }
        self.push(ProducedBatch {
            base_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp,
        });
    }

    fn check(&self, header: &BatchHeader) -> Result<Verdict, AppendError> {
        let (current, got) = (self.epoch, header.producer_epoch);
        if got < current {
            let producer_id = header.producer_id;
            return Err(AppendError::InvalidProducerEpoch { producer_id, current, got });
        }
        if mutant!(F01) {
            return Ok(Verdict::Append);
        }
        let last = header.last_sequence();
        let expected = if got > current {
            Sequence(0)
        } else {
            let same = |batch: &&ProducedBatch| {
                batch.base_sequence == header.base_sequence && batch.last_sequence == last
            };
            if let Some(found) = self.batches().iter().find(same) {
                let (base_offset, last_offset) = (found.base_offset, found.last_offset);
                return Ok(Verdict::Duplicate { base_offset, last_offset });
            }
            match self.batches().last() {
                Some(batch) => batch.last_sequence.plus(1),
                None => header.base_sequence,
            }
        };
        if header.base_sequence == expected {
            return Ok(Verdict::Append);
        }
        Err(out_of_order(header, expected))
    }
}

fn out_of_order(header: &BatchHeader, expected: Sequence) -> AppendError {
    let (producer_id, got) = (header.producer_id, header.base_sequence);
    AppendError::OutOfOrderSequence { producer_id, expected, got }
}

/// Whether a batch counts for its producer. Control batches have a producer but no sequence.
fn is_idempotent(header: &BatchHeader) -> bool {
    header.has_producer_id() && header.base_sequence.0 >= 0 && !header.attributes.is_control()
}

/// All producers of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Producers {
    entries: BTreeMap<ProducerId, ProducerEntry>,
}

impl Producers {
    /// One producer.
    #[must_use]
    pub fn get(&self, producer: ProducerId) -> Option<&ProducerEntry> {
        self.entries.get(&producer)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (ProducerId, &ProducerEntry)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether batches that a client sent, with their offsets assigned, may be appended (R28). A
    /// request of several batches is a duplicate only if each of them is; a mixture is refused.
    pub(super) fn check(&self, headers: &[BatchHeader]) -> Result<Verdict, AppendError> {
        // What the earlier batches of this request make of their producers, if there are several.
        let mut pending: BTreeMap<ProducerId, ProducerEntry> = BTreeMap::new();
        let mut request: Option<Verdict> = None;
        for header in headers {
            let id = header.producer_id;
            let known = pending.get(&id).or_else(|| self.entries.get(&id)).copied();
            let verdict = match known {
                // Nothing is known of it, perhaps because it was silent for long: any sequence.
                Some(entry) if is_idempotent(header) => entry.check(header)?,
                Some(_) | None => Verdict::Append,
            };
            if headers.len() > 1 && verdict == Verdict::Append && is_idempotent(header) {
                let entry = known.unwrap_or(ProducerEntry::new(header.producer_epoch));
                pending.entry(id).or_insert(entry).note(header);
            }
            request = Some(match (request, verdict) {
                (None, first) => first,
                (Some(Verdict::Append), Verdict::Append) => Verdict::Append,
                (
                    Some(Verdict::Duplicate { base_offset, .. }),
                    Verdict::Duplicate { last_offset, .. },
                ) => Verdict::Duplicate { base_offset, last_offset },
                (Some(Verdict::Append), Verdict::Duplicate { .. })
                | (Some(Verdict::Duplicate { .. }), Verdict::Append) => {
                    return Err(out_of_order(header, header.base_sequence));
                }
            });
        }
        request.ok_or(AppendError::Empty)
    }

    /// Counts an appended batch. Does not judge: what is in the log is so.
    pub(super) fn note(&mut self, header: &BatchHeader) {
        if is_idempotent(header) {
            self.entries
                .entry(header.producer_id)
                .or_insert(ProducerEntry::new(header.producer_epoch))
                .note(header);
        }
    }

    pub(super) fn insert(&mut self, producer: ProducerId, entry: ProducerEntry) {
        self.entries.insert(producer, entry);
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Forgets every producer whose last batch is older than `timestamp`; says how many.
    pub(super) fn expire(&mut self, timestamp: i64) -> usize {
        let before = self.entries.len();
        self.entries.retain(|_, entry| {
            entry.batches().last().is_none_or(|batch| batch.max_timestamp >= timestamp)
        });
        before - self.entries.len()
    }
}
