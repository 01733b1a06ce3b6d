//! Recorded histories: what a send, a poll and a question for the end claim under which contract.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use crate::checker::linearizable::log::{
    Counts, EndOffsets, Judged, LogContract, Options, check_history,
};
use crate::checker::log::{Contract, Duplicates, Guarantee};
use crate::history::{Action, History, Key, Operation, Phase, Promise};

/// A history of `orders-0` in the making.
#[derive(Default)]
struct Tape {
    operations: Vec<Operation>,
}

impl Tape {
    fn write(mut self, process: u64, phase: Phase, action: Action) -> Self {
        // Indices need not be positions.
        let index = 100 + u64::try_from(self.operations.len()).unwrap();
        let operation = Operation { index, time: 0, process, phase, action, error: None };
        self.operations.push(operation);
        self
    }

    fn call(self, process: u64, phase: Phase, asked: Action, learned: Action) -> Self {
        self.write(process, Phase::Invoke, asked).write(process, phase, learned)
    }

    fn send(self, promise: Promise, values: &[u64], landed: &[i64]) -> Self {
        self.sent(promise, (values, landed), (Phase::Ok, false))
    }

    fn sent(
        self,
        promise: Promise,
        (values, landed): (&[u64], &[i64]),
        (phase, retried): (Phase, bool),
    ) -> Self {
        let asked = Action::send("orders-0", values.to_vec(), promise, false);
        let landed = landed.iter().map(|offset| Some(*offset)).collect();
        self.call(1, phase, asked.clone(), asked.sent(landed, retried))
    }

    fn poll(self, phase: Phase, records: &[(i64, u64)]) -> Self {
        let read = BTreeMap::from([(Key::from("orders-0"), records.to_vec())]);
        self.call(2, phase, Action::poll("n1"), Action::poll("n1").polled(read))
    }

    fn finally(self, records: &[(i64, u64)]) -> Self {
        let read = BTreeMap::from([(Key::from("orders-0"), records.to_vec())]);
        self.call(3, Phase::Ok, Action::last_poll("n1"), Action::last_poll("n1").polled(read))
    }

    fn end(self, offset: i64) -> Self {
        let asked = Action::latest("orders-0");
        self.call(4, Phase::Ok, asked.clone(), asked.answered(offset, 0))
    }

    fn judged(self, change: impl FnOnce(&mut Contract)) -> Judged {
        let mut promises = Contract::replicated();
        change(&mut promises);
        check_history(&self.operations.into(), &LogContract::replicated(&promises))
    }

    fn told(self, expected: &Expect) {
        expected.assert_eq(&format!("{}\n", self.judged(|_| ()).verdict));
    }

    fn must_be_legal(self, change: impl FnOnce(&mut Contract)) {
        let judged = self.judged(change);
        assert!(judged.verdict.is_valid(), "{}", judged.verdict);
    }
}

fn tape() -> Tape {
    Tape::default()
}

#[test]
fn a_durable_send_is_acknowledged() {
    tape()
        .send(Promise::Durable, &[10], &[0])
        .send(Promise::Durable, &[20], &[1])
        .poll(Phase::Ok, &[(0, 20)])
        .told(&expect![[r#"
            invalid
              not-linearizable: two offsets in orders-0: value 20 was acknowledged at offset 1, read at 0 [102, 103, 104, 105]
        "#]]);
    // A poll may be behind, and a final read of another key says nothing.
    tape()
        .send(Promise::Durable, &[10], &[0])
        .poll(Phase::Ok, &[])
        .poll(Phase::Ok, &[(0, 10)])
        .must_be_legal(|_| ());
}

#[test]
fn a_weaker_promise_is_none() {
    let cut_off = || {
        tape()
            .send(Promise::Durable, &[10], &[0])
            .send(Promise::Volatile, &[20], &[1])
            .send(Promise::Durable, &[30], &[1])
            .send(Promise::FireAndForget, &[40], &[])
            .finally(&[(0, 10), (1, 30)])
    };
    cut_off().must_be_legal(|_| ());
    assert!(!cut_off().judged(|contract| contract.volatile = Guarantee::Kept).verdict.is_valid());
    // It was sent once: if it is anywhere, then where its offset says.
    tape().send(Promise::Volatile, &[10], &[1]).poll(Phase::Ok, &[(0, 10)]).told(&expect![[r#"
        invalid
          not-linearizable: two offsets in orders-0: value 10 was acknowledged at offset 1, read at 0 [100, 101, 102, 103]
    "#]]);
    // It was sent twice, and the copy that was not acknowledged is the one that stayed.
    tape()
        .sent(Promise::Volatile, (&[10], &[1]), (Phase::Ok, true))
        .poll(Phase::Ok, &[(0, 10)])
        .must_be_legal(|_| ());
    tape()
        .sent(Promise::Volatile, (&[10], &[1]), (Phase::Ok, true))
        .poll(Phase::Ok, &[(0, 10)])
        .must_be_legal(|contract| contract.duplicates = Duplicates::Never);
}

/// Its offset was not told, and no final read has it.
#[test]
fn an_acknowledged_send_is_somewhere() {
    tape()
        .send(Promise::Durable, &[10], &[0])
        .send(Promise::Durable, &[20], &[])
        .finally(&[(0, 10)])
        .told(&expect![[r#"
            invalid
              not-linearizable: unplaced in orders-0: value 20 was acknowledged and fits nowhere: not before offset 1, and not behind it, since what is there came later [102, 103, 104, 105]
        "#]]);
}

/// Two logs, and every number is the sum of theirs.
#[test]
fn what_was_judged_is_counted() {
    let other = Action::send("orders-1", vec![50], Promise::Durable, false);
    let judged = tape()
        .send(Promise::Durable, &[10, 20], &[0, 1])
        .sent(Promise::Durable, (&[30], &[]), (Phase::Info, false))
        .send(Promise::FireAndForget, &[40], &[])
        .call(5, Phase::Ok, other.clone(), other.sent(vec![Some(0)], false))
        .poll(Phase::Ok, &[(0, 10), (1, 20)])
        .poll(Phase::Ok, &[(1, 20)])
        .end(2)
        .end(1)
        .judged(|_| ());
    assert!(judged.verdict.is_valid());
    let expected = Counts { logs: 2, acknowledged: 3, unknown: 2, reads: 2, ends: 2, positions: 3 };
    assert_eq!(judged.counts, expected);
}

#[test]
fn a_value_that_was_sent_again_may_be_there_twice() {
    let twice = || {
        tape()
            .sent(Promise::Durable, (&[20], &[]), (Phase::Info, false))
            .sent(Promise::Durable, (&[10], &[2]), (Phase::Ok, true))
            .finally(&[(0, 10), (1, 20), (2, 10), (3, 20)])
    };
    twice().must_be_legal(|_| ());
    let judged = twice().judged(|contract| contract.duplicates = Duplicates::Never);
    expect![[r#"
        invalid
          not-linearizable (one of 2): hole in orders-0: the log was seen to reach offset 3, beyond all records that can be in it, which are 2 [102, 103]
          not-linearizable (one of 2): hole in orders-0: the log was seen to reach offset 4, beyond all records that can be in it, which are 2 [104, 105]"#]].assert_eq(&judged.verdict.to_string());
}

#[test]
fn values_of_one_send_are_a_batch_only_if_they_appear_together() {
    let torn = || {
        tape()
            .sent(Promise::Durable, (&[10, 20], &[]), (Phase::Info, false))
            .send(Promise::Durable, &[30], &[1])
            .finally(&[(0, 10), (1, 30), (2, 20)])
    };
    torn().must_be_legal(|_| ());
    let together = |contract: &mut Contract| contract.atomic_sends = true;
    expect![[r#"
        invalid
          not-linearizable (one of 2): disagreement in orders-0: offset 1 holds value 30 and value 20 [102, 103, 104, 105]
          not-linearizable (one of 2): disagreement in orders-0: offset 1 holds value 30 and value 10 [102, 103, 104, 105]"#]].assert_eq(&torn().judged(together).verdict.to_string());
    // So does an acknowledgement that names offsets which are not side by side.
    let told = tape().send(Promise::Durable, &[10, 20], &[0, 2]);
    expect![[r#"
        invalid
          not-linearizable: hole in orders-0: the log was seen to reach offset 3, beyond all records that can be in it, which are 2 [100, 101]"#]].assert_eq(&told.judged(together).verdict.to_string());
}

#[test]
fn what_a_failed_poll_was_shown_counts() {
    let shown = |phase| {
        tape()
            .sent(Promise::Durable, (&[10], &[]), (Phase::Fail, false))
            .poll(phase, &[(0, 10)])
            .judged(|_| ())
            .verdict
    };
    for phase in [Phase::Ok, Phase::Fail, Phase::Info] {
        assert!(!shown(phase).is_valid());
    }
}

#[test]
fn a_final_read_shows_the_end_if_replicas_converge() {
    let behind = || tape().send(Promise::Durable, &[10, 20], &[0, 1]).finally(&[(0, 10)]);
    behind().told(&expect![[r#"
        invalid
          not-linearizable: stale end in orders-0: the log was said to end at offset 1 after value 20 had been acknowledged at 1 [100, 101, 102, 103]
    "#]]);
    behind().must_be_legal(|contract| contract.replicas_converge = false);
}

#[test]
fn an_answered_end_is_a_prefix_unless_the_contract_says_more() {
    let stale = || tape().send(Promise::Durable, &[10], &[0]).end(0);
    stale().must_be_legal(|_| ());
    let promises = Contract::replicated();
    let contract =
        LogContract { ends: EndOffsets::Linearizable, ..LogContract::replicated(&promises) };
    let judged = check_history(&stale().operations.into(), &contract);
    expect![[r#"
        invalid
          not-linearizable: stale end in orders-0: the log was said to end at offset 0 after value 10 had been acknowledged at 0 [100, 101, 102, 103]"#]].assert_eq(&judged.verdict.to_string());
    // No answer runs ahead of what was sent.
    tape().end(1).send(Promise::Durable, &[10], &[0]).told(&expect![[r#"
        invalid
          not-linearizable: read too early in orders-0: the log was seen to reach offset 1 before value 10 was sent, which is at 0 [100, 101, 102, 103]
    "#]]);
    // What an answer of -1 means, other checkers may know.
    tape().end(-1).must_be_legal(|_| ());
}

#[test]
fn where_reads_may_be_taken_back_nothing_is_judged() {
    let contradicted = tape()
        .sent(Promise::Durable, (&[10, 20], &[]), (Phase::Info, false))
        .poll(Phase::Ok, &[(0, 10)])
        .poll(Phase::Ok, &[(0, 20)]);
    let judged = contradicted.judged(|contract| contract.reads = Guarantee::LossExplained);
    assert!(judged.verdict.is_valid());
    assert_eq!(judged.counts.logs, 0);
}

#[test]
fn a_history_that_contradicts_itself_is_undecided() {
    let send = |values: &[u64]| Action::send("orders-0", values.to_vec(), Promise::Durable, false);
    let told = |tape: Tape| tape.judged(|_| ()).verdict.to_string();
    expect!["unknown: the history contradicts itself: operation 100: process 1 has no call open"]
        .assert_eq(&told(tape().write(1, Phase::Ok, send(&[10]))));
    let open = tape().write(1, Phase::Invoke, send(&[10])).write(1, Phase::Invoke, send(&[20]));
    expect!["unknown: the history contradicts itself: operation 101: process 1 has a call open"]
        .assert_eq(&told(open));
    let other = tape().write(1, Phase::Invoke, send(&[10])).write(1, Phase::Ok, send(&[20]));
    expect!["unknown: the history contradicts itself: operation 101: it completes another call than was begun"].assert_eq(&told(other));
    let again = tape()
        .send(Promise::Durable, &[10], &[0])
        .send(Promise::Durable, &[10], &[1])
        .poll(Phase::Ok, &[(0, 10), (1, 10)]);
    expect!["unknown: orders-0: value 10 is sent a second time"].assert_eq(&told(again));
}

#[test]
fn control_batches_may_follow_the_last_record_of_a_sparse_log() {
    let promises = Contract::replicated();
    let options = Options { sparse: true, ..Options::dense() };
    let contract = LogContract { options, ..LogContract::replicated(&promises) };
    let tape = tape().send(Promise::Durable, &[10], &[3]).end(9).finally(&[(3, 10)]);
    let judged = check_history(&tape.operations.into(), &contract);
    assert!(judged.verdict.is_valid(), "{}", judged.verdict);
    assert_eq!((judged.counts.logs, judged.counts.reads, judged.counts.ends), (1, 1, 1));
}

/// An aborted transaction and the markers of both leave offsets that nobody is shown.
#[test]
fn a_log_of_transactions_has_holes() {
    let sends = |values: [u64; 2], landed: [Option<i64>; 2]| {
        let send = |value| Action::send("orders-0", vec![value], Promise::Durable, true);
        let parts = values.into_iter().zip(landed);
        Action::several(parts.map(|(value, at)| send(value).sent(vec![at], false)).collect())
    };
    let transact = |tape: Tape, phase, values, landed| {
        tape.call(5, phase, sends(values, [None; 2]), sends(values, landed))
    };
    let aborted = || transact(tape(), Phase::Fail, [10, 20], [None; 2]);
    let committed = transact(aborted(), Phase::Ok, [30, 40], [Some(3), Some(4)]).end(6);
    committed.finally(&[(3, 30), (4, 40)]).must_be_legal(|_| ());
    let shown = aborted().poll(Phase::Ok, &[(0, 10)]);
    shown.told(&expect![[r#"
        invalid
          not-linearizable: failed but visible in orders-0: value 10 was read at offset 0, but its append failed [100, 101, 102, 103]
    "#]]);
}

#[test]
fn an_empty_history_is_valid() {
    let promises = Contract::replicated();
    let judged = check_history(&History::default(), &LogContract::replicated(&promises));
    assert!(judged.verdict.is_valid());
}
