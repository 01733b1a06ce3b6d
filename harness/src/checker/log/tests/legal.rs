//! Histories that look wrong and are legal: what a correct system may do to its clients when
//! replicas are deposed, messages are lost and clients send again.

use std::collections::BTreeMap;

use expect_test::expect;

use super::story;
use crate::checker::log::Guarantee;
use crate::history::{Key, Promise};

/// Two volatile records got one offset: the first was cut off with its replica.
#[test]
fn a_volatile_record_is_cut_off_and_its_offset_given_again() {
    story()
        .sent(1, 10, 0)
        .volatile(1, 20, 1)
        .volatile(1, 30, 1)
        .because(20, "its replica was cut off")
        .finally("n1", &[(0, 10), (1, 30)])
        .check(expect![[r#"
            valid
            lost 1 of 2 volatile, 1 explained, 0 not
              1 because its replica was cut off
        "#]]);
}

/// A later volatile send lands below an earlier one, which is lost.
#[test]
fn a_volatile_send_lands_below_one_that_was_cut_off() {
    story()
        .volatile(1, 10, 7)
        .volatile(1, 20, 5)
        .volatile(2, 30, 6)
        .because(10, "its replica was cut off")
        .finally("n1", &[(5, 20), (6, 30)])
        .check(expect![[r#"
            valid
            lost 1 of 3 volatile, 1 explained, 0 not
              1 because its replica was cut off
        "#]]);
}

/// The acknowledged copy of a retried volatile record was cut off; its first copy survived.
#[test]
fn a_retried_volatile_record_survives_elsewhere() {
    story()
        .volatile_sent(1, 10, (4, true))
        .sent(2, 20, 3)
        .finally("n1", &[(2, 10), (3, 20)])
        .must_be_legal();
}

/// What is counted needs no reason.
#[test]
fn losses_are_only_counted_where_the_contract_says_so() {
    story()
        .under(|contract| contract.fire_and_forget = Guarantee::LossCounted)
        .sent(1, 10, 0)
        .fired(1, 20)
        .fired(1, 30)
        .finally("n1", &[(0, 10), (1, 30)])
        .check(expect![[r#"
            valid
            lost 1 of 2 fire-and-forget, 0 explained, 1 not
        "#]]);
}

/// A deposed or lagging replica serves a prefix, long after others have read more.
#[test]
fn a_stale_read_is_a_prefix() {
    let behind = story()
        .sent_together(1, &[(10, 0), (20, 1), (30, 2)])
        .assigned(2, 0)
        .polled_from("n1", 2, &[(0, 10), (1, 20), (2, 30)])
        .assigned(3, 0)
        .polled_from("n2", 3, &[(0, 10)])
        .polled_from("n2", 3, &[]);
    let lag = behind.judged().notes.worst_realtime_lag.unwrap();
    // Acknowledged in operation 1; the last poll asked in operation 10, a millisecond a step.
    assert_eq!((lag.behind_us, lag.acknowledged, lag.poll), (9000, 1, 11));
    assert_eq!(lag.source, "n2");
    behind.must_be_legal();
}

/// A send that timed out appears after one that was acknowledged later.
#[test]
fn an_unknown_send_appears_late_or_never() {
    story()
        .timed_out(1, &[10])
        .timed_out(2, &[20, 25])
        .sent(3, 30, 0)
        .polled(4, &[(0, 30), (1, 20)])
        .finally("n1", &[(0, 30), (1, 20)])
        .must_be_legal();
}

/// A record may be read before its producer hears of it.
#[test]
fn a_record_is_read_before_it_is_acknowledged() {
    story().begins(1, 10).polled(2, &[(0, 10)]).acked(1, 10, 0).must_be_legal();
}

/// Sends that overlap may land in any order.
#[test]
fn concurrent_sends_land_in_any_order() {
    story()
        .begins(1, 10)
        .begins(2, 20)
        .acked(1, 10, 1)
        .acked(2, 20, 0)
        .polled(3, &[(0, 20), (1, 10)])
        .must_be_legal();
}

/// Nothing is promised about the order across logs.
#[test]
fn logs_are_independent() {
    story()
        .sent(1, 10, 5)
        .on("payments-0")
        .sent(1, 20, 0)
        .polled(2, &[(0, 20)])
        .on("orders-0")
        .polled(2, &[(5, 10)])
        .must_be_legal();
}

/// The first answer was lost, the client sent again, and nobody filtered it.
#[test]
fn a_retry_without_idempotence_is_there_twice() {
    story().resent(1, 10, 1).polled(2, &[(0, 10), (1, 10)]).check(expect![[r#"
        valid
        note duplicate: value 10 is at offsets 0 and 1 of orders-0 [1, 3]
    "#]]);
}

/// The first copy is found before anybody has read as far as the acknowledged one.
#[test]
fn the_first_copy_of_a_retry_is_found_first() {
    story().resent(1, 10, 5).polled(2, &[(0, 10)]).must_be_legal();
}

/// Control records take offsets and are never shown.
#[test]
fn holes_are_no_skips() {
    story()
        .sent(1, 10, 0)
        .sent(1, 20, 4_611_686_018_427_387_904)
        .sent(1, 30, i64::MAX)
        .assigned(2, 0)
        .polled(2, &[(0, 10)])
        .polled(2, &[(4_611_686_018_427_387_904, 20), (i64::MAX, 30)])
        .check(expect![[r#"
            valid
        "#]]);
}

/// Whoever is assigned anew may read again, or skip.
#[test]
fn an_assignment_moves_a_reader() {
    story()
        .sent_together(1, &[(10, 0), (20, 1), (30, 2)])
        .polled(2, &[(0, 10), (1, 20)])
        .assigned(2, 0)
        .polled(2, &[(0, 10)])
        .assigned(2, 2)
        .polled(2, &[(2, 30)])
        .must_be_legal();
}

/// A reader that starts late has not been past what lies before.
#[test]
fn what_nobody_went_past_is_not_lost() {
    story()
        .sent(1, 10, 0)
        .sent(1, 20, 1)
        .assigned(2, 1)
        .polled(2, &[(1, 20)])
        .finally("n1", &[(0, 10), (1, 20)])
        .must_be_legal();
}

/// Others may take a subscribed reader's keys and give them back: noted, no more.
#[test]
fn a_subscribed_reader_is_sent_back() {
    story()
        .sent_together(1, &[(10, 0), (20, 1)])
        .subscribed(2)
        .polled(2, &[(0, 10), (1, 20)])
        .polled(2, &[(0, 10)])
        .check(expect![[r#"
            valid
            note nonmonotonic-poll: process 2 stood at offset 2 of orders-0 and was given 0 [5, 7]
        "#]]);
}

/// A final read begins at the start whatever the process has read before.
#[test]
fn a_final_read_belongs_to_no_position() {
    story()
        .sent_together(91, &[(10, 0), (20, 1)])
        .assigned(91, 1)
        .polled(91, &[(1, 20)])
        .finally("n1", &[(0, 10), (1, 20)])
        .must_be_legal();
}

/// Where replicas may be behind at the end, the longest of them decides.
#[test]
fn a_replica_may_be_behind_at_the_end() {
    let story = || {
        story()
            .sent_together(1, &[(10, 0), (20, 1)])
            .polled(2, &[(0, 10), (1, 20)])
            .finally("n1", &[(0, 10)])
            .finally("n2", &[])
            .finally("n3", &[(0, 10), (1, 20)])
    };
    story().under(|contract| contract.replicas_converge = false).must_be_legal();
    assert!(!story().judged().verdict.is_valid());
}

/// Final reads are not blamed for what came after them.
#[test]
fn a_value_may_arrive_after_a_final_read() {
    story()
        .sent(1, 10, 0)
        .finally("n1", &[(0, 10)])
        .sent(1, 20, 1)
        .polled(2, &[(0, 10), (1, 20)])
        .must_be_legal();
}

/// The end of a log may be lower in an older epoch, and for questions that overlap.
#[test]
fn an_older_epoch_knows_less() {
    story()
        .sent(1, 10, 0)
        .polled(2, &[(0, 10)])
        .ends(2, 9, 5)
        .ends(3, 4, 3)
        .asks_end(2)
        .asks_end(3)
        .told_end(2, 12, 5)
        .told_end(3, 11, 6)
        .must_be_legal();
}

/// A refused send has no effect on anybody's order.
#[test]
fn a_refused_send_leaves_no_trace() {
    story()
        .sent(1, 10, 0)
        .refused(1, 20)
        .sent(1, 30, 1)
        .finally("n1", &[(0, 10), (1, 30)])
        .must_be_legal();
}

/// Values of one send with others between them: noted, no more.
#[test]
fn int_send_skip_is_informative() {
    story()
        .begins(2, 30)
        .sent_together(1, &[(10, 0), (20, 2)])
        .acked(2, 30, 1)
        .polled(3, &[(0, 10), (1, 30), (2, 20)])
        .check(expect![[r#"
            valid
            note int-send-skip: values 10 and 20 of one send are at offsets 0 and 2 of orders-0, and another record is at 1 [2, 5]
        "#]]);
}

/// The report says how much was judged.
#[test]
fn counts_and_losses_add_up() {
    let judged = story()
        .sent(1, 10, 0)
        .volatile(1, 20, 1)
        .because(20, "cut off")
        .refused(1, 30)
        .timed_out(1, &[40])
        .polled(2, &[(0, 10)])
        .finally("n1", &[(0, 10)])
        .judged();
    let counts = judged.counts;
    assert_eq!((counts.sends.ok, counts.sends.failed, counts.sends.unknown), (2, 1, 1));
    assert_eq!((counts.polls.ok, counts.values_acknowledged, counts.records_read), (2, 2, 2));
    assert_eq!(counts.operations, 12);
    assert_eq!(counts.errors, BTreeMap::from([("error".to_owned(), 2)]));
    assert_eq!((judged.losses.lost(), judged.losses.unexplained()), (1, 0));
    assert_eq!(judged.losses.by_promise[&Promise::Durable].lost, 0);
    assert_eq!(judged.losses.reasons, BTreeMap::from([("cut off".to_owned(), 1)]));
    let json = serde_json::to_string(&judged.notes).unwrap();
    assert_eq!(Key::from("orders-0").as_str(), "orders-0");
    assert!(json.contains("worst_realtime_lag"));
}
