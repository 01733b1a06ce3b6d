//! Looking ahead changes no verdict, keeps the longest prefix, and saves a lot.

use proptest::prelude::*;

use super::super::models::register::{Input, Output, Register};
use super::super::parts::Parts;
use super::super::search::{Ended, Search, Searching};
use super::super::timeline::{Sight, Timeline, by_parts};
use super::super::{Budget, Call, Model, Outcome, Regard, check, decide};
use super::random::{Subject, play, script};
use super::{Calls, brute, crashed, list, ok};

const BUDGET: Budget = Budget::steps(10_000_000);

/// A register that is asked about so many values.
#[derive(Debug)]
pub(super) struct Values<const COUNT: u32>;

impl<const COUNT: u32> Values<COUNT> {
    const REGISTER: Register = Register::new();

    fn value(dice: u32) -> i64 {
        i64::from(dice % COUNT)
    }
}

/// Most of them are written once or twice.
const MANY_VALUES: Values<12> = Values;

impl<const COUNT: u32> Model for Values<COUNT> {
    type State = Option<i64>;
    type Input = Input;
    type Output = Output;

    fn initial(&self) -> Option<i64> {
        Self::REGISTER.initial()
    }

    fn step(
        &self,
        state: &Option<i64>,
        asked: &Input,
        told: Option<&Output>,
    ) -> Option<Option<i64>> {
        Self::REGISTER.step(state, asked, told)
    }

    fn only_observes(&self, asked: &Input, told: Option<&Output>) -> bool {
        Self::REGISTER.only_observes(asked, told)
    }

    fn overwrites(&self, asked: &Input, told: Option<&Output>) -> bool {
        Self::REGISTER.overwrites(asked, told)
    }

    fn regards(&self, asked: &Input, told: Option<&Output>) -> Option<Regard<Option<i64>>> {
        Self::REGISTER.regards(asked, told)
    }
}

impl<const COUNT: u32> Subject for Values<COUNT> {
    fn input(dice: u32) -> Input {
        match dice % 8 {
            0..3 => Input::Read,
            3..7 => Input::Write(Self::value(dice / 8)),
            _ => Input::CompareAndSet {
                expected: Self::value(dice / 8),
                new: Self::value(dice / 96),
            },
        }
    }

    fn answer(state: &Option<i64>, input: &Input) -> Option<Output> {
        Register::answer(state, input)
    }

    fn lie(input: &Input, dice: u32) -> Output {
        match input {
            Input::Read => Output::Value(Some(Self::value(dice))),
            Input::Write(_) => Output::Written,
            Input::CompareAndSet { .. } => Output::Matched(dice.is_multiple_of(2)),
        }
    }
}

/// How a search ends that looks so far from the beginning on.
fn searched<M: Model>(model: &M, calls: &Calls<M>, sight: Sight) -> Ended {
    let parts = Parts::new(model, calls);
    let events = by_parts(calls, &parts).pop().unwrap_or_default();
    let timeline = Timeline::new(model, calls, &events, &mut vec![0; calls.len()], sight);
    Search::<_, u64>::new(model, calls, timeline).run(u64::MAX, u64::MAX)
}

fn all_agree<M: Model<Input: Clone, Output: Clone>>(model: &M, calls: &Calls<M>) {
    let permuted = brute::is_linearizable(model, calls);
    assert_eq!(decide(model, calls, &BUDGET), Ok(permuted), "{calls:#?}");
    for sight in [Sight::Near, Sight::Far] {
        let expected = if permuted { Ended::Explained } else { Ended::Refuted };
        assert_eq!(searched(model, calls, sight), expected, "{sight:?}: {calls:#?}");
    }
    if let Outcome::NotLinearizable(refutation) = check(model, calls, &BUDGET).outcome {
        let at = calls[refutation.blocked as usize].returned.expect("it was answered");
        let before = |time| brute::is_linearizable_before(model, calls, time);
        assert!(before(at), "there is no order before {at}: {calls:#?}");
        assert!(!before(at + 1), "there is an order behind {at}: {calls:#?}");
    }
}

fn small(steps: &[(u8, u32)], which: u32) -> (&[(u8, u32)], u8, u32) {
    (&steps[..steps.len().min(30)], 2 + (which % 3) as u8, [0, 3, 6][which as usize % 3])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn values_that_many_write(steps in script(60), which in any::<u32>()) {
        let (steps, clients, honesty) = small(&steps, which);
        all_agree(&Register::new(), &play(&Register::new(), steps, clients, honesty));
    }

    #[test]
    fn values_that_few_write(steps in script(60), which in any::<u32>()) {
        let (steps, clients, honesty) = small(&steps, which);
        all_agree(&MANY_VALUES, &play(&MANY_VALUES, steps, clients, honesty));
    }
}

/// So many steps does a verdict take.
fn steps(calls: &[Call<Input, Output>], expected: bool) -> u64 {
    let judged = check(&Register::new(), calls, &BUDGET);
    assert_eq!(judged.is_linearizable(), expected);
    judged.effort.steps
}

/// Two clients at a time write and read values of their own, so many rounds of 10 ticks.
fn rounds(count: u64) -> Vec<super::Timed<Input, Output>> {
    let round = |number: u64| {
        let (one, at) = (i64::try_from(number).expect("few"), number * 10);
        [
            ok(at, at + 4, Input::Write(2 * one), Output::Written),
            ok(at + 1, at + 5, Input::Write(2 * one + 1), Output::Written),
            ok(at + 6, at + 8, Input::Read, Output::Value(Some(2 * one))),
        ]
    };
    (0..count).flat_map(round).collect()
}

#[test]
fn a_value_from_nowhere_is_seen_without_a_search() {
    let mut calls = rounds(2000);
    calls.push(ok(20_000, 20_001, Input::Read, Output::Value(Some(-1))));
    let steps = steps(&list(calls), false);
    assert!(steps < 10 * 6001, "{steps}");
}

#[test]
fn a_value_long_overwritten_is_seen_without_a_search() {
    let mut calls = rounds(2000);
    calls.push(ok(20_000, 20_001, Input::Read, Output::Value(Some(7))));
    let steps = steps(&list(calls), false);
    assert!(steps < 10 * 6001, "{steps}");
}

#[test]
fn crashed_writes_that_nobody_read_are_one() {
    // A compare-and-set that fails could be answered after any of them.
    let mut calls: Vec<_> =
        (0..60).map(|number| crashed(0, Input::Write(1_000_000 + number))).collect();
    calls.extend(rounds(500));
    for round in 0..500 {
        let asked = Input::CompareAndSet { expected: -1, new: -2 };
        calls.push(ok(round * 10 + 1, round * 10 + 9, asked, Output::Matched(false)));
    }
    let steps = steps(&list(calls), true);
    assert!(steps < 30 * 2060, "{steps}");
}
