//! Logs of Jepsen's test of an etcd register.
//!
//! ```text
//! INFO  jepsen.util - 2    :invoke :cas    [3 0]
//! INFO  jepsen.util - 2    :ok     :cas    [3 0]
//! INFO  jepsen.util - 0    :invoke :write  4
//! INFO  jepsen.util - 0    :info   :write  :timed-out
//! ```

use std::io::BufRead;

use super::{Kind, Unrecorded, each_line, wrong};
use crate::checker::linearizable::models::register::{Input, Output};
use crate::checker::linearizable::{Call, Event, Pairing};

/// Reads a log: the calls on a register that holds nothing at first. Operations are the numbers of
/// the lines on which they were invoked, from 1.
///
/// A compare-and-set that failed is an answer: it did not match. A read or a write that failed
/// had no effect. What timed out is open for ever. Lines that are no operations of a client are
/// passed over, since a log has many of those.
///
/// # Errors
/// The first line that tells of an operation that makes no sense; or there is no operation at all.
pub fn register_log(from: impl BufRead) -> Result<Vec<Call<Input, Output>>, Unrecorded> {
    let mut pairing = Pairing::new();
    let mut empty = true;
    each_line(from, |line, text| {
        let operation = operation(text).map_err(|reason| wrong(line, reason))?;
        let Some((process, kind, words)) = operation else { return Ok(()) };
        let event = event(kind, &words).map_err(|reason| wrong(line, reason))?;
        empty = false;
        let taken = pairing.event(process, line, event);
        taken.map_err(|unpaired| Unrecorded::Unpaired { line, unpaired })
    })?;
    if empty { Err(Unrecorded::Empty) } else { Ok(pairing.finish()) }
}

/// Process, kind, and what else there is.
type Half<'t> = (u64, Kind, Vec<&'t str>);

/// What a line tells; `None` if the line is about something else. Where the
/// logger is that of operations, a client without a kind is a line that was cut.
fn operation(text: &str) -> Result<Option<Half<'_>>, String> {
    let Some((logger, text)) = text.split_once(" - ") else { return Ok(None) };
    let mut words = text.split_ascii_whitespace();
    let Some(process) = words.next().and_then(|word| word.parse().ok()) else { return Ok(None) };
    let word = words.next().unwrap_or_default();
    match Kind::named(word) {
        Some(kind) => Ok(Some((process, kind, words.collect()))),
        None if logger.ends_with("jepsen.util") => {
            Err(format!("`{word}` is not :invoke, :ok, :fail or :info"))
        }
        None => Ok(None),
    }
}

fn event(kind: Kind, words: &[&str]) -> Result<Event<Input, Output>, String> {
    let [function, value @ ..] = words else {
        return Err("the operation has no function".to_owned());
    };
    let event = match (*function, kind) {
        (":read" | ":write" | ":cas", Kind::Info) | (":read" | ":write", Kind::Fail) => {
            return Ok(if kind == Kind::Info { Event::Info } else { Event::Fail });
        }
        (":read", Kind::Invoke) => Some(Event::Invoke(Input::Read)),
        (":read", Kind::Ok) => read(value).map(Event::Ok),
        (":write", Kind::Invoke) => one(value).map(Input::Write).map(Event::Invoke),
        (":write", Kind::Ok) => one(value).map(|_| Event::Ok(Output::Written)),
        (":cas", Kind::Invoke) => {
            two(value).map(|(expected, new)| Event::Invoke(Input::CompareAndSet { expected, new }))
        }
        (":cas", Kind::Ok) => two(value).map(|_| Event::Ok(Output::Matched(true))),
        // Refused for another reason than its value: it had no effect, and tells nothing.
        (":cas", Kind::Fail) if value == [":timed-out"] => Some(Event::Fail),
        (":cas", Kind::Fail) => two(value).map(|_| Event::Ok(Output::Matched(false))),
        (other, _) => return Err(format!("`{other}` is not :read, :write or :cas")),
    };
    event.ok_or_else(|| format!("`{}` is not a value for {function}", value.join(" ")))
}

fn read(value: &[&str]) -> Option<Output> {
    let value = if value == ["nil"] { None } else { Some(one(value)?) };
    Some(Output::Value(value))
}

fn one(value: &[&str]) -> Option<i64> {
    let [value] = value else { return None };
    value.parse().ok()
}

/// `[3 0]`, which is two words.
fn two(value: &[&str]) -> Option<(i64, i64)> {
    let [expected, new] = value else { return None };
    let expected = expected.strip_prefix('[')?.parse().ok()?;
    Some((expected, new.strip_suffix(']')?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::checker::linearizable::models::register::Register;
    use crate::checker::linearizable::{Budget, Model as _, check};

    const LOG: &str = "\
        INFO  jepsen.core - Running test\n\
        INFO  jepsen.util - 0\t:invoke\t:read\tnil\n\
        INFO  jepsen.util - 1\t:invoke\t:write\t3\n\
        INFO  jepsen.util - 0   :ok     :read   nil\n\
        INFO  jepsen.util - :nemesis :info :start nil\n\
        INFO  jepsen.util - 1   :info   :write  :timed-out\n\
        INFO  jepsen.util - 2   :invoke :cas    [3 -4]\n\
        INFO  jepsen.util - 2   :ok     :cas    [3 -4]\n\
        INFO  jepsen.util - 2   :invoke :cas    [3 1]\n\
        INFO  jepsen.util - 2   :fail   :cas    [3 1]\n\
        \n\
        INFO  jepsen.util - 2   :invoke :read   nil\n\
        INFO  jepsen.util - 2   :fail   :read   :timed-out\n\
        INFO  jepsen.util - 2   :invoke :read   nil\n\
        INFO  jepsen.util - 2   :ok     :read   -4\n";

    #[test]
    fn a_log_becomes_calls() {
        let calls = register_log(LOG.as_bytes()).unwrap();
        let tell = |call: &Call<Input, Output>| {
            let Call { process, operation, called, returned, .. } = call;
            let words = Register::new().describe(&call.input, call.output.as_ref());
            format!("{operation}: {process}, {called} to {returned:?}, {words}\n")
        };
        expect![[r#"
            2: 0, 0 to Some(2), read -> nothing
            3: 1, 1 to None, write 3 -> unknown
            7: 2, 4 to Some(5), set -4 if it is 3 -> it was
            9: 2, 6 to Some(7), set 1 if it is 3 -> it was not
            14: 2, 10 to Some(11), read -> -4
        "#]]
        .assert_eq(&calls.iter().map(tell).collect::<String>());
        assert!(check(&Register::new(), &calls, &Budget::steps(1000)).is_linearizable());
    }

    #[test]
    fn a_failed_compare_and_set_says_something() {
        let log = LOG.replace(":fail   :cas    [3 1]", ":ok   :cas    [3 1]");
        let calls = register_log(log.as_bytes()).unwrap();
        assert!(!check(&Register::new(), &calls, &Budget::steps(1000)).is_linearizable());
    }

    #[test]
    fn a_log_that_makes_no_sense_says_where() {
        fn check(log: &str, expected: Expect) {
            expected.assert_eq(&register_log(log.as_bytes()).unwrap_err().to_string());
        }
        check("", expect!["there is no operation in it"]);
        check("INFO nothing here\n", expect!["there is no operation in it"]);
        check("x - 0 :invoke\n", expect!["line 1: the operation has no function"]);
        let cut = "line 1: `:inv` is not :invoke, :ok, :fail or :info";
        assert_eq!(register_log(&b"INFO jepsen.util - 0 :inv"[..]).unwrap_err().to_string(), cut);
        check(
            "\nx - 0 :invoke :append 1\n",
            expect!["line 2: `:append` is not :read, :write or :cas"],
        );
        check("x - 0 :invoke :write many\n", expect!["line 1: `many` is not a value for :write"]);
        check("x - 0 :invoke :cas [1]\n", expect!["line 1: `[1]` is not a value for :cas"]);
        check(
            "x - 0 :ok :read 1\n",
            expect!["line 1: process 0 completes a call that it did not make"],
        );
        check(
            "x - 0 :invoke :read nil\nx - 0 :invoke :read nil\n",
            expect!["line 2: process 0 calls again before operation 1 completed"],
        );
        assert!(register_log(&b"x - 0 :invoke \xff"[..]).is_err());
    }
}
