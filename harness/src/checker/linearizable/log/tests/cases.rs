//! Small histories of one log, in the words of every checker that judges them.

use std::collections::BTreeMap;

use crate::checker::linearizable::log::{
    Append, Fate, Judgement, LogHistory, Moment, Options, Outcome, Reach, Read, Record, Span,
    check, check_named,
};
use crate::checker::linearizable::models::log::{Input, Output};
use crate::checker::linearizable::{self, Call};

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) called: u32,
    /// `None` for never.
    pub(super) returned: Option<u32>,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Values are unique, and not 0.
    Append {
        values: Vec<u64>,
        fate: Fate,
        repeats: bool,
    },
    Read {
        offset: i64,
        values: Vec<u64>,
        reach: Reach,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) ops: Vec<Op>,
    pub(super) sparse: bool,
}

/// A dense log in which operation i lasts from 2i to 2i+1, unless its times are set.
pub(super) fn case(ops: Vec<Op>) -> Case {
    Case { ops, sparse: false }
}

pub(super) fn append(times: (u32, u32), values: &[u64], offset: i64) -> Op {
    op(times, values, Fate::Acknowledged { offset })
}

pub(super) fn op((called, returned): (u32, u32), values: &[u64], fate: Fate) -> Op {
    let what = What::Append { values: values.to_vec(), fate, repeats: false };
    Op { called, returned: Some(returned), what }
}

/// Of unknown fate.
pub(super) fn lost(called: u32, values: &[u64]) -> Op {
    let what = What::Append { values: values.to_vec(), fate: Fate::Unknown, repeats: false };
    Op { called, returned: None, what }
}

/// Of unknown fate, and it may have been sent several times.
pub(super) fn resent(called: u32, values: &[u64]) -> Op {
    let what = What::Append { values: values.to_vec(), fate: Fate::Unknown, repeats: true };
    Op { called, returned: None, what }
}

/// The same, and it may have been sent several times.
pub(super) fn again(mut op: Op) -> Op {
    if let What::Append { repeats, .. } = &mut op.what {
        *repeats = true;
    }
    op
}

pub(super) fn read((called, returned): (u32, u32), offset: i64, values: &[u64]) -> Op {
    let what = What::Read { offset, values: values.to_vec(), reach: Reach::Prefix };
    Op { called, returned: Some(returned), what }
}

pub(super) fn tail((called, returned): (u32, u32), offset: i64, values: &[u64]) -> Op {
    let what = What::Read { offset, values: values.to_vec(), reach: Reach::Tail };
    Op { called, returned: Some(returned), what }
}

/// The question for the end.
pub(super) fn end(times: (u32, u32), offset: i64) -> Op {
    tail(times, offset, &[])
}

impl Case {
    pub(super) fn sparse(mut self) -> Self {
        self.sparse = true;
        self
    }

    pub(super) fn options(&self) -> Options {
        Options { sparse: self.sparse, ..Options::dense() }
    }

    /// Packed. Appends come first, so the numbers of operations are not theirs in the case: the
    /// list says which they are.
    pub(super) fn packed(&self) -> (LogHistory, Vec<usize>) {
        let mut history = LogHistory::new();
        let mut records = BTreeMap::new();
        let mut numbers = Vec::new();
        let span = |op: &Op| match op.returned {
            Some(returned) => Span::new(Moment(op.called), Moment(returned)),
            None => Span::open(Moment(op.called)),
        };
        for (number, op) in self.ops.iter().enumerate() {
            if let What::Append { values, fate, repeats } = &op.what {
                let length = u32::try_from(values.len()).unwrap();
                let append =
                    Append { span: span(op), records: length, fate: *fate, repeats: *repeats };
                let first = history.append(append);
                for (value, record) in values.iter().zip(first.0..) {
                    records.insert(*value, Record(record));
                }
                numbers.push(number);
            }
        }
        for (number, op) in self.ops.iter().enumerate() {
            if let What::Read { offset, values, reach } = &op.what {
                let found: Vec<_> = values
                    .iter()
                    .map(|value| *records.entry(*value).or_insert_with(|| history.stranger()))
                    .collect();
                let (span, offset, reach) = (span(op), *offset, *reach);
                history.read(Read { span, offset, records: &found, reach });
                numbers.push(number);
            }
        }
        (history, numbers)
    }

    pub(super) fn judged(&self) -> Judgement {
        check(&self.packed().0, &self.options())
    }

    /// The outcome in words; operations by their numbers in the case, records by their values.
    pub(super) fn told(&self) -> String {
        let (history, numbers) = self.packed();
        let values: Vec<u64> = self
            .ops
            .iter()
            .filter_map(|op| match &op.what {
                What::Append { values, .. } => Some(values.clone()),
                What::Read { .. } => None,
            })
            .flatten()
            .collect();
        let names = |record: Record| {
            let value = usize::try_from(record.0).ok().and_then(|at| values.get(at));
            value.map_or_else(|| "a stranger".to_owned(), |value| format!("value {value}"))
        };
        let judged = check_named(&history, &self.options(), &names);
        match judged.outcome {
            Outcome::Linearizable => "linearizable\n".to_owned(),
            Outcome::Unknown(reason) => format!("unknown: {reason}\n"),
            Outcome::Violated(violations) => violations
                .into_iter()
                .map(|mut violation| {
                    for operation in &mut violation.operations {
                        let number = numbers[usize::try_from(*operation).unwrap()];
                        *operation = u32::try_from(number).unwrap();
                    }
                    format!("{violation}\n")
                })
                .collect(),
        }
    }

    /// The same for the general search; `None` if its model of a log does not know such things.
    pub(super) fn calls(&self) -> Option<Vec<Call<Input, Output>>> {
        if self.sparse {
            return None;
        }
        let mut calls = Vec::new();
        for (operation, op) in (0..).zip(&self.ops) {
            let (input, output) = match &op.what {
                What::Append { fate: Fate::Failed, .. } => continue,
                What::Append { repeats: true, .. }
                | What::Append { fate: Fate::UnknownAt { .. }, .. } => return None,
                What::Append { values, fate, .. } => {
                    let output = match fate {
                        Fate::Acknowledged { offset } => {
                            Some(Output::AppendedAt(u64::try_from(*offset).ok()?))
                        }
                        Fate::AcknowledgedSomewhere => Some(Output::Appended),
                        Fate::Failed | Fate::Unknown | Fate::UnknownAt { .. } => None,
                    };
                    (Input::Append(values.clone()), output)
                }
                What::Read { offset, values, reach } => {
                    let from = u64::try_from(*offset).ok()?;
                    let input = match reach {
                        Reach::Prefix => Input::Read { from },
                        Reach::Tail => Input::ReadTail { from },
                    };
                    (input, Some(Output::Values(values.clone())))
                }
            };
            let (called, returned) = (u64::from(op.called), op.returned.map(u64::from));
            calls.push(Call { process: operation, input, output, called, returned, operation });
        }
        Some(calls)
    }

    /// What the general search says; `None` as above, or if it gave up.
    pub(super) fn searched(&self) -> Option<bool> {
        let model = linearizable::models::log::AppendLog;
        let budget = linearizable::Budget::steps(5_000_000);
        match linearizable::check(&model, &self.calls()?, &budget).outcome {
            linearizable::Outcome::Linearizable { .. } => Some(true),
            linearizable::Outcome::NotLinearizable(_) => Some(false),
            linearizable::Outcome::Unknown(_) => None,
        }
    }
}
