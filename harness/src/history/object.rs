//! Histories of an object that is no replicated log: a register, a store, a set, a queue, or one
//! append-only log with its reads.
//!
//! Both forms say the same: our JSON Lines ([`read_lines`], [`write_lines`]) and the EDN of a
//! Jepsen test ([`read_edn`]). Each line is half a call, in the order in which things happened.
//!
//! # Lines
//!
//! The header is `{"history":2,"object":"register"}`, where the object is one of `register`,
//! `key-value`, `log`, `set` and `queue`. Then:
//!
//! | field | what |
//! |---|---|
//! | `index`, `time`, `process`, `phase`, `error` | as in [`file`](super::file); `error` is not looked at |
//! | `key` | a text or a whole number: which of several independent objects; may be left out where there is one |
//! | `f` | what is done, below |
//! | `value` | what is asked with it, or answered; `null` may be left out |
//!
//! | object | `f` | value of `invoke` | value of `ok` |
//! |---|---|---|---|
//! | register | `read` | | what it holds, `null` for nothing |
//! | | `write` | the value | not looked at |
//! | | `cas` | `[expected, new]` | `false` if it did not match; anything else says that it did |
//! | key-value | `read` (`get`) | | the text; `null` is the empty text, which all keys hold at first |
//! | | `write` (`put`), `append` | the text; a number is its digits | not looked at |
//! | log | `append` | a value or a list of them | the offset of the first, `null` if unknown |
//! | | `read` | the first offset, `null` for 0 | all values from there on |
//! | | `read-prefix` | the first offset | values from there on, perhaps not all |
//! | set | `add`, `remove` | the value | `true` or `false` if it tells whether it had it |
//! | | `contains` | the value | `true` or `false` |
//! | | `read` | | all members |
//! | queue | `enqueue` | the value | not looked at |
//! | | `dequeue` | | the value, `null` if there was none |
//!
//! Values are whole numbers from -2^63 to 2^63-1 (of a log: from 0 to 2^64-1). A `fail` says that
//! there was no effect and never will be; an `info` that nobody knows. What a completion repeats
//! of its call is not looked at.
//!
//! ```
//! use harness::history::object::{self, Object};
//! let lines = r#"{"history":2,"object":"register"}
//! {"index":0,"time":10,"process":0,"phase":"invoke","f":"write","value":7}
//! {"index":1,"time":12,"process":1,"phase":"invoke","key":"x","f":"cas","value":[7,8]}
//! {"index":2,"time":15,"process":0,"phase":"info","f":"write","error":"timed out"}
//! {"index":3,"time":20,"process":1,"phase":"fail","key":"x","f":"cas"}
//! "#;
//! let history = object::read_lines(lines.as_bytes())?;
//! assert_eq!((history.object, history.events.len()), (Object::Register, 4));
//! # Ok::<(), harness::history::Unreadable>(())
//! ```
//!
//! # EDN
//!
//! `{:index 0, :time 10000, :process 0, :type :invoke, :f :write, :value 7}`, one a line or all in
//! one vector. Times are nanoseconds. Operations of `:process :nemesis` are counted and left out.
//! Independent keys are `[k v]` tuples: they are taken for such if every call of the file is one. An
//! append's `ok` repeats its value and tells no offset. Which object it is follows from the `:f`s.

mod datum;
mod edn;
mod lines;
#[cfg(test)]
mod tests;

pub use datum::Datum;
pub use edn::{read_edn, read_edn_forms};
pub use lines::{read_lines, write_lines};

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Phase;

/// What sort of object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Object {
    /// One value, read, written, compared and set.
    Register,
    /// Texts by key.
    KeyValue,
    /// An append-only log.
    Log,
    /// A set of numbers.
    Set,
    /// First in, first out.
    Queue,
}

impl Object {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Register, Self::KeyValue, Self::Log, Self::Set, Self::Queue];

    /// What can be done with it.
    pub const fn functions(self) -> &'static [Function] {
        use Function::{
            Add, Append, CompareAndSet, Contains, Dequeue, Enqueue, Read, ReadPrefix, Remove, Write,
        };
        match self {
            Self::Register => &[Read, Write, CompareAndSet],
            Self::KeyValue => &[Read, Write, Append],
            Self::Log => &[Append, Read, ReadPrefix],
            Self::Set => &[Add, Remove, Contains, Read],
            Self::Queue => &[Enqueue, Dequeue],
        }
    }

    /// The object with which all of this can be done: the first, if there are several. Somebody
    /// who writes and appends has texts by key, who only appends has a log.
    pub fn of(functions: &[Function]) -> Option<Self> {
        let order = [Self::Register, Self::Log, Self::Set, Self::Queue, Self::KeyValue];
        order
            .into_iter()
            .find(|object| functions.iter().all(|function| object.functions().contains(function)))
    }

    /// Its name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::KeyValue => "key-value",
            Self::Log => "log",
            Self::Set => "set",
            Self::Queue => "queue",
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
    /// What does it hold?
    #[serde(alias = "get")]
    Read,
    /// What does the log hold here, perhaps not to its end?
    ReadPrefix,
    /// Hold this.
    #[serde(alias = "put")]
    Write,
    /// Hold the one if it holds the other.
    #[serde(rename = "cas")]
    CompareAndSet,
    /// Hold this behind what is there.
    Append,
    /// Have this among the members.
    Add,
    /// Have it no longer.
    Remove,
    /// Is it among them?
    Contains,
    /// Put this at the end.
    Enqueue,
    /// Take away the first.
    Dequeue,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::ReadPrefix,
        Self::Write,
        Self::CompareAndSet,
        Self::Append,
        Self::Add,
        Self::Remove,
        Self::Contains,
        Self::Enqueue,
        Self::Dequeue,
    ];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadPrefix => "read-prefix",
            Self::Write => "write",
            Self::CompareAndSet => "cas",
            Self::Append => "append",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Contains => "contains",
            Self::Enqueue => "enqueue",
            Self::Dequeue => "dequeue",
        }
    }

    /// The function of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "get" => Some(Self::Read),
            "put" => Some(Self::Write),
            _ => Self::ALL.into_iter().find(|function| function.name() == name),
        }
    }
}

/// Half a call on an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The line of the file, from 1, to say where something is wrong.
    pub line: u64,
    /// The number of the operation; strictly growing.
    pub index: u64,
    /// Microseconds since the run began.
    pub time: u64,
    /// Who did it.
    pub process: u64,
    /// Which half this is, and how the call ended.
    pub phase: Phase,
    /// Which of several independent objects.
    pub key: Option<String>,
    /// What is done.
    pub function: Function,
    /// What is asked with it, or answered.
    pub value: Datum,
}

/// The events of one object, or of several of the same sort, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectHistory {
    /// What sort of object it is.
    pub object: Object,
    /// What happened.
    pub events: Vec<Event>,
    /// Operations that are not about the object, such as those of a nemesis.
    pub skipped: u64,
}
