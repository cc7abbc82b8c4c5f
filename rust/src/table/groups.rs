//! Samples by problem.

use super::columns::Columns;

/// Indices of samples, those of a problem together in the order of their places.
#[derive(Debug)]
pub struct Groups {
    order: Vec<u32>,
    starts: Vec<usize>,
}

impl Groups {
    /// Sorts by counting: one pass to count, one to place.
    pub fn of(columns: &Columns) -> Self {
        let mut starts = vec![0usize; columns.problems.len() + 1];
        for sample in &columns.samples {
            starts[sample.problem as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; columns.samples.len()];
        for (at, sample) in columns.samples.iter().enumerate() {
            let slot = &mut next[sample.problem as usize];
            order[*slot] = at as u32;
            *slot += 1;
        }
        for pair in starts.windows(2) {
            let group = &mut order[pair[0]..pair[1]];
            let place = |at: &u32| columns.samples[*at as usize].place;
            if !group.is_sorted_by_key(place) {
                group.sort_unstable_by_key(place);
            }
        }
        Self { order, starts }
    }

    /// Number of problems.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples of a problem.
    pub fn of_problem(&self, problem: usize) -> &[u32] {
        &self.order[self.starts[problem]..self.starts[problem + 1]]
    }
}
