//! Joining and leaving the in-sync set (R15–R17).

use expect_test::expect;

use super::bench::check;

#[test]
fn a_follower_that_holds_everything_committed_joins() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        appended 4
          wake fetches
        fetch by=2 at=4
          high watermark 4
          wake fetches
        fetch by=3 at=3
        fetch by=3 at=4
          propose #1 1:10,2:20,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        controller committed=1/2 isr=1,2,3
          in sync at 2: 1,2,3 maximal 1,2,3
        metadata epoch=1/2 isr=1,2,3
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 4, committed 1,2,3, maximal 1,2,3, 0 wait, log 0..4 last epoch Some(1)
    "#]]);
}

#[test]
fn a_pending_expansion_holds_the_high_watermark_back() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,2:-1,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        appended 2
          wake fetches
        fetch by=2 at=2
        controller refused
          in sync at 1: 1,2 maximal 1,2
          high watermark 2
          wake fetches
    "#]]);
}

#[test]
fn a_pending_expansion_does_not_count_for_the_minimum() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1 maximal 1
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,3:30 on 1/1
          in sync at 1: 1 maximal 1,3
        admit all
          refused: 1 replicas are in sync, 2 are required
        controller committed=1/2 isr=1,3
          in sync at 2: 1,3 maximal 1,3
        admit all
          LeaderEpoch(1)
    "#]]);
}

#[test]
fn a_pending_shrink_holds_the_high_watermark_back() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        appended 2
          wake fetches
        produce ticket=1 last=1
        after s=31
        fetch by=2 at=2
        tick
          propose #1 1:10,2:20 on 1/1
        fetch by=2 at=2
        controller committed=1/2 isr=1,2
          in sync at 2: 1,2 maximal 1,2
          high watermark 2
          produce 1: Committed
          wake fetches
    "#]]);
}

#[test]
fn a_shrink_that_newer_metadata_confirms_needs_no_answer() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 min=1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        appended 2
          wake fetches
        produce ticket=1 last=1
        after s=31
        fetch by=2 at=2
        tick
          propose #1 1:10,2:20 on 1/1
        metadata epoch=1/2 isr=1,2
          in sync at 2: 1,2 maximal 1,2
          high watermark 2
          produce 1: Committed
          wake fetches
        controller to=1 committed=1/2 isr=1,2
    "#]]);
}

#[test]
fn an_idle_partition_loses_no_replica() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        fetch by=2 at=0
        fetch by=3 at=0
        after s=3600
        tick
    "#]]);
}

#[test]
fn a_follower_that_never_fetched_leaves_when_its_time_is_up() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        fetch by=2 at=0
        after s=30
        tick
        after s=1
        tick
          propose #1 1:10,2:20 on 1/1
    "#]]);
}

#[test]
fn an_answer_that_never_came_is_asked_for_again_word_for_word() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,2:-1,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        controller ambiguous
        fetch by=3 at=0
        tick
        after s=1
        metadata inactive=3
        tick
          propose #1 1:10,2:-1,3:30 on 1/1
        controller committed=1/2 isr=1,2,3
          in sync at 2: 1,2,3 maximal 1,2,3
    "#]]);
}

#[test]
fn a_refusal_after_an_unclear_attempt_is_not_final() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,2:-1,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        appended 1
          wake fetches
        fetch by=2 at=1
        controller ambiguous
        after s=1
        tick
          propose #1 1:10,2:-1,3:30 on 1/1
        controller refused
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 0, committed 1,2, maximal 1,2,3, 0 wait, under replicated, at min, log 0..1 last epoch Some(1)
        after s=1
        tick
          propose #2 1:10,2:20 on 1/1
        controller committed=1/2 isr=1,2
          in sync at 2: 1,2 maximal 1,2
          high watermark 1
          wake fetches
    "#]]);
}

#[test]
fn only_a_moved_partition_epoch_settles_an_unclear_attempt() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,2:-1,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        controller ambiguous
        after s=1
        tick
          propose #1 1:10,2:-1,3:30 on 1/1
        controller refused
        after s=1
        tick
          propose #2 1:10,2:-1 on 1/1
        controller committed=1/1 isr=1,2
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 0, committed 1,2, maximal 1,2,3, 0 wait, under replicated, at min, log 0..0 last epoch None
        metadata epoch=1/2 isr=1,2,3
          in sync at 2: 1,2,3 maximal 1,2,3
    "#]]);
}

#[test]
fn an_out_of_date_leader_waits_for_metadata_with_the_maximal_set() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,2:-1,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        controller out-of-date
        after s=100
        fetch by=2 at=0
        fetch by=3 at=0
        tick
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 0, committed 1,2, maximal 1,2,3, 0 wait, under replicated, at min, log 0..0 last epoch None
        metadata epoch=1/2 isr=1
          in sync at 2: 1 maximal 1
    "#]]);
}

#[test]
fn an_answer_that_metadata_has_overtaken_changes_nothing() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        after s=31
        fetch by=2 at=0
        tick
          propose #1 1:10,2:20 on 1/1
        metadata epoch=1/3 isr=1,2,3
          in sync at 3: 1,2,3 maximal 1,2,3
        controller to=1 committed=1/2 isr=1,2
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 0, committed 1,2,3, maximal 1,2,3, 0 wait, log 0..0 last epoch None
    "#]]);
}

#[test]
fn an_answer_to_an_earlier_proposal_does_not_settle_the_present_one() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2,3 maximal 1,2,3
          wake fetches
        after s=31
        fetch by=2 at=0
        tick
          propose #1 1:10,2:20 on 1/1
        metadata epoch=1/2 isr=1,2,3
          in sync at 2: 1,2,3 maximal 1,2,3
        tick
          propose #2 1:10,2:20 on 1/2
        controller to=1 committed=1/2 isr=1,2
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 0, committed 1,2,3, maximal 1,2,3, 0 wait, log 0..0 last epoch None
        controller to=2 ambiguous
        controller to=1 refused
        after s=1
        tick
          propose #2 1:10,2:20 on 1/2
    "#]]);
}

#[test]
fn an_answer_of_a_later_leader_epoch_waits_for_its_metadata() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,2:-1,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        controller committed=2/2 isr=2,3
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 0, committed 1,2, maximal 1,2,3, 0 wait, under replicated, at min, log 0..0 last epoch None
    "#]]);
}

#[test]
fn a_fenced_or_reborn_broker_does_not_join() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2 inactive=3
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
        metadata reborn=3
        fetch by=3 at=0
        fetch by=3 at=0 broker=31
          propose #1 1:10,2:-1,3:31 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
    "#]]);
}

#[test]
fn metadata_that_only_changes_a_standing_keeps_the_proposal() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        fetch by=3 at=0
          propose #1 1:10,2:-1,3:30 on 1/1
          in sync at 1: 1,2 maximal 1,2,3
        metadata inactive=3
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 0, committed 1,2, maximal 1,2,3, 0 wait, under replicated, at min, log 0..0 last epoch None
        controller refused
          in sync at 1: 1,2 maximal 1,2
        fetch by=3 at=0
    "#]]);
}

#[test]
fn a_replica_that_was_reassigned_away_no_longer_counts() {
    check(expect![[r#"
        metadata leader=1 epoch=1/1 isr=1,2
          epoch 1 begins at 0
          lead 1 from 0
          in sync at 1: 1,2 maximal 1,2
          wake fetches
        metadata epoch=1/2 replicas=1,2 isr=1,2
          in sync at 2: 1,2 maximal 1,2
        fetch by=3 at=0
          refused: broker 3 is not a replica of this partition
        state
          Leader { leader_epoch: LeaderEpoch(1), start_offset: Offset(0) }, high watermark 0, committed 1,2, maximal 1,2, 0 wait, at min, log 0..0 last epoch None
    "#]]);
}
