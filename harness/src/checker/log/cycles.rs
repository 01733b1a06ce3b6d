//! Calls that wait for one another in a circle: `g1c`, `g1c-realtime`.
//!
//! Of two calls, one is certainly the earlier if the other read what it sent (write-read), or if
//! it had ended before the other began (real time). Time does not run in a circle:
//!
//! - What a call of several parts sends is shown to nobody before its last part is done. So
//!   whoever reads a value of it is done later: the writer comes first.
//! - A call is done with its polls before it ends. That is all that is used of an end: a call
//!   whose fate is unknown may take effect later, but its polls have been answered by then.
//!
//! Both edges are facts about time, in every order that the calls could have had. They owe nothing
//! to acknowledgements, so a circle is an error under every contract, also where records may be
//! lost or all of them are volatile. And a reader that lags has no edge at all: a *missing* record
//! says nothing here. A stale read is no violation of real time; reading from one's own future is.
//!
//! A value that was read before its send began is told by `precommitted-read`, and so is a call
//! that reads what it sends; a value whose send had failed, by `aborted-read`. None of them is an
//! edge in real time. With calls that either send or poll there is no other circle.

mod tangle;

use std::collections::BTreeMap;

use crate::history::{Key, Phase};
use crate::verdict::AnomalyKind;

use super::calls::Call;
use super::{Case, Found};
use tangle::{Graph, Tangles};

/// From how many nodes of a tangle a short way around is looked for. In a tangle of no more nodes
/// it is a shortest.
const STARTS_MAX: usize = 32;

/// How many steps of a circle are told, and how many calls of it are named.
const STEPS_MAX: usize = 12;

pub(super) fn judge(case: &Case<'_>, found: &mut Found) {
    let both = |call: &Call<'_>| call.sends().next().is_some() && call.polls().next().is_some();
    if !case.ledger.calls.iter().any(both) {
        return;
    }
    let reads = Reads::new(case);
    let calls = case.ledger.calls.len();
    let graph = Graph::new(calls, reads.edges().collect());
    let tangles = graph.tangles();
    for tangle in &tangles.tangles {
        let starts = tangle.iter().take(STARTS_MAX);
        let ways = starts.filter_map(|start| {
            let way = graph.way(&tangles, (*start, *start), calls)?;
            Some(std::iter::once(*start).chain(way).collect::<Vec<_>>())
        });
        if let Some(circle) = ways.min_by_key(Vec::len) {
            let steps = circle.windows(2).map(|pair| reads.step(pair[0], pair[1]));
            report(case, AnomalyKind::G1c, &steps.collect::<Vec<_>>(), found);
        }
    }
    realtime(case, &reads, found);
}

/// Circles with a step in real time.
fn realtime(case: &Case<'_>, reads: &Reads<'_>, found: &mut Found) {
    let calls = &case.ledger.calls;
    let timely = reads.edges().filter(|(writer, reader)| {
        // Otherwise it was read before it was sent.
        calls[*writer].began < calls[*reader].last()
    });
    let timely: Vec<(usize, usize)> = timely.collect();
    let clock = Clock::new(calls, &timely);
    let graph = Graph::new(calls.len() + clock.ends.len(), clock.edges(calls, timely));
    let tangles = graph.tangles();
    for tangle in &tangles.tangles {
        let ways =
            clock.begun_after(tangle, &tangles).take(STARTS_MAX).filter_map(|(start, barrier)| {
                let way = graph.way(&tangles, (start, barrier), calls.len())?;
                Some(std::iter::once(start).chain(way).collect::<Vec<_>>())
            });
        let length = |way: &Vec<usize>| way.iter().filter(|node| clock.knows(**node)).count();
        if let Some(way) = ways.min_by_key(length) {
            report(case, AnomalyKind::G1cRealtime, &clock.steps(&way, reads), found);
        }
    }
}

/// Who read what whom sent.
struct Reads<'h> {
    /// By writer and reader, one value for each two.
    by_calls: BTreeMap<(usize, usize), (&'h Key, u64)>,
}

impl<'h> Reads<'h> {
    fn new(case: &Case<'h>) -> Self {
        let mut by_calls = BTreeMap::new();
        for (reader, call) in case.ledger.calls.iter().enumerate() {
            for (key, records) in call.polls().flat_map(|poll| poll.records) {
                for (_, value) in records {
                    let sent = case.ledger.sent(key, *value);
                    let sent = sent.filter(|s| s.outcome != Phase::Fail && s.call != reader);
                    if let Some(sent) = sent {
                        by_calls.entry((sent.call, reader)).or_insert((key, *value));
                    }
                }
            }
        }
        Self { by_calls }
    }

    fn edges(&self) -> impl Iterator<Item = (usize, usize)> {
        self.by_calls.keys().copied()
    }

    /// The step from a writer to a reader; in real time if nothing was read.
    fn step(&self, from: usize, to: usize) -> Step<'h> {
        Step { from, to, read: self.by_calls.get(&(from, to)).copied() }
    }
}

/// Real time as a few edges: the ends of calls, in order, are nodes of their own, each before the
/// next. A call leads to its end, and the last end before a call began leads to it.
struct Clock {
    /// The moments of the ends, ascending, each with its call. Their nodes follow those of calls.
    ends: Vec<(usize, usize)>,
    /// The calls that count, and for each the last end before it began.
    begun: BTreeMap<usize, Option<usize>>,
}

impl Clock {
    /// Of the calls that sent or read something that matters.
    fn new(calls: &[Call<'_>], reads: &[(usize, usize)]) -> Self {
        let mut begun: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        begun.extend(reads.iter().flat_map(|(writer, reader)| [(*writer, None), (*reader, None)]));
        let ends = begun.keys().filter_map(|call| Some((calls[*call].ended?, *call)));
        let mut ends: Vec<(usize, usize)> = ends.collect();
        ends.sort_unstable();
        for (call, before) in &mut begun {
            let ended = ends.partition_point(|(end, _)| *end < calls[*call].began);
            *before = ended.checked_sub(1).map(|end| calls.len() + end);
        }
        Self { ends, begun }
    }

    fn edges(&self, calls: &[Call<'_>], reads: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
        let (first, mut edges) = (calls.len(), reads);
        edges.extend(self.ends.iter().enumerate().map(|(end, (_, call))| (*call, first + end)));
        edges.extend((1..self.ends.len()).map(|end| (first + end - 1, first + end)));
        edges.extend(
            self.begun
                .iter()
                .filter_map(|(call, end)| Some((end.as_ref()?, call)))
                .map(|(end, call)| (*end, *call)),
        );
        edges
    }

    /// The calls of a tangle that began after an end in it, each with the last such end.
    fn begun_after(
        &self,
        tangle: &[usize],
        tangles: &Tangles,
    ) -> impl Iterator<Item = (usize, usize)> {
        tangle.iter().filter_map(|call| {
            let end = (*self.begun.get(call)?)?;
            tangles.same(*call, end).then_some((*call, end))
        })
    }

    /// Whether this node is a call, and not an end.
    fn knows(&self, node: usize) -> bool {
        self.begun.contains_key(&node)
    }

    /// The steps between the calls on a way that leads from a call to the end before it.
    fn steps<'h>(&self, way: &[usize], reads: &Reads<'h>) -> Vec<Step<'h>> {
        let mut steps = Vec::new();
        let (mut from, mut ended) = (way[0], false);
        for node in &way[1..] {
            if self.knows(*node) {
                let (to, read) = (*node, None);
                let timely = || Step { from, to, read };
                steps.push(if ended { timely() } else { reads.step(from, to) });
                (from, ended) = (to, false);
            } else {
                ended = true;
            }
        }
        steps.push(Step { from, to: way[0], read: None });
        steps
    }
}

/// One step of a circle: `to` read a value that `from` sent, or began when `from` had ended.
struct Step<'h> {
    from: usize,
    to: usize,
    read: Option<(&'h Key, u64)>,
}

fn report(case: &Case<'_>, kind: AnomalyKind, steps: &[Step<'_>], found: &mut Found) {
    let ledger = &case.ledger;
    let mut operations = Vec::new();
    for step in steps.iter().take(STEPS_MAX) {
        operations.push(ledger.proof(step.from));
        if step.read.is_none() {
            operations.push(ledger.index(ledger.calls[step.to].began));
        }
    }
    let mut keys = steps.iter().filter_map(|step| Some(step.read?.0));
    let key = keys.next().filter(|first| keys.all(|key| key == *first));
    found.errors.report(kind, key, &operations, || {
        let told: Vec<String> = steps.iter().take(STEPS_MAX).map(|step| tell(case, step)).collect();
        let more = steps.len() - told.len();
        let more = if more == 0 { String::new() } else { format!("; and {more} steps more") };
        told.join("; ") + &more
    });
}

fn tell(case: &Case<'_>, step: &Step<'_>) -> String {
    let [from, to] = [step.from, step.to].map(|call| case.ledger.proof(call));
    match step.read {
        Some((key, value)) => {
            format!("operation {to} read value {value} of {key} that operation {from} sent")
        }
        None => format!("operation {from} ended before operation {to} began"),
    }
}
