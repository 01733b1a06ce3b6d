//! Calls of several sends and polls: what they may not do, and what looks wrong and is legal. The
//! numbers in brackets are operations: a call is two, an invocation and a completion.

use expect_test::expect;

use super::{read, send, story};
use crate::checker::log::Guarantee;
use crate::history::{Action, Key, Phase, Promise};

/// A transaction was shown what it had not committed yet.
#[test]
fn precommitted_read_of_its_own_value() {
    story()
        .together(1, &[send("orders-0", 10, 0), read("orders-0", &[(0, 10)])])
        .check(expect![[r#"
            invalid
              precommitted-read: value 10 was read at offset 0 of orders-0 by the call that sends it [0, 1]
        "#]]);
}

/// It is the same mistake if the transaction was given up, and again if others read it first.
#[test]
fn precommitted_read_of_its_own_value_in_a_call_that_failed() {
    let parts = [send("orders-0", 20, 1), read("orders-0", &[(0, 10), (1, 20)])];
    story()
        .sent(1, 10, 0)
        .polled(3, &[(0, 10)])
        .together_but(2, Phase::Fail, &parts)
        .check(expect![[r#"
            invalid
              aborted-read: value 20 was read at offset 1 of orders-0, but its send had failed [5]
              precommitted-read: value 20 was read at offset 1 of orders-0 by the call that sends it [4, 5]
        "#]]);
}

/// A consumer lost a batch between two polls of one transaction.
#[test]
fn int_poll_skip_between_two_polls_of_a_call() {
    story()
        .sent_together(1, &[(10, 0), (20, 1), (30, 2)])
        .polled(2, &[(0, 10), (1, 20)])
        .together(3, &[read("orders-0", &[(0, 10)]), read("orders-0", &[(2, 30)])])
        .check(expect![[r#"
            invalid
              int-poll-skip: process 3 stood at offset 1 of orders-0 and was given 2, though there is a record at 1 [3, 5]
        "#]]);
}

/// A consumer was sent back between two polls of one transaction.
#[test]
fn int_nonmonotonic_poll_between_two_polls_of_a_call() {
    story()
        .sent_together(1, &[(10, 0), (20, 1)])
        .together(3, &[read("orders-0", &[(0, 10), (1, 20)]), read("orders-0", &[(1, 20)])])
        .check(expect![[r#"
            invalid
              int-nonmonotonic-poll: one call returned offset 1 of orders-0 after offset 1 [3]
        "#]]);
}

/// The batches of one transaction were appended in the wrong order.
#[test]
fn int_nonmonotonic_send_of_two_sends_of_a_call() {
    story()
        .together(1, &[send("orders-0", 10, 1), send("a", 5, 0), send("orders-0", 20, 0)])
        .polled(2, &[(0, 20), (1, 10)])
        .on("a")
        .polled(2, &[(0, 5)])
        .check(expect![[r#"
            invalid
              int-nonmonotonic-send: one call put value 10 at offset 1 of orders-0, and then value 20 at 0 [1, 3]
        "#]]);
}

/// The first of two transactions of one process lies behind the second.
#[test]
fn nonmonotonic_send_of_two_calls() {
    story()
        .together(1, &[send("a", 5, 0), send("orders-0", 10, 1)])
        .together(1, &[send("orders-0", 20, 0), send("a", 6, 1)])
        .polled(2, &[(0, 20), (1, 10)])
        .on("a")
        .polled(2, &[(0, 5), (1, 6)])
        .check(expect![[r#"
            invalid
              nonmonotonic-send: value 10 was acknowledged at offset 1 of orders-0 before value 20 was sent, which landed at 0 [1, 2, 3]
        "#]]);
}

/// A transaction whose fate was unknown is real, since half of it was read; the other half is gone.
#[test]
fn unseen_half_of_a_call_that_proved_to_be_real() {
    story()
        .together_but(
            1,
            Phase::Info,
            &[
                Action::send("orders-0", vec![10], Promise::Durable, true),
                Action::send("a", vec![20], Promise::Durable, true),
            ],
        )
        .polled(2, &[(0, 10)])
        .finally("n1", &[(0, 10)])
        .on("a")
        .finally("n1", &[])
        .check(expect![[r#"
            invalid
              unseen: value 20, sent to a together with one that was read, is in none of the final reads [1, 7]
              vacuous: nothing was acknowledged
        "#]]);
}

/// The same, and it had been told where the other half was; a reader went past that place.
#[test]
fn lost_write_of_a_call_that_proved_to_be_real() {
    story()
        .together_but(1, Phase::Info, &[send("orders-0", 10, 0), send("a", 20, 1)])
        .polled(2, &[(0, 10)])
        .on("a")
        .sent(4, 15, 0)
        .sent(3, 30, 2)
        .polled(5, &[(0, 15), (2, 30)])
        .check(expect![[r#"
            invalid
              lost-write: value 20, sent to a together with one that was read, is not there, though a reader went past its place [1, 9]
        "#]]);
}

/// What a part was told holds if the call proved to be real.
#[test]
fn offset_mismatch_of_a_call_that_proved_to_be_real() {
    let [one, other] = [("orders-0", 10_u64, 0), ("a", 20, 4)].map(|(key, value, offset)| {
        Action::send(key, vec![value], Promise::Durable, true).sent(vec![Some(offset)], false)
    });
    story()
        .together_but(1, Phase::Info, &[one, other])
        .polled(2, &[(0, 10)])
        .on("a")
        .polled(2, &[(3, 20)])
        .check(expect![[r#"
            invalid
              offset-mismatch: value 20 was acknowledged at offset 4 of a and read at 3 [1, 5]
              vacuous: nothing was acknowledged
        "#]]);
}

/// A record of a transaction that was aborted became visible.
#[test]
fn aborted_read_of_a_part() {
    story()
        .sent(1, 10, 0)
        .together_but(1, Phase::Fail, &[send("a", 5, 0), send("orders-0", 20, 1)])
        .polled(2, &[(0, 10), (1, 20)])
        .check(expect![[r#"
            invalid
              aborted-read: value 20 was read at offset 1 of orders-0, but its send had failed [3, 5]
        "#]]);
}

/// The commit of a transaction may take effect long after its client gave up.
#[test]
fn a_call_of_unknown_fate_commits_late() {
    let parts = [read("b", &[(0, 9)]), send("a", 7, 0)];
    story()
        .on("b")
        .sent(3, 9, 0)
        .together_but(1, Phase::Info, &parts)
        .on("a")
        .polled(2, &[])
        .sent(4, 8, 2)
        .polled(2, &[(0, 7), (2, 8)])
        .on("b")
        .polled(2, &[(0, 9)])
        .must_be_legal();
}

/// A transaction of unknown fate of which nobody saw anything owes nothing, wherever its parts
/// were told to be.
#[test]
fn a_call_of_unknown_fate_that_nobody_saw_owes_nothing() {
    story()
        .together_but(1, Phase::Info, &[send("orders-0", 10, 0), send("a", 20, 0)])
        .sent(2, 30, 0)
        .finally("n1", &[(0, 30)])
        .on("a")
        .finally("n1", &[])
        .must_be_legal();
}

/// Only a poll that ended well proves that a call is real, and only where what was read stays.
#[test]
fn what_does_not_prove_a_call_to_be_real() {
    let parts = [send("orders-0", 10, 0), send("a", 20, 0)];
    story()
        .together_but(1, Phase::Info, &parts)
        .sent(2, 30, 1)
        .poll_broke_off(3, &[(0, 10)])
        .polled(4, &[(1, 30)])
        .on("a")
        .finally("n1", &[])
        .must_be_legal();
    story()
        .under(|contract| contract.reads = Guarantee::LossCounted)
        .together_but(1, Phase::Info, &parts)
        .sent(2, 30, 1)
        .polled(4, &[(0, 10), (1, 30)])
        .on("a")
        .finally("n1", &[])
        .must_be_legal();
}

/// A value of it was read, but its other half was only promised by one replica, which is gone.
#[test]
fn a_volatile_part_of_a_real_call_may_be_lost_for_a_reason() {
    let volatile = Action::send("a", vec![20], Promise::Volatile, false);
    let parts = [send("orders-0", 10, 0), volatile.sent(vec![Some(0)], false)];
    let lossy = || {
        story()
            .together_but(1, Phase::Info, &parts)
            .sent(2, 30, 1)
            .polled(3, &[(0, 10), (1, 30)])
            .on("a")
            .finally("n1", &[])
    };
    lossy().because(20, "its replica was cut off").check(expect![[r#"
        valid
          1 because its replica was cut off
    "#]]);
    lossy().check(expect![[r#"
        invalid
          unseen: value 20, sent to a together with one that was read, is in none of the final reads [1, 7]
    "#]]);
}

/// The records of an aborted transaction take offsets and are never shown; its polls are real.
#[test]
fn an_aborted_call_leaves_holes() {
    story()
        .sent(1, 10, 0)
        .together_but(2, Phase::Fail, &[read("orders-0", &[(0, 10)]), send("orders-0", 20, 1)])
        .together(2, &[read("orders-0", &[(0, 10)]), send("orders-0", 30, 3)])
        .polled(3, &[(0, 10), (3, 30)])
        .must_be_legal();
}

/// Others may write between two sends of a transaction: noted, no more.
#[test]
fn int_send_skip_between_two_sends_of_a_call() {
    let parts = [send("orders-0", 10, 0), send("orders-0", 20, 2)];
    story()
        .opens(1, &parts)
        .sent(2, 30, 1)
        .closes(1, Phase::Ok, &parts)
        .polled(3, &[(0, 10), (1, 30), (2, 20)])
        .check(expect![[r#"
            valid
            note int-send-skip: values 10 and 20 of one call are at offsets 0 and 2 of orders-0, and another record is at 1 [3, 5]
        "#]]);
}

/// Two messages on their way, and the first was sent again: nobody promised their order.
#[test]
fn a_part_that_was_sent_again_may_be_overtaken() {
    let again = Action::send("orders-0", vec![10], Promise::Durable, false);
    let parts = [again.sent(vec![Some(1)], true), send("orders-0", 20, 0)];
    let overtaken = || story().together(1, &parts).polled(3, &[(0, 20), (1, 10)]);
    overtaken().check(expect![[r#"
        valid
        note int-nonmonotonic-send: one call put value 10 at offset 1 of orders-0, and then value 20 at 0 [1, 3]
    "#]]);
    // That the values of one send appear together says nothing about two sends.
    overtaken().under(|contract| contract.atomic_sends = true).check(expect![[r#"
        valid
        note int-nonmonotonic-send: one call put value 10 at offset 1 of orders-0, and then value 20 at 0 [1, 3]
    "#]]);
}

/// Each part counts.
#[test]
fn parts_are_counted_one_by_one() {
    let counts = story()
        .together(1, &[send("orders-0", 10, 0), send("a", 20, 0), read("b", &[])])
        .together_but(2, Phase::Fail, &[send("orders-0", 30, 1), read("a", &[(0, 20)])])
        .together_but(3, Phase::Info, &[send("orders-0", 40, 2)])
        .together(4, &[read("orders-0", &[(0, 10)]), read("a", &[(0, 20)])])
        .opens(5, &[send("b", 1, 0), read("b", &[])])
        .judged()
        .counts;
    assert_eq!((counts.sends.ok, counts.sends.failed, counts.sends.unknown), (2, 1, 2));
    assert_eq!((counts.polls.ok, counts.polls.failed, counts.polls.unknown), (3, 1, 1));
    assert_eq!((counts.values_acknowledged, counts.records_read), (2, 2));
}

/// A history made by hand may hold what no file may: that is a contradiction.
#[test]
fn what_may_not_go_together_is_unknown() {
    let nested = Action::several(vec![Action::latest(Key::from("a")), Action::several(vec![])]);
    story()
        .sent(1, 10, 0)
        .polled(2, &[(0, 10)])
        .alone(3, Phase::Ok, &nested)
        .alone(3, Phase::Ok, &Action::several(vec![nested.clone()]))
        .check(expect![[r#"
            unknown: the history contradicts itself: operation 4: latest is part of a call of several (and 5 more)
        "#]]);
}

/// A completion belongs to an invocation with the same parts.
#[test]
fn parts_must_be_those_that_were_asked_for() {
    story()
        .sent(1, 10, 0)
        .polled(2, &[(0, 10)])
        .opens(3, &[send("a", 1, 0), read("a", &[])])
        .closes(3, Phase::Ok, &[send("a", 1, 0)])
        .opens(3, &[send("a", 2, 0), read("a", &[])])
        .closes(3, Phase::Ok, &[read("a", &[]), send("a", 2, 0)])
        .check(expect![[r#"
            unknown: the history contradicts itself: operation 5: it completes another call than was begun (and 1 more)
        "#]]);
}
