//! Corruptions: a legal history in which one thing is made wrong must be invalid by its right
//! name.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::simulated::{Told, base, key, steps, tell};
use crate::history::{Action, Operation, Phase, Promise};
use crate::verdict::AnomalyKind;

/// Makes one thing wrong; the number chooses where.
type Corruption = fn(&mut Told, usize);

/// A durable value that was sent once, acknowledged, and read by the final reads.
#[derive(Clone, Copy)]
struct Solid {
    process: u64,
    began: usize,
    ended: usize,
    value: u64,
    offset: i64,
}

fn solid(told: &Told) -> Vec<Solid> {
    let mut begun = BTreeMap::new();
    let mut solid = Vec::new();
    for (at, Operation { process, phase, action, .. }) in told.operations.iter().enumerate() {
        if *phase == Phase::Invoke {
            begun.insert(*process, at);
            continue;
        }
        let Action::Send { values, offsets, promise, retried: false, .. } = action else {
            continue;
        };
        let durable = *promise == Promise::Durable && *phase == Phase::Ok;
        if let (true, [value], [Some(offset)]) = (durable, &values[..], &offsets[..]) {
            let (process, began, value, offset) = (*process, begun[process], *value, *offset);
            solid.push(Solid { process, began, ended: at, value, offset });
        }
    }
    solid
}

fn choose(told: &Told, number: usize) -> Solid {
    let solid = solid(told);
    solid[number % solid.len()]
}

/// All answers to polls, the final ones at the end.
fn polls(told: &mut Told) -> Vec<&mut Vec<(i64, u64)>> {
    let answers = told.operations.iter_mut().filter(|operation| operation.phase == Phase::Ok);
    let polls = answers.filter_map(|operation| match &mut operation.action {
        Action::Poll { records, .. } => records.get_mut(&key()),
        Action::Send { .. }
        | Action::Assign { .. }
        | Action::Subscribe { .. }
        | Action::Latest { .. }
        | Action::Several { .. } => None,
    });
    polls.collect()
}

fn last_read(told: &mut Told) -> &mut Vec<(i64, u64)> {
    polls(told).pop().unwrap()
}

/// Takes a value out of every answer.
fn erase(told: &mut Told, value: u64) {
    for records in polls(told) {
        records.retain(|(_, other)| *other != value);
    }
}

fn call(told: &mut Told, process: u64, phase: Phase, asked: Action, learned: Action) {
    for (phase, action) in [(Phase::Invoke, asked), (phase, learned)] {
        let index = u64::try_from(told.operations.len()).unwrap();
        let operation = Operation { index, time: index * 10, process, phase, action, error: None };
        told.operations.push(operation);
    }
}

fn poll(told: &mut Told, process: u64, records: &[(i64, u64)]) {
    let read = BTreeMap::from([(key(), records.to_vec())]);
    let asked = Action::poll("n1");
    call(told, process, Phase::Ok, asked.clone(), asked.polled(read));
}

/// Swaps two values in the log and in the acknowledgements, as if appended the other way round.
fn swap(told: &mut Told, one: Solid, other: Solid) {
    let rename = |value: &mut u64| match *value {
        v if v == one.value => *value = other.value,
        v if v == other.value => *value = one.value,
        _ => {}
    };
    for records in polls(told) {
        records.iter_mut().for_each(|(_, value)| rename(value));
    }
    for (solid, landed) in [(one, other.offset), (other, one.offset)] {
        if let Action::Send { offsets, .. } = &mut told.operations[solid.ended].action {
            *offsets = vec![Some(landed)];
        }
    }
}

/// Two solid values, the first acknowledged before the second was sent.
fn in_order(told: &Told, number: usize, same_process: bool) -> (Solid, Solid) {
    let solid = solid(told);
    let pairs: Vec<(Solid, Solid)> = solid
        .iter()
        .flat_map(|one| solid.iter().map(|other| (*one, *other)))
        .filter(|(one, other)| one.ended < other.began)
        .filter(|(one, other)| (one.process == other.process) == same_process)
        .collect();
    pairs[number % pairs.len()]
}

fn vacuous(told: &mut Told, _: usize) {
    polls(told).into_iter().for_each(Vec::clear);
}

const CORRUPTIONS: &[(AnomalyKind, Corruption)] = &[
    (AnomalyKind::Vacuous, vacuous),
    (AnomalyKind::LostWrite, |told, number| {
        // Not the last one: something must come after it.
        let solid = solid(told);
        let value = solid[number % (solid.len() - 1)].value;
        erase(told, value);
    }),
    (AnomalyKind::Unseen, |told, _| {
        let (_, value) = *last_read(told).last().unwrap();
        erase(told, value);
    }),
    (AnomalyKind::Phantom, |told, number| {
        let records = last_read(told);
        let at = number % records.len();
        records[at].1 = 1 << 60;
    }),
    (AnomalyKind::AbortedRead, |told, number| {
        let ended = choose(told, number).ended;
        told.operations[ended].phase = Phase::Fail;
    }),
    (AnomalyKind::PrecommittedRead, |told, number| {
        let Solid { offset, value, .. } = choose(told, number);
        let sends = std::mem::take(&mut told.operations);
        poll(told, 1 << 40, &[(offset, value)]);
        let moved = |operation: Operation| Operation { index: operation.index + 2, ..operation };
        told.operations.extend(sends.into_iter().map(moved));
    }),
    (AnomalyKind::InconsistentOffsets, |told, number| {
        let value = choose(told, number).value;
        let records = last_read(told);
        let at = records.iter().position(|(_, other)| *other == value).unwrap();
        let beside = if at == 0 { 1 } else { at - 1 };
        (records[at].1, records[beside].1) = (records[beside].1, records[at].1);
    }),
    (AnomalyKind::Duplicate, |told, number| {
        let value = choose(told, number).value;
        let (end, _) = *last_read(told).last().unwrap();
        polls(told).into_iter().rev().take(3).for_each(|records| records.push((end + 1, value)));
    }),
    (AnomalyKind::IntPollSkip, |told, number| {
        let records = last_read(told);
        let at = 1 + number % (records.len() - 2);
        records.remove(at);
    }),
    (AnomalyKind::IntNonmonotonicPoll, |told, number| {
        let records = last_read(told);
        let at = number % (records.len() - 1);
        records.swap(at, at + 1);
    }),
    (AnomalyKind::PollSkip, |told, number| {
        let records = last_read(told).clone();
        let at = 1 + number % (records.len() - 2);
        poll(told, 1 << 40, &records[..at]);
        poll(told, 1 << 40, &[]);
        poll(told, 1 << 40, &records[at + 1..]);
    }),
    (AnomalyKind::NonmonotonicPoll, |told, number| {
        let records = last_read(told).clone();
        let at = number % records.len();
        poll(told, 1 << 40, &records[..=at]);
        poll(told, 1 << 40, &records[at..]);
    }),
    (AnomalyKind::NonmonotonicSend, |told, number| {
        let (one, other) = in_order(told, number, true);
        swap(told, one, other);
    }),
    (AnomalyKind::RealtimeInversion, |told, number| {
        let (one, other) = in_order(told, number, false);
        swap(told, one, other);
    }),
    (AnomalyKind::IntNonmonotonicSend, |told, _| {
        let (end, _) = *last_read(told).last().unwrap();
        let (early, late) = (1 << 60, (1 << 60) + 1);
        let asked = Action::send(key(), vec![early, late], Promise::Durable, true);
        let learned = asked.clone().sent(vec![Some(end + 2), Some(end + 1)], false);
        call(told, 1 << 40, Phase::Ok, asked, learned);
        poll(told, (1 << 40) + 1, &[(end + 1, late), (end + 2, early)]);
    }),
    (AnomalyKind::OffsetMismatch, |told, number| {
        let Solid { ended, offset, .. } = choose(told, number);
        if let Action::Send { offsets, .. } = &mut told.operations[ended].action {
            *offsets = vec![Some(offset + 1)];
        }
    }),
    (AnomalyKind::ConsumedThenChanged, |told, number| {
        let records = last_read(told);
        let keep = number % records.len();
        records.truncate(keep);
    }),
    (AnomalyKind::LatestBackwards, |told, _| {
        let (end, _) = *last_read(told).last().unwrap();
        let asked = Action::latest(key());
        for (process, end) in [(1 << 40, end + 1), ((1 << 40) + 1, end)] {
            let answered = asked.clone().answered(end, i32::MAX);
            call(told, process, Phase::Ok, asked.clone(), answered);
        }
    }),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn each_corruption_is_found_by_its_name(
        base in base(),
        steps in steps(),
        number in any::<usize>(),
    ) {
        let legal = tell(base, &steps);
        for (kind, corrupt) in CORRUPTIONS {
            let mut told = legal.clone();
            corrupt(&mut told, number);
            let judged = told.judged();
            prop_assert!(
                judged.counts.anomalies.contains_key(kind),
                "{kind} expected: {}\n{}", judged.verdict, told
            );
            prop_assert!(!judged.verdict.is_valid());
        }
    }
}
