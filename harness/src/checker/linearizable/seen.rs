//! Configurations that were searched, so that they are not searched again.

use super::mask::Mask;
use super::table::{Index, Interned, Vacancy, hash_of};

/// How many calls of each crashed class were taken: pairs of class and number, by class; classes
/// of which none was taken are left out.
type Counts = Box<[(u32, u32)]>;

/// Counts by number. Number 0 is that nothing was taken.
#[derive(Debug)]
pub(super) struct Taken {
    counts: Interned<Counts>,
    heap: usize,
}

impl Taken {
    pub(super) fn new() -> Self {
        Self { counts: Interned::new(Counts::default()), heap: 0 }
    }

    /// How many of a class were taken.
    pub(super) fn of(&self, taken: u32, class: u32) -> u32 {
        let counts = self.counts.get(taken);
        counts.binary_search_by_key(&class, |(class, _)| *class).map_or(0, |at| counts[at].1)
    }

    /// The same with one more of a class.
    pub(super) fn one_more(&mut self, taken: u32, class: u32) -> u32 {
        let mut counts = self.counts.get(taken).to_vec();
        match counts.binary_search_by_key(&class, |(class, _)| *class) {
            Ok(at) => counts[at].1 += 1,
            Err(at) => counts.insert(at, (class, 1)),
        }
        let before = self.counts.len();
        let bytes = size_of_val(counts.as_slice());
        let number = self.counts.number(counts.into());
        if self.counts.len() > before {
            self.heap += bytes;
        }
        number
    }

    /// Whether, of every class, `fewer` took no more than `more`.
    fn dominates(&self, fewer: u32, more: u32) -> bool {
        if fewer == more || fewer == 0 {
            return true;
        }
        self.counts.get(fewer).iter().all(|(class, count)| *count <= self.of(more, *class))
    }

    fn bytes(&self) -> usize {
        self.counts.bytes() + self.heap
    }
}

/// Where a search may stand: at one event, in one state, with a set of open calls done. For masks
/// of one word these are 25 bytes, however long the history is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place<B> {
    /// The event: a return that cannot be passed yet.
    pub(super) event: u32,
    /// The number of the state.
    pub(super) state: u32,
    /// The open calls that took effect.
    pub(super) done: B,
    /// The open calls that may count as done or not, as one likes: see
    /// [`Model::overwrites`](super::Model::overwrites).
    pub(super) optional: B,
    /// A blind call took effect without need, and nobody has looked since: until then none may
    /// overwrite.
    pub(super) unobserved: bool,
}

/// Every place where a search turned from what came to mind first, with what had been taken of the
/// crashed calls there. Where it went straight on it was never again.
#[derive(Debug)]
pub(super) struct Seen<B> {
    configurations: Vec<(Place<B>, u32)>,
    index: Index,
    /// The last event of any of them.
    last: u32,
}

impl<B: Mask> Seen<B> {
    pub(super) const fn new() -> Self {
        Self { configurations: Vec::new(), index: Index::new(), last: 0 }
    }

    /// Whether a configuration is known that is at least as good: the same place, reached with no
    /// more crashed calls of any class.
    ///
    /// Sound: crashed calls never *have* to take effect. What can follow after taking more of
    /// them can follow after taking fewer, and leaves some over. At the same event the same calls
    /// have been made, so those that are left are a superset.
    ///
    /// One that is free to overwrite is at least as good as one that is not.
    pub(super) fn knows(&mut self, place: &Place<B>, taken: u32, counts: &Taken) -> bool {
        if place.event > self.last {
            return false;
        }
        if place.unobserved {
            let free = Place { unobserved: false, ..place.clone() };
            if self.find(&free, taken, counts).is_ok() {
                return true;
            }
        }
        self.find(place, taken, counts).is_ok()
    }

    /// Remembers a configuration.
    pub(super) fn keep(&mut self, place: &Place<B>, taken: u32, counts: &Taken) {
        if let Err(vacancy) = self.find(place, taken, counts) {
            let number = self.configurations.len();
            let number = u32::try_from(number).expect("the budget of bytes ends before");
            self.configurations.push((place.clone(), taken));
            self.last = self.last.max(place.event);
            self.index.fill(vacancy, number);
        }
    }

    fn find(&mut self, place: &Place<B>, taken: u32, counts: &Taken) -> Result<u32, Vacancy> {
        let seen = &self.configurations;
        self.index.find(hash_of(place), |at| {
            let (known, fewer) = &seen[at as usize];
            known == place && counts.dominates(*fewer, taken)
        })
    }

    pub(super) const fn len(&self) -> usize {
        self.configurations.len()
    }

    /// Bytes, also of the counts.
    pub(super) fn bytes(&self, counts: &Taken) -> usize {
        // Masks of more than two words are on the heap; they are rare enough to count as one.
        self.configurations.capacity() * size_of::<(Place<B>, u32)>()
            + self.index.bytes()
            + counts.bytes()
    }
}
