//! Final polls: many polls of one reader, from the beginning of its logs to their end, told as the
//! one final read that they amount to.
//!
//! Jepsen ends a run by assigning fresh clients to the beginning of all keys and polling until
//! they have got as far as anybody did. A key counts as read whole only if this reader got there.
//! What was sent after the reader began is not held against it: the final read is inserted as a
//! call of its own that begins with the assignment.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Action, Key, Operation, Phase};

/// An assignment to the beginning of logs.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The position of its completion in the list of operations.
    pub(super) at: usize,
    /// The reader.
    pub(super) process: u64,
    /// The logs.
    pub(super) keys: BTreeSet<Key>,
}

/// What one reader was given, in order.
#[derive(Default)]
struct Reading {
    records: BTreeMap<Key, Vec<(i64, u64)>>,
    /// The position of its last poll.
    last: Option<usize>,
}

/// Adds a final read for each reader that read at least one log from its beginning to its end.
pub(super) fn tell(operations: &mut Vec<Operation>, beginnings: &[Beginning]) {
    let ends = ends(operations);
    let highest = operations.iter().map(|operation| operation.process).max().unwrap_or(0);
    let mut fresh = highest.checked_add(1);
    let mut extra: BTreeMap<usize, Vec<Operation>> = BTreeMap::new();
    for (beginning, reading) in beginnings.iter().zip(follow(operations, beginnings)) {
        let Reading { mut records, last: Some(last) } = reading else {
            continue;
        };
        records.retain(|key, records| {
            let reached = records.iter().map(|(offset, _)| *offset).max();
            reached >= ends.get(key).copied()
        });
        let Some(process) = fresh.filter(|_| !records.is_empty()) else {
            continue;
        };
        fresh = process.checked_add(1);
        let asked = Action::last_poll(format!("final polls of process {}", beginning.process));
        let learned = asked.clone().polled(records);
        for (at, phase, action) in
            [(beginning.at, Phase::Invoke, asked), (last, Phase::Ok, learned)]
        {
            let Operation { index, time, .. } = operations[at];
            let operation = Operation { index, time, process, phase, action, error: None };
            extra.entry(at).or_default().push(operation);
        }
    }
    let old = std::mem::take(operations);
    for (at, operation) in old.into_iter().enumerate() {
        operations.push(operation);
        operations.extend(extra.remove(&at).into_iter().flatten());
    }
}

/// The highest offset of each key at which anything was acknowledged or read.
fn ends(operations: &[Operation]) -> BTreeMap<Key, i64> {
    let mut ends: BTreeMap<Key, i64> = BTreeMap::new();
    let mut reach = |key: &Key, offset: Option<i64>| {
        if let Some(offset) = offset {
            let end = ends.entry(key.clone()).or_insert(offset);
            *end = offset.max(*end);
        }
    };
    for operation in operations.iter().filter(|operation| operation.phase == Phase::Ok) {
        for part in operation.action.parts() {
            match part {
                Action::Send { key, offsets, .. } => {
                    reach(key, offsets.iter().copied().flatten().max());
                }
                Action::Poll { records, .. } => {
                    for (key, records) in records {
                        reach(key, records.iter().map(|(offset, _)| *offset).max());
                    }
                }
                Action::Assign { .. }
                | Action::Subscribe { .. }
                | Action::Latest { .. }
                | Action::Several { .. } => {}
            }
        }
    }
    ends
}

/// What each reader was given between its beginning and its next assignment.
fn follow(operations: &[Operation], beginnings: &[Beginning]) -> Vec<Reading> {
    let mut readings: Vec<Reading> = beginnings.iter().map(|_| Reading::default()).collect();
    let mut next = beginnings.iter().enumerate().peekable();
    let mut reading: BTreeMap<u64, usize> = BTreeMap::new();
    for (at, operation) in operations.iter().enumerate() {
        match &operation.action {
            Action::Assign { .. } | Action::Subscribe { .. } => {
                reading.remove(&operation.process);
            }
            Action::Poll { .. } | Action::Several { .. } => match operation.phase {
                Phase::Invoke => {}
                Phase::Ok => {
                    if let Some(number) = reading.get(&operation.process) {
                        readings[*number].add(at, &beginnings[*number].keys, &operation.action);
                    }
                }
                // Nobody knows what it swallowed, so here the reading ends.
                Phase::Fail | Phase::Info => {
                    reading.remove(&operation.process);
                }
            },
            Action::Send { .. } | Action::Latest { .. } => {}
        }
        if let Some((number, beginning)) = next.next_if(|(_, beginning)| beginning.at == at) {
            reading.insert(beginning.process, number);
        }
    }
    readings
}

impl Reading {
    fn add(&mut self, at: usize, keys: &BTreeSet<Key>, action: &Action) {
        for part in action.parts() {
            if let Action::Poll { records, last: false, .. } = part {
                self.last = Some(at);
                for (key, records) in records.iter().filter(|(key, _)| keys.contains(*key)) {
                    self.records.entry(key.clone()).or_default().extend(records);
                }
            }
        }
    }
}
