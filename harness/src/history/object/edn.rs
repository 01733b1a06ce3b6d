//! Histories of objects as Jepsen's tests write them.

use std::io::BufRead;

use crate::history::edn::{Form, Reader, Value};
use crate::history::jepsen::Common;
use crate::history::{Phase, Unreadable};

use super::{Datum, Event, Function, Object, ObjectHistory};

/// Reads the history of an object. If it is not said which sort of object it is, it is told by
/// what is done.
///
/// # Errors
/// The first line that cannot be read, and why.
pub fn read_edn(from: impl BufRead, object: Option<Object>) -> Result<ObjectHistory, Unreadable> {
    read_edn_forms(Reader::new(from), object)
}

/// The same for whoever has the forms already.
///
/// # Errors
/// As [`read_edn`].
pub fn read_edn_forms(
    forms: impl IntoIterator<Item = Result<Form, Unreadable>>,
    object: Option<Object>,
) -> Result<ObjectHistory, Unreadable> {
    let mut events: Vec<Event> = Vec::new();
    let mut previous = None;
    let mut skipped = 0;
    let mut last = 1;
    for form in forms {
        let Form { line, value } = form?;
        last = line;
        let common = Common::new(line, &value, &mut previous)?;
        match common.process {
            None => skipped += 1,
            Some(process) => {
                let reason = |reason| Unreadable::Line { line, reason };
                events.push(event(line, &value, (&common, process)).map_err(reason)?);
            }
        }
    }
    untangle_keys(&mut events);
    let object = match object {
        Some(object) => object,
        None => guess(&events).map_err(|reason| Unreadable::Line { line: last, reason })?,
    };
    Ok(ObjectHistory { object, events, skipped })
}

fn event(line: u64, form: &Value, (common, process): (&Common, u64)) -> Result<Event, String> {
    let name = form.get("f").and_then(Value::name).unwrap_or_default();
    let function = Function::named(name).ok_or_else(|| match form.get("f") {
        None => "an operation has no :f".to_owned(),
        Some(f) => format!(":f {} is nothing that is done with an object", f.quote(40)),
    })?;
    let mut value = Datum::of(form.get("value").unwrap_or(&Value::Nil))?;
    if function == Function::Append && common.phase == Phase::Ok {
        // It repeats what was appended; an independent key's tuple must still be one.
        if let Datum::List(items) = &mut value
            && let [_, value] = items.as_mut_slice()
        {
            *value = Datum::Nil;
        } else {
            value = Datum::Nil;
        }
    }
    let key = match form.get("key") {
        None | Some(Value::Nil) => None,
        Some(key) => Some(name_of(&Datum::of(key)?)),
    };
    let Common { index, time, phase, .. } = *common;
    Ok(Event { line, index, time, process, phase, key, function, value })
}

fn name_of(key: &Datum) -> String {
    match key {
        Datum::Text(text) => text.clone(),
        Datum::Nil | Datum::Bool(_) | Datum::Int(_) | Datum::Large(_) | Datum::List(_) => {
            key.to_string()
        }
    }
}

/// Takes the keys out of `[k v]` tuples, if that is what all calls are.
fn untangle_keys(events: &mut [Event]) {
    let mut asked = events.iter().filter(|event| event.phase == Phase::Invoke).peekable();
    if asked.peek().is_none() || !asked.all(is_tuple) {
        return;
    }
    for event in events {
        if let Datum::List(items) = &mut event.value
            && let [key, value] = items.as_mut_slice()
        {
            event.key = Some(name_of(key));
            let value = std::mem::take(value);
            event.value = value;
        }
    }
}

/// Whether what is asked can be a key and a value. A plain compare-and-set is a pair, too, but not
/// one whose second is a pair.
fn is_tuple(event: &Event) -> bool {
    let Datum::List(items) = &event.value else {
        return false;
    };
    match (event.function, items.as_slice()) {
        (Function::CompareAndSet, [_, Datum::List(pair)]) => pair.len() == 2,
        (Function::CompareAndSet, _) => false,
        (_, [_, _]) => event.key.is_none(),
        (_, _) => false,
    }
}

fn guess(events: &[Event]) -> Result<Object, String> {
    let mut functions: Vec<Function> = events.iter().map(|event| event.function).collect();
    functions.sort_unstable();
    functions.dedup();
    Object::of(&functions).ok_or_else(|| {
        let names: Vec<_> = functions.iter().map(|function| function.name()).collect();
        format!("no object is known with which one can {}", names.join(", "))
    })
}
