//! Texts of a key-value store: one map a line, as Clojure writes it.
//!
//! ```text
//! {:process 3, :type :invoke, :f :append, :key "1", :value "x 3 0 y"}
//! {:process 3, :type :ok, :f :append, :key "1", :value "x 3 0 y"}
//! {:process 4, :type :invoke, :f :get, :key "1", :value nil}
//! {:process 4, :type :ok, :f :get, :key "1", :value "x 3 0 y"}
//! ```

use std::collections::BTreeMap;
use std::io::BufRead;

use super::{Kind, Unrecorded, each_line, wrong};
use crate::checker::linearizable::models::key_value::{Command, Input, Output};
use crate::checker::linearizable::{Call, Event, Pairing};

/// Reads a text: the calls on a store whose keys all hold the empty text at first. Operations are
/// the numbers of the lines on which they were invoked, from 1. Blank lines are passed over.
///
/// # Errors
/// The first line that is not an operation, or one that makes no sense; or there is none at all.
pub fn key_value_text(from: impl BufRead) -> Result<Vec<Call<Input, Output>>, Unrecorded> {
    let mut pairing = Pairing::new();
    let mut empty = true;
    each_line(from, |line, text| {
        if text.is_empty() {
            return Ok(());
        }
        let (process, event) = operation(text).map_err(|reason| wrong(line, reason))?;
        empty = false;
        let taken = pairing.event(process, line, event);
        taken.map_err(|unpaired| Unrecorded::Unpaired { line, unpaired })
    })?;
    if empty { Err(Unrecorded::Empty) } else { Ok(pairing.finish()) }
}

/// A value of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    /// A number, a keyword or `nil`, as it stands there.
    Word(String),
    /// What was in quotes.
    Text(String),
}

fn operation(text: &str) -> Result<(u64, Event<Input, Output>), String> {
    let mut map = map(text)?;
    let process = word(&mut map, ":process")?;
    let process = process.parse().map_err(|_| format!("`{process}` is not a process"))?;
    let kind = word(&mut map, ":type")?;
    let kind = Kind::named(&kind).ok_or_else(|| format!("`{kind}` is not a type"))?;
    let function = word(&mut map, ":f")?;
    let event = match kind {
        Kind::Fail => Event::Fail,
        Kind::Info => Event::Info,
        Kind::Invoke => {
            let key = quoted(&mut map, ":key")?;
            Event::Invoke(Input { key, command: command(&function, &mut map)? })
        }
        Kind::Ok if function == ":get" => Event::Ok(Output::Text(quoted(&mut map, ":value")?)),
        Kind::Ok => Event::Ok(Output::Done),
    };
    Ok((process, event))
}

fn command(function: &str, map: &mut BTreeMap<String, Value>) -> Result<Command, String> {
    match function {
        ":get" => Ok(Command::Get),
        ":put" => quoted(map, ":value").map(Command::Put),
        ":append" => quoted(map, ":value").map(Command::Append),
        other => Err(format!("`{other}` is not :get, :put or :append")),
    }
}

fn word(map: &mut BTreeMap<String, Value>, key: &str) -> Result<String, String> {
    match map.remove(key) {
        Some(Value::Word(word)) => Ok(word),
        Some(Value::Text(text)) => Err(format!("{key} is the text {text:?}")),
        None => Err(format!("there is no {key}")),
    }
}

fn quoted(map: &mut BTreeMap<String, Value>, key: &str) -> Result<String, String> {
    match map.remove(key) {
        Some(Value::Text(text)) => Ok(text),
        Some(Value::Word(word)) => Err(format!("{key} is {word}, and not a text in quotes")),
        None => Err(format!("there is no {key}")),
    }
}

/// `{:name value, ..}`; commas are blanks.
fn map(text: &str) -> Result<BTreeMap<String, Value>, String> {
    let inside = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let mut rest = inside.ok_or("an operation stands in { and }")?;
    let blank = |c: char| c == ',' || c.is_whitespace();
    let mut map = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches(blank);
        if rest.is_empty() {
            return Ok(map);
        }
        let (key, behind) = rest.split_once(blank).ok_or("a key has no value")?;
        let behind = behind.trim_start_matches(blank);
        let value = if let Some(text) = behind.strip_prefix('"') {
            let (text, behind) = unquoted(text)?;
            rest = behind;
            Value::Text(text)
        } else {
            let end = behind.find(blank).unwrap_or(behind.len());
            rest = &behind[end..];
            Value::Word(behind[..end].to_owned())
        };
        map.insert(key.to_owned(), value);
    }
}

/// The text up to the closing quote, and what is behind that.
fn unquoted(text: &str) -> Result<(String, &str), String> {
    let mut unquoted = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((unquoted, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => unquoted.push('\n'),
                Some((_, 't')) => unquoted.push('\t'),
                Some((_, escaped @ ('"' | '\\'))) => unquoted.push(escaped),
                Some((_, other)) => return Err(format!("`\\{other}` is not known in a text")),
                None => break,
            },
            _ => unquoted.push(character),
        }
    }
    Err("a text has no closing quote".to_owned())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::checker::linearizable::models::key_value::KeyValue;
    use crate::checker::linearizable::{Budget, Model as _, check};

    const TEXT: &str = r#"
        {:process 0, :type :invoke, :f :put, :key "a", :value "x\"\\\n"}
        {:process 0, :type :ok, :f :put, :key "a", :value "x\"\\\n"}
        {:process 1, :type :invoke, :f :append, :key "a", :value "y, z}"}

        {:process 2, :type :invoke, :f :get, :key "a", :value nil}
        {:process 2, :type :ok, :f :get, :key "a", :value "x\"\\\ny, z}"}
        {:process 1, :type :info, :f :append, :key "a", :value "y, z}"}
        {:process 2, :type :invoke, :f :append, :key "b", :value "1"}
        {:process 2, :type :fail, :f :append, :key "b", :value "1"}
        {:f :get :type :invoke :key "" :value nil :process 2}
    "#;

    #[test]
    fn a_text_becomes_calls() {
        let calls = key_value_text(TEXT.as_bytes()).unwrap();
        let model = KeyValue;
        let tell = |call: &Call<Input, Output>| {
            let Call { process, operation, called, returned, .. } = call;
            let words = model.describe(&call.input, call.output.as_ref());
            format!("{operation}: {process}, {called} to {returned:?}, {words}\n")
        };
        expect![[r#"
            2: 0, 0 to Some(1), put "x\"\\\n" to a
            4: 1, 2 to None, append "y, z}" to a -> unknown
            6: 2, 3 to Some(4), get a -> "x\"\\\ny, z}"
            11: 2, 8 to None, get  -> unknown
        "#]]
        .assert_eq(&calls.iter().map(tell).collect::<String>());
        assert!(check(&model, &calls, &Budget::steps(1000)).is_linearizable());
    }

    #[test]
    fn a_text_that_makes_no_sense_says_where() {
        fn check(text: &str, expected: Expect) {
            expected.assert_eq(&key_value_text(text.as_bytes()).unwrap_err().to_string());
        }
        check("\n\n", expect!["there is no operation in it"]);
        check("\nINFO - 0 :invoke :read nil", expect!["line 2: an operation stands in { and }"]);
        check("{:process 1", expect!["line 1: an operation stands in { and }"]);
        check("{:process}", expect!["line 1: a key has no value"]);
        check("{:process one}", expect!["line 1: `one` is not a process"]);
        check("{:process 1, :type :maybe}", expect!["line 1: `:maybe` is not a type"]);
        check(
            "{:process 1, :type :invoke, :f :drop, :key \"a\"}",
            expect!["line 1: `:drop` is not :get, :put or :append"],
        );
        check(
            "{:process 1, :type :invoke, :f :put, :key 1}",
            expect!["line 1: :key is 1, and not a text in quotes"],
        );
        check(
            "{:process 1, :type :invoke, :f :put, :key \"a}",
            expect!["line 1: a text has no closing quote"],
        );
        check(
            "{:process 1, :type :invoke, :f :put, :key \"\\q\"}",
            expect![[r#"line 1: `\q` is not known in a text"#]],
        );
        check(
            "{:process 1, :type :invoke, :f :put, :key \"a\", :value nil}",
            expect!["line 1: :value is nil, and not a text in quotes"],
        );
        check(
            "{:process 1, :type :ok, :f :put, :key \"a\", :value \"\"}",
            expect!["line 1: process 1 completes a call that it did not make"],
        );
    }
}
