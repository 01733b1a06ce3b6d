//! Random legal histories: clients of a simulated log that does everything a correct one may do.
//!
//! It retries, times out, answers late, cuts off tails with every new epoch, serves stale
//! prefixes, leaves holes, and appends what clients have long given up. All of that must be valid.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::checker::linearizable::log::{LogContract, Options, check_history};
use crate::checker::log::{Contract, Judgement, check};
use crate::history::{Action, History, Key, Operation, Phase, Promise};
use crate::verdict::Verdict;

/// One random decision: which, and two numbers to choose with.
pub(super) type Step = (u8, u8, u8);

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec((0..26_u8, any::<u8>(), any::<u8>()), 0..160)
}

/// A history and what is known about it from inside.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) operations: Vec<Operation>,
    lost: BTreeSet<u64>,
}

impl Told {
    pub(super) fn judged(&self) -> Judgement {
        let cut_off = |_: &Key, _: Option<i64>, value: u64| {
            self.lost.contains(&value).then(|| "cut off".to_owned())
        };
        let contract = Contract { atomic_sends: true, ..Contract::replicated() };
        check(&History::from(self.operations.clone()), &contract, &cut_off)
    }

    /// What the other checker of logs says of it. The log begins anywhere and has holes.
    fn linearizable(&self) -> Verdict {
        let promises = Contract { atomic_sends: true, ..Contract::replicated() };
        let options = Options { sparse: true, ..Options::dense() };
        let contract = LogContract { options, ..LogContract::replicated(&promises) };
        check_history(&self.operations.clone().into(), &contract).verdict
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut file = Vec::new();
        History::from(self.operations.clone()).write(&mut file).expect("memory can be written");
        f.write_str(&String::from_utf8_lossy(&file))
    }
}

pub(super) fn key() -> Key {
    Key::from("orders-0")
}

/// A send on its way.
#[derive(Clone)]
struct Pending {
    client: usize,
    process: u64,
    action: Action,
    values: Vec<u64>,
    promise: Promise,
    idempotent: bool,
    /// Where it was appended last, if it was.
    at: Option<usize>,
    /// Whether that place was cut off since.
    cut: bool,
    retried: bool,
    given_up: bool,
}

struct Reader {
    process: u64,
    next: Option<usize>,
    subscribed: bool,
}

/// The log, as one committed prefix and a tail that a new epoch may cut off.
struct Simulation {
    told: Told,
    processes: u64,
    values: u64,
    base: i64,
    log: Vec<Option<u64>>,
    batch_ends: BTreeSet<usize>,
    committed: usize,
    ends: Vec<usize>,
    pending: Vec<Pending>,
    clients: Vec<u64>,
    busy: Vec<bool>,
    readers: Vec<Reader>,
}

/// Tells the history of these decisions, on a log that begins at `base`. It always holds some
/// calm sends and final reads, so that each corruption finds something to corrupt.
pub(super) fn tell(base: i64, steps: &[Step]) -> Told {
    let mut simulation = Simulation::new(base);
    for (client, idempotent) in [(0, true), (0, false), (1, false), (1, true)] {
        simulation.calm(client, idempotent);
    }
    for step in steps {
        simulation.step(*step);
    }
    simulation.rest();
    simulation.calm(0, false);
    for source in ["n1", "n2", "n3"] {
        let all = simulation.read(0..simulation.committed);
        let process = simulation.process();
        simulation.call(process, Action::last_poll(source), all);
    }
    simulation.told
}

impl Simulation {
    fn new(base: i64) -> Self {
        Self {
            told: Told { operations: Vec::new(), lost: BTreeSet::new() },
            processes: 8,
            values: 0,
            base,
            log: Vec::new(),
            batch_ends: BTreeSet::new(),
            committed: 0,
            ends: vec![0],
            pending: Vec::new(),
            clients: vec![0, 1, 2, 3],
            busy: vec![false; 4],
            readers: (4..7)
                .map(|process| Reader { process, next: None, subscribed: process == 6 })
                .collect(),
        }
    }

    fn process(&mut self) -> u64 {
        self.processes += 1;
        self.processes
    }

    fn write(&mut self, process: u64, phase: Phase, action: Action) {
        let index = u64::try_from(self.told.operations.len()).unwrap();
        let error = (phase == Phase::Info).then(|| "timed out".to_owned());
        let time = index * 10;
        self.told.operations.push(Operation { index, time, process, phase, action, error });
    }

    fn call(&mut self, process: u64, asked: Action, records: Vec<(i64, u64)>) {
        let read = BTreeMap::from([(key(), records)]);
        self.write(process, Phase::Invoke, asked.clone());
        self.write(process, Phase::Ok, asked.polled(read));
    }

    fn offset(&self, at: usize) -> i64 {
        self.base + i64::try_from(at).unwrap()
    }

    fn read(&self, range: std::ops::Range<usize>) -> Vec<(i64, u64)> {
        range.filter_map(|at| Some((self.offset(at), self.log[at]?))).collect()
    }

    /// A durable send of one value that nothing disturbs.
    fn calm(&mut self, client: usize, idempotent: bool) {
        self.begin(client, (1, Promise::Durable, idempotent));
        let last = self.pending.len() - 1;
        self.append(last);
        self.committed = self.log.len();
        self.answer(last);
    }

    fn begin(&mut self, client: usize, (count, promise, idempotent): (u64, Promise, bool)) {
        let values: Vec<u64> = (0..count).map(|n| self.values + n).collect();
        self.values += count;
        let action = Action::send(key(), values.clone(), promise, idempotent);
        let process = self.clients[client];
        self.write(process, Phase::Invoke, action.clone());
        self.busy[client] = true;
        let (at, cut, retried, given_up) = (None, false, false, false);
        self.pending.push(Pending {
            client,
            process,
            action,
            values,
            promise,
            idempotent,
            at,
            cut,
            retried,
            given_up,
        });
    }

    fn append(&mut self, number: usize) {
        let pending = &mut self.pending[number];
        pending.at = Some(self.log.len());
        pending.cut = false;
        self.log.extend(pending.values.iter().copied().map(Some));
        self.batch_ends.insert(self.log.len());
    }

    /// The client sends again. Whoever asked for idempotence is recognised if it is there.
    fn retry(&mut self, number: usize) {
        let pending = &mut self.pending[number];
        pending.retried = true;
        if pending.at.is_none() || pending.cut || !pending.idempotent {
            self.append(number);
        }
    }

    fn answer(&mut self, number: usize) {
        let pending = &self.pending[number];
        let length = pending.values.len();
        let committed = |at: usize| !pending.cut && at + length <= self.committed;
        let due = match (pending.promise, pending.at) {
            (Promise::Durable, Some(at)) => committed(at),
            (Promise::Volatile, at) => at.is_some(),
            (Promise::FireAndForget, _) => true,
            (Promise::Durable, None) => false,
        };
        if !due || pending.given_up {
            return;
        }
        let told = pending.at.filter(|_| pending.promise != Promise::FireAndForget);
        let offsets = (0..length).map(|n| Some(self.offset(told? + n))).collect();
        let (process, client) = (pending.process, pending.client);
        let answered = pending.action.clone().sent(offsets, pending.retried);
        let arrived = pending.at.is_some();
        if !arrived {
            self.told.lost.extend(self.pending[number].values.clone());
        }
        self.write(process, Phase::Ok, answered);
        self.busy[client] = false;
        self.pending.remove(number);
    }

    fn give_up(&mut self, number: usize) {
        if self.pending[number].given_up {
            return;
        }
        let (process, action) = (self.pending[number].process, self.pending[number].action.clone());
        self.pending[number].given_up = true;
        self.write(process, Phase::Info, action);
        self.free(self.pending[number].client);
    }

    fn free(&mut self, client: usize) {
        self.busy[client] = false;
        self.clients[client] = self.process();
    }

    fn refuse(&mut self, number: usize) {
        let pending = &self.pending[number];
        if pending.at.is_none() && !pending.given_up {
            let (process, client) = (pending.process, pending.client);
            let action = pending.action.clone();
            self.write(process, Phase::Fail, action);
            self.busy[client] = false;
            self.pending.remove(number);
        }
    }

    /// A new epoch cuts off the tail.
    fn elect(&mut self) {
        self.told.lost.extend(self.log[self.committed..].iter().flatten());
        self.log.truncate(self.committed);
        self.batch_ends.retain(|end| *end <= self.committed);
        for pending in &mut self.pending {
            pending.cut |= pending.at.is_some_and(|at| at >= self.committed);
        }
        self.ends.push(self.committed);
    }

    /// Commits up to the end of a batch.
    fn commit(&mut self, count: usize) {
        let to = (self.committed + count).min(self.log.len());
        let end = self.batch_ends.range(to..).next().copied().unwrap_or(self.log.len());
        self.committed = end.max(self.committed);
        *self.ends.last_mut().unwrap() = self.committed;
    }

    fn assign(&mut self, number: usize, to: usize) {
        let Reader { process, subscribed, .. } = self.readers[number];
        let next = if self.committed == 0 { 0 } else { to % (self.committed + 1) };
        self.readers[number].next = Some(next);
        let action = if subscribed {
            Action::Subscribe { keys: vec![key()] }
        } else {
            let positions = BTreeMap::from([(key(), self.offset(next))]);
            Action::Assign { positions, source: "n1".to_owned() }
        };
        self.write(process, Phase::Invoke, action.clone());
        self.write(process, Phase::Ok, action);
    }

    /// A replica serves at most `count` records, however far it is.
    fn poll(&mut self, number: usize, count: usize) {
        let Reader { process, next, subscribed } = self.readers[number];
        // Others may move a subscribed reader at any time.
        let moved = subscribed && next.is_some() && count.is_multiple_of(5);
        let next = if moved { Some(count / 5) } else { next };
        let Some(next) = next.filter(|next| *next <= self.committed) else {
            return;
        };
        let asked = Action::poll(if count.is_multiple_of(2) { "n1" } else { "n2" });
        if count == 7 {
            self.write(process, Phase::Invoke, asked.clone());
            self.write(process, Phase::Info, asked);
            let process = self.process();
            self.readers[number] = Reader { process, next: None, subscribed };
            return;
        }
        let end = self.committed.min(next + count % 9);
        let records = self.read(next..end);
        self.readers[number].next = Some(end);
        self.call(process, asked, records);
    }

    fn step(&mut self, (kind, a, b): Step) {
        let (first, second) = (usize::from(a), usize::from(b));
        let number = if self.pending.is_empty() { None } else { Some(first % self.pending.len()) };
        match (kind, number) {
            (0..=5, _) => {
                let client = first % self.clients.len();
                let promise = Promise::ALL[second % 3];
                if !self.busy[client] {
                    self.begin(client, (1 + u64::from(b) / 90, promise, a >= 128));
                }
            }
            // A client that gave up may still have a message on its way.
            (6..=10, Some(number)) if self.pending[number].at.is_none() => self.append(number),
            (11..=14, Some(number)) => self.answer(number),
            (15, Some(number)) if !self.pending[number].given_up => self.retry(number),
            (16, Some(number)) => self.give_up(number),
            (17, Some(number)) => self.refuse(number),
            (18..=20, _) => self.commit(second % 6),
            (21, _) => self.elect(),
            (22, _) => {
                self.log.push(None);
                self.batch_ends.insert(self.log.len());
            }
            (23, _) => self.assign(first % 3, second),
            (24, _) => self.poll(first % 3, second),
            (25, _) => {
                // A deposed replica answers what it last knew, in its own epoch.
                let epoch = self.ends.len() - 1 - first % self.ends.len().min(3);
                let asked = Action::latest(key());
                let end = self.offset(self.ends[epoch]);
                let answered = asked.clone().answered(end, i32::try_from(epoch).unwrap());
                let process = self.process();
                self.write(process, Phase::Invoke, asked);
                self.write(process, Phase::Ok, answered);
            }
            _ => {}
        }
    }

    /// The last fault is over: everything that is still on its way arrives, is answered or not.
    fn rest(&mut self) {
        while !self.pending.is_empty() {
            if self.pending[0].given_up {
                self.pending.remove(0);
                continue;
            }
            if self.pending[0].at.is_none() || self.pending[0].cut {
                self.retry(0);
            }
            self.committed = self.log.len();
            self.answer(0);
        }
        self.committed = self.log.len();
        *self.ends.last_mut().unwrap() = self.committed;
    }
}

pub(super) fn base() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(1_000_000_007), Just(i64::MAX - 4096)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn whatever_a_correct_log_does_is_valid(base in base(), steps in steps()) {
        let told = tell(base, &steps);
        let judged = told.judged();
        prop_assert!(judged.verdict.is_valid(), "{}\n{}", judged.verdict, told);
        let linearizable = told.linearizable();
        prop_assert!(linearizable.is_valid(), "{}\n{}", linearizable, told);
    }
}

/// The property above means little unless the simulated log really does all of that.
#[test]
fn the_simulated_log_is_not_a_calm_one() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut lost, mut duplicates, mut unknown, mut failed, mut lag) = (0, 0, 0, 0, 0);
    for _ in 0..200 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let judged = tell(0, &steps).judged();
        lost += judged.losses.lost();
        duplicates += judged.notes.findings.iter().map(|note| note.total).sum::<u64>();
        unknown += judged.counts.sends.unknown;
        failed += judged.counts.sends.failed;
        lag += u64::from(judged.notes.worst_realtime_lag.is_some());
    }
    for (what, count) in [
        ("losses", lost),
        ("notes", duplicates),
        ("unknown sends", unknown),
        ("failed sends", failed),
        ("readers behind", lag),
    ] {
        assert!(count > 20, "{what}: {count}");
    }
}
