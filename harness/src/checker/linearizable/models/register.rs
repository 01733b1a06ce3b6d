//! One value that is read, written, and compared and set.

use serde::{Deserialize, Serialize};

use super::super::{Model, Regard};

/// A register of one number, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// What it holds before anything happened.
    pub initial: Option<i64>,
}

/// What is asked of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Input {
    /// What does it hold?
    Read,
    /// Hold this.
    Write(i64),
    /// Hold `new` if it holds `expected`. A register that holds nothing never matches.
    CompareAndSet {
        /// What it must hold.
        expected: i64,
        /// What it then holds.
        new: i64,
    },
}

/// What a register answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Output {
    /// To a read: what it holds.
    Value(Option<i64>),
    /// To a write.
    Written,
    /// To a compare-and-set: whether it matched and took effect.
    Matched(bool),
}

impl Register {
    /// A register that holds nothing yet.
    pub const fn new() -> Self {
        Self { initial: None }
    }
}

impl Model for Register {
    type State = Option<i64>;
    type Input = Input;
    type Output = Output;

    fn initial(&self) -> Option<i64> {
        self.initial
    }

    fn step(
        &self,
        state: &Option<i64>,
        input: &Input,
        output: Option<&Output>,
    ) -> Option<Option<i64>> {
        match (*input, output.copied()) {
            (Input::Read, Some(Output::Value(value))) => (value == *state).then_some(*state),
            (Input::Read, None) => Some(*state),
            (Input::Write(value), Some(Output::Written) | None) => Some(Some(value)),
            (Input::CompareAndSet { expected, new }, Some(Output::Matched(matched))) => {
                let matches = *state == Some(expected);
                (matched == matches).then_some(if matches { Some(new) } else { *state })
            }
            (Input::CompareAndSet { expected, new }, None) => {
                Some(if *state == Some(expected) { Some(new) } else { *state })
            }
            // Answers to something else.
            (Input::Read, Some(Output::Written | Output::Matched(_)))
            | (Input::Write(_), Some(Output::Value(_) | Output::Matched(_)))
            | (Input::CompareAndSet { .. }, Some(Output::Value(_) | Output::Written)) => None,
        }
    }

    fn only_observes(&self, input: &Input, output: Option<&Output>) -> bool {
        match input {
            Input::Read => true,
            Input::Write(_) => false,
            Input::CompareAndSet { .. } => output == Some(&Output::Matched(false)),
        }
    }

    fn overwrites(&self, input: &Input, output: Option<&Output>) -> bool {
        matches!((input, output), (Input::Write(_), Some(Output::Written) | None))
    }

    fn regards(&self, input: &Input, output: Option<&Output>) -> Option<Regard<Option<i64>>> {
        match (*input, output.copied()) {
            (Input::Read, Some(Output::Value(state))) => Some(Regard { state, elsewhere: false }),
            (Input::CompareAndSet { expected, .. }, Some(Output::Matched(matched))) => {
                Some(Regard { state: Some(expected), elsewhere: !matched })
            }
            (Input::CompareAndSet { expected, .. }, None) => {
                Some(Regard { state: Some(expected), elsewhere: true })
            }
            (Input::Read, None | Some(Output::Written | Output::Matched(_)))
            | (Input::Write(_), _)
            | (Input::CompareAndSet { .. }, Some(Output::Value(_) | Output::Written)) => None,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> String {
        let asked = match input {
            Input::Read => "read".to_owned(),
            Input::Write(value) => format!("write {value}"),
            Input::CompareAndSet { expected, new } => format!("set {new} if it is {expected}"),
        };
        match output {
            Some(Output::Value(Some(value))) => format!("{asked} -> {value}"),
            Some(Output::Value(None)) => format!("{asked} -> nothing"),
            Some(Output::Written) => asked,
            Some(Output::Matched(true)) => format!("{asked} -> it was"),
            Some(Output::Matched(false)) => format!("{asked} -> it was not"),
            None => format!("{asked} -> unknown"),
        }
    }
}
