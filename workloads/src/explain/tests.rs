//! Mistakes told one by one, and what is made of them.

use std::time::Duration;

use expect_test::{Expect, expect};
use harness::explain::Limits;
use harness::seed::Seed;
use highwater::types::{Acks, BrokerId};

use super::explain;
use super::mistake::Mistake;
use super::teller::Teller;
use crate::picture::tale::{Tale, batch, ids, orders};
use crate::profile::Profile;

/// What is said of the first mistake of a tale: the sentence, then the rules.
#[track_caller]
fn told(tale: &Tale, expected: Expect) {
    let mistake = Mistake::of(&tale.told).expect("an invariant broke");
    let rules: Vec<&str> = mistake.rules.iter().map(|rule| rule.number).collect();
    let about = mistake.span.map_or("nothing".to_owned(), super::mistake::span);
    let (invariant, subject) = (mistake.invariant, mistake.subject);
    let who = format!("{invariant}: broker {subject}, {about}, {}", rules.join(" "));
    expected.assert_eq(&format!("{who}\n{}", mistake.what));
}

/// The leader's first record is on all three replicas, and committed.
fn committed() -> Tale {
    let mut tale = Tale::begin();
    tale.believe(1, &[1, 2, 3], &[1, 2, 3]).replicate(1, &[2, 3], batch(0, 1, 7));
    tale.high_watermark(1, 1, Some(1)).acknowledge(1, 0, Acks::All);
    tale.is_legal();
    tale
}

#[test]
fn cut_to_the_high_watermark_is_told_from_a_cut_too_deep() {
    let mut tale = committed();
    tale.follow(2, 1, 1).truncate(2, 0);
    told(
        &tale,
        expect![[r#"
        GS1: broker 2, offset 0, R8 R11
        node-2 cut offset 0 off its log although what is committed ends at 1; node-1, whom it follows, holds the same there, and it cut to its own high watermark"#]],
    );

    let mut tale = committed();
    tale.follow(2, 1, 1).high_watermark(2, 1, None).truncate(2, 0);
    told(
        &tale,
        expect![[r#"
        GS1: broker 2, offset 0, R11 R10
        node-2 cut offset 0 off its log although what is committed ends at 1; node-1, whom it follows, holds the same there"#]],
    );
}

#[test]
fn high_watermark_that_does_not_wait_is_told_by_why() {
    let mut tale = committed();
    tale.append(1, batch(1, 1, 8), true).high_watermark(1, 2, Some(1));
    told(
        &tale,
        expect![[r#"
        GS1: broker 2, offset 1, R13
        node-1 raised its high watermark to 2 and did not wait for node-2: node-2, which is in sync, does not hold offset 1"#]],
    );

    let mut tale = committed();
    tale.in_sync(&[1], &[2, 3]).believe(1, &[1], &[1]);
    tale.append(1, batch(1, 1, 8), true).high_watermark(1, 2, Some(1));
    told(
        &tale,
        expect![[r#"
        GS1: broker 2, offset 1, R13
        node-1 raised its high watermark to 2 with {1} in sync, where min.insync.replicas is 2; node-2, which is eligible to lead, does not hold offset 1"#]],
    );

    let mut tale = committed();
    tale.append(2, batch(1, 1, 8), false);
    tale.elect(2).lead(2, 2, 2).high_watermark(2, 2, Some(2));
    told(
        &tale,
        expect![[r#"
        GS1: broker 1, offset 1, R7 R13
        node-2 took its whole log, up to 2, for committed as soon as it led in epoch 2, but node-1, which is in sync, does not hold offset 1"#]],
    );
}

#[test]
fn fetch_that_diverges_is_no_proof() {
    let mut tale = committed();
    // Broker 3 holds a record of the old epoch where the new leader writes another.
    tale.append(3, batch(1, 1, 8), false);
    tale.elect(2).lead(2, 2, 1).believe(2, &[1, 2, 3], &[1, 2, 3]);
    tale.replicate(2, &[1], batch(1, 2, 9)).high_watermark(2, 2, Some(2));
    told(
        &tale,
        expect![[r#"
        GS1: broker 3, offset 1, R10 R12
        node-2 raised its high watermark to 2 as if node-3 held all of it; but what that had held there was of an earlier epoch, and it had to cut it off: node-3, which is in sync, does not hold offset 1"#]],
    );
}

#[test]
fn answer_before_its_time_is_told() {
    let mut tale = Tale::begin();
    tale.append(1, batch(0, 1, 7), true).acknowledge(1, 0, Acks::All);
    told(
        &tale,
        expect![[r#"
        GS7: broker 1, offset 0, R27
        node-1 acknowledged offset 0 with acks=all, but only what is below 0 is committed; it is in the logs of {1} alone"#]],
    );
}

#[test]
fn decisions_are_told_by_what_changed() {
    let mut tale = Tale::begin();
    tale.in_sync(&[1, 2], &[]).believe(1, &[1, 2], &[1, 2]);
    tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
    tale.is_legal();
    tale.in_sync(&[1, 2, 3], &[]);
    told(
        &tale,
        expect![[r#"
        GS1: broker 3, offset 0, R16 R18
        the controllers took node-3 into the in-sync set of version 3, as its leader node-1 had proposed, with a log that ends at 0; it does not hold offset 0, though that is committed"#]],
    );

    let mut tale = Tale::begin();
    tale.in_sync(&[1, 2], &[]).believe(1, &[1, 2], &[1, 2]);
    tale.replicate(1, &[2], batch(0, 1, 7)).high_watermark(1, 1, Some(1));
    tale.record.in_sync_replicas = ids(&[3]);
    tale.elect(3);
    told(
        &tale,
        expect![[r#"
        GS1: broker 3, offset 0, R22
        the controllers elected node-3 in epoch 2, which was neither in sync {1 2} nor eligible {}; it does not hold offset 0, though that is committed"#]],
    );
}

#[test]
fn story_of_a_record_begins_with_its_leader_and_ends_with_its_loss() {
    let mut tale = committed();
    tale.in_sync(&[1, 2], &[]).in_sync(&[1, 2, 3], &[]).elect(2).follow(3, 2, 2).truncate(3, 0);
    let mistake = Mistake::of(&tale.told).expect("an invariant broke");
    let name = orders();
    let mut teller = Teller::new(&tale.told, &name, mistake.span, Some(&mistake));
    teller.walk(mistake.index + 1);
    let (mut lines, facts, _) = teller.finish();
    lines.sort_by_key(|line| line.at);
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {} [{}]", line.who, line.what, line.rule.unwrap_or("-")))
        .collect();
    expect![[r#"
        node-1 leads in epoch 1, from 0 on [R7]
        node-1 raises its high watermark past 0: committed up to 1 [R13]
        node-1 acknowledges offset 0 with acks=all [R27]
        node-1 appends, as leader, offset 0 of epoch 1 [R27]
        node-2 copies offset 0 of epoch 1 [R11]
        node-3 copies offset 0 of epoch 1 [R11]
        controller the in-sync set shrinks from {1 2 3} to {1 2} [R23]
        controller the in-sync set grows from {1 2} to {1 2 3} [R18]
        controller elects node-2 leader, epoch 2 [R22]
        node-3 follows node-2 in epoch 2 [R8]
        node-3 truncates its log to 0: offset 0 of epoch 1 is gone, though committed; it cuts to its high watermark [R8]"#]].assert_eq(&lines.join("\n"));
    assert!(facts.committed.is_some() && facts.acknowledged.is_some());
    assert_eq!(facts.appended.map(|(_, leader)| leader), Some("node-1".to_owned()));
    assert_eq!(mistake.subject, BrokerId(3));
}

#[test]
fn run_that_keeps_its_promises_has_nothing_to_explain() {
    let errand = Profile::safe().storm(Duration::from_secs(3)).errand(Seed(3));
    let report = explain(&errand, &mut Limits::new(Duration::ZERO)).expect_err("it is valid");
    assert_eq!(report.failure(), None);
}
