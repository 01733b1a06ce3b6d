//! Histories of objects, legal and not.

use expect_test::{Expect, expect};

use super::*;
use crate::checker::linearizable::models::log::Input;
use crate::history::object::{read_edn, read_lines};

fn told(history: Result<ObjectHistory, Unreadable>) -> String {
    let judged = history.and_then(|history| judge(&history, &Budget::steps(100_000)));
    let judgement = match judged {
        Ok(judgement) => judgement,
        Err(error) => return format!("error: {error}"),
    };
    let mut told =
        format!("{} calls, {} parts: {}", judgement.calls, judgement.parts, judgement.verdict);
    if let Some(Explained { part, prefix, blocked, open }) = judgement.explained {
        told += &format!("\nof {part:?} after {prefix:?}\nblocked {blocked:?}, open {open:?}");
    }
    told
}

fn check(object: &str, script: &str, expected: Expect) {
    expected.assert_eq(&told(read_lines(file(object, script).as_bytes())));
}

/// Lines of `process phase f value`, with a key behind a slash after the function.
fn file(object: &str, script: &str) -> String {
    let mut file = format!("{{\"history\":2,\"object\":\"{object}\"}}\n");
    for (index, line) in script.split("; ").enumerate() {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (process, phase, f, value) = (word(), word(), word(), word());
        let (f, key) = f.split_once('/').map_or((f, None), |(f, key)| (f, Some(key)));
        let key = key.map_or(String::new(), |key| format!(",\"key\":\"{key}\""));
        let value = if value.is_empty() { "null" } else { value };
        file += &format!(
            "{{\"index\":{index},\"time\":{index},\"process\":{process},\"phase\":\"{phase}\",\
             \"f\":\"{f}\"{key},\"value\":{value}}}\n"
        );
    }
    file
}

#[test]
fn registers_under_keys_are_judged_apart() {
    check(
        "register",
        "0 invoke write/x 1; 0 ok write/x; 1 invoke read/y; 1 ok read/y null; \
         0 invoke cas/x [1,2]; 0 ok cas/x; 0 invoke cas/x [1,3]; 0 fail cas/x; \
         1 invoke cas/x [7,8]; 1 ok cas/x false; 2 invoke read/x; 2 ok read/x 2",
        expect!["5 calls, 2 parts: valid"],
    );
    check(
        "register",
        "0 invoke write/x 1; 0 ok write/x; 1 invoke read/y; 1 ok read/y 1",
        expect![[r#"
            2 calls, 2 parts: invalid
              not-linearizable: no order explains `read -> 1` of process 1: with nothing before it, the state is None [2]
            of Some("y") after []
            blocked Some((2, "process 1: read -> 1")), open []"#]],
    );
}

#[test]
fn a_write_whose_fate_is_unknown_may_come_late_or_never() {
    check(
        "register",
        "0 invoke write 1; 0 info write 1; 1 invoke read; 1 ok read null; 1 invoke read; 1 ok read 1",
        expect!["3 calls, 1 parts: valid"],
    );
    check(
        "register",
        "0 invoke write 1; 0 fail write 1; 1 invoke read; 1 ok read 1",
        expect![[r#"
            1 calls, 1 parts: invalid
              not-linearizable: no order explains `read -> 1` of process 1: with nothing before it, the state is None [2]
            of None after []
            blocked Some((2, "process 1: read -> 1")), open []"#]],
    );
}

/// Twenty writers at once, and two reads that no order of the writes explains: 2^20 subsets of them,
/// unless the model says through its keys, too, that writes overwrite.
#[test]
fn keys_do_not_hide_what_makes_the_search_short() {
    let mut script: Vec<String> =
        (0..20).map(|writer| format!("{writer} invoke write/x {writer}")).collect();
    for value in [7, 9] {
        script.push(format!("20 invoke read/x; 20 ok read/x {value}"));
    }
    script.extend((0..20).map(|writer| format!("{writer} ok write/x")));
    script.push("20 invoke read/x; 20 ok read/x 7".to_owned());
    let history = read_lines(file("register", &script.join("; ")).as_bytes()).unwrap();
    let judgement = judge(&history, &Budget::steps(20_000)).unwrap();
    assert!(matches!(judgement.verdict, Verdict::Invalid(_)), "{}", judgement.verdict);
}

/// A budget of memory counts the states of what is under the keys.
#[test]
fn keys_do_not_hide_how_large_a_state_is() {
    let state = AppendLog.step(&AppendLog.initial(), &Input::Append(vec![1; 100]), None);
    let state = state.expect("anything can be appended");
    assert!(AppendLog.bytes(&state) > 100);
    assert_eq!(Keyed(AppendLog).bytes(&state), AppendLog.bytes(&state));
}

/// An append that is told where it landed is held to that.
#[test]
fn an_append_landed_where_it_was_told() {
    let told = |offset| {
        format!("0 invoke append 5; 0 ok append 0; 0 invoke append 6; 0 ok append {offset}")
    };
    check("log", &told(1), expect!["2 calls, 1 parts: valid"]);
    check(
        "log",
        &told(7),
        expect![[r#"
        2 calls, 1 parts: invalid
          not-linearizable: no order explains `Append([6]) -> AppendedAt(7)` of process 0: after the one call before it that fits, the state is [5] [2]
        of None after [(0, "process 0: Append([5]) -> AppendedAt(0)")]
        blocked Some((2, "process 0: Append([6]) -> AppendedAt(7)")), open []"#]],
    );
}

#[test]
fn every_object_is_judged_by_its_model() {
    check(
        "key-value",
        "0 invoke put/a \"x\"; 0 ok put/a; 0 invoke append/a 7; 0 ok append/a; \
         1 invoke get/a; 1 ok get/a \"x7\"; 1 invoke get/b; 1 ok get/b null",
        expect!["4 calls, 2 parts: valid"],
    );
    check(
        "log",
        "0 invoke append [5,6]; 0 ok append 0; 1 invoke read-prefix 0; 1 ok read-prefix [5]; \
         1 invoke read 1; 1 ok read [6]; 0 invoke append 9; 0 ok append",
        expect!["4 calls, 1 parts: valid"],
    );
    check(
        "set",
        "0 invoke add 5; 0 ok add; 0 invoke remove 4; 0 ok remove false; 1 invoke contains 5; \
         1 ok contains true; 1 invoke read; 1 ok read [5]",
        expect!["4 calls, 1 parts: valid"],
    );
    check(
        "queue",
        "0 invoke enqueue 1; 0 ok enqueue; 0 invoke enqueue 2; 0 ok enqueue; 1 invoke dequeue; \
         1 ok dequeue 2",
        expect![[r#"
            3 calls, 1 parts: invalid
              not-linearizable: no order explains `Dequeue -> Taken(Some(2))` of process 1: after the 2 calls before it that fit, the state is [1, 2] [4]
            of None after [(0, "process 0: Enqueue(1) -> Done"), (2, "process 0: Enqueue(2) -> Done")]
            blocked Some((4, "process 1: Dequeue -> Taken(Some(2))")), open []"#]],
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    check(
        "register",
        "0 invoke write \"a\"",
        expect![[r#"error: line 2: "a" is no whole number of 64 bits"#]],
    );
    check("register", "0 invoke cas [1]", expect!["error: line 2: [1] is no [expected, new]"]);
    check(
        "register",
        "0 invoke add 1",
        expect!["error: line 2: 'add' is nothing that is done with a register"],
    );
    check(
        "register",
        "0 invoke write 1; 0 ok read 1",
        expect!["error: line 3: process 0 asked for a write and this completes another read"],
    );
    check(
        "register",
        "0 invoke write/x 1; 0 ok write/y",
        expect!["error: line 3: process 0 asked for a write of x and this completes another write"],
    );
    check(
        "register",
        "0 ok write 1",
        expect!["error: line 2: process 0 completes a call that it did not make"],
    );
    check(
        "register",
        "0 invoke write 1; 0 invoke write 2",
        expect!["error: line 3: process 0 calls again before operation 0 completed"],
    );
    check(
        "set",
        "0 invoke contains 1; 0 ok contains",
        expect!["error: line 3: nothing is neither true nor false"],
    );
    check(
        "log",
        "0 invoke append -1",
        expect!["error: line 2: -1 is no whole number from 0 to 2^64-1"],
    );
    check("log", "0 invoke read; 0 ok read 7", expect!["error: line 3: 7 is no list"]);
    check("key-value", "0 invoke put true", expect!["error: line 2: true is no text"]);
}

#[test]
fn histories_of_jepsen_are_judged_as_well() {
    let line = |process: u64, kind: &str, f: &str, value: &str| {
        format!("{{:type :{kind}, :process {process}, :f :{f}, :value {value}}}\n")
    };
    let text = [
        line(0, "invoke", "append", "3"),
        line(0, "ok", "append", "3"),
        line(1, "invoke", "read", "nil"),
        line(1, "ok", "read", "[3]"),
    ];
    expect!["2 calls, 1 parts: valid"].assert_eq(&told(read_edn(text.concat().as_bytes(), None)));
    let text = [
        line(0, "invoke", "append", "[1 3]"),
        line(0, "ok", "append", "[1 3]"),
        line(1, "invoke", "read", "[1 nil]"),
        line(1, "ok", "read", "[1 []]"),
    ];
    expect![[r#"
        2 calls, 1 parts: invalid
          not-linearizable: no order explains `ReadTail { from: 0 } -> Values([])` of process 1: after the one call before it that fits, the state is [3] [2]
        of Some("1") after [(0, "process 0: Append([3]) -> Appended")]
        blocked Some((2, "process 1: ReadTail { from: 0 } -> Values([])")), open []"#]]
    .assert_eq(&told(read_edn(text.concat().as_bytes(), None)));
}
