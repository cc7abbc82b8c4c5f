//! Samples by problem.

use super::columns::Columns;
use crate::blocks::in_blocks;
use std::ops::Range;

/// A block has at least as many samples as this times the problems, so that what it notes of each problem is small beside
/// what it notes of samples.
const SAMPLES_PER_PROBLEM: usize = 4;

/// Numbers of the samples of each problem, in the order of their places.
#[derive(Debug)]
pub struct Groups<'a> {
    columns: &'a Columns,
    blocks: Vec<Block>,
    /// Whether the blocks are in the order of places.
    ordered: bool,
}

/// What ranges of samples hold of each problem.
#[derive(Debug)]
struct Block {
    /// Numbers of samples, those of a problem together.
    order: Vec<u32>,
    /// Where each problem's begin, and the end.
    starts: Vec<u32>,
}

impl<'a> Groups<'a> {
    /// Sorts by counting, in as many blocks of samples as threads may work on.
    pub fn of(columns: &'a Columns, threads: usize) -> Self {
        let (samples, problems) = (columns.samples.len(), columns.problems.len());
        let most = samples / (SAMPLES_PER_PROBLEM * problems).max(1);
        let share = samples.div_ceil(threads.min(most).max(1)).max(1);
        let in_order = columns.samples.in_order();
        let ordered = in_order.is_some();
        let shares = shared(in_order.unwrap_or_else(|| std::iter::once(0..samples).collect()), share);
        let blocks = in_blocks(shares.len(), threads, |blocks| {
            shares[blocks].iter().map(|ranges| Block::of(columns, ranges)).collect::<Vec<_>>()
        });
        Self { columns, blocks: blocks.into_iter().flatten().collect(), ordered }
    }

    /// Leaves the samples of a problem in `group`.
    pub fn get(&self, problem: u32, group: &mut Vec<u32>) {
        group.clear();
        for block in &self.blocks {
            group.extend_from_slice(block.of_problem(problem as usize));
        }
        let place = |at: &u32| self.columns.samples[*at as usize].place;
        if !self.ordered && !group.is_sorted_by_key(place) {
            group.sort_by_key(place);
        }
    }
}

/// Ranges dealt out in order, `share` numbers to each but the last.
fn shared(ranges: Vec<Range<usize>>, share: usize) -> Vec<Vec<Range<usize>>> {
    let (mut shares, mut current, mut room) = (Vec::new(), Vec::new(), share);
    for mut range in ranges {
        while range.len() > room {
            let cut = range.start + room;
            current.push(range.start..cut);
            shares.push(std::mem::take(&mut current));
            (range.start, room) = (cut, share);
        }
        room -= range.len();
        current.push(range);
    }
    shares.push(current);
    shares
}

impl Block {
    /// One pass to count, one to place.
    fn of(columns: &Columns, ranges: &[Range<usize>]) -> Self {
        let mut starts = vec![0u32; columns.problems.len() + 1];
        let samples = || ranges.iter().flat_map(|range| columns.samples.slices(range.clone()));
        for sample in samples().flat_map(|(_, slice)| slice) {
            starts[sample.problem as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut order = vec![0u32; ranges.iter().map(ExactSizeIterator::len).sum()];
        // Each problem's start moves to its end, which is the start of the next.
        for (first, slice) in samples() {
            for (at, sample) in (first as u32..).zip(slice) {
                let next = &mut starts[sample.problem as usize];
                order[*next as usize] = at;
                *next += 1;
            }
        }
        starts.rotate_right(1);
        starts[0] = 0;
        Self { order, starts }
    }

    fn of_problem(&self, problem: usize) -> &[u32] {
        &self.order[self.starts[problem] as usize..self.starts[problem + 1] as usize]
    }
}
