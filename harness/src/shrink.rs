//! Cutting a failure down to what it needs: delta debugging (Zeller and Hildebrandt, 2002) over any
//! list.
//!
//! The list may be a schedule of faults, the clients of a run, the operations of a history. Whoever
//! shrinks says of several candidates which is the first, in their order, that still fails. Asked
//! so, candidates can be tried on all cores, and the answer is the same on one.
//!
//! ```
//! use harness::shrink::{first_in_order, minimize};
//!
//! // It fails whenever both 3 and 7 are there.
//! let fails = |items: &Vec<u32>| items.contains(&3) && items.contains(&7);
//! let shrunk = minimize((0..20).collect(), |candidates| first_in_order(candidates, 2, fails));
//! assert_eq!(shrunk, [3, 7]);
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The smallest list that delta debugging comes to: it still fails, and leaving out any single item
/// makes it pass. The order of the items stays.
///
/// `items` must fail. `first_failing` is given candidates, and says which is the first that fails.
/// If it says that none does (because its time is up, say), what was reached by then is returned.
///
/// Takes at most about the square of the length in candidates, and about twice its logarithm for
/// each item that is needed where few are.
///
/// # Panics
/// `first_failing` names a candidate that there is not.
pub fn minimize<T: Clone>(
    items: Vec<T>,
    mut first_failing: impl FnMut(&[Vec<T>]) -> Option<usize>,
) -> Vec<T> {
    let mut least = items;
    if least.is_empty() || first_failing(&[Vec::new()]).is_some() {
        return Vec::new();
    }
    let mut parts = 2;
    while least.len() >= 2 {
        parts = parts.min(least.len());
        let candidates = divided(&least, parts);
        match first_failing(&candidates) {
            // A part alone: begin anew with it.
            Some(index) if index < parts => {
                least.clone_from(&candidates[index]);
                parts = 2;
            }
            // All but a part: the other parts are still as fine as they were.
            Some(index) => {
                least.clone_from(&candidates[index]);
                parts = (parts - 1).max(2);
            }
            None if parts == least.len() => break,
            None => parts *= 2,
        }
    }
    least
}

/// Each of so many parts alone, then all but each. The late parts are left out first: what comes
/// after a failure cannot have caused it.
fn divided<T: Clone>(items: &[T], parts: usize) -> Vec<Vec<T>> {
    let edge = |part: usize| part * items.len() / parts;
    let alone = (0..parts).map(|part| items[edge(part)..edge(part + 1)].to_vec());
    let without =
        (0..parts).rev().map(|part| [&items[..edge(part)], &items[edge(part + 1)..]].concat());
    if parts == 2 { alone.collect() } else { alone.chain(without).collect() }
}

/// The index of the first candidate that fails, tried on so many threads: the same whatever their
/// number and speed. Candidates after it may have been tried for nothing.
///
/// # Panics
/// `fails` panicked.
pub fn first_in_order<C: Sync>(
    candidates: &[C],
    workers: usize,
    fails: impl Fn(&C) -> bool + Sync,
) -> Option<usize> {
    let next = AtomicUsize::new(0);
    let smallest = AtomicUsize::new(usize::MAX);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            // Smaller ones are under way already, so the smallest that fails is never missed.
            if index >= candidates.len() || index > smallest.load(Ordering::Relaxed) {
                return;
            }
            if fails(&candidates[index]) {
                smallest.fetch_min(index, Ordering::Relaxed);
            }
        }
    };
    if workers <= 1 || candidates.len() <= 1 {
        work();
    } else {
        thread::scope(|scope| {
            for _ in 0..workers.min(candidates.len()) {
                scope.spawn(work);
            }
        });
    }
    Some(smallest.into_inner()).filter(|index| *index < candidates.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::collections::BTreeSet;

    /// Whatever list: a coin that falls the same way each time.
    fn coin(items: &[u32], salt: u32) -> bool {
        let mixed = items
            .iter()
            .fold(salt, |sum, item| (sum ^ item).wrapping_mul(0x9e37_79b1).rotate_left(13));
        mixed.count_ones() % 3 == 0
    }

    fn in_turn<C: Sync>(fails: impl Fn(&C) -> bool + Sync) -> impl FnMut(&[C]) -> Option<usize> {
        move |candidates| first_in_order(candidates, 1, &fails)
    }

    #[test]
    fn one_culprit_among_a_thousand_takes_few_candidates() {
        let tried = Cell::new(0);
        let shrunk = minimize((0..1024).collect(), |candidates: &[Vec<u32>]| {
            let found = candidates.iter().position(|items| items.contains(&700));
            tried.set(tried.get() + found.map_or(candidates.len(), |index| index + 1));
            found
        });
        assert_eq!(shrunk, [700]);
        assert!(tried.get() <= 1 + 2 * 10, "{}", tried.get());
    }

    #[test]
    fn what_fails_without_anything_is_empty() {
        assert_eq!(minimize(vec![1, 2, 3], in_turn(|_: &Vec<u32>| true)), Vec::<u32>::new());
        assert_eq!(minimize(Vec::new(), in_turn(|_: &Vec<u32>| true)), Vec::<u32>::new());
    }

    #[test]
    fn time_that_is_up_leaves_what_was_reached() {
        let mut asked = 0;
        let shrunk = minimize((0..64).collect(), |candidates: &[Vec<u32>]| {
            asked += 1;
            let found = candidates.iter().position(|c| c.contains(&1) && c.contains(&2));
            found.filter(|_| asked < 4)
        });
        assert!(shrunk.contains(&1) && shrunk.contains(&2) && shrunk.len() < 64, "{shrunk:?}");
    }

    #[test]
    fn single_item_that_is_needed_stays() {
        assert_eq!(minimize(vec![5], in_turn(|items: &Vec<u32>| !items.is_empty())), [5]);
    }

    proptest! {
        #[test]
        fn exactly_the_culprits_are_left(
            length in 1_usize..60,
            picks in prop::collection::btree_set(0_usize..60, 0..6),
        ) {
            let culprits: BTreeSet<usize> = picks.into_iter().filter(|pick| *pick < length).collect();
            let fails = |items: &Vec<usize>| culprits.iter().all(|one| items.contains(one));
            let shrunk = minimize((0..length).collect(), in_turn(fails));
            prop_assert_eq!(shrunk, culprits.iter().copied().collect::<Vec<_>>());
        }

        #[test]
        fn nothing_more_can_be_left_out(length in 1_u32..24, salt: u32) {
            let all: Vec<u32> = (0..length).collect();
            let fails = |items: &Vec<u32>| *items == all || coin(items, salt);
            let tried = Cell::new(0_usize);
            let shrunk = minimize(all.clone(), |candidates| {
                let found = candidates.iter().position(fails);
                tried.set(tried.get() + found.map_or(candidates.len(), |index| index + 1));
                found
            });
            prop_assert!(fails(&shrunk));
            for index in 0..shrunk.len() {
                let mut fewer = shrunk.clone();
                fewer.remove(index);
                prop_assert!(!fails(&fewer), "{shrunk:?} without {index}");
            }
            prop_assert!(shrunk.is_sorted(), "the order stays");
            let square = all.len() * all.len();
            prop_assert!(tried.get() <= 2 * square + 8 * all.len() + 1, "{}", tried.get());
        }

        #[test]
        fn number_of_workers_does_not_matter(length in 1_u32..24, salt: u32, workers in 2_usize..5) {
            let all: Vec<u32> = (0..length).collect();
            let fails = |items: &Vec<u32>| *items == all || coin(items, salt);
            let alone = minimize(all.clone(), in_turn(fails));
            let together = minimize(all.clone(), |some| first_in_order(some, workers, fails));
            prop_assert_eq!(alone, together);
        }
    }
}
