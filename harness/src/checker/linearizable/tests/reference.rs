//! The reference search by itself: what it tells, and what it takes.

use expect_test::{Expect, expect};

use super::super::models::key_value::{self, Command, KeyValue};
use super::super::models::register::Input::{Read, Write};
use super::super::models::register::Output::{Value, Written};
use super::super::models::register::Register;
use super::super::wgl;
use super::super::{Budget, Model};
use super::{Calls, crashed, list, ok};

fn told<M: Model>(model: &M, calls: &Calls<M>, expected: Expect) {
    let judged = wgl::check(model, calls, &Budget::steps(10_000));
    expected.assert_eq(&judged.verdict(model, calls).to_string());
}

/// Of those open beside it are told: whoever was answered, returned later and did not fit before.
#[test]
fn it_tells_how_far_it_came_and_who_was_open() {
    let calls = list([
        ok(0, 1, Write(1), Written),
        ok(2, 20, Write(2), Written),
        ok(3, 4, Read, Value(Some(2))),
        ok(5, 21, Read, Value(Some(8))),
        ok(6, 8, Read, Value(Some(1))),
        ok(7, 22, Read, Value(Some(9))),
        crashed(7, Write(1)),
        ok(9, 30, Write(5), Written),
    ]);
    told(
        &Register::new(),
        &calls,
        expect![[r#"
        invalid
          not-linearizable: no order explains `read -> 8` of process 3: after the 6 calls before it that fit, the state is Some(5); open beside it: `read -> 9` [3, 5]"#]],
    );
}

/// The first order that came so far is told, in which both writes took effect.
#[test]
fn it_tells_the_order_that_it_found_first() {
    let calls = list([
        ok(0, 8, Write(1), Written),
        ok(1, 9, Write(2), Written),
        ok(2, 3, Read, Value(Some(7))),
    ]);
    told(
        &Register::new(),
        &calls,
        expect![[r#"
        invalid
          not-linearizable: no order explains `read -> 7` of process 2: after the 2 calls before it that fit, the state is Some(2) [2]"#]],
    );
}

/// There are 40320 orders of eight writes, and 256 sets of them.
#[test]
fn it_does_not_try_again_what_was_tried() {
    let mut calls: Vec<_> = (0..8).map(|value| ok(0, 9, Write(value), Written)).collect();
    calls.push(ok(1, 2, Read, Value(Some(77))));
    let judged = wgl::check(&Register::new(), &list(calls), &Budget::steps(15_000));
    assert!(matches!(judged.outcome, super::super::Outcome::NotLinearizable(_)), "{judged:?}");
}

/// A bit for each call, the state, and what it takes to find both again.
#[test]
fn it_tells_what_it_took() {
    let writes = |from: u64| (from..from + 100).map(|at| ok(2 * at, 2 * at + 1, Write(1), Written));
    let judged = wgl::check(&Register::new(), &list(writes(0)), &Budget::steps(10_000));
    let effort = judged.effort;
    assert_eq!((effort.parts, effort.configurations), (1, 100));
    assert!((6_000..7_000).contains(&effort.bytes), "{effort:?}");
    assert!((100..1000).contains(&effort.steps), "{effort:?}");

    let input = |key: &str| key_value::Input { key: key.to_owned(), command: Command::Get };
    let empty = || key_value::Output::Text(String::new());
    let calls = ["a", "b", "a", "c"].map(|key| ok(0, 1, input(key), empty()));
    let effort = wgl::check(&KeyValue, &list(calls), &Budget::steps(10_000)).effort;
    assert_eq!((effort.parts, effort.configurations), (3, 4));
}
