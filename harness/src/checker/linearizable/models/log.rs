//! A log that only grows at its end.

use super::super::{Model, Viable};

/// One append-only log of values, empty at first. Offsets count values from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppendLog;

/// What is asked of a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// Add these at the end, all of them side by side.
    Append(Vec<u64>),
    /// A prefix read: what is there from this offset on? It need not be all: the reader may be
    /// behind.
    Read {
        /// The first offset.
        from: u64,
    },
    /// A tail read: all that is there from this offset on. With `from` at the end, a question for
    /// the end.
    ReadTail {
        /// The first offset.
        from: u64,
    },
}

/// What a log answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Output {
    /// To an append: the offset of the first value.
    AppendedAt(u64),
    /// To an append whose client did not learn the offset, but that it took effect.
    Appended,
    /// To a read: the values from its first offset on.
    Values(Vec<u64>),
}

impl Model for AppendLog {
    type State = Vec<u64>;
    type Input = Input;
    type Output = Output;

    fn initial(&self) -> Vec<u64> {
        Vec::new()
    }

    fn step(&self, log: &Vec<u64>, input: &Input, output: Option<&Output>) -> Option<Vec<u64>> {
        if !self.allows(log, input, output) {
            return None;
        }
        match input {
            Input::Append(values) => Some([log.as_slice(), values].concat()),
            Input::Read { .. } | Input::ReadTail { .. } => Some(log.clone()),
        }
    }

    fn only_observes(&self, input: &Input, _output: Option<&Output>) -> bool {
        match input {
            Input::Append(_) => false,
            Input::Read { .. } | Input::ReadTail { .. } => true,
        }
    }

    /// What is there stays there: it must agree with what will be read, and the end only grows.
    fn viable(&self, log: &Vec<u64>, input: &Input, output: &Output) -> Viable {
        let viable = match (input, output) {
            (Input::Append(_), Output::AppendedAt(at)) => length(log) <= *at,
            (Input::Append(_), Output::Appended) => true,
            (Input::Read { from }, Output::Values(values)) => agrees(log, *from, values),
            (Input::ReadTail { from }, Output::Values(values)) => {
                length(log) <= from.saturating_add(length(values)) && agrees(log, *from, values)
            }
            (Input::Append(_), Output::Values(_))
            | (
                Input::Read { .. } | Input::ReadTail { .. },
                Output::AppendedAt(_) | Output::Appended,
            ) => false,
        };
        if viable { Viable::Likely } else { Viable::Never }
    }

    fn allows(&self, log: &Vec<u64>, input: &Input, output: Option<&Output>) -> bool {
        match (input, output) {
            (Input::Append(_), Some(Output::AppendedAt(at))) => length(log) == *at,
            (Input::Append(_), Some(Output::Appended)) => true,
            (Input::Read { from }, Some(Output::Values(values))) => {
                length(log) >= from.saturating_add(length(values)) && agrees(log, *from, values)
            }
            (Input::ReadTail { from }, Some(Output::Values(values))) => {
                length(log) == from.saturating_add(length(values)) && agrees(log, *from, values)
            }
            (_, None) => true,
            (Input::Append(_), Some(Output::Values(_)))
            | (
                Input::Read { .. } | Input::ReadTail { .. },
                Some(Output::AppendedAt(_) | Output::Appended),
            ) => false,
        }
    }

    fn bytes(&self, log: &Vec<u64>) -> usize {
        size_of_val(log) + size_of_val(log.as_slice())
    }
}

/// Whether `values`, read from `from` on, are what the log holds there, as far as it goes.
fn agrees(log: &[u64], from: u64, values: &[u64]) -> bool {
    let held = usize::try_from(from).ok().and_then(|from| log.get(from..)).unwrap_or_default();
    held.iter().zip(values).all(|(held, read)| held == read)
}

fn length(values: &[u64]) -> u64 {
    u64::try_from(values.len()).expect("a length in memory fits 64 bits")
}
