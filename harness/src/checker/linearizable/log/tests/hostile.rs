//! Whatever a file can hold: huge offsets, garbage, contradictions.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::checker::linearizable::log::{
    Append, Fate, LogHistory, Moment, Options, Outcome, Reach, Read, Record, Span, ViolationKind,
    check,
};

const BOTH: [Options; 2] = [Options::dense(), Options { sparse: true, ..Options::dense() }];

fn at(called: u32, returned: u32) -> Span {
    Span::new(Moment(called), Moment(returned))
}

/// Neither a dense nor a sparse log gets memory for what lies between.
#[test]
fn a_huge_offset_costs_nothing() {
    for offset in [1 << 40, 1 << 62, i64::MAX - 3, i64::MAX] {
        let mut history = LogHistory::new();
        let fate = Fate::Acknowledged { offset };
        let append = Append { span: at(0, 1), records: 2, fate, repeats: false };
        let first = history.append(append);
        let unknown = Append { fate: Fate::Unknown, ..append };
        let other = history.append(unknown);
        history.append(Append { repeats: true, ..unknown });
        let read = Read { span: at(2, 3), offset, records: &[first], reach: Reach::Prefix };
        history.read(read);
        history.read(Read { offset: offset - 7, records: &[other], ..read });
        history.read(Read { offset: offset / 2, records: &[], reach: Reach::Tail, ..read });
        for options in BOTH {
            let judged = check(&history, &options);
            assert!(judged.bytes < 100_000, "{offset}: {}", judged.bytes);
            assert_ne!(judged.outcome, Outcome::Linearizable, "its end is stale");
        }
    }
}

#[test]
fn a_call_that_returns_before_it_is_called_is_no_call() {
    let mut history = LogHistory::new();
    history.read(Read { span: at(2, 1), offset: 0, records: &[], reach: Reach::Prefix });
    assert!(matches!(check(&history, &BOTH[0]).outcome, Outcome::Unknown(_)));
}

/// Its number is never given to a record that is appended later.
#[test]
fn a_stranger_stays_a_stranger() {
    let mut history = LogHistory::new();
    let stranger = history.stranger();
    history.read(Read { span: at(2, 3), offset: 0, records: &[stranger], reach: Reach::Prefix });
    let fate = Fate::Unknown;
    history.append(Append { span: at(0, 1), records: 3, fate, repeats: false });
    let Outcome::Violated(violations) = check(&history, &BOTH[0]).outcome else {
        panic!("nobody appended it");
    };
    assert_eq!(violations[0].kind, ViolationKind::Phantom);
}

#[test]
fn an_empty_history_is_linearizable() {
    for options in BOTH {
        assert_eq!(check(&LogHistory::new(), &options).outcome, Outcome::Linearizable);
    }
}

fn offset() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 0..9_i64,
        1 => Just(i64::MAX),
        1 => Just(i64::MIN),
        1 => Just(1_i64 << 62),
        1 => any::<i64>(),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        offset().prop_map(|offset| Fate::Acknowledged { offset }),
        Just(Fate::AcknowledgedSomewhere),
        Just(Fate::Failed),
        Just(Fate::Unknown),
        offset().prop_map(|offset| Fate::UnknownAt { offset }),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    let times = prop_oneof![9 => 0..30_u32, 1 => any::<u32>()];
    (times.clone(), times).prop_map(|(one, other)| at(one.min(other), one.max(other)))
}

/// An append, or else a read.
type Garbage = (Span, Fate, u32, (bool, bool, bool), i64, Vec<u32>);

fn garbage() -> impl Strategy<Value = Garbage> {
    let records = vec(prop_oneof![9 => 0..20_u32, 1 => any::<u32>()], 0..4);
    (span(), fate(), 0..4_u32, any::<(bool, bool, bool)>(), offset(), records)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn garbage_is_judged_without_a_panic(garbage in vec(garbage(), 0..24)) {
        let mut history = LogHistory::new();
        for (span, fate, records, (is_append, flag, _), offset, found) in garbage {
            if is_append {
                history.append(Append { span, records, fate, repeats: flag && records != 3 });
            } else {
                let records: Vec<Record> = found.into_iter().map(Record).collect();
                let reach = if flag { Reach::Tail } else { Reach::Prefix };
                history.read(Read { span, offset, records: &records, reach });
            }
        }
        for options in BOTH {
            if let Outcome::Violated(violations) = check(&history, &options).outcome {
                prop_assert!(!violations.is_empty());
                for violation in violations {
                    prop_assert!(!violation.to_string().is_empty());
                    prop_assert!(violation.total > 0);
                }
            }
        }
    }
}
