//! Positions that must exist though nobody named their records.

use expect_test::{Expect, expect};

use super::brute;
use super::cases::{Case, append, case, end, lost, op, read, resent};
use crate::checker::linearizable::log::{Fate, Options, Outcome, check};

fn illegal(case: &Case, expected: &Expect) {
    expected.assert_eq(&case.told());
    assert!(!brute::is_linearizable(case), "by force it is legal");
}

fn legal(case: &Case) {
    assert_eq!(case.judged().outcome, Outcome::Linearizable, "{}", case.told());
    assert!(brute::is_linearizable(case), "by force it is illegal");
}

#[test]
fn a_hole_is_filled_by_an_append_of_unknown_fate() {
    legal(&case(vec![lost(0, &[10]), append((1, 2), &[20], 1)]));
    illegal(
        &case(vec![append((1, 2), &[20], 1)]),
        &expect![[r#"
            hole: the log was seen to reach offset 2, beyond all records that can be in it, which are 1 [0]
        "#]],
    );
    illegal(
        &case(vec![append((1, 2), &[20], 1), lost(3, &[10])]),
        &expect![[r#"
        hole: nobody named the record at offset 0, and nothing that may be there had been sent when value 20 was acknowledged at offset 1 [0]
    "#]],
    );
}

/// The first hole takes the earliest append; the second one's comes in time only for itself.
#[test]
fn holes_are_filled_in_the_order_of_calls() {
    let ends = vec![end((2, 3), 1), end((4, 5), 2)];
    legal(&case([vec![lost(3, &[10]), lost(4, &[20])], ends.clone()].concat()));
    illegal(
        &case([vec![lost(4, &[10]), lost(5, &[20])], ends].concat()),
        &expect![[r#"
        hole: nobody named the record at offset 0, and nothing that may be there had been sent when offset 0 was seen to exist [2]
    "#]],
    );
}

/// Six records are missing: two batches of three fill them, a batch of four and a single do not.
#[test]
fn batches_must_tile_the_holes() {
    legal(&case(vec![lost(0, &[1, 2, 3]), lost(0, &[4, 5, 6]), append((1, 2), &[9], 6)]));
    illegal(
        &case(vec![lost(0, &[1, 2, 3, 4]), lost(0, &[5, 6, 7, 8]), append((1, 2), &[9], 6)]),
        &expect![[r#"
            hole: nobody named the record at offset 4, and no choice of appends of unknown fate can have filled all such offsets when value 9 was acknowledged at offset 6 [2]
        "#]],
    );
    // The log ended in the middle of where a batch would be.
    illegal(
        &case(vec![lost(0, &[1, 2]), append((5, 6), &[9], 2), end((1, 2), 1)]),
        &expect![[r#"
            hole: nobody named the record at offset 0, and no choice of appends of unknown fate can have filled all such offsets when offset 0 was seen to exist [2]
        "#]],
    );
    legal(&case(vec![lost(0, &[1, 2]), append((5, 6), &[9], 2), end((1, 2), 2)]));
}

/// What a weak promise acknowledged is at its offset or nowhere.
#[test]
fn a_hint_fills_only_its_own_hole() {
    let hinted = |offset| op((0, 9), &[10], Fate::UnknownAt { offset });
    legal(&case(vec![hinted(0), append((1, 2), &[20], 1)]));
    illegal(
        &case(vec![hinted(1), append((1, 2), &[20], 1)]),
        &expect![[r#"
        hole: nobody named the record at offset 0, and nothing that may be there had been sent when value 20 was acknowledged at offset 1 [1]
    "#]],
    );
    // Where it fits, it leaves the other one to the hole that only that one can fill.
    legal(&case(vec![hinted(1), lost(0, &[20]), append((1, 2), &[30], 2)]));
}

#[test]
fn what_was_sent_again_fills_any_number_of_holes() {
    legal(&case(vec![resent(0, &[10]), append((1, 2), &[20], 3)]));
    illegal(
        &case(vec![resent(3, &[10]), append((1, 2), &[20], 3)]),
        &expect![[r#"
        hole: nobody named the record at offset 0, and nothing that may be there had been sent when value 20 was acknowledged at offset 3 [1]
    "#]],
    );
}

/// A read that found nothing proves that what lies before it exists.
#[test]
fn a_read_of_nothing_makes_holes() {
    legal(&case(vec![lost(0, &[10]), read((1, 2), 1, &[])]));
    illegal(
        &case(vec![lost(0, &[10]), read((1, 2), 2, &[])]),
        &expect![[r#"
            hole: the log was seen to reach offset 2, beyond all records that can be in it, which are 1 [1]
        "#]],
    );
}

/// Nobody knows what comes behind the last record that must exist.
#[test]
fn a_batch_may_reach_beyond_what_is_known() {
    legal(&case(vec![lost(0, &[1, 2, 3]), read((1, 2), 1, &[])]));
    illegal(
        &case(vec![lost(0, &[1, 2, 3]), end((1, 2), 1)]),
        &expect![[r#"
            hole: nobody named the record at offset 0, and no choice of appends of unknown fate can have filled all such offsets when offset 0 was seen to exist [1]
        "#]],
    );
}

#[test]
fn a_search_that_is_cut_short_is_undecided() {
    let batches: Vec<_> =
        (0..40_u64).map(|i| lost(0, &[3 * i + 1, 3 * i + 2, 3 * i + 3])).collect();
    let pairs: Vec<_> = (0..40_u64).map(|i| lost(0, &[2 * i + 501, 2 * i + 502])).collect();
    let case = case([batches, pairs, vec![append((1, 2), &[999], 197)]].concat());
    let judged = |budget| check(&case.packed().0, &Options { budget, ..Options::dense() }).outcome;
    assert!(matches!(judged(3), Outcome::Unknown(_)));
    assert_eq!(judged(100_000), Outcome::Linearizable);
}

/// The search looks at one state here before it is done.
#[test]
fn a_budget_is_the_number_of_steps() {
    let case = case(vec![lost(0, &[10, 20]), append((1, 2), &[30], 2)]);
    let judged = |budget| check(&case.packed().0, &Options { budget, ..Options::dense() }).outcome;
    assert_eq!(judged(1), Outcome::Linearizable);
    assert!(matches!(judged(0), Outcome::Unknown(_)));
}

/// Pairs that were acknowledged without an offset, and just as many holes as they fill.
#[test]
fn sixty_four_acknowledged_batches_are_told_apart() {
    let judged = |pairs: u64| {
        let pair = |i| op((0, 9), &[2 * i + 1, 2 * i + 2], Fate::AcknowledgedSomewhere);
        let filled = append((1, 9), &[999], i64::try_from(2 * pairs).unwrap());
        case((0..pairs).map(pair).chain([filled]).collect()).judged().outcome
    };
    assert_eq!(judged(64), Outcome::Linearizable);
    assert!(matches!(judged(65), Outcome::Unknown(_)));
}

/// Six records are missing: the two pairs are four, and there is no third.
#[test]
fn an_acknowledged_batch_fills_holes_once() {
    let pair = |values| op((0, 9), values, Fate::AcknowledgedSomewhere);
    let ops = vec![pair(&[1, 2]), pair(&[3, 4]), lost(0, &[5, 6, 7]), append((1, 2), &[9], 6)];
    illegal(
        &case(ops),
        &expect![[r#"
        hole: nobody named the record at offset 5, and no choice of appends of unknown fate can have filled all such offsets when value 9 was acknowledged at offset 6 [3]
    "#]],
    );
    legal(&case(vec![pair(&[1, 2]), pair(&[3, 4]), lost(0, &[5, 6]), append((1, 2), &[9], 6)]));
}
