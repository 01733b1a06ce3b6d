//! Leaders number, stamp and recognise retries; followers copy.

use bytes::Bytes;

use super::super::testing::{
    Batch, CLEAN, UNCLEAN, config, epochs, header, held, joined, lead, new_log, open,
};
use super::super::{AppendError, AppendedAsLeader, Log, LogError};
use crate::types::{LeaderEpoch, Offset, ProducerId, Sequence};

fn produce(log: &mut Log, batch: Batch) -> Result<AppendedAsLeader, AppendError> {
    log.append_as_leader(batch.sent(), LeaderEpoch(1))
}

#[test]
fn a_leader_stamps_offset_and_epoch_and_changes_nothing_else() {
    let (disk, mut log) = new_log(100_000);
    lead(&mut log, 1, Batch::of(3));
    let AppendedAsLeader::Appended { base_offset, last_offset, batches } =
        log.append_as_leader(Batch::of(2).sent(), LeaderEpoch(4)).unwrap()
    else {
        panic!("not a retry");
    };
    assert_eq!((base_offset, last_offset), (Offset(3), Offset(4)));
    assert_eq!(batches, [header(&Batch::of(2).held(3, 4)).id()]);
    let file = &disk.files()["data/orders-0/00000000000000000000.log"];
    assert_eq!(*file, [Batch::of(3).held(0, 1), Batch::of(2).held(3, 4)].concat());
    assert_eq!(epochs(&log), [(1, 0), (4, 3)]);
}

#[test]
fn a_retry_is_answered_with_the_offsets_of_the_original() {
    let (_disk, mut log) = new_log(100_000);
    for sequence in 0..7 {
        produce(&mut log, Batch::of(1).by(9, 0, sequence)).unwrap();
    }
    for sequence in 2..7 {
        let offset = Offset(i64::from(sequence));
        assert_eq!(
            produce(&mut log, Batch::of(1).by(9, 0, sequence)).unwrap(),
            AppendedAsLeader::Duplicate { base_offset: offset, last_offset: offset }
        );
    }
    assert!(
        matches!(
            produce(&mut log, Batch::of(1).by(9, 0, 1)),
            Err(AppendError::OutOfOrderSequence { expected: Sequence(7), got: Sequence(1), .. })
        ),
        "older than the last five"
    );
    assert!(
        matches!(
            produce(&mut log, Batch::of(2).by(9, 0, 6)),
            Err(AppendError::OutOfOrderSequence { .. })
        ),
        "begins like a known batch, but is another"
    );
    assert_eq!(log.log_end_offset(), Offset(7));
}

#[test]
fn sequences_have_no_gaps_and_new_epochs_begin_at_zero() {
    let (_disk, mut log) = new_log(100_000);
    produce(&mut log, Batch::of(2).by(9, 3, 40)).expect("an unknown producer may begin anywhere");
    for (batch, expected) in
        [(Batch::of(1).by(9, 3, 43), Sequence(42)), (Batch::of(1).by(9, 4, 42), Sequence(0))]
    {
        match produce(&mut log, batch) {
            Err(AppendError::OutOfOrderSequence { expected: named, .. }) => {
                assert_eq!(named, expected);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(
        produce(&mut log, Batch::of(1).by(9, 2, 42)),
        Err(AppendError::InvalidProducerEpoch { .. })
    ));
    produce(&mut log, Batch::of(1).by(9, 4, 0)).unwrap();
    assert!(
        matches!(
            produce(&mut log, Batch::of(2).by(9, 3, 40)),
            Err(AppendError::InvalidProducerEpoch { .. })
        ),
        "a retry of a fenced incarnation is no success"
    );
    let producer = log.producers().get(ProducerId(9)).unwrap();
    assert_eq!(producer.batches().len(), 1, "the window is the epoch's");
}

#[test]
fn sequences_wrap_to_zero() {
    let (_disk, mut log) = new_log(100_000);
    produce(&mut log, Batch::of(3).by(9, 0, i32::MAX - 1)).unwrap();
    produce(&mut log, Batch::of(1).by(9, 0, 1)).expect("MAX-1, MAX, 0, then 1");
    assert_eq!(
        produce(&mut log, Batch::of(3).by(9, 0, i32::MAX - 1)).unwrap(),
        AppendedAsLeader::Duplicate { base_offset: Offset(0), last_offset: Offset(2) }
    );
}

#[test]
fn a_request_of_several_batches_is_judged_as_one() {
    let (_disk, mut log) = new_log(100_000);
    let two = joined(&[Batch::of(2).by(9, 0, 0).sent(), Batch::of(1).by(9, 0, 2).sent()]);
    let appended = log.append_as_leader(two.clone(), LeaderEpoch(1)).unwrap();
    assert!(matches!(
        appended,
        AppendedAsLeader::Appended { base_offset: Offset(0), last_offset: Offset(2), .. }
    ));
    assert_eq!(
        log.append_as_leader(two, LeaderEpoch(1)).unwrap(),
        AppendedAsLeader::Duplicate { base_offset: Offset(0), last_offset: Offset(2) }
    );
    let mixed = joined(&[Batch::of(1).by(9, 0, 2).sent(), Batch::of(1).by(9, 0, 3).sent()]);
    assert!(matches!(
        log.append_as_leader(mixed, LeaderEpoch(1)),
        Err(AppendError::OutOfOrderSequence { .. })
    ));
    let gap = joined(&[Batch::of(1).by(9, 0, 3).sent(), Batch::of(1).by(9, 0, 5).sent()]);
    assert!(matches!(
        log.append_as_leader(gap, LeaderEpoch(1)),
        Err(AppendError::OutOfOrderSequence { expected: Sequence(4), .. })
    ));
    assert_eq!(log.log_end_offset(), Offset(3));
}

#[test]
fn what_is_too_large_or_nothing_is_refused() {
    let (_disk, mut log) = new_log(5_000);
    assert!(matches!(
        produce(&mut log, Batch::of(1).sized(11_000)),
        Err(AppendError::MessageTooLarge { max: 10_000, .. })
    ));
    assert!(matches!(
        produce(&mut log, Batch::of(1).sized(6_000)),
        Err(AppendError::RecordListTooLarge { max: 5_000, .. })
    ));
    let nothing = log.append_as_leader(Bytes::new(), LeaderEpoch(1));
    assert!(matches!(nothing, Err(AppendError::Empty)));
    lead(&mut log, 3, Batch::of(1));
    assert!(matches!(
        produce(&mut log, Batch::of(1)),
        Err(AppendError::LeaderEpochDecreased { latest: LeaderEpoch(3), got: LeaderEpoch(1) })
    ));
}

#[test]
fn segments_roll_before_they_grow_too_large() {
    let (disk, mut log) = new_log(500);
    for _ in 0..10 {
        lead(&mut log, 1, Batch::of(1).sized(100));
    }
    let files = disk.files();
    let logs: Vec<&String> = files.keys().filter(|name| name.ends_with(".log")).collect();
    assert_eq!(logs.len(), 5, "two batches of 170 bytes fit into 500: {logs:?}");
    assert!(files.iter().all(|(name, file)| !name.ends_with(".log") || file.len() <= 500));
}

#[test]
fn a_write_that_fails_half_way_leaves_the_log_as_it_was() {
    let (disk, mut log) = new_log(100_000);
    produce(&mut log, Batch::of(2).by(9, 0, 0)).unwrap();
    disk.fail_write_after(40);
    let failed = log.append_as_leader(Batch::of(3).by(9, 0, 2).sent(), LeaderEpoch(2));
    assert!(matches!(failed, Err(AppendError::Log(LogError::Io { .. }))), "{failed:?}");
    assert_eq!(log.failure(), None);
    assert_eq!(log.log_end_offset(), Offset(2));
    assert_eq!(epochs(&log), [(1, 0)]);
    assert_eq!(log.producers().get(ProducerId(9)).unwrap().batches().len(), 1);
    produce(&mut log, Batch::of(3).by(9, 0, 2)).expect("the disk has room again");
    assert_eq!(held(&log), [(0, 1), (2, 1)]);
    let (reopened, recovery) = open(&disk, config(100_000), UNCLEAN);
    assert!(recovery.is_uneventful(), "{recovery:?}");
    assert_eq!(held(&reopened), held(&log));
}

#[test]
fn a_first_write_that_fails_does_not_leave_two_segments_of_one_name() {
    let (disk, mut log) = new_log(100_000);
    disk.fail_write_after(0);
    assert!(produce(&mut log, Batch::of(1)).is_err());
    produce(&mut log, Batch::of(1)).unwrap();
    produce(&mut log, Batch::of(1)).unwrap();
    assert_eq!(held(&log), [(0, 1), (1, 1)]);
    let (reopened, _) = open(&disk, config(100_000), UNCLEAN);
    assert_eq!(held(&reopened), held(&log));
}

#[test]
fn a_log_that_cannot_be_cut_back_has_failed_for_good() {
    let (disk, mut log) = new_log(100_000);
    lead(&mut log, 1, Batch::of(2));
    disk.fail_write_after(100);
    disk.fail_set_len(true);
    assert!(produce(&mut log, Batch::of(3)).is_err());
    disk.fail_set_len(false);
    let refused = produce(&mut log, Batch::of(3));
    assert!(matches!(refused, Err(AppendError::Log(LogError::Failed { .. }))), "{refused:?}");
    assert!(log.failure().unwrap().contains("could not be cut back"));
    assert!(log.truncate_to(Offset(0)).is_err());
    assert!(log.read(Offset(0), Offset(2), 1000).is_err());
    let (reopened, recovery) = open(&disk, config(100_000), UNCLEAN);
    assert_eq!((held(&reopened), recovery.bytes_cut), (vec![(0, 1)], 100));
}

#[test]
fn a_follower_copies_byte_for_byte_and_derives_the_same_state() {
    let (leading, mut leader) = new_log(100_000);
    let (following, mut follower) = new_log(400);
    for sequence in 0..20 {
        lead(&mut leader, sequence / 7, Batch::of(2).by(9, 0, sequence * 2).sized(50));
    }
    let fetched = leader.read(Offset(0), Offset(40), usize::MAX).unwrap();
    let appended = follower.append_as_follower(fetched.clone()).unwrap();
    assert_eq!(appended.batches, leader.batches().unwrap());
    assert_eq!(follower.batches().unwrap(), leader.batches().unwrap());
    assert_eq!(follower.producers(), leader.producers());
    assert_eq!(epochs(&follower), epochs(&leader));
    let logs = |files: std::collections::BTreeMap<String, Vec<u8>>| {
        files.into_iter().filter(|(n, _)| n.ends_with(".log")).flat_map(|(_, c)| c).collect()
    };
    let (a, b): (Vec<u8>, Vec<u8>) = (logs(leading.files()), logs(following.files()));
    assert_eq!((a.as_slice(), a.len()), (fetched.as_ref(), b.len()));
    assert_eq!(a, b);
}

#[test]
fn a_follower_refuses_what_does_not_continue_its_log() {
    let (_disk, mut log) = new_log(100_000);
    log.append_as_follower(Batch::of(2).held(0, 3)).unwrap();
    let mut flipped = Batch::of(2).held(2, 3).to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let refused = [
        (Bytes::from(flipped), "checksum"),
        (Batch::of(2).held(3, 3), "batch begins at offset 3, the log ends at 2"),
        (Batch::of(2).held(1, 3), "batch begins at offset 1, the log ends at 2"),
        (Batch::of(2).held(2, 2), "leader epoch 2 is older than 3"),
        (joined(&[Batch::of(2).held(2, 3), Batch::of(1).held(5, 3)]), "the log ends at 4"),
        (Batch::of(2).held(2, 3).slice(..60), "60"),
    ];
    for (bytes, expected) in refused {
        let error = log.append_as_follower(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
    }
    assert_eq!(held(&log), [(0, 3)]);
    assert_eq!(log.append_as_follower(Bytes::new()).unwrap().batches, []);
}

#[test]
fn a_device_that_fails_half_way_leaves_whole_segments_and_says_so() {
    let batches: Vec<Bytes> = (0..6).map(|offset| Batch::of(1).sized(50).held(offset, 3)).collect();
    // Two batches a segment.
    let (disk, mut log) = new_log(u32::try_from(2 * batches[0].len()).unwrap());
    log.append_as_follower(joined(&batches[..3])).unwrap();
    // One batch still fits; the next write begins a segment.
    disk.fail_write_after(batches[3].len() + 10);
    let appended = log.append_as_follower(joined(&batches[3..])).unwrap();
    assert_eq!((appended.batches.len(), log.log_end_offset()), (1, Offset(4)));
    assert!(matches!(appended.failure, Some(LogError::Io { .. })), "{:?}", appended.failure);
    let appended = log.append_as_follower(joined(&batches[4..])).unwrap();
    assert!(appended.failure.is_none(), "{:?}", appended.failure);
    assert_eq!(held(&log), (0..6).map(|offset| (offset, 3)).collect::<Vec<_>>());
}

#[test]
fn a_response_may_end_within_a_batch() {
    let (_disk, mut log) = new_log(100_000);
    let two = joined(&[Batch::of(2).held(0, 3), Batch::of(1).held(2, 3)]);
    let appended = log.append_as_follower(two.slice(..two.len() - 5)).unwrap();
    assert_eq!((appended.batches.len(), log.log_end_offset()), (1, Offset(2)));
}

#[test]
fn an_epoch_in_which_nothing_was_written_gives_way_to_an_older_one() {
    let (_disk, mut log) = new_log(100_000);
    lead(&mut log, 3, Batch::of(2));
    log.assign_leader_epoch(LeaderEpoch(4), Offset(2)).unwrap();
    assert_eq!(epochs(&log), [(3, 0), (4, 2)]);
    log.append_as_follower(Batch::of(1).held(2, 3)).expect("the records decide, not the cache");
    assert_eq!(epochs(&log), [(3, 0)]);
    log.append_as_follower(Batch::of(1).held(3, 5)).unwrap();
    assert_eq!(epochs(&log), [(3, 0), (5, 3)]);
}

#[test]
fn a_log_that_starts_within_a_batch_takes_the_whole_batch() {
    let (disk, mut log) = new_log(100_000);
    log.append_as_follower(Batch::of(2).held(0, 1)).unwrap();
    log.restart_at(Offset(50)).unwrap();
    log.append_as_follower(joined(&[Batch::of(10).held(45, 2), Batch::of(1).held(55, 2)])).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(50), Offset(56)));
    assert_eq!(held(&log), [(45, 2), (55, 2)]);
    assert!(log.read(Offset(49), Offset(56), 1).is_err());
    assert_eq!(log.read(Offset(50), Offset(56), 1).unwrap(), Batch::of(10).held(45, 2));
    let hints = super::super::RecoveryHints { log_start_offset: Offset(50), ..CLEAN };
    let (reopened, _) = open(&disk, config(100_000), hints);
    assert_eq!(reopened.log_start_offset(), Offset(50));
    assert_eq!(epochs(&reopened), [(2, 50)]);
}

#[test]
fn silent_producers_are_forgotten() {
    let (_disk, mut log) = new_log(100_000);
    lead(&mut log, 1, Batch::of(1).by(1, 0, 0).at(1_000));
    lead(&mut log, 1, Batch::of(1).by(2, 0, 0).at(90_000_000));
    assert_eq!(log.expire_producers(86_400_000), 0);
    assert_eq!(log.expire_producers(90_000_000), 1);
    assert!(log.producers().get(ProducerId(1)).is_none());
    assert!(log.producers().get(ProducerId(2)).is_some());
}
