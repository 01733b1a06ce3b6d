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

/// One call, before it is sorted in.
#[derive(Debug)]
struct Call {
    began: u64,
    ended: Option<u64>,
    state: u8,
    lane: usize,
    kind: usize,
    key: Option<usize>,
    process: u64,
    index: u64,
    end_index: Option<u64>,
    words: String,
}

impl Calls {
    /// The calls of `history`.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut columns = Self::default();
        let mut calls: Vec<Call> = Vec::new();
        let mut lanes: Vec<Lane> = Vec::new();
        let mut open: BTreeMap<u64, usize> = BTreeMap::new();
        for operation in history.operations() {
            if operation.phase == Phase::Invoke {
                open.insert(operation.process, calls.len());
                let lane = lane_of(&mut lanes, operation);
                calls.push(columns.begun(operation, lane));
            } else if let Some(at) = open.remove(&operation.process) {
                let call = &mut calls[at];
                call.end(operation);
                if operation.phase == Phase::Info {
                    lanes[call.lane].lost_at = Some(operation.time);
                }
            }
        }
        // Hosts have moments of their own within a step of the simulation, so a history is not
        // quite in the order of its times.
        calls.sort_by_key(|call| call.began);
        let mut last = 0;
        for call in calls {
            columns.add(call, &mut last);
        }
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for lane in lanes {
            let number = seen.entry(lane.kind.clone()).or_default();
            *number += 1;
            columns.lanes.push(format!("{} {number}", lane.kind));
        }
        columns
    }

    fn begun(&mut self, operation: &Operation, lane: usize) -> Call {
        let (kind, key) = kind_of(&operation.action);
        Call {
            began: operation.time,
            ended: None,
            state: 2,
            lane,
            kind: position(&mut self.kinds, kind),
            key: key.map(|key| position(&mut self.keys, key)),
            process: operation.process,
            index: operation.index,
            end_index: None,
            words: words(operation),
        }
    }

    fn add(&mut self, call: Call, last: &mut u64) {
        self.began.push(call.began.saturating_sub(*last));
        *last = call.began;
        let took = call.ended.map(|ended| ended.saturating_sub(call.began));
        self.took.push(took.map_or(-1, |took| i64::try_from(took).unwrap_or(i64::MAX)));
        self.state.push(call.state);
        self.lane.push(u32::try_from(call.lane).unwrap_or(u32::MAX));
        self.kind.push(u16::try_from(call.kind).unwrap_or(u16::MAX));
        self.key.push(call.key.map_or(-1, |key| i32::try_from(key).unwrap_or(-1)));
        self.process.push(call.process);
        self.index.push(call.index);
        let end_index = call.end_index.map(|index| i64::try_from(index).unwrap_or(-1));
        self.end_index.push(end_index.unwrap_or(-1));
        self.words.push(call.words);
    }
}

impl Call {
    fn end(&mut self, operation: &Operation) {
        self.ended = Some(operation.time);
        self.state = match operation.phase {
            Phase::Invoke | Phase::Ok => 0,
            Phase::Fail => 1,
            Phase::Info => 2,
        };
        self.end_index = Some(operation.index);
        self.words = words(operation);
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
        Action::Several { .. } => "sender and reader".to_owned(),
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
        Action::Several { .. } => ("several", None),
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
        Action::send("log-0", vec![value], Promise::Durable, true)
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
        first.info(at(30), "no answer");
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
    fn calls_stand_in_the_order_of_their_times() {
        let recorder = Recorder::new();
        let (one, other) = (recorder.process(), recorder.process());
        drop(recorder.invoke(at(40), &one, send(1)));
        drop(recorder.invoke(at(30), &other, send(2)));
        let calls = Calls::of(&recorder.history());
        assert_eq!((calls.began, calls.index), (vec![30, 10], vec![1, 0]));
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
