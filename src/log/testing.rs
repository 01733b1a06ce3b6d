//! What the tests of this room share: a disk that forgets, batches, and a log to try them on.

mod disk;

pub(super) use disk::{Loss, TestDisk};

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

use super::{Log, LogConfig, Recovery, RecoveryHints};
use crate::protocol::batch::{BatchHeader, NewRecord, ProducerStamp, RecordBatchBuilder};
use crate::types::{LeaderEpoch, LeaderEpochCache, Offset, ProducerEpoch, ProducerId, Sequence};

pub(super) const DIRECTORY: &str = "data/orders-0";

/// Runs a future that never really waits, as those of the test disk do.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the test disk does not wait"),
    }
}

/// Dice with a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(pub u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, or zero.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub(super) fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(u64::try_from(limit).unwrap())).unwrap()
    }
}

/// A batch as a producer makes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub records: usize,
    pub value_bytes: usize,
    pub timestamp: i64,
    /// Producer id, epoch, base sequence.
    pub producer: Option<(i64, i16, i32)>,
}

impl Batch {
    pub(super) fn of(records: usize) -> Self {
        Self { records, value_bytes: 10, timestamp: 1_000, producer: None }
    }

    pub(super) fn by(self, id: i64, epoch: i16, base_sequence: i32) -> Self {
        Self { producer: Some((id, epoch, base_sequence)), ..self }
    }

    pub(super) fn at(self, timestamp: i64) -> Self {
        Self { timestamp, ..self }
    }

    pub(super) fn sized(self, value_bytes: usize) -> Self {
        Self { value_bytes, ..self }
    }

    fn builder(self) -> RecordBatchBuilder {
        let mut builder = RecordBatchBuilder::new();
        if let Some((id, epoch, base_sequence)) = self.producer {
            builder = builder.produced_by(ProducerStamp {
                id: ProducerId(id),
                epoch: ProducerEpoch(epoch),
                base_sequence: Sequence(base_sequence),
            });
        }
        for number in 0..self.records {
            builder.push(NewRecord {
                value: Some(Bytes::from(vec![b'v'; self.value_bytes])),
                timestamp: self.timestamp + i64::try_from(number).unwrap(),
                ..NewRecord::default()
            });
        }
        builder
    }

    /// Its bytes, as a producer sends them.
    pub(super) fn sent(self) -> Bytes {
        self.builder().build().unwrap()
    }

    /// Its bytes, as a log holds them.
    pub(super) fn held(self, base_offset: i64, epoch: i32) -> Bytes {
        self.builder().appended_at(Offset(base_offset), LeaderEpoch(epoch)).build().unwrap()
    }
}

/// Several batches in a row.
pub(super) fn joined(batches: &[Bytes]) -> Bytes {
    Bytes::from(batches.concat())
}

pub(super) fn header(batch: &Bytes) -> BatchHeader {
    BatchHeader::parse(batch).unwrap()
}

/// Segments of `segment_bytes`, an index entry for nearly every batch.
pub(super) fn config(segment_bytes: u32) -> LogConfig {
    LogConfig {
        segment_bytes,
        index_interval_bytes: 200,
        max_message_bytes: 10_000,
        flush_messages: None,
        producer_id_expiration: Duration::from_secs(86_400),
    }
}

pub(super) const UNCLEAN: RecoveryHints =
    RecoveryHints { clean: false, recovery_point: Offset::ZERO, log_start_offset: Offset::ZERO };

pub(super) const CLEAN: RecoveryHints = RecoveryHints { clean: true, ..UNCLEAN };

pub(super) fn open(
    disk: &Arc<TestDisk>,
    config: LogConfig,
    hints: RecoveryHints,
) -> (Log, Recovery) {
    let storage: Arc<TestDisk> = Arc::clone(disk);
    Log::open(storage, DIRECTORY.to_owned(), config, hints).unwrap()
}

/// An empty log on a new disk.
pub(super) fn new_log(segment_bytes: u32) -> (Arc<TestDisk>, Log) {
    let disk = TestDisk::new();
    let (log, recovery) = open(&disk, config(segment_bytes), CLEAN);
    assert!(recovery.is_uneventful(), "{recovery:?}");
    (disk, log)
}

/// Appends as the leader in `epoch`, which must succeed.
pub(super) fn lead(log: &mut Log, epoch: i32, batch: Batch) {
    log.append_as_leader(batch.sent(), LeaderEpoch(epoch)).unwrap();
}

pub(super) fn flush(log: &mut Log) {
    let flushed = now(log.flush_ticket().run()).unwrap();
    log.flushed(flushed);
}

/// Base offset and epoch of every batch held.
pub(super) fn held(log: &Log) -> Vec<(i64, i32)> {
    log.batches().unwrap().iter().map(|b| (b.base_offset.0, b.leader_epoch.0)).collect()
}

pub(super) fn epochs(log: &Log) -> Vec<(i32, i64)> {
    let markers = log.markers();
    markers.leader_epochs.entries().iter().map(|e| (e.epoch.0, e.start_offset.0)).collect()
}

/// The leader epochs that these batches tell (LS3), for a log that starts at `start`.
pub(super) fn epochs_of<'b>(
    batches: impl Iterator<Item = &'b BatchHeader>,
    start: Offset,
) -> LeaderEpochCache {
    let mut cache = LeaderEpochCache::default();
    for header in batches {
        if cache.latest() != Some(header.partition_leader_epoch) {
            cache.assign(header.partition_leader_epoch, header.base_offset);
        }
    }
    cache.truncate_start(start);
    cache
}
