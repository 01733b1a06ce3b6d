//! Gaps: the positions that must exist though nobody named their records, and which of them one
//! batch can fill together.

use std::collections::BTreeSet;

use super::binding::Binding;
use super::packed::{Kind, Record};

/// One hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    /// Where it is.
    pub(super) place: usize,
    /// Its record was not appended before this: the latest L up to it.
    pub(super) floor: u32,
    /// Its record was appended by then: the earliest D from it on.
    pub(super) deadline: u32,
    /// How many records of one batch fit here: so many holes, this one included, follow one
    /// another without the log ever having ended between them. At the end of all that is known, a
    /// batch may reach beyond, and any number fits.
    pub(super) room: u32,
}

/// All holes of a dense log, in the order of their positions.
pub(super) fn holes(binding: &Binding<'_>) -> Vec<Hole> {
    let mut holes = Vec::new();
    let mut deadline = u32::MAX;
    let ends = ends(binding);
    let goes_on = |place: usize| !ends.contains(&binding.places.offset(place));
    let extent = binding.required().len();
    // From behind, since a deadline holds for all that lies before it.
    for (place, position) in binding.required().iter().enumerate().rev() {
        deadline = deadline.min(position.high);
        if position.record == Record::NONE {
            let next = holes.last().filter(|next: &&Hole| next.place == place + 1);
            let room = match next {
                _ if !goes_on(place + 1) => 1,
                Some(next) => next.room.saturating_add(1),
                None if place + 1 == extent => u32::MAX,
                None => 1,
            };
            holes.push(Hole { place, floor: 0, deadline, room });
        }
    }
    holes.reverse();
    let (mut floor, mut lows) = (0, binding.required().iter().enumerate());
    for hole in &mut holes {
        for (place, position) in lows.by_ref() {
            floor = floor.max(position.low);
            if place == hole.place {
                break;
            }
        }
        hole.floor = floor;
    }
    holes
}

/// Where the log is known to have ended at some time; of interest only to batches.
fn ends(binding: &Binding<'_>) -> BTreeSet<i64> {
    if !binding.history.has_batches() {
        return BTreeSet::new();
    }
    let entries = binding.history.entries().iter();
    entries.filter(|entry| entry.kind() == Kind::TailRead).map(|entry| entry.end()).collect()
}
