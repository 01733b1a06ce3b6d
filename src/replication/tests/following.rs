//! A follower and what it makes of its leader's answers (R8, R11).

use expect_test::expect;

use super::bench::check;

#[test]
fn a_follower_appends_and_learns_of_the_commit_one_fetch_later() {
    check(expect![[r#"
        metadata leader=2 epoch=1/1
          fetch from 2 in 1
          follow 2 in 1
          wake fetches
        answer records=0..3 hw=0
          append
        answer records=3..4 hw=9
          append
          high watermark 4
          wake fetches
        answer records=4..4 hw=4
        state
          Follower { leader_epoch: LeaderEpoch(1), leader: BrokerId(2) }, high watermark 4, log 0..4 last epoch Some(1)
    "#]]);
}

#[test]
fn a_follower_never_cuts_to_its_high_watermark() {
    check(expect![[r#"
        replica log=0..5 epochs=1@0 hw=2
        metadata leader=2 epoch=2/2
          fetch from 2 in 2
          follow 2 in 2
          wake fetches
        answer records=5..5 hw=2
        state
          Follower { leader_epoch: LeaderEpoch(2), leader: BrokerId(2) }, high watermark 2, log 0..5 last epoch Some(1)
    "#]]);
}

#[test]
fn a_diverging_log_is_cut_epoch_by_epoch_until_it_fits() {
    // leader: 1 1 1 3 3 5        here: 1 1 2 2 4 4
    check(expect![[r#"
        replica log=0..6 epochs=1@0,2@2,4@4 hw=1
        metadata leader=2 epoch=6/6
          fetch from 2 in 6
          follow 2 in 6
          wake fetches
        answer diverging=3@5
          truncate to 4
        state
          Follower { leader_epoch: LeaderEpoch(6), leader: BrokerId(2) }, high watermark 1, log 0..4 last epoch Some(2)
        answer diverging=1@3
          truncate to 2
        state
          Follower { leader_epoch: LeaderEpoch(6), leader: BrokerId(2) }, high watermark 1, log 0..2 last epoch Some(1)
        answer records=2..4 of=3 hw=3
          append
          high watermark 3
          wake fetches
        state
          Follower { leader_epoch: LeaderEpoch(6), leader: BrokerId(2) }, high watermark 3, log 0..4 last epoch Some(3)
    "#]]);
}

#[test]
fn a_common_epoch_is_cut_where_the_shorter_of_both_ends() {
    check(expect![[r#"
        replica log=0..6 epochs=1@0 hw=1
        metadata leader=2 epoch=3/3
          fetch from 2 in 3
          follow 2 in 3
          wake fetches
        answer diverging=1@4
          truncate to 4
        state
          Follower { leader_epoch: LeaderEpoch(3), leader: BrokerId(2) }, high watermark 1, log 0..4 last epoch Some(1)
    "#]]);
}

#[test]
fn a_cut_below_the_high_watermark_takes_it_along() {
    check(expect![[r#"
        replica log=0..6 epochs=1@0 hw=5
        metadata leader=2 epoch=3/3
          fetch from 2 in 3
          follow 2 in 3
          wake fetches
        answer diverging=1@4
          truncate to 4
          high watermark 4
          wake fetches
    "#]]);
}

#[test]
fn a_leader_that_confirmed_the_log_cannot_cut_it_in_the_same_epoch() {
    check(expect![[r#"
        replica log=0..2 epochs=1@0 hw=0
        metadata leader=2 epoch=3/3
          fetch from 2 in 3
          follow 2 in 3
          wake fetches
        answer records=2..4 of=2 hw=0
          append
        answer diverging=1@1
          back off
        answer out-of-range
          ask for the leader's bounds
        answer bounds=0..1
          back off
        state
          Follower { leader_epoch: LeaderEpoch(3), leader: BrokerId(2) }, high watermark 0, log 0..4 last epoch Some(2)
    "#]]);
}

#[test]
fn an_answer_to_an_earlier_epoch_or_offset_is_ignored() {
    check(expect![[r#"
        replica log=0..4 epochs=1@0 hw=2
        metadata leader=2 epoch=2/2
          fetch from 2 in 2
          follow 2 in 2
          wake fetches
        metadata leader=3 epoch=3/3
          fetch from 3 in 3
          follow 3 in 3
          wake fetches
        answer epoch=2 diverging=1@1
        answer at=3 records=3..5 hw=4
        answer bounds=0..1
        state
          Follower { leader_epoch: LeaderEpoch(3), leader: BrokerId(3) }, high watermark 2, log 0..4 last epoch Some(1)
    "#]]);
}

#[test]
fn a_new_epoch_of_the_same_leader_starts_the_fetching_anew() {
    check(expect![[r#"
        metadata leader=2 epoch=1/1
          fetch from 2 in 1
          follow 2 in 1
          wake fetches
        answer fenced
          stop fetching
        answer records=0..3 hw=0
        metadata epoch=1/2 isr=2,3
        metadata epoch=2/3
          fetch from 2 in 2
          follow 2 in 2
          wake fetches
        answer records=0..3 hw=0
          append
    "#]]);
}

#[test]
fn a_leader_of_one_moment_forgets_its_empty_epoch_when_it_follows() {
    check(expect![[r#"
        replica log=0..4 epochs=1@0 hw=2
        metadata leader=1 epoch=2/2
          epoch 2 begins at 4
          lead 2 from 4
          in sync at 2: 1,2,3 maximal 1,2,3
          wake fetches
        metadata leader=2 epoch=3/3
          truncate to 4
          fetch from 2 in 3
          follow 2 in 3
          wake fetches
        answer records=4..6 of=1 hw=2
          append
        state
          Follower { leader_epoch: LeaderEpoch(3), leader: BrokerId(2) }, high watermark 2, log 0..6 last epoch Some(1)
    "#]]);
}

#[test]
fn records_that_do_not_continue_the_log_or_are_from_the_future_are_refused() {
    check(expect![[r#"
        replica log=0..4 epochs=1@0 hw=2
        metadata leader=2 epoch=2/2
          fetch from 2 in 2
          follow 2 in 2
          wake fetches
        answer records=5..6 hw=2
          back off
        answer records=3..6 hw=2
          back off
        answer records=4..6 of=3 hw=2
          back off
        state
          Follower { leader_epoch: LeaderEpoch(2), leader: BrokerId(2) }, high watermark 2, log 0..4 last epoch Some(1)
    "#]]);
}

#[test]
fn a_leader_that_cannot_answer_is_asked_again_later() {
    check(expect![[r#"
        metadata leader=2 epoch=1/1
          fetch from 2 in 1
          follow 2 in 1
          wake fetches
        answer unreachable
          back off
        answer retry
          back off
    "#]]);
}

#[test]
fn a_log_that_reaches_beyond_the_leaders_is_cut_to_it() {
    check(expect![[r#"
        replica log=0..6 epochs=4@0 hw=1
        metadata leader=2 epoch=5/5
          fetch from 2 in 5
          follow 2 in 5
          wake fetches
        answer out-of-range
          ask for the leader's bounds
        answer bounds=0..3
          truncate to 3
        answer out-of-range
          ask for the leader's bounds
        answer bounds=0..9
          back off
    "#]]);
}

#[test]
fn a_log_that_ends_before_the_leaders_begins_starts_over_there() {
    check(expect![[r#"
        replica log=0..6 epochs=1@0 hw=3
        metadata leader=2 epoch=5/5
          fetch from 2 in 5
          follow 2 in 5
          wake fetches
        answer out-of-range
          ask for the leader's bounds
        answer bounds=8..20
          restart the log at 8
          high watermark 8
          wake fetches
        answer records=8..10 hw=9 start=9
          append
          high watermark 9
          log start 9
          wake fetches
        state
          Follower { leader_epoch: LeaderEpoch(5), leader: BrokerId(2) }, high watermark 9, log 9..10 last epoch Some(5)
    "#]]);
}

#[test]
fn a_follower_that_is_elected_stops_fetching_and_ignores_what_still_arrives() {
    check(expect![[r#"
        replica log=0..4 epochs=1@0 hw=2
        metadata leader=2 epoch=2/2
          fetch from 2 in 2
          follow 2 in 2
          wake fetches
        metadata leader=1 epoch=3/3
          stop fetching
          epoch 3 begins at 4
          lead 3 from 4
          in sync at 3: 1,2,3 maximal 1,2,3
          wake fetches
        answer epoch=2 at=4 diverging=1@1
        state
          Leader { leader_epoch: LeaderEpoch(3), start_offset: Offset(4) }, high watermark 2, committed 1,2,3, maximal 1,2,3, 0 wait, log 0..4 last epoch Some(1)
    "#]]);
}
