//! Histories as files: JSON Lines, one operation a line, behind a header that names the version.
//!
//! A file may come from anywhere and may have been cut short by a crash, so reading it never
//! panics, never skips a line silently and never takes more memory for a line than its length (at
//! most 1 GiB) and what it says. Blank lines are skipped. What is not described here is an error
//! that names the line: a misspelled field must not look like a missing one.
//!
//! The first line is the header, `{"history":2}`. Version 2 adds calls of several sends and polls,
//! and the keys that were rebalanced during a poll; all else is as in version 1, which is still read. A history of an object that is not a log
//! has another header, and is described in [`object`](super::object).
//!
//! # Fields of a line
//!
//! | field | what | range |
//! |---|---|---|
//! | `index` | number of the operation; grows strictly, need not be dense | 0 to 2^64-1 |
//! | `time` | microseconds since the run began; never decides an order, the lines do | 0 to 2^64-1 |
//! | `process` | who: at most one call open each, and a new number after `info` | 0 to 2^64-1 |
//! | `phase` | `invoke`; or how it ended: `ok`, `fail` (certainly without effect), `info` (nobody knows) | |
//! | `action` | what was asked and, in a completion, what was learned besides | below |
//! | `error` | why it failed or is unknown, in any words | may be left out |
//!
//! A call is an `invoke` and, unless it stayed open for ever, the next other line of its process.
//!
//! # Actions
//!
//! | action | field | what |
//! |---|---|---|
//! | `send` | `key`, `values` | appends these values (0 to 2^64-1, each once in a key's history) to this key's log |
//! | | `offsets` | where each value landed, -2^63 to 2^63-1, `null` where unknown; may be left out or empty |
//! | | `promise` | `durable` (by every replica in sync), `volatile` (by one) or `fire-and-forget` (by nobody) |
//! | | `idempotent` | whether the log recognises a value that is sent twice |
//! | | `retried` | whether the client sent it more than once; may be left out for `false` |
//! | `poll` | `source` | the replica that answered |
//! | | `records` | per key, `[offset, value]` of each record in the order of the answer |
//! | | `last` | a final read: these keys from start to end in one call, after everything came to rest |
//! | | `rebalanced` | the keys that others gave to the reader or took from it meanwhile; may be left out |
//! | `assign` | `positions`, `source` | per key, the offset that is read next, negative if unknown; replaces all keys |
//! | `subscribe` | `keys` | asks for a share of these keys |
//! | `latest` | `key`, `end_offset`, `epoch` | where the log ends and in which epoch (-2^31 to 2^31-1); `null` if unknown |
//! | `several` | `actions` | sends and polls as one call, in order: a transaction |
//!
//! # An example of each
//!
//! ```
//! # use harness::history::History;
//! let lines = r#"
//! {"history":2}
//! {"index":0,"time":10,"process":0,"phase":"invoke","action":{"send":{"key":"orders-0","values":[7,8],"promise":"durable","idempotent":true}}}
//! {"index":1,"time":90,"process":0,"phase":"ok","action":{"send":{"key":"orders-0","values":[7,8],"offsets":[0,null],"promise":"durable","idempotent":true,"retried":true}}}
//! {"index":2,"time":91,"process":1,"phase":"ok","action":{"assign":{"positions":{"orders-0":0},"source":"node-1"}}}
//! {"index":3,"time":92,"process":1,"phase":"invoke","action":{"poll":{"source":"node-1","records":{},"last":false}}}
//! {"index":4,"time":99,"process":1,"phase":"ok","action":{"poll":{"source":"node-1","records":{"orders-0":[[0,7],[1,8]]},"last":false}}}
//! {"index":5,"time":100,"process":2,"phase":"ok","action":{"subscribe":{"keys":["orders-0","orders-1"]}}}
//! {"index":6,"time":120,"process":2,"phase":"ok","action":{"latest":{"key":"orders-0","end_offset":2,"epoch":4}}}
//! {"index":7,"time":130,"process":3,"phase":"info","action":{"several":{"actions":[{"poll":{"source":"node-2","records":{},"last":false}},{"send":{"key":"orders-1","values":[9],"promise":"volatile","idempotent":false}}]}},"error":"timed out"}
//! "#;
//! assert_eq!(History::read(lines.trim_start().as_bytes())?.len(), 8);
//! # Ok::<(), harness::history::Unreadable>(())
//! ```

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::lines::Lines;
use super::{Action, Operation};

/// The version of the format that is written.
pub const VERSION: u64 = 2;

/// The oldest version that is read.
const VERSION_MIN: u64 = 1;

/// From this version on, a call may consist of several actions.
const SEVERAL: u64 = 2;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    history: u64,
}

/// Why a file is not a history that we can read. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file could not be read on.
    #[error("line {line}: {error}")]
    Io {
        /// The line that could not be had.
        line: u64,
        /// What the system said.
        error: io::Error,
    },
    /// There is no header.
    #[error("line 1: a history begins with {{\"history\":{VERSION}}}: {reason}")]
    Header {
        /// What is there instead.
        reason: String,
    },
    /// The header names a version of another day.
    #[error("line 1: the history has version {found}, and we read {VERSION_MIN} to {VERSION}")]
    Version {
        /// The version that was found.
        found: u64,
    },
    /// A line is not an operation, was cut short, or holds what its version does not allow.
    #[error("line {line}: {reason}")]
    Line {
        /// The line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Two operations are out of order.
    #[error("line {line}: operation {index} follows operation {previous}")]
    Order {
        /// The line of the second.
        line: u64,
        /// The index of the second.
        index: u64,
        /// The index of the first.
        previous: u64,
    },
}

/// Writes a history while it happens.
#[derive(Debug)]
pub struct Writer<W: Write> {
    to: W,
}

impl<W: Write> Writer<W> {
    /// Begins a history by writing its header. The writer should be buffered.
    ///
    /// # Errors
    /// Whatever the writer fails with.
    pub fn new(mut to: W) -> io::Result<Self> {
        line(&mut to, &Header { history: VERSION })?;
        Ok(Self { to })
    }

    /// Adds one operation.
    ///
    /// # Errors
    /// Whatever the writer fails with; the last line may then be incomplete.
    pub fn append(&mut self, operation: &Operation) -> io::Result<()> {
        line(&mut self.to, operation)
    }

    /// Flushes, and gives the writer back.
    ///
    /// # Errors
    /// Whatever the writer fails with.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }
}

fn line(to: &mut impl Write, what: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, what)?;
    to.write_all(b"\n")
}

/// Reads a history, one operation at a time. After an error it ends.
#[derive(Debug)]
pub struct Reader<R: BufRead> {
    lines: Lines<R>,
    version: u64,
    previous: Option<u64>,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Opens a history by reading its header.
    ///
    /// # Errors
    /// There is no header, or it names another version.
    pub fn new(from: R) -> Result<Self, Unreadable> {
        let mut lines = Lines::new(from);
        let Some((_, text)) = lines.next()? else {
            return Err(Unreadable::Header { reason: "the file is empty".to_owned() });
        };
        let header: Header = serde_json::from_slice(&text)
            .map_err(|error| Unreadable::Header { reason: error.to_string() })?;
        match header.history {
            version @ VERSION_MIN..=VERSION => {
                Ok(Self { lines, version, previous: None, ended: false })
            }
            found => Err(Unreadable::Version { found }),
        }
    }

    fn operation(&mut self) -> Result<Option<Operation>, Unreadable> {
        let Some((line, text)) = self.lines.next()? else {
            return Ok(None);
        };
        let operation: Operation = serde_json::from_slice(&text)
            .map_err(|error| Unreadable::Line { line, reason: error.to_string() })?;
        self.parts(&operation.action).map_err(|reason| Unreadable::Line { line, reason })?;
        let index = operation.index;
        match self.previous.replace(index) {
            Some(previous) if previous >= index => Err(Unreadable::Order { line, index, previous }),
            _ => Ok(Some(operation)),
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Whether a call may consist of these actions in this version.
    fn parts(&self, action: &Action) -> Result<(), String> {
        if self.version < SEVERAL && matches!(action, Action::Several { .. }) {
            return Err(format!("version {} knows no call of several actions", self.version));
        }
        match action.misplaced() {
            None => Ok(()),
            Some(part) => Err(format!(
                "a call of several actions holds sends and polls, and here {}",
                part.sort()
            )),
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Operation, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.operation().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use expect_test::{Expect, expect};

    use super::super::{History, Key, Promise, Recorder};
    use super::*;

    fn history() -> History {
        let at = Duration::from_micros;
        let recorder = Recorder::new();
        let (alice, bob) = (recorder.process(), recorder.process());
        let send = Action::send("orders-0", vec![u64::MAX, 2], Promise::Durable, true);
        let open = alice.invoke(at(10), send.clone());
        let positions = BTreeMap::from([(Key::from("orders-0"), 0)]);
        let assign = Action::Assign { positions, source: "n1".to_owned() };
        bob.invoke(at(11), assign.clone()).ok(at(12), assign);
        open.ok(at(15), send.sent(vec![Some(i64::MAX), None], true));
        let records = BTreeMap::from([(Key::from("orders-0"), vec![(i64::MAX, u64::MAX)])]);
        bob.invoke(at(20), Action::last_poll("n1")).info_with(
            at(21),
            Action::last_poll("n1").polled(records),
            "connection lost",
        );
        recorder.history()
    }

    #[test]
    fn a_history_reads_as_it_was_written() {
        let mut file = Vec::new();
        history().write(&mut file).unwrap();
        assert_eq!(History::read(&file[..]).unwrap(), history());
        expect![[r#"
            {"history":2}
            {"index":0,"time":10,"process":0,"phase":"invoke","action":{"send":{"key":"orders-0","values":[18446744073709551615,2],"offsets":[],"promise":"durable","idempotent":true,"retried":false}}}
            {"index":1,"time":11,"process":1,"phase":"invoke","action":{"assign":{"positions":{"orders-0":0},"source":"n1"}}}
            {"index":2,"time":12,"process":1,"phase":"ok","action":{"assign":{"positions":{"orders-0":0},"source":"n1"}}}
            {"index":3,"time":15,"process":0,"phase":"ok","action":{"send":{"key":"orders-0","values":[18446744073709551615,2],"offsets":[9223372036854775807,null],"promise":"durable","idempotent":true,"retried":true}}}
            {"index":4,"time":20,"process":1,"phase":"invoke","action":{"poll":{"source":"n1","records":{},"last":true}}}
            {"index":5,"time":21,"process":1,"phase":"info","action":{"poll":{"source":"n1","records":{"orders-0":[[9223372036854775807,18446744073709551615]]},"last":true}},"error":"connection lost"}
        "#]].assert_eq(&String::from_utf8(file).unwrap());
    }

    #[test]
    fn the_digest_is_the_same_in_every_build() {
        expect!["b9c170e5e570cd1b"].assert_eq(&history().digest().to_string());
    }

    #[test]
    fn every_piece_of_an_operation_counts_in_the_digest() {
        let original = history();
        for at in 0..original.len() {
            let mut operations = original.operations().to_vec();
            operations[at].time += 1;
            assert_ne!(History::from(operations).digest(), original.digest());
        }
        let shorter = original.operations()[..original.len() - 1].to_vec();
        assert_ne!(History::from(shorter).digest(), original.digest());
    }

    #[test]
    fn an_unreadable_file_says_where_and_why() {
        fn check(file: &str, expected: Expect) {
            expected.assert_eq(&History::read(file.as_bytes()).unwrap_err().to_string());
        }
        let latest = |index: u64| {
            format!(
                r#"{{"index":{index},"time":0,"process":0,"phase":"invoke","action":{{"latest":{{"key":"a","end_offset":null,"epoch":null}}}}}}"#
            )
        };
        check("", expect![[r#"line 1: a history begins with {"history":2}: the file is empty"#]]);
        check(
            "index,time\n",
            expect![[
                r#"line 1: a history begins with {"history":2}: expected value at line 1 column 1"#
            ]],
        );
        check(
            "{\"history\":7}\n",
            expect!["line 1: the history has version 7, and we read 1 to 2"],
        );
        check(
            "{\"history\":1}\n\n{\"index\":0}\n",
            expect!["line 3: missing field `time` at line 1 column 11"],
        );
        check(
            &format!("{{\"history\":1}}\n{}", &latest(0)[..50]),
            expect!["line 2: EOF while parsing a string at line 1 column 50"],
        );
        check(
            &format!("{{\"history\":1}}\n{}\n{}\n", latest(4), latest(4)),
            expect!["line 3: operation 4 follows operation 4"],
        );
        check("{\"history\":1}\n\u{0}\n", expect!["line 2: expected value at line 1 column 1"]);
    }

    fn together(version: u64, parts: &str) -> String {
        format!(
            "{{\"history\":{version}}}\n{{\"index\":0,\"time\":0,\"process\":0,\
             \"phase\":\"invoke\",\"action\":{{\"several\":{{\"actions\":[{parts}]}}}}}}\n"
        )
    }

    #[test]
    fn a_call_of_several_actions_reads_as_it_was_written() {
        let send = Action::send("a", vec![1, 2], Promise::Durable, false);
        let asked = Action::several(vec![send.clone(), Action::poll("n1")]);
        let records = BTreeMap::from([(Key::from("a"), vec![(0, 1)])]);
        let learned =
            vec![send.sent(vec![Some(0), None], true), Action::poll("n1").polled(records)];
        let recorder = Recorder::new();
        let alice = recorder.process();
        alice.invoke(Duration::ZERO, asked).ok(Duration::ZERO, Action::several(learned));
        let mut file = Vec::new();
        recorder.history().write(&mut file).unwrap();
        assert_eq!(History::read(&file[..]).unwrap(), recorder.history());
        expect![[r#"{"index":1,"time":0,"process":0,"phase":"ok","action":{"several":{"actions":[{"send":{"key":"a","values":[1,2],"offsets":[0,null],"promise":"durable","idempotent":false,"retried":true}},{"poll":{"source":"n1","records":{"a":[[0,1]]},"last":false}}]}}}"#]]
        .assert_eq(std::str::from_utf8(&file).unwrap().lines().last().unwrap());
        expect!["     0.000s  op 1      process 0    ok       together: send [1, 2] to a (Durable) at [0], then poll n1 a: 0=1"]
        .assert_eq(&recorder.history().operations()[1].to_string());
        let digest = |parts: &[&Action]| {
            let mut operations = recorder.history().operations().to_vec();
            operations[1].action = Action::several(parts.iter().copied().cloned().collect());
            History::from(operations).digest()
        };
        let (one, other) = (Action::poll("n1"), Action::poll("n2"));
        assert_ne!(digest(&[&one]), digest(&[&one.clone().rebalanced(vec![Key::from("a")])]));
        assert_ne!(digest(&[&one, &other]), digest(&[&other, &one]));
        assert_ne!(digest(&[&one]), digest(&[&one, &one]));
    }

    #[test]
    fn only_sends_and_polls_go_together() {
        fn check(file: &str, expected: Expect) {
            let read = History::read(file.as_bytes()).map(|history| history.len());
            expected.assert_eq(&read.map_or_else(|e| e.to_string(), |read| read.to_string()));
        }
        let poll = r#"{"poll":{"source":"n1","records":{},"last":false}}"#;
        check(&together(2, ""), expect!["1"]);
        check(&together(2, poll), expect!["1"]);
        check(&together(1, poll), expect!["line 2: version 1 knows no call of several actions"]);
        check(
            &together(2, &format!(r#"{poll},{{"subscribe":{{"keys":[]}}}}"#)),
            expect!["line 2: a call of several actions holds sends and polls, and here subscribe"],
        );
        check(
            &together(2, r#"{"several":{"actions":[]}}"#),
            expect!["line 2: a call of several actions holds sends and polls, and here several"],
        );
        let deep = r#"{"several":{"actions":["#.repeat(500);
        check(
            &together(2, &deep),
            expect!["line 2: recursion limit exceeded at line 1 column 1025"],
        );
        check("{\"history\":1}\n", expect!["0"]);
    }

    #[test]
    fn reading_ends_after_an_error() {
        let mut reader = Reader::new(&b"{\"history\":1}\n!\n!\n"[..]).unwrap();
        assert!(reader.next().unwrap().is_err());
        assert!(reader.next().is_none());
    }
}
