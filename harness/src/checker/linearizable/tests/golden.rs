//! How many steps the search takes, to the last one.
//!
//! A reduction that is lost changes no verdict, and no other test need notice. These histories are
//! always the same, and so are the steps: a number that grows says that the search got worse, and
//! one that falls may be written here.

use super::super::dovetail::{self, Wanted};
use super::super::models::key_value::KeyValue;
use super::super::models::log::AppendLog;
use super::super::models::queue::Queue;
use super::super::models::register::Register;
use super::super::models::set::Set;
use super::super::{Budget, Call, Model, Outcome, check};
use super::ahead::Values;
use super::blind::{OneKey, Tally};
use super::random::{Plain, Subject, WholeStore, forget, play};
use super::{Calls, list, ok};

/// What many histories took together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Taken {
    linearizable: u32,
    steps: u64,
    configurations: u64,
    /// For the verdict alone.
    decided: u64,
}

impl Taken {
    fn add<M: Model>(&mut self, model: &M, calls: &Calls<M>) {
        let budget = Budget::steps(2_000_000);
        let judged = check(model, calls, &budget);
        assert!(!matches!(judged.outcome, Outcome::Unknown(_)), "{judged:?}");
        let decided = dovetail::check(model, calls, &budget, Wanted::Verdict);
        assert_eq!(decided.is_linearizable(), judged.is_linearizable());
        self.linearizable += u32::from(judged.is_linearizable());
        self.steps += judged.effort.steps;
        self.configurations += judged.effort.configurations;
        self.decided += decided.effort.steps;
    }
}

/// The numbers of Vigna's splitmix64, from a seed on.
fn dice(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn script(seed: u32, turns: usize) -> Vec<(u8, u32)> {
    let mut dice = dice(seed.into());
    let turn = || {
        let dice = dice();
        ((dice >> 56) as u8, (dice << 24 >> 32) as u32)
    };
    std::iter::repeat_with(turn).take(turns).collect()
}

/// Two that were asked the same, one soon after the other, get each other's answers.
fn exchange<I: Eq, O: Eq + Clone>(calls: &mut [Call<I, O>]) {
    for late in calls.len() / 2..calls.len() {
        for early in (late.saturating_sub(20)..late).rev() {
            let [one, other] = [&calls[early], &calls[late]];
            if one.input == other.input && one.output.is_some() && other.output.is_some() {
                let output = other.output.clone();
                if one.output != output {
                    calls[late].output = calls[early].output.clone();
                    calls[early].output = output;
                    return;
                }
            }
        }
    }
}

/// Forty histories of so many turns: a few clients or more, who are honest or lie, and of whom few
/// crash or many.
fn taken<M: Subject<Output: Clone>>(model: &M, turns: usize) -> Taken {
    let mut taken = Taken::default();
    for seed in 0..40 {
        let clients = 2 + (seed % 5) as u8;
        let honesty = [0, 0, 60, 20][(seed % 4) as usize];
        let mut calls = play(model, &script(seed, turns), clients, honesty);
        if seed % 4 == 1 {
            exchange(&mut calls);
        }
        if seed % 3 == 0 {
            forget(&mut calls, 0x0842_1084_2108_4210);
        }
        taken.add(model, &calls);
    }
    taken
}

/// What forty histories take that are known by heart.
fn golden(linearizable: u32, [steps, configurations, decided]: [u64; 3]) -> Taken {
    Taken { linearizable, steps, configurations, decided }
}

#[test]
fn registers_take_so_many_steps() {
    assert_eq!(taken(&Register::new(), 300), golden(29, [19173, 1703, 17396]));
    assert_eq!(taken(&Values::<12>, 300), golden(25, [19531, 1980, 15705]));
    assert_eq!(taken(&Values::<4000>, 300), golden(19, [14024, 1430, 11010]));
}

#[test]
fn stores_take_so_many_steps() {
    assert_eq!(taken(&OneKey, 200), golden(28, [19220, 1917, 12506]));
    assert_eq!(taken(&Tally, 200), golden(31, [31172, 4948, 25875]));
    assert_eq!(taken(&WholeStore, 60), golden(28, [7488, 980, 6009]));
}

#[test]
fn logs_sets_and_queues_take_so_many_steps() {
    assert_eq!(taken(&AppendLog, 100), golden(24, [3607, 271, 2770]));
    assert_eq!(taken(&Set, 60), golden(33, [2366, 147, 2038]));
    assert_eq!(taken(&Queue, 60), golden(33, [7797, 1183, 6767]));
}

/// Several parts, in slices.
#[test]
fn stores_of_many_keys_take_so_many_steps() {
    let mut taken = Taken::default();
    for seed in 0..40 {
        let calls = play(&WholeStore, &script(seed, 200), 6, [0, 40][(seed % 2) as usize]);
        taken.add(&KeyValue, &calls);
    }
    assert_eq!(taken, golden(33, [12273, 1120, 9967]));
}

/// Nine writes at once and then a read of none of them, of a register that says nothing of itself:
/// whatever was written behind it, all is tried. And once more, for the longest prefix.
#[test]
fn a_reason_takes_so_many_steps() {
    use super::super::models::register::{Input, Output};
    let write = |value| ok(0, 100, Input::Write(value), Output::Written);
    let read = |at, value| ok(at, at + 1, Input::Read, Output::Value(Some(value)));
    let calls = list((0..12).map(write).chain([read(1, 3), read(101, 77), read(103, 4)]));
    let model = Plain(Register::new());
    let mut taken = Taken::default();
    taken.add(&model, &calls);
    assert_eq!(taken, golden(0, [896381, 37948, 448379]));
    // It is told as far as the budget goes, since the verdict is known.
    let budget = taken.decided + 1000;
    let judged = check(&model, &calls, &Budget::steps(budget));
    assert!(matches!(judged.outcome, Outcome::NotLinearizable(_)), "{judged:?}");
    assert!((budget..budget + 100_000).contains(&judged.effort.steps), "{judged:?}");
}
