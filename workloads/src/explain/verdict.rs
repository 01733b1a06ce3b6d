//! What was wrong, in plain words, and which rules were not kept.

use harness::verdict::AnomalyKind;

use super::mistake::{Mistake, span};
use super::rules::{R11, R13, R22, R27, R28, R29, R33, R34, Rule};
use super::sight::Sighting;
use super::story::Facts;
use crate::run::Ran;

/// The verdict, and the rules, the nearest first.
pub(super) fn of(
    ran: &Ran,
    mistake: Option<&Mistake>,
    client: Option<&Sighting>,
    facts: &Facts,
) -> (String, Vec<Rule>) {
    if let Some(mistake) = mistake {
        let at = mistake.at.as_secs_f64();
        let mut words = format!("At {at:.3}s {}.", mistake.what);
        words.push_str(&told(mistake, facts));
        return (words, mistake.rules.clone());
    }
    if let Some((at, leader)) = &facts.unclean {
        let words = format!(
            "At {:.3}s the controllers elected {leader}, which was neither in sync nor eligible to \
             lead. No invariant broke, since nothing was committed that it did not hold; but the \
             settings forbid such an election, because something might have been.",
            at.as_secs_f64()
        );
        return (words, vec![R22]);
    }
    if let (None, Some((at, what))) = (client, &facts.corrupt) {
        let words = format!(
            "At {:.3}s {what}. Nothing committed is lost, but the replica cannot come back: its last \
             recovery left in the file what is no batch.",
            at.as_secs_f64()
        );
        return (words, vec![R33]);
    }
    if let Some(sighting) = client {
        let words = format!(
            "No invariant broke inside the cluster, but clients saw {} at {:.3}s: {}. So the mistake \
             is in what clients were told, or where no invariant looks.",
            sighting.seen.name,
            sighting.seen.at.as_secs_f64(),
            sighting.seen.what,
        );
        return (words, rules_of(sighting.kind).to_vec());
    }
    let failure = ran.report.liveness.as_deref().unwrap_or_default();
    let first = failure.lines().next().unwrap_or_default();
    let words = format!(
        "No invariant broke and no client was told anything wrong: something did not happen that \
         had to. {first}."
    );
    (words, vec![R34, R33])
}

/// What had become of the records before.
fn told(mistake: &Mistake, facts: &Facts) -> String {
    let Some(records) = mistake.span else { return String::new() };
    let mut told = Vec::new();
    if let Some((at, leader)) = &facts.appended {
        told.push(format!("appended by {leader} at {:.3}s", at.as_secs_f64()));
    }
    if let Some(at) = facts.committed.filter(|at| *at < mistake.at) {
        told.push(format!("committed at {:.3}s", at.as_secs_f64()));
    }
    if let Some(at) = facts.acknowledged.filter(|at| *at < mistake.at) {
        told.push(format!("acknowledged with acks=all at {:.3}s", at.as_secs_f64()));
    }
    match &told[..] {
        [] => String::new(),
        [one] => format!(" Of {}, the first had been {one}.", span(records)),
        [rest @ .., last] => {
            format!(" Of {}, the first had been {} and {last}.", span(records), rest.join(", "))
        }
    }
}

/// Where to begin looking for what clients saw.
fn rules_of(kind: AnomalyKind) -> &'static [Rule] {
    match kind {
        AnomalyKind::Duplicate => &[R28],
        AnomalyKind::LostWrite | AnomalyKind::Unseen => &[R27, R13, R11],
        AnomalyKind::InconsistentOffsets | AnomalyKind::ConsumedThenChanged => &[R11, R13],
        AnomalyKind::Phantom => &[R33],
        AnomalyKind::AbortedRead | AnomalyKind::PrecommittedRead => &[R29, R27],
        AnomalyKind::IntNonmonotonicSend
        | AnomalyKind::NonmonotonicSend
        | AnomalyKind::IntSendSkip
        | AnomalyKind::RealtimeInversion
        | AnomalyKind::OffsetMismatch => &[R27, R28],
        AnomalyKind::IntPollSkip
        | AnomalyKind::IntNonmonotonicPoll
        | AnomalyKind::PollSkip
        | AnomalyKind::NonmonotonicPoll
        | AnomalyKind::LatestBackwards
        | AnomalyKind::WorstRealtimeLag => &[R29],
        AnomalyKind::NotLinearizable
        | AnomalyKind::G1c
        | AnomalyKind::G1cRealtime
        | AnomalyKind::ContractBroken
        | AnomalyKind::InvariantBroken
        | AnomalyKind::Vacuous => &[],
        AnomalyKind::NotLive => &[R34],
    }
}
