//! Reads the batches of a fetch answer, as far as a follower's state machine wants to know.

use bytes::Bytes;

use crate::protocol::batch::{Batch, BatchError, Batches};
use crate::types::{LeaderEpoch, Offset};

/// The batches of one answer, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Offset of the first record.
    pub(crate) base_offset: Option<Offset>,
    /// One past the last record, or what was asked for if there is none.
    pub(crate) end_offset: Offset,
    /// The largest leader epoch.
    pub(crate) leader_epoch_max: Option<LeaderEpoch>,
}

/// Reads the headers of all batches and checks their bytes, so that nothing which was damaged on
/// its way is mistaken for a failure of the local disk (KAFKA-8722).
///
/// # Errors
/// Bytes that are not whole, undamaged batches. A follower's fetch never ends in half a batch.
pub(crate) fn summarise(records: &Bytes, asked: Offset) -> Result<Summary, BatchError> {
    let mut summary = Summary { base_offset: None, end_offset: asked, leader_epoch_max: None };
    for batch in Batches::new(records.clone()) {
        let Batch { header, bytes } = batch?;
        header.verify_crc(&bytes)?;
        summary.base_offset.get_or_insert(header.base_offset);
        summary.end_offset = header.next_offset();
        summary.leader_epoch_max =
            summary.leader_epoch_max.max(Some(header.partition_leader_epoch));
    }
    Ok(summary)
}
