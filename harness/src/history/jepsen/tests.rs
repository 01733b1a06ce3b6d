//! What Jepsen's Kafka histories become, what is refused, and that nothing is lost on the way.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::checker::log::{Contract, Guarantee, Unexplained, check as judge};
use crate::history::{Action, Key, Operation, Phase};

fn told(text: &str, assumptions: Assumptions) -> String {
    let Imported { history, skipped } = match read(text.as_bytes(), &assumptions) {
        Ok(imported) => imported,
        Err(error) => return format!("error: {error}"),
    };
    let mut told = String::new();
    for operation in history.operations() {
        told += &format!("{operation}\n");
    }
    told + &format!("{skipped:?}")
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&told(text, Assumptions::cautious()));
}

const SEND: &str = "{:index 0, :time 3200000, :type :invoke, :process 0, :f :send, :value [[:send 7 1]]}\n\
    {:index 1, :time 9100999, :type :ok, :process 0, :f :send, :value [[:send 7 [0 1]]]}\n";

#[test]
fn sends_polls_and_assignments_are_read() {
    check(
        &format!(
            "{SEND}#jepsen.history.Op{{:index 2, :time 0, :type :info, :process :nemesis, :f :kill, :value #{{\"n1\"}}}}\n\
             {{:index 4, :type :invoke, :process 1, :f :assign, :value [7 8], :seek-to-beginning? true}}\n\
             {{:index 5, :type :ok, :process 1, :f :assign, :value [7 8], :seek-to-beginning? true}}\n\
             {{:index 6, :type :invoke, :process 1, :f :poll, :value [[:poll]], :poll-ms 1000}}\n\
             {{:index 7, :type :ok, :process 1, :f :poll, :value [[:poll {{7 [[0 1] [1 2]]}}]], :rebalance-log [{{:keys [7 8]}}]}}\n\
             {{:index 8, :type :invoke, :process 1, :f :assign, :value (7)}}\n\
             {{:index 9, :type :ok, :process 1, :f :assign, :value (7)}}\n\
             {{:index 10, :type :invoke, :process 1, :f :crash, :value nil}}\n\
             {{:index 11, :type :info, :process 1, :f :crash, :value nil}}\n\
             {{:index 12, :type :invoke, :process 9, :f :subscribe, :value [7]}}\n\
             {{:index 13, :type :info, :process 9, :f :subscribe, :value [7], :error [:timeout {{:a 1}}]}}\n"
        ),
        expect![[r#"
                 0.003s  op 0      process 0    asks     send [1] to 7 (Durable)
                 0.009s  op 1      process 0    ok       send [1] to 7 (Durable) at [0]
                 0.000s  op 4      process 1    asks     assign unknown 7 from 0 8 from 0
                 0.000s  op 5      process 1    ok       assign unknown 7 from 0 8 from 0
                 0.000s  op 6      process 1    asks     poll unknown
                 0.000s  op 7      process 1    ok       poll unknown 7: 0=1 1=2, 7 was rebalanced, 8 was rebalanced
                 0.000s  op 8      process 1    asks     assign unknown 7 from 2
                 0.000s  op 9      process 1    ok       assign unknown 7 from 2
                 0.000s  op 12     process 9    asks     subscribe 7
                 0.000s  op 13     process 9    unknown  subscribe 7 ([:timeout {:a 1}])
            Skipped { nemesis: 1, others: {"crash": 2} }"#]],
    );
}

#[test]
fn transactions_are_one_call() {
    check(
        "[{:type :invoke, :process 0, :f :txn, :value [[:send :x 1] [:send :x 2] [:poll] [:send \"y\" 3]]}\n\
         {:type :info, :process 0, :f :txn, :value [[:send :x [4 1]] [:send :x 2] [:poll {:x []}] [:send \"y\" [nil 3]]]}\n\
         {:type :invoke, :process 1, :f :poll, :value [[:poll]]}\n\
         {:type :fail, :process 1, :f :poll, :value nil, :error \"closed\"}]",
        expect![[r#"
                 0.000s  op 0      process 0    asks     together: send [1, 2] to :x (Durable), then poll unknown, then send [3] to y (Durable)
                 0.000s  op 1      process 0    unknown  together: send [1, 2] to :x (Durable) at [4], then poll unknown :x:, then send [3] to y (Durable)
                 0.000s  op 2      process 1    asks     poll unknown
                 0.000s  op 3      process 1    failed   poll unknown (closed)
            Skipped { nemesis: 0, others: {} }"#]],
    );
}

#[test]
fn what_cannot_be_said_in_our_words_is_refused_with_its_line() {
    let operation =
        |f: &str, value: &str| format!("\n{{:type :invoke, :process 0, :f :{f}, :value {value}}}");
    let check = |f: &str, value: &str, expected: Expect| check(&operation(f, value), expected);
    check(
        "send",
        "[[:send 1 \"a\"]]",
        expect![[r#"error: line 2: value "a" is no whole number from 0 to 2^64-1"#]],
    );
    check(
        "send",
        "[[:send 1 nil]]",
        expect!["error: line 2: value nil is no whole number from 0 to 2^64-1"],
    );
    check(
        "send",
        "[[:send 1 -4]]",
        expect!["error: line 2: value -4 is no whole number from 0 to 2^64-1"],
    );
    check("send", "[[:send 1 [0 1 2]]]", expect!["error: line 2: [0 1 2] is no offset and value"]);
    check(
        "send",
        "[[:send [1] 2]]",
        expect!["error: line 2: [1] is no key: a number, a text or a keyword"],
    );
    check(
        "send",
        "[[:send 1 1] [:send \"1\" 2]]",
        expect![[r#"error: line 2: "1" and 1 would be the same key"#]],
    );
    check(
        "txn",
        "[[:append 1 2]]",
        expect!["error: line 2: [:append 1 2] is neither a send nor a poll"],
    );
    check("txn", "nil", expect!["error: line 2: :value nil is no list of parts"]);
    check(
        "poll",
        "[[:poll {1 [[nil 2]]}]]",
        expect!["error: line 2: a record of 1 was read at no offset"],
    );
    check("poll", "[[:poll {1 [7]}]]", expect!["error: line 2: 7 is no offset and value"]);
    check("poll", "[[:poll {1 [], 1 []}]]", expect!["error: line 2: a poll returned 1 twice"]);
    check("assign", "7", expect!["error: line 2: 7 is no list of keys"]);
    expect!["error: line 1: 7 is no operation with a :type"]
        .assert_eq(&told("7", Assumptions::cautious()));
    expect!["error: line 3: operation 0 follows operation 1"]
        .assert_eq(&told(&format!("{SEND}{SEND}"), Assumptions::cautious()));
    let acks = "{:type :ok, :process 0, :f :send, :value [[:send 1 1]], :acks 2}";
    expect!["error: line 1: :acks 2 is none of :all, 1 and 0"]
        .assert_eq(&told(acks, Assumptions::cautious()));
}

/// Kinds of anomalies, or the verdict where there are none.
fn verdict(text: &str, assumptions: Assumptions) -> String {
    let imported = read(text.as_bytes(), &assumptions).unwrap();
    let mut contract = Contract::replicated();
    (contract.volatile, contract.fire_and_forget) =
        (Guarantee::LossCounted, Guarantee::LossCounted);
    let verdict = judge(&imported.history, &contract, &Unexplained).verdict;
    let kinds: Vec<_> = verdict.anomalies().iter().map(|anomaly| anomaly.kind.name()).collect();
    if kinds.is_empty() { verdict.to_string() } else { kinds.join(" ") }
}

fn script(lines: &[(&str, u64, &str, &str)]) -> String {
    let line = |(kind, process, f, value): &(&str, u64, &str, &str)| {
        format!("{{:type :{kind}, :process {process}, :f :{f}, :value {value}}}\n")
    };
    lines.iter().map(line).collect()
}

#[test]
fn without_final_polls_late_is_not_lost() {
    let start = [
        ("invoke", 0, "send", "[[:send 7 1] [:send 7 2]]"),
        ("ok", 0, "send", "[[:send 7 [0 1]] [:send 7 [3 2]]]"),
    ];
    let end = [
        ("invoke", 1, "assign", "[7], :seek-to-beginning? true"),
        ("ok", 1, "assign", "[7], :seek-to-beginning? true"),
        ("invoke", 1, "poll", "[[:poll]]"),
        ("ok", 1, "poll", "[[:poll {7 [[0 1]]}]]"),
    ];
    let last = [("invoke", 1, "poll", "[[:poll]]"), ("ok", 1, "poll", "[[:poll {7 [[3 2]]}]]")];
    let late = script(&start) + &script(&end);
    let cautious = Assumptions::cautious();
    let with_final_polls = Assumptions { final_polls: true, ..cautious };
    expect!["unknown: 1 of the acknowledged values of 7 were never read, and no final read tells late from lost"]
        .assert_eq(&verdict(&late, cautious));
    // The reader did not get to offset 3, so it proves nothing even if one believes in its polls.
    assert_eq!(verdict(&late, with_final_polls), verdict(&late, cautious));
    let whole = late + &script(&last);
    assert_eq!(verdict(&whole, cautious), "valid");
    assert_eq!(verdict(&whole, with_final_polls), "valid");
}

#[test]
fn final_polls_turn_late_into_lost() {
    let text = script(&[
        ("invoke", 0, "send", "[[:send 7 1]]"),
        ("ok", 0, "send", "[[:send 7 1]]"),
        ("invoke", 0, "send", "[[:send 7 2]]"),
        ("ok", 0, "send", "[[:send 7 [3 2]]]"),
        ("invoke", 1, "assign", "[7], :seek-to-beginning? true"),
        ("ok", 1, "assign", "[7], :seek-to-beginning? true"),
        ("invoke", 0, "send", "[[:send 7 5]]"),
        ("ok", 0, "send", "[[:send 7 5]]"),
        ("invoke", 1, "poll", "[[:poll]]"),
        ("ok", 1, "poll", "[[:poll {7 [[3 2]]}]]"),
    ]);
    let cautious = Assumptions::cautious();
    expect!["unknown: 2 of the acknowledged values of 7 were never read, and no final read tells late from lost"]
        .assert_eq(&verdict(&text, cautious));
    // Value 5 was sent after the final polls had begun, so it may well be late.
    let with_final_polls = Assumptions { final_polls: true, ..cautious };
    let imported = read(text.as_bytes(), &with_final_polls).unwrap();
    let verdict_of_all = judge(&imported.history, &Contract::replicated(), &Unexplained).verdict;
    expect![[r#"
        invalid
          unseen: durable value 1, sent to 7, is in none of the final reads [1, 9]"#]]
    .assert_eq(&verdict_of_all.to_string());
}

#[test]
fn a_final_poll_that_failed_proves_nothing_behind_it() {
    let text = script(&[
        ("invoke", 0, "send", "[[:send 7 1] [:send 7 2]]"),
        ("ok", 0, "send", "[[:send 7 [0 1]] [:send 7 [1 2]]]"),
        ("invoke", 1, "assign", "[7], :seek-to-beginning? true"),
        ("ok", 1, "assign", "[7], :seek-to-beginning? true"),
        ("invoke", 1, "poll", "[[:poll]]"),
        ("fail", 1, "poll", "[[:poll]]"),
        ("invoke", 2, "poll", "[[:poll]]"),
        ("ok", 2, "poll", "[[:poll {7 [[1 2]]}]]"),
    ]);
    let with_final_polls = Assumptions { final_polls: true, ..Assumptions::cautious() };
    let late = verdict(&text, with_final_polls);
    assert!(late.starts_with("unknown: 1 of the acknowledged values of 7"), "{late}");
}

#[test]
fn assumptions_decide_what_a_duplicate_and_a_loss_are() {
    let duplicate = script(&[
        ("invoke", 0, "send", "[[:send 7 1]]"),
        ("ok", 0, "send", "[[:send 7 [0 1]]]"),
        ("invoke", 1, "poll", "[[:poll]]"),
        ("ok", 1, "poll", "[[:poll {7 [[0 1] [1 1]]}]]"),
    ]);
    let cautious = Assumptions::cautious();
    assert_eq!(verdict(&duplicate, cautious), "valid");
    assert_eq!(verdict(&duplicate, Assumptions { idempotent: true, ..cautious }), "duplicate");
    assert_eq!(verdict(&duplicate, Assumptions { retried: false, ..cautious }), "duplicate");
    let lost = script(&[
        ("invoke", 0, "send", "[[:send 7 1] [:send 7 2]]"),
        ("ok", 0, "send", "[[:send 7 [0 1]] [:send 7 [1 2]]]"),
        ("invoke", 1, "assign", "[7], :seek-to-beginning? true"),
        ("ok", 1, "assign", "[7], :seek-to-beginning? true"),
        ("invoke", 1, "poll", "[[:poll]]"),
        ("ok", 1, "poll", "[[:poll {7 [[1 2]]}]]"),
    ]);
    assert_eq!(verdict(&lost, cautious), "lost-write");
    assert_eq!(verdict(&lost, Assumptions { promise: Promise::Volatile, ..cautious }), "valid");
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof!["[a-z]{1,3}-[0-9]", "-?[0-9]{1,3}", ":?[a-z\"\\\\]{1,3}", any::<String>()]
        .prop_map(Key::from)
}

fn send(of: (Promise, bool, bool)) -> impl Strategy<Value = Action> {
    let values = prop::collection::vec(any::<u64>(), 1..4);
    let (promise, idempotent, retried) = of;
    (key(), values, any::<bool>(), any::<Option<i64>>()).prop_map(
        move |(key, values, told, offset)| {
            let offsets = if told { vec![offset; values.len()] } else { Vec::new() };
            Action::Send { key, values, offsets, promise, idempotent, retried }
        },
    )
}

fn poll((source, last, rebalanced): (String, bool, Vec<Key>)) -> impl Strategy<Value = Action> {
    let records = prop::collection::vec(any::<(i64, u64)>(), 0..4);
    prop::collection::btree_map(key(), records, 0..3).prop_map(move |records| {
        let (source, rebalanced) = (source.clone(), rebalanced.clone());
        Action::Poll { source, records, last, rebalanced }
    })
}

/// Whether EDN tells these parts apart.
fn apart(parts: &[Action]) -> bool {
    let key = |action: &Action| {
        if let Action::Send { key, .. } = action { Some(key.clone()) } else { None }
    };
    parts.len() != 1
        && parts.windows(2).all(|pair| key(&pair[0]).is_none() || key(&pair[0]) != key(&pair[1]))
}

fn action() -> impl Strategy<Value = Action> {
    let promise = prop::sample::select(Promise::ALL.to_vec());
    let of_sends = (promise, any::<bool>(), any::<bool>());
    let of_polls = ("[a-z]{0,3}", any::<bool>(), prop::collection::vec(key(), 0..2));
    let keys = prop::collection::vec(key(), 0..3);
    let positions = prop::collection::btree_map(key(), any::<i64>(), 0..3);
    prop_oneof![
        (of_sends, of_polls).prop_flat_map(|(of_sends, of_polls)| {
            let (sends, polls) = (send(of_sends), poll(of_polls));
            let part = prop_oneof![sends, polls].boxed();
            let parts = prop::collection::vec(part.clone(), 0..4);
            let several = parts.prop_filter("EDN tells them apart", |parts| apart(parts));
            prop_oneof![part, several.prop_map(Action::several)]
        }),
        (positions, any::<String>())
            .prop_map(|(positions, source)| Action::Assign { positions, source }),
        keys.prop_map(|keys| Action::Subscribe { keys }),
        (key(), any::<Option<i64>>(), any::<Option<i32>>())
            .prop_map(|(key, end_offset, epoch)| Action::Latest { key, end_offset, epoch }),
    ]
}

fn history() -> impl Strategy<Value = History> {
    let phase = prop::sample::select(vec![Phase::Invoke, Phase::Ok, Phase::Fail, Phase::Info]);
    let operation =
        (1_u64..1 << 60, any::<u64>(), any::<u64>(), phase, action(), any::<Option<String>>());
    prop::collection::vec(operation, 0..8).prop_map(|operations| {
        let mut index = 0;
        let operations =
            operations.into_iter().map(|(step, time, process, phase, action, error)| {
                index += step;
                Operation { index, time, process, phase, action, error }
            });
        operations.collect()
    })
}

proptest! {
    #[test]
    fn a_history_comes_back_as_it_went(history in history()) {
        let mut file = Vec::new();
        write(&history, &mut file).unwrap();
        prop_assert_eq!(file.iter().filter(|byte| **byte == b'\n').count(), history.len());
        let read = read(&file[..], &Assumptions::cautious()).unwrap();
        prop_assert_eq!(&read.history, &history);
        prop_assert_eq!(read.skipped, Skipped::default());
    }

    #[test]
    fn no_damage_makes_it_panic(
        history in history(),
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        final_polls in any::<bool>(),
    ) {
        let mut file = Vec::new();
        write(&history, &mut file).unwrap();
        file.push(b'\n');
        for (at, byte) in flips {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(cut.index(file.len()));
        read(&file[..], &Assumptions { final_polls, ..Assumptions::cautious() }).ok();
    }
}
