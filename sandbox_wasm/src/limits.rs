//! The time limit of a cell, in two steps: Python is asked to raise `KeyboardInterrupt`, so that the session's state
//! survives; if the cell is still running after a grace period it is killed by a trap.

use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, StoreContextMut, UpdateDeadline};

use crate::engine::TICK;
use crate::host::{Guest, Host};

/// How a call into the guest was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// The grace period after the time limit is over.
    #[error("killed after its time limit")]
    Killed,
    /// The guest ended its own process with this code.
    #[error("the process exited with code {0}")]
    Exited(i32),
    /// The guest aborted (a failed assertion or a fatal error of the interpreter).
    #[error("the interpreter aborted")]
    Aborted,
}

/// Time limit of the running cell.
#[derive(Debug, Default)]
pub struct TimeLimit {
    deadline: Option<Instant>,
    grace: Duration,
    next_interrupt: Option<Instant>,
    interrupted: bool,
}

/// Code that swallows one interrupt often does not swallow the next, so it is repeated during the grace period.
const REPEAT: Duration = Duration::from_millis(200);

impl TimeLimit {
    /// Starts the clock of a cell.
    pub fn start(&mut self, timeout: Duration, grace: Duration) {
        let deadline = Instant::now().checked_add(timeout);
        *self = Self { deadline, grace, next_interrupt: deadline, interrupted: false };
    }

    /// Ends the cell; tells whether it was interrupted.
    pub fn stop(&mut self) -> bool {
        self.deadline = None;
        self.interrupted
    }

    /// Time until the limit is reached, if there is one.
    pub fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// Checks the clock; writes the interrupt into the guest's memory or fails when the grace period is over.
pub fn check(guest: &mut Guest<'_>) -> Result<(), Ending> {
    let now = Instant::now();
    let limit = &mut guest.host.limit;
    let (Some(deadline), Some(next)) = (limit.deadline, limit.next_interrupt) else { return Ok(()) };
    if now >= deadline + limit.grace {
        return Err(Ending::Killed);
    }
    if now >= next {
        limit.interrupted = true;
        limit.next_interrupt = Some(now + REPEAT);
        guest.signal(SIGINT);
    }
    Ok(())
}

const SIGINT: u32 = 2;

/// What the epoch callback does: see [`check`].
pub fn on_epoch(mut store: StoreContextMut<'_, Host>) -> wasmtime::Result<UpdateDeadline> {
    let Some(memory) = store.data().exports.as_ref().map(|exports| exports.memory) else {
        return Ok(UpdateDeadline::Continue(1));
    };
    let (bytes, host) = memory.data_and_store_mut(&mut store);
    check(&mut Guest::new(bytes, host))?;
    // Ticks are a little longer than they claim, so approach the deadline in halves.
    let ticks = host.limit.left().unwrap_or_default().as_micros() / TICK.as_micros() / 2;
    Ok(UpdateDeadline::Continue(ticks.clamp(1, 1 << 20) as u64))
}

/// Caps what a session may allocate, however it asks for it.
#[derive(Debug)]
pub struct MemoryCap {
    /// Cap of the linear memory, in bytes.
    pub memory_bytes: usize,
}

/// Function pointers: the image has about 9,000, side modules bring some thousands.
const MAX_TABLE: usize = 1 << 18;

impl ResourceLimiter for MemoryCap {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= self.memory_bytes)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE)
    }
}
