//! Cutting a failing run down: the fewest faults, the shortest storm, the smallest cluster and the
//! fewest clients under which it still fails in the same way.
//!
//! What stays is the invariant, the anomaly or the failure ([`Signature::is_same_failure`]), not its
//! message: a fault that is left out shifts everything after it, and so the offsets and times in the
//! message, and perhaps the occasion on which an invariant breaks. Each candidate is one run.
//! Candidates are tried on all cores, and the first in their order that still fails is taken, so
//! the result depends neither on the number of cores nor on their speed. Only a budget of time that
//! runs out makes it depend on the machine, and then it says so.

mod cluster;
mod faults;
mod size;
mod story;
mod test_text;
mod times;
mod trial;
mod words;

use harness::report::RunReport;
use harness::shrink::minimize;

use crate::plan::{Plan, Unfit};
use crate::run::{self, Errand, Ran, Watching};
use crate::signature::Signature;

pub use size::Size;
pub use test_text::{as_plan_test, as_story, as_test, fails_as_story};
use trial::Trial;

/// How much may be spent, and who is told of it.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// How many runs at a time.
    pub workers: usize,
    /// Whether it is enough; asked before every run. The best so far is the result then.
    pub is_enough: &'a (dyn Fn() -> bool + Sync),
    /// Told after every run, from any of the threads.
    pub told: &'a (dyn Fn(&Progress) + Sync),
}

impl std::fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("workers", &self.workers).finish_non_exhaustive()
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many candidates were run so far.
    pub runs: u64,
    /// How many faults the candidate had that was run last.
    pub faults: usize,
    /// What is being made simpler.
    pub doing: &'static str,
}

/// A plan that was cut down.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest plan that was found.
    pub plan: Plan,
    /// How it fails: as the first plan did, but perhaps on another occasion.
    pub signature: Signature,
    /// What its run came to.
    pub report: RunReport,
    /// How large the first plan was.
    pub before: Size,
    /// How large this one is.
    pub after: Size,
    /// How many candidates were run. Runs that turned out to be needless count too, so this
    /// depends on the number of workers.
    pub runs: u64,
    /// Nothing more can be made simpler; false if it was enough before that.
    pub complete: bool,
}

/// Why there is nothing to cut down.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unshrinkable {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Its run passes, as this report says.
    #[error("the run does not fail: there is nothing to shrink")]
    Passes(Box<RunReport>),
}

/// Cuts `plan` down while it fails in the way that it does.
///
/// # Errors
/// See [`Unshrinkable`].
pub fn shrink(plan: &Plan, limits: Limits<'_>) -> Result<Shrunk, Unshrinkable> {
    plan.check()?;
    let first = carried_out(plan);
    let Some(signature) = Signature::of(&first.report) else {
        return Err(Unshrinkable::Passes(Box::new(first.report)));
    };
    let before = Size::of(plan, &first.report);
    let trial = Trial::new(signature.clone(), limits);
    let least = least(plan, &trial);
    let report = if least == *plan { first.report } else { carried_out(&least).report };
    let signature = Signature::of(&report).unwrap_or(signature);
    let after = Size::of(&least, &report);
    let (runs, complete) = (trial.runs(), !trial.was_enough());
    Ok(Shrunk { plan: least, signature, report, before, after, runs, complete })
}

fn carried_out(plan: &Plan) -> Ran {
    let errand = Errand { plan: plan.clone(), repeat: "cargo faults repro FILE".to_owned() };
    run::carry_out(&errand, Watching::default())
}

/// Who knows whether plans still fail; a test may answer in place of the simulation.
trait Judge {
    /// The first of the plans that still fails.
    fn first_failing(&self, candidates: &[Plan]) -> Option<usize>;
    /// What is made simpler from now on.
    fn begin(&self, doing: &'static str);
}

/// One way of making a plan simpler, at each of several places.
///
/// Every way leads downwards in an order of its own (fewer, shorter, plainer), and none leads up
/// what another has led down, so that there is an end.
struct Way {
    name: &'static str,
    /// How many places there are.
    places: fn(&Plan) -> usize,
    /// Plans that are simpler at a place, the simplest first.
    simpler: fn(&Plan, usize) -> Vec<Plan>,
}

/// What costs time first: whatever makes runs shorter makes everything after it faster.
const WAYS: &[Way] = &[
    Way { name: "the end of the storm", places: |_| 1, simpler: times::ends },
    Way { name: "brokers", places: cluster::nodes, simpler: cluster::without_node },
    Way { name: "pauses between faults", places: times::faults, simpler: times::gaps },
    Way { name: "lengths of faults", places: times::faults, simpler: times::lengths },
    Way { name: "calm", places: |_| 1, simpler: times::calms },
    Way { name: "clients", places: |_| cluster::CLIENT_KINDS, simpler: cluster::clients },
    Way { name: "records", places: |_| 1, simpler: cluster::records },
    Way { name: "pace", places: |_| 1, simpler: cluster::paces },
    Way { name: "partitions", places: |_| 1, simpler: cluster::partitions },
    Way { name: "controllers", places: |_| 1, simpler: cluster::controllers },
    Way { name: "racks", places: |_| 1, simpler: cluster::racks },
    Way { name: "properties", places: cluster::properties, simpler: cluster::as_usual },
    Way { name: "kinds of faults", places: times::faults, simpler: faults::kinds },
    Way { name: "aims", places: faults::aims, simpler: faults::aimed_simpler },
    Way { name: "tick", places: |_| 1, simpler: cluster::ticks },
];

/// Every way at every place, again and again until none leads further.
fn least(plan: &Plan, judge: &impl Judge) -> Plan {
    let mut best = plan.clone();
    loop {
        let before = best.clone();
        judge.begin("faults");
        best.schedule.faults = minimize(best.schedule.faults.clone(), |lists| {
            first_with(judge, &best, lists, |plan, faults| plan.schedule.faults = faults)
        });
        judge.begin("producers");
        best.clients.producers = minimize(best.clients.producers.clone(), |lists| {
            first_with(judge, &best, lists, |plan, kinds| plan.clients.producers = kinds)
        });
        for way in WAYS {
            judge.begin(way.name);
            let mut place = 0;
            while place < (way.places)(&best) {
                let candidates = (way.simpler)(&best, place);
                if let Some(index) = judge.first_failing(&candidates) {
                    best.clone_from(&candidates[index]);
                }
                place += 1;
            }
        }
        if best == before {
            return best;
        }
    }
}

/// The first of the lists with which the plan still fails.
fn first_with<T: Clone>(
    judge: &impl Judge,
    plan: &Plan,
    lists: &[Vec<T>],
    put: impl Fn(&mut Plan, Vec<T>),
) -> Option<usize> {
    let candidates: Vec<Plan> = lists
        .iter()
        .map(|list| {
            let mut candidate = plan.clone();
            put(&mut candidate, list.clone());
            candidate
        })
        .collect();
    judge.first_failing(&candidates)
}

#[cfg(test)]
mod tests;
