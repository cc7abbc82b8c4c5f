//! Samples by problem.

use super::columns::{Columns, Sample};
use std::ops::Range;

/// Indices of the samples of a range of problems, those of a problem together in the order of their places.
#[derive(Debug)]
pub struct Groups {
    first: usize,
    order: Vec<u32>,
    starts: Vec<usize>,
}

impl Groups {
    /// Sorts by counting: one pass to count, one to place. Samples of other problems are passed over, so that threads
    /// can share the problems among them.
    pub fn of(columns: &Columns, problems: Range<usize>) -> Self {
        let mut starts = vec![0usize; problems.len() + 1];
        let inside = |sample: &Sample| (sample.problem as usize).wrapping_sub(problems.start);
        for sample in &columns.samples {
            if let Some(count) = starts[1..].get_mut(inside(sample)) {
                *count += 1;
            }
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; starts[problems.len()]];
        for (at, sample) in columns.samples.iter().enumerate() {
            if let Some(slot) = next[..problems.len()].get_mut(inside(sample)) {
                order[*slot] = at as u32;
                *slot += 1;
            }
        }
        for pair in starts.windows(2) {
            let group = &mut order[pair[0]..pair[1]];
            let place = |at: &u32| columns.samples[*at as usize].place;
            if !group.is_sorted_by_key(place) {
                group.sort_unstable_by_key(place);
            }
        }
        Self { first: problems.start, order, starts }
    }

    /// Each problem's number and samples.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let numbers = self.first as u32..;
        numbers.zip(self.starts.windows(2).map(|pair| &self.order[pair[0]..pair[1]]))
    }
}
