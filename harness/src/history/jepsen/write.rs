//! From a history to `history.edn`.

use std::io::{self, Write};

use crate::history::edn::Value;
use crate::history::{Action, History, Key, Operation, Phase, Promise};

use super::names;

/// Writes a history as one operation a line, for Jepsen's checker or for [`super::read`].
///
/// # Errors
/// Whatever the writer fails with. The writer should be buffered.
pub fn write(history: &History, mut to: impl Write) -> io::Result<()> {
    for operation in history.operations() {
        writeln!(to, "{}", form(operation))?;
    }
    to.flush()
}

type Entries = Vec<(Value, Value)>;

fn form(operation: &Operation) -> Value {
    let Operation { index, time, process, phase, action, error } = operation;
    let completed = *phase != Phase::Invoke;
    let phase = match phase {
        Phase::Invoke => "invoke",
        Phase::Ok => "ok",
        Phase::Fail => "fail",
        Phase::Info => "info",
    };
    let (function, value, mut extra) = said(action, completed);
    let mut entries = vec![
        entry("index", Value::from(*index)),
        entry("time", Value::Integer(i128::from(*time) * 1000)),
        entry("type", Value::keyword(phase)),
        entry("process", Value::from(*process)),
        entry("f", Value::keyword(function)),
        entry("value", value),
    ];
    entries.append(&mut extra);
    if let Some(error) = error {
        entries.push(entry("error", Value::from(error.as_str())));
    }
    Value::Map(entries)
}

/// `:f`, `:value`, and what only we say.
fn said(action: &Action, completed: bool) -> (&'static str, Value, Entries) {
    match action {
        Action::Send { .. } | Action::Poll { .. } | Action::Several { .. } => {
            let sends = action.parts().any(|part| matches!(part, Action::Send { .. }));
            let polls = action.parts().any(|part| matches!(part, Action::Poll { .. }));
            let function = match (sends, polls) {
                (true, false) => "send",
                (false, true) => "poll",
                (true, true) | (false, false) => "txn",
            };
            let value = action.parts().flat_map(|part| micro_operations(part, completed));
            (function, Value::Vector(value.collect()), of_parts(action))
        }
        Action::Assign { positions, source } => {
            let mut extra = vec![entry("source", Value::from(source.as_str()))];
            if !positions.is_empty() && positions.values().all(|position| *position == 0) {
                extra.push(entry("seek-to-beginning?", Value::Bool(true)));
            }
            let told = positions.iter().map(|(key, at)| (names::form(key), Value::from(*at)));
            extra.push(entry("positions", Value::Map(told.collect())));
            ("assign", keys(positions.keys()), extra)
        }
        Action::Subscribe { keys: asked } => ("subscribe", keys(asked), Vec::new()),
        Action::Latest { key, end_offset, epoch } => {
            let mut answer = Vec::new();
            answer.extend(end_offset.map(|end| entry("end-offset", Value::from(end))));
            answer.extend(epoch.map(|epoch| entry("epoch", Value::from(i64::from(epoch)))));
            let value = if answer.is_empty() {
                keys([key])
            } else {
                Value::Map(vec![(names::form(key), Value::Map(answer))])
            };
            ("debug-topic-partitions", value, vec![entry("latest?", Value::Bool(true))])
        }
    }
}

fn micro_operations(part: &Action, completed: bool) -> Vec<Value> {
    match part {
        Action::Send { key, values, offsets, .. } => {
            let one = |(number, value): (usize, &u64)| {
                let value = Value::from(*value);
                let landed = match offsets.get(number) {
                    _ if offsets.is_empty() => value,
                    offset => {
                        let offset = offset.copied().flatten().map_or(Value::Nil, Value::from);
                        Value::Vector(vec![offset, value])
                    }
                };
                Value::Vector(vec![Value::keyword("send"), names::form(key), landed])
            };
            values.iter().enumerate().map(one).collect()
        }
        Action::Poll { records, .. } => {
            let mut poll = vec![Value::keyword("poll")];
            if completed || !records.is_empty() {
                let pair = |(offset, value): &(i64, u64)| {
                    Value::Vector(vec![Value::from(*offset), Value::from(*value)])
                };
                let read = records.iter().map(|(key, records)| {
                    (names::form(key), Value::Vector(records.iter().map(pair).collect()))
                });
                poll.push(Value::Map(read.collect()));
            }
            vec![Value::Vector(poll)]
        }
        Action::Assign { .. }
        | Action::Subscribe { .. }
        | Action::Latest { .. }
        | Action::Several { .. } => Vec::new(),
    }
}

/// What the first send and the first poll of a call say beyond Jepsen's form.
fn of_parts(action: &Action) -> Entries {
    let mut extra = Vec::new();
    let send = action.parts().find(|part| matches!(part, Action::Send { .. }));
    let poll = action.parts().find(|part| matches!(part, Action::Poll { .. }));
    if let Some(Action::Send { promise, idempotent, retried, .. }) = send {
        let acks = match promise {
            Promise::Durable => Value::keyword("all"),
            Promise::Volatile => Value::from(1_u64),
            Promise::FireAndForget => Value::from(0_u64),
        };
        extra.push(entry("acks", acks));
        extra.push(entry("idempotent?", Value::Bool(*idempotent)));
        extra.push(entry("retried?", Value::Bool(*retried)));
    }
    if let Some(Action::Poll { source, last, rebalanced, .. }) = poll {
        extra.push(entry("source", Value::from(source.as_str())));
        if !rebalanced.is_empty() {
            let event = Value::Map(vec![entry("keys", keys(rebalanced))]);
            extra.push(entry("rebalance-log", Value::Vector(vec![event])));
        }
        if *last {
            extra.push(entry("final?", Value::Bool(true)));
        }
    }
    extra
}

fn entry(name: &str, value: Value) -> (Value, Value) {
    (Value::keyword(name), value)
}

fn keys<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Value {
    Value::Vector(keys.into_iter().map(names::form).collect())
}
