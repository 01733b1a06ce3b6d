//! Shorter: the storm, what lies between faults, the faults, the calm around it all.

use std::time::Duration;

use crate::plan::Plan;

/// Times that are easy to read, in milliseconds. The first that still fails is taken, so that what
/// is left says of itself how long it must be, roughly.
const ROUND: [u64; 17] = [
    0, 10, 100, 200, 500, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000, 15_000, 20_000,
    30_000, 60_000,
];

/// Round times below `time`, then `time` itself cut to a half and to a tenth of a second.
fn shorter(time: Duration) -> Vec<Duration> {
    let cut = |to: u128| time.as_millis() / to * to;
    let cuts = [500, 100].map(cut).map(|ms| u64::try_from(ms).unwrap_or(u64::MAX));
    let mut times: Vec<Duration> =
        ROUND.into_iter().chain(cuts).map(Duration::from_millis).collect();
    times.sort_unstable();
    times.dedup();
    times.retain(|shorter| *shorter < time);
    times
}

/// How many faults there are.
pub(super) fn faults(plan: &Plan) -> usize {
    plan.schedule.faults.len()
}

/// The storm ends sooner, though not before its last fault.
pub(super) fn ends(plan: &Plan, _place: usize) -> Vec<Plan> {
    let last = plan.schedule.faults.iter().map(|fault| fault.at).max().unwrap_or_default();
    let after = plan.schedule.lasts.saturating_sub(last);
    let end = |rest: Duration| {
        let mut candidate = plan.clone();
        candidate.schedule.lasts = last + rest;
        candidate
    };
    shorter(after).into_iter().map(end).collect()
}

/// A fault comes sooner after the one before it, and all that follows with it.
pub(super) fn gaps(plan: &Plan, place: usize) -> Vec<Plan> {
    let mut sorted = plan.clone();
    sorted.schedule.faults.sort_by_key(|fault| fault.at);
    let at = |place: usize| sorted.schedule.faults[place].at;
    let gap = at(place) - if place == 0 { Duration::ZERO } else { at(place - 1) };
    let moved = |to: Duration| {
        let mut candidate = sorted.clone();
        let sooner = gap - to;
        for fault in &mut candidate.schedule.faults[place..] {
            fault.at -= sooner;
        }
        candidate.schedule.lasts = candidate.schedule.lasts.saturating_sub(sooner);
        candidate
    };
    shorter(gap).into_iter().map(moved).collect()
}

/// A fault is over sooner. One without an end of its own keeps the storm's.
pub(super) fn lengths(plan: &Plan, place: usize) -> Vec<Plan> {
    let Some(lasts) = plan.schedule.faults[place].lasts else { return Vec::new() };
    let over = |lasts: Duration| {
        let mut candidate = plan.clone();
        candidate.schedule.faults[place].lasts = Some(lasts);
        candidate
    };
    shorter(lasts).into_iter().map(over).collect()
}

/// Less time before the first fault and after the last.
pub(super) fn calms(plan: &Plan, _place: usize) -> Vec<Plan> {
    let calm = |calm: Duration| Plan { calm, ..plan.clone() };
    shorter(plan.calm).into_iter().map(calm).collect()
}
