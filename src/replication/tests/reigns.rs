//! Coming to lead, going on leading, and ceasing to (R7, R8, R24).

use expect_test::expect;

use super::bench::check;

#[test]
fn a_new_leader_keeps_its_stale_high_watermark_and_says_no_latest_offset() {
    check(expect![[r#"
        replica log=0..5 epochs=1@0 hw=2
        metadata leader=1 epoch=2/2 isr=1,2
          epoch 2 begins at 5
          lead 2 from 5
          in sync at 2: 1,2 maximal 1,2
          wake fetches
        latest
          None
        consume at=2
          Read { end: Offset(2), high_watermark: Offset(2) }
        fetch by=2 at=4 last=1
          high watermark 4
          wake fetches
        latest
          None
        fetch by=2 at=5 last=1
          high watermark 5
          wake fetches
        latest
          Some(Offset(5))
    "#]]);
}

#[test]
fn a_follower_joins_a_new_leader_only_at_the_start_of_its_epoch() {
    check(expect![[r#"
        replica log=0..5 epochs=1@0 hw=2
        metadata leader=1 epoch=2/2 isr=1,2
          epoch 2 begins at 5
          lead 2 from 5
          in sync at 2: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=2 last=1
        fetch by=3 at=4 last=1
        fetch by=3 at=5 last=1
          propose #1 1:10,2:-1,3:30 on 2/2
          in sync at 2: 1,2 maximal 1,2,3
    "#]]);
}

#[test]
fn a_leader_that_goes_on_in_a_later_epoch_forgets_what_its_followers_held() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        appended 3
          wake fetches
        produce ticket=1 last=2
        fetch by=2 at=2
          high watermark 2
          wake fetches
        metadata epoch=3/3 isr=1,2
          produce 1: NotLeader
          epoch 3 begins at 3
          lead 3 from 3
          in sync at 3: 1,2 maximal 1,2
          wake fetches
        appended 1
          wake fetches
        fetch by=2 at=4 last=1
          Diverging(EpochEndOffset { epoch: LeaderEpoch(1), end_offset: Offset(3) })
        fetch by=2 at=3 last=1
          high watermark 3
          wake fetches
    "#]]);
}

#[test]
fn a_deposed_leader_answers_its_waiting_requests_and_follows() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        appended 2
          wake fetches
        produce ticket=1 last=1
        produce ticket=2 last=0
        metadata leader=2 epoch=2/2
          produce 2: NotLeader
          produce 1: NotLeader
          fetch from 2 in 2
          follow 2 in 2
          wake fetches
        produce ticket=3 last=1
          produce 3: NotLeader
        admit leader
          refused: this replica does not lead
        state
          Follower { leader_epoch: LeaderEpoch(2), leader: BrokerId(2) }, high watermark 0, log 0..2 last epoch Some(1)
    "#]]);
}

#[test]
fn a_proposal_of_an_ended_reign_is_forgotten() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,2:-1,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        metadata leader=1 epoch=2/2 isr=1,2
          epoch 2 begins at 0
          lead 2 from 0
          in sync at 2: 1,2 maximal 1,2
          wake fetches
        controller to=1 committed=1/2 isr=1,2,3
        fetch by=3 at=0
          propose #2 1:10,2:-1,3:30 on 2/2
          in sync at 2: 1,2 maximal 1,2,3
        state
          Leader { leader_epoch: LeaderEpoch(2), start_offset: Offset(0) }, high watermark 0, committed 1,2, maximal 1,2,3, 0 wait, under replicated, at min, log 0..0 last epoch None
    "#]]);
}

#[test]
fn without_a_leader_a_replica_waits_and_serves_what_is_committed() {
    check(expect![[r#"
        replica log=0..5 epochs=1@0 hw=3
        metadata leader=1 epoch=2/2
          epoch 2 begins at 5
          lead 2 from 5
          in sync at 2: 1,2,3 maximal 1,2,3
          wake fetches
        produce ticket=1 last=4
        metadata leader=none epoch=3/3
          produce 1: NotLeader
          stop fetching
          follow nobody in 3
          wake fetches
        admit leader
          refused: this replica does not lead
        consume at=0
          Read { end: Offset(3), high_watermark: Offset(3) }
        fetch by=2 at=5
          refused: this replica does not lead
        state
          Idle, high watermark 3, log 0..5 last epoch Some(1)
    "#]]);
}

#[test]
fn history_is_not_applied() {
    check(expect![[r#"
        metadata leader=2 epoch=5/9
          fetch from 2 in 5
          follow 2 in 5
          wake fetches
        metadata leader=1 epoch=4/8
        metadata leader=1 epoch=5/8
        state
          Follower { leader_epoch: LeaderEpoch(5), leader: BrokerId(2) }, high watermark 0, log 0..0 last epoch None
    "#]]);
}

#[test]
fn a_replica_with_a_broken_disk_takes_no_part() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        appended 1
          wake fetches
        produce ticket=1 last=0
        disk-fails
          produce 1: StorageFailed
          stop fetching
          follow nobody in 1
          wake fetches
        disk-fails
        produce ticket=2 last=0
          produce 2: StorageFailed
        metadata leader=1 epoch=2/2
        admit all
          refused: the disk of this replica failed
        consume at=0
          refused: the disk of this replica failed
        latest
          None
        state
          Failed, high watermark 0, log 0..1 last epoch Some(1)
    "#]]);
}
