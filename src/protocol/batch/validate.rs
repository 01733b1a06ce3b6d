//! What a leader demands of a batch that a producer sends (R27).
//!
//! As in Kafka, but for one thing: Kafka also reads every record, and decompresses for that; here
//! the records stay opaque, and the checksum vouches that they are what the producer wrote.

use super::{BatchError, BatchHeader};
use crate::types::{ProducerEpoch, ProducerId, Sequence};

/// Checks the records that a produce request brings for one partition: exactly one batch, whole
/// and unharmed, numbered without gaps, and of a kind that clients may write.
///
/// Size limits are not looked at; they are the topic's.
///
/// # Errors
/// Nothing of it may be appended.
pub fn validate_produced(records: &[u8]) -> Result<BatchHeader, BatchError> {
    let header = BatchHeader::parse(records)?;
    let (size, available) = (header.size(), records.len());
    if size > available {
        return Err(BatchError::BatchCut { size, available });
    }
    if size < available {
        return Err(BatchError::Several { size, trailing: available - size });
    }
    header.verify_crc(records)?;
    let BatchHeader { records_count, last_offset_delta, producer_id, .. } = header;
    if records_count <= 0 || records_count - 1 != last_offset_delta {
        return Err(BatchError::Count { records_count, last_offset_delta });
    }
    if header.attributes.is_control() {
        return Err(BatchError::Control);
    }
    if header.attributes.is_transactional() {
        return Err(BatchError::Transactional(producer_id));
    }
    let compression = header.attributes.compression();
    if compression == super::Compression::Unknown {
        return Err(BatchError::Compressed(compression));
    }
    consistent_producer(&header)?;
    Ok(header)
}

fn consistent_producer(header: &BatchHeader) -> Result<(), BatchError> {
    let &BatchHeader { producer_id, producer_epoch, base_sequence, .. } = header;
    let complete = producer_epoch >= ProducerEpoch(0) && base_sequence >= Sequence(0);
    // Without a producer id Kafka does not look at the other two; an id below -1 has no meaning.
    if producer_id == ProducerId::NONE || (header.has_producer_id() && complete) {
        return Ok(());
    }
    Err(BatchError::Producer { producer_id, producer_epoch, base_sequence })
}
