//! The log checker against a brute force and the general search, on small random histories.
//!
//! `HARNESS_LOG_CASES=200000 cargo test -p harness --lib log::tests::agree -- --nocapture` judges
//! so many, from `HARNESS_LOG_SEED` on, and says how many were legal.

use super::cases::Case;
use super::{brute, draw};
use crate::checker::linearizable::log::Outcome;
use crate::seed::Seed;

/// How many histories are judged if nobody asks for more.
const CASES: u64 = 4000;

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    legal: u64,
    illegal: u64,
    unknown: u64,
    searched: u64,
    with_holes: u64,
    legal_by_force: u64,
    too_many_orders: u64,
}

/// What three judges say: this checker, the brute force, the general search.
fn verdicts(case: &Case) -> (Outcome, Option<bool>, Option<bool>) {
    (case.judged().outcome, brute::forced(case), case.searched())
}

fn agree((outcome, forced, searched): &(Outcome, Option<bool>, Option<bool>)) -> bool {
    let ours = match outcome {
        Outcome::Linearizable => Some(true),
        Outcome::Violated(_) => Some(false),
        Outcome::Unknown(_) => None,
    };
    let same = |one: Option<bool>, other: Option<bool>| {
        one.zip(other).is_none_or(|(one, other)| one == other)
    };
    same(ours, *forced) && same(ours, *searched) && same(*forced, *searched)
}

/// Leaves out operations as long as the judges still disagree.
fn smallest(mut case: Case) -> Case {
    let mut at = 0;
    while at < case.ops.len() {
        let mut smaller = case.clone();
        smaller.ops.remove(at);
        if agree(&verdicts(&smaller)) {
            at += 1;
        } else {
            (case, at) = (smaller, 0);
        }
    }
    case
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn three_judges_agree_on_small_histories() {
    let (first, cases) = (number("HARNESS_LOG_SEED", 0), number("HARNESS_LOG_CASES", CASES));
    let mut tally = Tally::default();
    for seed in first..first + cases {
        let mut dice = Seed(seed).stream("log");
        let mut case = draw::legal(&mut dice, 9);
        if seed % 2 == 1 {
            draw::corrupt(&mut dice, &mut case);
        }
        let verdicts = verdicts(&case);
        if !agree(&verdicts) {
            let case = smallest(case);
            panic!("seed {seed}: {:?}\n{:#?}\n{}", self::verdicts(&case), case, case.told());
        }
        assert!(
            seed % 2 == 1 || verdicts.1 != Some(false),
            "seed {seed}: what a log does is legal: {case:#?}"
        );
        match verdicts.0 {
            Outcome::Linearizable => tally.legal += 1,
            Outcome::Violated(_) => tally.illegal += 1,
            Outcome::Unknown(_) => tally.unknown += 1,
        }
        tally.legal_by_force += u64::from(verdicts.1 == Some(true));
        tally.too_many_orders += u64::from(verdicts.1.is_none());
        tally.searched += u64::from(verdicts.2.is_some());
        tally.with_holes += u64::from(!case.sparse && case.judged().holes > 0);
    }
    println!("{cases} histories: {tally:?}");
    assert!(tally.too_many_orders * 100 <= cases, "{tally:?}");
    // Only one thing is left undecided, and it is rare.
    assert!(tally.unknown * 50 <= cases, "{tally:?}");
    for reached in [tally.legal, tally.illegal, tally.searched] {
        assert!(reached * 6 >= cases, "{tally:?}");
    }
    assert!(tally.with_holes * 50 >= cases, "{tally:?}");
}
