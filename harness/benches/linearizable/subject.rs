//! A history of one of the models, and what judging it costs.

use std::io::BufRead;
use std::time::Duration;

use harness::checker::linearizable::models::key_value::{self, KeyValue};
use harness::checker::linearizable::models::register::{self, Register};
use harness::checker::linearizable::{
    Budget, Call, Effort, Event, Judgement, Model, Outcome, Pairing, check, decide, wgl,
};
use harness::history::recorded::{Unrecorded, key_value_text, register_log};

/// The calls of a register or of a store.
pub(crate) enum Subject {
    /// Of a register that holds nothing at first.
    Register(Vec<Call<register::Input, register::Output>>),
    /// Of a key-value store.
    KeyValue(Vec<Call<key_value::Input, key_value::Output>>),
}

/// What one history came to.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) operations: usize,
    pub(crate) verdict: &'static str,
    /// Whether it is legal, if that is known.
    pub(crate) expected: Option<bool>,
    /// The verdict alone, from calls in memory.
    pub(crate) check: Duration,
    /// The same from events that are not paired yet.
    pub(crate) paired: Duration,
    pub(crate) effort: Effort,
    /// The reference, if it came to the same verdict within its budget; one round.
    pub(crate) reference: Option<Duration>,
}

impl Line {
    /// Whether the verdict is the known one.
    pub(crate) fn is_right(&self) -> bool {
        match self.expected {
            Some(true) => self.verdict == "ok",
            Some(false) => self.verdict == "illegal",
            None => self.verdict != "unknown",
        }
    }
}

/// How much of a history is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Depth {
    /// All, and each once: only to see that it works.
    #[default]
    Once,
    /// The check alone, many times: for a race against another checker.
    Race,
    /// The check, with the pairing of halves before it, and the reference.
    Full,
}

/// For a search, and for the reference: memory is what it runs out of.
const BUDGET: Budget = Budget::steps(1_000_000_000);
const REFERENCE: Budget = Budget::steps(20_000_000).bytes(1 << 28);

impl Subject {
    pub(crate) fn register(from: impl BufRead) -> Result<Self, Unrecorded> {
        register_log(from).map(Self::Register)
    }

    pub(crate) fn key_value(from: impl BufRead) -> Result<Self, Unrecorded> {
        key_value_text(from).map(Self::KeyValue)
    }

    /// Judges it, as much as is asked for.
    pub(crate) fn judge(&self, name: String, expected: Option<bool>, depth: Depth) -> Line {
        match self {
            Self::Register(calls) => judge(name, expected, depth, calls, &Register::new()),
            Self::KeyValue(calls) => judge(name, expected, depth, calls, &KeyValue),
        }
    }
}

fn judge<M: Model<Input: Clone, Output: Clone>>(
    name: String,
    expected: Option<bool>,
    depth: Depth,
    calls: &[Call<M::Input, M::Output>],
    model: &M,
) -> Line {
    let judged = check(model, calls, &BUDGET);
    let once = timed(|| decide(model, calls, &BUDGET));
    let rounds = rounds(once, depth);
    let line = Line {
        name,
        operations: calls.len(),
        verdict: told(&judged),
        expected,
        check: best(rounds, || decide(model, calls, &BUDGET)).min(once),
        paired: Duration::ZERO,
        effort: judged.effort,
        reference: None,
    };
    match depth {
        Depth::Race => line,
        Depth::Once | Depth::Full => {
            let paired = (0..rounds).map(|_| time_paired(model, events(calls))).min();
            let reference = time_reference(model, calls, line.verdict, rounds);
            Line { paired: paired.unwrap_or_default(), reference, ..line }
        }
    }
}

/// The halves of calls, each with the number of its process.
type Halves<M> = Vec<(u64, Event<<M as Model>::Input, <M as Model>::Output>)>;

/// What it takes from the halves of calls.
fn time_paired<M: Model>(model: &M, events: Halves<M>) -> Duration {
    timed(|| {
        let calls = pair(events);
        decide(model, &calls, &BUDGET)
    })
}

/// What the reference takes; `None` if it does not come to the verdict.
fn time_reference<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    verdict: &'static str,
    rounds: u32,
) -> Option<Duration> {
    let mut judged = None;
    let once = timed(|| judged = Some(wgl::check(model, calls, &REFERENCE)));
    if told(&judged?) != verdict {
        return None;
    }
    // It may have been quick: then it deserves as many rounds.
    let quick = once < Duration::from_millis(50);
    Some(if quick { best(rounds, || wgl::check(model, calls, &REFERENCE)) } else { once })
}

fn told(judged: &Judgement) -> &'static str {
    match judged.outcome {
        Outcome::Linearizable { .. } => "ok",
        Outcome::NotLinearizable(_) => "illegal",
        Outcome::Unknown(_) => "unknown",
    }
}

/// The halves of the calls in the order of time, as a recorder has them.
fn events<I: Clone, O: Clone>(calls: &[Call<I, O>]) -> Vec<(u64, Event<I, O>)> {
    let mut events = Vec::new();
    for call in calls {
        events.push((call.called, call.process, Event::Invoke(call.input.clone())));
        if let (Some(output), Some(returned)) = (&call.output, call.returned) {
            events.push((returned, call.process, Event::Ok(output.clone())));
        }
    }
    events.sort_by_key(|(at, ..)| *at);
    events.into_iter().map(|(_, process, event)| (process, event)).collect()
}

fn pair<I, O>(events: Vec<(u64, Event<I, O>)>) -> Vec<Call<I, O>> {
    let mut pairing = Pairing::new();
    for (operation, (process, event)) in (0..).zip(events) {
        pairing.event(process, operation, event).expect("calls that were paired pair again");
    }
    pairing.finish()
}

/// As many as fit into a fifth of a second, since the small ones need many.
fn rounds(once: Duration, depth: Depth) -> u32 {
    let fitting = Duration::from_millis(200).as_nanos() / once.as_nanos().max(1);
    match depth {
        Depth::Once => 1,
        Depth::Race | Depth::Full => u32::try_from(fitting.clamp(5, 20_000)).unwrap_or(5),
    }
}

fn best<T>(rounds: u32, work: impl Fn() -> T) -> Duration {
    (0..rounds).map(|_| timed(&work)).min().unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "measures this machine, in real time")]
fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = std::time::Instant::now();
    let done = work();
    let elapsed = begun.elapsed();
    drop(done);
    elapsed
}
