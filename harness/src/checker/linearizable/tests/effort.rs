//! What a judgement tells of the effort that it took.

use super::super::models::key_value::{self, Command, KeyValue};
use super::super::models::register::Input::{self, Read, Write};
use super::super::models::register::Output::{self, Value, Written};
use super::super::models::register::Register;
use super::super::{Budget, Effort, Model, Outcome, Part, check};
use super::{Timed, list, ok};

/// One call after the other.
fn one_by_one<I, O>(calls: impl Iterator<Item = (I, O)>) -> Vec<Timed<I, O>> {
    let timed = |(at, (input, output)): (u64, (I, O))| ok(2 * at, 2 * at + 1, input, output);
    (0..).zip(calls).map(timed).collect()
}

/// Each is called, comes to its return, is tried there, and returns.
#[test]
fn steps_are_events_passed_and_calls_tried() {
    let calls = one_by_one((0..100).map(|value| (Write(value), Written)));
    let judged = check(&Register::new(), &list(calls), &Budget::steps(10_000));
    assert!(judged.is_linearizable());
    assert!((400..=410).contains(&judged.effort.steps), "{:?}", judged.effort);
}

/// Of two writes at once and a read of neither, nothing was tried twice.
#[test]
fn configurations_are_what_must_not_be_tried_again() {
    let calls = [ok(0, 9, Write(1), Written), ok(0, 9, Write(2), Written)];
    let read = ok(1, 2, Read, Value(Some(7)));
    let calls = list(calls.into_iter().chain([read]));
    let judged = check(&Without, &numbered(calls), &Budget::steps(10_000));
    assert!(matches!(judged.outcome, Outcome::NotLinearizable(_)));
    assert!((2..=10).contains(&judged.effort.configurations), "{:?}", judged.effort);
}

/// The text of a hundred states that are all different, or all the same.
#[test]
fn states_are_weighed_once() {
    let bytes = |text: fn(usize) -> String| {
        let put = |at| {
            let command = Command::Put(text(at));
            (key_value::Input { key: "a".to_owned(), command }, key_value::Output::Done)
        };
        let calls = list(one_by_one((0..100).map(put)));
        let judged = check(&KeyValue, &calls, &Budget::steps(10_000));
        assert!(judged.is_linearizable());
        judged.effort.bytes
    };
    let same = bytes(|_| "x".repeat(1000));
    let different = bytes(|at| format!("{at:01000}"));
    assert!((1_000..50_000).contains(&same), "{same}");
    assert!((100_000..200_000).contains(&different), "{different}");
}

/// A text that grows, state by state, or the same two texts again and again.
#[test]
fn states_that_are_met_are_weighed_once() {
    let bytes = |commands: &[Command]| {
        let ask = |command: &Command| {
            let input = key_value::Input { key: "a".to_owned(), command: command.clone() };
            (input, key_value::Output::Done)
        };
        let calls = list(one_by_one(commands.iter().map(ask)));
        let judged = check(&KeyValue, &calls, &Budget::steps(10_000));
        assert!(judged.is_linearizable());
        judged.effort.bytes
    };
    let text = || "x".repeat(1000);
    let grows = bytes(&vec![Command::Append(text()); 20]);
    assert!((210_000..230_000).contains(&grows), "{grows}");
    let both = [Command::Put(text()), Command::Append(text())];
    let again = bytes(&vec![both; 100].concat());
    assert!((3_000..50_000).contains(&again), "{again}");
}

/// Registers by number, without a hook but their parts: parts that are as hard as one likes.
struct Without;

impl Model for Without {
    type State = Option<i64>;
    type Input = (u64, Input);
    type Output = Output;

    fn initial(&self) -> Option<i64> {
        Register::new().initial()
    }

    fn step(
        &self,
        state: &Option<i64>,
        (_, input): &(u64, Input),
        output: Option<&Output>,
    ) -> Option<Option<i64>> {
        Register::new().step(state, input, output)
    }

    fn part<'i>(&self, (number, _): &'i (u64, Input)) -> Part<'i> {
        Part::Number(*number)
    }
}

/// The same calls of the first register.
fn numbered(calls: super::Calls<Register>) -> super::Calls<Without> {
    let calls = calls.into_iter().map(|call| super::super::Call {
        process: call.process,
        input: (0, call.input),
        output: call.output,
        called: call.called,
        returned: call.returned,
        operation: call.operation,
    });
    calls.collect()
}

/// Parts that wait for their next slice hold what they remember, after the first slice and later.
#[test]
fn parts_that_wait_are_weighed_together() {
    let effort = |parts: u64, steps: u64| -> Effort {
        let part = |part: u64| {
            let writes = (0..16).map(move |value| ok(0, 99, (part, Write(value)), Written));
            writes.chain([ok(1, 2, (part, Read), Value(Some(77)))])
        };
        let calls = list((0..parts).flat_map(part));
        let judged = check(&Without, &calls, &Budget::steps(steps * parts));
        assert!(matches!(judged.outcome, Outcome::Unknown(_)), "{judged:?}");
        judged.effort
    };
    for steps in [300, 200_000] {
        let (one, many) = (effort(1, steps), effort(20, steps));
        assert_eq!((one.parts, many.parts), (1, 20));
        assert!(many.bytes > 10 * one.bytes, "{many:?} against {one:?}");
    }
}
