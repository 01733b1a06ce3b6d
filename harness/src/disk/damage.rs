//! What a power cut leaves of the writes that no fsync covers.
//!
//! The page cache writes sectors back in any order and at any moment, each as it was at that
//! moment. So of each sector some *version* survives: the platter's, or the one after any of the
//! writes that touched it. The file's length travels with the metadata, in order, and
//! independently of the data: a file may come back longer than its data (and reads zeros there)
//! or shorter. Only a cut (`set_len` to less) orders the two: blocks that it freed do not come
//! back, and blocks written after it are not found while it is not on the platter.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::inode::{Change, Fate, Kind, SECTOR};
use crate::seed::Stream;

/// How much of what was not fsynced a power cut takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// Whatever the dice say, file by file and sector by sector.
    Random,
    /// All of it: data, lengths and names.
    Everything,
    /// None of it, as if the cache had just been written back.
    Nothing,
}

/// What a power cut took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wreck {
    /// Changes of which nothing is left.
    pub(super) changes_lost: u64,
    /// Writes of which some bytes are left.
    pub(super) writes_torn: u64,
}

/// Which of a file's changes survive, by their index.
#[derive(Debug)]
pub(super) struct Survival {
    /// Changes to the length survive below this index.
    lengths: usize,
    /// Writes survive below this index, in sectors that `sectors` does not name.
    writes: usize,
    /// Writes to these sectors survive below this index.
    sectors: BTreeMap<usize, usize>,
    /// A length at which a torn last write ends.
    pub(super) torn_length: Option<usize>,
}

impl Survival {
    /// Draws what survives. A quarter of the time everything is lost, a quarter nothing, a quarter
    /// all up to a torn write, and a quarter of the time each sector has its own idea.
    pub(super) fn draw(changes: &[Change], loss: Loss, dice: &mut Stream) -> Self {
        match loss {
            Loss::Everything => Self::up_to(0),
            Loss::Nothing => Self::up_to(changes.len()),
            Loss::Random => match dice.range(0..4) {
                0 => Self::up_to(0),
                1 => Self::up_to(changes.len()),
                2 => Self::torn(changes, dice),
                _ => Self::scattered(changes, dice),
            },
        }
    }

    fn up_to(index: usize) -> Self {
        Self { lengths: index, writes: index, sectors: BTreeMap::new(), torn_length: None }
    }

    /// In order up to one write, of which only the first sectors survive. The file ends behind
    /// them, or has its full length and zeros there.
    fn torn(changes: &[Change], dice: &mut Stream) -> Self {
        let safe = first_dirty(changes);
        if safe == changes.len() {
            return Self::up_to(safe);
        }
        let index = safe + dice.index(changes.len() - safe);
        let mut survival = Self::up_to(index);
        let Kind::Write { position, length } = changes[index].kind else { return survival };
        let sectors = sectors(position, length);
        let kept = dice.index(sectors.clone().count());
        for sector in sectors.clone().take(kept) {
            survival.sectors.insert(sector, index + 1);
        }
        survival.lengths = index + 1;
        if dice.chance(1, 2) {
            let end = ((sectors.start() + kept) * SECTOR).max(position);
            survival.torn_length = Some(end.max(changes[index].length_before));
        }
        survival
    }

    fn scattered(changes: &[Change], dice: &mut Stream) -> Self {
        let safe = first_dirty(changes);
        let lengths = safe + dice.index(changes.len() - safe + 1);
        let cuts: Vec<(usize, usize)> = changes.iter().enumerate().filter_map(cut).collect();
        let mut touched: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, change) in changes.iter().enumerate() {
            if let Kind::Write { position, length } = change.kind {
                for sector in sectors(position, length) {
                    touched.entry(sector).or_default().push(index + 1);
                }
            }
        }
        let mut drawn = BTreeMap::new();
        for (sector, ends) in touched {
            let into = |(_, length): &&(usize, usize)| *length < (sector + 1) * SECTOR;
            let (done, open): (Vec<_>, Vec<_>) =
                cuts.iter().filter(into).map(|(index, _)| *index).partition(|i| *i < lengths);
            let first = done.last().map_or(0, |index| index + 1);
            let last = open.first().copied().unwrap_or(changes.len());
            let mut choices = vec![first];
            choices.extend(ends.into_iter().filter(|end| *end > first && *end <= last));
            drawn.insert(sector, *dice.pick(&choices));
        }
        Self { lengths, writes: 0, sectors: drawn, torn_length: None }
    }

    /// Whether what change `index` did to the file's length is on the platter.
    pub(super) fn keeps_length(&self, index: usize, change: &Change) -> bool {
        keeps(change.fate, index < self.lengths)
    }

    /// Whether what change `index` wrote to `sector` is on the platter.
    pub(super) fn keeps_sector(&self, index: usize, change: &Change, sector: usize) -> bool {
        let end = self.sectors.get(&sector).copied().unwrap_or(self.writes);
        keeps(change.fate, index < end)
    }
}

/// The index of the first change that may be lost. Those before it are settled either way.
fn first_dirty(changes: &[Change]) -> usize {
    let dirty = changes.iter().position(|change| change.fate == Fate::Dirty);
    dirty.unwrap_or(changes.len())
}

/// The change's index and the new length, if it cut the file.
fn cut((index, change): (usize, &Change)) -> Option<(usize, usize)> {
    match change.kind {
        Kind::Resize { length } if length < change.length_before => Some((index, length)),
        Kind::Resize { .. } | Kind::Write { .. } => None,
    }
}

/// The sectors that a write touches.
fn sectors(position: usize, length: usize) -> RangeInclusive<usize> {
    position / SECTOR..=(position + length - 1) / SECTOR
}

fn keeps(fate: Fate, drawn: bool) -> bool {
    match fate {
        Fate::Dirty => drawn,
        Fate::Doomed => false,
        Fate::Saved => true,
    }
}
