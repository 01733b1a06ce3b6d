//! Deals seeds to workers, in order.
//!
//! Because seeds are dealt in order and every seed that was dealt is finished, what has been run
//! is always an unbroken range, however the sweep ends: it can go on at one number.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::wall_clock;

/// How far the workers may run ahead of the smallest seed that is still running. Outcomes wait in
/// memory until all smaller ones have come in.
const AHEAD_MAX: u64 = 4096;
/// How often a worker that waits looks whether the sweep was interrupted.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Dealer<'a> {
    end: u64,
    /// From one seed to the next.
    every: u64,
    interrupted: &'a AtomicBool,
    table: Mutex<Table>,
    moved: Condvar,
}

#[derive(Debug)]
struct Table {
    next: u64,
    /// All smaller seeds have been collected.
    collected: u64,
    stopped: bool,
    running: BTreeMap<u64, Instant>,
}

impl<'a> Dealer<'a> {
    /// Deals every so many-th of the seeds, beginning with the first.
    pub(super) fn new(seeds: Range<u64>, every: u64, interrupted: &'a AtomicBool) -> Self {
        let table = Table {
            next: seeds.start,
            collected: seeds.start,
            stopped: false,
            running: BTreeMap::new(),
        };
        let (end, every) = (seeds.end, every.max(1));
        Self { end, every, interrupted, table: Mutex::new(table), moved: Condvar::new() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next seed; none if the sweep is at its end, was stopped or was interrupted. Waits while
    /// the workers are too far ahead.
    pub(super) fn deal(&self) -> Option<u64> {
        let mut table = self.table();
        loop {
            let interrupted = self.interrupted.load(Ordering::Relaxed);
            if interrupted || table.stopped || table.next >= self.end {
                return None;
            }
            if (table.next - table.collected) / self.every < AHEAD_MAX {
                let seed = table.next;
                table.next = seed.saturating_add(self.every);
                table.running.insert(seed, wall_clock());
                return Some(seed);
            }
            let waited = self.moved.wait_timeout(table, LOOK_AGAIN);
            table = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The run of `seed` is over.
    pub(super) fn returned(&self, seed: u64) {
        self.table().running.remove(&seed);
    }

    /// Every seed below `next` has been collected.
    pub(super) fn collected(&self, next: u64) {
        self.table().collected = next;
        self.moved.notify_all();
    }

    /// Deals no further seed.
    pub(super) fn stop(&self) {
        self.table().stopped = true;
        self.moved.notify_all();
    }

    /// The run that has been going on for longest, and for how long.
    pub(super) fn oldest(&self) -> Option<(u64, Duration)> {
        let table = self.table();
        let oldest = table.running.iter().min_by_key(|(_, began)| **began)?;
        Some((*oldest.0, oldest.1.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_dealt_in_order_until_the_end() {
        let never = AtomicBool::new(false);
        let dealer = Dealer::new(3..6, 1, &never);
        let dealt: Vec<u64> = std::iter::from_fn(|| dealer.deal()).collect();
        assert_eq!(dealt, [3, 4, 5]);
        assert_eq!(dealer.oldest().map(|(seed, _)| seed), Some(3));
        dealer.returned(3);
        assert_eq!(dealer.oldest().map(|(seed, _)| seed), Some(4));
    }

    #[test]
    fn every_third_seed_is_dealt_and_the_last_of_all_too() {
        let never = AtomicBool::new(false);
        let dealer = Dealer::new(4..11, 3, &never);
        assert_eq!(std::iter::from_fn(|| dealer.deal()).collect::<Vec<_>>(), [4, 7, 10]);
        let dealer = Dealer::new(u64::MAX - 2..u64::MAX, 2, &never);
        assert_eq!(std::iter::from_fn(|| dealer.deal()).collect::<Vec<_>>(), [u64::MAX - 2]);
    }

    #[test]
    fn range_that_is_turned_around_holds_no_seed() {
        let never = AtomicBool::new(false);
        let (start, end) = (6, 3);
        assert_eq!(Dealer::new(start..end, 1, &never).deal(), None);
    }

    #[test]
    fn worker_too_far_ahead_waits_and_is_let_go_on() {
        let never = AtomicBool::new(false);
        let dealer = Dealer::new(0..u64::MAX, 1, &never);
        (0..AHEAD_MAX).for_each(|seed| assert_eq!(dealer.deal(), Some(seed)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| dealer.deal());
            assert!(!waiting.is_finished());
            dealer.collected(1);
            assert_eq!(waiting.join().unwrap(), Some(AHEAD_MAX));
        });
    }

    #[test]
    fn worker_that_waits_hears_of_the_interruption() {
        let interrupted = AtomicBool::new(false);
        let dealer = Dealer::new(0..u64::MAX, 1, &interrupted);
        (0..AHEAD_MAX).for_each(|seed| assert_eq!(dealer.deal(), Some(seed)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| dealer.deal());
            interrupted.store(true, Ordering::Relaxed);
            assert_eq!(waiting.join().unwrap(), None);
        });
    }
}
