//! Sessions: stateful Python, one per thread, all from one image.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crate::engine::{THREAD_STACK_BYTES, Ticker, engine};
use crate::error::{Error, Result};
use crate::host::{Caps, Host};
use crate::image::Image;
use crate::instance::Interpreter;
use crate::limits::Ending;
use crate::python::Status;
use crate::random::Random;

/// Limits of every session of a sandbox.
#[derive(Clone, Copy, Debug)]
pub struct SandboxConfig {
    /// Cap of a session's memory, the image included, in MiB (at most 4095).
    pub memory_mib: usize,
    /// Cap of each of a cell's two output streams, in bytes; beyond it head and tail are kept.
    pub max_output_bytes: usize,
    /// Cap of the files a session writes, in MiB.
    pub files_mib: usize,
    /// How long a cell may ignore the interrupt at its time limit before it is killed.
    pub grace: Duration,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { memory_mib: 1024, max_output_bytes: 32_768, files_mib: 256, grace: Duration::from_secs(1) }
    }
}

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellStatus {
    /// To its end.
    Ok,
    /// With an exception, or by bringing the interpreter down (then the state is lost).
    Error,
    /// At its time limit.
    Timeout,
    /// With a `MemoryError`.
    Memory,
}

impl CellStatus {
    /// The lowercase name used in files and in Python.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
        }
    }
}

/// What came back from a cell.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: CellStatus,
    /// Prints and the echoed last expression.
    pub stdout: String,
    /// Traceback, warnings, and the reason when the session was restarted.
    pub stderr: String,
    /// Wall time in seconds.
    pub wall_s: f64,
    /// Processor time in seconds.
    pub cpu_s: f64,
    /// Whether output was cut.
    pub truncated: bool,
    /// Whether the variables are gone: the next cell runs in a fresh session.
    pub state_lost: bool,
}

struct Shared {
    image: Image,
    config: SandboxConfig,
    ticker: Ticker,
}

/// A prepared image, from which sessions start in milliseconds.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

impl Sandbox {
    /// Opens an image that [`crate::build_image`] wrote.
    pub fn open(dir: &Path, config: SandboxConfig) -> Result<Self> {
        let engine = engine()?;
        let image = Image::open(&engine, dir)?;
        let ticker = Ticker::start(&engine)?;
        Ok(Self(Arc::new(Shared { image, config, ticker })))
    }

    /// Starts a session with random numbers of its own.
    pub fn session(&self) -> Result<Session> {
        self.session_with(None)
    }

    /// Starts a session; with a seed, its random numbers are reproducible.
    pub fn session_with(&self, seed: Option<u64>) -> Result<Session> {
        let mut session = Session { shared: Arc::clone(&self.0), seed, commands: None };
        session.start()?;
        Ok(session)
    }
}

struct Command {
    code: String,
    timeout: Duration,
    answer: mpsc::Sender<Result<Outcome>>,
}

/// A live session; it ends when dropped.
pub struct Session {
    shared: Arc<Shared>,
    seed: Option<u64>,
    /// Its thread, unless the last cell cost the session its state.
    commands: Option<mpsc::Sender<Command>>,
}

impl Session {
    /// Runs one cell and waits for it.
    ///
    /// # Errors
    /// Only when the host itself fails; whatever the code does is an [`Outcome`].
    pub fn run(&mut self, code: &str, timeout: Duration) -> Result<Outcome> {
        let (answer, received) = mpsc::channel();
        let command = Command { code: code.to_owned(), timeout, answer };
        self.start()?.send(command).map_err(|_| Error::Closed)?;
        let outcome = received.recv().map_err(|_| Error::Closed)?;
        if outcome.as_ref().map_or(true, |outcome| outcome.state_lost) {
            self.commands = None;
        }
        outcome
    }

    /// The thread's channel. A session that lost its state gets a new thread, since the old one may hold hundreds of
    /// MiB of stack that a runaway recursion has touched.
    fn start(&mut self) -> Result<&mpsc::Sender<Command>> {
        let commands = match self.commands.take() {
            Some(commands) => commands,
            None => self.spawn()?,
        };
        Ok(self.commands.insert(commands))
    }

    fn spawn(&self) -> Result<mpsc::Sender<Command>> {
        let (commands, received) = mpsc::channel::<Command>();
        let (shared, seed) = (Arc::clone(&self.shared), self.seed);
        std::thread::Builder::new()
            .name("mathforge-session".into())
            .stack_size(THREAD_STACK_BYTES)
            .spawn(move || {
                let mut worker = Worker { shared, seed, interpreter: None };
                // A failure to start shows in the first cell's answer.
                let _ = worker.ready();
                for command in received {
                    let answer = worker.cell(&command.code, command.timeout);
                    let over = answer.as_ref().map_or(true, |outcome| outcome.state_lost);
                    // Whoever asked may have gone away meanwhile.
                    let _ = command.answer.send(answer);
                    if over {
                        return;
                    }
                }
            })
            .map_err(|source| Error::File { path: "thread".into(), source })?;
        Ok(commands)
    }
}

/// The part of a session that lives on its own thread.
struct Worker {
    shared: Arc<Shared>,
    seed: Option<u64>,
    interpreter: Option<Interpreter>,
}

impl Worker {
    /// The interpreter, restored from the image if there is none.
    fn ready(&mut self) -> Result<&mut Interpreter> {
        if self.interpreter.is_none() {
            let Shared { image, config, .. } = &*self.shared;
            let caps = Caps {
                memory: config.memory_mib.min(4095) << 20,
                files: config.files_mib << 20,
                output: config.max_output_bytes,
            };
            let mut random = Random::new(self.seed);
            let mut seed = [0; 8];
            random.fill(&mut seed);
            let host = Host::new(Arc::clone(&image.tree), caps, random);
            let mut interpreter = image.program.restore(host, &image.table)?;
            image
                .runner
                .start(&mut interpreter, u64::from_le_bytes(seed))
                .map_err(Error::engine("starting a session"))?;
            self.interpreter = Some(interpreter);
        }
        self.interpreter.as_mut().ok_or(Error::Closed)
    }

    fn cell(&mut self, code: &str, timeout: Duration) -> Result<Outcome> {
        let (wall, cpu) = (Instant::now(), cpu_time());
        let shared = Arc::clone(&self.shared);
        let interpreter = self.ready()?;
        let ticking = shared.ticker.cell();
        interpreter.host().limit.start(timeout, shared.config.grace);
        interpreter.watch();
        let result = shared.image.runner.run(interpreter, code);
        let interrupted = interpreter.host().limit.stop();
        let (status, note, mut state_lost) = judge(&result, interrupted, timeout);
        if !state_lost && interrupted {
            interpreter.clear_signal();
            // Should the interrupt still be on its way, it must not hit the next cell. A handler that the cell left
            // behind may run now, so this is limited as well.
            interpreter.host().limit.start(shared.config.grace, Duration::ZERO);
            state_lost = shared.image.runner.settle(interpreter).is_err();
            interpreter.host().limit.stop();
        }
        // Without room not even a cell that frees something can run: such a state is not worth keeping.
        let (status, note, state_lost) = if state_lost || interpreter.has_room().unwrap_or(false) {
            (status, note, state_lost)
        } else {
            let what = "MemoryError: the cell left no memory to go on with";
            (
                CellStatus::Memory,
                Some(format!("{what}; the session was restarted and its variables are lost\n")),
                true,
            )
        };
        drop(ticking);
        let host = interpreter.host();
        let (stdout, cut_out) = host.stdout.take();
        let (mut stderr, cut_err) = host.stderr.take();
        if let Some(note) = note {
            if !stderr.is_empty() && !stderr.ends_with('\n') {
                stderr.push('\n');
            }
            stderr.push_str(&note);
        }
        Ok(Outcome {
            status,
            stdout,
            stderr,
            wall_s: wall.elapsed().as_secs_f64(),
            cpu_s: cpu_time().saturating_sub(cpu).as_secs_f64(),
            truncated: cut_out || cut_err,
            state_lost,
        })
    }
}

/// Status, a line for the error stream, and whether the session has to be rebuilt.
fn judge(
    result: &wasmtime::Result<Status>,
    interrupted: bool,
    timeout: Duration,
) -> (CellStatus, Option<String>, bool) {
    let limit = timeout.as_secs_f64();
    let kept = || {
        Some(format!(
            "TimeoutError: the cell was stopped after {limit} s; the session's variables are kept\n"
        ))
    };
    match result {
        Ok(_) if interrupted => (CellStatus::Timeout, kept(), false),
        Ok(Status::Ok) => (CellStatus::Ok, None, false),
        Ok(Status::Error | Status::Interrupted) => (CellStatus::Error, None, false),
        Ok(Status::Memory) => (CellStatus::Memory, None, false),
        Err(error) => {
            let restarted = "the session was restarted and its variables are lost\n";
            let (status, what) = match error.downcast_ref::<Ending>() {
                Some(Ending::Killed) => (
                    CellStatus::Timeout,
                    format!("TimeoutError: the cell did not stop within its limit of {limit} s"),
                ),
                Some(ending) => (CellStatus::Error, format!("SystemError: {ending}")),
                None => match error.downcast_ref::<wasmtime::Trap>() {
                    Some(wasmtime::Trap::StackOverflow) => {
                        (CellStatus::Error, "RecursionError: the machine stack is exhausted".to_owned())
                    }
                    Some(trap) => {
                        (CellStatus::Error, format!("SystemError: the interpreter crashed ({trap})"))
                    }
                    None => (CellStatus::Error, format!("SystemError: the interpreter failed ({error:#})")),
                },
            };
            (status, Some(format!("{what}; {restarted}")), true)
        }
    }
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
