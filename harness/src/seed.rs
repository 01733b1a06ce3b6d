//! One number from which a whole run follows, and the named dice drawn from it.
//!
//! A run asks for randomness in many places: latencies, crash damage, clients, the schedule of
//! faults. If they all shared one generator, one more question anywhere would change every answer
//! after it, and a failing run would change its face with each line of code touched. So each
//! place has a stream of its own, found by name: `seed.stream("nemesis")` yields the same numbers
//! whoever else rolls dice.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The number a run is repeated by. Written `0x2a`; read in hexadecimal or decimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Seed(pub u64);

/// A text that is not a seed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a seed: expected a number such as 42 or 0x2a")]
pub struct NotASeed {
    /// What was given.
    pub text: String,
}

impl Seed {
    /// The dice of this name. The same name gives the same numbers, on every platform, whatever
    /// else was drawn; different names are independent of each other.
    #[must_use]
    pub fn stream(self, name: &str) -> Stream {
        let mut hash = Sha256::new();
        hash.update(self.0.to_le_bytes());
        hash.update(name.as_bytes());
        Stream { dice: ChaCha8Rng::from_seed(hash.finalize().into()) }
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seed({self})")
    }
}

impl FromStr for Seed {
    type Err = NotASeed;

    fn from_str(text: &str) -> Result<Self, NotASeed> {
        let trimmed = text.trim();
        let number = match trimmed.strip_prefix("0x").or_else(|| trimmed.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => trimmed.parse(),
        };
        number.map(Self).map_err(|_| NotASeed { text: text.to_owned() })
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> Self {
        seed.to_string()
    }
}

impl TryFrom<String> for Seed {
    type Error = NotASeed;

    fn try_from(text: String) -> Result<Self, NotASeed> {
        text.parse()
    }
}

/// Dice with a name. Integers only: a float's last bit may differ between machines.
#[derive(Clone, Debug)]
pub struct Stream {
    dice: ChaCha8Rng,
}

impl Stream {
    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.dice.next_u64()
    }

    /// A number of the range. The favour that the first numbers enjoy is below one in 2^64 / length.
    ///
    /// # Panics
    /// The range is empty.
    pub fn range(&mut self, range: Range<u64>) -> u64 {
        assert!(range.start < range.end, "a number cannot be drawn from the empty range {range:?}");
        let length = u128::from(range.end - range.start);
        let scaled = (u128::from(self.next_u64()) * length) >> 64;
        range.start + u64::try_from(scaled).expect("a product of two u64 shifted by 64 fits")
    }

    /// An index below `length`.
    ///
    /// # Panics
    /// `length` is zero.
    pub fn index(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length).expect("a length fits 64 bits");
        usize::try_from(self.range(0..bound)).expect("the index is below a usize")
    }

    /// True `numerator` times of `denominator` on average.
    ///
    /// # Panics
    /// `denominator` is zero.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.range(0..denominator) < numerator
    }

    /// One of the items.
    ///
    /// # Panics
    /// There are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// Puts the items into a random order, each order as likely as any other.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// A duration of the range, in whole milliseconds.
    ///
    /// # Panics
    /// The range holds no whole millisecond.
    pub fn millis(&mut self, range: Range<Duration>) -> Duration {
        let bound = |edge: Duration| u64::try_from(edge.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.range(bound(range.start)..bound(range.end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_is_read_as_it_is_written() {
        assert_eq!(Seed(42).to_string(), "0x2a");
        assert_eq!("0x2a".parse(), Ok(Seed(42)));
        assert_eq!("42".parse(), Ok(Seed(42)));
        assert_eq!(serde_json::to_string(&Seed(u64::MAX)).unwrap(), "\"0xffffffffffffffff\"");
        assert_eq!(serde_json::from_str::<Seed>("\"0xffffffffffffffff\"").unwrap(), Seed(u64::MAX));
        assert!("0xg".parse::<Seed>().is_err());
    }

    #[test]
    fn stream_is_the_same_today_as_when_this_test_was_written() {
        let mut dice = Seed(1).stream("network");
        let drawn: Vec<u64> = (0..4).map(|_| dice.range(0..1000)).collect();
        expect_test::expect![[r#"
            [
                47,
                939,
                402,
                435,
            ]
        "#]]
        .assert_debug_eq(&drawn);
    }

    #[test]
    fn streams_of_different_names_or_seeds_differ() {
        let first = |seed: u64, name: &str| Seed(seed).stream(name).next_u64();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
    }

    #[test]
    fn draws_stay_in_range_and_reach_its_ends() {
        let mut dice = Seed(7).stream("range");
        let drawn: std::collections::BTreeSet<u64> = (0..200).map(|_| dice.range(3..7)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert!((0..100).all(|_| dice.chance(1, 1)) && !(0..100).any(|_| dice.chance(0, 5)));
        let between = dice.millis(Duration::from_millis(5)..Duration::from_millis(6));
        assert_eq!(between, Duration::from_millis(5));
    }

    #[test]
    fn shuffle_reaches_every_order() {
        let mut dice = Seed(7).stream("shuffle");
        let orders: std::collections::BTreeSet<[u8; 3]> = (0..200)
            .map(|_| {
                let mut items = [1, 2, 3];
                dice.shuffle(&mut items);
                items
            })
            .collect();
        assert_eq!(orders.len(), 6);
    }
}
