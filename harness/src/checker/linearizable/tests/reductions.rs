//! Each reduction of the search: what would go wrong if it were wrong, and what it is good for.

use proptest::prelude::*;

use super::super::models::key_value::{self, Command, KeyValue};
use super::super::models::register::Input::{CompareAndSet, Read, Write};
use super::super::models::register::Output::{Matched, Value, Written};
use super::super::models::register::{Input, Output, Register};
use super::super::{Budget, Call, Model, Outcome, Part, Viable, check, wgl};
use super::random::{Plain, play};
use super::{Timed, brute, crashed, list, ok};

fn judge(calls: Vec<Timed<Input, Output>>) -> bool {
    let calls = list(calls);
    let judged = check(&Register::new(), &calls, &Budget::steps(10_000));
    assert_eq!(judged.is_linearizable(), brute::is_linearizable(&Register::new(), &calls));
    judged.is_linearizable()
}

fn read(called: u64, returned: u64, value: i64) -> Timed<Input, Output> {
    ok(called, returned, Read, Value(Some(value)))
}

fn write(called: u64, returned: u64, value: i64) -> Timed<Input, Output> {
    ok(called, returned, Write(value), Written)
}

fn swap(expected: i64, new: i64) -> Input {
    CompareAndSet { expected, new }
}

/// Only at returns: at that of a read, a write must be taken that is to return much later, and two
/// calls before it.
#[test]
fn a_call_can_take_effect_long_before_it_returns() {
    assert!(judge(vec![
        write(0, 9, 1),
        ok(1, 8, swap(1, 2), Matched(true)),
        read(2, 3, 2),
        read(4, 5, 2)
    ]));
    assert!(!judge(vec![write(0, 9, 1), ok(4, 8, swap(1, 2), Matched(true)), read(2, 3, 2)]));
}

/// Observers at once: a write of the value that is there anyway is no observer. If it were, it
/// would be done too early to explain the last read.
#[test]
fn a_write_that_changes_nothing_now_may_be_needed_later() {
    assert!(judge(vec![
        write(0, 1, 1),
        write(2, 9, 1),
        read(3, 4, 1),
        write(5, 6, 2),
        read(7, 8, 1),
    ]));
}

/// Observers at once: not before they are called, nor in another state.
#[test]
fn an_observer_waits_for_its_state() {
    assert!(judge(vec![write(0, 1, 1), read(2, 9, 2), write(3, 4, 2), write(5, 6, 1)]));
    assert!(!judge(vec![write(0, 1, 2), write(2, 3, 1), read(4, 9, 2), write(5, 6, 1)]));
    // A compare-and-set that failed observes, one that matched does not.
    assert!(judge(vec![write(0, 1, 1), ok(2, 9, swap(1, 1), Matched(true)), read(3, 4, 1)]));
    assert!(judge(vec![write(0, 1, 1), ok(2, 9, swap(1, 2), Matched(false)), write(3, 4, 2)]));
}

/// One of twins: if the one that returns later were taken for the first read, the other one would
/// be gone by the time of the last.
#[test]
fn of_twins_the_first_to_return_is_taken() {
    let twins = |late: u64| {
        vec![write(0, 3, 1), write(0, late, 1), read(1, 2, 1), write(4, 5, 2), read(6, 7, 1)]
    };
    assert!(judge(twins(8)));
    assert!(!judge(twins(3)));
    // In the other order, too: it is not the first in the list that counts.
    let mut calls = twins(8);
    calls.swap(0, 1);
    assert!(judge(calls));
}

/// One of twins: calls with the same input and other answers are none.
#[test]
fn twins_have_the_same_answers() {
    assert!(judge(vec![
        write(0, 1, 1),
        ok(2, 9, swap(1, 2), Matched(false)),
        ok(3, 8, swap(1, 2), Matched(true)),
        read(4, 5, 2),
    ]));
}

/// Crashed calls are counts: each can take effect once.
#[test]
fn as_many_crashed_calls_take_effect_as_were_made() {
    let story = |crashes: u64| {
        let mut calls: Vec<_> = (0..crashes).map(|_| crashed(0, Write(1))).collect();
        calls.extend([read(1, 2, 1), write(3, 4, 2), read(5, 6, 1), write(7, 8, 2)]);
        calls.push(read(9, 10, 1));
        judge(calls)
    };
    assert!(story(3));
    assert!(story(4));
    assert!(!story(2));
}

/// Crashed calls are counts of what was called *so far*: one that is called later, perhaps under a
/// slot that was another's, explains nothing before. The second story has two of one class, of
/// which one comes too late.
#[test]
fn a_crash_of_the_future_explains_nothing() {
    assert!(!judge(vec![read(0, 1, 1), crashed(2, Write(1))]));
    assert!(judge(vec![read(0, 3, 1), crashed(2, Write(1))]));
    let story = |second: u64| {
        vec![
            crashed(0, Write(1)),
            read(1, 2, 1),
            write(3, 4, 2),
            read(5, 6, 1),
            crashed(second, Write(1)),
        ]
    };
    assert!(!judge(story(7)));
    assert!(judge(story(5)));
    // The slot of a call that returned is taken over; the crashed one must not inherit its bit.
    assert!(!judge(vec![
        write(0, 1, 1),
        write(2, 3, 2),
        read(4, 5, 1),
        crashed(6, Write(1)),
        read(7, 8, 1)
    ]));
}

/// Domination: the search first comes to the write of 3 with the crashed call taken for nothing;
/// having seen that place must not keep it from coming there with the call left over.
#[test]
fn a_crashed_call_can_be_saved_for_later() {
    assert!(judge(vec![
        crashed(0, swap(1, 2)),
        write(0, 1, 1),
        write(2, 5, 3),
        read(3, 4, 1),
        write(6, 7, 1),
        read(8, 9, 2),
        read(10, 11, 2),
    ]));
}

/// Hidden writes: all that were open when another one took effect may have gone before it, and
/// each may also come later, but not both.
#[test]
fn a_write_hides_behind_another_or_shows_later() {
    // The write of 1 is hidden by that of 2: it is never seen.
    assert!(judge(vec![write(0, 9, 1), write(1, 2, 2), read(3, 4, 2), read(10, 11, 2)]));
    // It shows later.
    assert!(judge(vec![write(0, 9, 1), write(1, 2, 2), read(3, 4, 2), read(10, 11, 1)]));
    // It cannot do both.
    assert!(!judge(vec![
        write(0, 9, 1),
        write(1, 2, 2),
        read(3, 4, 1),
        read(5, 6, 2),
        read(10, 11, 1)
    ]));
    // It was called after the other one returned, and cannot be hidden.
    assert!(!judge(vec![write(1, 2, 2), write(3, 4, 1), read(5, 6, 2)]));
    // Two in a row, where what is between is seen.
    assert!(judge(vec![write(0, 9, 1), write(0, 9, 2), read(1, 5, 1), read(2, 4, 2)]));
    // A compare-and-set does not hide: it needs what was before.
    assert!(!judge(vec![
        write(0, 1, 1),
        write(2, 9, 5),
        ok(3, 8, swap(1, 2), Matched(true)),
        read(10, 11, 7)
    ]));
}

/// The order that is told must have hidden writes where they were hidden.
#[test]
fn hidden_writes_are_told_in_their_place() {
    let calls = list(vec![
        write(0, 20, 1),
        write(1, 21, 3),
        write(2, 3, 2),
        ok(4, 5, swap(2, 4), Matched(true)),
        read(22, 23, 4),
    ]);
    let judged = check(&Register::new(), &calls, &Budget::steps(1000));
    let Outcome::Linearizable { orders } = judged.outcome else { panic!("{judged:?}") };
    brute::must_explain(&Register::new(), &calls, &orders[0], |_| true);
}

/// Twenty writers at once and then a read of none of them: 2^20 subsets, unless they are hidden.
#[test]
fn hidden_writes_are_not_all_tried() {
    let mut calls: Vec<_> = (0..20).map(|value| write(0, 100, value)).collect();
    calls.extend([read(1, 2, 7), read(3, 4, 9), read(101, 102, 99)]);
    let calls = list(calls);
    let budget = Budget::steps(20_000);
    let judged = check(&Register::new(), &calls, &budget);
    assert!(matches!(judged.outcome, Outcome::NotLinearizable(_)), "{judged:?}");
    let judged = check(&Plain(Register::new()), &calls, &budget);
    assert!(matches!(judged.outcome, Outcome::Unknown(_)), "{judged:?}");
}

/// No needless writes: what a write that nothing forces leaves must be seen by somebody, but that
/// may be a call that is made later, and one that looks without reading the value.
#[test]
fn a_write_that_nothing_forces_is_for_somebody_to_see() {
    // The write of 2 goes before that of 1 returns, for a read that is called after that.
    assert!(judge(vec![write(0, 2, 1), write(1, 9, 2), read(3, 4, 2), read(5, 6, 2)]));
    // It is seen by a compare-and-set that fails, and by one that matches.
    let fails = |expected| ok(3, 4, swap(expected, 5), Matched(false));
    assert!(judge(vec![write(0, 2, 1), write(1, 9, 2), fails(1)]));
    assert!(judge(vec![write(0, 2, 1), write(1, 9, 2), fails(2)]));
    assert!(!judge(vec![write(0, 2, 1), write(1, 2, 1), fails(1)]));
    let matches = |at| ok(at, at + 1, swap(2, 5), Matched(true));
    assert!(judge(vec![write(0, 2, 1), write(1, 9, 2), matches(3), read(5, 6, 5)]));
    // It is seen by a call that crashed, whose effect is seen later.
    assert!(judge(vec![write(0, 2, 1), write(1, 9, 2), crashed(1, swap(2, 5)), read(5, 6, 5)]));
    assert!(judge(vec![
        crashed(0, Write(2)),
        crashed(0, swap(2, 5)),
        write(0, 2, 1),
        read(5, 6, 5)
    ]));
    assert!(judge(vec![
        crashed(0, Write(2)),
        write(0, 2, 1),
        crashed(3, swap(2, 5)),
        read(5, 6, 5)
    ]));
    assert!(!judge(vec![
        crashed(0, Write(2)),
        write(0, 2, 1),
        crashed(7, swap(2, 5)),
        read(5, 6, 5)
    ]));
}

/// Hidden writes: one that crashed writes what is there anyway, and so hides that of 1, before the
/// compare-and-set; once that took effect it is too late.
#[test]
fn a_crashed_write_of_what_is_there_can_hide_another() {
    let story = |last| {
        judge(vec![
            write(0, 1, 2),
            write(2, 9, 1),
            crashed(3, Write(2)),
            ok(4, 5, swap(2, 0), Matched(true)),
            read(10, 11, last),
        ])
    };
    assert!(story(0));
    assert!(story(1));
    assert!(story(2));
    assert!(!story(3));
}

/// No needless writes: of 60 that crashed, none is ever read. Where the search is stuck, it must
/// not try them all, one behind the other, at every turn.
#[test]
fn writes_that_nobody_sees_are_not_tried() {
    let mut calls: Vec<_> = (1000..1060).map(|value| crashed(0, Write(value))).collect();
    for turn in 0..40 {
        let (at, value) = (10 * turn, i64::try_from(turn).unwrap());
        calls.extend([
            write(at, at + 5, value),
            write(at + 1, at + 6, -1),
            read(at + 7, at + 8, -1),
        ]);
    }
    calls.push(read(500, 501, 999));
    let judged = check(&Register::new(), &list(calls), &Budget::steps(5_000));
    assert!(matches!(judged.outcome, Outcome::NotLinearizable(_)), "{judged:?}");
}

/// Twins: as above, but all the same; without that, the older search has no chance.
#[test]
fn twins_are_not_all_tried() {
    let mut calls: Vec<_> = (0..20).map(|_| ok(0, 100, swap(1, 1), Matched(true))).collect();
    calls.extend([write(0, 1, 1), read(101, 102, 99)]);
    let calls = list(calls);
    let budget = Budget::steps(20_000);
    let judged = check(&Register::new(), &calls, &budget);
    assert!(matches!(judged.outcome, Outcome::NotLinearizable(_)), "{judged:?}");
    let judged = wgl::check(&Register::new(), &calls, &budget);
    assert!(matches!(judged.outcome, Outcome::Unknown(_)), "{judged:?}");
}

/// Crashed calls: a hundred that differ, and a violation at the end. Domination leaves one place
/// for each state.
#[test]
fn crashed_calls_are_not_all_tried() {
    let mut calls: Vec<_> = (0..100).map(|value| crashed(0, Write(value))).collect();
    calls.extend((0..10).map(|at| read(2 * at, 2 * at + 1, i64::try_from(at).unwrap())));
    calls.push(read(100, 101, 1000));
    let judged = check(&Register::new(), &list(calls), &Budget::steps(100_000));
    assert!(matches!(judged.outcome, Outcome::NotLinearizable(_)), "{judged:?}");
}

/// Viability: twenty appends at once and a get that shows all of them: one order of 20! fits.
#[test]
fn what_will_be_read_says_what_comes_first() {
    let input = |command| key_value::Input { key: "k".to_owned(), command };
    let letter = |n: u8| char::from(b'a' + n).to_string();
    let mut calls: Vec<_> = (0..20)
        .map(|n| {
            ok(0, 100 + u64::from(n), input(Command::Append(letter(n))), key_value::Output::Done)
        })
        .collect();
    let all: String = (0..20).map(|n| letter((n * 7) % 20)).collect();
    calls.push(ok(200, 201, input(Command::Get), key_value::Output::Text(all)));
    // A get that nothing explains: all orders have to fail.
    let mut illegal = calls.clone();
    illegal.push(ok(202, 203, input(Command::Get), key_value::Output::Text("x".to_owned())));
    let (calls, illegal) = (list(calls), list(illegal));
    let budget = Budget::steps(20_000);
    assert!(check(&KeyValue, &calls, &budget).is_linearizable());
    let judged = check(&KeyValue, &illegal, &budget);
    assert!(matches!(judged.outcome, Outcome::NotLinearizable(_)), "{judged:?}");
    let judged = check(&Plain(KeyValue), &illegal, &budget);
    assert!(matches!(judged.outcome, Outcome::Unknown(_)), "{judged:?}");
}

/// Registers by number, without a hook but their parts: parts that are as hard as one likes.
struct Registers;

impl Model for Registers {
    type State = Option<i64>;
    type Input = (u64, Input);
    type Output = Output;

    fn initial(&self) -> Option<i64> {
        None
    }

    fn step(
        &self,
        state: &Option<i64>,
        input: &(u64, Input),
        output: Option<&Output>,
    ) -> Option<Option<i64>> {
        Register::new().step(state, &input.1, output)
    }

    fn part<'i>(&self, input: &'i (u64, Input)) -> Part<'i> {
        Part::Number(input.0)
    }

    fn viable(&self, _: &Option<i64>, _: &(u64, Input), _: &Output) -> Viable {
        Viable::Perhaps
    }
}

/// Dovetailing: the first part takes ages, the second one is broken in a moment.
#[test]
fn an_easy_violation_does_not_wait_for_a_hard_part() {
    let hard = (0..20).map(|value| ok(0, 100, (1, Write(value)), Written));
    let hard = hard.chain([ok(101, 102, (1, Read), Value(Some(99)))]);
    let easy = [ok(0, 1, (2, Write(1)), Written), ok(2, 3, (2, Read), Value(None))];
    let calls = list(hard.clone().chain(easy));
    let judged = check(&Registers, &calls, &Budget::steps(5_000));
    let Outcome::NotLinearizable(refutation) = judged.outcome else { panic!("{judged:?}") };
    assert_eq!(refutation.part.as_deref(), Some("2"));
    let judged = check(&Registers, &list(hard), &Budget::steps(5_000));
    assert!(matches!(judged.outcome, Outcome::Unknown(_)), "{judged:?}");
}

/// More than 64 and more than 128 calls open at once.
#[test]
fn any_number_of_calls_can_be_open() {
    for clients in [63, 64, 65, 127, 128, 129, 300] {
        let mut calls: Vec<_> =
            (0..clients).map(|value| write(value, 1000, i64::try_from(value).unwrap())).collect();
        let last = i64::try_from(clients - 1).unwrap();
        calls.extend([read(400, 401, last), read(402, 403, 3), read(404, 405, last - 1)]);
        let budget = Budget::steps(100_000);
        assert!(check(&Register::new(), &list(calls.clone()), &budget).is_linearizable());
        calls.push(read(406, 407, last));
        let judged = check(&Register::new(), &list(calls), &budget);
        assert!(matches!(judged.outcome, Outcome::NotLinearizable(_)), "{clients}: {judged:?}");
    }
}

/// A clock says when calls happened, and not an index: the same verdict, ties aside.
#[test]
fn times_may_be_far_apart() {
    let calls = |scale: u64| {
        let stretch = move |(called, returned, input, output): Timed<_, _>| {
            (called * scale, returned.map(|at: u64| at * scale), input, output)
        };
        vec![write(0, 1, 1), write(2, 9, 2), read(3, 4, 2), read(5, 6, 1)].into_iter().map(stretch)
    };
    assert!(!judge(calls(1).collect()));
    assert!(!judge(calls(1 << 60).collect()));
    // In a tie, calls are concurrent.
    assert!(judge(vec![write(0, 5, 1), read(5, 6, 1), write(5, 9, 2)]));
    assert!(judge(vec![write(0, 5, 1), ok(5, 6, Read, Value(None))]));
    assert!(!judge(vec![write(0, 4, 1), ok(5, 6, Read, Value(None))]));
    assert!(judge(vec![read(u64::MAX, u64::MAX, 1), write(u64::MAX, u64::MAX, 1)]));
}

/// Answered, and nobody knows when it returned: it must have taken effect by the end.
#[test]
fn an_answer_without_a_return_must_come_true() {
    let open = |input, output| (3, None, input, Some(output));
    assert!(judge(vec![write(0, 1, 1), open(Read, Value(Some(2))), write(4, 5, 2)]));
    assert!(!judge(vec![write(0, 1, 1), open(Read, Value(Some(3))), write(4, 5, 2)]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever is in the calls, there is an answer.
    #[test]
    fn nothing_panics(
        times in prop::collection::vec((any::<u64>(), any::<Option<u64>>(), any::<u32>()), 0..12),
        small in any::<bool>(),
    ) {
        use super::random::Subject as _;
        let narrow = |at: u64| if small { at % 8 } else { at };
        let calls = list(times.into_iter().map(|(called, returned, dice)| {
            let input = Register::input(dice);
            let output = (dice % 5 != 0).then(|| Register::lie(&input, dice / 5));
            (narrow(called), returned.map(narrow), input, output)
        }));
        let budget = Budget::steps(3000);
        check(&Register::new(), &calls, &budget).verdict(&Register::new(), &calls);
        wgl::check(&Register::new(), &calls, &budget).verdict(&Register::new(), &calls);
    }

    /// A budget takes verdicts away and changes none.
    #[test]
    fn a_budget_only_takes_verdicts_away(
        script in super::random::script(100),
        steps in 0_u64..300,
        bytes in 0_u64..20_000,
    ) {
        let calls: Vec<Call<_, _>> = play(&Register::new(), &script, 6, 20);
        let full = check(&Register::new(), &calls, &Budget::steps(10_000_000));
        let cut = check(&Register::new(), &calls, &Budget::steps(steps).bytes(bytes));
        match cut.outcome {
            Outcome::Unknown(_) => assert!(cut.effort.steps <= full.effort.steps),
            Outcome::Linearizable { .. } => assert!(full.is_linearizable()),
            Outcome::NotLinearizable(_) => assert!(!full.is_linearizable()),
        }
    }
}
