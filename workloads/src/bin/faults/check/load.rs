//! From a file to a history, whatever its form.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use harness::checker::linearizable::Call;
use harness::checker::linearizable::models::{key_value, register};
use harness::history::History;
use harness::history::format::{Format, START};
use harness::history::jepsen::{self, Skipped};
use harness::history::object::{self, Object, ObjectHistory};
use harness::history::recorded::{self, Unrecorded};
use harness::history::{Unreadable, edn};

use super::{Arguments, FormatFlag, ModelFlag};

/// What a file holds.
#[derive(Debug)]
pub(super) enum Content {
    /// Producers and consumers.
    Kafka(History, Skipped),
    /// Calls on an object.
    Object(ObjectHistory),
    /// Calls on a register, as Porcupine has them.
    Register(Vec<Call<register::Input, register::Output>>),
    /// Calls on texts by key, as Porcupine has them.
    Texts(Vec<Call<key_value::Input, key_value::Output>>),
}

type Source = BufReader<Box<dyn Read>>;

/// Reads a file.
pub(super) fn load(path: &Path, arguments: &Arguments) -> Result<(Format, Content), String> {
    let (mut from, start) = open(path)?;
    let format = match arguments.format {
        FormatFlag::Auto => Format::recognise(&start).ok_or_else(|| unknown(&start))?,
        FormatFlag::Jsonl => Format::JsonLines,
        FormatFlag::Edn => Format::Edn,
        FormatFlag::Porcupine => Format::Porcupine,
    };
    let content = match format {
        Format::JsonLines => json_lines(from, &start, arguments.model)?,
        Format::Edn => {
            let kafka = match arguments.model {
                Some(model) => model == ModelFlag::Kafka,
                None => {
                    let is = is_kafka(from).map_err(words)?;
                    (from, _) = open(path)?;
                    is
                }
            };
            if kafka {
                let imported = jepsen::read(from, &arguments.assumptions()).map_err(words)?;
                Content::Kafka(imported.history, imported.skipped)
            } else {
                let object = arguments.model.and_then(ModelFlag::object);
                Content::Object(object::read_edn(from, object).map_err(words)?)
            }
        }
        Format::Porcupine => {
            let texts = start.trim_ascii_start().starts_with(b"{");
            let object = if texts { Object::KeyValue } else { Object::Register };
            if arguments.model.is_some_and(|model| model.object() != Some(object)) {
                return Err(contradicts(&format!("of a {object}")));
            }
            if texts {
                Content::Texts(recorded::key_value_text(from).map_err(reason)?)
            } else {
                Content::Register(recorded::register_log(from).map_err(reason)?)
            }
        }
    };
    Ok((format, content))
}

/// Opens a file and looks at its first bytes, which are still to be read.
fn open(path: &Path) -> Result<(Source, Vec<u8>), String> {
    let file = fs::OpenOptions::new().read(true).open(path).map_err(|error| error.to_string())?;
    let mut from: Source = BufReader::with_capacity(1 << 16, Box::new(file));
    let start = from.fill_buf().map_err(|error| error.to_string())?;
    let start = start[..start.len().min(START)].to_vec();
    Ok((from, start))
}

fn unknown(start: &[u8]) -> String {
    if start.is_empty() {
        return "line 1: the file is empty".to_owned();
    }
    "line 1: this is the beginning of no history that is known here (--format says which it is)"
        .to_owned()
}

fn json_lines(from: Source, start: &[u8], model: Option<ModelFlag>) -> Result<Content, String> {
    let header = start.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let header: Option<serde_json::Value> =
        header.and_then(|header| serde_json::from_slice(header).ok());
    let object = header.is_some_and(|header| header.get("object").is_some());
    match (object, model) {
        (false, None | Some(ModelFlag::Kafka)) => {
            let history = History::read(from).map_err(words)?;
            Ok(Content::Kafka(history, Skipped::default()))
        }
        (false, Some(_)) => Err(contradicts("of producers and consumers")),
        (true, model) => {
            let history = object::read_lines(from).map_err(words)?;
            match model.map(ModelFlag::object) {
                Some(object) if object != Some(history.object) => {
                    Err(contradicts(&format!("of a {}", history.object)))
                }
                Some(_) | None => Ok(Content::Object(history)),
            }
        }
    }
}

fn contradicts(what: &str) -> String {
    format!("line 1: this is a history {what}, and --model says otherwise")
}

/// Whether the first operation of a client that says something is one of Kafka's.
fn is_kafka(from: Source) -> Result<bool, Unreadable> {
    for form in edn::Reader::new(from) {
        let form = form?.value;
        let client = form.get("process").and_then(edn::Value::number::<u64>).is_some();
        if let Some(name) = form.get("f").and_then(edn::Value::name).filter(|_| client) {
            return Ok(jepsen::FUNCTIONS.contains(&name));
        }
    }
    Ok(false)
}

fn words(error: Unreadable) -> String {
    error.to_string()
}

fn reason(error: Unrecorded) -> String {
    match error {
        Unrecorded::Empty => format!("line 1: {error}"),
        Unrecorded::Io { .. } | Unrecorded::Line { .. } | Unrecorded::Unpaired { .. } => {
            error.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_can_be_asked_for() {
        for object in Object::ALL {
            let flags = <ModelFlag as clap::ValueEnum>::value_variants();
            assert!(flags.iter().any(|flag| flag.object() == Some(object)), "{object}");
        }
    }
}
