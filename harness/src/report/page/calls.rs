//! A history as the page draws it: one bar a call, one lane a client.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::{Action, History, Operation, Phase};

/// A call's words are cut here; a final read has thousands of records.
const WORDS_MAX: usize = 240;

/// The calls of a history, in columns, in the order in which they began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Each lane's name.
    pub lanes: Vec<String>,
    /// The kinds of call.
    pub kinds: Vec<String>,
    /// The logs.
    pub keys: Vec<String>,
    /// When each call began, as the difference to the one before.
    pub began: Vec<u64>,
    /// How long it took; -1 if it never ended.
    pub took: Vec<i64>,
    /// How it ended: 0 took effect, 1 certainly had none, 2 nobody knows.
    pub state: Vec<u8>,
    /// Its lane.
    pub lane: Vec<u32>,
    /// Its kind.
    pub kind: Vec<u16>,
    /// Its log; -1 if it concerns several or none.
    pub key: Vec<i32>,
    /// Under which process number.
    pub process: Vec<u64>,
    /// Its number in the history: of the beginning.
    pub index: Vec<u64>,
    /// The number of its end; -1 if it never ended.
    pub end_index: Vec<i64>,
    /// What was asked and learned, in words.
    pub words: Vec<String>,
}

/// A lane while it is filled.
#[derive(Debug)]
struct Lane {
    kind: String,
    process: u64,
    /// Since when its last call is of unknown fate, so that its client will go on under a new
    /// number.
    lost_at: Option<u64>,
}

impl Calls {
    /// The calls of `history`.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut calls = Self::default();
        let mut lanes: Vec<Lane> = Vec::new();
        let mut open: BTreeMap<u64, usize> = BTreeMap::new();
        let mut last = 0;
        for operation in history.operations() {
            if operation.phase == Phase::Invoke {
                open.insert(operation.process, calls.began.len());
                let lane = lane_of(&mut lanes, operation);
                calls.begin(operation, lane, last);
                last = operation.time;
            } else if let Some(call) = open.remove(&operation.process) {
                calls.end(call, operation);
                let lane = usize::try_from(calls.lane[call]).ok().and_then(|l| lanes.get_mut(l));
                if let Some(lane) = lane.filter(|_| operation.phase == Phase::Info) {
                    lane.lost_at = Some(operation.time);
                }
            }
        }
        calls.settle_times();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for lane in lanes {
            let number = seen.entry(lane.kind.clone()).or_default();
            *number += 1;
            calls.lanes.push(format!("{} {number}", lane.kind));
        }
        calls
    }

    fn begin(&mut self, operation: &Operation, lane: usize, last: u64) {
        let (kind, key) = kind_of(&operation.action);
        let kind = position(&mut self.kinds, kind);
        let key = key.map_or(-1, |key| i32::try_from(position(&mut self.keys, key)).unwrap_or(-1));
        self.began.push(operation.time.saturating_sub(last));
        self.took.push(-1);
        self.state.push(2);
        self.lane.push(u32::try_from(lane).unwrap_or(u32::MAX));
        self.kind.push(u16::try_from(kind).unwrap_or(u16::MAX));
        self.key.push(key);
        self.process.push(operation.process);
        self.index.push(operation.index);
        self.end_index.push(-1);
        self.words.push(words(operation));
    }

    /// Its time stays absolute until [`Calls::settle_times`].
    fn end(&mut self, call: usize, operation: &Operation) {
        self.took[call] = i64::try_from(operation.time).unwrap_or(i64::MAX);
        self.state[call] = match operation.phase {
            Phase::Invoke | Phase::Ok => 0,
            Phase::Fail => 1,
            Phase::Info => 2,
        };
        self.end_index[call] = i64::try_from(operation.index).unwrap_or(-1);
        self.words[call] = words(operation);
    }

    fn settle_times(&mut self) {
        let mut at = 0_u64;
        for (began, took) in self.began.iter().zip(&mut self.took) {
            at = at.saturating_add(*began);
            if *took >= 0 {
                *took = took.saturating_sub(i64::try_from(at).unwrap_or(i64::MAX)).max(0);
            }
        }
    }
}

/// The lane of the client that makes this call. A history does not say which client goes on under
/// a new number: it is one that does the same and lost its call, the longest ago if there are
/// several.
fn lane_of(lanes: &mut Vec<Lane>, operation: &Operation) -> usize {
    let process = operation.process;
    if let Some(known) = lanes.iter().position(|lane| lane.process == process) {
        return known;
    }
    let kind = client_of(&operation.action);
    let heirs = lanes.iter().enumerate().filter(|(_, lane)| lane.kind == kind);
    let heir = heirs.filter_map(|(at, lane)| Some((lane.lost_at?, at))).min();
    match heir {
        Some((_, at)) => {
            lanes[at] = Lane { kind, process, lost_at: None };
            at
        }
        None => {
            lanes.push(Lane { kind, process, lost_at: None });
            lanes.len() - 1
        }
    }
}

/// What kind of client makes such calls.
fn client_of(action: &Action) -> String {
    match action {
        Action::Send { promise, idempotent, .. } => {
            let repeats = if *idempotent { ", idempotent" } else { "" };
            format!("sender, {promise}{repeats}")
        }
        Action::Poll { last: true, .. } => "final reader".to_owned(),
        Action::Poll { .. } | Action::Assign { .. } | Action::Subscribe { .. } => {
            "reader".to_owned()
        }
        Action::Latest { .. } => "asks for the end".to_owned(),
    }
}

fn kind_of(action: &Action) -> (&'static str, Option<&str>) {
    match action {
        Action::Send { key, .. } => ("send", Some(key.as_str())),
        Action::Poll { last: true, records, .. } => ("final read", only(records.keys())),
        Action::Poll { records, .. } => ("poll", only(records.keys())),
        Action::Assign { positions, .. } => ("assign", only(positions.keys())),
        Action::Subscribe { keys } => ("subscribe", only(keys.iter())),
        Action::Latest { key, .. } => ("latest", Some(key.as_str())),
    }
}

fn only<'a>(mut keys: impl Iterator<Item = &'a crate::history::Key>) -> Option<&'a str> {
    let first = keys.next()?;
    keys.next().is_none().then_some(first.as_str())
}

fn position(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

fn words(operation: &Operation) -> String {
    let mut words = operation.action.to_string();
    if let Some(error) = &operation.error {
        words.push_str(": ");
        words.push_str(error);
    }
    if let Some((cut, _)) = words.char_indices().nth(WORDS_MAX) {
        words.truncate(cut);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::{Promise, Recorder};

    fn send(value: u64) -> Action {
        Action::send("log-0".into(), vec![value], Promise::Durable, true)
    }

    fn at(time: u64) -> Duration {
        Duration::from_micros(time)
    }

    #[test]
    fn a_client_keeps_its_lane_under_a_new_number() {
        let recorder = Recorder::new();
        let (one, other) = (recorder.process(), recorder.process());
        let first = recorder.invoke(at(10), &one, send(1));
        let second = recorder.invoke(at(12), &other, send(2));
        second.ok(at(20), send(2));
        first.info(at(30), send(1), "no answer");
        recorder.invoke(at(40), &one, send(3)).ok(at(45), send(3));
        let calls = Calls::of(&recorder.history());
        assert_eq!(calls.lanes, ["sender, durable, idempotent 1", "sender, durable, idempotent 2"]);
        assert_eq!(calls.lane, [0, 1, 0]);
        assert_eq!(calls.process, [0, 1, 2]);
        assert_eq!(calls.began, [10, 2, 28]);
        assert_eq!(calls.took, [20, 8, 5]);
        assert_eq!(calls.state, [2, 0, 0]);
        assert_eq!(calls.end_index, [3, 2, 5]);
    }

    #[test]
    fn a_call_without_an_end_stays_unknown() {
        let recorder = Recorder::new();
        let process = recorder.process();
        drop(recorder.invoke(at(10), &process, send(1)));
        let calls = Calls::of(&recorder.history());
        assert_eq!((calls.took[0], calls.state[0], calls.end_index[0]), (-1, 2, -1));
    }
}
