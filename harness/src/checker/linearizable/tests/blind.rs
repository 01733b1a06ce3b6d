//! Calls that look at nothing: they hide behind a write, and wait for somebody to look.

use super::super::models::key_value::Command::{Append, Get, Put};
use super::super::models::key_value::{Command, Input, KeyValue, Output, Text};
use super::super::{Budget, Model, Outcome, Part, Regard, Viable, check};
use super::random::{Plain, Subject};
use super::{Timed, brute, crashed, list, ok};

/// A store of one key, whatever key is asked for: so all calls of a history are of one part.
#[derive(Debug)]
pub(super) struct OneKey;

impl Model for OneKey {
    type State = Text;
    type Input = Input;
    type Output = Output;

    fn initial(&self) -> Text {
        KeyValue.initial()
    }

    fn step(&self, state: &Text, input: &Input, output: Option<&Output>) -> Option<Text> {
        KeyValue.step(state, input, output)
    }

    fn part<'i>(&self, _: &'i Input) -> Part<'i> {
        Part::Whole
    }

    fn only_observes(&self, input: &Input, output: Option<&Output>) -> bool {
        KeyValue.only_observes(input, output)
    }

    fn overwrites(&self, input: &Input, output: Option<&Output>) -> bool {
        KeyValue.overwrites(input, output)
    }

    fn is_blind(&self, input: &Input, output: Option<&Output>) -> bool {
        KeyValue.is_blind(input, output)
    }

    fn regards(&self, input: &Input, output: Option<&Output>) -> Option<Regard<Text>> {
        KeyValue.regards(input, output)
    }

    fn viable(&self, state: &Text, input: &Input, output: &Output) -> Viable {
        KeyValue.viable(state, input, output)
    }

    fn viable_after(
        &self,
        state: &Text,
        blind: (&Input, Option<&Output>),
        input: &Input,
        output: &Output,
    ) -> Viable {
        KeyValue.viable_after(state, blind, input, output)
    }

    fn allows(&self, state: &Text, input: &Input, output: Option<&Output>) -> bool {
        KeyValue.allows(state, input, output)
    }
}

impl Subject for OneKey {
    fn input(dice: u32) -> Input {
        Input { key: "k".to_owned(), ..KeyValue::input(dice) }
    }

    fn answer(state: &Text, input: &Input) -> Option<Output> {
        KeyValue::answer(state, input)
    }

    fn lie(input: &Input, dice: u32) -> Output {
        KeyValue::lie(input, dice)
    }
}

/// A number that is counted up blindly, set back, and read; the answer to an `AddAndRead` looks.
#[derive(Debug)]
pub(super) struct Tally;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    Add(i64),
    AddAndRead(i64),
    SetBack,
    Read,
}

impl Model for Tally {
    type State = i64;
    type Input = Asked;
    type Output = Option<i64>;

    fn initial(&self) -> i64 {
        0
    }

    fn step(&self, state: &i64, input: &Asked, output: Option<&Option<i64>>) -> Option<i64> {
        let (after, answer) = match input {
            Asked::Add(number) => (state + number, None),
            Asked::AddAndRead(number) => (state + number, Some(*state)),
            Asked::SetBack => (0, None),
            Asked::Read => (*state, Some(*state)),
        };
        output.is_none_or(|output| *output == answer).then_some(after)
    }

    fn only_observes(&self, input: &Asked, _: Option<&Option<i64>>) -> bool {
        *input == Asked::Read
    }

    fn overwrites(&self, input: &Asked, output: Option<&Option<i64>>) -> bool {
        *input == Asked::SetBack && matches!(output, None | Some(None))
    }

    fn is_blind(&self, input: &Asked, output: Option<&Option<i64>>) -> bool {
        match input {
            Asked::Add(_) | Asked::SetBack => matches!(output, None | Some(None)),
            Asked::AddAndRead(_) => output.is_none(),
            Asked::Read => false,
        }
    }

    fn regards(&self, input: &Asked, output: Option<&Option<i64>>) -> Option<Regard<i64>> {
        match (input, output) {
            (Asked::Read, Some(Some(state))) => Some(Regard { state: *state, elsewhere: false }),
            _ => None,
        }
    }
}

impl Subject for Tally {
    fn input(dice: u32) -> Asked {
        let number = i64::from(dice / 16 % 2) + 1;
        match dice % 16 {
            0..5 => Asked::Read,
            5..8 => Asked::SetBack,
            8..10 => Asked::AddAndRead(number),
            _ => Asked::Add(number),
        }
    }

    fn answer(state: &i64, input: &Asked) -> Option<Option<i64>> {
        Some(matches!(input, Asked::Read | Asked::AddAndRead(_)).then_some(*state))
    }

    fn lie(input: &Asked, dice: u32) -> Option<i64> {
        Self::answer(&i64::from(dice % 4), input).flatten()
    }
}

type Story = Vec<Timed<Input, Output>>;

fn judge(calls: Story) -> bool {
    let calls = list(calls);
    let judged = check(&KeyValue, &calls, &Budget::steps(10_000));
    assert_eq!(judged.is_linearizable(), brute::is_linearizable(&KeyValue, &calls));
    if let Outcome::Linearizable { orders } = &judged.outcome {
        brute::must_explain(&KeyValue, &calls, &orders[0], |_| true);
    }
    judged.is_linearizable()
}

fn input(command: Command) -> Input {
    Input { key: "k".to_owned(), command }
}

fn put(called: u64, returned: u64, text: &str) -> Timed<Input, Output> {
    ok(called, returned, input(Put(text.to_owned())), Output::Done)
}

fn append(called: u64, returned: u64, text: &str) -> Timed<Input, Output> {
    ok(called, returned, input(Append(text.to_owned())), Output::Done)
}

fn lost(called: u64, text: &str) -> Timed<Input, Output> {
    crashed(called, input(Append(text.to_owned())))
}

fn get(called: u64, returned: u64, text: &str) -> Timed<Input, Output> {
    ok(called, returned, input(Get), Output::Text(text.to_owned()))
}

/// Hidden calls: an append that was open when a put took effect may have gone before it, or come
/// later, but not both.
#[test]
fn an_append_hides_behind_a_put_or_shows_later() {
    let story = |last| vec![append(0, 9, "a"), put(1, 2, "p"), get(3, 4, "p"), get(10, 11, last)];
    assert!(judge(story("p")));
    assert!(judge(story("pa")));
    assert!(!judge(story("a")));
    assert!(!judge(vec![append(0, 9, "a"), get(1, 2, "a"), put(3, 4, "p"), get(10, 11, "pa")]));
    // It was called after the put returned, and cannot be hidden.
    assert!(!judge(vec![put(1, 2, "p"), append(3, 4, "a"), get(5, 6, "p")]));
    // It returned before the put was called, and cannot show.
    assert!(!judge(vec![append(1, 2, "a"), put(3, 4, "p"), get(5, 6, "pa")]));
}

/// Hidden calls: each of several that were open may be hidden or not, and in any order, and that
/// order is told.
#[test]
fn some_hide_and_some_show() {
    let story = |last| {
        vec![
            append(0, 20, "a"),
            append(1, 21, "b"),
            lost(1, "c"),
            put(2, 3, "p"),
            get(4, 5, "p"),
            get(22, 23, last),
        ]
    };
    for last in ["p", "pa", "pb", "pab", "pba", "pbc", "pcab"] {
        assert!(judge(story(last)), "{last}");
    }
    for last in ["", "ap", "paa", "pd"] {
        assert!(!judge(story(last)), "{last}");
    }
}

/// One of twins: of two appends of the same text the first to return can hide before the put, and
/// the other cannot. So neither stands for the other.
#[test]
fn one_that_is_hidden_has_no_twin() {
    let story = |late, last| {
        judge(vec![
            append(0, 12, "b"),
            crashed(1, input(Put("p".to_owned()))),
            append(2, 3, "c"),
            get(0, 10, "pcb"),
            append(4, late, "b"),
            get(13, 14, "pcb"),
            get(31, 32, last),
        ])
    };
    assert!(story(12, "pcb"));
    assert!(story(30, "pcbb"));
    assert!(story(30, "pcb"));
    assert!(!story(12, "pcbb"));
}

/// No needless calls: an append that nothing forces takes effect for a get that is open, or one
/// that is called before a put has to take effect; or not at all.
#[test]
fn an_append_that_nothing_forces_is_for_somebody_to_see() {
    // Before that of b returns, for a get that is called after that.
    assert!(judge(vec![append(0, 2, "b"), append(1, 9, "a"), get(3, 4, "ab"), put(5, 6, "p")]));
    // Before a put returns, for a get that is open. What was seen cannot be hidden any more.
    let open = |last| {
        vec![append(0, 20, "a"), get(1, 9, "a"), put(2, 3, "p"), get(4, 5, "p"), get(21, 22, last)]
    };
    assert!(judge(open("p")));
    assert!(!judge(open("pa")));
    // The get comes too late to see it.
    assert!(!judge(vec![append(0, 20, "a"), put(2, 3, "p"), get(4, 9, "a")]));
    // The put that returns may be hidden by another, before that of which it is appended and seen.
    assert!(judge(vec![
        put(0, 2, "p"),
        put(0, 20, "q"),
        append(1, 21, "a"),
        get(3, 4, "qa"),
        get(22, 23, "qa")
    ]));
    // It was to be seen by nobody before the next put, but it is to be seen behind that.
    assert!(judge(vec![
        append(0, 20, "a"),
        append(1, 2, "b"),
        put(3, 4, "p"),
        get(5, 6, "p"),
        get(21, 22, "pa")
    ]));
}

/// Twelve appends at once, and puts whose texts are all that is ever read: 12! orders of each
/// subset before each of them, unless they are hidden.
#[test]
fn what_nobody_sees_is_not_tried() {
    let mut calls: Vec<_> = (0..12).map(|n| append(0, 100, &format!("a{n}"))).collect();
    for turn in 1..5 {
        let (at, text) = (10 * turn, turn.to_string());
        calls.extend([put(at, at + 1, &text), get(at + 2, at + 3, &text)]);
    }
    calls.push(get(101, 102, "x"));
    let calls = list(calls);
    let budget = Budget::steps(5_000);
    let judged = check(&KeyValue, &calls, &budget);
    assert!(matches!(judged.outcome, Outcome::NotLinearizable(_)), "{judged:?}");
    let judged = check(&Plain(KeyValue), &calls, &budget);
    assert!(matches!(judged.outcome, Outcome::Unknown(_)), "{judged:?}");
}

/// What a model, or a reference to one, foresees.
fn foreseen<M: Model>(
    model: M,
    state: &M::State,
    blind: (&M::Input, Option<&M::Output>),
    (input, output): (&M::Input, &M::Output),
) -> Viable {
    model.viable_after(state, blind, input, output)
}

/// The laws of [`Model::is_blind`] and [`Model::viable_after`].
#[test]
fn blind_calls_are_possible_anywhere_and_foreseen_as_if_made() {
    let texts = ["", "a", "ab", "b", "aba"];
    let commands = texts.into_iter().flat_map(|text| {
        let text = || text.to_owned();
        [Get, Put(text()), Append(text())].map(input)
    });
    let commands: Vec<_> = commands.collect();
    let outputs = texts.map(|text| Some(Output::Text(text.to_owned())));
    let outputs: Vec<_> = outputs.into_iter().chain([Some(Output::Done), None]).collect();
    let done = Some(&Output::Done);
    let states = texts.map(|text| {
        let put = input(Put(text.to_owned()));
        KeyValue.step(&KeyValue.initial(), &put, done).unwrap()
    });
    let (mut blind, mut seen) = (0, [0; 3]);
    for state in &states {
        for call in &commands {
            for output in outputs.iter().map(Option::as_ref) {
                if !KeyValue.is_blind(call, output) {
                    continue;
                }
                blind += 1;
                let after = KeyValue.step(state, call, output).expect("it is blind");
                if KeyValue.overwrites(call, output) {
                    continue;
                }
                for text in texts {
                    let (get, answer) = (input(Get), Output::Text(text.to_owned()));
                    let told = foreseen(&KeyValue, state, (call, output), (&get, &answer));
                    assert_eq!(told, KeyValue.viable(&after, &get, &answer), "{state:?} {call:?}");
                    seen[told as usize] += 1;
                }
            }
        }
    }
    // Puts and appends of five texts, done or unknown, in five states.
    assert_eq!(blind, 2 * 5 * 2 * 5);
    assert!(seen[Viable::Likely as usize] > 0 && seen[Viable::Never as usize] > 0);
}
