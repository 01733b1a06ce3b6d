//! From the events of a file to calls of a model.

use std::collections::BTreeMap;

use super::super::linearizable::models::{key_value, log, queue, register, set};
use super::super::linearizable::{Call, Event as Half, Pairing};
use super::keyed::Asked;
use crate::history::object::{Datum, Event, Function};
use crate::history::{Phase, Unreadable};

/// What a line says to a model: what is asked, or what was answered.
pub(super) enum Said<I, O> {
    Asked(I),
    Answered(O),
}

/// Joins the halves of the calls. `say` puts an invocation or an `ok` in the model's words.
pub(super) fn pair<I, O>(
    events: &[Event],
    say: impl Fn(&Event) -> Result<Said<I, O>, String>,
) -> Result<Vec<Call<Asked<I>, O>>, Unreadable> {
    let mut pairing = Pairing::new();
    let mut open: BTreeMap<u64, (Function, &Option<String>)> = BTreeMap::new();
    for event in events {
        let Event { line, index, process, phase, key, function, .. } = event;
        let wrong = |reason: String| Unreadable::Line { line: *line, reason };
        let half = match phase {
            Phase::Invoke => match say(event).map_err(wrong)? {
                Said::Asked(input) => Half::Invoke(Asked { key: key.clone(), input }),
                Said::Answered(_) => return Err(wrong("an answer where a call begins".to_owned())),
            },
            Phase::Ok => match say(event).map_err(wrong)? {
                Said::Answered(output) => Half::Ok(output),
                Said::Asked(_) => return Err(wrong("a question where a call ends".to_owned())),
            },
            Phase::Fail => Half::Fail,
            Phase::Info => Half::Info,
        };
        if *phase == Phase::Invoke {
            open.insert(*process, (*function, key));
        } else if let Some((asked, of)) = open.remove(process)
            && (asked != *function || (*phase == Phase::Ok && of != key))
        {
            let (asked, function) = (asked.name(), function.name());
            let of = of.as_ref().map_or(String::new(), |key| format!(" of {key}"));
            return Err(wrong(format!(
                "process {process} asked for a {asked}{of} and this completes another {function}"
            )));
        }
        pairing.event(*process, *index, half).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(pairing.finish())
}

/// A store has its keys in what is asked.
pub(super) fn keyless(
    calls: Vec<Call<Asked<key_value::Command>, key_value::Output>>,
) -> Vec<Call<key_value::Input, key_value::Output>> {
    let calls = calls.into_iter().map(|call| {
        let Call { process, input, output, called, returned, operation } = call;
        let Asked { key, input: command } = input;
        let input = key_value::Input { key: key.unwrap_or_default(), command };
        Call { process, input, output, called, returned, operation }
    });
    calls.collect()
}

pub(super) fn register(event: &Event) -> Result<Said<register::Input, register::Output>, String> {
    use register::{Input, Output};
    Ok(match (event.function, asks(event)) {
        (Function::Read, true) => Said::Asked(Input::Read),
        (Function::Read, false) => Said::Answered(Output::Value(maybe(&event.value)?)),
        (Function::Write, true) => Said::Asked(Input::Write(number(&event.value)?)),
        (Function::Write, false) => Said::Answered(Output::Written),
        (Function::CompareAndSet, true) => match list(&event.value)? {
            [expected, new] => {
                Said::Asked(Input::CompareAndSet { expected: number(expected)?, new: number(new)? })
            }
            _ => return Err(format!("{} is no [expected, new]", event.value)),
        },
        (Function::CompareAndSet, false) => {
            Said::Answered(Output::Matched(event.value != Datum::Bool(false)))
        }
        (other, _) => return Err(unfit(other, "a register")),
    })
}

pub(super) fn log(event: &Event) -> Result<Said<log::Input, log::Output>, String> {
    use log::{Input, Output};
    let from = || if event.value.is_nil() { Ok(0) } else { natural(&event.value) };
    Ok(match (event.function, asks(event)) {
        (Function::Append, true) => Said::Asked(Input::Append(match list(&event.value) {
            Ok(values) => naturals(values)?,
            Err(_) => vec![natural(&event.value)?],
        })),
        (Function::Append, false) if event.value.is_nil() => Said::Answered(Output::Appended),
        (Function::Append, false) => Said::Answered(Output::AppendedAt(natural(&event.value)?)),
        (Function::Read, true) => Said::Asked(Input::ReadTail { from: from()? }),
        (Function::ReadPrefix, true) => Said::Asked(Input::Read { from: from()? }),
        (Function::Read | Function::ReadPrefix, false) => {
            Said::Answered(Output::Values(naturals(list(&event.value)?)?))
        }
        (other, _) => return Err(unfit(other, "a log")),
    })
}

pub(super) fn set(event: &Event) -> Result<Said<set::Input, set::Output>, String> {
    use set::{Input, Output};
    let done = || match &event.value {
        Datum::Bool(was_in) => Output::WasIn(*was_in),
        Datum::Nil | Datum::Int(_) | Datum::Large(_) | Datum::Text(_) | Datum::List(_) => {
            Output::Done
        }
    };
    Ok(match (event.function, asks(event)) {
        (Function::Add, true) => Said::Asked(Input::Add(number(&event.value)?)),
        (Function::Remove, true) => Said::Asked(Input::Remove(number(&event.value)?)),
        (Function::Contains, true) => Said::Asked(Input::Contains(number(&event.value)?)),
        // A set that tells whether it was there says the opposite of whether it took it.
        (Function::Add | Function::Remove, false) => Said::Answered(done()),
        (Function::Contains, false) => match done() {
            Output::WasIn(was_in) => Said::Answered(Output::WasIn(was_in)),
            Output::Done | Output::Members(_) => {
                return Err(format!("{} is neither true nor false", event.value));
            }
        },
        (Function::Read, true) => Said::Asked(Input::Read),
        (Function::Read, false) => {
            let members = list(&event.value)?.iter().map(number).collect::<Result<_, _>>()?;
            Said::Answered(Output::Members(members))
        }
        (other, _) => return Err(unfit(other, "a set")),
    })
}

pub(super) fn queue(event: &Event) -> Result<Said<queue::Input, queue::Output>, String> {
    use queue::{Input, Output};
    Ok(match (event.function, asks(event)) {
        (Function::Enqueue, true) => Said::Asked(Input::Enqueue(number(&event.value)?)),
        (Function::Enqueue, false) => Said::Answered(Output::Done),
        (Function::Dequeue, true) => Said::Asked(Input::Dequeue),
        (Function::Dequeue, false) => Said::Answered(Output::Taken(maybe(&event.value)?)),
        (other, _) => return Err(unfit(other, "a queue")),
    })
}

pub(super) fn store(event: &Event) -> Result<Said<key_value::Command, key_value::Output>, String> {
    use key_value::{Command, Output};
    Ok(match (event.function, asks(event)) {
        (Function::Read, true) => Said::Asked(Command::Get),
        (Function::Read, false) => Said::Answered(Output::Text(text(&event.value)?)),
        (Function::Write, true) => Said::Asked(Command::Put(text(&event.value)?)),
        (Function::Append, true) => Said::Asked(Command::Append(text(&event.value)?)),
        (Function::Write | Function::Append, false) => Said::Answered(Output::Done),
        (other, _) => return Err(unfit(other, "texts by key")),
    })
}

fn asks(event: &Event) -> bool {
    event.phase == Phase::Invoke
}

fn unfit(function: Function, object: &str) -> String {
    format!("'{}' is nothing that is done with {object}", function.name())
}

fn number(datum: &Datum) -> Result<i64, String> {
    if let Datum::Int(number) = datum {
        return Ok(*number);
    }
    Err(format!("{datum} is no whole number of 64 bits"))
}

fn maybe(datum: &Datum) -> Result<Option<i64>, String> {
    if datum.is_nil() { Ok(None) } else { number(datum).map(Some) }
}

fn natural(datum: &Datum) -> Result<u64, String> {
    let natural = match datum {
        Datum::Int(number) => u64::try_from(*number).ok(),
        Datum::Large(number) => Some(*number),
        Datum::Nil | Datum::Bool(_) | Datum::Text(_) | Datum::List(_) => None,
    };
    natural.ok_or_else(|| format!("{datum} is no whole number from 0 to 2^64-1"))
}

fn naturals(data: &[Datum]) -> Result<Vec<u64>, String> {
    data.iter().map(natural).collect()
}

fn list(datum: &Datum) -> Result<&[Datum], String> {
    if let Datum::List(items) = datum {
        return Ok(items);
    }
    Err(format!("{datum} is no list"))
}

fn text(datum: &Datum) -> Result<String, String> {
    match datum {
        Datum::Nil => Ok(String::new()),
        Datum::Int(number) => Ok(number.to_string()),
        Datum::Large(number) => Ok(number.to_string()),
        Datum::Text(text) => Ok(text.clone()),
        Datum::Bool(_) | Datum::List(_) => Err(format!("{datum} is no text")),
    }
}
