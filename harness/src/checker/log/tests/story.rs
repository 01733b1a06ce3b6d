//! Histories by hand: a story reads aloud, one call a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::Expect;

use crate::checker::linearizable::log::{LogContract, Options, check_history};
use crate::checker::log::{Contract, Judgement, check};
use crate::history::{Action, History, Key, Operation, Phase, Promise};
use crate::verdict::Verdict;

/// A history in the making. A step without a key is about `orders-0`; each step takes 1 ms.
pub(crate) struct Story {
    operations: Vec<Operation>,
    key: Key,
    contract: Contract,
    reasons: BTreeMap<u64, &'static str>,
    readers: u64,
}

pub(crate) fn story() -> Story {
    Story {
        operations: Vec::new(),
        key: Key::from("orders-0"),
        contract: Contract::replicated(),
        reasons: BTreeMap::new(),
        readers: 90,
    }
}

fn durable(key: &Key, values: &[u64]) -> Action {
    Action::send(key.clone(), values.to_vec(), Promise::Durable, false)
}

/// One value sent as part of a call, and where it landed.
pub(crate) fn send(key: &str, value: u64, offset: i64) -> Action {
    durable(&Key::from(key), &[value]).sent(vec![Some(offset)], false)
}

/// What a poll as part of a call returned.
pub(crate) fn read(key: &str, records: &[(i64, u64)]) -> Action {
    Action::poll("n1").polled(BTreeMap::from([(Key::from(key), records.to_vec())]))
}

/// The action as it is asked: nothing is learned yet.
pub(crate) fn asked(action: &Action) -> Action {
    match action.clone() {
        Action::Several { actions } => Action::several(actions.iter().map(asked).collect()),
        poll @ Action::Poll { .. } => poll.polled(BTreeMap::new()).rebalanced(Vec::new()),
        other @ (Action::Send { .. }
        | Action::Assign { .. }
        | Action::Subscribe { .. }
        | Action::Latest { .. }) => other.sent(Vec::new(), false),
    }
}

impl Story {
    fn write(mut self, process: u64, phase: Phase, action: Action) -> Self {
        let index = u64::try_from(self.operations.len()).unwrap();
        let error = matches!(phase, Phase::Fail | Phase::Info).then(|| "error".to_owned());
        let time = index * 1000;
        self.operations.push(Operation { index, time, process, phase, action, error });
        self
    }

    fn call(self, process: u64, phase: Phase, asked: Action, learned: Action) -> Self {
        self.write(process, Phase::Invoke, asked).write(process, phase, learned)
    }

    /// A call of several parts that ends well.
    pub(crate) fn together(self, process: u64, parts: &[Action]) -> Self {
        self.together_but(process, Phase::Ok, parts)
    }

    /// A call of several parts that ends otherwise.
    pub(crate) fn together_but(self, process: u64, phase: Phase, parts: &[Action]) -> Self {
        self.opens(process, parts).closes(process, phase, parts)
    }

    /// A call of several parts begins.
    pub(crate) fn opens(self, process: u64, parts: &[Action]) -> Self {
        self.write(process, Phase::Invoke, asked(&Action::several(parts.to_vec())))
    }

    /// A call of several parts ends.
    pub(crate) fn closes(self, process: u64, phase: Phase, parts: &[Action]) -> Self {
        self.write(process, phase, Action::several(parts.to_vec()))
    }

    /// One action as a call of its own, however it ends.
    pub(crate) fn alone(self, process: u64, phase: Phase, action: &Action) -> Self {
        self.call(process, phase, asked(action), action.clone())
    }

    /// The next steps are about another key.
    pub(crate) fn on(mut self, key: &str) -> Self {
        self.key = Key::from(key);
        self
    }

    pub(crate) fn under(mut self, change: impl FnOnce(&mut Contract)) -> Self {
        change(&mut self.contract);
        self
    }

    /// Whoever watched knows why this value is gone.
    pub(crate) fn because(mut self, value: u64, reason: &'static str) -> Self {
        self.reasons.insert(value, reason);
        self
    }

    /// A durable send that is acknowledged at an offset.
    pub(crate) fn sent(self, process: u64, value: u64, offset: i64) -> Self {
        self.sent_together(process, &[(value, offset)])
    }

    pub(crate) fn sent_together(self, process: u64, landed: &[(u64, i64)]) -> Self {
        let values: Vec<u64> = landed.iter().map(|(value, _)| *value).collect();
        let offsets = landed.iter().map(|(_, offset)| Some(*offset)).collect();
        let asked = durable(&self.key, &values);
        self.call(process, Phase::Ok, asked.clone(), asked.sent(offsets, false))
    }

    /// A durable send with a retry on the way.
    pub(crate) fn resent(self, process: u64, value: u64, offset: i64) -> Self {
        let asked = durable(&self.key, &[value]);
        self.call(process, Phase::Ok, asked.clone(), asked.sent(vec![Some(offset)], true))
    }

    /// An idempotent durable send with a retry on the way.
    pub(crate) fn resent_idempotent(self, process: u64, value: u64, offset: i64) -> Self {
        let asked = Action::send(self.key.clone(), vec![value], Promise::Durable, true);
        self.call(process, Phase::Ok, asked.clone(), asked.sent(vec![Some(offset)], true))
    }

    pub(crate) fn volatile(self, process: u64, value: u64, offset: i64) -> Self {
        self.volatile_sent(process, value, (offset, false))
    }

    pub(crate) fn volatile_sent(self, process: u64, value: u64, at: (i64, bool)) -> Self {
        let asked = Action::send(self.key.clone(), vec![value], Promise::Volatile, false);
        self.call(process, Phase::Ok, asked.clone(), asked.sent(vec![Some(at.0)], at.1))
    }

    pub(crate) fn fired(self, process: u64, value: u64) -> Self {
        let asked = Action::send(self.key.clone(), vec![value], Promise::FireAndForget, false);
        self.call(process, Phase::Ok, asked.clone(), asked.sent(vec![None], false))
    }

    /// A durable send that certainly failed.
    pub(crate) fn refused(self, process: u64, value: u64) -> Self {
        let asked = durable(&self.key, &[value]);
        self.call(process, Phase::Fail, asked.clone(), asked)
    }

    /// A durable send whose fate nobody knows.
    pub(crate) fn timed_out(self, process: u64, values: &[u64]) -> Self {
        let asked = durable(&self.key, values);
        self.call(process, Phase::Info, asked.clone(), asked)
    }

    /// A durable send begins.
    pub(crate) fn begins(self, process: u64, value: u64) -> Self {
        let asked = durable(&self.key, &[value]);
        self.write(process, Phase::Invoke, asked)
    }

    /// The durable send is acknowledged.
    pub(crate) fn acked(self, process: u64, value: u64, offset: i64) -> Self {
        let asked = durable(&self.key, &[value]);
        self.write(process, Phase::Ok, asked.sent(vec![Some(offset)], false))
    }

    pub(crate) fn assigned(self, process: u64, next: i64) -> Self {
        let positions = BTreeMap::from([(self.key.clone(), next)]);
        let assign = Action::Assign { positions, source: "n1".to_owned() };
        self.call(process, Phase::Ok, assign.clone(), assign)
    }

    pub(crate) fn subscribed(self, process: u64) -> Self {
        let subscribe = Action::Subscribe { keys: vec![self.key.clone()] };
        self.call(process, Phase::Ok, subscribe.clone(), subscribe)
    }

    pub(crate) fn polled(self, process: u64, records: &[(i64, u64)]) -> Self {
        self.polled_from("n1", process, records)
    }

    pub(crate) fn polled_from(self, node: &str, process: u64, records: &[(i64, u64)]) -> Self {
        let asked = Action::poll(node);
        let read = BTreeMap::from([(self.key.clone(), records.to_vec())]);
        self.call(process, Phase::Ok, asked.clone(), asked.polled(read))
    }

    /// A poll that returned records and then broke off.
    pub(crate) fn poll_broke_off(self, process: u64, records: &[(i64, u64)]) -> Self {
        let asked = Action::poll("n1");
        let read = BTreeMap::from([(self.key.clone(), records.to_vec())]);
        self.call(process, Phase::Info, asked.clone(), asked.polled(read))
    }

    /// The final read of a replica.
    pub(crate) fn finally(mut self, node: &str, records: &[(i64, u64)]) -> Self {
        self.readers += 1;
        let (asked, reader) = (Action::last_poll(node), self.readers);
        let read = BTreeMap::from([(self.key.clone(), records.to_vec())]);
        self.call(reader, Phase::Ok, asked.clone(), asked.polled(read))
    }

    pub(crate) fn ends(self, process: u64, end: i64, epoch: i32) -> Self {
        let asked = Action::latest(self.key.clone());
        self.call(process, Phase::Ok, asked.clone(), asked.answered(end, epoch))
    }

    pub(crate) fn asks_end(self, process: u64) -> Self {
        let asked = Action::latest(self.key.clone());
        self.write(process, Phase::Invoke, asked)
    }

    pub(crate) fn told_end(self, process: u64, end: i64, epoch: i32) -> Self {
        let asked = Action::latest(self.key.clone());
        self.write(process, Phase::Ok, asked.answered(end, epoch))
    }

    pub(crate) fn judged(&self) -> Judgement {
        let reason = |_: &Key, _: Option<i64>, value: u64| {
            self.reasons.get(&value).map(|reason| (*reason).to_owned())
        };
        check(&History::from(self.operations.clone()), &self.contract, &reason)
    }

    /// The verdict, then notes, then losses.
    pub(crate) fn check(self, expected: Expect) {
        let Judgement { verdict, losses, notes, .. } = self.judged();
        let mut text = format!("{verdict}\n");
        for note in notes.findings {
            writeln!(text, "note {note}").unwrap();
        }
        for (promise, toll) in losses.by_promise.iter().filter(|(_, toll)| toll.lost > 0) {
            let [lost, of] = [toll.lost, toll.acknowledged];
            write!(text, "lost {lost} of {of} {promise}, ").unwrap();
            writeln!(text, "{} explained, {} not", toll.explained, toll.unexplained).unwrap();
        }
        for (reason, count) in losses.reasons {
            writeln!(text, "  {count} because {reason}").unwrap();
        }
        expected.assert_eq(&text);
    }

    /// What the other checker of logs says of it. Logs of stories may have holes.
    fn linearizable(&self) -> Verdict {
        let options = Options { sparse: true, ..Options::dense() };
        let contract = LogContract { options, ..LogContract::replicated(&self.contract) };
        check_history(&self.operations.clone().into(), &contract).verdict
    }

    /// Valid, without a note.
    pub(crate) fn must_be_legal(self) {
        let linearizable = self.linearizable();
        assert!(linearizable.is_valid(), "{linearizable}");
        let Judgement { verdict, notes, .. } = self.judged();
        assert!(verdict.is_valid(), "{verdict}");
        assert_eq!(notes.findings, []);
    }
}
