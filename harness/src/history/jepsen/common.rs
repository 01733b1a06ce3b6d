//! What all operations of a Jepsen test have: index, time, type and process.

use crate::history::edn::Value;
use crate::history::{Phase, Unreadable};

use super::QUOTED;

/// The fields that do not depend on what is tested.
#[derive(Clone, Copy, Debug)]
pub(in crate::history) struct Common {
    pub(in crate::history) index: u64,
    /// Microseconds.
    pub(in crate::history) time: u64,
    pub(in crate::history) phase: Phase,
    /// `None` if it is no client: a nemesis has a name instead of a number.
    pub(in crate::history) process: Option<u64>,
}

impl Common {
    /// Reads the fields. `previous` is the index of the operation before, which must be smaller.
    pub(in crate::history) fn new(
        line: u64,
        form: &Value,
        previous: &mut Option<u64>,
    ) -> Result<Self, Unreadable> {
        let wrong = |reason| Unreadable::Line { line, reason };
        let index = match form.get("index") {
            None | Some(Value::Nil) => {
                Some(previous.map_or(0, |previous| previous.wrapping_add(1)))
            }
            Some(index) => index.number(),
        };
        let phase = phase(form).map_err(wrong)?;
        let index = index.ok_or_else(|| wrong(told(":index", form.get("index"))))?;
        match previous.replace(index) {
            Some(previous) if previous >= index => {
                return Err(Unreadable::Order { line, index, previous });
            }
            Some(_) | None => {}
        }
        let time = time(form).map_err(wrong)?;
        let process = match form.get("process") {
            None => return Err(wrong("an operation has no :process".to_owned())),
            Some(Value::Integer(number)) => match u64::try_from(*number) {
                Ok(process) => Some(process),
                Err(_) => return Err(wrong(told(":process", form.get("process")))),
            },
            Some(_) => None,
        };
        Ok(Self { index, time, phase, process })
    }
}

fn told(field: &str, value: Option<&Value>) -> String {
    let value = value.map_or_else(|| "nil".to_owned(), |value| value.quote(QUOTED));
    format!("{field} {value} is no whole number from 0 to 2^64-1")
}

fn phase(form: &Value) -> Result<Phase, String> {
    match form.get("type").and_then(Value::name) {
        Some("invoke") => Ok(Phase::Invoke),
        Some("ok") => Ok(Phase::Ok),
        Some("fail") => Ok(Phase::Fail),
        Some("info") => Ok(Phase::Info),
        Some(other) => Err(format!(":type is :{other}, and not :invoke, :ok, :fail or :info")),
        None => Err(format!("{} is no operation with a :type", form.quote(QUOTED))),
    }
}

/// Nanoseconds to microseconds.
fn time(form: &Value) -> Result<u64, String> {
    match form.get("time") {
        None | Some(Value::Nil) => Ok(0),
        // A clock that jumps may put an operation before the beginning of the run.
        Some(Value::Integer(nanos)) => Ok(u64::try_from((nanos / 1000).max(0)).unwrap_or(u64::MAX)),
        Some(other) => Err(format!(":time {} is no time", other.quote(QUOTED))),
    }
}
