//! Branches of runs that are rules on schedules.

use proptest::prelude::*;

use super::*;
use crate::fault::Fault;
use crate::nemesis::ScheduledFault;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn schedule(starts: &[u64]) -> Schedule {
    let fault = |at: &u64| ScheduledFault {
        at: ms(*at),
        lasts: None,
        fault: Fault::Pause,
        aims: Vec::new(),
    };
    let faults = starts.iter().map(fault).collect();
    Schedule { lasts: ms(20_000), restart_after: ms(1_000), faults }
}

fn has(schedule: &Schedule, at: u64) -> bool {
    schedule.faults.iter().any(|fault| fault.at == ms(at))
}

/// Fails once the fault that begins at `at` was in force for `lasting`.
fn needs(at: u64, lasting: u64) -> impl Fn(&Branch) -> Fate + Sync {
    move |branch| {
        let long = branch.schedule.lasts >= ms(at + lasting);
        if has(&branch.schedule, at) && long { Fate::Fails } else { Fate::Passes }
    }
}

#[test]
fn fault_that_is_fatal_at_once_is_the_point() {
    let schedule = schedule(&[1_000, 4_000, 9_000]);
    let limits = Limits::new(ms(10));
    let found = point_of_no_return(&schedule, ms(9_500), &limits, needs(4_000, 0));
    assert_eq!((found.saved, found.lost), (Some(ms(4_000)), ms(4_010)));
    assert!(found.complete && found.strayed.is_empty());
    assert!(limits.done() < 24, "{} branches", limits.done());
}

#[test]
fn moment_between_two_faults_is_found_to_the_grain() {
    let schedule = schedule(&[1_000, 4_000, 9_000]);
    let limits = Limits::new(ms(10));
    let found = point_of_no_return(&schedule, ms(9_500), &limits, needs(4_000, 2_340));
    assert_eq!((found.saved, found.lost), (Some(ms(6_330)), ms(6_340)));
}

#[test]
fn run_that_fails_without_faults_is_never_saved() {
    let limits = Limits::new(ms(10));
    let found = point_of_no_return(&schedule(&[500]), ms(800), &limits, |_| Fate::Fails);
    assert_eq!((found.saved, found.lost), (None, ms(500)));
    let found = point_of_no_return(&schedule(&[]), ms(800), &limits, |_| Fate::Fails);
    assert_eq!((found.saved, found.lost), (None, ms(800)));
}

#[test]
fn later_moment_counts_although_an_earlier_one_does_not_save() {
    // Without the first fault it fails as well, for another reason.
    let rule = |branch: &Branch| match branch.schedule.faults.len() {
        0 => Fate::FailsOtherwise("GS5".to_owned()),
        1 | 2 => Fate::Passes,
        _ => Fate::Fails,
    };
    let found =
        point_of_no_return(&schedule(&[100, 200, 300]), ms(400), &Limits::new(ms(10)), rule);
    assert_eq!((found.saved, found.lost), (Some(ms(300)), ms(310)));
}

#[test]
fn branch_that_strays_is_named_and_proves_nothing() {
    let rule = |branch: &Branch| {
        if branch.same_until == ms(300) { Fate::Strays } else { Fate::Passes }
    };
    let found =
        point_of_no_return(&schedule(&[100, 200, 300]), ms(400), &Limits::new(ms(10)), rule);
    assert_eq!((found.saved, found.lost), (Some(ms(200)), ms(400)));
    assert_eq!(found.strayed.len(), 1);
}

#[test]
fn time_that_is_up_leaves_what_is_known() {
    let done = AtomicU64::new(0);
    let is_enough = || done.load(Ordering::Relaxed) >= 2;
    let limits = Limits { is_enough: &is_enough, ..Limits::new(ms(10)) };
    let rule = |branch: &Branch| {
        done.fetch_add(1, Ordering::Relaxed);
        needs(100, 0)(branch)
    };
    let found = point_of_no_return(&schedule(&[100, 200, 300, 400]), ms(500), &limits, rule);
    assert_eq!((found.saved, found.lost, found.complete), (None, ms(300), false));
}

#[test]
fn each_fault_is_left_out_once() {
    let rule = |branch: &Branch| {
        if has(&branch.schedule, 200) && has(&branch.schedule, 400) {
            Fate::Fails
        } else if has(&branch.schedule, 200) {
            Fate::FailsOtherwise("lost-write".to_owned())
        } else {
            Fate::Passes
        }
    };
    let fates = without_each(&schedule(&[100, 200, 300, 400]), &Limits::new(ms(10)), rule);
    let otherwise = Fate::FailsOtherwise("lost-write".to_owned());
    let expected = [Fate::Fails, Fate::Passes, Fate::Fails, otherwise];
    assert_eq!(fates, expected.map(Some));
}

#[test]
fn schedule_that_is_stopped_heals_there() {
    let stopped = stopped_at(&schedule(&[100, 200, 300]), ms(200));
    assert_eq!((stopped.faults.len(), stopped.lasts), (1, ms(200)));
    assert_eq!(stopped_at(&schedule(&[100]), ms(90_000)), schedule(&[100]));
}

proptest! {
    #[test]
    fn any_point_is_found_whatever_the_number_of_workers(
        starts in prop::collection::btree_set(1_u64..100, 1..8),
        pick: prop::sample::Index,
        lasting in 0_u64..200,
        workers in 1_usize..5,
    ) {
        let starts: Vec<u64> = starts.into_iter().map(|start| start * 100).collect();
        let fatal = *pick.get(&starts);
        let failed_at = ms(fatal + lasting * 10 + 50);
        let limits = Limits { workers, ..Limits::new(ms(10)) };
        let found = point_of_no_return(
            &schedule(&starts), failed_at, &limits, needs(fatal, lasting * 10));
        let lost = ms(fatal + lasting.max(1) * 10);
        prop_assert_eq!(found.lost, lost);
        prop_assert_eq!(found.saved, Some(lost - ms(10)));
    }
}
