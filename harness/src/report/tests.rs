//! Golden tests: what a person sees.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;

fn counts(pairs: &[(&str, u64)]) -> Counts {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn journal(pairs: &[(u64, &str)]) -> Vec<JournalLine> {
    let line = |(ms, text): &(u64, &str)| JournalLine {
        at: Duration::from_millis(*ms),
        text: (*text).to_owned(),
    };
    pairs.iter().map(line).collect()
}

fn valid() -> RunReport {
    RunReport {
        scenario: "partitions, storm and calm".to_owned(),
        seed: 42,
        simulated: Duration::from_millis(123_456),
        operations: 14_210,
        acknowledged: counts(&[("all", 9_001), ("one", 120)]),
        reads: 8_712,
        linearizable: Counts::new(),
        faults: counts(&[("cut", 3), ("kill", 1)]),
        effects: Counts::new(),
        skipped: counts(&[("kill", 2)]),
        budget: counts(&[("nodes down at once, most", 1)]),
        // Written down out of order, as two threads of a story may.
        journal: journal(&[(21_377, "heal"), (5_000, "cut node-1 | node-2 node-3")]),
        verdict: OutcomeVerdict::Valid,
        anomalies: Vec::new(),
        violation: None,
        liveness: None,
        losses_explained: 0,
        losses_unexplained: 0,
        digest: "9f86d081884c7d65".to_owned(),
        repeat: "cargo faults run --seed 0x2a".to_owned(),
    }
}

fn lost() -> AnomalyReport {
    AnomalyReport {
        kind: "lost-write".to_owned(),
        key: Some("3".to_owned()),
        summary: "value 17 was acknowledged at offset 4, and readers went past it".to_owned(),
        count: 2,
        lines: vec![
            "#120  12.004s  client-1  send 17 -> ok, offset 4".to_owned(),
            "#188  25.310s  client-2  poll -> 3:16 5:18".to_owned(),
        ],
    }
}

fn check(report: &RunReport, expected: &Expect) {
    let mut out = Vec::new();
    report.write(&mut out, Style::Plain).unwrap();
    expected.assert_eq(&String::from_utf8(out).unwrap());
}

#[test]
fn valid_run_is_told_at_a_glance() {
    let judged = counts(&[("logs", 3), ("reads", 2_100)]);
    check(
        &RunReport { linearizable: judged, ..valid() },
        &expect![[r#"
        VALID    every promise was kept over 14,210 operations and 4 faults

        scenario   partitions, storm and calm
        seed       0x2a
        simulated  123.456s
        digest     9f86d081884c7d65

        operations                  14,210
        acknowledged                 9,121
          all                        9,001
          one                          120
        reads                        8,712
        judged for linearizability
          logs                           3
          reads                      2,100
        faults                           4
          cut                            3
          kill                           1
        faults skipped                   2
          kill                           2
        fault budget
          nodes down at once, most       1

        journal
              5.000s  cut node-1 | node-2 node-3
             21.377s  heal

        again   cargo faults run --seed 0x2a
        VALID    every promise was kept over 14,210 operations and 4 faults
    "#]],
    );
}

#[test]
fn anomaly_is_told_with_its_proof_and_what_should_have_been() {
    let report = RunReport {
        verdict: OutcomeVerdict::Invalid,
        anomalies: vec![
            lost(),
            AnomalyReport {
                kind: "worst-realtime-lag".to_owned(),
                key: None,
                summary: "a reader was 4.1s behind".to_owned(),
                count: 1,
                lines: Vec::new(),
            },
        ],
        losses_explained: 3,
        losses_unexplained: 1,
        ..valid()
    };
    check(
        &report,
        &expect![[r#"
        INVALID  lost-write (key 3): value 17 was acknowledged at offset 4, and readers went past it; and 2 more below

        scenario   partitions, storm and calm
        seed       0x2a
        simulated  123.456s
        digest     9f86d081884c7d65

        operations                  14,210
        acknowledged                 9,121
          all                        9,001
          one                          120
        reads                        8,712
        faults                           4
          cut                            3
          kill                           1
        faults skipped                   2
          kill                           2
        fault budget
          nodes down at once, most       1
        losses explained                 3
        losses unexplained               1

        journal
              5.000s  cut node-1 | node-2 node-3
             21.377s  heal

        anomaly: lost-write, key 3, 1 of 2
          value 17 was acknowledged at offset 4, and readers went past it
          proved by
            #120  12.004s  client-1  send 17 -> ok, offset 4
            #188  25.310s  client-2  poll -> 3:16 5:18
          should have been
            once anything behind it was read, an acknowledged value is read by whoever passes it

        anomaly: worst-realtime-lag
          a reader was 4.1s behind

        again   cargo faults run --seed 0x2a
        INVALID  lost-write (key 3): value 17 was acknowledged at offset 4, and readers went past it; and 2 more below
    "#]],
    );
}

#[test]
fn violation_is_told_with_the_steps_before_it() {
    let report = RunReport {
        verdict: OutcomeVerdict::Invalid,
        violation: Some(ViolationReport {
            name: "committed is immutable".to_owned(),
            occasion: Some("a replacement".to_owned()),
            statement: "a committed entry is never replaced".to_owned(),
            what: "node-2 replaced offset 4:\n  was 17\n  is 18".to_owned(),
            at: Duration::from_millis(12_300),
            latest: (1..=22).map(|step| format!("step {step}")).collect(),
        }),
        liveness: Some("not every node had caught up 60s after the last fault".to_owned()),
        journal: Vec::new(),
        ..valid()
    };
    check(
        &report,
        &expect![[r#"
        INVALID  committed is immutable: node-2 replaced offset 4: was 17 is 18; and 1 more below

        scenario   partitions, storm and calm
        seed       0x2a
        simulated  123.456s
        digest     9f86d081884c7d65

        operations                  14,210
        acknowledged                 9,121
          all                        9,001
          one                          120
        reads                        8,712
        faults                           4
          cut                            3
          kill                           1
        faults skipped                   2
          kill                           2
        fault budget
          nodes down at once, most       1

        journal
          nothing was done to the system

        violation: committed is immutable, at 12.300s
          node-2 replaced offset 4:
            was 17
            is 18
          should have been
            a committed entry is never replaced
          the last 20 steps
            step 3
            step 4
            step 5
            step 6
            step 7
            step 8
            step 9
            step 10
            step 11
            step 12
            step 13
            step 14
            step 15
            step 16
            step 17
            step 18
            step 19
            step 20
            step 21
            step 22

        liveness
          not every node had caught up 60s after the last fault

        again   cargo faults run --seed 0x2a
        INVALID  committed is immutable: node-2 replaced offset 4: was 17 is 18; and 1 more below
    "#]],
    );
}

#[test]
fn run_that_could_not_be_decided_says_so() {
    let report = RunReport { verdict: OutcomeVerdict::Unknown, ..valid() };
    assert_eq!(report.failure().as_deref(), Some("it could not be decided"));
    assert!(report.to_string().starts_with("UNKNOWN  it could not be decided\n"));
}

#[test]
fn verdict_stands_first_and_last() {
    for verdict in [OutcomeVerdict::Valid, OutcomeVerdict::Unknown, OutcomeVerdict::Invalid] {
        let report = RunReport { verdict, ..valid() };
        let text = report.to_string();
        let first = text.lines().next().unwrap();
        assert_eq!(Some(first), text.lines().last());
        assert!(first.starts_with(&verdict.word().to_uppercase()));
    }
}

#[test]
fn colours_change_nothing_but_the_colour() {
    let report = RunReport { verdict: OutcomeVerdict::Invalid, anomalies: vec![lost()], ..valid() };
    let mut coloured = Style::Coloured.show(&report).to_string();
    assert_ne!(coloured, report.to_string());
    for code in ["1;32", "1;31", "33", "1", "2", "0"] {
        coloured = coloured.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(coloured, report.to_string());
}

#[test]
fn report_comes_back_from_json() {
    let report = RunReport { anomalies: vec![lost()], ..valid() };
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains("\"simulated_seconds\":123.456"), "{json}");
    assert!(json.contains("\"verdict\":\"valid\""), "{json}");
    assert_eq!(serde_json::from_str::<RunReport>(&json).unwrap(), report);
}
