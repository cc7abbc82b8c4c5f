//! Samples in the parts they were read in, so that parts join without a copy.

use super::columns::{Flags, NONE, Sample};
use std::ops::{Index, Range};

/// Parts shorter than this are copied to the one before them, so that there are few.
const SHORT: usize = 1 << 16;

/// Ranges that parts are put in order by; more are no order worth having.
const MAX_RANGES: usize = 1 << 14;

/// Samples, numbered from 0.
#[derive(Debug, Default)]
pub struct Samples {
    /// All parts but the last; none of them is empty.
    closed: Vec<Vec<Sample>>,
    /// Behind which number of samples each of them ends.
    ends: Vec<usize>,
    /// The last part, which grows.
    open: Vec<Sample>,
    /// Whether a sample has a judgement.
    judged: bool,
    /// Whether a sample has an answer and no `symbolic_correct`.
    ungraded: bool,
    /// Whether places do not rise within some part.
    disordered: bool,
}

impl Samples {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.last().unwrap_or(&0) + self.open.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn parts(&self) -> impl Iterator<Item = (usize, &[Sample])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.closed.iter().chain([&self.open]).map(Vec::as_slice))
    }

    /// Whether any has a judgement.
    pub fn are_judged(&self) -> bool {
        self.judged
    }

    /// Whether any has an answer and no `symbolic_correct`.
    pub fn want_grades(&self) -> bool {
        self.ungraded
    }

    /// Adds one.
    #[inline]
    pub fn push(&mut self, sample: Sample) {
        self.judged |= sample.flags.has(Flags::HAS_JUDGED);
        self.ungraded |= !sample.flags.has(Flags::HAS_SYMBOLIC) && sample.answer != NONE;
        self.disordered |= self.place_before() > sample.place;
        self.open.push(sample);
    }

    /// Place of the last sample of the last part: looked up, as samples are moved after they were added.
    #[inline]
    fn place_before(&self) -> u64 {
        self.open.last().map_or(0, |sample| sample.place)
    }

    /// Adds all of another part of the input, behind these.
    pub fn append(&mut self, other: Self) {
        self.judged |= other.judged;
        self.ungraded |= other.ungraded;
        self.disordered |= other.disordered;
        for part in other.closed.into_iter().chain([other.open]) {
            let Some(first) = part.first() else { continue };
            if self.open.is_empty() {
                self.open = part;
            } else if part.len() < SHORT {
                self.disordered |= self.place_before() > first.place;
                self.open.extend(part);
            } else {
                self.ends.push(self.len());
                self.closed.push(std::mem::replace(&mut self.open, part));
            }
        }
    }

    /// Ranges of numbers in the order of their places, which rise within each and from one to the next; None where a part is
    /// not in order itself, as after files that were merged in any order, or where parts alternate all the time. Threads read
    /// ranges of files in turn, so that few are made here.
    pub fn in_order(&self) -> Option<Vec<Range<usize>>> {
        if self.disordered {
            return None;
        }
        let mut rest: Vec<(usize, &[Sample])> = self.parts().filter(|(_, part)| !part.is_empty()).collect();
        let mut ranges = Vec::new();
        while let Some(at) = (0..rest.len()).min_by_key(|at| rest[*at].1[0].place) {
            let (start, part) = rest.swap_remove(at);
            // Up to where another part goes on.
            let next = rest.iter().map(|(_, other)| other[0].place).min().unwrap_or(u64::MAX);
            let length = part.partition_point(|sample| sample.place <= next);
            ranges.push(start..start + length);
            if ranges.len() > MAX_RANGES {
                return None;
            }
            if length < part.len() {
                rest.push((start + length, &part[length..]));
            }
        }
        Some(ranges)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Sample> {
        self.closed.iter().flatten().chain(&self.open)
    }

    /// In order, to be renumbered or moved; flags stay.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Sample> {
        self.closed.iter_mut().flatten().chain(&mut self.open)
    }

    /// Those of a range of numbers, in slices with the number of the first.
    pub fn slices(&self, range: Range<usize>) -> impl Iterator<Item = (usize, &[Sample])> {
        self.parts().filter_map(move |(start, part)| {
            let from = range.start.max(start);
            let to = range.end.min(start + part.len());
            (from < to).then(|| (from, &part[from - start..to - start]))
        })
    }

    /// Bytes in use.
    pub fn size(&self) -> usize {
        let closed: usize = self.closed.iter().map(Vec::capacity).sum();
        (closed + self.open.capacity()) * size_of::<Sample>()
    }
}

impl Index<usize> for Samples {
    type Output = Sample;

    #[inline]
    fn index(&self, at: usize) -> &Sample {
        let part = self.ends.partition_point(|end| *end <= at);
        let start = if part == 0 { 0 } else { self.ends[part - 1] };
        &self.closed.get(part).unwrap_or(&self.open)[at - start]
    }
}

impl FromIterator<Sample> for Samples {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        let mut all = Self::default();
        for sample in samples {
            all.push(sample);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(places: impl IntoIterator<Item = usize>) -> Samples {
        let sample = |place: usize| Sample {
            place: place as u64,
            problem: 0,
            answer: NONE,
            tokens: 0,
            flags: Flags::default(),
        };
        places.into_iter().map(sample).collect()
    }

    #[test]
    fn parts_that_were_moved_keep_their_order() {
        // Read as one file each and moved to where they belong, then joined in the other order.
        let moved = |to: u64| {
            let mut part = samples(0..3);
            for sample in part.iter_mut() {
                sample.place += to;
            }
            part
        };
        let mut all = moved(20);
        all.append(moved(10));
        assert_eq!(all.in_order(), None);
        let mut all = moved(10);
        all.append(moved(20));
        assert!(all.in_order().unwrap().into_iter().flatten().eq(0..6));
    }

    proptest! {
        #[test]
        fn joined_parts_are_as_one(
            lengths in prop::collection::vec(prop_oneof![0usize..5, SHORT - 1..SHORT + 2], 0..5),
            cuts in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        ) {
            let mut all = Samples::default();
            let mut from = 0;
            for length in lengths {
                all.append(samples(from..from + length));
                from += length;
            }
            prop_assert_eq!(all.len(), from);
            prop_assert_eq!(all.is_empty(), from == 0);
            prop_assert!(all.iter().zip(0..).all(|(sample, place)| sample.place == place));
            prop_assert!((0..from).all(|at| all[at].place == at as u64));
            let (one, other) = (cuts.0.index(from + 1), cuts.1.index(from + 1));
            let range = one.min(other)..one.max(other);
            let found: Vec<u64> = all
                .slices(range.clone())
                .flat_map(|(first, slice)| {
                    assert_eq!(slice[0].place, first as u64);
                    slice.iter().map(|sample| sample.place)
                })
                .collect();
            prop_assert_eq!(found, range.map(|at| at as u64).collect::<Vec<_>>());
        }

        #[test]
        fn parts_that_rise_are_put_in_order(
            lengths in prop::collection::vec((1usize..9, 0usize..4), 1..40), size in SHORT..SHORT + 9, turned in any::<bool>(),
        ) {
            // Ranges of places dealt to four readers, each of which has read much before.
            let mut places: Vec<Vec<usize>> = (0..4).map(|reader| (reader * size..(reader + 1) * size).collect()).collect();
            let mut from = 4 * size;
            for (length, reader) in lengths {
                places[reader].extend(from..from + length);
                from += length;
            }
            let mut all = Samples::default();
            if turned {
                places.reverse();
            }
            for places in &places {
                all.append(samples(places.iter().copied()));
            }
            let ordered = all.in_order().unwrap().into_iter().flatten();
            prop_assert!(ordered.map(|at| all[at].place as usize).eq(0..from));
            all.append(samples([0]));
            prop_assert!(all.in_order().is_none());
        }
    }
}
