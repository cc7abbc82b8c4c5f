//! Byte pair encoding of one piece: the token that is the whole piece, or else merges in order of rank.
//!
//! In this vocabulary the id of an ordinary token is its rank.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::OnceLock;

use super::vocab::{Vocabulary, vocabulary};

/// Above this many bytes a piece is merged with a heap; below, scanning for the lowest rank is faster.
const LONGEST_SCANNED: usize = 96;
const NONE: u32 = u32::MAX;

/// Ranks of byte strings.
pub struct Ranks {
    vocabulary: &'static Vocabulary,
    /// Open addressing: upper half a part of the hash, lower half the id; `u64::MAX` is an empty slot.
    slots: Vec<u64>,
    /// Ranks of all strings of two bytes.
    pairs: Vec<u32>,
    /// Ids of single bytes.
    bytes: [u32; 256],
}

const SLOT_BITS: u32 = 19;
const EMPTY: u64 = u64::MAX;
/// No token is longer.
const LONGEST_TOKEN: usize = 128;

/// The one rank table of the process, built on first use.
pub fn ranks() -> &'static Ranks {
    static LOADED: OnceLock<Ranks> = OnceLock::new();
    LOADED.get_or_init(|| Ranks::new(vocabulary()))
}

#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(FACTOR);
        (product >> 64) as u64 ^ product as u64
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let mut state = bytes.len() as u64 ^ FACTOR;
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    let mut last = 0;
    for &byte in rest {
        last = last << 8 | u64::from(byte);
    }
    mix(state, last)
}

impl Ranks {
    fn new(vocabulary: &'static Vocabulary) -> Self {
        let mut table = Self {
            vocabulary,
            slots: vec![EMPTY; 1 << SLOT_BITS],
            pairs: vec![NONE; 1 << 16],
            bytes: [NONE; 256],
        };
        for (id, bytes) in vocabulary.iter() {
            match *bytes {
                [byte] => table.bytes[usize::from(byte)] = id,
                [first, second] => table.pairs[usize::from(first) << 8 | usize::from(second)] = id,
                _ => {}
            }
            let hash = hash(bytes);
            let mut slot = hash as usize & (table.slots.len() - 1);
            while table.slots[slot] != EMPTY {
                slot = (slot + 1) & (table.slots.len() - 1);
            }
            table.slots[slot] = hash & 0xffff_ffff_0000_0000 | u64::from(id);
        }
        table
    }

    /// Rank of a byte string, `NONE` when it is no token.
    #[inline]
    fn of(&self, bytes: &[u8]) -> u32 {
        if let [first, second] = *bytes {
            return self.pairs[usize::from(first) << 8 | usize::from(second)];
        }
        let hash = hash(bytes);
        let mut slot = hash as usize & (self.slots.len() - 1);
        loop {
            let entry = self.slots[slot];
            if entry == EMPTY {
                return NONE;
            }
            if (entry ^ hash) >> 32 == 0 && self.vocabulary.bytes(entry as u32) == Some(bytes) {
                return entry as u32;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// Appends the tokens of one piece to `ids`; `scratch` is reused between calls.
    #[inline]
    pub fn encode_piece(&self, piece: &[u8], scratch: &mut Vec<(u32, u32)>, ids: &mut Vec<u32>) {
        if let [byte] = *piece {
            ids.push(self.bytes[usize::from(byte)]);
            return;
        }
        if piece.len() <= LONGEST_TOKEN {
            let whole = self.of(piece);
            if whole != NONE {
                ids.push(whole);
                return;
            }
        }
        if piece.len() <= LONGEST_SCANNED {
            self.merge_by_scan(piece, scratch, ids);
        } else {
            self.merge_by_heap(piece, ids);
        }
    }

    /// `scratch` holds, per part, where it begins and the rank of it joined with the next one.
    fn merge_by_scan(&self, piece: &[u8], scratch: &mut Vec<(u32, u32)>, ids: &mut Vec<u32>) {
        scratch.clear();
        scratch.extend(piece.windows(2).zip(0..).map(|(pair, start)| (start, self.of(pair))));
        scratch.push((piece.len() as u32 - 1, NONE));
        scratch.push((piece.len() as u32, NONE));
        let join = |parts: &[(u32, u32)], at: usize| match (parts.get(at), parts.get(at + 2)) {
            (Some(&(start, _)), Some(&(end, _))) => self.of(&piece[start as usize..end as usize]),
            _ => NONE,
        };
        loop {
            let mut lowest = (NONE, 0);
            for (at, &(_, rank)) in scratch.iter().enumerate() {
                if rank < lowest.0 {
                    lowest = (rank, at);
                }
            }
            let (rank, at) = lowest;
            if rank == NONE {
                break;
            }
            scratch.remove(at + 1);
            scratch[at].1 = join(scratch, at);
            if at > 0 {
                scratch[at - 1].1 = join(scratch, at - 1);
            }
        }
        self.push_parts(piece, scratch.windows(2).map(|parts| (parts[0].0, parts[1].0)), ids);
    }

    /// The same merges for long pieces, in O(n log n): a chain of parts, and a heap of candidate joins of which
    /// outdated ones are skipped.
    fn merge_by_heap(&self, piece: &[u8], ids: &mut Vec<u32>) {
        let length = piece.len();
        let mut next: Vec<u32> = (1..=length as u32).collect();
        let mut previous: Vec<u32> = (0..length as u32).map(|at| at.wrapping_sub(1)).collect();
        let mut rank_at: Vec<u32> = piece.windows(2).map(|pair| self.of(pair)).collect();
        rank_at.push(NONE);
        let mut heap: BinaryHeap<Reverse<(u32, u32)>> = (0..)
            .zip(&rank_at)
            .filter(|(_, rank)| **rank != NONE)
            .map(|(at, &rank)| Reverse((rank, at)))
            .collect();
        while let Some(Reverse((rank, at))) = heap.pop() {
            let left = at as usize;
            if rank_at[left] != rank {
                continue;
            }
            let absorbed = next[left] as usize;
            let after = next[absorbed];
            next[left] = after;
            rank_at[absorbed] = NONE;
            if let Some(back) = previous.get_mut(after as usize) {
                *back = at;
            }
            for start in [at, previous[left]] {
                let Some(&middle) = next.get(start as usize) else { continue };
                let Some(&end) = next.get(middle as usize) else {
                    rank_at[start as usize] = NONE;
                    continue;
                };
                let joined = &piece[start as usize..end as usize];
                let rank = if joined.len() <= LONGEST_TOKEN { self.of(joined) } else { NONE };
                rank_at[start as usize] = rank;
                if rank != NONE {
                    heap.push(Reverse((rank, start)));
                }
            }
        }
        let chain = std::iter::successors(Some(0), |&at: &u32| next.get(at as usize).copied());
        let parts = chain.filter_map(|at| next.get(at as usize).map(|&end| (at, end)));
        self.push_parts(piece, parts, ids);
    }

    fn push_parts(&self, piece: &[u8], parts: impl Iterator<Item = (u32, u32)>, ids: &mut Vec<u32>) {
        for (start, end) in parts {
            match piece.get(start as usize..end as usize) {
                Some(&[byte]) => ids.push(self.bytes[usize::from(byte)]),
                Some(part) => ids.push(self.of(part)),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scanned(piece: &[u8]) -> Vec<u32> {
        let mut ids = Vec::new();
        ranks().merge_by_scan(piece, &mut Vec::new(), &mut ids);
        ids
    }

    fn heaped(piece: &[u8]) -> Vec<u32> {
        let mut ids = Vec::new();
        ranks().merge_by_heap(piece, &mut ids);
        ids
    }

    #[test]
    fn every_token_is_its_own_encoding() {
        let mut ids = Vec::new();
        for (id, bytes) in vocabulary().iter() {
            ids.clear();
            ranks().encode_piece(bytes, &mut Vec::new(), &mut ids);
            assert_eq!(ids, [id]);
        }
    }

    proptest! {
        #[test]
        fn scan_and_heap_merge_alike(piece in "[ab \\\\=1é中]{2,300}") {
            prop_assert_eq!(scanned(piece.as_bytes()), heaped(piece.as_bytes()));
        }

        #[test]
        fn scan_and_heap_merge_bytes_alike(piece in prop::collection::vec(any::<u8>(), 2..200)) {
            prop_assert_eq!(scanned(&piece), heaped(&piece));
        }
    }
}
