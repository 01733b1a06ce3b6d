//! Schedules are carried out as they are written, and whole runs repeat from their seed.

#[cfg(test)]
#[path = "support/numbers.rs"]
mod numbers;

use harness::fault::Skipped;
use harness::nemesis::{Aim, ScheduledFault, Strikes};
use harness::panics::run_isolated;
use harness::prelude::*;
use numbers::{Numbers, READ, WRITE, Words, numbers};

/// A run with everything in it: digest of all events, the journal, and what became of the faults.
fn swarm(seed: u64, schedule: Option<Schedule>) -> (u64, String, Strikes) {
    let mut setup = numbers(5);
    // Wide enough apart that the order in which two messages draw their latencies shows.
    setup.options = setup.options.latency(millis(1), millis(200));
    let told = harness::scenario::run(&setup, Seed(seed), |cluster| {
        let nemesis = Nemesis::swarm().roles(["any"]).actions(["write somewhere"]);
        let schedule = schedule.unwrap_or_else(|| cluster.schedule(&nemesis, secs(60)));
        let writer = cluster.client("writer", |env| async move {
            let mut dice = env.dice;
            let mut written = 0_u64;
            while !env.stop.is_requested() {
                let node = format!("node-{}", dice.range(1..6));
                let answer = numbers::ask(&env.net, &node, WRITE, dice.range(0..1000)).await;
                env.trace.note(format!("{node} says {answer:?}"));
                written += u64::from(answer.is_ok());
                env.clock.sleep(dice.millis(millis(1)..millis(100))).await;
            }
            written
        });
        let strikes = cluster.unleash(&schedule);
        let written = cluster.finish(&writer);
        cluster.note(format!("{written} writes"));
        assert!(written > 0);
        (cluster.trace().digest(), cluster.journal().to_string(), strikes)
    });
    told.unwrap_or_else(|failed| panic!("{failed}"))
}

#[test]
fn run_repeats_from_its_seed_also_beside_other_runs_and_after_them() {
    println!("tokio_unstable: {}", cfg!(tokio_unstable));
    for seed in 1..=4 {
        let first = swarm(seed, None);
        // Tasks that the process made before change the order in which tokio drops later ones.
        run_isolated(|| {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.build().unwrap();
            for _ in 0..seed * 7 + 1 {
                runtime.block_on(async { tokio::spawn(async {}).await.unwrap() });
            }
        })
        .unwrap();
        let (second, third) = std::thread::scope(|scope| {
            let beside = scope.spawn(|| swarm(seed, None));
            let other = scope.spawn(|| swarm(seed + 100, None));
            let second = swarm(seed, None);
            let third = beside.join().unwrap();
            assert_ne!(other.join().unwrap().0, first.0, "different seeds differ");
            (second, third)
        });
        assert_eq!(first.1, second.1, "the journals differ");
        assert_eq!(first, second);
        assert_eq!(first, third);
    }
}

#[test]
fn schedule_from_a_file_gives_the_same_run() {
    let nemesis = Nemesis::swarm().roles(["any"]).actions(["write somewhere"]);
    let drawn = nemesis.draw(Seed(9), 5, secs(60));
    let json = serde_json::to_string_pretty(&drawn).unwrap();
    let read: Schedule = serde_json::from_str(&json).unwrap();
    let (by_dice, by_file) = (swarm(9, None), swarm(9, Some(read)));
    assert_eq!(by_dice, by_file);
}

#[test]
fn swarm_strikes_with_every_class_and_counts_only_what_struck() {
    let mut all = Strikes::default();
    for seed in 20..30 {
        all.strikes.extend(swarm(seed, None).2.strikes);
    }
    let counts = all.by_class();
    for class in FaultClass::ALL {
        assert!(counts.get(&class).is_some_and(|count| count.struck > 0), "{class:?}: {counts:?}");
    }
    assert!(all.skipped() > 0, "some crash finds its node down: {counts:?}");
}

/// Swarm seeds 0x1314bfa and 0x1314c5e drew nothing but a slow link from a node to itself, which
/// strikes nothing.
#[test]
fn link_that_is_drawn_joins_two_nodes() {
    let nemesis = Nemesis::swarm().roles(["any"]);
    let mut links = 0;
    for seed in (0..50).map(Seed) {
        for ScheduledFault { fault, aims, .. } in nemesis.draw(seed, 3, secs(60)).faults {
            links += usize::from(aims.len() == 2);
            assert!(aims.len() != 2 || aims[0] != aims[1], "{seed}: {fault:?} on {aims:?}");
        }
    }
    assert!(links > 100, "{links}");
}

/// A schedule written by hand.
fn by_hand(faults: Vec<(u64, Option<u64>, Fault, Vec<Aim>)>) -> Schedule {
    let faults = faults.into_iter().map(|(at, lasts, fault, aims)| ScheduledFault {
        at: secs(at),
        lasts: lasts.map(secs),
        fault,
        aims,
    });
    Schedule { lasts: secs(20), restart_after: secs(2), faults: faults.collect() }
}

fn at(node: usize) -> Vec<Aim> {
    vec![Aim::Node(Node(node))]
}

#[test]
fn faults_strike_and_end_at_their_times() {
    scenario(numbers(3), |cluster| {
        let schedule = by_hand(vec![
            (8, None, Fault::Isolate, vec![Aim::Role { role: "any".to_owned(), index: 7 }]),
            (1, Some(3), Fault::Crash, at(0)),
            (2, Some(1), Fault::Pause, at(0)),
            (5, Some(2), Fault::Pause, at(1)),
            (9, None, Fault::Pause, vec![Aim::Role { role: "nobody".to_owned(), index: 0 }]),
        ]);
        let strikes = cluster.unleash(&schedule);
        let journal = cluster.journal().to_string();
        let expected = "     1.000s  crash node-1\n\
                        \u{20}    2.000s  skipped pause node-1: the node is down\n\
                        \u{20}    4.000s  end of crash node-1\n\
                        \u{20}    4.000s  start node-1 (no. 2)\n\
                        \u{20}    5.000s  pause node-2\n\
                        \u{20}    7.000s  end of pause node-2\n\
                        \u{20}    8.000s  isolate node-2\n\
                        \u{20}    9.000s  skipped pause: nobody plays the role\n\
                        \u{20}   20.000s  heal\n";
        assert_eq!(journal, expected);
        assert_eq!((strikes.struck(), strikes.skipped()), (3, 2));
        let replay = strikes.as_they_struck(&schedule);
        assert_eq!(replay.faults.len(), 3);
        assert_eq!(replay.faults[2].aims, at(1));
        assert_eq!(cluster.running().len(), 3);
        cluster.run_for(secs(5));
        assert!(cluster.pings_in(2, Node(0), Node(1)) > 10);
    });
}

#[test]
fn system_is_not_asked_for_more_than_it_promises() {
    scenario(numbers(3), |cluster| {
        cluster.system_mut().budget = Some(1);
        let crashes = (1..4).map(|node| (node, Some(1), Fault::Crash, at(0)));
        let strikes = cluster.unleash(&by_hand(crashes.collect()));
        let outcomes: Vec<_> = strikes.strikes.iter().map(|strike| &strike.outcome).collect();
        assert!(outcomes[0].is_ok());
        assert_eq!(outcomes[1..], [&Err(Skipped::OverBudget), &Err(Skipped::OverBudget)]);
    });
}

#[test]
fn overlapping_pauses_end_one_by_one() {
    scenario(numbers(2), |cluster| {
        let first = cluster.strike(&Fault::Pause, &[Node(0)]).unwrap();
        assert_eq!(cluster.strike(&Fault::Pause, &[Node(0)]), Err(Skipped::AlreadyPaused));
        cluster.lift(first);
        cluster.lift(first);
        assert!(cluster.ask(Node(0), READ, 0).is_ok());
    });
}

#[test]
fn process_that_exits_in_a_storm_is_started_again() {
    scenario(numbers(1), |cluster| {
        let killer = cluster.client("killer", |env| async move {
            env.clock.sleep(secs(3)).await;
            numbers::ask(&env.net, "node-1", numbers::EXIT, 0).await.is_err()
        });
        cluster.unleash(&by_hand(Vec::new()));
        assert!(cluster.join(&killer));
        let expected = ["0 starts 1", "0 exited: asked to exit", "0 starts 2"];
        assert_eq!(Cluster::<Numbers>::lives(cluster), expected);
        assert!(cluster.journal().to_string().contains("5."), "two seconds later");
    });
}
