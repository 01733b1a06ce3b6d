//! Garbage in: whatever a history holds, the checker answers, and does not panic.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::checker::linearizable::log::{LogContract, check_history};
use crate::checker::log::{Contract, Duplicates, Guarantee, Unexplained, check};
use crate::history::{Action, History, Key, Operation, Phase, Promise};
use crate::verdict::Verdict;

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![Just(Key::from("a")), Just(Key::from("b"))]
}

fn offset() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0..8_i64,
        1 => Just(i64::MAX),
        1 => Just(i64::MAX - 1),
        1 => Just(i64::MIN),
        1 => Just(-1_i64),
    ]
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..12_u64, 1 => Just(u64::MAX)]
}

fn promise() -> impl Strategy<Value = Promise> {
    proptest::sample::select(&Promise::ALL[..])
}

/// A send or a poll.
fn part() -> impl Strategy<Value = Action> {
    let offsets = vec(proptest::option::of(offset()), 0..4);
    let send = (key(), vec(value(), 0..3), offsets, promise(), any::<(bool, bool)>()).prop_map(
        |(key, values, offsets, promise, (idempotent, retried))| Action::Send {
            key,
            values,
            offsets,
            promise,
            idempotent,
            retried,
        },
    );
    let records = btree_map(key(), vec((offset(), value()), 0..5), 0..3);
    let rebalanced = vec(key(), 0..2);
    let poll = ("n[12]", records, any::<bool>(), rebalanced).prop_map(
        |(source, records, last, rebalanced)| Action::Poll { source, records, last, rebalanced },
    );
    prop_oneof![4 => send, 5 => poll]
}

/// A history made by hand may even put together what no file may.
fn action(foreign: bool) -> impl Strategy<Value = Action> {
    let assign = btree_map(key(), offset(), 0..3).prop_map(|positions: BTreeMap<Key, i64>| {
        Action::Assign { positions, source: "n1".to_owned() }
    });
    let latest = (key(), proptest::option::of(offset()), proptest::option::of(0..3))
        .prop_map(|(key, end_offset, epoch)| Action::Latest { key, end_offset, epoch });
    let subscribe = vec(key(), 0..3).prop_map(|keys| Action::Subscribe { keys });
    let single = prop_oneof![1 => assign, 1 => latest, 1 => subscribe].boxed();
    let nested = if foreign { single.clone() } else { part().boxed() };
    let several = vec(prop_oneof![20 => part(), 1 => nested], 0..5).prop_map(Action::several);
    prop_oneof![8 => part(), 3 => single, 4 => several]
}

fn phase() -> impl Strategy<Value = Phase> {
    prop_oneof![
        4 => Just(Phase::Invoke),
        4 => Just(Phase::Ok),
        1 => Just(Phase::Fail),
        1 => Just(Phase::Info),
    ]
}

fn operation(foreign: bool) -> impl Strategy<Value = Operation> {
    (any::<u64>(), any::<u64>(), 0..4_u64, phase(), action(foreign)).prop_map(
        |(index, time, process, phase, action)| Operation {
            index,
            time,
            process,
            phase,
            action,
            error: None,
        },
    )
}

fn contract() -> impl Strategy<Value = Contract> {
    let guarantee = || {
        prop_oneof![
            2 => Just(Guarantee::Kept),
            1 => Just(Guarantee::LossExplained),
            1 => Just(Guarantee::LossCounted),
        ]
    };
    let guarantees = (guarantee(), guarantee(), guarantee(), guarantee());
    let duplicates = prop_oneof![Just(Duplicates::Never), Just(Duplicates::IfRetried)];
    (guarantees, duplicates, any::<(bool, bool)>()).prop_map(|(guarantees, duplicates, flags)| {
        let (durable, volatile, fire_and_forget, reads) = guarantees;
        let (atomic_sends, replicas_converge) = flags;
        Contract {
            durable,
            volatile,
            fire_and_forget,
            reads,
            duplicates,
            atomic_sends,
            replicas_converge,
        }
    })
}

/// The action as it is asked.
fn unlearn(action: &mut Action) {
    match action {
        Action::Send { offsets, .. } => offsets.clear(),
        Action::Several { actions } => actions.iter_mut().for_each(unlearn),
        Action::Poll { .. }
        | Action::Assign { .. }
        | Action::Subscribe { .. }
        | Action::Latest { .. } => {}
    }
}

/// Turns pairs of operations into proper calls, so that garbage gets past the pairing.
fn joined(mut operations: Vec<Operation>) -> Vec<Operation> {
    for at in (1..operations.len()).step_by(2) {
        let (process, mut action) = (operations[at].process, operations[at].action.clone());
        unlearn(&mut action);
        let first = &mut operations[at - 1];
        (first.process, first.phase, first.action) = (process, Phase::Invoke, action);
        if operations[at].phase == Phase::Invoke {
            operations[at].phase = Phase::Ok;
        }
    }
    operations
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_history_gets_a_verdict(
        operations in vec(operation(true), 0..40),
        contract in contract(),
        calls in any::<bool>(),
    ) {
        let operations = if calls { joined(operations) } else { operations };
        let history = History::from(operations);
        let judged = check(&history, &contract, &Unexplained);
        if let Verdict::Invalid(anomalies) = &judged.verdict {
            prop_assert!(!anomalies.is_empty());
            for anomaly in anomalies {
                let told = judged.counts.anomalies.get(&anomaly.kind);
                prop_assert_eq!(told, Some(&anomaly.total));
                for index in &anomaly.operations {
                    prop_assert!(history.operations().iter().any(|o| o.index == *index));
                }
            }
        }
        for toll in judged.losses.by_promise.values() {
            prop_assert!(toll.lost <= toll.acknowledged);
            prop_assert_eq!(toll.lost, toll.explained + toll.unexplained);
        }
        prop_assert_eq!(&check(&history, &contract, &Unexplained), &judged);
        // The other checker of logs answers as well.
        let contract = LogContract::replicated(&contract);
        for anomaly in check_history(&history, &contract).verdict.anomalies() {
            for index in &anomaly.operations {
                prop_assert!(history.operations().iter().any(|o| o.index == *index));
            }
        }
    }

    #[test]
    fn any_history_survives_its_file(operations in vec(operation(false), 0..20)) {
        let mut operations = operations;
        operations.sort_by_key(|operation| operation.index);
        operations.dedup_by_key(|operation| operation.index);
        let history = History::from(operations);
        let mut file = Vec::new();
        history.write(&mut file).unwrap();
        let read = History::read(&file[..]).unwrap();
        prop_assert_eq!(read.digest(), history.digest());
        prop_assert_eq!(read, history);
    }

    #[test]
    fn a_cut_or_scribbled_file_is_refused_or_read(
        operations in vec(operation(false), 1..6),
        at in any::<prop::sample::Index>(),
        byte in proptest::option::of(any::<u8>()),
    ) {
        let mut file = Vec::new();
        History::from(operations).write(&mut file).unwrap();
        let at = at.index(file.len());
        match byte {
            None => file.truncate(at),
            Some(byte) => file[at] = byte,
        }
        if let Err(error) = History::read(&file[..]) {
            prop_assert!(error.to_string().starts_with("line "));
        }
    }
}
