//! Why a run failed: when it could not be saved any more, and which faults it took.
//!
//! A schedule of faults is data, and a run follows from it. So a failed run can be branched: carried
//! out again with every fault lifted at some moment, or with one fault left out. Such a branch is the
//! very same run up to that moment, so what comes of it says what would have come of the run. Whoever
//! carries branches out is asked to check that, and to say so if it is not ([`Fate::Strays`]).
//!
//! ```
//! use std::time::Duration;
//!
//! use harness::explain::{Branch, Fate, Limits, point_of_no_return};
//! use harness::fault::Fault;
//! use harness::nemesis::{Schedule, ScheduledFault};
//!
//! let secs = Duration::from_secs;
//! let pause = |at| ScheduledFault { at: secs(at), lasts: None, fault: Fault::Pause, aims: vec![] };
//! let faults = vec![pause(1), pause(5), pause(9)];
//! let schedule = Schedule { lasts: secs(20), restart_after: secs(1), faults };
//! // A run that fails once the second fault is there for two seconds.
//! let carry_out = |branch: &Branch| {
//!     let second = branch.schedule.faults.len() >= 2;
//!     if second && branch.schedule.lasts >= secs(7) { Fate::Fails } else { Fate::Passes }
//! };
//! let found = point_of_no_return(&schedule, secs(12), &Limits::new(secs(1)), carry_out);
//! assert_eq!((found.saved, found.lost), (Some(secs(6)), secs(7)));
//! ```

#[cfg(test)]
mod tests;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use crate::gate::lock;
use crate::nemesis::Schedule;

/// A run with another schedule, which is the same as the failed one up to some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The faults.
    pub schedule: Schedule,
    /// Up to here, from the beginning of the schedule, nothing may be different.
    pub same_until: Duration,
}

/// What came of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "fate", content = "how")]
pub enum Fate {
    /// It passes.
    Passes,
    /// It fails as the run did.
    Fails,
    /// It fails, but differently; how, in a few words.
    FailsOtherwise(String),
    /// It was another run before it should have been: it proves nothing.
    Strays,
}

impl Fate {
    /// Whether the branch came to a good end.
    #[must_use]
    pub fn is_good(&self) -> bool {
        match self {
            Self::Passes => true,
            Self::Fails | Self::FailsOtherwise(_) | Self::Strays => false,
        }
    }
}

/// How much may be spent on branches.
pub struct Limits<'a> {
    /// So many branches at a time. The answer is the same for any number.
    pub workers: usize,
    /// How finely moments are told apart: a step of the simulation, or more.
    pub grain: Duration,
    /// Asked before each branch; once it says yes, no more are begun, and the answer is what is known
    /// by then.
    pub is_enough: &'a (dyn Fn() -> bool + Sync),
    /// Is told how many branches are done.
    pub told: &'a (dyn Fn(u64) + Sync),
    done: AtomicU64,
}

impl Limits<'_> {
    /// One branch at a time, without end, and nobody is told.
    #[must_use]
    pub fn new(grain: Duration) -> Self {
        Self { workers: 1, grain, is_enough: &|| false, told: &|_| (), done: AtomicU64::new(0) }
    }

    /// How many branches were carried out so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Carries branches out, as many at a time as there are workers. `None` for those that the time
    /// did not suffice for.
    fn fates(
        &self,
        branches: &[Branch],
        carry_out: &(impl Fn(&Branch) -> Fate + Sync),
    ) -> Vec<Option<Fate>> {
        let fates: Mutex<Vec<Option<Fate>>> = Mutex::new(vec![None; branches.len()]);
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(branch) = branches.get(index) else { return };
                if (self.is_enough)() {
                    return;
                }
                let fate = carry_out(branch);
                lock(&fates)[index] = Some(fate);
                (self.told)(self.done.fetch_add(1, Ordering::Relaxed) + 1);
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.workers.clamp(1, branches.len().max(1)) {
                scope.spawn(work);
            }
        });
        std::mem::take(&mut *lock(&fates))
    }
}

impl std::fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits")
            .field("workers", &self.workers)
            .field("grain", &self.grain)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// When a failure became inevitable. Times count from the beginning of the schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PointOfNoReturn {
    /// The last moment known at which lifting every fault, and bringing no more, would have saved
    /// the run; `None` if no such moment is known.
    #[serde(rename = "saved_ms", with = "crate::millis::optional")]
    pub saved: Option<Duration>,
    /// The first moment known after it at which that would not have helped.
    #[serde(rename = "lost_ms", with = "crate::millis")]
    pub lost: Duration,
    /// Branches that were other runs before they should have been. Something is not repeatable, and
    /// the rest is to be taken with care.
    #[serde(skip)]
    pub strayed: Vec<Branch>,
    /// Whether everything was tried; otherwise the time was up.
    pub complete: bool,
}

/// The same schedule with every fault lifted at `moment`, and none after.
#[must_use]
pub fn stopped_at(schedule: &Schedule, moment: Duration) -> Schedule {
    let faults = schedule.faults.iter().filter(|fault| fault.at < moment).cloned().collect();
    Schedule { faults, lasts: moment.min(schedule.lasts), restart_after: schedule.restart_after }
}

/// Looks for the last moment at which lifting all faults would have saved a run that failed at
/// `failed_at`: before each fault, from the last backwards; then, between the moment found and the
/// next one, ever more finely.
///
/// The first part asks for every fault, so it is exact whatever the run is like. The second takes it
/// that once a run is lost between two faults it stays lost.
pub fn point_of_no_return(
    schedule: &Schedule,
    failed_at: Duration,
    limits: &Limits<'_>,
    carry_out: impl Fn(&Branch) -> Fate + Sync,
) -> PointOfNoReturn {
    let mut search = Search {
        schedule,
        limits,
        found: PointOfNoReturn {
            saved: None,
            lost: failed_at,
            strayed: Vec::new(),
            complete: true,
        },
    };
    let mut moments: Vec<Duration> = schedule.faults.iter().map(|fault| fault.at).collect();
    moments.retain(|moment| *moment < failed_at);
    moments.sort_unstable_by(|one, other| other.cmp(one));
    moments.dedup();
    for some in moments.chunks(limits.workers.max(1)) {
        if search.found.saved.is_some() || !search.found.complete {
            break;
        }
        search.ask(some, &carry_out);
    }
    while let Some(between) = search.between() {
        search.ask(&between, &carry_out);
    }
    search.found
}

/// Into so many parts an interval is divided at a time, however many workers there are: so the answer
/// does not depend on them.
const PARTS: u32 = 4;

/// The interval in which the point of no return is known to lie, and how it is narrowed.
struct Search<'a, 'l> {
    schedule: &'a Schedule,
    limits: &'a Limits<'l>,
    found: PointOfNoReturn,
}

impl Search<'_, '_> {
    /// Asks what would have come of it at these moments, latest first.
    fn ask(&mut self, moments: &[Duration], carry_out: &(impl Fn(&Branch) -> Fate + Sync)) {
        let branches: Vec<Branch> = moments
            .iter()
            .map(|moment| Branch {
                schedule: stopped_at(self.schedule, *moment),
                same_until: *moment,
            })
            .collect();
        let fates = self.limits.fates(&branches, carry_out);
        for (branch, fate) in branches.into_iter().zip(fates) {
            match fate {
                None => self.found.complete = false,
                Some(Fate::Passes) => {
                    self.found.saved = Some(branch.same_until);
                    return;
                }
                Some(Fate::Fails | Fate::FailsOtherwise(_)) => self.found.lost = branch.same_until,
                Some(Fate::Strays) => self.found.strayed.push(branch),
            }
        }
    }

    /// Moments between the last that saves and the first that does not, latest first; `None` once
    /// there is none.
    fn between(&self) -> Option<Vec<Duration>> {
        let PointOfNoReturn { saved, lost, strayed, complete } = &self.found;
        let from = (*saved).filter(|_| *complete && strayed.is_empty())?;
        let grain = self.limits.grain.max(Duration::from_millis(1));
        let grains = (*lost - from).as_nanos() / grain.as_nanos();
        let mut moments: Vec<Duration> = (1..PARTS)
            .map(|part| u128::from(part) * grains / u128::from(PARTS))
            .map(|steps| from + grain * u32::try_from(steps).unwrap_or(u32::MAX))
            .filter(|moment| from < *moment && *moment < *lost)
            .collect();
        moments.sort_unstable_by(|one, other| other.cmp(one));
        moments.dedup();
        (!moments.is_empty()).then_some(moments)
    }
}

/// What comes of a failing schedule without each of its faults, one at a time, in their order; `None`
/// where the time did not suffice.
pub fn without_each(
    schedule: &Schedule,
    limits: &Limits<'_>,
    carry_out: impl Fn(&Branch) -> Fate + Sync,
) -> Vec<Option<Fate>> {
    let without = |index: usize| {
        let mut fewer = schedule.clone();
        let left_out = fewer.faults.remove(index);
        Branch { schedule: fewer, same_until: left_out.at }
    };
    let branches: Vec<Branch> = (0..schedule.faults.len()).map(without).collect();
    limits.fates(&branches, &carry_out)
}
