//! A set of numbers.

use std::collections::BTreeSet;

use super::super::Model;

/// A set of numbers, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set;

/// What is asked of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// Hold this.
    Add(i64),
    /// Do not hold this.
    Remove(i64),
    /// Is this in it?
    Contains(i64),
    /// What is in it?
    Read,
}

/// What a set answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Output {
    /// To an add or a remove, from a set that does not tell more.
    Done,
    /// To an add, a remove or a contains: whether the number was in it just before.
    WasIn(bool),
    /// To a read: all that is in it.
    Members(BTreeSet<i64>),
}

impl Model for Set {
    type State = BTreeSet<i64>;
    type Input = Input;
    type Output = Output;

    fn initial(&self) -> BTreeSet<i64> {
        BTreeSet::new()
    }

    fn step(
        &self,
        set: &BTreeSet<i64>,
        input: &Input,
        output: Option<&Output>,
    ) -> Option<BTreeSet<i64>> {
        if !self.allows(set, input, output) {
            return None;
        }
        let mut set = set.clone();
        match input {
            Input::Add(number) => drop(set.insert(*number)),
            Input::Remove(number) => drop(set.remove(number)),
            Input::Contains(_) | Input::Read => {}
        }
        Some(set)
    }

    /// An add to a set that says that it had it already, too.
    fn only_observes(&self, input: &Input, output: Option<&Output>) -> bool {
        match input {
            Input::Contains(_) | Input::Read => true,
            Input::Add(_) => output == Some(&Output::WasIn(true)),
            Input::Remove(_) => output == Some(&Output::WasIn(false)),
        }
    }

    fn allows(&self, set: &BTreeSet<i64>, input: &Input, output: Option<&Output>) -> bool {
        match (input, output) {
            (_, None) | (Input::Add(_) | Input::Remove(_), Some(Output::Done)) => true,
            (
                Input::Add(number) | Input::Remove(number) | Input::Contains(number),
                Some(Output::WasIn(was_in)),
            ) => set.contains(number) == *was_in,
            (Input::Read, Some(Output::Members(members))) => set == members,
            (Input::Contains(_) | Input::Read, Some(Output::Done))
            | (Input::Read, Some(Output::WasIn(_)))
            | (Input::Add(_) | Input::Remove(_) | Input::Contains(_), Some(Output::Members(_))) => {
                false
            }
        }
    }

    fn bytes(&self, set: &BTreeSet<i64>) -> usize {
        // A node of a tree is about half full.
        size_of_val(set) + set.len() * 2 * size_of::<i64>()
    }
}
