//! How readers move: `int-poll-skip`, `int-nonmonotonic-poll`, `poll-skip`, `nonmonotonic-poll`.
//!
//! A reader may be far behind, and on any replica: what it reads is a prefix. But it moves on
//! record by record, within a poll and from one poll to the next, also when it changes the
//! replica. Only an assignment moves it elsewhere. A subscribed reader can be sent back by others
//! at any time, so its moves are only noted.
//!
//! An offset was skipped only if somebody has read a record there: holes are legal.

use std::collections::BTreeMap;

use crate::history::{Action, Key, Phase};
use crate::verdict::AnomalyKind;

use super::contract::Guarantee;
use super::findings::Findings;
use super::lag::{Acknowledged, Lag};
use super::ledger::{Call, Log};
use super::{Case, Found};

/// What the readers have been past, for those who look for lost values.
pub(super) struct Reading<'h> {
    passed: BTreeMap<&'h Key, Vec<Stretch>>,
    pub(super) worst_lag: Option<Lag>,
}

/// A reader has been past every offset from `from` to `to`, both included.
#[derive(Clone, Copy)]
struct Stretch {
    from: i64,
    to: i64,
    moment: usize,
}

/// Where one process stands.
#[derive(Default)]
struct Consumer<'h> {
    subscribed: bool,
    positions: BTreeMap<&'h Key, Position>,
}

/// The last offset that lies behind a reader, and the moment from which we know.
#[derive(Clone, Copy)]
struct Position {
    behind: i64,
    moment: usize,
}

pub(super) fn judge<'h>(case: &Case<'h>, found: &mut Found) -> Reading<'h> {
    let mut reading = Reading { passed: BTreeMap::new(), worst_lag: None };
    let mut consumers: BTreeMap<u64, Consumer<'h>> = BTreeMap::new();
    let acknowledged = Acknowledged::new(case);
    for call in &case.ledger.calls {
        let consumer = consumers.entry(call.process).or_default();
        match call.action {
            Action::Assign { .. } | Action::Subscribe { .. } => consumer.replace_keys(call),
            Action::Poll { source, records, last, .. } => {
                for (key, records) in records {
                    if let Some(log) = case.ledger.logs.get(key) {
                        let poll = Poll { key, log, records, call, last: *last };
                        poll.judge(case, consumer, found);
                        reading.pass(&poll, consumer);
                        consumer.advance(&poll);
                    }
                }
                if call.outcome == Phase::Ok && !last {
                    let positions =
                        consumer.positions.iter().map(|(key, position)| (*key, position.behind));
                    let lag = acknowledged.lag(call, source, positions);
                    reading.worst_lag = reading.worst_lag.take().max(lag);
                }
            }
            Action::Send { .. } | Action::Latest { .. } | Action::Several { .. } => {}
        }
    }
    reading.passed.values_mut().for_each(disjoint);
    reading
}

impl<'h> Consumer<'h> {
    fn replace_keys(&mut self, call: &Call<'h>) {
        if call.outcome == Phase::Fail {
            return;
        }
        let moment = call.last();
        match call.action {
            Action::Assign { positions, .. } if call.outcome == Phase::Ok => {
                let known = positions.iter().filter(|(_, next)| **next >= 0);
                let known = known.map(|(key, next)| (key, Position { behind: next - 1, moment }));
                *self = Self { subscribed: false, positions: known.collect() };
            }
            // Nobody knows from where it reads now.
            Action::Assign { .. } => *self = Self::default(),
            Action::Subscribe { keys } => {
                self.subscribed = true;
                self.positions.retain(|key, _| keys.contains(key));
            }
            Action::Send { .. }
            | Action::Poll { .. }
            | Action::Latest { .. }
            | Action::Several { .. } => {}
        }
    }

    /// Only a poll that ended well moves a reader, and a final read belongs to no position.
    fn advance(&mut self, poll: &Poll<'h, '_>) {
        if let (Some((behind, _)), Phase::Ok, false) =
            (poll.records.last(), poll.call.outcome, poll.last)
        {
            let position = Position { behind: *behind, moment: poll.call.last() };
            self.positions.insert(poll.key, position);
        }
    }
}

/// One key's records in one poll.
struct Poll<'h, 'c> {
    key: &'h Key,
    log: &'c Log<'h>,
    records: &'h [(i64, u64)],
    call: &'c Call<'h>,
    last: bool,
}

impl Poll<'_, '_> {
    fn judge(&self, case: &Case<'_>, consumer: &Consumer<'_>, found: &mut Found) {
        let assigned = self.last || !consumer.subscribed;
        let stays = case.contract.reads == Guarantee::Kept;
        let skips = if assigned && stays { &mut found.errors } else { &mut found.notes };
        self.between_polls(case, consumer, skips);
        for (before, after) in self.steps().filter(|(before, after)| before < after) {
            self.skip(case, AnomalyKind::IntPollSkip, (before, after), skips);
        }
        // No contract lets offsets fall inside one answer.
        let falls = if assigned { &mut found.errors } else { &mut found.notes };
        for (before, after) in self.steps().filter(|(before, after)| before >= after) {
            let operations = [case.ledger.index(self.call.last())];
            falls.report(AnomalyKind::IntNonmonotonicPoll, Some(self.key), &operations, || {
                format!("one poll returned offset {after} of {} after offset {before}", self.key)
            });
        }
    }

    /// The offsets that were read one after the other.
    fn steps(&self) -> impl Iterator<Item = (i64, i64)> {
        self.records.windows(2).map(|pair| (pair[0].0, pair[1].0))
    }

    fn between_polls(&self, case: &Case<'_>, consumer: &Consumer<'_>, to: &mut Findings) {
        let (Some((first, _)), Some(position), false) =
            (self.records.first(), consumer.positions.get(self.key), self.last)
        else {
            return;
        };
        let behind = position.behind;
        if *first > behind {
            self.skip(case, AnomalyKind::PollSkip, (behind, *first), to);
            return;
        }
        let (key, process) = (self.key, self.call.process);
        let operations = [case.ledger.index(position.moment), case.ledger.index(self.call.last())];
        to.report(AnomalyKind::NonmonotonicPoll, Some(key), &operations, || {
            let next = behind.saturating_add(1);
            format!("process {process} stood at offset {next} of {key} and was given {first}")
        });
    }

    /// Reports a record that lies between two offsets that were read one after the other.
    fn skip(
        &self,
        case: &Case<'_>,
        kind: AnomalyKind,
        (before, after): (i64, i64),
        to: &mut Findings,
    ) {
        let Some((skipped, seen)) = self.log.between(before, after) else {
            return;
        };
        let (key, process) = (self.key, self.call.process);
        let operations = [case.ledger.index(seen), case.ledger.index(self.call.last())];
        to.report(kind, Some(key), &operations, || {
            let next = before.saturating_add(1);
            format!(
                "process {process} stood at offset {next} of {key} and was given {after}, though \
                 there is a record at {skipped}"
            )
        });
    }
}

impl<'h> Reading<'h> {
    /// Notes which offsets this poll has been past. A poll that did not end well proves nothing,
    /// and neither does a reader that others move.
    fn pass(&mut self, poll: &Poll<'h, '_>, consumer: &Consumer<'h>) {
        if poll.call.outcome != Phase::Ok || (consumer.subscribed && !poll.last) {
            return;
        }
        let Some((first, _)) = poll.records.first() else {
            return;
        };
        // A final read begins at the start of the log, others where the reader stood.
        let stood = if poll.last {
            Some(0)
        } else {
            consumer.positions.get(poll.key).map(|position| position.behind.saturating_add(1))
        };
        let from = stood.filter(|stood| stood < first).unwrap_or(*first);
        let moment = poll.call.last();
        let stretches = self.passed.entry(poll.key).or_default();
        let mut stretch = Stretch { from, to: *first, moment };
        for (offset, _) in &poll.records[1..] {
            if *offset < stretch.to {
                stretches.push(stretch);
                stretch.from = *offset;
            }
            stretch.to = *offset;
        }
        stretches.push(stretch);
    }

    /// The moment at which some reader went past this offset, if one did.
    pub(super) fn passed(&self, key: &Key, offset: i64) -> Option<usize> {
        let stretches = self.passed.get(key)?;
        let at = stretches.partition_point(|stretch| stretch.to < offset);
        stretches.get(at).filter(|stretch| stretch.from <= offset).map(|stretch| stretch.moment)
    }
}

/// Leaves every offset to the first stretch that covers it, in ascending order.
fn disjoint(stretches: &mut Vec<Stretch>) {
    stretches.sort_by_key(|stretch| (stretch.from, stretch.moment));
    let mut reached = None;
    stretches.retain_mut(|stretch| {
        if reached.is_some_and(|reached| stretch.to <= reached) {
            return false;
        }
        if let Some(reached) = reached {
            // `reached` is below `to`, so there is a next offset.
            stretch.from = stretch.from.max(reached + 1);
        }
        reached = Some(stretch.to);
        true
    });
}
