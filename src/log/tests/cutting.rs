//! A cut takes everything along that speaks of what was cut.

use super::super::testing::{
    Batch, CLEAN, DIRECTORY, UNCLEAN, config, epochs, flush, held, lead, new_log, open,
};
use super::super::{AppendedAsLeader, RecoveryHints};
use crate::types::{LeaderEpoch, Offset, ProducerId};

#[test]
fn a_cut_takes_segments_epochs_and_producers_along() {
    let (disk, mut log) = new_log(500);
    for sequence in 0..10 {
        lead(&mut log, sequence / 4, Batch::of(2).by(9, 0, sequence * 2).sized(50));
    }
    log.truncate_to(Offset(9)).unwrap();
    assert_eq!(log.log_end_offset(), Offset(8), "offset 9 lies within the batch at 8");
    assert_eq!(held(&log), [(0, 0), (2, 0), (4, 0), (6, 0)]);
    assert_eq!(epochs(&log), [(0, 0)]);
    let producer = log.producers().get(ProducerId(9)).unwrap();
    assert_eq!(producer.batches().last().unwrap().last_offset, Offset(7));
    let retry = Batch::of(2).by(9, 0, 8).sized(50);
    let appended = log.append_as_leader(retry.sent(), LeaderEpoch(3)).unwrap();
    assert!(
        matches!(appended, AppendedAsLeader::Appended { .. }),
        "cut records are not duplicates"
    );
    let (reopened, recovery) = open(&disk, config(500), UNCLEAN);
    assert!(recovery.is_uneventful(), "{recovery:?}");
    assert_eq!(held(&reopened), held(&log));
    assert_eq!(reopened.producers(), log.producers());
}

#[test]
fn epochs_are_cut_even_if_no_record_is() {
    let (_disk, mut log) = new_log(100_000);
    lead(&mut log, 1, Batch::of(2));
    log.assign_leader_epoch(LeaderEpoch(5), Offset(2)).unwrap();
    log.truncate_to(Offset(2)).unwrap();
    assert_eq!(epochs(&log), [(1, 0)]);
}

#[test]
fn what_follows_a_cut_goes_into_a_new_file() {
    let (disk, mut log) = new_log(100_000);
    lead(&mut log, 1, Batch::of(2));
    lead(&mut log, 1, Batch::of(2));
    log.truncate_to(Offset(2)).unwrap();
    lead(&mut log, 2, Batch::of(2));
    let first = &disk.files()[&format!("{DIRECTORY}/{:020}.log", 0)];
    assert_eq!(*first, Batch::of(2).held(0, 1));
    assert!(disk.files().contains_key(&format!("{DIRECTORY}/{:020}.log", 2)));
    assert_eq!(held(&log), [(0, 1), (2, 2)]);
}

#[test]
fn a_cut_that_comes_undone_is_made_again() {
    let (disk, mut log) = new_log(100_000);
    lead(&mut log, 1, Batch::of(2));
    lead(&mut log, 1, Batch::of(2));
    lead(&mut log, 1, Batch::of(2).sized(300));
    lead(&mut log, 1, Batch::of(2));
    let before = disk.files();
    log.truncate_to(Offset(2)).unwrap();
    lead(&mut log, 2, Batch::of(2));
    let flushed = RecoveryHints { recovery_point: Offset(4), ..UNCLEAN };
    for hints in [UNCLEAN, CLEAN, flushed] {
        // The segment comes back with the index entry of a batch that was cut.
        for suffix in ["log", "index", "timeindex"] {
            let path = format!("{DIRECTORY}/{:020}.{suffix}", 0);
            disk.tamper(&path, Some(before[&path].clone()));
        }
        let (reopened, recovery) = open(&disk, config(100_000), hints);
        assert_eq!(held(&reopened), [(0, 1), (2, 2)]);
        assert_eq!((recovery.bytes_cut, recovery.reason), (0, None));
    }
}

#[test]
fn a_cut_before_the_first_segment_begins_anew() {
    let (_disk, mut log) = new_log(300);
    for _ in 0..10 {
        lead(&mut log, 1, Batch::of(2).by(9, 0, -1).sized(50));
    }
    log.advance_log_start(Offset(12)).unwrap();
    log.truncate_to(Offset(5)).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(5), Offset(5)));
    assert_eq!((held(&log), epochs(&log)), (vec![], vec![]));
    lead(&mut log, 2, Batch::of(1));
    assert_eq!(held(&log), [(5, 2)]);
}

#[test]
fn a_restart_keeps_nothing() {
    let (disk, mut log) = new_log(300);
    for sequence in 0..10 {
        lead(&mut log, 1, Batch::of(2).by(9, 0, sequence * 2).sized(50));
    }
    log.restart_at(Offset(1_000)).unwrap();
    let markers = log.markers();
    assert_eq!((markers.log_start_offset, markers.log_end_offset), (Offset(1_000), Offset(1_000)));
    assert_eq!(markers.committable_end_offset, Offset(1_000));
    assert!(log.producers().is_empty() && epochs(&log).is_empty());
    let left: Vec<String> = disk.files().into_keys().filter(|n| n.ends_with(".log")).collect();
    assert_eq!(left, [format!("{DIRECTORY}/{:020}.log", 1_000)]);
    assert!(log.restart_at(Offset(-1)).is_err());
    assert!(log.truncate_to(Offset(-1)).is_err());
    assert_eq!(log.failure(), None, "a nonsensical wish does no harm");
}

#[test]
fn an_advanced_start_drops_whole_segments_and_rebases_epochs() {
    let (disk, mut log) = new_log(300);
    for sequence in 0..10 {
        lead(&mut log, sequence / 5, Batch::of(2).by(9, 0, sequence * 2).sized(50));
    }
    log.advance_log_start(Offset(13)).unwrap();
    assert_eq!(log.log_start_offset(), Offset(13));
    assert_eq!(epochs(&log), [(1, 13)]);
    assert_eq!(held(&log)[0].0, 12, "the segment that holds the start stays");
    log.advance_log_start(Offset(4)).unwrap();
    assert_eq!(log.log_start_offset(), Offset(13), "it never goes back");
    assert!(log.advance_log_start(Offset(21)).is_err());
    let hints = RecoveryHints { log_start_offset: Offset(13), ..UNCLEAN };
    let (reopened, recovery) = open(&disk, config(300), hints);
    assert!(recovery.is_uneventful(), "{recovery:?}");
    assert_eq!(epochs(&reopened), [(1, 13)]);
    assert_eq!(reopened.producers(), log.producers(), "the snapshot remembers what was dropped");
}

#[test]
fn a_log_that_ends_before_its_recorded_start_begins_anew_there() {
    let (disk, mut log) = new_log(300);
    lead(&mut log, 1, Batch::of(2));
    let hints = RecoveryHints { log_start_offset: Offset(40), ..UNCLEAN };
    let (reopened, recovery) = open(&disk, config(300), hints);
    assert_eq!((reopened.log_start_offset(), reopened.log_end_offset()), (Offset(40), Offset(40)));
    let reason = recovery.reason.unwrap();
    assert!(reason.contains("ends at offset 2, before its log start offset 40"), "{reason}");
}

#[test]
fn a_cut_below_the_recovery_point_is_not_forgotten_until_flushed() {
    let (disk, mut log) = new_log(400);
    for _ in 0..6 {
        lead(&mut log, 1, Batch::of(2).sized(50));
    }
    flush(&mut log);
    assert_eq!(log.recovery_point(), Offset(12));
    log.truncate_to(Offset(4)).unwrap();
    assert_eq!(log.recovery_point(), Offset(4));
    for _ in 0..6 {
        lead(&mut log, 2, Batch::of(2).sized(50));
    }
    // A checkpoint that was written before the cut says 12, and a segment below that is torn.
    let path = format!("{DIRECTORY}/{:020}.log", 4);
    let torn = disk.files()[&path][..100].to_vec();
    let stale = RecoveryHints { recovery_point: Offset(12), ..UNCLEAN };
    let crashed =
        disk.crash(super::super::testing::Loss::Nothing, &mut super::super::testing::Dice(0));
    crashed.tamper(&path, Some(torn));
    let (reopened, recovery) = open(&crashed, config(400), stale);
    assert_eq!(recovery.scanned_from, Some(Offset(4)));
    assert_eq!(held(&reopened), [(0, 1), (2, 1)]);
    assert!(recovery.notes[0].contains("cut at offset 4, below recovery point 12"), "{recovery:?}");

    flush(&mut log);
    let cuts = |files: std::collections::BTreeMap<String, Vec<u8>>| {
        files.into_keys().filter(|name| name.ends_with(".cut")).count()
    };
    assert_eq!(cuts(disk.files()), 0, "everything that may be on record is true again");
}

#[test]
fn a_deleted_log_leaves_nothing() {
    let (disk, mut log) = new_log(300);
    for sequence in 0..10 {
        lead(&mut log, 1, Batch::of(2).by(9, 0, sequence * 2).sized(50));
    }
    log.delete().unwrap();
    assert_eq!(disk.files().len(), 0, "{:?}", disk.files().keys());
}
