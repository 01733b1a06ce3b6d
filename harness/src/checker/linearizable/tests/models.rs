//! For each model: a story that is legal, one that is legal and looks wrong, and one that is not.

use super::super::models::key_value::{self, Command, KeyValue};
use super::super::models::log::{self, AppendLog};
use super::super::models::queue::{self, Queue};
use super::super::models::register::{self, Register};
use super::super::models::set::{self, Set};
use super::super::{Budget, Model, check, wgl};
use super::{Timed, crashed, list, ok};

fn is_linearizable<M: Model>(model: &M, calls: Vec<Timed<M::Input, M::Output>>) -> bool {
    let calls = list(calls);
    let judged = check(model, &calls, &Budget::steps(10_000)).is_linearizable();
    let reference = wgl::check(model, &calls, &Budget::steps(10_000)).is_linearizable();
    assert_eq!(judged, reference);
    judged
}

#[test]
fn registers() {
    use register::Input::{CompareAndSet, Read, Write};
    use register::Output::{Matched, Value, Written};
    let good = |calls| assert!(is_linearizable(&Register::new(), calls));
    let bad = |calls| assert!(!is_linearizable(&Register::new(), calls));
    let swap = |expected, new| CompareAndSet { expected, new };

    good(vec![
        ok(0, 1, Read, Value(None)),
        ok(2, 3, Write(1), Written),
        ok(4, 5, Read, Value(Some(1))),
    ]);
    // Looks wrong: two readers see the writes in an order that neither writer's return suggests.
    good(vec![
        ok(0, 9, Write(1), Written),
        ok(1, 3, Write(2), Written),
        ok(4, 5, Read, Value(Some(2))),
        ok(6, 7, Read, Value(Some(1))),
    ]);
    // Looks wrong: a write that timed out shows up after another one was read.
    good(vec![
        crashed(0, Write(1)),
        ok(1, 2, Write(2), Written),
        ok(3, 4, Read, Value(Some(2))),
        ok(5, 6, Read, Value(Some(1))),
    ]);
    // But only once.
    bad(vec![
        crashed(0, Write(1)),
        ok(1, 2, Read, Value(Some(1))),
        ok(3, 4, Write(2), Written),
        ok(5, 6, Read, Value(Some(1))),
    ]);
    // A stale read.
    bad(vec![
        ok(0, 1, Write(1), Written),
        ok(2, 3, Write(2), Written),
        ok(4, 5, Read, Value(Some(1))),
    ]);
    // A lost update: both of two compare-and-sets from the same value matched.
    bad(vec![
        ok(0, 1, Write(1), Written),
        ok(2, 5, swap(1, 2), Matched(true)),
        ok(3, 6, swap(1, 3), Matched(true)),
    ]);
    good(vec![
        ok(0, 1, Write(1), Written),
        ok(2, 5, swap(1, 2), Matched(true)),
        ok(3, 6, swap(1, 3), Matched(false)),
    ]);
    // It would have matched.
    bad(vec![ok(0, 1, Write(1), Written), ok(2, 3, swap(1, 2), Matched(false))]);
    // A register that holds nothing never matches.
    bad(vec![ok(0, 1, swap(0, 2), Matched(true))]);
    // An answer to something else.
    bad(vec![ok(0, 1, Read, Written)]);
    assert!(is_linearizable(&Register { initial: Some(4) }, vec![ok(0, 1, Read, Value(Some(4)))]));
}

#[test]
fn key_value_stores() {
    let get = |key: &str| key_value::Input { key: key.to_owned(), command: Command::Get };
    let put = |key: &str, text: &str| key_value::Input {
        key: key.to_owned(),
        command: Command::Put(text.to_owned()),
    };
    let append = |key: &str, text: &str| key_value::Input {
        key: key.to_owned(),
        command: Command::Append(text.to_owned()),
    };
    let text = |text: &str| key_value::Output::Text(text.to_owned());
    let done = || key_value::Output::Done;
    let judge = |calls: Vec<Timed<_, _>>| {
        let model = KeyValue;
        is_linearizable(&model, calls)
    };

    assert!(judge(vec![
        ok(0, 1, get("a"), text("")),
        ok(2, 3, put("a", "x"), done()),
        ok(4, 5, append("a", "y"), done()),
        ok(6, 7, get("a"), text("xy")),
    ]));
    // Looks wrong: appends in the other order than they were called, and nothing of b in a.
    assert!(judge(vec![
        ok(0, 5, append("a", "x"), done()),
        ok(1, 6, append("a", "y"), done()),
        ok(2, 3, put("b", "z"), done()),
        ok(7, 8, get("a"), text("yx")),
    ]));
    // One append twice.
    assert!(!judge(vec![ok(0, 1, append("a", "x"), done()), ok(2, 3, get("a"), text("xx"))]));
    // An append that nobody sees.
    assert!(!judge(vec![ok(0, 1, append("a", "x"), done()), ok(2, 3, get("a"), text(""))]));
    // What was got, then gone; a put in between makes that right.
    let gone = |put_again: Vec<Timed<_, _>>| {
        let mut calls = vec![
            ok(0, 1, append("a", "xy"), done()),
            ok(2, 3, get("a"), text("xy")),
            ok(6, 7, get("a"), text("x")),
        ];
        calls.extend(put_again);
        judge(calls)
    };
    assert!(!gone(vec![]));
    assert!(gone(vec![ok(4, 5, put("a", "x"), done())]));
    assert!(gone(vec![crashed(0, put("a", "x"))]));
}

#[test]
fn texts_are_the_same_however_they_came_about() {
    let model = KeyValue;
    let command = |command| key_value::Input { key: String::new(), command };
    let step = |state: &_, what| model.step(state, &command(what), None).unwrap();
    let put = step(&model.initial(), Command::Put("abc".to_owned()));
    let ab = step(&model.initial(), Command::Append("ab".to_owned()));
    let appended = step(&ab, Command::Append("c".to_owned()));
    assert_eq!(put, appended);
    assert_ne!(put, ab);
}

#[test]
fn logs() {
    use log::Input::{Append, Read, ReadTail};
    use log::Output::{Appended, AppendedAt, Values};
    let good = |calls| assert!(is_linearizable(&AppendLog, calls));
    let bad = |calls| assert!(!is_linearizable(&AppendLog, calls));

    good(vec![
        ok(0, 1, Append(vec![7, 8]), AppendedAt(0)),
        ok(2, 3, Append(vec![9]), AppendedAt(2)),
        ok(4, 5, Read { from: 1 }, Values(vec![8, 9])),
        ok(6, 7, ReadTail { from: 3 }, Values(vec![])),
    ]);
    // Looks wrong: a reader that is behind sees less than another one before.
    good(vec![
        ok(0, 1, Append(vec![7]), AppendedAt(0)),
        ok(2, 3, Read { from: 0 }, Values(vec![7])),
        ok(4, 5, Read { from: 0 }, Values(vec![])),
    ]);
    // For a read of the tail, that is an anomaly.
    bad(vec![
        ok(0, 1, Append(vec![7]), AppendedAt(0)),
        ok(4, 5, ReadTail { from: 0 }, Values(vec![])),
    ]);
    // Looks wrong: the offsets are in the other order than the calls.
    good(vec![
        ok(0, 9, Append(vec![7]), AppendedAt(1)),
        ok(1, 8, Append(vec![8]), AppendedAt(0)),
        crashed(2, Append(vec![9])),
        ok(10, 11, ReadTail { from: 0 }, Values(vec![8, 7, 9])),
    ]);
    // One offset for two.
    bad(vec![ok(0, 9, Append(vec![7]), AppendedAt(0)), ok(1, 8, Append(vec![8]), AppendedAt(0))]);
    // What was read is replaced.
    bad(vec![
        crashed(0, Append(vec![7])),
        ok(1, 2, Read { from: 0 }, Values(vec![7])),
        ok(3, 4, Append(vec![8]), AppendedAt(0)),
    ]);
    // Torn: half of a batch.
    bad(vec![
        ok(0, 1, Append(vec![7, 8]), Appended),
        ok(2, 3, ReadTail { from: 0 }, Values(vec![7])),
    ]);
    // Beyond the end there is nothing to say, not even nothing.
    bad(vec![ok(0, 1, Read { from: u64::MAX }, Values(vec![1]))]);
    bad(vec![ok(0, 1, Read { from: 1 }, Values(vec![]))]);
}

#[test]
fn sets() {
    use set::Input::{Add, Contains, Read, Remove};
    use set::Output::{Done, Members, WasIn};
    let good = |calls| assert!(is_linearizable(&Set, calls));
    let bad = |calls| assert!(!is_linearizable(&Set, calls));

    good(vec![
        ok(0, 1, Add(1), WasIn(false)),
        ok(2, 3, Add(1), WasIn(true)),
        ok(4, 5, Remove(1), Done),
        ok(6, 7, Contains(1), WasIn(false)),
    ]);
    // Looks wrong: both adders are told that it was not in it, since a remove came between.
    good(vec![
        ok(0, 9, Add(1), WasIn(false)),
        ok(1, 8, Add(1), WasIn(false)),
        ok(2, 7, Remove(1), WasIn(true)),
        ok(10, 11, Read, Members([1].into())),
    ]);
    bad(vec![ok(0, 9, Add(1), WasIn(false)), ok(1, 8, Add(1), WasIn(false))]);
    // An element that was acknowledged and is not there.
    bad(vec![ok(0, 1, Add(1), Done), ok(2, 3, Add(2), Done), ok(4, 5, Read, Members([2].into()))]);
    // One that was removed comes back.
    bad(vec![
        ok(0, 1, Add(1), Done),
        ok(2, 3, Remove(1), Done),
        ok(4, 5, Read, Members([].into())),
        ok(6, 7, Contains(1), WasIn(true)),
    ]);
}

#[test]
fn queues() {
    use queue::Input::{Dequeue, Enqueue};
    use queue::Output::{Done, Taken};
    let good = |calls| assert!(is_linearizable(&Queue, calls));
    let bad = |calls| assert!(!is_linearizable(&Queue, calls));

    good(vec![
        ok(0, 1, Enqueue(1), Done),
        ok(2, 3, Enqueue(2), Done),
        ok(4, 5, Dequeue, Taken(Some(1))),
        ok(6, 7, Dequeue, Taken(Some(2))),
        ok(8, 9, Dequeue, Taken(None)),
    ]);
    // Looks wrong: the first is gone, because somebody took it who never said so.
    good(vec![
        ok(0, 1, Enqueue(1), Done),
        ok(2, 3, Enqueue(2), Done),
        crashed(4, Dequeue),
        ok(5, 6, Dequeue, Taken(Some(2))),
    ]);
    // Out of order.
    bad(vec![
        ok(0, 1, Enqueue(1), Done),
        ok(2, 3, Enqueue(2), Done),
        ok(4, 5, Dequeue, Taken(Some(2))),
    ]);
    // Taken twice.
    bad(vec![
        ok(0, 1, Enqueue(1), Done),
        ok(2, 5, Dequeue, Taken(Some(1))),
        ok(3, 4, Dequeue, Taken(Some(1))),
    ]);
    // Not empty.
    bad(vec![ok(0, 1, Enqueue(1), Done), ok(2, 3, Dequeue, Taken(None))]);
}
