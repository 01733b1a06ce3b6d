//! Histories of objects as JSON Lines.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::history::lines::Lines;
use crate::history::{Phase, Unreadable, VERSION};

use super::{Datum, Event, Function, Object, ObjectHistory};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    history: u64,
    object: Object,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    index: u64,
    time: u64,
    process: u64,
    phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Name>,
    f: Function,
    #[serde(default, skip_serializing_if = "Datum::is_nil")]
    value: Datum,
    /// Not looked at.
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "a field that may be there and says nothing about the object")]
    error: Option<String>,
}

/// Keys are texts; numbers are for those who write such files by hand.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Number(i64),
}

/// Reads the history of an object.
///
/// # Errors
/// The first line that cannot be read, and why.
pub fn read_lines(from: impl BufRead) -> Result<ObjectHistory, Unreadable> {
    let mut lines = Lines::new(from);
    let Some((_, header)) = lines.next()? else {
        return Err(Unreadable::Header { reason: "the file is empty".to_owned() });
    };
    let header: Header = serde_json::from_slice(&header)
        .map_err(|error| Unreadable::Header { reason: error.to_string() })?;
    if header.history != VERSION {
        return Err(Unreadable::Version { found: header.history });
    }
    let mut events: Vec<Event> = Vec::new();
    while let Some((line, text)) = lines.next()? {
        let Line { index, time, process, phase, key, f, value, .. } = serde_json::from_slice(&text)
            .map_err(|error| Unreadable::Line { line, reason: error.to_string() })?;
        if let Some(previous) = events.last().map(|event| event.index).filter(|p| *p >= index) {
            return Err(Unreadable::Order { line, index, previous });
        }
        let key = key.map(|name| match name {
            Name::Text(text) => text,
            Name::Number(number) => number.to_string(),
        });
        events.push(Event { line, index, time, process, phase, key, function: f, value });
    }
    Ok(ObjectHistory { object: header.object, events, skipped: 0 })
}

/// Writes the history of an object.
///
/// # Errors
/// Whatever the writer fails with. It should be buffered.
pub fn write_lines(history: &ObjectHistory, mut to: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, &Header { history: VERSION, object: history.object })?;
    to.write_all(b"\n")?;
    for event in &history.events {
        let line = Line {
            index: event.index,
            time: event.time,
            process: event.process,
            phase: event.phase,
            key: event.key.clone().map(Name::Text),
            f: event.function,
            value: event.value.clone(),
            error: None,
        };
        serde_json::to_writer(&mut to, &line)?;
        to.write_all(b"\n")?;
    }
    to.flush()
}
