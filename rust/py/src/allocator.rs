//! Small values from mimalloc, large ones from the system.
//!
//! Answers and rows are many small values, of which the system's allocator takes a fifth of the time of grading. Columns
//! are a few large ones that grow: the system moves their pages where mimalloc copies them, and so holds both.
#![allow(
    unsafe_code,
    reason = "an allocator is an unsafe trait; each call is handed on to one of two allocators"
)]

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout, System};

/// From here on the system's allocator maps pages of their own.
const LARGE: usize = 128 << 10;

/// See the module.
pub struct BySize;

/// A call handed on to the allocator of this size; a branch, as a call through a table would cost every block.
macro_rules! of_size {
    ($size:expr, $method:ident($($argument:expr),+)) => {
        if $size < LARGE { MiMalloc.$method($($argument),+) } else { System.$method($($argument),+) }
    };
}

// SAFETY: the size that a block was asked for with comes back with it, so that each block returns to the allocator it is
// from; both keep the contract of the trait, and `realloc` copies what both blocks have room for.
unsafe impl GlobalAlloc for BySize {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promised.
        unsafe { of_size!(layout.size(), alloc(layout)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promised.
        unsafe { of_size!(layout.size(), alloc_zeroed(layout)) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is from the allocator of its size.
        unsafe { of_size!(layout.size(), dealloc(block, layout)) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if (layout.size() < LARGE) == (size < LARGE) {
            // SAFETY: the block is from the allocator of its size, which is that of the new size too.
            return unsafe { of_size!(size, realloc(block, layout, size)) };
        }
        // SAFETY: the caller promises that the new size, with this alignment, is a layout.
        let grown = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the size is not zero, as the caller promised; blocks of two allocators do not overlap.
        unsafe {
            let moved = self.alloc(grown);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
