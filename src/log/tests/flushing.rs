//! What counts as durable, and when.

use super::super::testing::{
    Batch, CLEAN, Dice, Loss, TestDisk, UNCLEAN, config, epochs, flush, lead, new_log, now, open,
};
use super::super::{AppendError, LogConfig, LogError, RecoveryHints};
use crate::types::{LeaderEpoch, Offset};

fn committable(log: &super::super::Log) -> i64 {
    log.markers().committable_end_offset.0
}

#[test]
fn without_flush_messages_everything_counts_and_nothing_is_flushed_but_old_segments() {
    let (_disk, mut log) = new_log(300);
    lead(&mut log, 1, Batch::of(2));
    assert_eq!((committable(&log), log.recovery_point(), log.needs_flush()), (2, Offset(0), false));
    for _ in 0..4 {
        lead(&mut log, 1, Batch::of(2).sized(50));
    }
    assert!(log.needs_flush(), "a segment is complete");
    flush(&mut log);
    assert_eq!((log.recovery_point(), log.needs_flush()), (Offset(10), false));
}

#[test]
fn with_flush_messages_the_unflushed_do_not_count() {
    let disk = TestDisk::new();
    let (mut log, _) = open(&disk, LogConfig { flush_messages: Some(1), ..config(10_000) }, CLEAN);
    assert!(!log.needs_flush());
    lead(&mut log, 1, Batch::of(2));
    assert_eq!((committable(&log), log.needs_flush()), (0, true));
    let ticket = log.flush_ticket();
    lead(&mut log, 1, Batch::of(2));
    let flushed = now(ticket.run()).unwrap();
    log.flushed(flushed);
    assert_eq!((committable(&log), log.needs_flush()), (2, true), "only what the ticket covers");
    flush(&mut log);
    assert_eq!((committable(&log), log.needs_flush()), (4, false));
}

#[test]
fn fewer_unflushed_records_than_the_limit_count() {
    let disk = TestDisk::new();
    let (mut log, _) = open(&disk, LogConfig { flush_messages: Some(3), ..config(10_000) }, CLEAN);
    lead(&mut log, 1, Batch::of(2));
    assert_eq!((committable(&log), log.needs_flush()), (2, false));
    lead(&mut log, 1, Batch::of(1));
    assert_eq!((committable(&log), log.needs_flush()), (2, true), "what counted goes on counting");
    flush(&mut log);
    assert_eq!((committable(&log), log.needs_flush()), (3, false));
}

/// A broker opens its logs before it knows what their topics ask for.
#[test]
fn settings_that_come_late_apply_to_what_is_not_flushed() {
    let disk = TestDisk::new();
    let strict = LogConfig { flush_messages: Some(1), ..config(10_000) };
    let (mut log, _) = open(&disk, config(10_000), CLEAN);
    lead(&mut log, 1, Batch::of(2));
    flush(&mut log);
    lead(&mut log, 1, Batch::of(3));
    assert_eq!((committable(&log), log.needs_flush()), (5, false));
    log.configure(strict.clone());
    assert_eq!((committable(&log), log.needs_flush()), (2, true));
    flush(&mut log);
    log.configure(strict);
    assert_eq!((committable(&log), log.needs_flush()), (5, false));

    log.configure(LogConfig { max_message_bytes: 10, ..config(10_000) });
    let refused = log.append_as_leader(Batch::of(1).sized(50).sent(), LeaderEpoch(1));
    assert!(matches!(refused, Err(AppendError::MessageTooLarge { max: 10, .. })), "{refused:?}");
}

#[test]
fn what_counts_never_lies_before_the_start() {
    let disk = TestDisk::new();
    let (mut log, _) = open(&disk, LogConfig { flush_messages: Some(1), ..config(10_000) }, CLEAN);
    log.restart_at(Offset(50)).unwrap();
    log.append_as_follower(Batch::of(10).held(45, 2)).unwrap();
    assert_eq!((log.log_start_offset(), committable(&log)), (Offset(50), 50));
    lead(&mut log, 2, Batch::of(1));
    log.advance_log_start(Offset(55)).unwrap();
    assert_eq!(committable(&log), 55);
    assert!(log.recovery_point() < Offset(50), "but nothing has been flushed");
    flush(&mut log);
    assert_eq!((committable(&log), log.recovery_point()), (56, Offset(56)));
}

#[test]
fn a_flush_that_ran_across_a_cut_claims_nothing() {
    let (_disk, mut log) = new_log(10_000);
    lead(&mut log, 1, Batch::of(2));
    lead(&mut log, 1, Batch::of(2));
    let ticket = log.flush_ticket();
    log.truncate_to(Offset(2)).unwrap();
    lead(&mut log, 2, Batch::of(5));
    let flushed = now(ticket.run()).unwrap();
    log.flushed(flushed);
    assert_eq!(log.recovery_point(), Offset(0));
    flush(&mut log);
    assert_eq!(log.recovery_point(), Offset(7));
}

#[test]
fn a_failed_fsync_is_final() {
    let (disk, mut log) = new_log(10_000);
    lead(&mut log, 1, Batch::of(2));
    disk.fail_sync(true);
    assert!(now(log.flush_ticket().run()).is_err());
    disk.fail_sync(false);
    let refused = log.append_as_leader(Batch::of(1).sent(), LeaderEpoch(1));
    assert!(matches!(refused, Err(AppendError::Log(LogError::Failed { .. }))));
    // A later fsync that succeeds proves nothing.
    let flushed = now(log.flush_ticket().run()).unwrap();
    log.flushed(flushed);
    assert_eq!(log.recovery_point(), Offset(0));
    assert!(log.failure().unwrap().starts_with("fsync of data/orders-0/"), "{:?}", log.failure());
}

/// After a failed fsync the cache still has what the device never got, and calls it clean. A log
/// that is opened on it must not take the next fsync's word for it.
#[test]
fn what_a_failed_fsync_left_in_the_cache_is_written_again_before_it_counts() {
    let disk = TestDisk::new();
    let strict = LogConfig { flush_messages: Some(1), ..config(10_000) };
    let (mut log, _) = open(&disk, strict.clone(), CLEAN);
    lead(&mut log, 1, Batch::of(2));
    flush(&mut log);
    let hints = RecoveryHints { recovery_point: log.recovery_point(), ..UNCLEAN };
    lead(&mut log, 2, Batch::of(3));
    disk.fail_sync(true);
    assert!(now(log.flush_ticket().run()).is_err());
    disk.fail_sync(false);
    drop(log);

    let (mut log, recovery) = open(&disk, strict.clone(), hints);
    assert_eq!((log.log_end_offset(), recovery.bytes_cut), (Offset(5), 0));
    assert_eq!((log.recovery_point(), committable(&log)), (Offset(2), 2));
    flush(&mut log);
    assert_eq!((log.recovery_point(), committable(&log)), (Offset(5), 5));
    let hints = RecoveryHints { recovery_point: log.recovery_point(), ..UNCLEAN };
    let (known, bare) = (epochs(&log), disk.crash(Loss::Power { survival: 0 }, &mut Dice(1)));
    let (log, recovery) = open(&bare, strict, hints);
    assert_eq!((log.log_end_offset(), recovery.bytes_cut), (Offset(5), 0), "{recovery:?}");
    assert_eq!(epochs(&log), known);
}

#[test]
fn an_append_writes_little_and_syncs_nothing() {
    let (disk, mut log) = new_log(1_000_000);
    lead(&mut log, 1, Batch::of(1));
    flush(&mut log);
    let (changes, syncs) = (disk.changes(), disk.syncs());
    for _ in 0..100 {
        lead(&mut log, 1, Batch::of(1).sized(2));
    }
    assert!(disk.changes() - changes <= 150, "one write each, and an index entry now and then");
    assert_eq!(disk.syncs(), syncs);
    flush(&mut log);
    assert_eq!(disk.syncs() - syncs, 1, "one file has grown and no name has changed");
    flush(&mut log);
    assert_eq!(disk.syncs() - syncs, 1, "and now nothing has");
}

#[test]
fn a_clean_stop_needs_no_scan_and_leaves_a_snapshot() {
    let (disk, mut log) = new_log(1_000_000);
    for sequence in 0..8 {
        lead(&mut log, 1, Batch::of(1).by(9, 0, sequence));
    }
    let ticket = log.close().unwrap();
    let flushed = now(ticket.run()).unwrap();
    log.flushed(flushed);
    let (reopened, recovery) = open(&disk, config(1_000_000), CLEAN);
    assert!(recovery.is_uneventful(), "{recovery:?}");
    assert_eq!((recovery.scanned_from, reopened.recovery_point()), (None, Offset(8)));
    assert_eq!(reopened.producers(), log.producers());
    let (reopened, recovery) = open(&disk, config(1_000_000), UNCLEAN);
    assert_eq!((recovery.scanned_from, reopened.recovery_point()), (Some(Offset(0)), Offset(0)));
}
