//! A snapshot of the producers' state at some offset, in Kafka's format (`.snapshot`, version 1).
//!
//! Kafka writes only the last batch of each producer; after a restart it no longer recognises the
//! four before it. We write one entry for each remembered batch, oldest first. Kafka's reader takes
//! such a file too and keeps the last entry of each producer.
//!
//! Snapshots are not fsynced. A torn one does not pass its checksum, and then an older one serves,
//! or the batches themselves.

use bytes::{Buf, BufMut};

use super::producers::{ProducedBatch, ProducerEntry, Producers};
use crate::types::{Offset, ProducerEpoch, ProducerId, Sequence};

const VERSION: i16 = 1;
const HEAD: usize = 6;
const ENTRY: usize = 46;

/// No coordinator and no open transaction: this broker has neither.
const NO_COORDINATOR: i32 = -1;
const NO_TRANSACTION: i64 = -1;

/// The snapshot as a file's content.
pub(super) fn encode(producers: &Producers) -> Vec<u8> {
    let count: usize = producers.iter().map(|(_, entry)| entry.batches().len()).sum();
    let mut body = Vec::with_capacity(4 + count * ENTRY);
    body.put_i32(i32::try_from(count).expect("two billion batches do not fit in memory"));
    for (id, entry) in producers.iter() {
        for batch in entry.batches() {
            let delta = batch.last_offset.0 - batch.base_offset.0;
            body.put_i64(id.0);
            body.put_i16(entry.epoch().0);
            body.put_i32(batch.last_sequence.0);
            body.put_i64(batch.last_offset.0);
            body.put_i32(i32::try_from(delta).expect("a batch's offset delta has 32 bits"));
            body.put_i64(batch.max_timestamp);
            body.put_i32(NO_COORDINATOR);
            body.put_i64(NO_TRANSACTION);
        }
    }
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.put_i16(VERSION);
    bytes.put_u32(crc32c::crc32c(&body));
    bytes.extend_from_slice(&body);
    bytes
}

/// The state that a file's content tells, or what is wrong with the file.
pub(super) fn decode(mut bytes: &[u8]) -> Result<Producers, String> {
    if bytes.len() < HEAD + 4 {
        return Err(format!("{} bytes are too few for a snapshot", bytes.len()));
    }
    let version = bytes.get_i16();
    if version != VERSION {
        return Err(format!("version {version} is not {VERSION}"));
    }
    let expected = bytes.get_u32();
    let computed = crc32c::crc32c(bytes);
    if computed != expected {
        return Err(format!("its crc is {computed:#010x}, not {expected:#010x}"));
    }
    let count = bytes.get_i32();
    if usize::try_from(count).ok().and_then(|count| count.checked_mul(ENTRY)) != Some(bytes.len()) {
        return Err(format!("{count} entries in {} bytes", bytes.len()));
    }
    let mut producers = Producers::default();
    while !bytes.is_empty() {
        read_entry(&mut bytes, &mut producers)?;
    }
    Ok(producers)
}

fn read_entry(bytes: &mut &[u8], producers: &mut Producers) -> Result<(), String> {
    let id = ProducerId(bytes.get_i64());
    let epoch = ProducerEpoch(bytes.get_i16());
    let last_sequence = Sequence(bytes.get_i32());
    let last_offset = Offset(bytes.get_i64());
    let delta = bytes.get_i32();
    let max_timestamp = bytes.get_i64();
    bytes.advance(4 + 8);
    if last_sequence.0 < 0 || delta < 0 || last_offset.0 < i64::from(delta) {
        return Err(format!("producer {id} has a batch that ends at offset {last_offset}"));
    }
    let known = producers.get(id).filter(|entry| entry.epoch() == epoch);
    let mut entry = known.copied().unwrap_or(ProducerEntry::new(epoch));
    entry.push(ProducedBatch {
        base_sequence: last_sequence.plus(-delta),
        last_sequence,
        base_offset: last_offset.plus(-i64::from(delta)),
        last_offset,
        max_timestamp,
    });
    producers.insert(id, entry);
    Ok(())
}
