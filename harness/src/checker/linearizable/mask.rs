//! Sets of open calls, as bits: one bit a slot.
//!
//! Most histories have fewer than 64 calls open at once, and then a set is one word. More are
//! sound and slower: two words, or as many as it takes.

use std::fmt::Debug;
use std::hash::Hash;

/// A set of slots below a number that is given when it is made.
pub(super) trait Mask: Clone + Eq + Hash + Debug {
    /// The empty set of slots below `slots`.
    fn none(slots: u32) -> Self;
    /// Whether it is in the set.
    fn has(&self, slot: u32) -> bool;
    /// Puts it in.
    fn set(&mut self, slot: u32);
    /// Takes it out.
    fn clear(&mut self, slot: u32);
    /// Puts in all of `more`, except those of `except`.
    fn set_all(&mut self, more: &Self, except: &Self);
    /// The first one from `from` on that is not in `except`.
    fn next(&self, except: &Self, from: u32) -> Option<u32>;
}

macro_rules! word {
    ($word:ty) => {
        impl Mask for $word {
            fn none(_slots: u32) -> Self {
                0
            }

            fn has(&self, slot: u32) -> bool {
                self >> slot & 1 != 0
            }

            fn set(&mut self, slot: u32) {
                *self |= 1 << slot;
            }

            fn clear(&mut self, slot: u32) {
                *self &= !(1 << slot);
            }

            fn set_all(&mut self, more: &Self, except: &Self) {
                *self |= more & !except;
            }

            fn next(&self, except: &Self, from: u32) -> Option<u32> {
                let rest = self & !except & Self::MAX.checked_shl(from)?;
                (rest != 0).then(|| rest.trailing_zeros())
            }
        }
    };
}

word!(u64);
word!(u128);

/// As many words as it takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Words(Box<[u64]>);

/// Where a slot's bit is.
const fn place(slot: u32) -> (usize, u32) {
    ((slot / u64::BITS) as usize, slot % u64::BITS)
}

impl Mask for Words {
    fn none(slots: u32) -> Self {
        Self(vec![0; slots.div_ceil(u64::BITS) as usize].into())
    }

    fn has(&self, slot: u32) -> bool {
        let (word, bit) = place(slot);
        self.0[word].has(bit)
    }

    fn set(&mut self, slot: u32) {
        let (word, bit) = place(slot);
        self.0[word].set(bit);
    }

    fn clear(&mut self, slot: u32) {
        let (word, bit) = place(slot);
        self.0[word].clear(bit);
    }

    fn set_all(&mut self, more: &Self, except: &Self) {
        for ((word, more), except) in self.0.iter_mut().zip(&more.0).zip(&except.0) {
            word.set_all(more, except);
        }
    }

    fn next(&self, except: &Self, from: u32) -> Option<u32> {
        let (first, mut bit) = place(from);
        let words = self.0.iter().zip(&except.0).enumerate().skip(first);
        for (at, (word, except)) in words {
            if let Some(found) = word.next(except, bit) {
                let before = u32::try_from(at).expect("slots are numbered with 32 bits");
                return Some(before * u64::BITS + found);
            }
            bit = 0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn made<B: Mask>(slots: u32, members: &BTreeSet<u32>) -> B {
        let mut mask = B::none(slots);
        members.iter().for_each(|slot| mask.set(*slot));
        mask
    }

    fn listed<B: Mask>(mask: &B, except: &B) -> Vec<u32> {
        let next = |from: u32| mask.next(except, from);
        std::iter::successors(next(0), |slot| next(slot + 1)).collect()
    }

    fn behaves<B: Mask>(slots: u32, one: &BTreeSet<u32>, other: &BTreeSet<u32>) {
        let (mut mask, except) = (made::<B>(slots, one), made::<B>(slots, other));
        let rest: Vec<u32> = one.difference(other).copied().collect();
        assert_eq!(listed(&mask, &except), rest);
        (0..slots).for_each(|slot| assert_eq!(mask.has(slot), one.contains(&slot)));

        let mut more = except.clone();
        more.set_all(&mask, &B::none(slots));
        assert_eq!(listed(&more, &B::none(slots)), Vec::from_iter(one.union(other).copied()));
        one.iter().for_each(|slot| mask.clear(*slot));
        assert_eq!(mask, B::none(slots));
    }

    proptest! {
        #[test]
        fn masks_of_all_widths_are_sets(
            one in prop::collection::btree_set(0_u32..64, 0..20),
            other in prop::collection::btree_set(0_u32..64, 0..20),
        ) {
            behaves::<u64>(64, &one, &other);
            let spread = |set: &BTreeSet<u32>, by| set.iter().map(|slot| slot * by).collect();
            behaves::<u128>(128, &spread(&one, 2), &spread(&other, 2));
            behaves::<Words>(64 * 7, &spread(&one, 7), &spread(&other, 7));
        }
    }
}
