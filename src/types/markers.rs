//! What the pure rooms are told about the local log with every event.

use super::{LeaderEpochCache, Offset};

/// The local log's markers at the moment of an event. The log owns them; the pure rooms never
/// keep a copy, so the two cannot disagree.
///
/// Invariant (R1): `log_start_offset <= committable_end_offset <= log_end_offset`.
#[derive(Clone, Copy, Debug)]
pub struct LogMarkers<'log> {
    /// The first offset still held.
    pub log_start_offset: Offset,
    /// One past the last record appended.
    pub log_end_offset: Offset,
    /// How far this replica's own copy counts towards the high watermark: `log_end_offset`, unless
    /// `flush.messages` demands an fsync first; then the end of what is known to be on disk.
    pub committable_end_offset: Offset,
    /// The log's leader epochs (R2).
    pub leader_epochs: &'log LeaderEpochCache,
}
