//! What is read of histories of objects, and what is refused.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn told(history: &ObjectHistory) -> String {
    let mut told = format!("{}, {} skipped\n", history.object, history.skipped);
    for event in &history.events {
        let Event { line, index, time, process, phase, key, function, value } = event;
        let key = key.as_ref().map_or(String::new(), |key| format!(" {key}"));
        let name = function.name();
        told += &format!("{line}: {index} {time} {process} {phase:?}{key} {name} {value}\n");
    }
    told
}

fn check_edn(text: &str, expected: Expect) {
    let read = read_edn(text.as_bytes(), None);
    expected.assert_eq(&read.map_or_else(|error| error.to_string(), |read| told(&read)));
}

fn check_lines(text: &str, expected: Expect) {
    let read = read_lines(text.as_bytes());
    expected.assert_eq(&read.map_or_else(|error| error.to_string(), |read| told(&read)));
}

#[test]
fn a_register_of_jepsen_is_read() {
    check_edn(
        "{:index 0, :time 5000, :type :invoke, :process 0, :f :cas, :value [1 2]}\n\
         {:index 1, :time 6000, :type :info, :process :nemesis, :f :start, :value {:a 1}}\n\
         {:index 2, :time 7000, :type :ok, :process 0, :f :cas, :value [1 2]}\n\
         {:index 3, :time 7000, :type :invoke, :process 1, :f :read, :value nil}\n",
        expect![[r#"
            register, 1 skipped
            1: 0 5 0 Invoke cas [1, 2]
            3: 2 7 0 Ok cas [1, 2]
            4: 3 7 1 Invoke read nothing
        "#]],
    );
}

#[test]
fn keys_come_out_of_tuples() {
    check_edn(
        "[{:type :invoke, :process 0, :f :cas, :value [:x [1 2]]}\n\
         {:type :fail, :process 0, :f :cas, :value [:x [1 2]]}\n\
         {:type :invoke, :process 0, :f :read, :value [7 nil]}\n\
         {:type :ok, :process 0, :f :read, :value [7 3]}]",
        expect![[r#"
            register, 0 skipped
            1: 0 0 0 Invoke :x cas [1, 2]
            2: 1 0 0 Fail :x cas [1, 2]
            3: 2 0 0 Invoke 7 read nothing
            4: 3 0 0 Ok 7 read 3
        "#]],
    );
}

#[test]
fn the_object_is_told_by_what_is_done() {
    let object = |functions: &[&str]| {
        let line = |f: &&str| format!("{{:type :invoke, :process 0, :f :{f}, :value 1}}\n");
        let text: String = functions.iter().map(line).collect();
        read_edn(text.as_bytes(), None).map_or_else(|e| e.to_string(), |h| h.object.to_string())
    };
    expect!["register register key-value log set queue key-value log"].assert_eq(
        &[
            object(&["read", "write"]),
            object(&["read"]),
            object(&["get", "put", "append"]),
            object(&["append", "read"]),
            object(&["add", "read"]),
            object(&["enqueue", "dequeue"]),
            object(&["write", "append"]),
            object(&["append", "read-prefix"]),
        ]
        .join(" "),
    );
    expect!["line 2: no object is known with which one can write, enqueue"]
        .assert_eq(&object(&["write", "enqueue"]));
    expect!["line 1: :f :drain is nothing that is done with an object"]
        .assert_eq(&object(&["drain"]));
}

#[test]
fn what_is_no_history_of_an_object_is_refused_with_its_line() {
    check_edn("{:process 0}", expect!["line 1: {:process 0} is no operation with a :type"]);
    check_edn("{:type :invoke}", expect!["line 1: an operation has no :process"]);
    check_edn("7", expect!["line 1: 7 is no operation with a :type"]);
    check_edn(
        "\n{:type :invoke, :process 0, :f :write, :value {:a 1}}",
        expect!["line 2: {:a 1} is no value of an object"],
    );
    check_edn(
        "{:type :invoke, :process -1, :f :read}",
        expect!["line 1: :process -1 is no whole number from 0 to 2^64-1"],
    );
    check_edn(
        "{:type :invoke, :index 3, :process 1, :f :read}{:type :invoke, :index 3, :process 1, :f :read}",
        expect!["line 1: operation 3 follows operation 3"],
    );
    check_lines("", expect![[r#"line 1: a history begins with {"history":2}: the file is empty"#]]);
    check_lines(
        "{\"history\":1,\"object\":\"register\"}",
        expect!["line 1: the history has version 1, and we read 1 to 2"],
    );
    check_lines(
        "{\"history\":2,\"object\":\"stack\"}",
        expect![[
            r#"line 1: a history begins with {"history":2}: unknown variant `stack`, expected one of `register`, `key-value`, `log`, `set`, `queue` at line 1 column 29"#
        ]],
    );
    let header = "{\"history\":2,\"object\":\"set\"}\n";
    check_lines(
        &format!(
            "{header}\n{{\"index\":0,\"time\":0,\"process\":0,\"phase\":\"ok\",\"f\":\"push\"}}"
        ),
        expect![
            "line 3: unknown variant `push`, expected one of `get`, `read`, `read-prefix`, `put`, `write`, `cas`, `append`, `add`, `remove`, `contains`, `enqueue`, `dequeue` at line 1 column 55"
        ],
    );
    check_lines(
        &format!(
            "{header}{{\"index\":0,\"time\":0,\"process\":0,\"phase\":\"ok\",\"f\":\"add\",\"value\":1.5}}"
        ),
        expect![
            "line 2: data did not match any variant of untagged enum Datum at line 1 column 67"
        ],
    );
}

fn datum() -> impl Strategy<Value = Datum> {
    let leaf = prop_oneof![
        Just(Datum::Nil),
        any::<bool>().prop_map(Datum::Bool),
        any::<i64>().prop_map(Datum::Int),
        (1_u64 << 63..).prop_map(Datum::Large),
        any::<String>().prop_map(Datum::Text),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Datum::List))
}

fn history() -> impl Strategy<Value = ObjectHistory> {
    let phase = prop::sample::select(vec![Phase::Invoke, Phase::Ok, Phase::Fail, Phase::Info]);
    let function = prop::sample::select(Function::ALL.to_vec());
    let key = prop::option::of(any::<String>());
    let event = (any::<u64>(), any::<u64>(), phase, key, function, datum());
    let object = prop::sample::select(Object::ALL.to_vec());
    (object, prop::collection::vec(event, 0..12)).prop_map(|(object, events)| {
        let events = events.into_iter().zip(0..).map(|(event, index)| {
            let (time, process, phase, key, function, value) = event;
            Event { line: index + 2, index, time, process, phase, key, function, value }
        });
        ObjectHistory { object, events: events.collect(), skipped: 0 }
    })
}

proptest! {
    #[test]
    fn lines_read_as_they_were_written(history in history()) {
        let mut file = Vec::new();
        write_lines(&history, &mut file).unwrap();
        prop_assert_eq!(read_lines(&file[..]).unwrap(), history);
    }

    #[test]
    fn no_damage_makes_a_reader_panic(
        history in history(),
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut file = Vec::new();
        write_lines(&history, &mut file).unwrap();
        for (at, byte) in flips {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(cut.index(file.len()));
        read_lines(&file[..]).ok();
        read_edn(&file[..], None).ok();
    }
}
