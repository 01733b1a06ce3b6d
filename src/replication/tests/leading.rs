//! A leader, its high watermark, and the clients who wait for it (R13, R27).

use expect_test::expect;

use super::bench::check;

#[test]
fn the_high_watermark_follows_the_slowest_in_sync_replica() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        appended 3
          wake fetches
        fetch by=2 at=3
        fetch by=3 at=1
          high watermark 1
          wake fetches
        fetch by=3 at=3
          high watermark 3
          wake fetches
    "#]]);
}

#[test]
fn a_partition_with_one_replica_commits_at_append() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 replicas=1 isr=1 min=2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1 maximal 1
          wake fetches
        appended 3
          high watermark 3
          wake fetches
        produce ticket=1 last=2
          produce 1: Committed
        admit all
          LeaderEpoch(1)
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 3, committed 1, maximal 1, 0 wait, at min, log 0..3 last epoch Some(1)
    "#]]);
}

#[test]
fn a_record_that_must_reach_the_disk_first_is_not_committed_before() {
    check(expect![[r#"
        replica log=0..0 flush
        metadata leader=1 epoch=1/1 replicas=1 isr=1 min=1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1 maximal 1
          wake fetches
        appended 3
          wake fetches
        flushed to=2
          high watermark 2
          wake fetches
    "#]]);
}

#[test]
fn produce_requests_are_answered_in_the_order_of_their_records_once_committed() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        appended 5
          wake fetches
        produce ticket=2 last=4
        produce ticket=1 last=2
        fetch by=2 at=5
        fetch by=3 at=3
          high watermark 3
          produce 1: Committed
          wake fetches
        produce ticket=3 last=0
          produce 3: Committed
        fetch by=3 at=5
          high watermark 5
          produce 2: Committed
          wake fetches
    "#]]);
}

#[test]
fn a_produce_request_that_ran_out_of_time_is_answered_once() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        appended 1
          wake fetches
        produce ticket=1 last=0
        expire ticket=1
          produce 1: TimedOut
        fetch by=2 at=1
          high watermark 1
          wake fetches
        expire ticket=1
    "#]]);
}

#[test]
fn acks_all_needs_the_minimum_of_in_sync_replicas_and_acks_1_does_not() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1 maximal 1
          wake fetches
        admit all
          refused: 1 replicas are in sync, 2 are required
        admit leader
          LeaderEpoch(1)
        metadata epoch=1/2 isr=1,2
          in sync at 2: 1,2 maximal 1,2
        admit all
          LeaderEpoch(1)
    "#]]);
}

#[test]
fn the_high_watermark_stands_still_while_too_few_are_in_sync() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        appended 2
          wake fetches
        produce ticket=1 last=1
        metadata epoch=1/2 isr=1
          in sync at 2: 1 maximal 1
        appended 1
          wake fetches
        fetch by=2 at=3
          propose #1 1:10,2:20 on 1/2
          in sync at 2: 1 maximal 1,2
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 0, committed 1, maximal 1,2, 1 wait, under replicated, under min, log 0..3 last epoch Some(1)
        controller committed=1/3 isr=1,2
          in sync at 3: 1,2 maximal 1,2
          high watermark 3
          produce 1: Committed
          wake fetches
    "#]]);
}

#[test]
fn a_commit_that_fewer_than_the_minimum_hold_is_told_apart() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2 min=1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        appended 1
          wake fetches
        fetch by=2 at=1
          high watermark 1
          wake fetches
        metadata epoch=1/2 isr=1 min=2
          in sync at 2: 1 maximal 1
        produce ticket=1 last=0
          produce 1: NotEnoughReplicasAfterAppend
    "#]]);
}

#[test]
fn lowering_the_minimum_lets_the_high_watermark_go_on() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1 maximal 1
          wake fetches
        appended 2
          wake fetches
        metadata min=1
          high watermark 2
          wake fetches
    "#]]);
}

#[test]
fn a_follower_about_to_join_holds_the_high_watermark_back_if_so_configured() {
    check(expect![[r#"
        replica log=0..0 third-set
        metadata leader=1 epoch=1/1 isr=1,2 min=1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,2:-1,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        controller refused
          in sync at 1: 1,2 maximal 1,2
        appended 2
          wake fetches
        fetch by=2 at=2
        after s=31
        tick
          high watermark 2
          wake fetches
    "#]]);
}

#[test]
fn a_duplicate_of_a_committed_record_is_answered_at_once() {
    check(expect![[r#"
        replica log=0..4 epochs=1@0 hw=4
        metadata leader=1 epoch=2/2
          epoch 2 begins at 4
          lead 2 from 4
          in sync at 2: 1,2,3 maximal 1,2,3
          wake fetches
        produce ticket=1 last=3
          produce 1: Committed
    "#]]);
}

#[test]
fn a_record_that_was_cut_off_before_the_request_came_to_wait_is_not_waited_for() {
    check(expect![[r#"
        replica log=0..4 epochs=1@0 hw=2
        metadata leader=1 epoch=3/3
          epoch 3 begins at 4
          lead 3 from 4
          in sync at 3: 1,2,3 maximal 1,2,3
          wake fetches
        produce ticket=1 last=4
          produce 1: NotLeader
        appended 1
          wake fetches
    "#]]);
}
