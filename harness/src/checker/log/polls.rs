//! How readers move: `int-poll-skip`, `int-nonmonotonic-poll`, `poll-skip`, `nonmonotonic-poll`.
//!
//! A reader may be far behind, and on any replica: what it reads is a prefix. But it moves on
//! record by record, within a call (also from one of its polls to the next) and from one call to
//! the next, also when it changes the replica. Only an assignment moves it elsewhere: keys that it
//! drops are forgotten, and a key that it names with an offset begins there. A subscribed reader
//! can be sent back by others between two calls at any time, so these moves are only noted; and
//! within a call, what happened to the keys that were rebalanced meanwhile.
//!
//! An offset was skipped only if somebody has read a record there: holes are legal.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Action, Key, Phase};
use crate::verdict::AnomalyKind;

use super::calls::Call;
use super::contract::Guarantee;
use super::findings::Findings;
use super::lag::{Acknowledged, Lag};
use super::ledger::Log;
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
        consumer.replace_keys(call);
        for (key, read) in reads(call) {
            if let Some(log) = case.ledger.logs.get(key) {
                let poll = Poll { key, log, read, call };
                poll.judge(case, consumer, found);
                reading.pass(&poll, consumer);
                consumer.advance(&poll);
            }
        }
        let poll = call.polls().filter(|poll| !poll.last).last();
        if let Some(poll) = poll.filter(|_| call.outcome == Phase::Ok) {
            let positions = consumer.positions.iter();
            let positions = positions.map(|(key, position)| (*key, position.behind));
            let lag = acknowledged.lag(call, poll.source, positions);
            reading.worst_lag = reading.worst_lag.take().max(lag);
        }
    }
    reading.passed.values_mut().for_each(disjoint);
    reading
}

/// What one call read of one key.
struct Read<'h> {
    records: Cow<'h, [(i64, u64)]>,
    last: bool,
    /// Whether others moved the reader meanwhile.
    rebalanced: bool,
}

/// What a call read, key by key: its polls go on from one another, and each final read stands
/// alone.
fn reads<'h>(call: &Call<'h>) -> Vec<(&'h Key, Read<'h>)> {
    let mut reads: Vec<(&'h Key, Read<'h>)> = Vec::new();
    let mut at: BTreeMap<&Key, usize> = BTreeMap::new();
    let moved: BTreeSet<&Key> = call.polls().flat_map(|poll| poll.rebalanced).collect();
    for poll in call.polls() {
        for (key, records) in poll.records {
            match at.get(key).filter(|_| !poll.last) {
                Some(at) => reads[*at].1.records.to_mut().extend_from_slice(records),
                None => {
                    if !poll.last {
                        at.insert(key, reads.len());
                    }
                    let (records, rebalanced) = (Cow::Borrowed(&records[..]), moved.contains(key));
                    reads.push((key, Read { records, last: poll.last, rebalanced }));
                }
            }
        }
    }
    reads
}

impl<'h> Consumer<'h> {
    /// An assignment forgets the keys that it drops. One of unknown fate may have been made or
    /// not, so it forgets as well the keys that it would have moved.
    fn replace_keys(&mut self, call: &Call<'h>) {
        let (moment, made) = (call.last(), call.outcome == Phase::Ok);
        match call.action {
            _ if call.outcome == Phase::Fail => {}
            Action::Assign { positions, .. } => {
                // Whoever was moved by others does not know where it stands.
                let stood = !self.subscribed;
                let stays = |key: &&Key| positions.get(*key).is_some_and(|next| *next < 0);
                self.positions.retain(|key, _| stood && stays(key));
                let known = positions.iter().filter(|(_, next)| made && **next >= 0);
                self.positions
                    .extend(known.map(|(key, next)| (key, Position { behind: next - 1, moment })));
                self.subscribed &= !made;
            }
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

    /// Only a call that ended well moves a reader, and a final read belongs to no position.
    fn advance(&mut self, poll: &Poll<'h, '_>) {
        if let (Some((behind, _)), Phase::Ok, false) =
            (poll.read.records.last(), poll.call.outcome, poll.read.last)
        {
            let position = Position { behind: *behind, moment: poll.call.last() };
            self.positions.insert(poll.key, position);
        }
    }
}

/// One key's records in one call.
struct Poll<'h, 'c> {
    key: &'h Key,
    log: &'c Log<'h>,
    read: Read<'h>,
    call: &'c Call<'h>,
}

impl Poll<'_, '_> {
    fn judge(&self, case: &Case<'_>, consumer: &Consumer<'_>, found: &mut Found) {
        let stays = case.contract.reads == Guarantee::Kept;
        let to = if stays && !consumer.subscribed { &mut found.errors } else { &mut found.notes };
        self.between_calls(case, consumer, to);
        let to = if stays && !self.read.rebalanced { &mut found.errors } else { &mut found.notes };
        for (before, after) in self.steps().filter(|(before, after)| before < after) {
            self.skip(case, AnomalyKind::IntPollSkip, (before, after), to);
        }
        // No contract lets offsets fall inside one answer. Between two polls, a reader may also be
        // sent back because what it read is undone.
        let undone = !stays && matches!(self.read.records, Cow::Owned(_));
        let moved = self.read.rebalanced || undone;
        let to = if moved { &mut found.notes } else { &mut found.errors };
        for (before, after) in self.steps().filter(|(before, after)| before >= after) {
            let operations = [case.ledger.index(self.call.last())];
            to.report(AnomalyKind::IntNonmonotonicPoll, Some(self.key), &operations, || {
                let what = if self.call.is_several() { "call" } else { "poll" };
                format!("one {what} returned offset {after} of {} after offset {before}", self.key)
            });
        }
    }

    /// The offsets that were read one after the other.
    fn steps(&self) -> impl Iterator<Item = (i64, i64)> {
        self.read.records.windows(2).map(|pair| (pair[0].0, pair[1].0))
    }

    fn between_calls(&self, case: &Case<'_>, consumer: &Consumer<'_>, to: &mut Findings) {
        let (Some((first, _)), Some(position), false) =
            (self.read.records.first(), consumer.positions.get(self.key), self.read.last)
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
    /// Notes which offsets this call has been past. One that did not end well proves nothing, and
    /// neither does a reader that others moved meanwhile; where others may have moved it before,
    /// it is not known from where it came.
    fn pass(&mut self, poll: &Poll<'h, '_>, consumer: &Consumer<'h>) {
        let Read { records, last, rebalanced } = &poll.read;
        let proves = poll.call.outcome == Phase::Ok && (*last || !rebalanced);
        let Some((first, _)) = records.first().filter(|_| proves) else {
            return;
        };
        // A final read begins at the start of the log, others where the reader stood.
        let stood = if *last {
            Some(0)
        } else {
            let position = consumer.positions.get(poll.key).filter(|_| !consumer.subscribed);
            position.map(|position| position.behind.saturating_add(1))
        };
        let from = stood.filter(|stood| stood < first).unwrap_or(*first);
        let moment = poll.call.last();
        let stretches = self.passed.entry(poll.key).or_default();
        let mut stretch = Stretch { from, to: *first, moment };
        for (offset, _) in &records[1..] {
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
