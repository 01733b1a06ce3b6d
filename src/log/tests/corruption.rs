//! Whatever stands on the disk, a log comes out that tells no lies, and it says what it found.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::testing::{
    Batch, CLEAN, DIRECTORY, Dice, Loss, TestDisk, UNCLEAN, config, epochs_of, flush, held, lead,
    new_log, open,
};
use super::super::{Corruption, Log, Producers, ReadError, Recovery, RecoveryHints};
use crate::host::probe::BatchId;
use crate::protocol::batch::{BatchHeader, Batches};
use crate::types::{LeaderEpoch, Offset};

/// Twenty batches in several segments, epochs and producers; flushed and closed.
fn sample() -> (Arc<TestDisk>, Vec<BatchId>) {
    let (disk, mut log) = new_log(900);
    for number in 0..20 {
        lead(&mut log, number / 6, Batch::of(2).by(7, 0, number * 2).sized(60));
    }
    flush(&mut log);
    let batches = log.batches().unwrap();
    drop(log.close().unwrap());
    (disk, batches)
}

fn path(base: i64, suffix: &str) -> String {
    format!("{DIRECTORY}/{base:020}.{suffix}")
}

/// A log that tells the truth: a prefix of what was written, readable to its end, its siblings told
/// by its batches.
fn check_honest(log: &Log, written: &[BatchId]) {
    let held = log.batches().unwrap();
    assert_eq!(held, written[..held.len()]);
    let mut headers: Vec<BatchHeader> = Vec::new();
    let mut from = log.log_start_offset();
    while from < log.log_end_offset() {
        let bytes = log.read_verified(from, log.log_end_offset(), 10_000).unwrap();
        for batch in Batches::new(bytes) {
            let header = batch.unwrap().header;
            from = header.next_offset();
            headers.push(header);
        }
    }
    let mut epochs = epochs_of(headers.iter(), Offset::ZERO);
    epochs.truncate_end(log.log_end_offset());
    assert_eq!(*log.markers().leader_epochs, epochs);
    let mut producers = Producers::default();
    headers.iter().for_each(|header| producers.note(header));
    assert_eq!(*log.producers(), producers);
}

/// The first batch with a wrong checksum.
fn find_rot(log: &Log) -> Option<Corruption> {
    log.batches().unwrap().iter().find_map(|batch| {
        match log.read_verified(batch.last_offset, log.log_end_offset(), 0) {
            Ok(_) => None,
            Err(ReadError::Corrupt(corruption)) => Some(corruption),
            Err(other) => panic!("{other}"),
        }
    })
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let (disk, written) = sample();
    let end = written.last().unwrap().last_offset.plus(1);
    for (name, content) in disk.files() {
        for position in (0..content.len()).step_by(7) {
            let mut flipped = content.clone();
            flipped[position] ^= 1 << (position % 8);
            let copy = disk.crash(Loss::Nothing, &mut Dice(0));
            copy.tamper(&name, Some(flipped));
            let (log, recovery) = open(&copy, config(900), UNCLEAN);
            // The leader epoch lies outside the checksum: a flip there may pass for another epoch.
            let held = log.batches().unwrap();
            let strange: Vec<_> = held.iter().zip(&written).filter(|(a, b)| a != b).collect();
            if let [(got, meant)] = strange[..] {
                assert_eq!(BatchId { leader_epoch: meant.leader_epoch, ..*got }, *meant);
                assert_ne!(got.leader_epoch, meant.leader_epoch);
                assert!(log.log_end_offset() == end || recovery.reason.is_some());
                continue;
            }
            check_honest(&log, &written);
            assert!(!name.ends_with(".log") || recovery.reason.is_some(), "{name} {recovery:?}");
        }
    }
}

/// Opens the sample after `damage` has been done to `name`.
fn open_damaged(name: &str, damage: Option<&[u8]>, hints: RecoveryHints) -> (Log, Recovery) {
    let (disk, written) = sample();
    assert!(disk.files().contains_key(name), "{name}");
    disk.tamper(name, damage.map(<[u8]>::to_vec));
    let (log, recovery) = open(&disk, config(900), hints);
    check_honest(&log, &written);
    (log, recovery)
}

#[test]
fn indexes_are_rebuilt_without_loss() {
    let recovered = RecoveryHints { recovery_point: Offset(40), ..UNCLEAN };
    for hints in [CLEAN, recovered, UNCLEAN] {
        for suffix in ["index", "timeindex"] {
            for damage in [None, Some(&b"garbage"[..]), Some(&[0; 96]), Some(&[0x7f; 24])] {
                let (log, recovery) = open_damaged(&path(0, suffix), damage, hints);
                assert_eq!(log.log_end_offset(), Offset(40), "{recovery:?}");
                assert_eq!((recovery.bytes_cut, &recovery.reason), (0, &None));
                assert_eq!(log.offset_for_timestamp(1_001).unwrap().unwrap().offset, Offset(1));
                if hints != UNCLEAN {
                    assert!(recovery.notes[0].ends_with("; rebuilt"), "{recovery:?}");
                }
            }
        }
    }
}

#[test]
fn an_index_that_leads_astray_is_not_followed() {
    let (disk, mut log) = new_log(100_000);
    for _ in 0..20 {
        lead(&mut log, 1, Batch::of(1).sized(100));
    }
    drop(log);
    let name = path(0, "index");
    let mut index = disk.files()[&name].clone();
    index[7] ^= 4;
    disk.tamper(&name, Some(index));
    let (log, _) = open(&disk, config(100_000), CLEAN);
    for offset in 0..20 {
        let bytes = log.read(Offset(offset), Offset(20), 1).unwrap();
        assert_eq!(bytes, Batch::of(1).sized(100).held(offset, 1));
    }
}

#[test]
fn leader_epochs_are_rebuilt_without_loss() {
    let name = format!("{DIRECTORY}/leader-epoch-checkpoint");
    for hints in [CLEAN, UNCLEAN] {
        for (damage, expected) in [
            (None, "the leader epochs were missing"),
            (Some(&b"0\n1\n0"[..]), "leader-epoch-checkpoint line 3: the file ends here"),
            (Some(b"\0\0\0\0\0"), "leader-epoch-checkpoint line 1: the file ends here"),
            (Some(b"0\n2\n3 0\n2 9\n"), "line 4: epochs and offsets must grow"),
        ] {
            let (_, recovery) = open_damaged(&name, damage, hints);
            assert!(recovery.notes[0].contains(expected), "{recovery:?}");
        }
    }
    for stale in [&b"0\n0\n"[..], b"0\n1\n0 0\n", b"0\n2\n0 0\n9 14\n", b"0\n1\n0 39\n"] {
        let (_, recovery) = open_damaged(&name, Some(stale), CLEAN);
        assert!(recovery.notes[0].contains("contradict the batches"), "{recovery:?}");
    }
}

#[test]
fn torn_snapshots_are_not_used() {
    let (disk, written) = sample();
    let snapshots: BTreeMap<String, Vec<u8>> =
        disk.files().into_iter().filter(|(name, _)| name.ends_with(".snapshot")).collect();
    assert!(snapshots.len() > 3);
    for (name, content) in &snapshots {
        disk.tamper(name, Some(content[..content.len() / 2].to_vec()));
    }
    let (log, recovery) = open(&disk, config(900), CLEAN);
    check_honest(&log, &written);
    assert_eq!(recovery.notes.len(), snapshots.len(), "{recovery:?}");
    assert!(recovery.notes[0].contains("; not used"));
}

#[test]
fn rot_below_the_recovery_point_is_cut_when_it_is_met() {
    let (disk, written) = sample();
    let mut content = disk.files()[&path(0, "log")].clone();
    content[16] = 1;
    disk.tamper(&path(0, "log"), Some(content));
    disk.tamper(&format!("{DIRECTORY}/leader-epoch-checkpoint"), None);
    let (log, recovery) = open(&disk, config(900), CLEAN);
    check_honest(&log, &written);
    assert_eq!(log.log_end_offset(), Offset(0));
    assert!(recovery.notes.iter().any(|note| note.contains("it had been flushed")), "{recovery:?}");
    assert!(recovery.reason.unwrap().contains("magic 1"));
    assert!(recovery.segments_removed > 2);
}

#[test]
fn a_missing_segment_ends_the_log() {
    let (disk, written) = sample();
    let logs: Vec<String> =
        disk.files().into_keys().filter(|name| name.ends_with(".log")).collect();
    disk.tamper(&logs[2], None);
    let (mut log, recovery) = open(&disk, config(900), UNCLEAN);
    check_honest(&log, &written);
    assert_eq!(recovery.segments_removed, logs.len() - 3);
    let reason = recovery.reason.unwrap();
    assert!(reason.contains("does not continue the segment before it"), "{reason}");
    let next = log.log_end_offset();
    lead(&mut log, 9, Batch::of(1));
    assert_eq!(held(&log).last(), Some(&(next.0, 9)));
}

#[test]
fn an_empty_or_foreign_directory_gives_an_empty_log() {
    let (disk, _) = sample();
    for name in disk.files().into_keys() {
        disk.tamper(&name, if name.ends_with(".log") { Some(vec![0xaa; 300]) } else { None });
    }
    let (mut log, recovery) = open(&disk, config(900), UNCLEAN);
    assert_eq!((held(&log), log.log_end_offset()), (vec![], Offset(0)));
    assert!(recovery.reason.is_some() && recovery.bytes_cut >= 900);
    log.append_as_leader(Batch::of(1).sent(), LeaderEpoch(1)).unwrap();
    assert_eq!(held(&log), [(0, 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn garbage_in_any_file_never_makes_a_log_lie(
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        garbage in prop::collection::vec(any::<u8>(), 0..200),
        recovery_point in 0..50_i64,
        clean in any::<bool>(),
    ) {
        let (disk, written) = sample();
        let files: Vec<(String, Vec<u8>)> = disk.files().into_iter().collect();
        let (name, content) = which.get(&files);
        let mut damaged = content[..cut.index(content.len() + 1)].to_vec();
        damaged.extend(garbage);
        disk.tamper(name, Some(damaged));
        let hints = RecoveryHints { clean, recovery_point: Offset(recovery_point), ..UNCLEAN };
        let (mut log, _) = open(&disk, config(900), hints);
        if let Some(rot) = find_rot(&log) {
            // Records that changed under a sound header, where nobody had reason to look. Whoever
            // reads them learns of it, and a scan cuts them.
            prop_assert!(clean || recovery_point > 0, "{}", rot);
            (log, _) = open(&disk, config(900), UNCLEAN);
        }
        check_honest(&log, &written);
        lead(&mut log, 9, Batch::of(1).by(8, 0, 0));
        log.truncate_to(Offset(13)).unwrap();
        let (reopened, recovery) = open(&disk, config(900), UNCLEAN);
        prop_assert_eq!((recovery.bytes_cut, &recovery.reason), (0, &None), "{:?}", recovery);
        prop_assert_eq!(reopened.batches().unwrap(), log.batches().unwrap());
    }
}
