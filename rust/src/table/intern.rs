//! Strings kept once, named by numbers.

use super::words::{equal, words};
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Distinct strings in one arena, numbered by first appearance.
#[derive(Debug, Default)]
pub struct Interner {
    bytes: String,
    ends: Vec<usize>,
    table: HashTable<Known>,
    hasher: DefaultHashBuilder,
}

/// A string of the arena, with enough of it to tell most others from it without a look there: a short one's words, of a
/// longer one a hash.
#[derive(Debug)]
struct Known {
    words: (u64, u64),
    length: u32,
    number: u32,
}

impl Interner {
    /// Number of distinct strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The string of a number.
    pub fn get(&self, number: u32) -> &str {
        span(&self.bytes, &self.ends, number)
    }

    /// Whether this is the string of a number.
    #[inline]
    pub fn is(&self, number: u32, text: &[u8]) -> bool {
        (number as usize) < self.ends.len() && equal(self.get(number).as_bytes(), text)
    }

    /// All strings, by number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len() as u32).map(|number| self.get(number))
    }

    /// The number of a string, new or old.
    #[inline]
    pub fn intern(&mut self, text: &str) -> u32 {
        self.intern_bytes(text.as_bytes())
    }

    /// As [`Interner::intern`], of bytes that are UTF-8; those that are not become replacement characters.
    #[inline]
    pub fn intern_bytes(&mut self, text: &[u8]) -> u32 {
        let Self { bytes, ends, table, hasher } = self;
        let short = words(text);
        let words = short.unwrap_or_else(|| (hasher.hash_one(text), 0));
        let length = text.len() as u32;
        let entry = table.entry(
            hasher.hash_one((words, length)),
            |known| {
                (known.words, known.length) == (words, length)
                    && (short.is_some() || span(bytes, ends, known.number).as_bytes() == text)
            },
            |known| hasher.hash_one((known.words, known.length)),
        );
        match entry {
            Entry::Occupied(entry) => entry.get().number,
            Entry::Vacant(entry) => {
                let number = ends.len() as u32;
                entry.insert(Known { words, length, number });
                bytes.push_str(&String::from_utf8_lossy(text));
                ends.push(bytes.len());
                number
            }
        }
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.bytes.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.table.capacity() * (size_of::<Known>() + 1)
    }
}

fn span<'a>(bytes: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &bytes[start..ends[number]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn one_number_per_string(words in prop::collection::vec("[ab]{0,3}", 0..50)) {
            let mut interner = Interner::default();
            let numbers: Vec<_> = words.iter().map(|word| interner.intern(word)).collect();
            for (word, number) in words.iter().zip(&numbers) {
                prop_assert_eq!(interner.get(*number), word);
                prop_assert_eq!(interner.intern(word), *number);
            }
            let distinct: std::collections::BTreeSet<_> = words.iter().collect();
            prop_assert_eq!(interner.len(), distinct.len());
        }
    }
}
