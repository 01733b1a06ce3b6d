//! What one run shows of three cells, and what many runs come to.
//!
//! Availability is measured in slots of half a second, from the moment at which the first fault
//! strikes to the moment at which everything is healed: a slot counts as available for writes if a
//! write was acknowledged in it, for reads if a poll was answered in it. Clients ask many times in a
//! slot.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use harness::cluster::JournalEvent;
use harness::exit::OutcomeVerdict;
use harness::history::{Action, Operation, Phase, Promise};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::run::Ran;

/// See the head of this file.
const SLOT: Duration = Duration::from_millis(500);
/// No acknowledgement takes longer: producers give up before.
const LATENCY_MAX_MS: u64 = 600_000;

/// What one run shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The run's verdict: whether every promise was kept that still stood.
    pub verdict: OutcomeVerdict,
    /// Why it did not pass, in one line.
    pub failure: Option<String>,
    /// The writes, by what was promised.
    pub writes: BTreeMap<Promise, Writes>,
    /// The reads.
    pub reads: Service,
}

/// The writes of one acks level in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writes {
    /// Acknowledged; with acks=0, sent.
    pub acknowledged: u64,
    /// Acknowledged and gone, and the reason is known.
    pub lost_explained: u64,
    /// Acknowledged and gone for no reason.
    pub lost_unexplained: u64,
    /// Found more than once.
    pub duplicated: u64,
    /// Refused: certainly not appended.
    pub refused: u64,
    /// Nobody knows: timeouts and broken connections.
    pub unknown: u64,
    /// When writes were acknowledged.
    pub service: Service,
    /// How many acknowledgements took how many milliseconds.
    pub latencies_ms: BTreeMap<u64, u64>,
}

/// When a service answered, in slots, between the first fault and the heal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Slots in all.
    pub slots: u64,
    /// Slots with an answer.
    pub available: u64,
    /// The longest time between two answers, in milliseconds.
    pub gap_max_ms: u64,
}

/// The time between the first fault and the heal, in microseconds of the history.
#[derive(Clone, Copy, Debug)]
struct Window {
    begins: u64,
    ends: u64,
}

/// What a run shows.
#[must_use]
pub fn measure(ran: &Ran) -> Figures {
    let window = Window::of(ran);
    let calls = calls(ran);
    let mut writes: BTreeMap<Promise, Writes> = BTreeMap::new();
    let mut acknowledged: BTreeMap<Promise, Vec<u64>> = BTreeMap::new();
    let mut answered = Vec::new();
    for (asked, completed) in &calls {
        if let Action::Send { promise, .. } = &asked.action {
            let tally = writes.entry(*promise).or_default();
            match completed.phase {
                Phase::Ok => {
                    let took = completed.time.saturating_sub(asked.time).div_ceil(1000);
                    *tally.latencies_ms.entry(took).or_default() += 1;
                    acknowledged.entry(*promise).or_default().push(completed.time);
                }
                Phase::Fail => tally.refused += 1,
                Phase::Info | Phase::Invoke => tally.unknown += 1,
            }
        } else if let (Action::Poll { last: false, .. }, Phase::Ok) =
            (&asked.action, completed.phase)
        {
            answered.push(completed.time);
        }
    }
    let duplicated = duplicated(ran);
    for (promise, tally) in &mut writes {
        tally.service = window.service(acknowledged.get(promise).map_or(&[], Vec::as_slice));
        tally.duplicated = duplicated.get(promise).copied().unwrap_or(0);
        let toll = ran.judgement.as_ref().and_then(|j| j.losses.by_promise.get(promise));
        if let Some(toll) = toll {
            tally.acknowledged = toll.acknowledged;
            tally.lost_explained = toll.explained;
            tally.lost_unexplained = toll.unexplained;
        }
    }
    Figures {
        verdict: ran.report.verdict,
        failure: ran.report.failure(),
        writes,
        reads: window.service(&answered),
    }
}

impl Window {
    fn of(ran: &Ran) -> Self {
        let micros = |at: Duration| u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        let struck = ran.journal.iter().find(|e| matches!(e.event, JournalEvent::Struck { .. }));
        let healed = ran.journal.iter().find(|e| matches!(e.event, JournalEvent::Healed));
        let begins = struck.map_or(0, |entry| micros(entry.at));
        Self { begins, ends: healed.map_or(begins, |entry| micros(entry.at)) }
    }

    /// `times` grow.
    fn service(&self, times: &[u64]) -> Service {
        let slot = u64::try_from(SLOT.as_micros()).expect("a slot is short");
        let inside = times.iter().filter(|at| (self.begins..self.ends).contains(*at));
        let hit: BTreeSet<u64> = inside.clone().map(|at| (at - self.begins) / slot).collect();
        let mut last = self.begins;
        let mut gap = 0;
        for at in inside.copied().chain([self.ends]) {
            gap = gap.max(at.saturating_sub(last));
            last = at;
        }
        Service {
            slots: (self.ends - self.begins).div_ceil(slot),
            available: u64::try_from(hit.len()).unwrap_or(u64::MAX),
            gap_max_ms: gap / 1000,
        }
    }
}

/// Each completed call: how it was asked and how it ended, by the time of its end.
fn calls(ran: &Ran) -> Vec<(&Operation, &Operation)> {
    let mut open: BTreeMap<u64, &Operation> = BTreeMap::new();
    let mut calls = Vec::new();
    for operation in ran.history.operations() {
        if operation.phase == Phase::Invoke {
            open.insert(operation.process, operation);
        } else if let Some(asked) = open.remove(&operation.process) {
            calls.push((asked, operation));
        }
    }
    calls
}

/// How many values are found at more than one offset by a final read.
fn duplicated(ran: &Ran) -> BTreeMap<Promise, u64> {
    let mut promises: BTreeMap<u64, Promise> = BTreeMap::new();
    let mut places: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
    for operation in ran.history.operations() {
        if let Action::Send { values, promise, .. } = &operation.action {
            promises.extend(values.iter().map(|value| (*value, *promise)));
        } else if let Action::Poll { records, last: true, .. } = &operation.action {
            for (offset, value) in records.values().flatten() {
                places.entry(*value).or_default().insert(*offset);
            }
        }
    }
    let mut counts = BTreeMap::new();
    for (value, _) in places.iter().filter(|(_, offsets)| offsets.len() > 1) {
        if let Some(promise) = promises.get(value) {
            *counts.entry(*promise).or_default() += 1;
        }
    }
    counts
}

/// What the runs of one cell came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Seeds that were run.
    pub seeds: u64,
    /// Runs in which a promise that still stood was broken, or that came to nothing.
    pub failed: u64,
    /// Acknowledged; with acks=0, sent.
    pub acknowledged: u64,
    /// Acknowledged and gone, and the reason is known.
    pub lost_explained: u64,
    /// Acknowledged and gone for no reason.
    pub lost_unexplained: u64,
    /// Seeds in which something was lost.
    pub seeds_with_loss: u64,
    /// Found more than once.
    pub duplicated: u64,
    /// Refused: certainly not appended.
    pub refused: u64,
    /// Nobody knows: timeouts and broken connections.
    pub unknown: u64,
    /// Slots, and slots in which writes were acknowledged.
    pub writes: Service,
    /// Slots, and slots in which reads were answered.
    pub reads: Service,
    /// Half of the acknowledgements took no longer, in milliseconds.
    pub latency_p50_ms: u64,
    /// Of a hundred acknowledgements 99 took no longer, in milliseconds.
    pub latency_p99_ms: u64,
    /// The seed to look at first: a failed one, else that with the greatest loss, else that with
    /// the longest write gap.
    pub worst_seed: u64,
    /// What makes it the worst.
    #[serde(skip)]
    pub(super) worst: (bool, u64, u64),
    /// How many acknowledgements took how long.
    #[serde(skip)]
    pub(super) latencies_ms: BTreeMap<u64, u64>,
}

impl Tally {
    /// Records that are gone although they were acknowledged.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost_explained + self.lost_unexplained
    }

    /// Adds what a seed showed of one acks level.
    pub fn add(&mut self, seed: u64, promise: Promise, figures: &Figures) {
        let nothing = Writes::default();
        let writes = figures.writes.get(&promise).unwrap_or(&nothing);
        let lost = writes.lost_explained + writes.lost_unexplained;
        let failed = figures.verdict != OutcomeVerdict::Valid;
        self.seeds += 1;
        self.failed += u64::from(failed);
        self.acknowledged += writes.acknowledged;
        self.lost_explained += writes.lost_explained;
        self.lost_unexplained += writes.lost_unexplained;
        self.seeds_with_loss += u64::from(lost > 0);
        self.duplicated += writes.duplicated;
        self.refused += writes.refused;
        self.unknown += writes.unknown;
        self.writes.add(writes.service);
        self.reads.add(figures.reads);
        for (took, count) in &writes.latencies_ms {
            *self.latencies_ms.entry(*took).or_default() += count;
        }
        let badness = (failed, lost, writes.service.gap_max_ms);
        if self.seeds == 1 || badness > self.worst {
            (self.worst, self.worst_seed) = (badness, seed);
        }
    }

    /// Works the percentiles out, once everything was added.
    #[must_use]
    pub fn finished(mut self) -> Self {
        let mut histogram: Histogram<u64> =
            Histogram::new_with_bounds(1, LATENCY_MAX_MS, 3).expect("the bounds are sound");
        for (took, count) in &self.latencies_ms {
            histogram.saturating_record_n((*took).clamp(1, LATENCY_MAX_MS), *count);
        }
        self.latency_p50_ms = histogram.value_at_quantile(0.50);
        self.latency_p99_ms = histogram.value_at_quantile(0.99);
        self
    }
}

impl Service {
    fn add(&mut self, other: Self) {
        self.slots += other.slots;
        self.available += other.available;
        self.gap_max_ms = self.gap_max_ms.max(other.gap_max_ms);
    }

    /// Available slots in a thousand.
    #[must_use]
    pub fn per_mille(&self) -> u64 {
        (self.available * 1000).checked_div(self.slots).unwrap_or(1000)
    }
}
