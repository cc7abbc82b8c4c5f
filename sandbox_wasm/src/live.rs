//! A session's interpreter, and the way back to its state before a cell that broke it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::checkpoint::{Checkpoint, copy};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::instance::Interpreter;
use crate::journal::{Journal, Played, Step, digest};
use crate::outcome::{CellStatus, Outcome, Verdict, judge};
use crate::pages::{PAGE_BYTES, count_private};
use crate::parking::Parked;
use crate::random::Random;
use crate::runners::Stack;
use crate::session::Shared;
use crate::stop::Stop;

/// What the journal starts from.
#[derive(Clone)]
enum Base {
    /// The image.
    Image,
    /// The last checkpoint.
    Memory(Arc<Checkpoint>),
    /// The last checkpoint, while the session is idle.
    Parked(Arc<Parked>),
}

/// The state of a session: an interpreter, and how to make another like it.
pub struct Live {
    shared: Arc<Shared>,
    /// None before the first cell and after a loss; then `base` and `journal` tell how to make one.
    interpreter: Option<Interpreter>,
    base: Base,
    journal: Journal,
    /// What the last checkpoint took.
    cost: Duration,
    /// Pages that were not shared with the image when last counted.
    dirty_pages: usize,
    seed: u64,
    used: Instant,
}

/// A cell that used the processor this long may have recursed deeply; a new thread is cheap beside it.
const LONG_CELL: Duration = Duration::from_millis(20);

/// A session with more pages of its own has no checkpoints taken by the way: they would double its memory.
const MOST_COPIED_PAGES: usize = (128 << 20) / PAGE_BYTES;

/// Cells below this leave the count of dirty pages as it was.
const COUNTED_CELL: Duration = Duration::from_millis(2);

impl Live {
    /// A session that has not begun.
    pub fn new(shared: Arc<Shared>, seed: u64) -> Self {
        let journal = Journal::beginning(seed);
        Self {
            shared,
            interpreter: None,
            base: Base::Image,
            journal,
            cost: Duration::ZERO,
            dirty_pages: 0,
            seed,
            used: Instant::now(),
        }
    }

    /// A session in a saved state.
    pub fn at(shared: Arc<Shared>, checkpoint: Arc<Checkpoint>) -> Self {
        let (base, journal) = (Base::Memory(checkpoint), Journal::default());
        Self { base, journal, ..Self::new(shared, Random::draw_seed()) }
    }

    /// Runs one cell, on a deep stack.
    pub fn cell(&mut self, code: &str, timeout: Duration, stop: &Stop) -> Result<(Outcome, Stack)> {
        if let Err(error) = self.be_ready() {
            return self.give_up(&error).map(|outcome| (outcome, Stack::PerhapsDeep));
        }
        if self.journal.is_due(self.cost) && self.dirty_pages <= MOST_COPIED_PAGES {
            self.mark()?;
        }
        let shared = Arc::clone(&self.shared);
        let interpreter = self.interpreter.as_mut().ok_or(Error::Closed)?;
        let (wall, cpu) = (Instant::now(), cpu_time());
        let ticking = shared.ticker.cell();
        let host = interpreter.host();
        host.limit.start(&host.clock, timeout, shared.config.grace, stop);
        host.clock.record();
        interpreter.watch();
        let result = shared.image.runner.run(interpreter, code);
        let interrupted = interpreter.host().limit.stop();
        let mut verdict = judge(&result, interrupted, timeout);
        if !verdict.broken && interrupted {
            interpreter.clear_signal();
            // Should the interrupt still be on its way, it must not hit the next cell. A handler that the cell left
            // behind may run now, so this is limited as well.
            let host = interpreter.host();
            host.limit.start(&host.clock, shared.config.grace, Duration::ZERO, &Stop::default());
            verdict.broken = shared.image.runner.settle(interpreter).is_err();
            interpreter.host().limit.stop();
        }
        // Without room not even a cell that frees something can run: such a state is not worth keeping.
        if !verdict.broken && !interpreter.has_room().unwrap_or(false) {
            verdict = Verdict::no_room();
        }
        drop(ticking);
        let host = interpreter.host();
        let answers = host.clock.recorded().filter(|_| !interrupted);
        let mut outcome = collect(host, verdict.status);
        if verdict.arbitrary {
            outcome = Outcome::of(verdict.status);
        }
        outcome.wall_s = wall.elapsed().as_secs_f64();
        let cpu = cpu_time().saturating_sub(cpu);
        outcome.cpu_s = cpu.as_secs_f64();
        let stack = if result.is_err() || cpu > LONG_CELL { Stack::PerhapsDeep } else { Stack::Shallow };
        if verdict.broken {
            self.go_back(&mut outcome);
        } else if let Some(answers) = answers {
            let result = digest(outcome.status, &outcome.stdout, &outcome.stderr);
            self.journal.note(Played { code: code.to_owned(), answers: answers.into(), cpu, result });
        } else {
            self.journal.skip();
        }
        explain(&mut outcome, verdict.what);
        self.count_pages(cpu)?;
        self.used = Instant::now();
        outcome.dirty_pages = self.dirty_pages;
        Ok((outcome, stack))
    }

    /// Counts the session's own pages where that is quick beside the cell: it walks the page table of the whole memory.
    fn count_pages(&mut self, cpu: Duration) -> Result<()> {
        let Some(interpreter) = &mut self.interpreter else { return Ok(()) };
        if self.dirty_pages == 0 || cpu > COUNTED_CELL {
            self.dirty_pages = count_private(interpreter.memory()?);
        }
        Ok(())
    }

    /// A second session in the same state; both go their own way from here.
    pub fn fork(&mut self) -> Result<Self> {
        let shared = Arc::clone(&self.shared);
        let interpreter = match &mut self.interpreter {
            Some(interpreter) => Some(copy(interpreter, &shared.image.program, shared.caps())?),
            None => None,
        };
        let Self { base, journal, cost, dirty_pages, seed, .. } = &*self;
        let (base, journal, used) = (base.clone(), journal.clone(), Instant::now());
        let (cost, dirty_pages, seed) = (*cost, *dirty_pages, *seed);
        Ok(Self { shared, interpreter, base, journal, cost, dirty_pages, seed, used })
    }

    /// Gives the session other random numbers, on a deep stack.
    pub fn reseed(&mut self, seed: u64) -> Result<()> {
        self.be_ready()?;
        let interpreter = self.interpreter.as_mut().ok_or(Error::Closed)?;
        begin(&self.shared, interpreter, seed)?;
        self.journal.begin(seed);
        self.seed = seed;
        Ok(())
    }

    /// The present state, on a deep stack; the way back starts from it now.
    pub fn checkpoint(&mut self) -> Result<Arc<Checkpoint>> {
        match &self.base {
            Base::Memory(base) if self.journal.is_empty() => Ok(Arc::clone(base)),
            _ => {
                self.be_ready()?;
                self.mark()
            }
        }
    }

    /// SHA-256 over the whole memory and the globals, on a deep stack.
    pub fn state_hash(&mut self) -> Result<[u8; 32]> {
        self.be_ready()?;
        let interpreter = self.interpreter.as_mut().ok_or(Error::Closed)?;
        let mut hash = Sha256::new();
        hash.update(interpreter.memory()?);
        for value in interpreter.state_global_values()? {
            hash.update(value.to_le_bytes());
        }
        Ok(hash.finalize().into())
    }

    /// Moves the state of a session that was idle for `idle` to a file in `dir`.
    pub fn park(&mut self, idle: Duration, dir: &Path) -> Result<()> {
        if self.interpreter.is_some() && self.used.elapsed() >= idle {
            let checkpoint = self.checkpoint()?;
            self.base = Base::Parked(Arc::new(Parked::save(&checkpoint, &self.shared, dir)?));
            self.interpreter = None;
        }
        Ok(())
    }

    /// Begins afresh where the session's state cannot be reached.
    fn give_up(&mut self, error: &Error) -> Result<Outcome> {
        if matches!(self.base, Base::Image) {
            // Then nothing can be begun, afresh or not.
            return Err(Error::Wasm(error.to_string()));
        }
        *self = Self::new(Arc::clone(&self.shared), self.seed);
        let stderr = format!("the session could not be continued: {error}; its variables are lost\n");
        Ok(Outcome { stderr, state_lost: true, ..Outcome::of(CellStatus::Lost) })
    }

    fn be_ready(&mut self) -> Result<()> {
        if self.interpreter.is_none() {
            self.interpreter = Some(self.again()?);
        }
        Ok(())
    }

    fn mark(&mut self) -> Result<Arc<Checkpoint>> {
        let start = Instant::now();
        let interpreter = self.interpreter.as_mut().ok_or(Error::Closed)?;
        let program = &self.shared.image.program;
        let earlier = if let Base::Memory(earlier) = &self.base { Some(&**earlier) } else { None };
        let checkpoint = Arc::new(Checkpoint::take(interpreter, program, earlier)?);
        self.base = Base::Memory(Arc::clone(&checkpoint));
        self.journal = Journal::default();
        self.cost = start.elapsed();
        Ok(checkpoint)
    }

    /// Replaces a broken interpreter by one in the state from before the cell, or else by a fresh one.
    fn go_back(&mut self, outcome: &mut Outcome) {
        // First, or both would be in memory.
        self.interpreter = None;
        let is_wanted = outcome.status != CellStatus::Lost;
        if is_wanted && let Ok(interpreter) = self.again() {
            self.interpreter = Some(interpreter);
            outcome.rolled_back = true;
        } else {
            *self = Self::new(Arc::clone(&self.shared), self.seed);
            outcome.state_lost = true;
        }
    }

    /// An interpreter in the state of this session: its last checkpoint, and what it did since.
    fn again(&self) -> Result<Interpreter> {
        let Shared { image, .. } = &*self.shared;
        let mut interpreter = match &self.base {
            Base::Memory(base) => base.open(&image.program, self.shared.caps())?,
            Base::Parked(parked) => parked.load(&self.shared)?.open(&image.program, self.shared.caps())?,
            Base::Image => fresh(&self.shared)?,
        };
        for step in self.journal.steps().ok_or(Error::Closed)? {
            match &**step {
                Step::Begin(seed) => begin(&self.shared, &mut interpreter, *seed)?,
                Step::Cell(played) => play(&self.shared, &mut interpreter, played)?,
            }
        }
        Ok(interpreter)
    }
}

/// An interpreter as the image has it.
fn fresh(shared: &Shared) -> Result<Interpreter> {
    let Shared { image, config, .. } = shared;
    let mut host = Host::new(Arc::clone(&image.tree), shared.caps(), Random::new(Some(0)));
    if config.deterministic {
        host.clock = Clock::virtual_time();
    }
    let mut interpreter = image.program.restore(host, &image.table)?;
    if config.deterministic {
        interpreter.report_work()?;
    }
    Ok(interpreter)
}

/// Seeds the session's random numbers, the host's and Python's.
fn begin(shared: &Shared, interpreter: &mut Interpreter, seed: u64) -> Result<()> {
    let mut random = Random::new(Some(seed));
    let mut word = [0; 8];
    random.fill(&mut word);
    interpreter.host().random = random;
    let start = shared.image.runner.start(interpreter, u64::from_le_bytes(word));
    start.map(drop).map_err(Error::engine("starting a session"))
}

/// Runs a cell of the journal again; an error when it does not come to the same.
fn play(shared: &Shared, interpreter: &mut Interpreter, played: &Played) -> Result<()> {
    let _ticking = shared.ticker.cell();
    let host = interpreter.host();
    // It ended by itself the first time; real time allows for a machine that is very busy now.
    let limit =
        if host.clock.is_virtual() { Duration::MAX } else { played.cpu * 10 + Duration::from_secs(5) };
    host.limit.start(&host.clock, limit, Duration::ZERO, &Stop::default());
    host.clock.replay(Arc::clone(&played.answers));
    interpreter.watch();
    let result = shared.image.runner.run(interpreter, &played.code);
    let interrupted = interpreter.host().limit.stop();
    // It may allocate, so it is part of what happened.
    let has_room = interpreter.has_room().unwrap_or(false);
    let host = interpreter.host();
    let verdict = judge(&result, interrupted, Duration::ZERO);
    let outcome = collect(host, verdict.status);
    let same = has_room
        && host.clock.replayed()
        && verdict.what.is_none()
        && digest(outcome.status, &outcome.stdout, &outcome.stderr) == played.result;
    if same { Ok(()) } else { Err(Error::Diverged) }
}

/// What the cell wrote.
fn collect(host: &mut Host, status: CellStatus) -> Outcome {
    let (stdout, cut_out) = host.stdout.take();
    let (stderr, cut_err) = host.stderr.take();
    Outcome { stdout, stderr, truncated: cut_out || cut_err, ..Outcome::of(status) }
}

/// Adds the host's word on a cell that it ended, and what became of the session.
fn explain(outcome: &mut Outcome, what: Option<String>) {
    let Some(what) = what else { return };
    if outcome.status == CellStatus::Lost {
        outcome.stderr = what;
        return;
    }
    let session = if outcome.state_lost {
        "the session was restarted and its variables are lost"
    } else if outcome.rolled_back {
        "the session is as it was before this cell"
    } else {
        "the session's variables are kept"
    };
    if !outcome.stderr.is_empty() && !outcome.stderr.ends_with('\n') {
        outcome.stderr.push('\n');
    }
    // Writing to a string cannot fail.
    let _ = writeln!(outcome.stderr, "{what}; {session}");
}

/// Processor time of this thread.
#[cfg(unix)]
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(not(unix))]
fn cpu_time() -> Duration {
    Duration::ZERO
}
