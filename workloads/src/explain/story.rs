//! The causal chain: what led to the mistake, as a story of some twenty lines.
//!
//! Everything that happened to the partition and its records is told by the [`Teller`], each line
//! with a weight. The story begins where the records concerned do, and keeps the lines of most weight.

use std::time::Duration;

use harness::cluster::{JournalEntry, JournalEvent};
use harness::history::{Operation, Phase};
use highwater::types::TopicPartition;
use serde::Serialize;

use super::Needed;
use super::mistake::Mistake;
use super::sight::Sighting;
use super::teller::Teller;
use crate::invariants;
use crate::run::Ran;
use crate::words;

/// So many lines a person reads.
const LINES: usize = 18;
/// So much of an operation fits a line.
const WIDTH: usize = 100;
/// So many operations of a proof are told.
const PROOF: usize = 5;

/// A line of the story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When, since the run began.
    #[serde(rename = "at_ms", with = "harness::millis")]
    pub at: Duration,
    /// The node, `controller`, `faults` or `client`.
    pub who: String,
    /// What happened.
    pub what: String,
    /// The rule that it is an example of, or a breach of.
    pub rule: Option<&'static str>,
    /// How much it matters.
    #[serde(skip)]
    pub(super) weight: u32,
    /// Its place among the lines of one moment.
    #[serde(skip)]
    pub(super) order: usize,
}

/// What became of the records concerned, for the verdict.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// When the first of them was appended by a leader, and which.
    pub(super) appended: Option<(Duration, String)>,
    /// When the first of them was committed.
    pub(super) committed: Option<Duration>,
    /// When a producer was told with acks=all that one of them is safe.
    pub(super) acknowledged: Option<Duration>,
    /// An election that no rule allows: when, and who.
    pub(super) unclean: Option<(Duration, String)>,
    /// A log that cannot be read: since when, and what was said of it.
    pub(super) corrupt: Option<(Duration, String)>,
}

/// The story as it is told.
pub(super) struct Story {
    pub(super) lines: Vec<Line>,
    pub(super) left_out: usize,
    pub(super) facts: Facts,
}

/// The weight of what is always told.
pub(super) const ALWAYS: u32 = 1_000;
/// The weight of a fault that the failure needs, however early it struck.
const NEEDED: u32 = 12;
/// How far back a story goes that is about no records.
pub(super) const BACK: Duration = Duration::from_secs(6);

/// Tells what led to the mistake; or, if no invariant broke, to what clients saw.
pub(super) fn tell(
    ran: &Ran,
    mistake: Option<&Mistake>,
    client: Option<&Sighting>,
    faults: &[Needed],
) -> Story {
    let empty = Story { lines: Vec::new(), left_out: 0, facts: Facts::default() };
    let Some(record) = &ran.insight.record else { return empty };
    let known = mistake.and_then(|m| m.partition.clone());
    let partition = known
        .or_else(|| client.and_then(|sighting| sighting.partition.clone()))
        .unwrap_or_else(|| TopicPartition::new("orders", 0));
    let span = mistake.map_or_else(|| client.and_then(|sighting| sighting.span), |m| m.span);
    let until = mistake.map_or(record.happened().len(), |m| m.index + 1);
    let mut teller = Teller::new(record, &partition, span, mistake);
    teller.walk(until);
    let (mut lines, facts, begin) = teller.finish();
    // An election that no rule allows is a mistake too, though no invariant tells; so is a log that
    // cannot be read.
    let turn = facts.unclean.as_ref().or(facts.corrupt.as_ref());
    let turn = turn.filter(|_| mistake.is_none()).map(|(at, _)| *at);
    let end = mistake.map(|m| m.at).or(turn);
    let begin = turn.map_or(begin, |at| begin.max(at.saturating_sub(BACK)));
    lines.extend(ran.journal.iter().filter_map(|entry| done(entry, mistake, faults)));
    lines.extend(mistake.map(broken));
    if let Some(sighting) = client {
        if mistake.is_none() {
            lines.extend(sighting.proof.iter().take(PROOF).map(asked));
        }
        lines.push(saw(sighting));
    }
    let in_time = |line: &Line| {
        let is_late = end.is_some_and(|end| line.at > end);
        line.weight >= ALWAYS || (!is_late && (line.at >= begin || line.weight == NEEDED))
    };
    lines.retain(in_time);
    let told = lines.len();
    // What matters most; of equals, what is nearest to the end.
    lines.sort_by(|one, other| other.weight.cmp(&one.weight).then_with(|| other.at.cmp(&one.at)));
    lines.truncate(LINES);
    lines.sort_by_key(|line| (line.at, line.order));
    lines.dedup_by(|next, line| {
        (line.at, &line.who, &line.what) == (next.at, &next.who, &next.what)
    });
    Story { left_out: told - lines.len(), lines, facts }
}

/// A line of the journal. Faults that the failure needs weigh more.
fn done(entry: &JournalEntry, mistake: Option<&Mistake>, faults: &[Needed]) -> Option<Line> {
    let JournalEntry { at, event } = entry;
    let subject = mistake.map(|m| [words::node(m.subject), words::node(m.node)]);
    let concerned = |on: &[String]| {
        subject.as_ref().is_some_and(|names| {
            on.iter().any(|name| names.iter().any(|known| name.split('+').any(|n| n == known)))
        })
    };
    let is_needed = faults.iter().any(|fault| {
        fault.at.abs_diff(*at) < Duration::from_millis(100)
            && fault.without.as_ref().is_some_and(|fate| fate.is_good())
    });
    let weight = match event {
        JournalEvent::Struck { .. } if is_needed => NEEDED,
        JournalEvent::Struck { on, .. } => 4 + u32::from(concerned(on)),
        JournalEvent::Lifted { on, .. } => 2 + u32::from(concerned(on)),
        JournalEvent::Restarted { node, .. } => {
            3 + 2 * u32::from(concerned(std::slice::from_ref(node)))
        }
        JournalEvent::Ended { node, .. } => {
            4 + 2 * u32::from(concerned(std::slice::from_ref(node)))
        }
        JournalEvent::Healed => 2,
        JournalEvent::Skipped { .. } | JournalEvent::Note(_) => return None,
    };
    let what = event.to_string();
    // Faults strike between two steps.
    Some(Line { at: *at, who: "faults".to_owned(), what, rule: None, weight, order: 0 })
}

/// The line at which it all ends.
fn broken(mistake: &Mistake) -> Line {
    let all = invariants::all();
    let known = all.iter().find(|invariant| invariant.name() == mistake.invariant);
    let statement = known.map(|invariant| invariant.statement()).unwrap_or_default();
    Line {
        at: mistake.at,
        who: "invariant".to_owned(),
        what: format!("{} is broken: {statement}", mistake.invariant),
        rule: mistake.rules.first().map(|rule| rule.number),
        weight: ALWAYS,
        order: usize::MAX,
    }
}

fn asked(operation: &Operation) -> Line {
    let phase = match operation.phase {
        Phase::Invoke => "asks:",
        Phase::Ok => "is told:",
        Phase::Fail => "is refused:",
        Phase::Info => "does not know:",
    };
    let what = format!("process {} {phase} {}", operation.process, operation.action);
    Line {
        at: Duration::from_micros(operation.time),
        who: "client".to_owned(),
        what: clipped(&what),
        rule: None,
        weight: ALWAYS,
        order: usize::MAX,
    }
}

fn saw(sighting: &Sighting) -> Line {
    let what = format!("could see it: {}: {}", sighting.seen.name, sighting.seen.what);
    let (at, who) = (sighting.seen.at, "client".to_owned());
    Line { at, who, what: clipped(&what), rule: None, weight: ALWAYS, order: usize::MAX }
}

fn clipped(text: &str) -> String {
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    let kept: String = text.chars().take(WIDTH - 3).collect();
    format!("{}...", kept.trim_end())
}
