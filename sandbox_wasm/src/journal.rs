//! What a session did since its last checkpoint, so that its state can be reached again.
//!
//! To copy a session's pages after every cell would cost more than most cells do. A cell is a function of the state
//! before it, its code, and the answers of the clocks, so it is enough to note these, and to take a checkpoint once the
//! noted cells have run for much longer than a checkpoint takes. Going back is then the last checkpoint and those
//! cells again; their output is compared with what it was, so a difference cannot go unnoticed.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use crate::outcome::CellStatus;

/// One thing a session did.
pub enum Step {
    /// It began: its random numbers were seeded.
    Begin(u64),
    /// It ran a cell.
    Cell(Played),
}

/// A cell that was run to its end.
pub struct Played {
    /// Its source.
    pub code: String,
    /// What the clocks answered.
    pub answers: Arc<[u64]>,
    /// Processor time it took.
    pub cpu: Duration,
    /// Digest of its status and output.
    pub result: u64,
}

/// Digest of what a cell came to.
pub fn digest(status: CellStatus, stdout: &str, stderr: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (status, stdout, stderr).hash(&mut hasher);
    hasher.finish()
}

/// The steps since the last checkpoint.
#[derive(Clone, Default)]
pub struct Journal {
    steps: Vec<Arc<Step>>,
    cpu: Duration,
    bytes: usize,
    gap: bool,
}

/// Cells that ran for less than this together are cheaper to run again than to copy.
const WORTH_A_CHECKPOINT: Duration = Duration::from_millis(50);
/// A checkpoint may cost this fraction of the time that cells take.
const FRACTION: u32 = 20;
const MAX_STEPS: usize = 1000;
const MAX_BYTES: usize = 1 << 20;
/// Where no checkpoint can be taken, cells are noted up to this much work; then there is no way back.
const MAX_CPU: Duration = Duration::from_secs(30);

impl Journal {
    /// Of a session that has just begun.
    pub fn beginning(seed: u64) -> Self {
        Self { steps: vec![Arc::new(Step::Begin(seed))], ..Self::default() }
    }

    /// Notes that the random numbers were seeded anew.
    pub fn begin(&mut self, seed: u64) {
        if !self.gap {
            self.steps.push(Arc::new(Step::Begin(seed)));
        }
    }

    /// Whether the last checkpoint is the present.
    pub fn is_empty(&self) -> bool {
        !self.gap && self.steps.is_empty()
    }

    /// Notes a cell.
    pub fn note(&mut self, played: Played) {
        self.cpu += played.cpu;
        self.bytes += played.code.len() + 8 * played.answers.len();
        if self.cpu > MAX_CPU || self.bytes > 64 * MAX_BYTES {
            self.skip();
        } else if !self.gap {
            self.steps.push(Arc::new(Step::Cell(played)));
        }
    }

    /// Something happened that cannot be done again: an interrupt, or too many questions to the clock.
    pub fn skip(&mut self) {
        self.gap = true;
        self.steps.clear();
    }

    /// The way from the last checkpoint to the present, if there is one.
    pub fn steps(&self) -> Option<&[Arc<Step>]> {
        if self.gap { None } else { Some(&self.steps) }
    }

    /// Whether a checkpoint should be taken before anything else is run; `cost` is what the last one took.
    pub fn is_due(&self, cost: Duration) -> bool {
        self.gap
            || self.cpu >= WORTH_A_CHECKPOINT.max(cost * FRACTION)
            || self.steps.len() >= MAX_STEPS
            || self.bytes >= MAX_BYTES
    }
}
