//! Which pages of a session's memory are its own, no longer the image's.
//!
//! The memory maps the image copy-on-write, so the kernel knows: a page that was written is anonymous, one that was
//! only read still belongs to the image's file. Linux tells through `/proc/self/pagemap`, from 6.7 on with one call for
//! all runs of such pages; elsewhere the memory is compared with the image's.
//!
//! Every way may name a page that did not change, and never misses one that did.

use std::ops::Range;
use std::sync::Arc;

/// Pages are stored in this unit, whatever larger one the machine maps memory in.
pub const PAGE_BYTES: usize = 4096;

/// Byte ranges of `memory`, in order and in whole pages, outside of which it equals the image it was mapped from and,
/// past the image's end, zeros. `image` is asked for its bytes only where the kernel cannot tell.
pub fn private(memory: &[u8], image: impl FnOnce() -> Arc<[u8]>) -> Vec<Range<usize>> {
    #[cfg(target_os = "linux")]
    if let Some(ranges) = kernel::scanned(memory).or_else(|| kernel::listed(memory)) {
        return ranges;
    }
    compared(memory, &image())
}

/// How many pages [`private`] would name; 0 where only a comparison could tell, which would take too long.
pub fn count_private(memory: &[u8]) -> usize {
    #[cfg(target_os = "linux")]
    if let Some(ranges) = kernel::scanned(memory).or_else(|| kernel::listed(memory)) {
        return ranges.iter().map(ExactSizeIterator::len).sum::<usize>() / PAGE_BYTES;
    }
    let _ = memory;
    0
}

/// The ranges by comparison.
fn compared(memory: &[u8], image: &[u8]) -> Vec<Range<usize>> {
    let mut ranges = Ranges::default();
    for (number, page) in memory.chunks(PAGE_BYTES).enumerate() {
        let at = number * PAGE_BYTES;
        let same = match image.get(at..at + page.len()) {
            Some(original) => page == original,
            None => is_zero(page),
        };
        if !same {
            ranges.add(at..at + page.len());
        }
    }
    ranges.0
}

/// Whether all bytes are zero.
pub fn is_zero(page: &[u8]) -> bool {
    // In blocks, which the compiler turns into vector code.
    page.chunks(64).all(|block| block.iter().fold(0, |seen, byte| seen | byte) == 0)
}

/// Ranges that are joined where one ends at the next one's start.
#[derive(Default)]
struct Ranges(Vec<Range<usize>>);

impl Ranges {
    fn add(&mut self, range: Range<usize>) {
        match self.0.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.0.push(range),
        }
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::fs::File;
    use std::ops::Range;
    use std::os::unix::fs::FileExt as _;

    use rustix::ioctl::{Updater, ioctl, opcode};

    use super::Ranges;

    // Opened for every use: a kept file would go on describing the parent's memory after a fork.
    const PAGEMAP: &str = "/proc/self/pagemap";

    /// `struct pm_scan_arg` of linux/fs.h.
    #[repr(C)]
    #[derive(Default)]
    struct Scan {
        size: u64,
        flags: u64,
        start: u64,
        end: u64,
        walk_end: u64,
        regions: u64,
        regions_len: u64,
        max_pages: u64,
        category_inverted: u64,
        category_mask: u64,
        category_any_of: u64,
        return_mask: u64,
    }

    /// `struct page_region`.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Region {
        start: u64,
        end: u64,
        categories: u64,
    }

    const OF_A_FILE: u64 = 1 << 2;
    const PRESENT: u64 = 1 << 3;
    const SWAPPED: u64 = 1 << 4;
    const THE_ZERO_PAGE: u64 = 1 << 5;
    const PAGEMAP_SCAN: rustix::ioctl::Opcode = opcode::read_write::<Scan>(b'f', 16);

    /// Asks for the runs of private pages; `None` before Linux 6.7.
    pub fn scanned(memory: &[u8]) -> Option<Vec<Range<usize>>> {
        let pagemap = File::open(PAGEMAP).ok()?;
        let base = memory.as_ptr() as u64;
        let end = base + memory.len() as u64;
        let mut regions = vec![Region::default(); 1024];
        let mut ranges = Ranges::default();
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            end,
            regions: regions.as_mut_ptr() as u64,
            regions_len: regions.len() as u64,
            category_inverted: OF_A_FILE | THE_ZERO_PAGE,
            category_mask: OF_A_FILE | THE_ZERO_PAGE,
            category_any_of: PRESENT | SWAPPED,
            ..Scan::default()
        };
        let mut from = base;
        while from < end {
            regions.fill(Region::default());
            scan.start = from;
            // SAFETY: this is the layout and the number that linux/fs.h gives the call. It reads the page tables of the
            // range, which is mapped as `memory` is borrowed, and writes at most `regions_len` entries to `regions`,
            // which outlives it and is not borrowed meanwhile.
            #[allow(unsafe_code)]
            unsafe {
                ioctl(&pagemap, Updater::<PAGEMAP_SCAN, Scan>::new(&mut scan)).ok()?;
            }
            let found = regions.iter().take_while(|region| region.end > region.start);
            for region in found.clone() {
                ranges.add((region.start - base) as usize..(region.end - base) as usize);
            }
            // `walk_end` may be short of the end of a walk that is complete, so go by the regions.
            match regions.last() {
                Some(last) if found.count() == regions.len() => from = last.end,
                _ => break,
            }
        }
        Some(ranges.0)
    }

    /// The unit of the page table, as the kernel told this process when it started.
    fn page_bytes() -> Option<usize> {
        const AT_PAGESZ: usize = 6;
        const WORD: usize = size_of::<usize>();
        let vector = std::fs::read("/proc/self/auxv").ok()?;
        let mut words = vector.as_chunks::<WORD>().0.iter().map(|word| usize::from_ne_bytes(*word));
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            if key == AT_PAGESZ {
                return Some(value).filter(|bytes| bytes.is_power_of_two());
            }
        }
        None
    }

    /// Reads the word that the kernel shows for every page.
    pub fn listed(memory: &[u8]) -> Option<Vec<Range<usize>>> {
        const WORD: usize = 8;
        const PRESENT: u64 = 1 << 63;
        const SWAPPED: u64 = 1 << 62;
        const OF_A_FILE: u64 = 1 << 61;
        let page_bytes = page_bytes()?;
        let pagemap = File::open(PAGEMAP).ok()?;
        let first = memory.as_ptr() as usize / page_bytes;
        let mut words = vec![0; memory.len().div_ceil(page_bytes) * WORD];
        pagemap.read_exact_at(&mut words, (first * WORD) as u64).ok()?;
        let mut ranges = Ranges::default();
        for (page, word) in words.as_chunks::<WORD>().0.iter().enumerate() {
            let word = u64::from_ne_bytes(*word);
            if word & (PRESENT | SWAPPED) != 0 && word & OF_A_FILE == 0 {
                let at = page * page_bytes;
                ranges.add(at..(at + page_bytes).min(memory.len()));
            }
        }
        Some(ranges.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparing_finds_changes_inside_and_growth_behind() {
        let image = vec![7; 3 * PAGE_BYTES];
        let mut memory = image.clone();
        memory.resize(6 * PAGE_BYTES, 0);
        memory[PAGE_BYTES] = 0;
        memory[2 * PAGE_BYTES + 5] = 0;
        memory[4 * PAGE_BYTES] = 1;
        assert_eq!(compared(&memory, &image), [PAGE_BYTES..3 * PAGE_BYTES, 4 * PAGE_BYTES..5 * PAGE_BYTES]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_page_map_names_what_was_written() {
        // Fresh zero pages from the kernel, of which every other is written and some others are read.
        let mut memory = vec![0_u8; 3000 * PAGE_BYTES];
        let offset = memory.as_ptr().align_offset(PAGE_BYTES);
        let memory = &mut memory[offset..][..2999 * PAGE_BYTES];
        for page in (0..2999).step_by(2) {
            memory[page * PAGE_BYTES] = 1;
        }
        assert_eq!((1..2999).step_by(7).map(|page| memory[page * PAGE_BYTES]).max(), Some(1));
        let pages = |ranges: Vec<Range<usize>>| -> Vec<usize> {
            ranges.into_iter().flatten().step_by(PAGE_BYTES).map(|at| at / PAGE_BYTES).collect()
        };
        let changed = pages(compared(memory, &[]));
        // More runs than one call of the kernel reports.
        assert_eq!(changed.len(), 1500);
        let listed = pages(kernel::listed(memory).unwrap());
        assert!(changed.iter().all(|page| listed.contains(page)));
        if let Some(scanned) = kernel::scanned(memory).map(pages) {
            assert_eq!(scanned, changed);
        }
    }
}
