//! The sweep: one pass over the positions holds the order of offsets against real time.

use super::binding::Binding;
use super::packed::Record;
use super::violation::{Findings, Found};

/// What the sweep saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Swept {
    /// Positions that must exist and whose record nobody named.
    pub(super) holes: u64,
    /// The latest of all L: nothing behind the known end was appended before.
    pub(super) highest: u32,
    /// The place that it belongs to.
    pub(super) highest_at: usize,
}

/// Tests max L(0..=j) ≤ D(j) at every position j. One violation is reported for each position
/// whose L is too late, with the first D that it misses.
pub(super) fn sweep(binding: &Binding<'_>, found: &mut Findings) -> Swept {
    let (mut highest, mut highest_at) = (0, 0);
    let mut told = None;
    for (place, position) in binding.positions.iter().enumerate() {
        if position.low > highest {
            (highest, highest_at) = (position.low, place);
        }
        if position.high < highest && told != Some(highest_at) {
            told = Some(highest_at);
            let (low, called) = (highest_at, highest);
            let (high, returned) = (place, position.high);
            found.report(Found::Order { low, called, high, returned });
        }
    }
    let holes = binding.required().iter().filter(|position| position.record == Record::NONE);
    let holes = u64::try_from(holes.count()).unwrap_or(u64::MAX);
    Swept { holes, highest, highest_at }
}
