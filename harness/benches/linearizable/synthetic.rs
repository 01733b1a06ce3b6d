//! Long histories of our own: a correct object, clients that overlap, a few crashes, and in some
//! one answer that is wrong.
//!
//! They have dice of their own, of a few lines, so that the same histories come out for ever.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use harness::checker::linearizable::models::key_value::{self, Command, KeyValue};
use harness::checker::linearizable::models::register::{self, Register};
use harness::checker::linearizable::{Call, Model};

use super::subject::Subject;

/// A history, its name and its verdict.
pub(crate) struct Story {
    pub(crate) name: String,
    pub(crate) legal: bool,
    pub(crate) subject: Subject,
}

/// How a history is made.
#[derive(Clone, Copy, Debug)]
struct Shape {
    operations: u64,
    clients: u64,
    /// Calls of 10,000 that crash.
    crashed: u64,
}

/// So many values that hardly one comes twice.
const UNIQUE: u64 = 1 << 40;

/// All of them; `thinner` shortens them.
pub(crate) fn stories(thinner: u64) -> Vec<Story> {
    let shape =
        |operations, clients, crashed| Shape { operations: operations / thinner, clients, crashed };
    let long = shape(100_000, 20, 20);
    let middle = shape(10_000, 20, 20);
    let store = shape(2500, 50, 0);
    let mut stories = Vec::new();
    let mut register = |name: &str, shape: Shape, values: u64, wrong: bool| {
        let mut calls =
            played(&Register::new(), shape, |dice| ask_register(dice, values), answer_register);
        if wrong {
            spoil(&mut calls, |output| match output {
                register::Output::Value(value) => *value = Some(-1),
                register::Output::Written | register::Output::Matched(_) => {}
            });
        }
        let name = format!("register-{name}-{}k.log", shape.operations.div_ceil(1000));
        stories.push(Story { name, legal: !wrong, subject: Subject::Register(calls) });
    };
    register("5-values", middle, 5, false);
    register("5-values", long, 5, false);
    register("5-values-bad", long, 5, true);
    register("unique-values", middle, UNIQUE, false);
    register("unique-values", long, UNIQUE, false);
    register("unique-values-bad", long, UNIQUE, true);
    for wrong in [false, true] {
        let model = KeyValue;
        let mut calls = played(&model, store, ask_store, answer_store);
        if wrong {
            spoil(&mut calls, |output| match output {
                key_value::Output::Text(text) => text.push('!'),
                key_value::Output::Done => {}
            });
        }
        let name = format!("store-50-clients{}.txt", if wrong { "-bad" } else { "" });
        stories.push(Story { name, legal: !wrong, subject: Subject::KeyValue(calls) });
    }
    stories
}

/// Numbers that look random (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// Plays clients that call one after the other, each call in three events of random distance:
/// asked, taking effect, answered. The object has a state for each part.
fn played<M: Model<Input: Clone>>(
    model: &M,
    shape: Shape,
    mut ask: impl FnMut(&mut Dice) -> M::Input,
    answer: impl Fn(&M::State, &M::Input) -> M::Output,
) -> Vec<Call<M::Input, M::Output>> {
    /// A client between its calls, or the place of its call, and whether it took effect.
    enum Client {
        Idle,
        Asked(usize),
        Served(usize),
    }
    let mut dice = Dice(7);
    let mut calls: Vec<Call<M::Input, M::Output>> = Vec::new();
    let mut states = std::collections::BTreeMap::new();
    let mut clients: Vec<_> = (0..shape.clients).map(|number| (number, Client::Idle)).collect();
    let mut processes = shape.clients;
    let mut asked = 0;
    for now in 0.. {
        if clients.is_empty() {
            break;
        }
        let at = usize::try_from(dice.below(clients.len() as u64)).expect("clients are few");
        let (process, client) = &mut clients[at];
        match *client {
            Client::Idle if asked == shape.operations => drop(clients.swap_remove(at)),
            Client::Idle => {
                let input = ask(&mut dice);
                *client = Client::Asked(calls.len());
                let (process, operation) = (*process, asked);
                let (output, called, returned) = (None, now, None);
                calls.push(Call { process, input, output, called, returned, operation });
                asked += 1;
            }
            Client::Asked(place) => {
                let call = &mut calls[place];
                let part = model.part(&call.input).to_string();
                let state = states.entry(part).or_insert_with(|| model.initial());
                let output = answer(state, &call.input);
                let next = model.step(state, &call.input, Some(&output));
                *state = next.expect("a correct answer is possible");
                call.output = Some(output);
                *client = Client::Served(place);
            }
            Client::Served(place) => {
                *client = Client::Idle;
                if dice.below(10_000) < shape.crashed {
                    calls[place].output = None;
                    *process = processes;
                    processes += 1;
                } else {
                    calls[place].returned = Some(now);
                }
            }
        }
    }
    calls
}

/// Makes one answer wrong, at nine tenths of the history.
fn spoil<I, O: PartialEq + Clone>(calls: &mut [Call<I, O>], spoil: impl Fn(&mut O)) {
    let from = calls.len() / 10 * 9;
    for output in calls[from..].iter_mut().filter_map(|call| call.output.as_mut()) {
        let before = output.clone();
        spoil(output);
        if *output != before {
            return;
        }
    }
}

fn ask_register(dice: &mut Dice, values: u64) -> register::Input {
    let mut value = || i64::try_from(dice.below(values)).unwrap_or(i64::MAX);
    let (one, other) = (value(), value());
    match dice.below(10) {
        0..5 => register::Input::Read,
        5..9 => register::Input::Write(one),
        _ => register::Input::CompareAndSet { expected: one, new: other },
    }
}

fn answer_register(state: &Option<i64>, input: &register::Input) -> register::Output {
    match input {
        register::Input::Read => register::Output::Value(*state),
        register::Input::Write(_) => register::Output::Written,
        register::Input::CompareAndSet { expected, .. } => {
            register::Output::Matched(*state == Some(*expected))
        }
    }
}

fn ask_store(dice: &mut Dice) -> key_value::Input {
    let key = dice.below(10).to_string();
    let text = format!("x {} {} y", dice.below(50), dice.below(1000));
    let command = match dice.below(100) {
        0..45 => Command::Get,
        45..95 => Command::Append(text),
        _ => Command::Put(text),
    };
    key_value::Input { key, command }
}

fn answer_store(state: &key_value::Text, input: &key_value::Input) -> key_value::Output {
    match input.command {
        Command::Get => key_value::Output::Text(state.as_str().to_owned()),
        Command::Put(_) | Command::Append(_) => key_value::Output::Done,
    }
}

/// Writes all of them into a directory, in the formats in which they can be read back.
pub(crate) fn export(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut verdicts = "file,operations,verdict\n".to_owned();
    for Story { name, legal, subject } in stories(1) {
        let (text, operations) = match &subject {
            Subject::Register(calls) => (halves(calls, register_line), calls.len()),
            Subject::KeyValue(calls) => (halves(calls, store_line), calls.len()),
        };
        let verdict = if legal { "ok" } else { "illegal" };
        verdicts.push_str(&format!("{name},{operations},{verdict}\n"));
        fs::write(directory.join(name), text)?;
    }
    fs::write(directory.join("verdicts.csv"), verdicts)
}

/// One line for each half of a call, in the order of time.
fn halves<I, O>(
    calls: &[Call<I, O>],
    line: impl Fn(&mut String, &Call<I, O>, bool) -> std::fmt::Result,
) -> String {
    let mut halves = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        halves.push((call.called, place, false));
        halves.extend(call.returned.map(|returned| (returned, place, true)));
    }
    halves.sort_unstable();
    let mut text = String::new();
    for (_, place, returns) in halves {
        line(&mut text, &calls[place], returns).expect("a text takes what is written");
    }
    text
}

fn register_line(
    text: &mut String,
    call: &Call<register::Input, register::Output>,
    returns: bool,
) -> std::fmt::Result {
    let matched = call.output != Some(register::Output::Matched(false));
    let kind = if !returns {
        ":invoke"
    } else if matched {
        ":ok"
    } else {
        ":fail"
    };
    write!(text, "INFO  jepsen.util - {}\t{kind}\t", call.process)?;
    match (call.input, call.output.filter(|_| returns)) {
        (register::Input::Read, Some(register::Output::Value(Some(value)))) => {
            writeln!(text, ":read\t{value}")
        }
        (register::Input::Read, _) => writeln!(text, ":read\tnil"),
        (register::Input::Write(value), _) => writeln!(text, ":write\t{value}"),
        (register::Input::CompareAndSet { expected, new }, _) => {
            writeln!(text, ":cas\t[{expected} {new}]")
        }
    }
}

fn store_line(
    text: &mut String,
    call: &Call<key_value::Input, key_value::Output>,
    returns: bool,
) -> std::fmt::Result {
    let (name, value) = match &call.input.command {
        Command::Get => (":get", None),
        Command::Put(value) => (":put", Some(value)),
        Command::Append(value) => (":append", Some(value)),
    };
    let value = match &call.output {
        Some(key_value::Output::Text(got)) if returns => format!("{got:?}"),
        _ => value.map_or_else(|| "nil".to_owned(), |value| format!("{value:?}")),
    };
    let kind = if returns { ":ok" } else { ":invoke" };
    let (process, key) = (call.process, &call.input.key);
    writeln!(text, "{{:process {process}, :type {kind}, :f {name}, :key {key:?}, :value {value}}}")
}
