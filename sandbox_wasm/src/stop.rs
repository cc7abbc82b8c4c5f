//! A word from outside to a cell that runs: stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The way to stop one cell from any thread, before or while it runs; a cell that has ended does not notice.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicU8>);

/// What was asked of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To run on.
    Nothing,
    /// To end as at its time limit: interrupted, killed when that does not help, and the session goes on.
    Interrupt,
    /// To end at once, as nobody wants its session any more.
    Kill,
}

const INTERRUPT: u8 = 1;
const KILL: u8 = 2;

impl Stop {
    /// The cell's time is up now.
    pub fn interrupt(&self) {
        self.0.fetch_max(INTERRUPT, Ordering::Relaxed);
    }

    /// The cell's session is not wanted any more.
    pub fn kill(&self) {
        self.0.fetch_max(KILL, Ordering::Relaxed);
    }

    /// What was asked so far.
    pub fn asked(&self) -> Asked {
        match self.0.load(Ordering::Relaxed) {
            0 => Asked::Nothing,
            INTERRUPT => Asked::Interrupt,
            _ => Asked::Kill,
        }
    }
}
