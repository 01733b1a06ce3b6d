//! Stand-in for `protocol::batch` until that room is merged.

use bytes::Bytes;

use crate::host::probe::BatchId;
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("{0}")]
    Malformed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: Offset,
    pub batch_length: i32,
    pub partition_leader_epoch: LeaderEpoch,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub base_sequence: Sequence,
    pub records_count: i32,
}

fn int<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("within the header")
}

impl BatchHeader {
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        if bytes.len() < 61 {
            return Err(BatchError::Malformed("too short for a batch header".to_owned()));
        }
        let header = Self {
            base_offset: Offset(i64::from_be_bytes(int(bytes, 0))),
            batch_length: i32::from_be_bytes(int(bytes, 8)),
            partition_leader_epoch: LeaderEpoch(i32::from_be_bytes(int(bytes, 12))),
            magic: i8::from_be_bytes(int(bytes, 16)),
            crc: u32::from_be_bytes(int(bytes, 17)),
            attributes: i16::from_be_bytes(int(bytes, 21)),
            last_offset_delta: i32::from_be_bytes(int(bytes, 23)),
            base_timestamp: i64::from_be_bytes(int(bytes, 27)),
            max_timestamp: i64::from_be_bytes(int(bytes, 35)),
            producer_id: ProducerId(i64::from_be_bytes(int(bytes, 43))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(int(bytes, 51))),
            base_sequence: Sequence(i32::from_be_bytes(int(bytes, 53))),
            records_count: i32::from_be_bytes(int(bytes, 57)),
        };
        if header.magic != 2 {
            return Err(BatchError::Malformed(format!("magic {} is not 2", header.magic)));
        }
        if header.batch_length < 49 {
            return Err(BatchError::Malformed(format!("batch length {}", header.batch_length)));
        }
        Ok(header)
    }

    pub fn size(&self) -> usize {
        12 + usize::try_from(self.batch_length).expect("parse checked it")
    }

    pub fn next_offset(&self) -> Offset {
        self.last_offset().plus(1)
    }

    pub fn last_offset(&self) -> Offset {
        self.base_offset.plus(i64::from(self.last_offset_delta))
    }

    pub fn id(&self) -> BatchId {
        BatchId {
            base_offset: self.base_offset,
            last_offset: self.last_offset(),
            leader_epoch: self.partition_leader_epoch,
            crc: self.crc,
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
        }
    }
}

pub fn verify_crc(header: &BatchHeader, bytes: &[u8]) -> Result<(), BatchError> {
    let computed = crc32c::crc32c(&bytes[21..]);
    if computed == header.crc {
        return Ok(());
    }
    Err(BatchError::Malformed(format!("crc is {computed:#010x}, not {:#010x}", header.crc)))
}

pub fn stamp_head(base_offset: Offset, epoch: LeaderEpoch, batch_length: i32) -> [u8; 16] {
    let mut head = [0; 16];
    head[..8].copy_from_slice(&base_offset.0.to_be_bytes());
    head[8..12].copy_from_slice(&batch_length.to_be_bytes());
    head[12..].copy_from_slice(&epoch.0.to_be_bytes());
    head
}

pub struct Batches {
    rest: Bytes,
}

impl Batches {
    pub fn new(bytes: Bytes) -> Self {
        Self { rest: bytes }
    }
}

impl Iterator for Batches {
    type Item = Result<(BatchHeader, Bytes), BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let header = match BatchHeader::parse(&self.rest) {
            Ok(header) => header,
            Err(error) => {
                self.rest.clear();
                return Some(Err(error));
            }
        };
        if header.size() > self.rest.len() {
            self.rest.clear();
            return Some(Err(BatchError::Malformed("batch is cut off".to_owned())));
        }
        Some(Ok((header, self.rest.split_to(header.size()))))
    }
}
