//! Random histories: loss, repetition, reordering, crashes between any two effects, snapshots.

use proptest::prelude::*;

use super::super::*;
use super::cluster::{Cluster, ELECTION_TICKS, Hardship};

/// One random thing happens.
fn happen(cluster: &mut Cluster) {
    let node = cluster.dice.below(cluster.nodes.len());
    match cluster.dice.below(1000) {
        0..200 => cluster.step(node, Event::Tick),
        200..880 => cluster.deliver(),
        880..980 => cluster.propose(node),
        980..990 => cluster.snapshot(node),
        990..992 => cluster.restart(node),
        992..995 => {
            let id = cluster.nodes[node].quorum.settings.me;
            cluster.cut_off.insert(id);
        }
        _ => cluster.cut_off.clear(),
    }
}

/// The world gets well again: within a bounded time somebody is active and everybody agrees.
fn recover(cluster: &mut Cluster) {
    cluster.hardship = Hardship::default();
    cluster.cut_off.clear();
    let mut ticks = 0;
    while cluster.active().is_none() || ticks < 4 * ELECTION_TICKS {
        assert!(ticks < 12 * ELECTION_TICKS, "no leader after {ticks} ticks");
        cluster.tick_all();
        ticks += 1;
    }
    let active = cluster.active().unwrap();
    let before = cluster.truth.len();
    cluster.propose(active);
    for _ in 0..4 * ELECTION_TICKS {
        cluster.tick_all();
    }
    assert_eq!(cluster.truth.len(), before + 1, "a proposal is committed");
    for node in &cluster.nodes {
        assert_eq!(node.state, cluster.truth, "everybody knows everything");
        assert_eq!(node.quorum.leader(), Some(cluster.nodes[active].quorum.settings.me));
    }
}

fn history(seed: u64, steps: usize) -> Cluster {
    let mut cluster = Cluster::new(3, seed);
    for _ in 0..3 {
        cluster.hardship = Hardship {
            lost: cluster.dice.below(20),
            repeated: cluster.dice.below(20),
            crash_in_step: cluster.dice.below(2),
        };
        for _ in 0..steps {
            happen(&mut cluster);
        }
        recover(&mut cluster);
    }
    cluster
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_committed_stays_and_everybody_agrees(seed in any::<u64>()) {
        history(seed, 3000);
    }
}

#[test]
fn the_same_seed_brings_the_same_effects() {
    for seed in 0..4 {
        let (once, again) = (history(seed, 3000), history(seed, 3000));
        assert!(once.diary.len() > 1000);
        assert!(once.diary == again.diary, "seed {seed} gave two histories");
    }
}

#[test]
fn random_histories_reach_what_they_are_meant_to_reach() {
    let (mut restores, mut reigns, mut resigned, mut snapshots, mut committed) = (0, 0, 0, 0, 0);
    for seed in 0..12 {
        let cluster = history(seed, 3000);
        restores += cluster.restores;
        committed += cluster.truth.len();
        for (_, effect) in &cluster.diary {
            reigns += usize::from(matches!(effect, Effect::Active { .. }));
            resigned += usize::from(matches!(effect, Effect::Resigned));
            snapshots +=
                usize::from(matches!(effect, Effect::Send(message) if message.snapshot.is_some()));
        }
    }
    let reached = [restores, reigns, resigned, snapshots, committed / 50];
    assert!(reached.iter().all(|count| *count > 20), "{reached:?}");
}
