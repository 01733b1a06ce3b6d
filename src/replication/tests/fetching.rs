//! Who may read what (R10, R14, R29, R30).

use expect_test::expect;

use super::bench::check;

#[test]
fn a_fetch_is_judged_in_the_order_of_the_rules() {
    check(expect![[r#"
        fetch by=2 at=0 epoch=1
          refused: leader epoch 1 is newer than -1
        replica log=3..9 epochs=1@3,3@6 hw=4
        metadata leader=1 epoch=4/4 replicas=1,2 isr=1,2
          epoch 4 begins at 9
          lead 4 from 9
          in sync at 4: 1,2 maximal 1,2
          wake fetches
        fetch by=2 at=9 epoch=3
          refused: leader epoch 3 is older than 4
        fetch by=2 at=9 epoch=5
          refused: leader epoch 5 is newer than 4
        fetch by=3 at=9
          refused: broker 3 is not a replica of this partition
        fetch by=2 at=9 last=5
          refused: fetch offset 9 is outside 3..=9
        fetch by=2 at=2 last=2
          refused: fetch offset 2 is outside 3..=9
        fetch by=2 at=9 last=2
          Diverging(EpochEndOffset { epoch: LeaderEpoch(1), end_offset: Offset(6) })
        fetch by=2 at=7 last=1
          Diverging(EpochEndOffset { epoch: LeaderEpoch(1), end_offset: Offset(6) })
        fetch by=2 at=10
          refused: fetch offset 10 is outside 3..=9
        fetch by=2 at=9 last=3
          high watermark 9
          wake fetches
    "#]]);
}

#[test]
fn a_diverging_fetch_teaches_the_leader_nothing() {
    check(expect![[r#"
        replica log=0..4 epochs=1@0 hw=0
        metadata leader=1 epoch=3/3 isr=1,2
          epoch 3 begins at 4
          lead 3 from 4
          in sync at 3: 1,2 maximal 1,2
          wake fetches
        appended 2
          wake fetches
        fetch by=2 at=6 last=2
          Diverging(EpochEndOffset { epoch: LeaderEpoch(1), end_offset: Offset(4) })
        fetch by=2 at=5 last=1
          Diverging(EpochEndOffset { epoch: LeaderEpoch(1), end_offset: Offset(4) })
        state
          Leader { leader_epoch: LeaderEpoch(3), start_offset: Offset(4) }, high watermark 0, committed 1,2, maximal 1,2, 0 wait, under replicated, at min, log 0..6 last epoch Some(3)
    "#]]);
}

#[test]
fn a_consumer_reads_below_the_high_watermark() {
    check(expect![[r#"
        replica log=1..6 epochs=1@1 hw=4
        metadata leader=1 epoch=2/2
          epoch 2 begins at 6
          lead 2 from 6
          in sync at 2: 1,2,3 maximal 1,2,3
          wake fetches
        consume at=1
          Read { end: Offset(4), high_watermark: Offset(4) }
        consume at=4
          Read { end: Offset(4), high_watermark: Offset(4) }
        consume at=6
          Read { end: Offset(4), high_watermark: Offset(4) }
        consume at=7
          refused: fetch offset 7 is outside 1..=6
        consume at=0
          refused: fetch offset 0 is outside 1..=6
        consume at=1 epoch=1
          refused: leader epoch 1 is older than 2
    "#]]);
}

#[test]
fn a_follower_serves_consumers_below_its_own_high_watermark_in_its_own_epoch() {
    check(expect![[r#"
        replica log=0..6 epochs=1@0 hw=4
        metadata leader=2 epoch=2/2
          fetch from 2 in 2
          follow 2 in 2
          wake fetches
        consume at=0
          Read { end: Offset(4), high_watermark: Offset(4) }
        consume at=0 epoch=3
          refused: leader epoch 3 is newer than 2
        consume at=7
          refused: fetch offset 7 is outside 0..=6
        fetch by=3 at=6
          refused: this replica does not lead
    "#]]);
}

/// KIP-392: who is near, in sync and far enough is the better source; anybody else is none.
#[test]
fn a_consumer_is_sent_to_a_near_replica_that_has_what_it_asks_for() {
    check(expect![[r#"
        replica log=0..6 epochs=1@0 hw=0
        metadata leader=1 epoch=2/2 replicas=1,2,3,4 isr=1,2,3
          epoch 2 begins at 6
          lead 2 from 6
          in sync at 2: 1,2,3 maximal 1,2,3
          wake fetches
        advise near=2,3 at=0
          stay
        fetch by=2 at=4 last=1
        fetch by=3 at=6 last=1
          high watermark 4
          wake fetches
        fetch by=4 at=6 last=1
          propose #1 1:10,2:20,3:30,4:40 on 2/2
          in sync at 2: 1,2,3 maximal 1,2,3,4
        advise near=2,3 at=3
          read from 3
        advise near=2 at=4
          read from 2
        advise near=2 at=5
          stay
        advise near=4 at=0
          stay
        advise near=1,2 at=3
          stay
        advise near=9 at=3
          stay
    "#]]);
}

#[test]
fn a_follower_sends_nobody_elsewhere() {
    check(expect![[r#"
        replica log=0..6 epochs=1@0 hw=4
        metadata leader=2 epoch=2/2
          fetch from 2 in 2
          follow 2 in 2
          wake fetches
        advise near=3 at=0
          stay
    "#]]);
}
