//! The time limit of a cell, in two steps: Python is asked to raise `KeyboardInterrupt`, so that the session's state
//! survives; if the cell is still running after a grace period it is killed by a trap.

use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, StoreContextMut, UpdateDeadline};

use crate::clock::Clock;
use crate::engine::TICK;
use crate::host::{Guest, Host};
use crate::stop::{Asked, Stop};

/// How a call into the guest was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// The grace period after the time limit is over.
    #[error("killed after its time limit")]
    Killed,
    /// It took far more real time than its virtual time limit.
    #[error("stuck where virtual time does not pass")]
    Stuck,
    /// Whoever had the session has let go of it.
    #[error("abandoned with its session")]
    Abandoned,
    /// The guest ended its own process with this code.
    #[error("the process exited with code {0}")]
    Exited(i32),
    /// The guest aborted (a failed assertion or a fatal error of the interpreter).
    #[error("the interpreter aborted")]
    Aborted,
}

/// Time limit of the running cell, by the session's own clock.
#[derive(Debug, Default)]
pub struct TimeLimit {
    until: Option<Duration>,
    grace: Duration,
    next_interrupt: Duration,
    interrupted: bool,
    /// Where the session's clock does not follow the machine's, the end of all patience.
    patience: Option<Instant>,
    /// Brings the limit forward to the moment it is used.
    stop: Stop,
    hurried: bool,
}

/// Code that swallows one interrupt often does not swallow the next, so it is repeated during the grace period.
const REPEAT: Duration = Duration::from_millis(200);

/// Real time that virtual time may take: this much, and this many times the limit. Work that the interpreter does not
/// count, in C, would go on for ever otherwise.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_TIMES: u32 = 20;

/// Ticks between two looks at the limit, at most: so long a [`Stop`] may go unnoticed.
const MOST_TICKS: u64 = 10;

impl TimeLimit {
    /// Starts the clock of a cell.
    pub fn start(&mut self, clock: &Clock, timeout: Duration, grace: Duration, stop: &Stop) {
        let until = clock.elapsed().checked_add(timeout);
        let patience = clock.is_virtual().then(|| {
            let longest = timeout.saturating_mul(PATIENCE_TIMES).saturating_add(PATIENCE);
            Instant::now().checked_add(longest)
        });
        *self = Self {
            until,
            grace,
            next_interrupt: until.unwrap_or_default(),
            interrupted: false,
            patience: patience.flatten(),
            stop: stop.clone(),
            hurried: false,
        };
    }

    /// Ends the cell; tells whether it was interrupted.
    pub fn stop(&mut self) -> bool {
        self.until = None;
        self.interrupted
    }

    /// Time until the limit is reached, if there is one.
    pub fn left(&self, clock: &Clock) -> Option<Duration> {
        if self.stop.asked() != Asked::Nothing {
            return Some(Duration::ZERO);
        }
        self.until.map(|until| until.saturating_sub(clock.elapsed()))
    }

    /// Lets the time be up when that was asked for.
    fn obey(&mut self, clock: &Clock) -> Result<(), Ending> {
        match self.stop.asked() {
            Asked::Kill => return Err(Ending::Abandoned),
            Asked::Interrupt if !self.hurried => {
                self.hurried = true;
                let now = clock.elapsed();
                self.until = self.until.map(|until| until.min(now));
                self.next_interrupt = self.next_interrupt.min(now);
                let soon = Instant::now() + self.grace;
                self.patience = self.patience.map(|end| end.min(soon));
            }
            Asked::Interrupt | Asked::Nothing => {}
        }
        Ok(())
    }

    /// Whether the cell is to be interrupted now; an error when its grace is over.
    fn due(&mut self, clock: &Clock) -> Result<bool, Ending> {
        self.obey(clock)?;
        let Some(until) = self.until else { return Ok(false) };
        let now = clock.elapsed();
        if now >= until.saturating_add(self.grace) {
            return Err(Ending::Killed);
        }
        let due = now >= self.next_interrupt;
        if due {
            self.interrupted = true;
            self.next_interrupt = now + REPEAT;
        }
        Ok(due)
    }
}

/// Checks the clock; writes the interrupt into the guest's memory or fails when the grace period is over.
pub fn check(guest: &mut Guest<'_>) -> Result<(), Ending> {
    if guest.host.limit.due(&guest.host.clock)? {
        guest.signal(SIGINT);
    }
    Ok(())
}

/// Answers the interpreter, which asks for a pending signal after every so much work when the clock is virtual.
pub fn on_work(host: &mut Host) -> Result<i32, Ending> {
    host.clock.work();
    Ok(if host.limit.due(&host.clock)? { SIGINT as i32 } else { 0 })
}

const SIGINT: u32 = 2;

/// What the epoch callback does: see [`check`]. Of a virtual clock it only checks the patience.
pub fn on_epoch(mut store: StoreContextMut<'_, Host>) -> wasmtime::Result<UpdateDeadline> {
    let Some(memory) = store.data().exports.as_ref().map(|exports| exports.memory) else {
        return Ok(UpdateDeadline::Continue(1));
    };
    let (bytes, host) = memory.data_and_store_mut(&mut store);
    if host.clock.is_virtual() {
        host.limit.obey(&host.clock)?;
        let impatient = host.limit.patience.is_some_and(|end| Instant::now() >= end);
        return if impatient { Err(Ending::Stuck.into()) } else { Ok(UpdateDeadline::Continue(1)) };
    }
    check(&mut Guest::new(bytes, host))?;
    // Ticks are a little longer than they claim, so approach the deadline in halves.
    let ticks = host.limit.left(&host.clock).unwrap_or_default().as_micros() / TICK.as_micros() / 2;
    Ok(UpdateDeadline::Continue(ticks.clamp(1, u128::from(MOST_TICKS)) as u64))
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
