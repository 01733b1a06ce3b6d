//! What a judgement tells beside its outcome: how much there was, and what it took.

use super::cases::{Case, Op, append, case, lost, op, read};
use crate::checker::linearizable::log::{
    Append, Fate, LogHistory, Moment, Options, Outcome, Reach, Read, Span, ViolationKind, check,
};

const MANY: i64 = 1000;
/// So far away that a sparse log does not keep what lies before.
const FAR: i64 = 1 << 40;

/// So many appends of one record each, one after the other.
fn many(append: impl Fn(u32, u64, i64) -> Op) -> Vec<Op> {
    let numbers = (1_u64..).zip(0..MANY).zip(10_u32..);
    numbers.map(|((value, offset), called)| append(called, value, offset)).collect()
}

fn bytes(case: &Case) -> usize {
    let judged = case.judged();
    assert_eq!(judged.outcome, Outcome::Linearizable);
    judged.bytes
}

#[test]
fn positions_and_holes_are_counted() {
    let judged = case(vec![lost(0, &[10]), lost(0, &[20]), append((1, 2), &[30], 2)]).judged();
    assert_eq!(judged.outcome, Outcome::Linearizable);
    assert_eq!((judged.positions, judged.holes), (3, 2));
}

/// 12 bytes for each position, 16 for each append that did not tell its offset. A list that grows
/// may have some room left.
#[test]
fn the_memory_of_a_dense_log_is_that_of_its_records() {
    let known = many(|called, value, offset| append((called, called), &[value], offset));
    assert!((12_000..13_000).contains(&bytes(&case(known))));
    let unseen = || many(|called, value, _| lost(called, &[value]));
    // Nobody needs them, so nobody lists them again.
    let full = case([unseen(), vec![append((1, 2), &[9999], 0)]].concat());
    assert!((16_000..20_000).contains(&bytes(&full)), "{}", bytes(&full));
    // Now each is needed: 16 bytes more, 24 for the hole, and 12 for the position.
    let holes = case([unseen(), vec![append((9999, 9999), &[9999], MANY)]].concat());
    assert!((68_000..75_000).contains(&bytes(&holes)), "{}", bytes(&holes));
}

/// 24 bytes more for each stretch of offsets.
#[test]
fn the_memory_of_a_sparse_log_is_that_of_its_stretches() {
    let spread = |by: i64| {
        let far = many(|called, value, at| append((called, called), &[value], FAR + at * by));
        bytes(&case(far).sparse())
    };
    assert!((12_000..13_000).contains(&spread(1)), "{}", spread(1));
    assert!((36_000..40_000).contains(&spread(10)), "{}", spread(10));
}

/// Four examples of each sort are told, and how many there are of it.
#[test]
fn each_sort_of_violation_has_its_own_count() {
    let failed = (1..4).map(|value| op((0, 1), &[value], Fate::Failed));
    let shown = (1..4).map(|value| read((2, 3), 0, &[value]));
    let strangers = (11..17).map(|value| read((2, 3), 0, &[value]));
    let case = case(failed.chain(shown).chain(strangers).collect());
    let Outcome::Violated(violations) = case.judged().outcome else {
        panic!("what failed is not there");
    };
    let told: Vec<_> = violations.iter().map(|one| (one.kind, one.total)).collect();
    let phantoms = vec![(ViolationKind::Phantom, 6); 4];
    assert_eq!(told, [phantoms, vec![(ViolationKind::FailedButVisible, 3); 3]].concat());
}

/// It says why.
#[test]
fn what_cannot_be_held_is_not_judged() {
    let told = |history: &LogHistory| match check(history, &Options::dense()).outcome {
        Outcome::Unknown(reason) => reason,
        other @ (Outcome::Linearizable | Outcome::Violated(_)) => panic!("{other:?}"),
    };
    let (mut backwards, mut long) = (LogHistory::new(), LogHistory::new());
    let span = Span::new(Moment(2), Moment(1));
    let reach = Reach::Prefix;
    backwards.read(Read { span, offset: 0, records: &[], reach });
    assert_eq!(told(&backwards), "operation 0 of the log returns before it is called");
    let span = Span::open(Moment(0));
    let batch = Append { span, records: 1 << 28, fate: Fate::Unknown, repeats: false };
    long.append(batch);
    assert_eq!(told(&long), "the history of one log is longer than can be judged");
}
