//! Reads return whole batches, from the right one, within bounds.

use super::super::testing::{Batch, DIRECTORY, UNCLEAN, config, header, lead, new_log, open};
use super::super::{Log, ReadError, TimestampedOffset};
use crate::protocol::batch::Batches;
use crate::types::{LeaderEpoch, Offset};

/// Ten batches of three records, in segments of four batches.
fn thirty_records() -> (std::sync::Arc<super::super::testing::TestDisk>, Log) {
    let (disk, mut log) = new_log(4 * 130);
    for batch in 0..10 {
        lead(&mut log, 1, Batch::of(3).at(1_000 + 100 * batch));
    }
    (disk, log)
}

fn bases(log: &Log, from: i64, end: i64, max_bytes: usize) -> Vec<i64> {
    let bytes = log.read(Offset(from), Offset(end), max_bytes).unwrap();
    Batches::new(bytes).map(|batch| batch.unwrap().header.base_offset.0).collect()
}

#[test]
fn a_read_begins_with_the_batch_that_contains_the_offset() {
    let (_disk, log) = thirty_records();
    assert_eq!(bases(&log, 0, 30, 1), [0]);
    assert_eq!(bases(&log, 4, 30, 1), [3], "the offset lies within the batch");
    assert_eq!(bases(&log, 5, 30, 1_000_000)[..2], [3, 6]);
    let last = bases(&log, 29, 30, 1_000_000);
    assert_eq!(last, [27]);
}

#[test]
fn a_read_stops_before_a_batch_that_reaches_the_bound() {
    let (_disk, log) = thirty_records();
    assert_eq!(bases(&log, 0, 6, 1_000_000), [0, 3]);
    assert_eq!(bases(&log, 0, 5, 1_000_000), [0], "offset 5 is not below 5");
    assert_eq!(bases(&log, 3, 5, 1_000_000), [0; 0]);
    assert_eq!(bases(&log, 9, 5, 1_000_000), [0; 0], "the bound may lie below");
    assert_eq!(bases(&log, 30, 30, 1_000_000), [0; 0]);
}

#[test]
fn the_first_batch_comes_however_large_and_the_others_if_they_fit() {
    let (_disk, log) = thirty_records();
    let size = header(&Batch::of(3).sent()).size();
    assert_eq!(bases(&log, 0, 30, 0), [0]);
    assert_eq!(bases(&log, 0, 30, 2 * size - 1), [0]);
    assert_eq!(bases(&log, 0, 30, 2 * size), [0, 3]);
}

#[test]
fn offsets_outside_the_log_are_refused() {
    let (_disk, mut log) = thirty_records();
    log.advance_log_start(Offset(10)).unwrap();
    for asked in [-1, 0, 9, 31] {
        let asked = Offset(asked);
        match log.read(asked, Offset(30), 100) {
            Err(ReadError::OffsetOutOfRange { asked: named, start, end }) => {
                assert_eq!((named, start, end), (asked, Offset(10), Offset(30)));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bases(&log, 10, 30, 1), [9]);
}

#[test]
fn rot_is_named_with_its_place() {
    let (disk, log) = thirty_records();
    let path = format!("{DIRECTORY}/{:020}.log", 0);
    let mut content = disk.files()[&path].clone();
    let size = header(&Batch::of(3).sent()).size();
    content[size + 70] ^= 1;
    content[2 * size + 16] = 9;
    disk.tamper(&path, Some(content));
    assert_eq!(
        bases(&log, 0, 30, 1_000_000),
        [0, 3],
        "what can be parsed is the reader's to check"
    );
    assert_eq!(log.read_verified(Offset(0), Offset(30), 1_000_000).unwrap().len(), size);
    let error = log.read_verified(Offset(3), Offset(30), 1_000_000).unwrap_err().to_string();
    assert!(error.contains(&format!("{path} is corrupt at position {size}: ")), "{error}");
    let error = log.read(Offset(6), Offset(30), 1_000_000).unwrap_err().to_string();
    assert!(error.contains(&format!("position {}: magic 9", 2 * size)), "{error}");
}

#[test]
fn the_first_record_that_is_young_enough_is_found() {
    let (disk, mut log) = thirty_records();
    let find = |log: &Log, timestamp| log.offset_for_timestamp(timestamp).unwrap();
    let at = |timestamp, offset| {
        let leader_epoch = LeaderEpoch(1);
        Some(TimestampedOffset { timestamp, offset: Offset(offset), leader_epoch })
    };
    for log in [&log, &open(&disk, config(520), UNCLEAN).0] {
        assert_eq!(find(log, 0), at(1_000, 0));
        assert_eq!(find(log, 1_001), at(1_001, 1));
        assert_eq!(find(log, 1_003), at(1_100, 3));
        assert_eq!(find(log, 1_402), at(1_402, 14));
        assert_eq!(find(log, 1_902), at(1_902, 29));
        assert_eq!(find(log, 1_903), None);
    }
    log.advance_log_start(Offset(14)).unwrap();
    assert_eq!(find(&log, 0), at(1_402, 14), "what has been dropped is not found");
    log.truncate_to(Offset(24)).unwrap();
    assert_eq!(find(&log, 1_703), None, "nor what has been cut");
    assert_eq!(find(&log, 1_702), at(1_702, 23));
}

#[test]
fn timestamps_need_not_be_in_order() {
    let (_disk, mut log) = new_log(100_000);
    for timestamp in [5_000, 1_000, 9_000, 2_000] {
        lead(&mut log, 1, Batch::of(1).at(timestamp).sized(300));
    }
    let find = |timestamp| log.offset_for_timestamp(timestamp).unwrap().map(|f| f.offset.0);
    assert_eq!([500, 2_000, 5_001, 9_001].map(find), [Some(0), Some(0), Some(2), None]);
}
