//! One replica's log on its disk, in Kafka's layout (R1, R31-R33).
//!
//! A log is a directory of segments. Batches are appended at its end, cut off at its end when the
//! leader's history differs, and dropped at its start when they are old. Everything else that is
//! kept, the [leader epochs](crate::types::LeaderEpochCache) (R2) and the [producers](Producers)
//! (R28), is a function of the batches and moves with them: forgetting one of these siblings when
//! the log is cut is the classic mistake, and so one function cuts them all.
//!
//! # What survives what
//!
//! A crash of the process loses nothing. A loss of power loses what has not been flushed, in any
//! pattern. Three rules make the rest of the log whole again:
//!
//! * no byte of a segment is written twice: what is appended after a cut goes into a new segment;
//! * the recovery point moves only when the batches below it, the names of their files and the leader
//!   epochs are on the device ([`FlushTicket`]);
//! * a cut below a recovery point that may already be on record leaves a `.cut` file, whose name
//!   says from where on that record must not be believed.
//!
//! So opening a log after an unclean stop scans from the recovery point on, cuts at the first batch
//! that is not whole, and believes what lies before.
//!
//! # Failure
//!
//! A failed append is cut back and the log goes on. A failed fsync, a failed cut or an append that
//! could not be cut back leave the log in doubt: it refuses everything until it is opened anew.

pub mod checkpoint;
pub mod clean_marker;
pub mod partition_metadata;

mod append;
mod epochs;
mod error;
mod flush;
mod index;
mod names;
mod producers;
mod read;
mod recovery;
mod segment;
mod small_file;
mod snapshot;
mod timestamps;
mod truncate;
mod walk;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use append::{AppendedAsFollower, AppendedAsLeader};
pub use error::{AppendError, CheckpointError, Corruption, LogError, ReadError};
pub use flush::{FlushTicket, Flushed};
pub use producers::{BATCHES_MAX, ProducedBatch, ProducerEntry, Producers};
pub use recovery::{Recovery, RecoveryHints};
pub use timestamps::TimestampedOffset;

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::host::Storage;
use crate::host::probe::BatchId;
use crate::types::{LeaderEpoch, LogMarkers, Offset};
use epochs::Epochs;
use flush::FlushState;
use segment::Segment;

/// How a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `log.segment.bytes`: a segment that would grow beyond this is closed and a new one begun.
    pub segment_bytes: u32,
    /// `log.index.interval.bytes`: one index entry for about so many bytes of batches.
    pub index_interval_bytes: u32,
    /// `max.message.bytes`: a larger batch is refused. Followers take what their leader took.
    pub max_message_bytes: u32,
    /// `flush.messages`: at most one record less than this counts as committable without being on
    /// the device. `None` leaves flushing to time and the operating system (R31).
    pub flush_messages: Option<u64>,
    /// `producer.id.expiration.ms`: a producer that was silent for so long is forgotten.
    pub producer_id_expiration: Duration,
}

/// One replica's log. Whoever holds it appends to it: no two may be open on one directory.
#[derive(Debug)]
pub struct Log {
    storage: Arc<dyn Storage>,
    directory: String,
    config: LogConfig,
    /// Never empty; each begins where the one before ends; the last one is appended to.
    segments: Vec<Segment>,
    log_start_offset: Offset,
    log_end_offset: Offset,
    epochs: Epochs,
    producers: Producers,
    /// Offsets of the producer snapshots on the disk.
    snapshots: BTreeSet<Offset>,
    flush: FlushState,
    failure: Failure,
}

/// Why a log is in doubt, if it is. Shared with flushes that are under way.
#[derive(Clone, Debug, Default)]
struct Failure(Arc<OnceLock<String>>);

impl Failure {
    /// The first reason stays.
    fn set(&self, reason: String) {
        self.0.get_or_init(|| reason);
    }

    fn check(&self) -> Result<(), LogError> {
        self.0.get().map_or(Ok(()), |reason| Err(LogError::Failed { reason: reason.clone() }))
    }
}

impl Log {
    /// Where the log begins and ends, and in which epochs, for the rooms that decide.
    #[must_use]
    pub fn markers(&self) -> LogMarkers<'_> {
        LogMarkers {
            log_start_offset: self.log_start_offset,
            log_end_offset: self.log_end_offset,
            committable_end_offset: self.flush.committable_end(),
            leader_epochs: &self.epochs.cache,
        }
    }

    /// The first offset still held.
    #[must_use]
    pub fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// One past the last record.
    #[must_use]
    pub fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// The directory the log lives in.
    #[must_use]
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// The bytes of all batches held, without indexes and other small files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size).sum()
    }

    /// What the log knows of its idempotent producers (LS4).
    #[must_use]
    pub fn producers(&self) -> &Producers {
        &self.producers
    }

    /// Takes over settings that differ from those the log was opened with. What is in the log
    /// stays; less of it may be committable than before, until it is flushed.
    pub fn configure(&mut self, config: LogConfig) {
        if self.config != config {
            self.config = config;
            self.flush.reconfigured(&self.config, self.log_start_offset, self.log_end_offset);
        }
    }

    /// Forgets the producers that have been silent for `producer.id.expiration.ms`. `now` is in
    /// milliseconds since 1970, as batches count. Says how many were forgotten.
    pub fn expire_producers(&mut self, now: i64) -> usize {
        let silence = self.config.producer_id_expiration.as_millis();
        let silence = i64::try_from(silence).unwrap_or(i64::MAX);
        self.producers.expire(now.saturating_sub(silence))
    }

    /// Why the log is in doubt and refuses everything; `None` while it is sound.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.0.get().map(String::as_str)
    }

    /// Begins a leader epoch at `start_offset`, even if nothing is ever written in it (R7).
    ///
    /// # Errors
    /// The device failed; the epoch has not begun then.
    pub fn assign_leader_epoch(
        &mut self,
        epoch: LeaderEpoch,
        start_offset: Offset,
    ) -> Result<(), LogError> {
        self.failure.check()?;
        let mut cache = self.epochs.cache.clone();
        cache.assign(epoch, start_offset);
        self.change_epochs(cache)
    }

    /// Removes the log from the disk, newest segments first, so that a crash half way leaves a log.
    /// The directory itself stays, empty but for `partition.metadata`.
    ///
    /// # Errors
    /// The device failed; what is left is a log, if a shorter one.
    pub fn delete(mut self) -> Result<(), LogError> {
        while !self.segments.is_empty() {
            self.remove_last_segment()?;
        }
        self.remove_snapshots_from(Offset(i64::MIN))?;
        let path = self.epochs.path().to_owned();
        small_file::remove_if_exists(&*self.storage, &path).map_err(io_error(&path))
    }

    fn change_epochs(&mut self, cache: crate::types::LeaderEpochCache) -> Result<(), LogError> {
        let changed = self.epochs.change(&*self.storage, cache);
        if changed.map_err(io_error(self.epochs.path()))? {
            self.flush.directory_changed();
        }
        Ok(())
    }

    fn active(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log has at least one segment")
    }

    /// The index of the segment that holds `offset`, which must not lie before the log.
    fn segment_index(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }

    /// Every batch held.
    ///
    /// # Errors
    /// A batch is not what was written, or the device failed.
    pub fn batches(&self) -> Result<Vec<BatchId>, LogError> {
        self.failure.check()?;
        let mut batches = Vec::new();
        for segment in &self.segments {
            for step in segment.headers() {
                batches.push(step.map_err(|stop| segment.explain(stop))?.header.id());
            }
        }
        Ok(batches)
    }
}

/// Turns what the device said about `path` into this room's error.
fn io_error(path: &str) -> impl FnOnce(io::Error) -> LogError + use<> {
    let path = path.to_owned();
    move |source| LogError::Io { path, source }
}
