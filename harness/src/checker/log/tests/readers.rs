//! Readers that are assigned and subscribed, within a call and from one to the next; what has not
//! been read yet.

use std::collections::BTreeMap;

use expect_test::expect;

use super::story::Story;
use super::{read, send, story};
use crate::checker::log::{Guarantee, Unseen};
use crate::history::{Action, Key, Phase, Promise};

fn assign(positions: &[(&str, i64)]) -> Action {
    let positions = positions.iter().map(|(key, next)| (Key::from(*key), *next)).collect();
    Action::Assign { positions, source: "n1".to_owned() }
}

fn subscribe(keys: &[&str]) -> Action {
    Action::Subscribe { keys: keys.iter().copied().map(Key::from).collect() }
}

/// Three records in each of two logs; process 2 has read the first of each.
fn begun() -> Story {
    story()
        .together(1, &[send("a", 10, 0), send("a", 11, 1), send("a", 12, 2)])
        .together(1, &[send("b", 20, 0), send("b", 21, 1), send("b", 22, 2)])
        .alone(2, Phase::Ok, &assign(&[("a", 0), ("b", 0)]))
        .together(2, &[read("a", &[(0, 10)]), read("b", &[(0, 20)])])
        .together(3, &[read("a", &[(0, 10), (1, 11), (2, 12)])])
        .together(3, &[read("b", &[(0, 20), (1, 21), (2, 22)])])
}

/// Where the reader of `begun` goes on in both logs: it leaves out a record of each.
fn skips(story: Story) -> Story {
    story.together(2, &[read("a", &[(2, 12)]), read("b", &[(2, 22)])])
}

/// An assignment that names a key without an offset goes on with it, and forgets only others.
#[test]
fn poll_skip_of_a_key_that_was_kept() {
    skips(begun().alone(2, Phase::Ok, &assign(&[("a", -1)]))).check(expect![[r#"
        invalid
          poll-skip: process 2 stood at offset 1 of a and was given 2, though there is a record at 1 [9, 15]
    "#]]);
}

/// Whatever became of the assignment, the key that it keeps was not moved.
#[test]
fn poll_skip_of_a_key_that_was_kept_by_an_assignment_of_unknown_fate() {
    skips(begun().alone(2, Phase::Info, &assign(&[("a", -1)]))).check(expect![[r#"
        invalid
          poll-skip: process 2 stood at offset 1 of a and was given 2, though there is a record at 1 [9, 15]
    "#]]);
}

/// An assignment that certainly failed forgets nothing.
#[test]
fn nonmonotonic_poll_after_an_assignment_that_failed() {
    begun()
        .alone(2, Phase::Fail, &assign(&[]))
        .together(2, &[read("a", &[(0, 10)]), read("b", &[(1, 21)])])
        .check(expect![[r#"
            invalid
              nonmonotonic-poll: process 2 stood at offset 1 of a and was given 0 [7, 15]
        "#]]);
}

/// An assignment of unknown fate that names another offset may have moved the reader or not.
#[test]
fn an_assignment_of_unknown_fate_moves_a_reader_or_not() {
    skips(begun().alone(2, Phase::Info, &assign(&[("a", 2), ("b", 0)]))).must_be_legal();
    begun()
        .alone(2, Phase::Info, &assign(&[("a", 2), ("b", 0)]))
        .together(2, &[read("a", &[(1, 11)]), read("b", &[(0, 20)])])
        .must_be_legal();
}

/// Keys that an assignment drops are forgotten for good, whatever became of it.
#[test]
fn a_key_that_was_dropped_may_be_read_from_anywhere() {
    for phase in [Phase::Ok, Phase::Info] {
        let dropped = begun().alone(2, phase, &assign(&[]));
        skips(dropped.alone(2, Phase::Ok, &assign(&[("a", -1), ("b", -1)]))).must_be_legal();
    }
}

/// A subscription forgets the keys that it drops; moves in the others are noted.
#[test]
fn a_subscription_keeps_only_its_keys() {
    let expected = || {
        expect![[r#"
            valid
            note poll-skip: process 2 stood at offset 1 of b and was given 2, though there is a record at 1 [11, 15]
        "#]]
    };
    for phase in [Phase::Ok, Phase::Info] {
        skips(begun().alone(2, phase, &subscribe(&["b"]))).check(expected());
    }
}

/// Whoever was subscribed does not know where it stands when it is assigned.
#[test]
fn an_assignment_after_a_subscription_begins_anew() {
    let assigned = begun().alone(2, Phase::Ok, &subscribe(&["a", "b"])).alone(
        2,
        Phase::Ok,
        &assign(&[("a", -1), ("b", 2)]),
    );
    skips(assigned).must_be_legal();
}

/// As long as it is not known whether the assignment was made, others may move the reader.
#[test]
fn a_subscribed_reader_that_may_have_been_assigned_is_still_moved() {
    let unsure = begun()
        .alone(2, Phase::Ok, &subscribe(&["a", "b"]))
        .alone(2, Phase::Info, &assign(&[("a", -1), ("b", -1)]))
        .together(2, &[read("a", &[(0, 10)])]);
    skips(unsure).check(expect![[r#"
        valid
        note poll-skip: process 2 stood at offset 1 of a and was given 2, though there is a record at 1 [9, 19]
    "#]]);
}

/// Also a subscribed reader reads record by record within one poll: nobody moved it.
#[test]
fn int_poll_skip_of_a_subscribed_reader() {
    begun()
        .alone(4, Phase::Ok, &subscribe(&["a"]))
        .alone(4, Phase::Ok, &read("a", &[(0, 10), (2, 12)]))
        .alone(4, Phase::Info, &read("a", &[(2, 12), (1, 11)]))
        .check(expect![[r#"
            invalid
              int-poll-skip: process 4 stood at offset 1 of a and was given 2, though there is a record at 1 [9, 15]
              int-nonmonotonic-poll: one poll returned offset 1 of a after offset 2 [17]
            note nonmonotonic-poll: process 4 stood at offset 3 of a and was given 2 [15, 17]
        "#]]);
}

/// Others took the key and gave it back between two polls of one call: noted, no more.
#[test]
fn a_key_that_was_rebalanced_within_a_call_is_exempt() {
    let again = |key: &str| read("a", &[(0, 10)]).rebalanced(vec![Key::from(key)]);
    let moved = |key: &str| {
        let parts = [read("a", &[(1, 11)]), again(key), read("a", &[(2, 12)])];
        begun().alone(4, Phase::Ok, &subscribe(&["a"])).together(4, &parts)
    };
    moved("a").check(expect![[r#"
        valid
        note int-poll-skip: process 4 stood at offset 1 of a and was given 2, though there is a record at 1 [9, 15]
        note int-nonmonotonic-poll: one call returned offset 0 of a after offset 1 [15]
    "#]]);
    moved("b").check(expect![[r#"
        invalid
          int-poll-skip: process 4 stood at offset 1 of a and was given 2, though there is a record at 1 [9, 15]
          int-nonmonotonic-poll: one call returned offset 0 of a after offset 1 [15]
    "#]]);
}

/// A reader that was moved has not been past what lies between.
#[test]
fn whoever_was_moved_went_past_nothing() {
    let jump = |key: &str| {
        let on = read("a", &[(2, 30)]).rebalanced(vec![Key::from(key)]);
        story()
            .on("a")
            .sent(1, 10, 0)
            .sent(1, 20, 1)
            .sent(1, 30, 2)
            .alone(4, Phase::Ok, &subscribe(&["a"]))
            .together(4, &[read("a", &[(0, 10)]), on])
    };
    jump("a").check(expect![[r#"
        unknown: 1 of the acknowledged values of a were never read, and no final read tells late from lost
    "#]]);
    jump("b").check(expect![[r#"
        invalid
          lost-write: durable value 20, acknowledged at offset 1 of a, is not there, though a reader went past its place [3, 9]
        lost 1 of 3 durable, 0 explained, 1 not
    "#]]);
    // Between two calls, nobody knows who moved it.
    story()
        .on("a")
        .sent(1, 10, 0)
        .sent(1, 20, 1)
        .sent(1, 30, 2)
        .subscribed(4)
        .polled(4, &[(0, 10)])
        .polled(4, &[(2, 30)])
        .check(expect![[r#"
            unknown: 1 of the acknowledged values of a were never read, and no final read tells late from lost
        "#]]);
}

/// Where even reads may be undone, a reader may be sent back from one poll to the next.
#[test]
fn undone_reads_send_readers_back_between_two_polls_but_never_inside_one() {
    let weak = || {
        story()
            .under(|contract| contract.reads = Guarantee::LossCounted)
            .sent_together(1, &[(10, 0), (20, 1)])
            .polled(3, &[(0, 10), (1, 20)])
    };
    weak()
        .together(2, &[read("orders-0", &[(0, 10), (1, 20)]), read("orders-0", &[(0, 10)])])
        .check(expect![[r#"
            valid
            note int-nonmonotonic-poll: one call returned offset 0 of orders-0 after offset 1 [5]
        "#]]);
    weak().polled(2, &[(1, 20), (0, 10)]).check(expect![[r#"
        invalid
          int-nonmonotonic-poll: one poll returned offset 0 of orders-0 after offset 1 [5]
    "#]]);
}

/// A call that did not end well moves no reader, also if it polled several times.
#[test]
fn only_a_call_that_ended_well_moves_a_reader() {
    begun()
        .together_but(2, Phase::Fail, &[read("a", &[(1, 11)]), read("a", &[(2, 12)])])
        .together_but(2, Phase::Info, &[read("b", &[(1, 21)])])
        .together(2, &[read("a", &[(1, 11)]), read("b", &[]), read("b", &[(1, 21)])])
        .must_be_legal();
}

/// An acknowledged value was shown only by a poll that broke off, and others went past its place.
#[test]
fn lost_write_of_a_value_whose_place_a_broken_poll_showed() {
    let unplaced = Action::send("orders-0", vec![20], Promise::Durable, false);
    story()
        .sent(1, 10, 0)
        .alone(1, Phase::Ok, &unplaced)
        .sent(1, 30, 2)
        .poll_broke_off(2, &[(0, 10), (1, 20)])
        .assigned(3, 0)
        .polled(3, &[(0, 10)])
        .assigned(4, 0)
        .polled(4, &[(0, 10), (2, 30)])
        .check(expect![[r#"
            invalid
              lost-write: durable value 20, sent to orders-0, is not there, though a reader went past its place [3, 15]
              int-poll-skip: process 4 stood at offset 1 of orders-0 and was given 2, though there is a record at 1 [7, 15]
            lost 1 of 3 durable, 0 explained, 1 not
        "#]]);
}

/// Also a poll that fell back has been past what it had passed before.
#[test]
fn lost_write_under_a_poll_that_fell_back() {
    story()
        .sent_together(1, &[(10, 0), (20, 1), (30, 2)])
        .polled(2, &[(0, 10), (2, 30), (0, 10)])
        .check(expect![[r#"
            invalid
              lost-write: durable value 20, acknowledged at offset 1 of orders-0, is not there, though a reader went past its place [1, 3]
              int-nonmonotonic-poll: one poll returned offset 0 of orders-0 after offset 2 [3]
            lost 1 of 3 durable, 0 explained, 1 not
        "#]]);
}

/// The backlog grows with each acknowledgement and shrinks with each read.
#[test]
fn the_unseen_series_follows_the_backlog() {
    let judged = story()
        .on("a")
        .begins(1, 10)
        .polled(2, &[(0, 10)])
        .acked(1, 10, 0)
        .sent(1, 20, 1)
        .sent_together(1, &[(30, 2), (40, 3)])
        .on("b")
        .sent(1, 50, 0)
        .on("a")
        .poll_broke_off(3, &[(0, 10), (1, 20)])
        .polled(4, &[(0, 10), (1, 20), (2, 30)])
        .refused(1, 60)
        .timed_out(5, &[70])
        .judged();
    let told: Vec<_> = judged
        .notes
        .unseen
        .iter()
        .map(|unseen| {
            let count = |key: &str| unseen.values.get(&Key::from(key)).copied();
            (unseen.time, count("a"), count("b"))
        })
        .collect();
    expect!["[(5000, Some(1), None), (7000, Some(3), None), (9000, Some(3), Some(1)), (13000, Some(1), Some(1))]"].assert_eq(&format!("{told:?}"));
}

/// A long history has few moments.
#[test]
fn the_unseen_series_is_sampled() {
    let long = (0..1000_u32).fold(story(), |story, n| story.sent(1, n.into(), n.into()));
    let series = long.judged().notes.unseen;
    assert_eq!(series.len(), 223);
    let last = BTreeMap::from([(Key::from("orders-0"), 1000)]);
    assert_eq!(series.last(), Some(&Unseen { time: 1_999_000, values: last }));
    assert!(series.is_sorted_by_key(|unseen| unseen.time));
    assert!(story().judged().notes.unseen.is_empty());
    // Read in the very moment in which it was acknowledged: wrong, but not unseen.
    let at_once = story().together(1, &[send("a", 1, 0), read("a", &[(0, 1)])]);
    assert!(at_once.judged().notes.unseen.is_empty());
}

/// Without a final read, what need not be there may merely be late.
#[test]
fn nothing_is_undecided_about_what_need_not_be_there() {
    // Losses of such sends are only counted.
    story()
        .under(|contract| contract.fire_and_forget = Guarantee::LossCounted)
        .sent(1, 10, 0)
        .fired(1, 20)
        .polled(2, &[(0, 10)])
        .must_be_legal();
    // Nobody acknowledged the other half of it.
    story()
        .under(|contract| contract.atomic_sends = true)
        .sent(1, 5, 0)
        .timed_out(3, &[10, 20])
        .polled(2, &[(0, 5), (1, 10)])
        .must_be_legal();
}

/// Losses are summed over all promises.
#[test]
fn losses_are_summed() {
    let losses = story()
        .sent(1, 10, 0)
        .volatile(1, 20, 1)
        .because(20, "its replica was cut off")
        .volatile(1, 30, 1)
        .fired(1, 40)
        .finally("n1", &[(0, 10)])
        .judged()
        .losses;
    assert_eq!((losses.lost(), losses.unexplained()), (3, 2));
}
