//! Random legal histories of transactions: several logs, several processes, calls of several sends
//! and polls side by side in time, readers that are assigned and subscribed.
//!
//! A record is shown once its transaction is committed and its log has been told so, which happens
//! log by log and late; records behind one that is still open wait for it. Replicas lag. Clients
//! give up, and what they left open is decided by nobody knows whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

use super::asked;
use crate::checker::log::{Contract, Judgement, Unexplained, check};
use crate::history::{Action, History, Key, Operation, Phase, Promise};

/// One random decision: which, and two numbers to choose with.
pub(super) type Step = (u8, u8, u8);

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec((0..30_u8, any::<u8>(), any::<u8>()), 0..200)
}

/// The names of the logs.
pub(super) const KEYS: [&str; 3] = ["a", "b", "c"];

/// A history of transactions.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) operations: Vec<Operation>,
}

impl Told {
    pub(super) fn judged(&self) -> Judgement {
        check(&History::from(self.operations.clone()), &Contract::replicated(), &Unexplained)
    }

    pub(super) fn write(&mut self, process: u64, phase: Phase, action: Action) {
        let index = u64::try_from(self.operations.len()).unwrap();
        let (time, error) = (index * 10, None);
        self.operations.push(Operation { index, time, process, phase, action, error });
    }

    pub(super) fn call(&mut self, process: u64, action: Action) {
        self.write(process, Phase::Invoke, asked(&action));
        self.write(process, Phase::Ok, action);
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.operations.iter().try_for_each(|operation| writeln!(f, "{operation}"))
    }
}

/// A place in a log: whose it is, and whether it is shown (never, if `Some(false)`).
struct Entry {
    value: u64,
    call: usize,
    shown: Option<bool>,
}

/// A call that sent something, and what became of it.
#[derive(Default)]
struct Sender {
    /// Whether it took effect, once that is decided.
    decided: Option<bool>,
    /// The client is gone, having asked for all of it to be committed: others decide. Whoever goes
    /// earlier has asked for nothing.
    left: bool,
}

/// A client: one process after another.
#[derive(Default)]
struct Client {
    process: u64,
    subscribed: bool,
    /// Where it reads on; `None` where others will tell it.
    positions: BTreeMap<usize, Option<usize>>,
    open: Option<Open>,
}

/// A call under way.
struct Open {
    number: usize,
    action: Action,
    /// The parts that are done, with what was learned.
    done: Vec<Action>,
    positions: BTreeMap<usize, Option<usize>>,
}

#[derive(Default)]
struct Simulation {
    told: Told,
    logs: [Vec<Entry>; 3],
    /// How far each replica knows each log.
    replicas: [[usize; 3]; 3],
    senders: Vec<Sender>,
    clients: Vec<Client>,
    processes: u64,
    values: u64,
}

/// Tells the history of these decisions. It always begins with some calm calls, and ends with final
/// reads, so that each corruption finds something to corrupt.
pub(super) fn tell(steps: &[Step]) -> Told {
    let mut simulation = Simulation::default();
    for _ in 0..4 {
        let process = simulation.process();
        simulation.clients.push(Client { process, ..Client::default() });
    }
    simulation.calm();
    simulation.subscribe(3, &[0, 1]);
    steps.iter().for_each(|step| simulation.step(*step));
    simulation.rest();
    simulation.told
}

fn offset(at: usize) -> i64 {
    i64::try_from(at).unwrap()
}

impl Simulation {
    fn process(&mut self) -> u64 {
        self.processes += 1;
        self.processes
    }

    fn value(&mut self) -> u64 {
        self.values += 1;
        self.values
    }

    fn send(&mut self, key: usize, idempotent: bool) -> Action {
        Action::send(KEYS[key], vec![self.value()], Promise::Durable, idempotent)
    }

    /// Two sends to one log and one to another; a reader of all, within one call; and one more.
    fn calm(&mut self) {
        self.assign(0, [Some(0); 3], Phase::Ok);
        for client in [0, 1] {
            let sends = [0, 1, 0].map(|key| self.send(key, true));
            self.run(client, Action::several(sends.to_vec()));
            let (poll, send) = (Action::poll("n0"), self.send(2, false));
            self.run(0, Action::several(vec![poll.clone(), send, poll.clone(), poll]));
        }
    }

    /// A call that nothing disturbs.
    fn run(&mut self, client: usize, action: Action) {
        let parts = action.parts().count();
        self.begin(client, action);
        (0..parts).for_each(|_| self.part(client, 48));
        self.end(client, 7);
        self.spread();
    }

    /// Everybody hears of what is decided.
    fn spread(&mut self) {
        for key in 0..3 {
            (0..self.senders.len()).for_each(|call| self.mark(call, key));
            self.replicas.iter_mut().for_each(|known| known[key] = self.logs[key].len());
        }
        for key in 0..3 {
            let stable = self.stable(key);
            self.replicas.iter_mut().for_each(|known| known[key] = stable);
        }
    }

    fn begin(&mut self, client: usize, action: Action) {
        let number = self.senders.len();
        self.senders.push(Sender::default());
        let Client { process, positions, open, .. } = &mut self.clients[client];
        self.told.write(*process, Phase::Invoke, action.clone());
        *open = Some(Open { number, action, done: Vec::new(), positions: positions.clone() });
    }

    /// Does the next part of a client's call.
    fn part(&mut self, client: usize, b: usize) {
        let Some(open) = &self.clients[client].open else {
            return;
        };
        let first = open.done.is_empty();
        let (number, part) = (open.number, open.action.parts().nth(open.done.len()).cloned());
        let done = match part {
            Some(Action::Send { ref key, ref values, idempotent, .. }) => {
                let key = KEYS.iter().position(|name| *name == key.as_str()).unwrap();
                // Sent again, since the answer was lost; nobody recognises it.
                let copies = if b % 8 == 3 && !idempotent { 2 } else { 1 };
                for _ in 0..copies {
                    self.logs[key].push(Entry { value: values[0], call: number, shown: None });
                }
                let at = offset(self.logs[key].len() - 1);
                part.unwrap().sent(vec![Some(at)], copies > 1)
            }
            Some(Action::Poll { .. }) => self.poll(client, (first, b)),
            Some(_) | None => return,
        };
        self.clients[client].open.as_mut().unwrap().done.push(done);
    }

    /// The first place of a log that is not decided, or that the log has not heard about.
    fn stable(&self, key: usize) -> usize {
        let log = &self.logs[key];
        log.iter().position(|entry| entry.shown.is_none()).unwrap_or(log.len())
    }

    fn poll(&mut self, client: usize, (first, b): (bool, usize)) -> Action {
        let source = b % 3;
        let subscribed = self.clients[client].subscribed;
        let mut read = BTreeMap::new();
        let mut moved = Vec::new();
        let open = self.clients[client].open.as_mut().unwrap();
        for (key, position) in &mut open.positions {
            // Others may move a subscribed reader; within a call, that is known.
            if subscribed && b.is_multiple_of(3) {
                let on = position.filter(|_| b.is_multiple_of(2)).map(|next| next + 1);
                *position = on.filter(|next| *next <= self.replicas[source][*key]);
                moved.extend((!first).then(|| Key::from(KEYS[*key])));
            }
            let known = self.replicas[source][*key];
            let next = position.unwrap_or(b * 37 % (known + 1));
            let end = known.min(next + b / 16 % 4);
            let records = next..end.max(next);
            let shown = records.filter_map(|at| {
                let entry = &self.logs[*key][at];
                (entry.shown == Some(true)).then(|| (offset(at), entry.value))
            });
            read.insert(Key::from(KEYS[*key]), shown.collect());
            *position = Some(end.max(next));
        }
        Action::poll(format!("n{source}")).polled(read).rebalanced(moved)
    }

    /// Ends a client's call, if all of its parts are done or it fails.
    fn end(&mut self, client: usize, b: usize) {
        let Some(open) = self.clients[client].open.take() else {
            return;
        };
        let parts = open.action.parts().count();
        let several = matches!(open.action, Action::Several { .. });
        let outcome = match b % 8 {
            0 => Phase::Fail,
            1 => Phase::Info,
            _ => Phase::Ok,
        };
        let complete = open.done.len() == parts;
        if !complete && outcome == Phase::Ok {
            self.clients[client].open = Some(open);
            return;
        }
        // Of parts that were not reached, nothing was learned.
        let unreached = open.action.parts().skip(open.done.len()).cloned();
        let mut learned: Vec<Action> = open.done.into_iter().chain(unreached).collect();
        if !several && outcome == Phase::Info {
            learned = learned.iter().map(asked).collect();
        }
        let learned = if several { Action::several(learned) } else { learned.remove(0) };
        self.told.write(self.clients[client].process, outcome, learned);
        let sender = &mut self.senders[open.number];
        match outcome {
            Phase::Ok => {
                sender.decided = Some(true);
                self.clients[client].positions = open.positions;
            }
            Phase::Fail => sender.decided = Some(false),
            Phase::Info | Phase::Invoke => {
                sender.left = complete;
                sender.decided = if complete { None } else { Some(false) };
                let process = self.process();
                self.clients[client] = Client { process, ..Client::default() };
                if client == 3 {
                    self.subscribe(3, &[0, 1]);
                }
            }
        }
        if !several && outcome == Phase::Ok {
            (0..3).for_each(|key| self.mark(open.number, key));
        }
    }

    /// A log hears what became of a call.
    fn mark(&mut self, call: usize, key: usize) {
        let decided = self.senders[call].decided;
        for entry in self.logs[key].iter_mut().filter(|entry| entry.call == call) {
            entry.shown = entry.shown.or(decided);
        }
    }

    /// Assigns the keys that have something; a negative position names no offset.
    fn assign(&mut self, client: usize, next: [Option<i64>; 3], phase: Phase) {
        let named = |(key, next): (usize, Option<i64>)| Some((Key::from(KEYS[key]), next?));
        let positions = next.into_iter().enumerate().filter_map(named).collect();
        let action = Action::Assign { positions, source: "n0".to_owned() };
        let Client { process, subscribed, positions, .. } = &mut self.clients[client];
        self.told.write(*process, Phase::Invoke, action.clone());
        self.told.write(*process, phase, action);
        // One of unknown fate was made if it keeps its first key.
        if phase == Phase::Fail || (phase == Phase::Info && next[0].is_none()) {
            return;
        }
        let kept = |key: &usize| if *subscribed { None } else { positions.get(key).copied()? };
        let stands = |(key, next): (usize, Option<i64>)| match usize::try_from(next?) {
            Ok(next) => Some((key, Some(next))),
            Err(_) => Some((key, kept(&key))),
        };
        *positions = next.into_iter().enumerate().filter_map(stands).collect();
        *subscribed &= phase == Phase::Info;
    }

    fn subscribe(&mut self, client: usize, keys: &[usize]) {
        let named = keys.iter().map(|key| Key::from(KEYS[*key])).collect();
        let Client { process, subscribed, positions, .. } = &mut self.clients[client];
        *subscribed = true;
        *positions = keys.iter().map(|key| (*key, None)).collect();
        let process = *process;
        self.told.call(process, Action::Subscribe { keys: named });
    }

    fn step(&mut self, (kind, a, b): Step) {
        let (client, a, b) = (usize::from(a) % 4, usize::from(a), usize::from(b));
        let idle = self.clients[client].open.is_none();
        match kind {
            0..=3 if idle => {
                let parts: Vec<Action> = (0..1 + b % 4)
                    .map(|bit| match (a >> (2 + bit)) % 2 {
                        0 => Action::poll("n0"),
                        _ => self.send((b / 4 + bit) % 3, a.is_multiple_of(3)),
                    })
                    .collect();
                let single = parts.len() == 1 && b >= 64;
                let several = || Action::several(parts.clone());
                self.begin(client, if single { parts[0].clone() } else { several() });
            }
            4..=12 => self.part(client, b),
            13..=16 => self.end(client, b),
            17 if idle && client < 3 => {
                let next = [0, 1, 2].map(|key| match (b >> (2 * key)) % 4 {
                    0 => None,
                    1 => Some(-1),
                    _ => Some(offset(b % (self.stable(key) + 1))),
                });
                let phase = [Phase::Ok, Phase::Ok, Phase::Ok, Phase::Info, Phase::Fail][a % 5];
                self.assign(client, next, phase);
            }
            18 if idle => self.subscribe(client, [&[0, 1][..], &[1, 2], &[2]][b % 3]),
            19..=21 if !self.senders.is_empty() => self.mark(a % self.senders.len(), b % 3),
            22 => {
                for sender in self.senders.iter_mut().filter(|sender| sender.left) {
                    sender.decided = sender.decided.or(Some(b >= 100));
                }
            }
            23 => self.replicas[a % 3][b % 3] = self.stable(b % 3).max(self.replicas[a % 3][b % 3]),
            24..=28 => self.spread(),
            _ => {
                let (process, key) = (self.process(), b % 3);
                let end = offset(self.stable(key));
                self.told.call(process, Action::latest(KEYS[key]).answered(end, 0));
            }
        }
    }

    /// The last fault is over: every call ends, everything is decided, and everybody hears of it.
    fn rest(&mut self) {
        for client in 0..self.clients.len() {
            (0..4).for_each(|_| self.part(client, 3));
            self.end(client, 7);
        }
        for (number, sender) in self.senders.iter_mut().enumerate() {
            sender.decided = sender.decided.or(Some(number.is_multiple_of(2)));
        }
        self.calm();
        self.spread();
        for replica in ["n0", "n1"] {
            let process = self.process();
            let shown = |log: &Vec<Entry>| {
                let entries = log.iter().enumerate().filter(|(_, entry)| entry.shown == Some(true));
                entries.map(|(at, entry)| (offset(at), entry.value)).collect()
            };
            let read = KEYS.iter().zip(&self.logs).map(|(key, log)| (Key::from(*key), shown(log)));
            self.told.call(process, Action::last_poll(replica).polled(read.collect()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_correct_transactions_do_is_valid(steps in steps()) {
        let told = tell(&steps);
        let judged = told.judged();
        prop_assert!(judged.verdict.is_valid(), "{}\n{}", judged.verdict, told);
    }
}

/// The property above means little unless the simulated transactions really do all of that.
#[test]
fn the_simulated_transactions_are_not_calm_ones() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut met: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..400 {
        let told = tell(&steps().new_tree(&mut runner).unwrap().current());
        let judged = told.judged();
        for (what, count) in [
            ("unknown sends", judged.counts.sends.unknown),
            ("failed polls", judged.counts.polls.failed),
            ("readers behind", u64::from(judged.notes.worst_realtime_lag.is_some())),
            ("backlogs", u64::from(judged.notes.unseen.len() > 12)),
        ] {
            *met.entry(what).or_default() += count;
        }
        for note in judged.notes.findings {
            *met.entry(note.kind.name()).or_default() += note.total;
        }
        let kept = told.operations.iter().filter(|operation| {
            let Action::Assign { positions, .. } = &operation.action else {
                return false;
            };
            operation.phase == Phase::Info || positions.values().any(|next| *next < 0)
        });
        *met.entry("uncertain assignments").or_default() += u64::try_from(kept.count()).unwrap();
    }
    let wanted: BTreeSet<&str> = [
        "unknown sends",
        "failed polls",
        "readers behind",
        "backlogs",
        "uncertain assignments",
        "duplicate",
        "int-send-skip",
        "poll-skip",
        "nonmonotonic-poll",
        "int-poll-skip",
        "int-nonmonotonic-poll",
    ]
    .into();
    for what in wanted {
        assert!(met.get(what).is_some_and(|count| *count > 2), "{what}: {met:?}");
    }
}
