//! Sessions: stateful Python, all from one image, served by a few threads.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::checkpoint::Checkpoint;
use crate::engine::{Ticker, engine};
use crate::error::{Error, Result};
use crate::host::Caps;
use crate::image::Image;
use crate::live::Live;
use crate::outcome::Outcome;
use crate::parking::Parking;
use crate::random::Random;
use crate::runners::{Pending, Runners, Stack};
use crate::saved;
use crate::stop::Stop;

/// Limits of every session of a sandbox.
#[derive(Clone, Copy, Debug)]
pub struct SandboxConfig {
    /// Cap of a session's memory, the image included, in MiB (at most 4095).
    pub memory_mib: usize,
    /// Cap of each of a cell's two output streams, in characters; beyond it head and tail are kept.
    pub max_output_chars: usize,
    /// Cap of the files a session writes, in MiB.
    pub files_mib: usize,
    /// How long a cell may ignore the interrupt at its time limit before it is killed.
    pub grace: Duration,
    /// Virtual clocks, and time limits by work instead of time: the same cells come to the same, bit for bit.
    pub deterministic: bool,
    /// Seed of sessions that are not given one; none draws one for each.
    pub seed: Option<u64>,
    /// Sessions that are not used for so long wait in a file for their next cell.
    pub idle: Option<Duration>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            memory_mib: 1024,
            max_output_chars: 32_768,
            files_mib: 256,
            grace: Duration::from_secs(1),
            deterministic: false,
            seed: None,
            idle: None,
        }
    }
}

/// What all sessions of a sandbox use.
pub struct Shared {
    /// Where they start from.
    pub image: Image,
    /// Their limits.
    pub config: SandboxConfig,
    /// Makes the time limits felt.
    pub ticker: Ticker,
    runners: Arc<Runners>,
    identity: OnceLock<String>,
    parking: Option<Parking>,
}

impl Shared {
    /// The limits that the host enforces.
    pub fn caps(&self) -> Caps {
        Caps {
            memory: self.config.memory_mib.min(4095) << 20,
            files: self.config.files_mib << 20,
            output: self.config.max_output_chars,
        }
    }

    /// See [`saved::identity`]; taken once, by whoever first saves or restores.
    pub fn identity(&self) -> Result<&str> {
        if self.identity.get().is_none() {
            let _ = self.identity.set(saved::identity(&self.image)?);
        }
        Ok(self.identity.get().map_or("", String::as_str))
    }
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
        let parking = config.idle.map(Parking::start).transpose()?;
        let (runners, identity) = (Runners::new(), OnceLock::new());
        Ok(Self(Arc::new(Shared { image, config, ticker, runners, identity, parking })))
    }

    /// Starts a session with random numbers of its own.
    pub fn session(&self) -> Session {
        self.session_with(None)
    }

    /// Starts a session; with a seed, its random numbers are reproducible. It costs next to nothing before its first
    /// cell.
    pub fn session_with(&self, seed: Option<u64>) -> Session {
        let seed = seed.or(self.0.config.seed).unwrap_or_else(Random::draw_seed);
        self.with(Live::new(Arc::clone(&self.0), seed))
    }

    /// Starts a session in a saved state, whose random numbers go on from there as well.
    ///
    /// # Errors
    /// When the state is of another image.
    pub fn restore(&self, state: &SavedState) -> Result<Session> {
        if !Arc::ptr_eq(&self.0, &state.sandbox.0) && self.0.identity()? != state.sandbox.0.identity()? {
            return Err(Error::OtherImage);
        }
        Ok(self.with(Live::at(Arc::clone(&self.0), Arc::clone(&state.checkpoint))))
    }

    /// Reads what [`SavedState::save`] wrote, in this process or another.
    ///
    /// # Errors
    /// When the file is damaged or of another image.
    pub fn load(&self, path: &Path) -> Result<SavedState> {
        let checkpoint = saved::load(path, &self.0.image, self.0.identity()?)?;
        Ok(SavedState { sandbox: self.clone(), checkpoint: Arc::new(checkpoint) })
    }

    fn with(&self, live: Live) -> Session {
        let live = Arc::new(Mutex::new(live));
        if let Some(parking) = &self.0.parking {
            parking.add(&live);
        }
        Session { sandbox: self.clone(), live }
    }
}

/// The state of a session at one moment, from which any number of sessions can go on.
#[derive(Clone)]
pub struct SavedState {
    sandbox: Sandbox,
    checkpoint: Arc<Checkpoint>,
}

impl SavedState {
    /// Bytes of memory that differ from the image.
    pub fn bytes(&self) -> usize {
        self.checkpoint.bytes()
    }

    /// Writes the state to a file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        saved::save(&self.checkpoint, self.sandbox.0.identity()?, path)
    }
}

/// A live session; it ends when dropped. Its cells run one after the other, whichever threads ask.
pub struct Session {
    sandbox: Sandbox,
    live: Arc<Mutex<Live>>,
}

impl Session {
    /// Runs one cell and waits for it.
    ///
    /// # Errors
    /// Only when the host itself fails; whatever the code does is an [`Outcome`].
    pub fn run(&self, code: &str, timeout: Duration) -> Result<Outcome> {
        self.run_until(code, timeout, &Stop::default())
    }

    /// The same, with a way to stop the cell before its time is up.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_until(&self, code: &str, timeout: Duration, stop: &Stop) -> Result<Outcome> {
        self.start(code, timeout, stop)?.wait()
    }

    /// Starts one cell, for whoever has something to look after while it runs.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(&self, code: &str, timeout: Duration, stop: &Stop) -> Result<RunningCell> {
        let (code, stop) = (code.to_owned(), stop.clone());
        self.begin(move |live| live.cell(&code, timeout, &stop)).map(RunningCell)
    }

    /// A live copy: variables, files, clocks and random numbers are those of this moment, and each side goes its own
    /// way from here. Waits for a running cell.
    pub fn fork(&self) -> Result<Self> {
        Ok(self.sandbox.with(self.lock().fork()?))
    }

    /// Gives the session other random numbers.
    pub fn reseed(&self, seed: u64) -> Result<()> {
        self.on_deep_stack(move |live| Ok((live.reseed(seed)?, Stack::Shallow)))
    }

    /// The session's state, in memory. Waits for a running cell.
    pub fn snapshot(&self) -> Result<SavedState> {
        let checkpoint = self.on_deep_stack(|live| Ok((live.checkpoint()?, Stack::Shallow)))?;
        Ok(SavedState { sandbox: self.sandbox.clone(), checkpoint })
    }

    /// SHA-256 over the session's memory and globals, in hexadecimal: equal for equal states.
    pub fn state_hash(&self) -> Result<String> {
        self.on_deep_stack(|live| Ok((saved::hex(&live.state_hash()?), Stack::Shallow)))
    }

    fn on_deep_stack<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Live) -> Result<(R, Stack)> + Send + 'static,
    ) -> Result<R> {
        self.begin(work)?.wait()?
    }

    fn begin<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Live) -> Result<(R, Stack)> + Send + 'static,
    ) -> Result<Pending<Result<R>>> {
        let live = Arc::clone(&self.live);
        self.sandbox.0.runners.start(move || {
            let done = work(&mut lock(&live));
            match done {
                Ok((result, stack)) => (Ok(result), stack),
                Err(error) => (Err(error), Stack::PerhapsDeep),
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        lock(&self.live)
    }
}

/// A cell on another thread. It goes on when this is dropped, until it ends or is stopped.
pub struct RunningCell(Pending<Result<Outcome>>);

impl RunningCell {
    /// Waits for its end; errors are those of [`Session::run`].
    pub fn wait(&self) -> Result<Outcome> {
        self.0.wait()?
    }

    /// Waits for a while; `None` when it takes longer.
    pub fn wait_for(&self, length: Duration) -> Option<Result<Outcome>> {
        Some(self.0.wait_for(length)?.and_then(|done| done))
    }
}

fn lock(live: &Mutex<Live>) -> MutexGuard<'_, Live> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}
