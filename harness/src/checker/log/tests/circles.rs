//! Calls that read from one another in a circle, and those that only look like it. The numbers in
//! brackets are operations: a call is two, an invocation and a completion.

use expect_test::expect;

use super::{read, send, story};
use crate::checker::log::Guarantee;
use crate::history::{Action, Key, Phase, Promise};

/// Two transactions were shown each other's records before either was committed.
#[test]
fn g1c_of_two_calls() {
    let one = [send("a", 7, 0), read("b", &[(0, 9)])];
    let other = [send("b", 9, 0), read("a", &[(0, 7)])];
    story()
        .opens(1, &one)
        .opens(2, &other)
        .closes(1, Phase::Ok, &one)
        .closes(2, Phase::Ok, &other)
        .check(expect![[r#"
            invalid
              g1c: operation 3 read value 7 of a that operation 2 sent; operation 2 read value 9 of b that operation 3 sent [2, 3]
        "#]]);
}

/// That nobody knows how one of them ended changes nothing: it was read, so it is real.
#[test]
fn g1c_with_a_call_of_unknown_fate() {
    let one = [send("a", 7, 0), read("a", &[(1, 9)])];
    let other = [read("a", &[(0, 7)]), send("a", 9, 1)];
    story()
        .opens(1, &one)
        .opens(2, &other)
        .closes(1, Phase::Info, &one)
        .closes(2, Phase::Ok, &other)
        .check(expect![[r#"
            invalid
              g1c: operation 3 read value 7 of a that operation 2 sent; operation 2 read value 9 of a that operation 3 sent [2, 3]
        "#]]);
}

/// A circle belongs to a log if all of its values do.
#[test]
fn g1c_names_the_log_if_it_is_one() {
    let circle = |first: &str, second: &str| {
        let one = [send(first, 7, 0), read(second, &[(1, 9)])];
        let other = [read(first, &[(0, 7)]), send(second, 9, 1)];
        let opened = story().opens(1, &one).opens(2, &other);
        let judged = opened.closes(1, Phase::Ok, &one).closes(2, Phase::Ok, &other).judged();
        judged.verdict.anomalies()[0].key.clone()
    };
    assert_eq!(circle("a", "a"), Some(Key::from("a")));
    assert_eq!(circle("a", "b"), None);
}

/// In a knot of four, the report names the shortest way around.
#[test]
fn g1c_tells_the_shortest_circle() {
    let long = [read("d", &[(0, 4)]), send("a", 1, 0)];
    let second = [read("a", &[(0, 1)]), send("b", 2, 0)];
    let third = [read("b", &[(0, 2)]), read("d", &[(0, 4)]), send("c", 3, 0)];
    let fourth = [read("c", &[(0, 3)]), send("d", 4, 0)];
    let calls = [&long[..], &second, &third, &fourth];
    let opened = (0_u64..).zip(calls).fold(story(), |story, (n, parts)| story.opens(n, parts));
    let closed =
        (0_u64..).zip(calls).fold(opened, |story, (n, parts)| story.closes(n, Phase::Ok, parts));
    closed.check(expect![[r#"
        invalid
          g1c: operation 7 read value 3 of c that operation 6 sent; operation 6 read value 4 of d that operation 7 sent [6, 7]
    "#]]);
}

/// A reader heard of a transaction that had not yet polled what was sent after the reader had
/// gone: the transaction was visible before it was done.
#[test]
fn g1c_realtime_through_a_reader() {
    let slow = [send("a", 7, 0), read("b", &[(0, 9)])];
    story()
        .opens(1, &slow)
        .on("a")
        .polled(2, &[(0, 7)])
        .on("b")
        .sent(3, 9, 0)
        .closes(1, Phase::Ok, &slow)
        .check(expect![[r#"
            invalid
              g1c-realtime: operation 5 read value 9 of b that operation 4 sent; operation 2 read value 7 of a that operation 5 sent; operation 2 ended before operation 4 began [4, 5, 2, 3]
        "#]]);
}

/// A circle is no loss that anything could explain: time runs one way under every contract.
#[test]
fn g1c_realtime_where_nothing_is_promised_to_stay() {
    let part = |key: &str, value, offset| {
        Action::send(key, vec![value], Promise::Volatile, false).sent(vec![Some(offset)], false)
    };
    let slow = [part("a", 7, 0), read("b", &[(0, 9)])];
    let between = [read("a", &[(0, 7)]), part("c", 8, 0)];
    let story = story()
        .under(|contract| contract.reads = Guarantee::LossCounted)
        .opens(1, &slow)
        .opens(2, &between)
        .closes(2, Phase::Ok, &between)
        .on("c")
        .polled(4, &[(0, 8)])
        .on("b")
        .volatile(3, 9, 0)
        .closes(1, Phase::Info, &slow);
    story.check(expect![[r#"
        invalid
          g1c-realtime: operation 7 read value 9 of b that operation 6 sent; operation 2 read value 7 of a that operation 7 sent; operation 2 ended before operation 6 began [6, 7, 2, 5]
    "#]]);
}

/// A long circle is told in part.
#[test]
fn g1c_of_forty_calls_is_cut_short() {
    let parts = |n: u64| {
        let (before, own) = (format!("k{}", (n + 39) % 40), format!("k{n}"));
        [read(&before, &[(0, (n + 39) % 40)]), send(&own, n, 0)]
    };
    let opened = (0..40).fold(story(), |story, n| story.opens(n, &parts(n)));
    let judged = (0..40).fold(opened, |story, n| story.closes(n, Phase::Ok, &parts(n))).judged();
    let [circle] = judged.verdict.anomalies() else {
        panic!("{}", judged.verdict);
    };
    assert_eq!((circle.operations.len(), circle.total), (12, 1));
    assert!(circle.summary.ends_with("that operation 51 sent; and 28 steps more"), "{circle}");
}

/// Transactions that read from one another in one direction, side by side in time.
#[test]
fn calls_may_read_from_one_another_while_both_are_open() {
    let one = [send("a", 7, 0), send("b", 8, 0)];
    let other = [read("a", &[(0, 7)]), read("b", &[(0, 8)]), send("c", 9, 0)];
    let last = [read("c", &[(0, 9)]), read("a", &[(0, 7)])];
    story()
        .opens(1, &one)
        .opens(2, &other)
        .opens(3, &last)
        .closes(3, Phase::Ok, &last)
        .closes(2, Phase::Ok, &other)
        .closes(1, Phase::Ok, &one)
        .must_be_legal();
}

/// Two transactions, neither of which is shown what the other sent: both readers are stale, the
/// second one even in real time. No edge says that anybody came first.
#[test]
fn a_stale_read_closes_no_circle() {
    story()
        .sent(1, 10, 0)
        .together(2, &[read("orders-0", &[(0, 10)]), send("orders-0", 20, 1)])
        .together(3, &[read("orders-0", &[(0, 10)]), send("orders-0", 30, 2)])
        .together(2, &[read("orders-0", &[]), send("orders-0", 40, 3)])
        .finally("n1", &[(0, 10), (1, 20), (2, 30), (3, 40)])
        .must_be_legal();
}

/// The reader was still reading when the send began, or the poll came from another call.
#[test]
fn what_overlaps_has_no_order_in_time() {
    let slow = [send("a", 7, 0), read("b", &[(0, 9)])];
    let reader = [read("a", &[(0, 7)])];
    story()
        .opens(1, &slow)
        .opens(2, &reader)
        .on("b")
        .begins(3, 9)
        .closes(2, Phase::Ok, &reader)
        .acked(3, 9, 0)
        .closes(1, Phase::Ok, &slow)
        .must_be_legal();
    let first = [send("a", 7, 0), read("b", &[])];
    story()
        .opens(1, &first)
        .on("a")
        .polled(2, &[(0, 7)])
        .on("b")
        .sent(3, 9, 0)
        .closes(1, Phase::Ok, &first)
        .together(1, &[read("b", &[(0, 9)]), send("a", 8, 1)])
        .on("a")
        .polled(2, &[(1, 8)])
        .must_be_legal();
}
