//! Each violation as a history by hand, and beside it one that is legal though it looks wrong.

use expect_test::{Expect, expect};

use super::brute;
use super::cases::{Case, again, append, case, end, lost, op, read, resent, tail};
use crate::checker::linearizable::log::{Fate, Outcome};

/// The case is told as expected, and is really illegal.
fn illegal(case: &Case, expected: &Expect) {
    expected.assert_eq(&case.told());
    assert!(!brute::is_linearizable(case), "by force it is legal");
}

fn legal(case: &Case) {
    assert_eq!(case.judged().outcome, Outcome::Linearizable, "{}", case.told());
    assert!(brute::is_linearizable(case), "by force it is illegal");
}

#[test]
fn an_offset_holds_one_record() {
    illegal(
        &case(vec![append((0, 1), &[10], 0), append((0, 3), &[20], 0)]),
        &expect![[r#"
        disagreement: offset 0 holds value 10 and value 20 [0, 1]
    "#]],
    );
    illegal(
        &case(vec![lost(0, &[10]), lost(0, &[20]), read((1, 2), 0, &[10]), read((1, 3), 0, &[20])]),
        &expect![[r#"
            disagreement: offset 0 holds value 10 and value 20 [2, 3]
        "#]],
    );
    // The unknown batch that one record of it binds reaches over an acknowledged one.
    illegal(
        &case(vec![append((0, 9), &[10], 1), lost(0, &[20, 30]), read((1, 2), 0, &[20])]),
        &expect![[r#"
            disagreement: offset 1 holds value 10 and value 30 [0, 2]
        "#]],
    );
    // It is the second record of one that the other one contradicts. Whoever read what was
    // acknowledged there as well says nothing new.
    illegal(
        &case(vec![append((0, 9), &[10], 1), append((0, 9), &[20, 30], 0), read((1, 2), 1, &[30])]),
        &expect![[r#"
            disagreement: offset 1 holds value 10 and value 30 [0, 1]
        "#]],
    );
    // One of two appends of unknown fate is there; nobody knows of the other.
    legal(&case(vec![lost(0, &[10]), lost(0, &[20]), read((1, 2), 0, &[20])]));
}

/// A record is known to be at an offset by its acknowledgement there, and else by whoever read it.
#[test]
fn a_contradiction_names_who_says_so() {
    let hinted = op((0, 9), &[10], Fate::UnknownAt { offset: 0 });
    illegal(
        &case(vec![hinted, lost(0, &[20]), read((1, 2), 0, &[10]), read((1, 3), 0, &[20])]),
        &expect![[r#"
            disagreement: offset 0 holds value 10 and value 20 [2, 3]
        "#]],
    );
    // The end that nobody minds does not contradict.
    illegal(
        &case(vec![end((0, 1), 0), append((2, 3), &[10], 0), end((4, 5), 0)]),
        &expect![[r#"
            stale end: the log was said to end at offset 0 after value 10 had been acknowledged at 0 [1, 2]
        "#]],
    );
    // Both records of the batch came too late; the first says it all.
    illegal(
        &case(vec![read((0, 1), 0, &[10, 20]), append((5, 6), &[10, 20], 0)]),
        &expect![[r#"
            read too early: offset 0 was read before value 10 was sent, which is there [0, 1]
        "#]],
    );
}

#[test]
fn a_record_that_is_read_was_appended() {
    illegal(
        &case(vec![read((0, 1), 0, &[10])]),
        &expect![[r#"
            phantom: a stranger was read at offset 0, but nobody appended it [0]
        "#]],
    );
    // The log may be so long: then the other records are judged, too.
    illegal(
        &case(vec![append((0, 1), &[10], 0), lost(0, &[20]), read((2, 3), 0, &[99, 10])]),
        &expect![[r#"
            phantom: a stranger was read at offset 0, but nobody appended it [2]
            two offsets: value 10 was acknowledged at offset 0, read at 1 [0, 2]
        "#]],
    );
    // It was, but its client does not know.
    legal(&case(vec![lost(0, &[10]), read((1, 2), 0, &[10])]));
}

#[test]
fn what_failed_is_never_seen() {
    illegal(
        &case(vec![op((0, 1), &[10], Fate::Failed), read((2, 3), 0, &[10])]),
        &expect![[r#"
            failed but visible: value 10 was read at offset 0, but its append failed [0, 1]
        "#]],
    );
    // Another one is at the offset that looked free.
    legal(&case(vec![
        op((0, 1), &[10], Fate::Failed),
        append((2, 3), &[20], 0),
        read((2, 3), 0, &[20]),
    ]));
}

#[test]
fn a_record_is_at_one_offset() {
    illegal(
        &case(vec![append((0, 1), &[10], 0), lost(0, &[20]), read((2, 3), 1, &[10])]),
        &expect![[r#"
            two offsets: value 10 was acknowledged at offset 0, read at 1 [0, 2]
        "#]],
    );
    illegal(
        &case(vec![lost(0, &[10]), lost(0, &[20]), read((1, 2), 0, &[10]), read((1, 3), 1, &[10])]),
        &expect![[r#"
            two offsets: value 10 was read at offset 0 and at 1 [2, 3]
        "#]],
    );
    // If it took effect, then at offset 1.
    illegal(
        &case(vec![op((0, 1), &[10], Fate::UnknownAt { offset: 1 }), read((2, 3), 0, &[10])]),
        &expect![[r#"
            two offsets: value 10 was acknowledged at offset 1, read at 0 [0, 1]
        "#]],
    );
    // It was sent again, and is there twice.
    legal(&case(vec![resent(0, &[10]), read((1, 2), 0, &[10, 10])]));
}

#[test]
fn records_of_one_append_are_side_by_side() {
    illegal(
        &case(vec![lost(0, &[10, 20]), lost(0, &[30]), read((1, 2), 0, &[10, 30, 20])]),
        &expect![[r#"
            disagreement: offset 1 holds value 20 and value 30 [2]
            torn batch: value 20 was read at offset 2, but what was appended together with it was read where it belongs to offset 1 [2]
        "#]],
    );
    illegal(
        &case(vec![append((0, 9), &[10, 20], 0), tail((1, 2), 0, &[10])]),
        &expect![[r#"
        torn batch: the log was said to end at offset 1, where value 20 is, which was appended together with what is before it [0, 1]
    "#]],
    );
    // A reader may stop in the middle of a batch as long as it says nothing of the end.
    legal(&case(vec![append((0, 9), &[10, 20], 0), read((1, 2), 0, &[10])]));
}

#[test]
fn a_log_begins_at_offset_0() {
    illegal(
        &case(vec![lost(0, &[10, 20]), read((1, 2), 0, &[20])]),
        &expect![[r#"
        out of range: no log can hold something at offset -1 [1]
    "#]],
    );
    illegal(
        &case(vec![append((0, 1), &[10], -1)]),
        &expect![[r#"
        out of range: no log can hold something at offset -1 [0]
    "#]],
    );
    // A reader below the log finds nothing.
    legal(&case(vec![read((0, 1), -5, &[]), append((0, 1), &[10], 0)]));
}

#[test]
fn appends_lie_in_the_order_of_real_time() {
    illegal(
        &case(vec![append((0, 1), &[10], 1), append((2, 3), &[20], 0)]),
        &expect![[r#"
        append order: value 10 was acknowledged at offset 1 before value 20 was sent, which is at 0 [0, 1]
    "#]],
    );
    // They overlap.
    legal(&case(vec![append((0, 2), &[10], 1), append((2, 3), &[20], 0)]));
}

#[test]
fn a_read_returns_what_was_there_in_time() {
    illegal(
        &case(vec![read((0, 1), 0, &[10]), append((2, 3), &[10], 0)]),
        &expect![[r#"
        read too early: offset 0 was read before value 10 was sent, which is there [0, 1]
    "#]],
    );
    // What lies before it must have been there as well.
    illegal(
        &case(vec![append((0, 1), &[20], 1), read((0, 1), 1, &[20]), append((2, 3), &[10], 0)]),
        &expect![[r#"
            read too early: offset 1 was read before value 10 was sent, which is at 0 [1, 2]
        "#]],
    );
    illegal(
        &case(vec![read((0, 1), 1, &[]), append((2, 3), &[10], 0)]),
        &expect![[r#"
        read too early: the log was seen to reach offset 1 before value 10 was sent, which is at 0 [0, 1]
    "#]],
    );
    // A record may be read before its append returns.
    legal(&case(vec![append((0, 3), &[10], 0), read((1, 2), 0, &[10])]));
}

#[test]
fn an_end_is_not_stale() {
    illegal(
        &case(vec![append((0, 1), &[10], 0), end((2, 3), 0)]),
        &expect![[r#"
        stale end: the log was said to end at offset 0 after value 10 had been acknowledged at 0 [0, 1]
    "#]],
    );
    illegal(
        &case(vec![lost(0, &[10]), read((1, 2), 0, &[10]), end((3, 4), 0)]),
        &expect![[r#"
        stale end: the log was said to end at offset 0 after it had been seen to hold offset 0 [1, 2]
    "#]],
    );
    // A prefix read may be stale, and so may the end that somebody asked for before.
    legal(&case(vec![append((0, 1), &[10], 0), read((2, 3), 0, &[]), end((1, 2), 0)]));
    // An acknowledged append of nothing says where the log ended.
    illegal(
        &case(vec![append((0, 1), &[10], 0), append((2, 3), &[], 0)]),
        &expect![[r#"
        stale end: the log was said to end at offset 0 after value 10 had been acknowledged at 0 [0, 1]
    "#]],
    );
}

#[test]
fn an_acknowledged_append_has_a_place() {
    let somewhere = |times| op(times, &[20], Fate::AcknowledgedSomewhere);
    illegal(
        &case(vec![append((0, 5), &[10], 0), somewhere((1, 2)), end((3, 4), 0)]),
        &expect![[r#"
            unplaced: value 20 was acknowledged and fits nowhere: not before offset 0, and not behind it, since what is there came later [1, 2]
        "#]],
    );
    // Nobody saw it, but there is a hole that it fits.
    legal(&case(vec![append((0, 5), &[10], 1), somewhere((1, 2)), end((3, 4), 1)]));
    // Behind the end there is always room, also of a sparse log.
    legal(&case(vec![append((0, 1), &[10], 0), somewhere((1, 3)), end((2, 3), 1)]));
    legal(&case(vec![append((2, 5), &[10], 0), somewhere((1, 2))]));
    legal(&case(vec![append((2, 5), &[10], 0), somewhere((1, 2))]).sparse());
    // An append of nothing needs no place.
    let nothing = op((1, 2), &[], Fate::AcknowledgedSomewhere);
    legal(&case(vec![append((0, 5), &[10], 0), nothing, end((3, 4), 0)]));
}

/// Where its first copy is, or whether that one was acknowledged, is not told.
#[test]
fn what_was_sent_again_is_held_to_no_place() {
    let somewhere = again(op((1, 2), &[20], Fate::AcknowledgedSomewhere));
    legal(&case(vec![append((0, 5), &[10], 0), somewhere.clone(), end((3, 4), 0)]));
    // The copy that came later is seen; the one before 10 was the acknowledged one.
    legal(&case(vec![somewhere, append((3, 4), &[10], 1), read((5, 6), 1, &[10, 20])]));
    let hinted = again(op((0, 1), &[10], Fate::UnknownAt { offset: 1 }));
    legal(&case(vec![hinted, read((2, 3), 0, &[10])]));
}

/// A sparse log's holes are control batches, but what is bound is judged all the same.
#[test]
fn control_batches_take_offsets_of_a_sparse_log() {
    let log = |far| vec![append((0, 1), &[10], 3), append((2, 3), &[20], far)];
    legal(&case(log(6)).sparse());
    illegal(
        &case(log(6)),
        &expect![[r#"
            hole: the log was seen to reach offset 4, beyond all records that can be in it, which are 2 [0]
            hole: the log was seen to reach offset 7, beyond all records that can be in it, which are 2 [1]
        "#]],
    );
    illegal(
        &case(vec![append((0, 1), &[10], 6), append((2, 3), &[20], 3)]).sparse(),
        &expect![[r#"
            append order: value 10 was acknowledged at offset 6 before value 20 was sent, which is at 3 [0, 1]
        "#]],
    );
    // However far away they are.
    let far = case(log(1 << 62)).sparse();
    assert_eq!(far.judged().outcome, Outcome::Linearizable);
    assert!(far.judged().bytes < 1000);
}
