//! Hash tables of the searches: the same in every run, and as small as they can be.
//!
//! The standard library's are not: their order differs between runs, and their hash is made to
//! withstand enemies. What is hashed here are states and configurations of our own.

use std::hash::{Hash, Hasher};

/// Numbers by hash. What the numbers stand for is kept elsewhere, so that an entry is 8 bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// A power of two of places, at least a third of them vacant: the upper half of the hash, and
    /// the number plus one, or zero if vacant.
    places: Vec<(u32, u32)>,
    used: usize,
}

/// Where a number can be put that was not found, and under which hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vacancy {
    place: usize,
    hash: u64,
}

impl Index {
    /// No numbers.
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), used: 0 }
    }

    /// The number under this hash that is the right one, or where to put it.
    ///
    /// # Errors
    /// There is none; the vacancy is good until the next change.
    pub(super) fn find(
        &mut self,
        hash: u64,
        mut is_right: impl FnMut(u32) -> bool,
    ) -> Result<u32, Vacancy> {
        if self.used * 3 >= self.places.len() * 2 {
            self.grow();
        }
        let tag = tag(hash);
        let mut place = self.start(tag);
        loop {
            match self.places[place] {
                (_, 0) => return Err(Vacancy { place, hash }),
                (known, number) if known == tag && is_right(number - 1) => return Ok(number - 1),
                _ => place = (place + 1) & (self.places.len() - 1),
            }
        }
    }

    /// Puts a number where it was not found, and returns it.
    #[inline]
    pub(super) fn fill(&mut self, vacancy: Vacancy, number: u32) -> u32 {
        self.places[vacancy.place] = (tag(vacancy.hash), number + 1);
        self.used += 1;
        number
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.places.as_slice())
    }

    /// The tag alone says where, so that the table can grow without the things themselves.
    #[inline]
    fn start(&self, tag: u32) -> usize {
        tag as usize & (self.places.len() - 1)
    }

    fn grow(&mut self) {
        let length = (self.places.len() * 2).max(16);
        let old = std::mem::replace(&mut self.places, vec![(0, 0); length]);
        for (tag, number) in old.into_iter().filter(|(_, number)| *number != 0) {
            let mut place = self.start(tag);
            while self.places[place].1 != 0 {
                place = (place + 1) & (length - 1);
            }
            self.places[place] = (tag, number);
        }
    }
}

/// The upper half of a hash is the better mixed one.
#[inline]
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Values that are each kept once, and numbered.
#[derive(Clone, Debug)]
pub(super) struct Interned<T> {
    values: Vec<T>,
    index: Index,
}

impl<T: Eq + Hash> Interned<T> {
    /// None but the first, whose number is 0.
    pub(super) fn new(first: T) -> Self {
        let mut interned = Self { values: Vec::new(), index: Index::default() };
        interned.number(first);
        interned
    }

    /// The number of a value; a new one if it is new.
    pub(super) fn number(&mut self, value: T) -> u32 {
        let values = &mut self.values;
        let found = self.index.find(hash_of(&value), |known| values[known as usize] == value);
        found.unwrap_or_else(|vacancy| {
            let number = u32::try_from(values.len()).expect("a budget of memory is reached first");
            values.push(value);
            self.index.fill(vacancy, number)
        })
    }

    /// The value of a number.
    pub(super) fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.values.len()
    }

    /// Bytes on the heap, without what the values themselves have there.
    pub(super) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>() + self.index.bytes()
    }
}

/// The hash of a value, the same in every run.
pub(super) fn hash_of(value: &impl Hash) -> u64 {
    let mut mixer = Mixer(0);
    value.hash(&mut mixer);
    mixer.finish()
}

/// Multiplies and folds: each word of the input stirs all bits.
struct Mixer(u64);

/// Digits of the golden ratio, odd.
const STIR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Mixer {
    #[inline]
    fn stir(&mut self, word: u64) {
        let word = self.0 ^ word ^ (STIR >> 7);
        let upper = ((u128::from(word) * u128::from(STIR)) >> 64) as u64;
        self.0 = upper ^ word.wrapping_mul(STIR).rotate_left(23);
    }
}

impl Hasher for Mixer {
    #[inline]
    fn finish(&self) -> u64 {
        self.0.wrapping_mul(STIR)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.stir(u64::from_le_bytes(word.try_into().expect("a chunk of eight is eight")));
        }
        let mut rest = [0; 8];
        let left = words.remainder();
        rest[..left.len()].copy_from_slice(left);
        // The length, so that trailing zeros count.
        self.stir(u64::from_le_bytes(rest) ^ ((left.len() as u64 + 1) << 56));
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.stir(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.stir(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.stir(value);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.stir(value as u64);
    }
}
