//! Corruptions of transactions: a legal history in which one thing is made wrong must be invalid by
//! its right name.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::transactions::{KEYS, Told, steps, tell};
use super::{read, send};
use crate::history::{Action, Key, Phase};
use crate::verdict::AnomalyKind;

/// Makes one thing wrong; the number chooses where.
type Corruption = fn(&mut Told, usize);

/// A process that nobody else is.
const STRANGER: u64 = 1 << 40;

fn key(name: &str) -> Key {
    Key::from(name)
}

/// The parts of all calls that ended, with how they did.
fn parts(told: &mut Told) -> impl Iterator<Item = (Phase, &mut Action)> {
    let ended = told.operations.iter_mut().filter(|operation| operation.phase != Phase::Invoke);
    ended.flat_map(|operation| {
        let parts: Vec<&mut Action> = match &mut operation.action {
            Action::Several { actions } => actions.iter_mut().collect(),
            single @ (Action::Send { .. }
            | Action::Poll { .. }
            | Action::Assign { .. }
            | Action::Subscribe { .. }
            | Action::Latest { .. }) => vec![single],
        };
        let phase = operation.phase;
        parts.into_iter().map(move |part| (phase, part))
    })
}

/// The answers to all polls about one log, the final ones at the end.
fn polls<'t>(told: &'t mut Told, name: &str) -> Vec<&'t mut Vec<(i64, u64)>> {
    let key = key(name);
    let records = parts(told).filter_map(|(_, part)| match part {
        Action::Poll { records, .. } => records.get_mut(&key),
        Action::Send { .. }
        | Action::Assign { .. }
        | Action::Subscribe { .. }
        | Action::Latest { .. }
        | Action::Several { .. } => None,
    });
    records.collect()
}

fn log(told: &mut Told, name: &str) -> Vec<(i64, u64)> {
    polls(told, name).pop().unwrap().clone()
}

fn erase(told: &mut Told, name: &str, value: u64) {
    for records in polls(told, name) {
        records.retain(|(_, other)| *other != value);
    }
}

/// Swaps two values of a log, as if they had been appended the other way round.
fn swap(told: &mut Told, name: &str, (one, other): (u64, u64)) {
    let offset = |log: &[(i64, u64)], value| log.iter().find(|r| r.1 == value).unwrap().0;
    let log = log(told, name);
    let landed = BTreeMap::from([(one, offset(&log, other)), (other, offset(&log, one))]);
    for records in polls(told, name) {
        for (_, value) in records {
            *value = if *value == one {
                other
            } else if *value == other {
                one
            } else {
                *value
            };
        }
    }
    for (_, part) in parts(told) {
        if let Action::Send { values, offsets, .. } = part
            && let Some(at) = values.first().and_then(|value| landed.get(value))
        {
            *offsets = vec![Some(*at)];
        }
    }
}

/// The three values that a calm call sent: to `a`, to `b`, to `a` again. There are four.
fn calm(told: &Told, number: usize) -> (usize, [u64; 3]) {
    let mut calm = told.operations.iter().enumerate().filter_map(|(at, operation)| {
        let Action::Several { actions } = &operation.action else {
            return None;
        };
        let sent = actions.iter().map(|part| match part {
            Action::Send { key, values, .. } => Some((key.as_str(), values[0])),
            Action::Poll { .. }
            | Action::Assign { .. }
            | Action::Subscribe { .. }
            | Action::Latest { .. }
            | Action::Several { .. } => None,
        });
        let sent: Option<Vec<_>> = sent.collect();
        match sent?[..] {
            [("a", one), ("b", two), ("a", three)] if operation.phase == Phase::Ok => {
                Some((at, [one, two, three]))
            }
            _ => None,
        }
    });
    let found: Vec<_> = calm.by_ref().collect();
    // The first two come before all else.
    found[number % 2]
}

/// Two calls that overlap, by strangers.
fn overlapping(told: &mut Told, calls: [&[Action]; 2]) {
    let calls = calls.map(|parts| Action::several(parts.to_vec()));
    for (process, call) in (STRANGER..).zip(&calls) {
        told.write(process, Phase::Invoke, super::asked(call));
    }
    for (process, call) in (STRANGER..).zip(calls) {
        told.write(process, Phase::Ok, call);
    }
}

const CORRUPTIONS: &[(AnomalyKind, Corruption)] = &[
    (AnomalyKind::G1c, |told, _| {
        let one = [send("z", 7, 0), read("z", &[(1, 9)])];
        overlapping(told, [&one, &[read("z", &[(0, 7)]), send("z", 9, 1)]]);
    }),
    (AnomalyKind::G1cRealtime, |told, _| {
        let slow = Action::several(vec![send("z", 7, 0), read("z", &[(1, 9)])]);
        told.write(STRANGER, Phase::Invoke, super::asked(&slow));
        told.call(STRANGER + 1, read("z", &[(0, 7)]));
        told.call(STRANGER + 2, send("z", 9, 1));
        told.write(STRANGER, Phase::Ok, slow);
    }),
    (AnomalyKind::PrecommittedRead, |told, number| {
        let log = log(told, "a");
        let (at, [value, ..]) = calm(told, number);
        let offset = log.iter().find(|record| record.1 == value).unwrap().0;
        // Its invocation is right before it.
        for at in [at - 1, at] {
            let Action::Several { actions } = &mut told.operations[at].action else {
                panic!("a calm call has parts");
            };
            actions.push(read("a", &[(offset, value)]));
        }
    }),
    (AnomalyKind::IntPollSkip, |told, number| {
        let log = log(told, "a");
        let at = 1 + number % (log.len() - 2);
        told.call(
            STRANGER,
            Action::several(vec![read("a", &log[..at]), read("a", &log[at + 1..])]),
        );
    }),
    (AnomalyKind::IntNonmonotonicPoll, |told, number| {
        let log = log(told, "a");
        let at = number % log.len();
        told.call(STRANGER, Action::several(vec![read("a", &log[..=at]), read("a", &log[at..])]));
    }),
    (AnomalyKind::PollSkip, |told, number| {
        let log = log(told, "a");
        let at = 1 + number % (log.len() - 2);
        let assign = |next| Action::Assign {
            positions: BTreeMap::from([(key("a"), next)]),
            source: "n0".to_owned(),
        };
        told.call(STRANGER, assign(0));
        told.call(STRANGER, Action::several(vec![read("a", &log[..at]), read("a", &[])]));
        told.call(STRANGER, assign(-1));
        told.call(STRANGER, Action::several(vec![read("a", &log[at + 1..])]));
    }),
    (AnomalyKind::IntNonmonotonicSend, |told, number| {
        let (_, [one, _, other]) = calm(told, number);
        swap(told, "a", (one, other));
    }),
    (AnomalyKind::RealtimeInversion, |told, _| {
        let ((_, [.., early]), (_, [late, ..])) = (calm(told, 0), calm(told, 1));
        swap(told, "a", (early, late));
    }),
    (AnomalyKind::LostWrite, |told, number| {
        let (_, [_, value, _]) = calm(told, number);
        erase(told, "b", value);
    }),
    // Nobody knows its fate, but one of its values was read.
    (AnomalyKind::LostWrite, |told, number| {
        let (at, [_, value, _]) = calm(told, number);
        told.operations[at].phase = Phase::Info;
        erase(told, "b", value);
    }),
    (AnomalyKind::Unseen, |told, _| {
        let (_, value) = *log(told, "b").last().unwrap();
        erase(told, "b", value);
    }),
    (AnomalyKind::AbortedRead, |told, number| {
        let (at, _) = calm(told, number);
        told.operations[at].phase = Phase::Fail;
    }),
    (AnomalyKind::Phantom, |told, number| {
        let name = KEYS[number % 3];
        let (_, value) = log(told, name)[0];
        for records in polls(told, name) {
            records.iter_mut().filter(|r| r.1 == value).for_each(|record| record.1 = 1 << 60);
        }
    }),
    (AnomalyKind::Duplicate, |told, number| {
        let (_, [value, ..]) = calm(told, number);
        let (end, _) = *log(told, "a").last().unwrap();
        polls(told, "a").into_iter().rev().take(2).for_each(|r| r.push((end + 1, value)));
    }),
    (AnomalyKind::InconsistentOffsets, |told, number| {
        let records = polls(told, "a").pop().unwrap();
        // The calm calls come first: no value is there twice.
        let at = number % 3;
        (records[at].1, records[at + 1].1) = (records[at + 1].1, records[at].1);
    }),
    // What was shown to a reader was not safe: no replica has it in the end.
    (AnomalyKind::ConsumedThenChanged, |told, number| {
        let (_, [value, ..]) = calm(told, number);
        let finals = polls(told, "a").into_iter().rev().take(2);
        finals.for_each(|records| records.retain(|record| record.1 != value));
    }),
    (AnomalyKind::OffsetMismatch, |told, number| {
        let (at, _) = calm(told, number);
        if let Action::Several { actions } = &mut told.operations[at].action {
            actions[1] = actions[1].clone().sent(vec![Some(1 << 40)], false);
        }
    }),
    (AnomalyKind::LatestBackwards, |told, _| {
        for end in [9, 8] {
            told.call(STRANGER, Action::latest("z").answered(end, 1));
        }
    }),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn each_corruption_is_found_by_its_name(steps in steps(), number in any::<usize>()) {
        let legal = tell(&steps);
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
