//! Why a run failed, for an engineer who has to mend it.
//!
//! A failed run is carried out again with everything recorded, and past the broken invariant, to see
//! when a client could have noticed. Then it is branched: with all faults lifted at some moment, and
//! with one fault left out (see [`harness::explain`]). What is left is told from the record: the
//! [`Mistake`](mistake), the story that led to it, and the [rule](rules) that was not kept.
//!
//! The same plan has the same explanation, unless the time for it was up.

mod branches;
mod decision;
mod marks;
mod mistake;
pub mod rules;
mod sight;
mod story;
mod teller;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

use std::time::Duration;

use harness::explain::{Fate, Limits};
use harness::report::RunReport;
use harness::seed::Seed;
use highwater::host::probe::Observation;
use highwater::types::TopicPartition;
use serde::Serialize;

use crate::record::Happened;
use crate::run::{Errand, Ran, Watching, carry_out};
use crate::signature::Signature;
use branches::Trunk;
use mistake::Mistake;
use rules::Rule;
use sight::Sighting;
use story::{Line, Story};

/// Why a run failed. Times are since the run began.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// What was run.
    pub scenario: String,
    /// Its seed.
    pub seed: Seed,
    /// The command that repeats it.
    pub repeat: String,
    /// What kind of failure it is.
    pub signature: Signature,
    /// The failure, in a line or a few.
    pub failure: String,
    /// When an invariant broke.
    pub broke: Option<Seen>,
    /// When a client could see that something is wrong.
    pub client_saw: Option<Seen>,
    /// When it could not be saved any more; `None` if it failed before the first fault could strike.
    pub no_return: Option<NoReturn>,
    /// The faults before that, and what comes of the run without each.
    pub faults: Vec<Needed>,
    /// What led to it, in the order of time.
    pub story: Vec<Line>,
    /// How many lines of lesser weight the story leaves out.
    pub left_out: usize,
    /// What was wrong, in plain words.
    pub verdict: String,
    /// The rules that were not kept, the nearest first.
    pub rules: Vec<Rule>,
    /// How many branches were run.
    pub branches: u64,
    /// Whether all branches were run; otherwise the time was up.
    pub complete: bool,
    /// What has to be known to trust the rest.
    pub remarks: Vec<String>,
}

/// A moment at which something was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// When.
    #[serde(rename = "at_ms", with = "harness::millis")]
    pub at: Duration,
    /// The invariant's number or the anomaly's name.
    pub name: String,
    /// What was seen.
    pub what: String,
}

/// When a failure became inevitable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoReturn {
    /// The last moment at which lifting all faults would have saved the run, if there was one.
    #[serde(rename = "saved_ms", with = "harness::millis::optional")]
    pub saved: Option<Duration>,
    /// The first moment after it at which that would not have helped.
    #[serde(rename = "lost_ms", with = "harness::millis")]
    pub lost: Duration,
    /// The faults that struck between the two.
    pub struck: Vec<String>,
    /// The faults that were in force already.
    pub in_force: Vec<String>,
}

/// A fault, and what comes of the run without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Needed {
    /// When it struck.
    #[serde(rename = "at_ms", with = "harness::millis")]
    pub at: Duration,
    /// The fault, and whom it struck.
    pub fault: String,
    /// The fate of the run without it; unknown if the time was up.
    pub without: Option<Fate>,
}

/// Explains why a plan fails. `limits` bounds the branches; its grain is brought up to a step of the
/// plan.
///
/// # Errors
/// It does not fail: the report of the run.
pub fn explain(errand: &Errand, limits: &mut Limits<'_>) -> Result<Explanation, Box<RunReport>> {
    let mut plan = errand.plan.clone();
    // What is inside is looked at even if the plan is judged by clients alone.
    plan.clients_only = false;
    let whole = Errand { plan, repeat: errand.repeat.clone() };
    let watching = Watching { record: true, goes_on: true, ..Watching::default() };
    let ran = carry_out(&whole, watching);
    let Some(signature) = Signature::of(&ran.report) else { return Err(Box::new(ran.report)) };
    limits.grain = limits.grain.max(ran.plan.physics.tick);
    let mistake = ran.insight.record.as_ref().and_then(Mistake::of);
    let client = Sighting::of(&ran);
    let mut remarks = Vec::new();
    let trunk = Trunk::new(&ran, &signature, limits, &mut remarks);
    let (no_return, faults) = match &trunk {
        Some(trunk) => trunk.branch(limits, &mut remarks),
        None => (None, Vec::new()),
    };
    let complete = !(limits.is_enough)();
    let Story { lines, left_out, facts } =
        story::tell(&ran, mistake.as_ref(), client.as_ref(), &faults);
    let (verdict, rules) = verdict::of(&ran, mistake.as_ref(), client.as_ref(), &facts);
    Ok(Explanation {
        scenario: ran.report.scenario.clone(),
        seed: ran.plan.seed,
        repeat: ran.report.repeat.clone(),
        failure: failure(&ran, mistake.as_ref()),
        signature,
        broke: broke(&ran),
        client_saw: client.map(|sighting| sighting.seen),
        no_return,
        faults,
        story: lines,
        left_out,
        verdict,
        rules,
        branches: limits.done(),
        complete,
        remarks,
    })
}

fn broke(ran: &Ran) -> Option<Seen> {
    let violation = ran.report.violation.as_ref()?;
    let what = violation.statement.clone();
    Some(Seen { at: violation.at, name: violation.name.clone(), what })
}

/// The mistake, or else all that the report says, beyond the first line where that is not enough.
fn failure(ran: &Ran, mistake: Option<&Mistake>) -> String {
    if let Some(mistake) = mistake {
        return format!("{}: {}", mistake.invariant, mistake.what);
    }
    if let Some(anomaly) = ran.report.anomalies.first() {
        return format!("{}: {}", anomaly.kind, anomaly.summary);
    }
    ran.report.liveness.clone().or_else(|| ran.report.failure()).unwrap_or_default()
}

/// Whether something happened to a partition.
fn concerns(happened: &Happened, name: &TopicPartition) -> bool {
    happened.observation().and_then(Observation::partition) == Some(name)
}
