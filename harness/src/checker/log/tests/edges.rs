//! Where a rule begins and ends: three of what is mostly two, what is equal and not less, and
//! what a weaker promise lets pass.

use expect_test::expect;

use super::story;
use crate::checker::log::{Contract, Explain, Guarantee, Judgement, Unexplained};
use crate::history::{Action, Key, Phase, Promise};

/// All values that stood at an offset are told, with everybody who read them.
#[test]
fn inconsistent_offsets_three_readers_see_three_values() {
    story()
        .sent(1, 10, 0)
        .timed_out(2, &[20])
        .timed_out(3, &[30])
        .polled_from("n1", 4, &[(0, 10)])
        .polled_from("n2", 5, &[(0, 20)])
        .polled_from("n3", 6, &[(0, 30)])
        .check(expect![[r#"
            invalid
              inconsistent-offsets: offset 0 of orders-0 was read as 10 and as 20 and as 30 [7, 9, 11]
        "#]]);
}

/// One send put both of its values at one offset: they are in no order at all.
#[test]
fn inconsistent_offsets_of_one_send() {
    story().sent(2, 5, 0).polled(3, &[(0, 5)]).sent_together(1, &[(10, 1), (20, 1)]).check(
        expect![[r#"
            invalid
              inconsistent-offsets: offset 1 of orders-0 was acknowledged for 10 and for 20 [5]
        "#]],
    );
}

/// Whoever sends again twice may be there three times.
#[test]
fn a_retry_without_idempotence_is_there_three_times() {
    story().resent(1, 10, 0).polled(2, &[(0, 10), (1, 10), (2, 10)]).check(expect![[r#"
        valid
        note duplicate: value 10 is at offsets 0 and 1 and 2 of orders-0 [1, 3]
    "#]]);
}

/// If what was read may be undone, one of the two places may have been.
#[test]
fn an_undone_read_is_no_duplicate() {
    story()
        .under(|contract| {
            contract.durable = Guarantee::LossCounted;
            contract.reads = Guarantee::LossCounted;
        })
        .sent(1, 10, 0)
        .polled(2, &[(0, 10), (1, 10)])
        .check(expect![[r#"
            valid
        "#]]);
}

/// A volatile record may be lost, but what was sent once is nowhere else.
#[test]
fn offset_mismatch_of_a_volatile_value() {
    story().volatile(1, 10, 3).polled(2, &[(1, 10)]).check(expect![[r#"
        invalid
          offset-mismatch: value 10 was acknowledged at offset 3 of orders-0 and read at 1 [1, 3]
    "#]]);
}

/// Somebody looked where the acknowledged copy ought to be, without a final read.
#[test]
fn offset_mismatch_of_a_retry_whose_place_another_value_has() {
    story()
        .resent(1, 10, 1)
        .timed_out(2, &[20])
        .polled(3, &[(0, 10), (1, 20)])
        .check(expect![[r#"
            invalid
              offset-mismatch: value 10 was acknowledged at offset 1 of orders-0 and read at 0 [1, 5]
        "#]]);
}

/// An answer of an older epoch, lower than all, does not make anybody forget the highest.
#[test]
fn latest_backwards_in_spite_of_an_answer_of_an_older_epoch() {
    let asked =
        || story().sent(1, 10, 0).polled(2, &[(0, 10)]).ends(2, 9, 5).ends(3, 4, 3).ends(2, 8, 5);
    asked().check(expect![[r#"
        invalid
          latest-backwards: orders-0 ended at offset 9 in epoch 5, and later at 8 in epoch 5 [5, 8, 9]
    "#]]);
    asked().under(|contract| contract.reads = Guarantee::LossCounted).check(expect![[r#"
        valid
        note latest-backwards: orders-0 ended at offset 9 in epoch 5, and later at 8 in epoch 5 [5, 8, 9]
    "#]]);
}

/// An older epoch knew more than a newer one had said before, or as much: from then on, the older
/// one counts, which holds for both.
#[test]
fn latest_backwards_below_an_answer_of_an_older_epoch() {
    for newer in [5, 7] {
        story()
            .sent(1, 10, 0)
            .polled(2, &[(0, 10)])
            .ends(2, newer, 5)
            .ends(3, 7, 4)
            .ends(2, 6, 5)
            .check(expect![[r#"
                invalid
                  latest-backwards: orders-0 ended at offset 7 in epoch 4, and later at 6 in epoch 5 [7, 8, 9]
            "#]]);
    }
}

/// An end that stays where it was has not gone back.
#[test]
fn an_end_may_stay() {
    story().sent(1, 10, 0).polled(2, &[(0, 10)]).ends(2, 1, 4).ends(3, 1, 5).must_be_legal();
}

/// A reader is behind by the first record that it did not get, not by the last that it got.
#[test]
fn lag_begins_behind_what_was_read() {
    let behind = story()
        .sent(1, 10, 0)
        .sent(1, 20, 1)
        .sent(1, 30, 2)
        .assigned(2, 0)
        .polled(2, &[(0, 10), (1, 20)])
        .polled(2, &[])
        .polled(2, &[(2, 30)]);
    let lag = behind.judged().notes.worst_realtime_lag.unwrap();
    // Acknowledged in operation 5; the second poll asked in operation 10.
    assert_eq!((lag.behind_us, lag.acknowledged, lag.poll), (5000, 5, 11));
    behind.must_be_legal();
}

/// What was promised by one replica need not be on the others.
#[test]
fn a_volatile_record_may_be_on_one_replica_only() {
    story()
        .sent(1, 10, 0)
        .volatile(1, 20, 1)
        .finally("n1", &[(0, 10)])
        .finally("n2", &[(0, 10), (1, 20)])
        .check(expect![[r#"
            valid
        "#]]);
}

/// Two values of one send, and the log has them the other way round.
fn inverted(change: impl FnOnce(&mut Contract), idempotent: bool, again: bool) -> Judgement {
    let send = Action::send("orders-0", vec![10, 20], Promise::Durable, idempotent);
    let send = send.sent(vec![Some(1), Some(0)], again);
    story().under(change).alone(1, Phase::Ok, &send).polled(3, &[(0, 20), (1, 10)]).judged()
}

/// The order inside one send is promised to whoever sent once, or with idempotence, or whole.
#[test]
fn int_nonmonotonic_send_is_an_error_for_whom_order_was_promised() {
    let promised = [
        inverted(|_| {}, false, false),
        inverted(|_| {}, true, true),
        inverted(|contract| contract.atomic_sends = true, false, true),
    ];
    for Judgement { verdict, notes, .. } in promised {
        assert_eq!(verdict.anomalies().len(), 1, "{verdict}");
        assert_eq!(notes.findings, []);
    }
    let not_promised = [
        inverted(|_| {}, false, true),
        inverted(|contract| contract.reads = Guarantee::LossCounted, false, false),
    ];
    for Judgement { verdict, notes, .. } in not_promised {
        assert!(verdict.is_valid(), "{verdict}");
        assert_eq!(notes.findings.len(), 1);
    }
}

/// A reader went past the place of a volatile record: gone, if it was sent once; if it was sent
/// again, another copy may be elsewhere.
#[test]
fn lost_write_of_a_volatile_value_that_was_sent_once() {
    let passed = |again: bool| {
        story().sent(2, 20, 5).volatile_sent(1, 10, (4, again)).assigned(3, 0).polled(3, &[(5, 20)])
    };
    passed(false).check(expect![[r#"
        invalid
          lost-write: volatile value 10, acknowledged at offset 4 of orders-0, is not there, though a reader went past its place [3, 7]
        lost 1 of 1 volatile, 0 explained, 1 not
    "#]]);
    passed(true).check(expect![[r#"
        unknown: 1 of the acknowledged values of orders-0 were never read, and no final read tells late from lost
    "#]]);
}

/// Who knows nothing explains nothing.
#[test]
fn the_unexplained_stays_unexplained() {
    assert_eq!(Unexplained.explain(&Key::from("orders-0"), Some(0), 10), None);
}
