//! Sets of requests, as bits.

use std::fmt;
use std::hash::{Hash, Hasher};

use bitvec::prelude::{BitVec, Lsb0};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::RequestId;

/// A subset of the start's requests.
///
/// All sets of one search have the same capacity: the number of the start's requests.
/// Operations on sets of different capacities are a bug of the caller and panic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestSet {
    /// Invariant: the bits of the last word that lie past the capacity are zero, so that whole
    /// words can be compared and hashed.
    bits: BitVec<u64, Lsb0>,
}

/// By words: bitvec's own goes bit by bit.
impl Hash for RequestSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits.len().hash(state);
        self.bits.as_raw_slice().hash(state);
    }
}

impl RequestSet {
    /// The empty set, for searches over `capacity` requests.
    #[must_use]
    pub fn empty(capacity: usize) -> Self {
        Self {
            bits: BitVec::repeat(false, capacity),
        }
    }

    /// The set of all requests.
    #[must_use]
    pub fn full(capacity: usize) -> Self {
        let mut bits = BitVec::repeat(true, capacity);
        bits.set_uninitialized(false);
        Self { bits }
    }

    /// The set of these requests.
    ///
    /// # Panics
    /// When an id is not below `capacity`.
    #[must_use]
    pub fn of(capacity: usize, ids: impl IntoIterator<Item = RequestId>) -> Self {
        let mut set = Self::empty(capacity);
        for id in ids {
            set.insert(id);
        }
        set
    }

    /// The number of requests of the search.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bits.len()
    }

    /// The number of requests in it.
    #[must_use]
    pub fn len(&self) -> usize {
        // By words: bitvec's own goes through domains.
        let words = self.bits.as_raw_slice().iter();
        words.map(|word| word.count_ones() as usize).sum()
    }

    /// Is it empty?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.as_raw_slice().iter().all(|word| *word == 0)
    }

    /// Is `id` in it?
    #[must_use]
    pub fn contains(&self, id: RequestId) -> bool {
        self.bits.get(id.index()).is_some_and(|b| *b)
    }

    /// Adds `id`.
    ///
    /// # Panics
    /// When `id` is not below the capacity.
    pub fn insert(&mut self, id: RequestId) {
        self.bits.set(id.index(), true);
    }

    /// Removes `id`.
    ///
    /// # Panics
    /// When `id` is not below the capacity.
    pub fn remove(&mut self, id: RequestId) {
        self.bits.set(id.index(), false);
    }

    /// The members, in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = RequestId> + '_ {
        // The number of requests is far below 2^32: a Linux tree has some 20,000 symbols.
        self.bits.iter_ones().map(|i| RequestId(i as u32))
    }

    fn check(&self, other: &Self) {
        assert_eq!(
            self.capacity(),
            other.capacity(),
            "request sets of two different searches"
        );
    }

    /// Is every member in `other`?
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.check(other);
        self.bits
            .as_raw_slice()
            .iter()
            .zip(other.bits.as_raw_slice())
            .all(|(a, b)| a & !b == 0)
    }

    /// Is any member in `other`?
    #[must_use]
    pub fn has_any_of(&self, other: &Self) -> bool {
        self.check(other);
        let words = self.bits.as_raw_slice().iter();
        words
            .zip(other.bits.as_raw_slice())
            .any(|(a, b)| a & b != 0)
    }

    /// The members that are not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.by_words(other, |a, b| a & !b)
    }

    /// The members of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.by_words(other, |a, b| a | b)
    }

    /// The members of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.by_words(other, |a, b| a & b)
    }

    /// Adds the members of `other`.
    pub fn insert_all(&mut self, other: &Self) {
        self.combine(other, |a, b| a | b);
    }

    fn by_words(&self, other: &Self, of: impl Fn(u64, u64) -> u64) -> Self {
        let mut set = self.clone();
        set.combine(other, of);
        set
    }

    /// Word by word: bitvec's own operators go through domains. `of` must give 0 for 0 and 0.
    fn combine(&mut self, other: &Self, of: impl Fn(u64, u64) -> u64) {
        self.check(other);
        let words = self.bits.as_raw_mut_slice().iter_mut();
        for (a, b) in words.zip(other.bits.as_raw_slice()) {
            *a = of(*a, *b);
        }
    }

    /// The set without `id`.
    #[must_use]
    pub fn without(&self, id: RequestId) -> Self {
        let mut set = self.clone();
        set.remove(id);
        set
    }
}

impl fmt::Debug for RequestSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|id| id.0)).finish()
    }
}

/// On disk a set is `"CAPACITY:HEX"`, eight requests a byte, lowest bit first.
impl Serialize for RequestSet {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut text = format!("{}:", self.capacity());
        for chunk in self.bits.chunks(8) {
            let byte = chunk.iter_ones().fold(0_u8, |byte, bit| byte | 1 << bit);
            text.push_str(&format!("{byte:02x}"));
        }
        s.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for RequestSet {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = String::deserialize(d)?;
        let wrong = || D::Error::custom("not a request set (CAPACITY:HEX)");
        let (capacity, hex) = text.split_once(':').ok_or_else(wrong)?;
        let capacity: usize = capacity.parse().map_err(|_| wrong())?;
        if !hex.is_ascii() || hex.len() != capacity.div_ceil(8) * 2 {
            return Err(wrong());
        }
        let mut set = Self::empty(capacity);
        for i in 0..hex.len() / 2 {
            let byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).map_err(|_| wrong())?;
            for bit in 0..8 {
                if byte >> bit & 1 == 1 {
                    if i * 8 + bit >= capacity {
                        return Err(wrong());
                    }
                    set.bits.set(i * 8 + bit, true);
                }
            }
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn a_full_set_is_like_one_that_was_filled() {
        for capacity in [0, 1, 10, 63, 64, 65, 200] {
            let full = RequestSet::full(capacity);
            let filled = RequestSet::of(capacity, (0..capacity as u32).map(RequestId));
            assert!(full.is_subset(&filled) && filled.is_subset(&full));
            assert_eq!(full, filled);
            let hasher = RandomState::new();
            assert_eq!(hasher.hash_one(&full), hasher.hash_one(&filled));
            assert_eq!(
                full.minus(&RequestSet::empty(capacity)).union(&full),
                filled
            );
        }
    }
}
