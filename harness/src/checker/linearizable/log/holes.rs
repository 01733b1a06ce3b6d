//! Holes are filled: is there an append for every position that nobody named?
//!
//! Three answers, from the cheapest to the dearest. Single records: the k-th hole takes the k-th
//! earliest call; if that works, it is an answer, and if nothing but single records are left, it
//! is the only one. Batches taken apart: if not even their records one by one could fill the holes
//! in time, nothing can. Else the tilings are searched.

use std::collections::BTreeMap;

use super::Options;
use super::binding::Binding;
use super::gaps::{self, Hole};
use super::packed::Kind;
use super::sweep::Swept;
use super::tiling::{self, Tiling};
use super::violation::{Findings, Found};

/// An append that was never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spare {
    pub(super) entry: u32,
    /// How many records it has; at least one.
    pub(super) records: u32,
    pub(super) called: u32,
    /// When it must have taken effect; `u32::MAX` if that is never.
    pub(super) returned: u32,
}

/// The appends that may fill holes, by what binds them.
#[derive(Debug, Default)]
pub(super) struct Spares {
    /// Of unknown fate: they need no place, and may take any. By their calls.
    pub(super) free: Vec<Spare>,
    /// Of unknown fate, with the one place that they may take.
    pub(super) hinted: BTreeMap<usize, Vec<Spare>>,
    /// Acknowledged: they need a place, and nobody was told which.
    pub(super) owed: Vec<Spare>,
    /// The earliest call of those that may fill any number of holes, by how many records they have.
    pub(super) endless: BTreeMap<u32, u32>,
}

/// How the filling went, if it found no violation.
#[derive(Debug, Default)]
pub(super) struct Filled {
    /// The memory that it took.
    pub(super) bytes: usize,
    /// Why it was not decided, if it was not.
    pub(super) undecided: Option<String>,
}

/// Looks for appends that fill the holes, and for places of the acknowledged appends without.
pub(super) fn fill(
    binding: &Binding<'_>,
    swept: &Swept,
    options: &Options,
    found: &mut Findings,
) -> Filled {
    if let Some(reason) = binding.undecided() {
        return Filled { bytes: 0, undecided: Some(reason.clone()) };
    }
    let spares = Spares::new(binding);
    if (swept.holes == 0 || options.sparse) && spares.owed.is_empty() {
        return Filled::default();
    }
    let late = |end: u32| spares.owed.iter().find(|spare| spare.returned < end);
    if options.sparse {
        let undecided = late(swept.highest).map(|_| {
            "an append was acknowledged without an offset and nobody saw it; whether it is among \
             the control batches of a sparse log is not decided"
                .to_owned()
        });
        return Filled { bytes: 0, undecided };
    }
    let holes = gaps::holes(binding);
    let bytes = size_of_val(holes.as_slice()) + size_of_val(spares.free.as_slice());
    let filled = Filled { bytes, undecided: None };
    let singles = greedy(&holes, &mut spares.singles());
    if let Ok(latest) = singles
        && late(swept.highest.max(latest)).is_none()
    {
        return filled;
    }
    let tight = |hole: &Hole| (hole.place, last_with(binding, hole), hole.deadline);
    let only_singles = spares.only_singles();
    let taken_apart = match singles {
        Err(hole) if only_singles => Err(hole),
        Err(_) | Ok(_) => greedy(&holes, &mut spares.taken_apart()).map(|_| ()),
    };
    if let Err(hole) = taken_apart {
        let (place, high, deadline) = tight(&holes[hole]);
        found.report(Found::Hole { place, high, deadline });
        return filled;
    }
    match tiling::search(&holes, &spares, swept.highest, options.budget) {
        Tiling::Found => filled,
        Tiling::Exhausted => Filled {
            undecided: Some(format!(
                "{} offsets were named by nobody, and whether appends of unknown fate fill them \
                 was not found out in {} steps",
                swept.holes, options.budget
            )),
            ..filled
        },
        Tiling::None { farthest } => {
            let owed = spares.owed.iter().min_by_key(|spare| spare.returned);
            found.report(match (holes.get(farthest), owed) {
                (None, Some(owed)) => {
                    let (end, called) = (swept.highest_at, swept.highest);
                    Found::Unplaced { entry: owed.entry, end, called }
                }
                (hole, _) => {
                    let hole = hole.or(holes.last());
                    let (place, high, deadline) = hole.map_or((0, 0, u32::MAX), tight);
                    Found::NoTiling { place, high, deadline }
                }
            });
            filled
        }
    }
}

/// The place whose D is the deadline of this hole.
fn last_with(binding: &Binding<'_>, hole: &Hole) -> usize {
    let behind = binding.required().iter().enumerate().skip(hole.place);
    let mut behind = behind.filter(|(_, position)| position.high == hole.deadline);
    behind.next().map_or(hole.place, |(place, _)| place)
}

/// What single records can do.
struct Supply {
    /// Calls with the number of records they bring, ascending by call.
    pool: Vec<(u32, u32)>,
    next: usize,
    /// The call of one that never runs out.
    endless: Option<u32>,
    hinted: BTreeMap<usize, u32>,
}

/// Gives each hole the earliest append that is left. `Ok` is the latest call that was needed, `Err`
/// the first hole that nothing fills in time.
fn greedy(holes: &[Hole], supply: &mut Supply) -> Result<u32, usize> {
    let mut latest = 0;
    for (number, hole) in holes.iter().enumerate() {
        let called = supply.take(hole).ok_or(number)?;
        latest = latest.max(called);
    }
    Ok(latest)
}

impl Supply {
    fn take(&mut self, hole: &Hole) -> Option<u32> {
        let in_time = |called: &u32| *called <= hole.deadline;
        // What is of no use elsewhere comes first.
        let hinted = self.hinted.get(&hole.place).copied();
        if let Some(called) = hinted.filter(in_time).or(self.endless.filter(in_time)) {
            return Some(called);
        }
        let (called, records) = self.pool.get_mut(self.next)?;
        if !in_time(called) {
            return None;
        }
        *records -= 1;
        if *records == 0 {
            self.next += 1;
        }
        Some(*called)
    }
}

impl Spares {
    fn new(binding: &Binding<'_>) -> Self {
        let mut spares = Self::default();
        for (number, entry) in binding.unseen() {
            let (records, called, returned) = (entry.length(), entry.called, entry.returned);
            let spare = Spare { entry: number, records, called, returned };
            match entry.kind() {
                // It is among those that never run out.
                _ if entry.repeats() => {}
                Kind::AcknowledgedSomewhere => spares.owed.push(spare),
                Kind::UnknownAt => {
                    if let Some(place) = binding.places.place(entry.offset) {
                        spares.hinted.entry(place).or_default().push(spare);
                    }
                }
                Kind::Unknown => spares.free.push(spare),
                Kind::Acknowledged | Kind::Failed | Kind::PrefixRead | Kind::TailRead => {}
            }
        }
        spares.free.sort_unstable_by_key(|spare| spare.called);
        if binding.history.has_repeats() {
            let entries = binding.history.entries().iter();
            for entry in entries.filter(|entry| entry.repeats() && entry.kind() != Kind::Failed) {
                let earliest = spares.endless.entry(entry.length()).or_insert(entry.called);
                *earliest = entry.called.min(*earliest);
            }
        }
        spares
    }

    /// Whether there is nothing to be searched.
    fn only_singles(&self) -> bool {
        let mut hinted = self.hinted.values().flatten();
        self.owed.is_empty()
            && self.free.iter().all(|spare| spare.records == 1)
            && hinted.all(|spare| spare.records == 1)
            && self.endless.keys().all(|records| *records == 1)
    }

    /// Appends of one record that need no place.
    fn singles(&self) -> Supply {
        let single = |spare: &&Spare| spare.records == 1;
        let earliest = |(place, spares): (&usize, &Vec<Spare>)| {
            let called = spares.iter().filter(single).map(|spare| spare.called).min()?;
            Some((*place, called))
        };
        Supply {
            pool: self.free.iter().filter(single).map(|spare| (spare.called, 1)).collect(),
            next: 0,
            endless: self.endless.get(&1).copied(),
            hinted: self.hinted.iter().filter_map(earliest).collect(),
        }
    }

    /// All appends, as if each of their records could go anywhere by itself.
    fn taken_apart(&self) -> Supply {
        let all = self.free.iter().chain(self.hinted.values().flatten()).chain(&self.owed);
        let mut pool: Vec<_> = all.map(|spare| (spare.called, spare.records)).collect();
        pool.sort_unstable();
        let endless = self.endless.values().min().copied();
        Supply { pool, next: 0, endless, hinted: BTreeMap::new() }
    }
}
