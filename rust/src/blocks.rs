//! Work over the rows of a column, in blocks, on several threads.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Blocks per thread: enough that a thread with light rows takes over from one with heavy ones.
const BLOCKS_PER_THREAD: usize = 8;

/// What `work` gives for consecutive ranges that together are `0..rows`, in their order.
///
/// `threads` is the most threads to use, 0 one per core. The results do not depend on how many there are, as long as
/// `work` treats every row on its own.
pub fn in_blocks<T: Send>(rows: usize, threads: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let available = || thread::available_parallelism().map_or(1, NonZero::get);
    let threads = if threads == 0 { available() } else { threads }.min(rows.max(1));
    if threads == 1 {
        return vec![work(0..rows)];
    }
    let length = rows.div_ceil(threads * BLOCKS_PER_THREAD);
    let next = AtomicUsize::new(0);
    let take_blocks = || {
        let mut done = Vec::new();
        loop {
            let start = next.fetch_add(length, Ordering::Relaxed);
            if start >= rows {
                return done;
            }
            done.push((start, work(start..rows.min(start + length))));
        }
    };
    let mut blocks = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take_blocks)).collect();
        let mut blocks = take_blocks();
        for other in others {
            blocks.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        blocks
    });
    blocks.sort_unstable_by_key(|(start, _)| *start);
    blocks.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_is_worked_on_once_and_in_order(rows in 0usize..300, threads in 0usize..9) {
            let seen: Vec<usize> = in_blocks(rows, threads, Iterator::collect::<Vec<_>>).concat();
            prop_assert_eq!(seen, (0..rows).collect::<Vec<_>>());
        }
    }
}
