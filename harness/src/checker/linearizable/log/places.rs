//! Places: where the checker keeps what it knows of an offset.
//!
//! In a dense log the place is the offset. A sparse log may name any offsets, up to 2^62; there
//! only the stretches that somebody named have places, one stretch behind the other.

use super::packed::{Kind, LogHistory};

/// A stretch of offsets is worth listing only if the log is this much longer than its records.
const DENSE_ENOUGH: u64 = 4;
/// Below this length every log is dense enough.
const SHORT: u64 = 1024;

/// How offsets become places.
#[derive(Clone, Debug)]
pub(super) enum Places {
    /// They are the same.
    Direct,
    /// Stretches, ascending and disjoint.
    Stretches(Vec<Stretch>),
}

/// Consecutive offsets that have places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The first offset.
    pub(super) from: i64,
    /// The first offset that does not belong to it.
    to: i64,
    /// The place of the first.
    place: usize,
}

impl Places {
    /// For a log without holes, or with holes that must be filled.
    pub(super) fn direct() -> Self {
        Self::Direct
    }

    /// For a log whose operations may name any offsets.
    pub(super) fn sparse(history: &LogHistory) -> Self {
        let long = u64::try_from(history.end()).unwrap_or(0);
        if long <= dense_limit(history.appended()) {
            return Self::Direct;
        }
        let mut named: Vec<(i64, i64)> = Vec::new();
        for entry in history.entries() {
            match entry.kind() {
                Kind::Acknowledged => named.push((entry.offset, entry.end())),
                Kind::PrefixRead | Kind::TailRead => {
                    // The record behind the end, and the one before it, may bear a bound.
                    let end = entry.end();
                    named.push((entry.offset.min(end.saturating_sub(1)), end.saturating_add(1)));
                    named.extend(batches_seen(history, entry.offset, history.seen(entry)));
                }
                Kind::AcknowledgedSomewhere | Kind::Failed | Kind::Unknown | Kind::UnknownAt => {}
            }
        }
        Self::Stretches(joined(named))
    }

    /// The place of an offset; `None` if it has none.
    pub(super) fn place(&self, offset: i64) -> Option<usize> {
        match self {
            Self::Direct => usize::try_from(offset).ok(),
            Self::Stretches(stretches) => {
                let at = stretches.partition_point(|stretch| stretch.from <= offset);
                let stretch = stretches.get(at.checked_sub(1)?)?;
                let inside = usize::try_from(offset - stretch.from).ok()?;
                (offset < stretch.to).then_some(stretch.place + inside)
            }
        }
    }

    /// How many places there are; none are counted where every offset has one.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Direct => 0,
            Self::Stretches(stretches) => stretches.last().map_or(0, |stretch| {
                stretch.place + usize::try_from(stretch.to - stretch.from).unwrap_or(0)
            }),
        }
    }

    /// The memory that it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Direct => 0,
            Self::Stretches(stretches) => stretches.capacity() * size_of::<Stretch>(),
        }
    }

    /// The offset that a place stands for.
    pub(super) fn offset(&self, place: usize) -> i64 {
        let number = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
        match self {
            Self::Direct => number(place),
            Self::Stretches(stretches) => {
                let at = stretches.partition_point(|stretch| stretch.place <= place);
                let stretch = at.checked_sub(1).and_then(|at| stretches.get(at));
                stretch.map_or(i64::MAX, |stretch| stretch.from + number(place - stretch.place))
            }
        }
    }
}

/// The longest log of so many records that is kept without stretches.
pub(super) fn dense_limit(records: u64) -> u64 {
    records.saturating_mul(DENSE_ENOUGH).saturating_add(SHORT)
}

/// Where the batches lie of which a read saw a record, beyond what it read.
fn batches_seen<'h>(
    history: &'h LogHistory,
    offset: i64,
    seen: &'h [super::Record],
) -> impl Iterator<Item = (i64, i64)> + 'h {
    let offsets = (0_i64..).map(move |inside| offset.saturating_add(inside));
    seen.iter().zip(offsets).filter_map(|(record, offset)| {
        let owner = history.entry(history.owner(*record)?);
        let from = offset.saturating_sub(i64::from(record.0 - owner.first));
        (owner.length() > 1).then(|| (from, from.saturating_add(i64::from(owner.length()))))
    })
}

/// The union of half-open intervals, without what lies below offset 0.
fn joined(mut named: Vec<(i64, i64)>) -> Vec<Stretch> {
    named.sort_unstable();
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut place = 0;
    for (from, to) in named {
        let reached = stretches.last().map_or(0, |stretch| stretch.to);
        let from = from.max(reached);
        if to <= from {
            continue;
        }
        let length = usize::try_from(to - from).unwrap_or(0);
        match stretches.last_mut() {
            Some(stretch) if stretch.to == from => stretch.to = to,
            Some(_) | None => stretches.push(Stretch { from, to, place }),
        }
        place += length;
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_stretches_are_joined_and_every_offset_finds_its_place() {
        let stretches = joined(vec![(5, 8), (-3, 2), (7, 9), (9, 10), (1 << 62, (1 << 62) + 2)]);
        let places = Places::Stretches(stretches);
        let found: Vec<_> = (0..12).map(|offset| places.place(offset)).collect();
        let some = |from: usize, to: usize| (from..to).map(Some).collect::<Vec<_>>();
        let expected = [some(0, 2), vec![None; 3], some(2, 7), vec![None; 2]].concat();
        assert_eq!(found, expected);
        assert_eq!(places.place((1 << 62) + 1), Some(8));
        assert_eq!(places.place(i64::MAX), None);
        assert_eq!(places.place(-1), None);
        for place in 0..9 {
            assert_eq!(places.place(places.offset(place)), Some(place));
        }
    }
}
