//! What a person reads when there is no order, or no time to find out.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::super::models::key_value::{self, Command, KeyValue};
use super::super::models::register::Input::{Read, Write};
use super::super::models::register::Output::{Value, Written};
use super::super::models::register::Register;
use super::super::{Budget, Event, Model, Pairing, Unpaired, check, wgl};
use super::{Calls, crashed, list, ok};

fn told<M: Model>(model: &M, calls: &Calls<M>, expected: Expect) {
    let judged = check(model, calls, &Budget::steps(1000));
    expected.assert_eq(&judged.verdict(model, calls).to_string());
}

#[test]
fn a_stale_read_is_told_with_what_could_not_help() {
    let mut calls = list([
        ok(0, 1, Write(1), Written),
        ok(2, 20, Write(2), Written),
        ok(3, 4, Read, Value(Some(2))),
        ok(5, 21, Write(3), Written),
        ok(6, 7, Read, Value(Some(1))),
        crashed(8, Write(1)),
    ]);
    calls.iter_mut().for_each(|call| call.operation += 100);
    told(
        &Register::new(),
        &calls,
        expect![[r#"
        invalid
          not-linearizable: no order explains `read -> 1` of process 4: after the 3 calls before it that fit, the state is Some(2); open beside it: `write 3` [104, 103]"#]],
    );
}

#[test]
fn a_part_is_told_by_its_name() {
    let input = |key: &str, command| key_value::Input { key: key.to_owned(), command };
    let calls = list([
        ok(0, 1, input("a", Command::Append("x".to_owned())), key_value::Output::Done),
        ok(2, 3, input("b", Command::Get), key_value::Output::Text("x".to_owned())),
    ]);
    told(
        &KeyValue,
        &calls,
        expect![[r#"
        invalid
          not-linearizable: no order explains `get b -> "x"` of process 1: with nothing before it, the state is "" [1]"#]],
    );
}

#[test]
fn many_open_calls_are_not_all_named() {
    let open = |writers: i64| {
        let mut calls: Vec<_> = (0..writers).map(|value| ok(0, 9, Write(value), Written)).collect();
        calls.push(ok(1, 2, Read, Value(Some(77))));
        list(calls)
    };
    told(
        &Register::new(),
        &open(12),
        expect![[r#"
        invalid
          not-linearizable: no order explains `read -> 77` of process 12: with nothing before it, the state is None; open beside it: `write 0`, `write 1`, `write 2`, `write 3`, `write 4`, `write 5`, `write 6`, `write 7` and 4 more [12, 0, 1, 2, 3, 4, 5, 6, 7]"#]],
    );
    told(
        &Register::new(),
        &open(8),
        expect![[r#"
        invalid
          not-linearizable: no order explains `read -> 77` of process 8: with nothing before it, the state is None; open beside it: `write 0`, `write 1`, `write 2`, `write 3`, `write 4`, `write 5`, `write 6`, `write 7` [8, 0, 1, 2, 3, 4, 5, 6, 7]"#]],
    );
}

#[test]
fn long_states_are_cut() {
    let input = |command| key_value::Input { key: "a".to_owned(), command };
    let text = || "\u{e9}".repeat(2000);
    let calls = list([
        ok(0, 1, input(Command::Put(text())), key_value::Output::Done),
        ok(2, 3, input(Command::Get), key_value::Output::Text(text() + "!")),
    ]);
    let judged = check(&KeyValue, &calls, &Budget::steps(1000));
    let told = judged.verdict(&KeyValue, &calls).to_string();
    assert!((400..700).contains(&told.chars().count()), "{told}");
}

#[test]
fn a_spent_budget_is_told() {
    let calls: Vec<_> = (0..12).map(|value| ok(0, 9, Write(value), Written)).collect();
    let calls = list(calls);
    let told = |budget: Budget, expected: Expect| {
        let reference = wgl::check(&Register::new(), &calls, &budget);
        let judged = check(&Register::new(), &calls, &budget);
        assert_eq!(judged.outcome, reference.outcome);
        expected.assert_eq(&judged.verdict(&Register::new(), &calls).to_string());
    };
    told(Budget::steps(3), expect!["unknown: no verdict within 3 steps"]);
    told(Budget::steps(1000).bytes(10), expect!["unknown: no verdict within 10 bytes of memory"]);
}

#[test]
fn a_limit_of_time_ends_a_search() {
    let mut calls: Vec<_> = (0..40).map(|value| ok(0, 9, Write(value), Written)).collect();
    calls.push(ok(10, 11, Read, Value(None)));
    let calls = list(calls);
    let budget = Budget::steps(u64::MAX).time(Duration::ZERO);
    let judged = wgl::check(&Register::new(), &calls, &budget);
    expect!["unknown: no verdict within 0 ms"]
        .assert_eq(&judged.verdict(&Register::new(), &calls).to_string());
}

#[test]
fn nothing_asked_is_fine() {
    told(&Register::new(), &Vec::new(), expect!["valid"]);
    told(&Register::new(), &list([crashed(0, Write(1))]), expect!["valid"]);
}

#[test]
fn events_are_paired_into_calls() {
    let mut pairing = Pairing::new();
    let events = [
        (1, Event::Invoke(Write(1))),
        (2, Event::Invoke(Read)),
        (1, Event::Info),
        (2, Event::Ok(Value(None))),
        (3, Event::Invoke(Write(2))),
        (3, Event::Fail),
        (2, Event::Invoke(Read)),
    ];
    for (operation, (process, event)) in (10..).zip(events) {
        pairing.event(process, operation, event).unwrap();
    }
    assert_eq!(pairing.open_call(2).map(|call| call.operation), Some(16));
    let again = pairing.event(2, 17, Event::Invoke(Read));
    assert_eq!(again, Err(Unpaired::StillOpen { process: 2, open: 16 }));
    let nobody = pairing.event(3, 18, Event::Ok(Written));
    assert_eq!(nobody, Err(Unpaired::NotCalled { process: 3 }));
    let calls: Vec<_> = pairing.finish();
    let brief: Vec<_> = calls
        .iter()
        .map(|call| (call.process, call.operation, call.called, call.returned, call.output))
        .collect();
    let read = (2, 11, 1, Some(3), Some(Value(None)));
    assert_eq!(brief, [(1, 10, 0, None, None), read, (2, 16, 6, None, None)]);
}
