//! What a person reads while a run lasts, and that reading it changes nothing.

use std::sync::mpsc;
use std::time::Duration;

use harness::seed::Seed;

use crate::profile::Profile;
use crate::run::{self, Ran, Watching};

/// A short storm, told: the run, and its lines.
fn told(seed: u64) -> (Ran, Vec<String>) {
    let (send, lines) = mpsc::channel();
    let ear = Box::new(move |event: harness::report::LiveEvent<'_>| {
        let line = format!("{:.3} {}: {}", event.at.as_secs_f64(), event.node, event.what);
        send.send((event.at, line)).unwrap();
    });
    let ran = run::carry_out_told(&profile().errand(Seed(seed)), Watching::default(), ear);
    let lines: Vec<(Duration, String)> = lines.iter().collect();
    assert!(lines.is_sorted_by_key(|(at, _)| *at), "told out of order: {lines:#?}");
    (ran, lines.into_iter().map(|(_, line)| line).collect())
}

fn profile() -> Profile {
    Profile::safe().storm(Duration::from_secs(8))
}

#[test]
fn telling_does_not_change_the_run() {
    for seed in [3, 7] {
        let (told, lines) = told(seed);
        let untold = run::run(Seed(seed), &profile(), Watching::default());
        assert!(lines.len() > 20, "{lines:#?}");
        assert_eq!(told.report.digest, untold.report.digest);
        assert_eq!(told.report, untold.report);
        assert_eq!(told.history, untold.history);
    }
}

#[test]
fn every_line_of_the_journal_is_told() {
    let (ran, lines) = told(3);
    for line in &ran.report.journal {
        let at = format!("{:.3} ", line.at.as_secs_f64());
        assert!(lines.iter().any(|told| told.starts_with(&at)), "{} is not told", line.text);
    }
}

#[test]
fn a_story_has_its_elections_its_faults_and_its_clients() {
    let (ran, lines) = told(3);
    let has = |words: &str| lines.iter().any(|line| line.contains(words));
    for words in ["becomes the active controller", "creates the topic orders", "leads orders-0"] {
        assert!(has(words), "{words}: {lines:#?}");
    }
    let struck = lines.iter().filter(|line| line.contains(": FAULT ")).count();
    assert_eq!(u64::try_from(struck).unwrap(), ran.report.faults.values().sum::<u64>());
    let seconds = lines.iter().filter(|line| line.contains("clients: acks=all")).count();
    assert!((4..=10).contains(&seconds), "{seconds} lines on the clients");
}
