//! Random small histories: a real object, clients that overlap, crash, and sometimes lie.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::models::{key_value, log, queue, register, set};
use super::super::{Call, Event, Model, Pairing, Part};
use super::Calls;

/// An object that can be asked at random.
pub(super) trait Subject: Model {
    /// An input by dice.
    fn input(dice: u32) -> Self::Input;
    /// What a correct object answers; `None` if it cannot answer yet.
    fn answer(state: &Self::State, input: &Self::Input) -> Option<Self::Output>;
    /// Some answer to this input, by dice; it may be right.
    fn lie(input: &Self::Input, dice: u32) -> Self::Output;
}

/// What a history is made from: who acts, and with which dice.
pub(super) fn script(length: usize) -> impl Strategy<Value = Vec<(u8, u32)>> {
    prop::collection::vec((any::<u8>(), any::<u32>()), 1..length)
}

/// Plays a script with so many clients. One in 12 calls has no known answer, and one in `honesty`
/// answers is made up (none if it is 0).
pub(super) fn play<M: Subject>(
    model: &M,
    script: &[(u8, u32)],
    clients: u8,
    honesty: u32,
) -> Calls<M> {
    /// A client between its calls, in one, and in one that took effect.
    enum Client<I, O> {
        Idle,
        Asked(I),
        Served(I, O),
    }
    let mut state = model.initial();
    let mut pairing = Pairing::new();
    let mut all: Vec<_> = (0..clients).map(|_| Client::<M::Input, M::Output>::Idle).collect();
    for (operation, (who, dice)) in (0..).zip(script) {
        let who = *who % clients;
        let client = &mut all[usize::from(who)];
        let mut tell = |event| pairing.event(u64::from(who), operation, event).unwrap();
        *client = match std::mem::replace(client, Client::Idle) {
            Client::Idle => {
                tell(Event::Invoke(M::input(*dice)));
                Client::Asked(M::input(*dice))
            }
            Client::Asked(_) if dice.is_multiple_of(24) => {
                tell(Event::Info);
                Client::Idle
            }
            Client::Asked(input) => match M::answer(&state, &input) {
                Some(output) => {
                    let next = model.step(&state, &input, Some(&output));
                    state = next.expect("a correct answer is possible");
                    Client::Served(input, output)
                }
                None => Client::Asked(input),
            },
            Client::Served(..) if dice.is_multiple_of(24) => {
                tell(Event::Info);
                Client::Idle
            }
            Client::Served(input, output) => {
                let lies = honesty != 0 && (dice / 24) % honesty == 0;
                let output = if lies { M::lie(&input, dice / 24 / honesty) } else { output };
                tell(Event::Ok(output));
                Client::Idle
            }
        };
    }
    pairing.finish()
}

/// A small number.
fn small(dice: u32) -> i64 {
    i64::from(dice % 3)
}

impl Subject for register::Register {
    fn input(dice: u32) -> register::Input {
        let (value, new) = (small(dice / 8), small(dice / 24));
        match dice % 8 {
            0..3 => register::Input::Read,
            3..6 => register::Input::Write(value),
            _ => register::Input::CompareAndSet { expected: value, new },
        }
    }

    fn answer(state: &Option<i64>, input: &register::Input) -> Option<register::Output> {
        Some(match input {
            register::Input::Read => register::Output::Value(*state),
            register::Input::Write(_) => register::Output::Written,
            register::Input::CompareAndSet { expected, .. } => {
                register::Output::Matched(*state == Some(*expected))
            }
        })
    }

    fn lie(input: &register::Input, dice: u32) -> register::Output {
        match input {
            register::Input::Read => {
                register::Output::Value((!dice.is_multiple_of(4)).then(|| small(dice / 4)))
            }
            register::Input::Write(_) => register::Output::Written,
            register::Input::CompareAndSet { .. } => {
                register::Output::Matched(dice.is_multiple_of(2))
            }
        }
    }
}

impl Subject for key_value::KeyValue {
    fn input(dice: u32) -> key_value::Input {
        let text = ["a", "b", "ab"][dice as usize / 16 % 3].to_owned();
        let command = match dice % 8 {
            0..3 => key_value::Command::Get,
            3..5 => key_value::Command::Put(text),
            _ => key_value::Command::Append(text),
        };
        let key = if (dice / 8).is_multiple_of(2) { "x" } else { "y" };
        key_value::Input { key: key.to_owned(), command }
    }

    fn answer(state: &key_value::Text, input: &key_value::Input) -> Option<key_value::Output> {
        Some(match input.command {
            key_value::Command::Get => key_value::Output::Text(state.as_str().to_owned()),
            key_value::Command::Put(_) | key_value::Command::Append(_) => key_value::Output::Done,
        })
    }

    fn lie(input: &key_value::Input, dice: u32) -> key_value::Output {
        match input.command {
            key_value::Command::Get => {
                key_value::Output::Text(["", "a", "ab", "ba", "aab"][dice as usize % 5].to_owned())
            }
            key_value::Command::Put(_) | key_value::Command::Append(_) => key_value::Output::Done,
        }
    }
}

impl Subject for log::AppendLog {
    fn input(dice: u32) -> log::Input {
        let from = u64::from(dice / 8 % 3);
        match dice % 8 {
            0..2 => log::Input::Read { from },
            2..4 => log::Input::ReadTail { from },
            _ => log::Input::Append(
                (0..=dice / 8 % 2).map(|n| u64::from(dice / 16 % 2 + n)).collect(),
            ),
        }
    }

    fn answer(log: &Vec<u64>, input: &log::Input) -> Option<log::Output> {
        let tail = |from: u64| usize::try_from(from).ok().and_then(|from| log.get(from..));
        Some(match input {
            log::Input::Append(_) if log.len() % 3 == 2 => log::Output::Appended,
            log::Input::Append(_) => log::Output::AppendedAt(log.len() as u64),
            // A prefix: sometimes one less than there is.
            log::Input::Read { from } => {
                let tail = tail(*from)?;
                log::Output::Values(tail[..tail.len() - tail.len() % 2].to_vec())
            }
            log::Input::ReadTail { from } => log::Output::Values(tail(*from)?.to_vec()),
        })
    }

    fn lie(input: &log::Input, dice: u32) -> log::Output {
        match input {
            log::Input::Append(_) => log::Output::AppendedAt(u64::from(dice % 4)),
            log::Input::Read { .. } | log::Input::ReadTail { .. } => {
                log::Output::Values((0..dice % 3).map(|n| u64::from(dice / 3 % 2 + n)).collect())
            }
        }
    }
}

impl Subject for set::Set {
    fn input(dice: u32) -> set::Input {
        let number = small(dice / 8);
        match dice % 8 {
            0..3 => set::Input::Add(number),
            3..5 => set::Input::Remove(number),
            5 => set::Input::Contains(number),
            _ => set::Input::Read,
        }
    }

    fn answer(set: &BTreeSet<i64>, input: &set::Input) -> Option<set::Output> {
        Some(match input {
            set::Input::Add(number) | set::Input::Remove(number) if *number == 0 => {
                set::Output::Done
            }
            set::Input::Add(number) | set::Input::Remove(number) | set::Input::Contains(number) => {
                set::Output::WasIn(set.contains(number))
            }
            set::Input::Read => set::Output::Members(set.clone()),
        })
    }

    fn lie(input: &set::Input, dice: u32) -> set::Output {
        match input {
            set::Input::Add(_) | set::Input::Remove(_) | set::Input::Contains(_) => {
                set::Output::WasIn(dice.is_multiple_of(2))
            }
            set::Input::Read => set::Output::Members(
                (0..3).filter(|number| dice >> number & 1 != 0).map(i64::from).collect(),
            ),
        }
    }
}

impl Subject for queue::Queue {
    fn input(dice: u32) -> queue::Input {
        if dice.is_multiple_of(2) {
            queue::Input::Enqueue(small(dice / 2))
        } else {
            queue::Input::Dequeue
        }
    }

    fn answer(queue: &Self::State, input: &queue::Input) -> Option<queue::Output> {
        Some(match input {
            queue::Input::Enqueue(_) => queue::Output::Done,
            queue::Input::Dequeue => queue::Output::Taken(queue.front().copied()),
        })
    }

    fn lie(input: &queue::Input, dice: u32) -> queue::Output {
        match input {
            queue::Input::Enqueue(_) => queue::Output::Done,
            queue::Input::Dequeue => {
                queue::Output::Taken((!dice.is_multiple_of(4)).then(|| small(dice / 4)))
            }
        }
    }
}

/// A store that does not know that its keys are independent: the same promise, in one part.
#[derive(Debug)]
pub(super) struct WholeStore;

impl Model for WholeStore {
    type State = BTreeMap<String, key_value::Text>;
    type Input = key_value::Input;
    type Output = key_value::Output;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn step(
        &self,
        state: &Self::State,
        input: &key_value::Input,
        output: Option<&key_value::Output>,
    ) -> Option<Self::State> {
        let one = key_value::KeyValue;
        let mut state = state.clone();
        let held = state.remove(&input.key).unwrap_or_default();
        let held = one.step(&held, input, output)?;
        // As if it had never been there, so that equal stores are equal.
        if held != key_value::Text::default() {
            state.insert(input.key.clone(), held);
        }
        Some(state)
    }
}

impl Subject for WholeStore {
    fn input(dice: u32) -> key_value::Input {
        key_value::KeyValue::input(dice)
    }

    fn answer(state: &Self::State, input: &key_value::Input) -> Option<key_value::Output> {
        let held = state.get(&input.key).cloned().unwrap_or_default();
        key_value::KeyValue::answer(&held, input)
    }

    fn lie(input: &key_value::Input, dice: u32) -> key_value::Output {
        key_value::KeyValue::lie(input, dice)
    }
}

/// A model without any of its hooks but its parts.
#[derive(Debug)]
pub(super) struct Plain<M>(pub(super) M);

impl<M: Model> Model for Plain<M> {
    type State = M::State;
    type Input = M::Input;
    type Output = M::Output;

    fn initial(&self) -> M::State {
        self.0.initial()
    }

    fn step(
        &self,
        state: &M::State,
        input: &M::Input,
        output: Option<&M::Output>,
    ) -> Option<M::State> {
        self.0.step(state, input, output)
    }

    fn part<'i>(&self, input: &'i M::Input) -> Part<'i> {
        self.0.part(input)
    }
}

/// Whether a call has an answer.
pub(super) fn is_answered<I, O>(call: &Call<I, O>) -> bool {
    call.output.is_some()
}

/// Loses answers: of the first call by the first bit, and so on.
pub(super) fn forget<I, O>(calls: &mut [Call<I, O>], unknown: u64) {
    for (place, call) in (0..).zip(calls) {
        if unknown.rotate_right(place) & 1 == 1 {
            call.output = None;
            call.returned = None;
        }
    }
}
