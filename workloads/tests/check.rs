//! `faults check` from outside: exit codes, and what it says.
//!
//! The two files in `histories` are one run in both forms:
//! `cargo faults run 0x3 --storm 1 --workload append-read --history append_read.edn`.

use std::fs;
use std::path::Path;
use std::process::Command;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tempfile::TempDir;

const JSON_LINES: &str = include_str!("histories/append_read.jsonl");
const EDN: &str = include_str!("histories/append_read.edn");

const REGISTER: &str = "INFO  jepsen.util - 0\t:invoke\t:write\t1\n\
    INFO  jepsen.util - 0\t:ok\t:write\t1\n\
    INFO  jepsen.util - 1\t:invoke\t:cas\t[1 2]\n\
    INFO  jepsen.util - 2\t:invoke\t:read\tnil\n\
    INFO  jepsen.util - 2\t:ok\t:read\t2\n\
    INFO  jepsen.util - 1\t:ok\t:cas\t[1 2]\n\
    INFO  jepsen.util - 2\t:invoke\t:read\tnil\n";

const OBJECT: &str = r#"{"history":2,"object":"register"}
{"index":0,"time":1,"process":0,"phase":"invoke","f":"write","value":1}
{"index":1,"time":2,"process":0,"phase":"ok","f":"write"}
{"index":2,"time":3,"process":1,"phase":"invoke","f":"read"}
{"index":3,"time":4,"process":1,"phase":"ok","f":"read","value":1}
"#;

struct Said {
    code: i32,
    out: String,
    complaint: String,
}

/// Runs `faults check` in a folder, so that nothing of this machine is in what it says.
fn check(folder: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faults"));
    let output = command.current_dir(folder).arg("check").args(arguments).output();
    let output = output.expect("the built command can be started");
    Said {
        code: output.status.code().expect("it exits by itself"),
        out: String::from_utf8(output.stdout).expect("it writes UTF-8"),
        complaint: String::from_utf8(output.stderr).expect("it writes UTF-8"),
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("there is room for a few files");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("there is room for a few files");
    }
    folder
}

/// What is said of one file, behind the exit code.
fn check_file(name: &str, text: &str, flags: &[&str], expected: Expect) {
    let folder = folder(&[(name, text)]);
    let said = check(folder.path(), &[&[name], flags].concat());
    expected.assert_eq(&format!("{}: {}{}", said.code, said.out, said.complaint));
}

#[test]
fn one_run_is_the_same_in_both_forms() {
    check_file(
        "run.jsonl",
        JSON_LINES,
        &[],
        expect![[r#"
        0: valid       run.jsonl  jsonl, kafka: 378 operations, digest ef85ba888f092859
    "#]],
    );
    check_file(
        "run.edn",
        EDN,
        &[],
        expect![[r#"
        0: valid       run.edn  edn, kafka: 378 operations, digest ef85ba888f092859
    "#]],
    );
    // The name proves nothing.
    check_file(
        "run.log",
        EDN,
        &[],
        expect![[r#"
        0: valid       run.log  edn, kafka: 378 operations, digest ef85ba888f092859
    "#]],
    );
}

#[test]
fn a_record_that_changed_is_found_in_both_forms() {
    let lines: Vec<&str> = JSON_LINES.lines().collect();
    let last = lines.iter().rposition(|line| line.contains("\"last\":true")).unwrap();
    let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    changed[last] = changed[last].replacen("[[0,", "[[0,9", 1);
    assert_ne!(changed[last], lines[last]);
    let folder = folder(&[("run.jsonl", &changed.join("\n"))]);
    let said = check(folder.path(), &["run.jsonl"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.starts_with("INVALID     run.jsonl"), "{}", said.out);
    assert!(said.out.contains("phantom: value 9"), "{}", said.out);
    assert!(said.out.contains("consumed-then-changed: value "), "{}", said.out);
}

const SEND: &str = "{:type :invoke, :process 0, :f :send, :value [[:send 7 1] [:send 7 2]]}\n\
    {:type :ok, :process 0, :f :send, :value [[:send 7 [0 1]] [:send 7 [4 2]]]}\n\
    {:type :invoke, :process 1, :f :assign, :value [7], :seek-to-beginning? true}\n\
    {:type :ok, :process 1, :f :assign, :value [7], :seek-to-beginning? true}\n\
    {:type :info, :process :nemesis, :f :kill, :value nil}\n\
    {:type :invoke, :process 1, :f :poll, :value [[:poll]]}\n";
const FIRST: &str = "{:type :ok, :process 1, :f :poll, :value [[:poll {7 [[0 1]]}]]}\n";
const SECOND: &str = "{:type :ok, :process 1, :f :poll, :value [[:poll {7 [[4 2]]}]]}\n";

#[test]
fn what_jepsen_leaves_unsaid_is_assumed() {
    check_file(
        "history.edn",
        &format!("{SEND}{FIRST}"),
        &[],
        expect![[r#"
        2: UNKNOWN     history.edn  edn, kafka: 6 operations, digest c0ba24436146f803, 1 left out
          1 of the acknowledged values of 7 were never read, and no final read tells late from lost
    "#]],
    );
    check_file(
        "history.edn",
        &format!("{SEND}{FIRST}"),
        &["--acks", "1"],
        expect![[r#"
        0: valid       history.edn  edn, kafka: 6 operations, digest 9effd8ea19d14252, 1 left out
    "#]],
    );
    check_file(
        "history.edn",
        &format!("{SEND}{SECOND}"),
        &[],
        expect![[r#"
        1: INVALID     history.edn  edn, kafka: 6 operations, digest b80696d5bfeab999, 1 left out
          lost-write: durable value 1, acknowledged at offset 0 of 7, is not there, though a reader went past its place [1, 6]
    "#]],
    );
    check_file(
        "history.edn",
        &format!("{SEND}{SECOND}"),
        &["--acks", "1"],
        expect![[r#"
        0: valid       history.edn  edn, kafka: 6 operations, digest 54db6dc1cc8cd21b, 1 left out
    "#]],
    );
    let strictly = ["--acks", "1", "--no-losses", "--no-retries"];
    check_file(
        "history.edn",
        &format!("{SEND}{SECOND}"),
        &strictly,
        expect![[r#"
            1: INVALID     history.edn  edn, kafka: 6 operations, digest be5c4c575f679239, 1 left out
              lost-write: volatile value 1, acknowledged at offset 0 of 7, is not there, though a reader went past its place [1, 6]
        "#]],
    );
}

#[test]
fn an_object_that_is_not_linearizable_is_explained() {
    let answer = |value: &str| format!("{REGISTER}INFO  jepsen.util - 2\t:ok\t:read\t{value}\n");
    check_file(
        "etcd.log",
        &answer("2"),
        &["--model", "register"],
        expect![[r#"
        0: valid       etcd.log  porcupine, register: 4 calls
    "#]],
    );
    check_file(
        "etcd.log",
        &answer("1"),
        &["--model", "register"],
        expect![[r#"
            1: INVALID     etcd.log  porcupine, register: 4 calls
              not-linearizable: no order explains `read -> 1` of process 2: after the 3 calls before it that fit, the state is Some(2) [7]
            The longest order that explains its answers has 3 calls:
                op 1      process 0: write 1
                op 3      process 1: set 2 if it is 1 -> it was
                op 4      process 2: read -> 2
            What cannot follow:
                op 7      process 2: read -> 1
        "#]],
    );
    check_file(
        "etcd.log",
        &answer("1"),
        &["--steps", "2"],
        expect![[r#"
        2: UNKNOWN     etcd.log  porcupine, register: 4 calls
          no verdict within 2 steps
    "#]],
    );
    check_file(
        "object.jsonl",
        OBJECT,
        &["--model", "cas"],
        expect![[r#"
        0: valid       object.jsonl  jsonl, register: 2 calls
    "#]],
    );
}

#[test]
fn what_cannot_be_read_is_said_with_file_and_line() {
    let cut = |text: &str, bytes: usize| text[..text.len() - bytes].to_owned();
    check_file(
        "a.jsonl",
        &cut(JSON_LINES, 20),
        &[],
        expect![[r#"
        64: faults: a.jsonl: line 379: EOF while parsing a list at line 1 column 1871
    "#]],
    );
    check_file(
        "a.edn",
        &cut(EDN, 20),
        &[],
        expect![[r#"
        64: faults: a.edn: line 378: the file ends inside a text
    "#]],
    );
    check_file(
        "a.log",
        &cut(REGISTER, 6),
        &[],
        expect![[r#"
            64: faults: a.log: line 7: `:rea` is not :read, :write or :cas
        "#]],
    );
    check_file(
        "a.txt",
        &cut(OBJECT, 20),
        &[],
        expect![[r#"
        64: faults: a.txt: line 5: EOF while parsing a string at line 1 column 47
    "#]],
    );
}

#[test]
fn what_is_no_history_or_another_is_refused() {
    check_file(
        "a",
        "",
        &[],
        expect![[r#"
        64: faults: a: line 1: the file is empty
    "#]],
    );
    check_file(
        "a",
        "Dear reader,\n",
        &[],
        expect![[r#"
        64: faults: a: line 1: this is the beginning of no history that is known here (--format says which it is)
    "#]],
    );
    check_file(
        "a",
        "Dear reader,\n",
        &["--format", "edn"],
        expect![[r#"
        64: faults: a: line 1: Dear is no operation with a :type
    "#]],
    );
    check_file(
        "a",
        OBJECT,
        &["--model", "queue"],
        expect![[r#"
        64: faults: a: line 1: this is a history of a register, and --model says otherwise
    "#]],
    );
    check_file(
        "a",
        JSON_LINES,
        &["--model", "register"],
        expect![[r#"
        64: faults: a: line 1: this is a history of producers and consumers, and --model says otherwise
    "#]],
    );
    check_file(
        "a",
        OBJECT,
        &["missing"],
        expect![[r#"
        64: faults: missing: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_folder_is_judged_by_what_is_expected_of_it() {
    let late = format!("{SEND}{FIRST}");
    let files = [
        ("README.md", "not a history"),
        ("late.edn", late.as_str()),
        ("object.jsonl", OBJECT),
        ("register.log", REGISTER),
    ];
    let folder = folder(&files);
    let said = check(folder.path(), &["."]);
    assert_eq!(said.code, 2);
    expect![[r#"
        UNKNOWN     ./late.edn      edn, kafka: 6 operations, digest c0ba24436146f803, 1 left out
            1 of the acknowledged values of 7 were never read, and no final read tells late from lost
        valid       ./object.jsonl  jsonl, register: 2 calls
        valid       ./register.log  porcupine, register: 4 calls
        3 files: 2 valid, 0 invalid, 1 unknown, 0 unreadable
    "#]].assert_eq(&said.out);

    let table = |late: &str, register: &str| {
        let table = format!(
            "file,operations,verdict\nlate.edn,3,{late}\nobject.jsonl,2,ok\nregister.log,4,{register}\n"
        );
        fs::write(folder.path().join("verdicts.csv"), table).unwrap();
        let said = check(folder.path(), &["."]);
        format!("{}: {}{}", said.code, said.out, said.complaint)
    };
    expect![[r#"
        0: agree     UNKNOWN     ./late.edn      edn, kafka: 6 operations, digest c0ba24436146f803, 1 left out
        agree     valid       ./object.jsonl  jsonl, register: 2 calls
        agree     valid       ./register.log  porcupine, register: 4 calls
        3 files: 2 valid, 0 invalid, 1 unknown, 0 unreadable; 3 of 3 verdicts are the expected ones
    "#]].assert_eq(&table("unknown", "ok"));
    expect![[r#"
        2: DISAGREE  UNKNOWN     ./late.edn      edn, kafka: 6 operations, digest c0ba24436146f803, 1 left out
            1 of the acknowledged values of 7 were never read, and no final read tells late from lost
        agree     valid       ./object.jsonl  jsonl, register: 2 calls
        agree     valid       ./register.log  porcupine, register: 4 calls
        3 files: 2 valid, 0 invalid, 1 unknown, 0 unreadable; 2 of 3 verdicts are the expected ones
    "#]].assert_eq(&table("illegal", "ok"));
    expect![[r#"
        1: DISAGREE  UNKNOWN     ./late.edn      edn, kafka: 6 operations, digest c0ba24436146f803, 1 left out
            1 of the acknowledged values of 7 were never read, and no final read tells late from lost
        agree     valid       ./object.jsonl  jsonl, register: 2 calls
        DISAGREE  valid       ./register.log  porcupine, register: 4 calls
        3 files: 2 valid, 0 invalid, 1 unknown, 0 unreadable; 1 of 3 verdicts are the expected ones
    "#]].assert_eq(&table("illegal", "illegal"));
    expect![[r#"
        64: faults: ./verdicts.csv: line 2: 'who knows' is no verdict
    "#]]
    .assert_eq(&table("who knows", "ok"));

    fs::write(folder.path().join("late.edn"), "{:type").unwrap();
    expect![[r#"
        64: DISAGREE  UNREADABLE  ./late.edn      line 1: the file ends inside a form
        agree     valid       ./object.jsonl  jsonl, register: 2 calls
        DISAGREE  valid       ./register.log  porcupine, register: 4 calls
        3 files: 2 valid, 0 invalid, 0 unknown, 1 unreadable; 1 of 3 verdicts are the expected ones
    "#]]
    .assert_eq(&table("illegal", "illegal"));
}

#[test]
fn machines_are_told_the_same() {
    let folder = folder(&[("object.jsonl", OBJECT), ("run.edn", EDN), ("cut.edn", "{")]);
    let said = check(folder.path(), &["object.jsonl", "run.edn", "cut.edn", "--json"]);
    assert_eq!(said.code, 64);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["totals"]["valid"], 2);
    assert_eq!(json["totals"]["unreadable"], 1);
    let [object, run, cut] = [0, 1, 2].map(|place| &json["files"][place]["judgement"]);
    assert_eq!(object["Ok"]["details"]["object"]["verdict"], "valid");
    assert_eq!(run["Ok"]["details"]["log"]["judgement"]["verdict"], "valid");
    assert_eq!(cut["Err"], "line 1: the file ends inside a form");
}

#[test]
fn a_run_is_written_in_the_form_that_was_asked_for() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faults"));
        let run = ["run", "0x3", "--storm", "1", "--workload", "append-read", "--json"];
        let output = command.current_dir(folder.path()).args(run).args(arguments).output().unwrap();
        output.status.code()
    };
    assert_eq!(run(&["--history", "run.edn"]), Some(0));
    assert_eq!(run(&["--history", "run.jsonl"]), Some(0));
    assert_eq!(run(&["--history", "other", "--format", "edn"]), Some(0));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("run.edn").starts_with("{:index 0, :time "));
    assert!(read("run.jsonl").starts_with("{\"history\":2}\n"));
    assert_eq!(read("run.edn"), read("other"));
    let said = check(folder.path(), &["run.edn", "run.jsonl", "other"]);
    assert_eq!(said.code, 0, "{}", said.out);
    let digests: Vec<_> =
        said.out.lines().filter_map(|line| line.split("digest ").nth(1)).collect();
    assert!(digests.len() == 3 && digests.iter().all(|digest| *digest == digests[0]));
}

fn sample() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![JSON_LINES, EDN, REGISTER, OBJECT])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The readers have properties of their own, with many more cases; this is about the command.
    #[test]
    fn no_damage_makes_it_panic(
        sample in sample(),
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = sample.as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()));
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("history"), bytes).unwrap();
        let said = check(folder.path(), &["history"]);
        match said.code {
            0..=2 => prop_assert!(said.out.contains("history"), "{}", said.out),
            64 => prop_assert!(
                said.complaint.starts_with("faults: history: line "),
                "{}", said.complaint
            ),
            code => prop_assert!(false, "exit code {code}: {}", said.complaint),
        }
    }
}
