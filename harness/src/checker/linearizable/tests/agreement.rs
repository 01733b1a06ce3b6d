//! Three searches, one verdict; and every verdict with its proof.

use proptest::prelude::*;

use super::super::mask::Words;
use super::super::models::key_value::KeyValue;
use super::super::models::log::AppendLog;
use super::super::models::queue::Queue;
use super::super::models::register::Register;
use super::super::models::set::Set;
use super::super::parts::Parts;
use super::super::search::{Ended, Search, Searching};
use super::super::timeline::{Sight, Timeline, by_parts};
use super::super::{Budget, Judgement, Model, Outcome, check, wgl};
use super::blind::{OneKey, Tally};
use super::random::{Plain, Subject, WholeStore, forget, is_answered, play, script};
use super::{Calls, brute};

const BUDGET: Budget = Budget::steps(10_000_000);

/// Insists that a judgement is sound on its own: its order is one, or its order goes as far as the
/// call that is blocked. For histories of one part.
fn must_be_proven<M: Model>(model: &M, calls: &Calls<M>, judgement: &Judgement) {
    match &judgement.outcome {
        Outcome::Linearizable { orders } => {
            let [order] = &orders[..] else {
                return assert!(calls.is_empty());
            };
            brute::must_explain(model, calls, order, |_| true);
        }
        Outcome::NotLinearizable(refutation) => {
            let end = calls[refutation.blocked as usize].returned.unwrap_or(u64::MAX);
            let before = |place: usize| calls[place].returned.is_some_and(|at| at < end);
            brute::must_explain(model, calls, &refutation.order, before);
            assert!(!refutation.order.contains(&refutation.blocked));
            for open in &refutation.open {
                let open = &calls[*open as usize];
                assert!(open.called <= end && open.returned.is_none_or(|at| at >= end));
            }
        }
        Outcome::Unknown(exhausted) => panic!("{exhausted}"),
    }
}

/// Compares all ways to judge a history of one part.
fn must_agree<M: Subject>(model: M, calls: &Calls<M>) {
    let judged = check(&model, calls, &BUDGET);
    let reference = wgl::check(&model, calls, &BUDGET);
    let permuted = brute::is_linearizable(&model, calls);
    let plain = check(&Plain(&model), calls, &BUDGET);
    assert_eq!(reference.is_linearizable(), permuted, "the reference is wrong: {calls:#?}");
    assert_eq!(judged.is_linearizable(), permuted, "the search is wrong: {calls:#?}");
    assert_eq!(plain.is_linearizable(), permuted, "without hooks it is wrong: {calls:#?}");
    for judgement in [judged, reference, plain] {
        must_be_proven(&model, calls, &judgement);
    }
}

/// Compares the searches, as far as the reference comes with a small budget.
fn both_agree<M: Model>(model: &M, calls: &Calls<M>) {
    let judged = check(model, calls, &BUDGET);
    must_be_proven(model, calls, &judged);
    let reference = wgl::check(model, calls, &Budget::steps(100_000));
    if !matches!(reference.outcome, Outcome::Unknown(_)) {
        let (judged, known) = (judged.is_linearizable(), reference.is_linearizable());
        assert_eq!(judged, known, "{calls:#?}");
    }
}

/// Histories of few calls: honest clients, and such as lie once in a while.
fn small(steps: &[(u8, u32)], which: u32) -> (&[(u8, u32)], u8, u32) {
    (&steps[..steps.len().min(26)], 2 + (which % 3) as u8, [0, 3, 6, 10][which as usize % 4])
}

macro_rules! agree {
    ($($name:ident: $model:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(5000))]
            $(
                #[test]
                fn $name(steps in script(26), which in any::<u32>()) {
                    let (steps, clients, honesty) = small(&steps, which);
                    let model = $model;
                    let mut calls = play(&model, steps, clients, honesty);
                    calls.truncate(8);
                    must_agree(model, &calls);
                }
            )*
        }
    };
}

agree! {
    all_searches_agree_on_registers: Register::new();
    all_searches_agree_on_logs: AppendLog;
    all_searches_agree_on_sets: Set;
    all_searches_agree_on_queues: Queue;
    all_searches_agree_on_stores_in_one_part: WholeStore;
    all_searches_agree_on_stores_of_one_key: OneKey;
    all_searches_agree_on_tallies: Tally;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Locality: key by key, or all keys together.
    #[test]
    fn parts_are_judged_as_the_whole(steps in script(40), which in any::<u32>()) {
        let (_, clients, honesty) = small(&steps, which);
        let calls = play(&WholeStore, &steps, clients, honesty);
        let whole = check(&WholeStore, &calls, &BUDGET);
        let model = KeyValue;
        let judged = check(&model, &calls, &BUDGET);
        assert_eq!(judged.is_linearizable(), whole.is_linearizable());
        assert_eq!(wgl::check(&model, &calls, &BUDGET).is_linearizable(), whole.is_linearizable());
        if let Outcome::Linearizable { orders } = judged.outcome {
            let answered = calls.iter().filter(|call| is_answered(call)).count();
            assert!(orders.concat().len() >= answered);
        }
    }

    /// Few clients crash so much, and what a crashed write leaves is seen late or never: the case
    /// for writes that nothing forces.
    #[test]
    fn all_searches_agree_where_much_is_unknown(
        steps in script(30),
        which in any::<u32>(),
        unknown in any::<u64>(),
    ) {
        let (steps, clients, honesty) = small(&steps, which);
        let mut calls = play(&Register::new(), steps, clients, honesty);
        calls.truncate(8);
        forget(&mut calls, unknown);
        must_agree(Register::new(), &calls);

        let mut calls = play(&OneKey, steps, clients, honesty);
        calls.truncate(8);
        forget(&mut calls, unknown);
        must_agree(OneKey, &calls);

        let mut calls = play(&Tally, steps, clients, honesty);
        calls.truncate(8);
        forget(&mut calls, unknown);
        must_agree(Tally, &calls);

        let mut calls = play(&WholeStore, steps, clients, honesty);
        forget(&mut calls, unknown);
        let judged = check(&KeyValue, &calls, &BUDGET).is_linearizable();
        assert_eq!(judged, check(&WholeStore, &calls, &BUDGET).is_linearizable());
        assert_eq!(judged, wgl::check(&KeyValue, &calls, &BUDGET).is_linearizable());
    }

    /// The same for longer histories.
    #[test]
    fn both_searches_agree_where_much_is_unknown(
        steps in script(120),
        which in any::<u32>(),
        unknown in any::<u64>(),
    ) {
        let (clients, honesty) = (2 + (which % 5) as u8, [0, 20, 60][which as usize % 3]);
        let mut calls = play(&Register::new(), &steps, clients, honesty);
        forget(&mut calls, unknown & unknown.rotate_left(17));
        both_agree(&Register::new(), &calls);

        let mut calls = play(&OneKey, &steps, clients, honesty);
        forget(&mut calls, unknown & unknown.rotate_left(17));
        both_agree(&OneKey, &calls);

        let mut calls = play(&Tally, &steps, clients, honesty);
        forget(&mut calls, unknown & unknown.rotate_left(17));
        both_agree(&Tally, &calls);
    }

    /// Longer histories, where permutations are too many.
    #[test]
    fn both_searches_agree_on_longer_histories(steps in script(160), which in any::<u32>()) {
        let (clients, honesty) = (2 + (which % 6) as u8, [0, 20, 60][which as usize % 3]);
        both_agree(&Register::new(), &play(&Register::new(), &steps, clients, honesty));
        both_agree(&OneKey, &play(&OneKey, &steps, clients, honesty));
        both_agree(&Queue, &play(&Queue, &steps[..steps.len().min(60)], clients.min(3), honesty));
    }

    /// One word, two, or as many as it takes: the search is the same to the last step.
    #[test]
    fn the_width_of_masks_changes_nothing(steps in script(120), which in any::<u32>()) {
        let (clients, honesty) = (2 + (which % 9) as u8, [0, 9, 30][which as usize % 3]);
        let model = Register::new();
        let calls = play(&model, &steps, clients, honesty);
        let timeline = || {
            let parts = Parts::new(&model, &calls);
            let events = by_parts(&calls, &parts).pop().unwrap_or_default();
            Timeline::new(&model, &calls, &events, &mut vec![0; calls.len()], Sight::Far)
        };
        let mut narrow = Search::<_, u64>::new(&model, &calls, timeline());
        let mut double = Search::<_, u128>::new(&model, &calls, timeline());
        let mut wide = Search::<_, Words>::new(&model, &calls, timeline());
        let all: [&mut dyn Searching; 3] = [&mut narrow, &mut double, &mut wide];
        let [narrow, double, wide] = all.map(|search| {
            let ended = search.run(u64::MAX, u64::MAX);
            let found = (ended == Ended::Explained).then(|| search.order());
            let refuted = (ended == Ended::Refuted).then(|| search.refutation(None));
            (ended, search.steps(), search.configurations(), found, refuted)
        });
        assert_eq!(narrow, double);
        assert_eq!(narrow, wide);
    }
}
