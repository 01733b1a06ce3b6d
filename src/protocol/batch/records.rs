//! The records of an uncompressed batch, for clients and tests; brokers do not look at them.

use bytes::{Buf, Bytes};

use super::{BatchError, BatchHeader, Compression, HEADER_BYTES, varint};
use crate::types::Offset;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the log.
    pub offset: Offset,
    /// Its time in milliseconds since 1970: its creation, or its append if the topic says so.
    pub timestamp: i64,
    /// What it is about, if anything.
    pub key: Option<Bytes>,
    /// What it says; `None` deletes the key in a compacted topic.
    pub value: Option<Bytes>,
    /// What was written beside it, in order; keys may repeat.
    pub headers: Vec<RecordHeader>,
}

/// One header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Its name; UTF-8 by convention.
    pub key: Bytes,
    /// Its value.
    pub value: Option<Bytes>,
}

/// Goes through the records of one batch. Keys and values are slices of the batch.
#[derive(Clone, Debug)]
pub struct Records {
    header: BatchHeader,
    rest: Bytes,
    /// Of the next record; past the last one after an error.
    index: i32,
}

/// The records of the batch that `batch` begins with. The checksum is not looked at.
///
/// # Errors
/// The batch is not all there, or compressed.
pub fn records(batch: &Bytes) -> Result<Records, BatchError> {
    let header = BatchHeader::parse(batch)?;
    let (size, available) = (header.size(), batch.len());
    if size > available {
        return Err(BatchError::BatchCut { size, available });
    }
    let compression = header.attributes.compression();
    if compression != Compression::None {
        return Err(BatchError::Compressed(compression));
    }
    Ok(Records { header, rest: batch.slice(HEADER_BYTES..size), index: 0 })
}

impl Iterator for Records {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.index;
        if index >= self.header.records_count.max(0) {
            let trailing = !self.rest.is_empty() && index != i32::MAX;
            self.rest = Bytes::new();
            return trailing
                .then_some(Err(BatchError::Record { index, reason: "bytes follow the records" }));
        }
        self.index += 1;
        let record = self.take().map_err(|reason| BatchError::Record { index, reason });
        if record.is_err() {
            self.index = i32::MAX;
            self.rest = Bytes::new();
        }
        Some(record)
    }
}

impl Records {
    fn take(&mut self) -> Result<Record, &'static str> {
        let length = varint::read_i32(&mut self.rest).ok_or("no length")?;
        let length = usize::try_from(length).map_err(|_| "a negative length")?;
        if length > self.rest.len() {
            return Err("longer than the batch");
        }
        let mut body = self.rest.split_to(length);
        if !body.has_remaining() {
            return Err("no attributes");
        }
        body.advance(1); // A record's own attributes have no meaning yet.
        let timestamp_delta = varint::read_i64(&mut body).ok_or("no timestamp")?;
        let offset_delta = varint::read_i32(&mut body).ok_or("no offset")?;
        if !(0..=self.header.last_offset_delta).contains(&offset_delta) {
            return Err("an offset outside the batch");
        }
        let key = take_bytes(&mut body)?;
        let value = take_bytes(&mut body)?;
        let headers = take_headers(&mut body)?;
        if body.has_remaining() {
            return Err("bytes follow its headers");
        }
        let offset = self.header.base_offset.plus(i64::from(offset_delta));
        Ok(Record { offset, timestamp: self.timestamp(timestamp_delta), key, value, headers })
    }

    fn timestamp(&self, delta: i64) -> i64 {
        if self.header.attributes.is_log_append_time() {
            return self.header.max_timestamp;
        }
        // Deltas wrap as the producer's subtraction did.
        self.header.base_timestamp.wrapping_add(delta)
    }
}

fn take_bytes(body: &mut Bytes) -> Result<Option<Bytes>, &'static str> {
    let length = varint::read_i32(body).ok_or("no length of a field")?;
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| "a negative length of a field")?;
    if length > body.len() {
        return Err("a field longer than the record");
    }
    Ok(Some(body.split_to(length)))
}

fn take_headers(body: &mut Bytes) -> Result<Vec<RecordHeader>, &'static str> {
    let count = varint::read_i32(body).ok_or("no number of headers")?;
    if count < 0 {
        return Err("a negative number of headers");
    }
    // Nothing is reserved: the number is a claim, and each header that is there costs two bytes.
    let mut headers = Vec::new();
    for _ in 0..count {
        let key = take_bytes(body)?.ok_or("a header without a key")?;
        headers.push(RecordHeader { key, value: take_bytes(body)? });
    }
    Ok(headers)
}
