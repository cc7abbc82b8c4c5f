//! Bindings of the sandbox: one class per noun of `mathforge_sandbox`, the GIL released while anything runs.
#![allow(clippy::needless_pass_by_value)] // arguments arrive owned from Python

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mathforge_sandbox::{Error, RunningCell, SandboxConfig, build_image};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

fn raised(error: Error) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

/// A prepared image, from which sessions start in milliseconds.
#[pyclass(frozen, module = "mathforge._native")]
struct Sandbox(mathforge_sandbox::Sandbox);

#[pymethods]
impl Sandbox {
    #[new]
    #[pyo3(signature = (prepared_dir, memory_mib=1024, max_output_chars=32_768, *, files_mib=256,
        deterministic=false, seed=None, idle_s=None))]
    #[allow(clippy::too_many_arguments)] // by keyword in Python
    fn new(
        py: Python<'_>,
        prepared_dir: PathBuf,
        memory_mib: usize,
        max_output_chars: usize,
        files_mib: usize,
        deterministic: bool,
        seed: Option<u64>,
        idle_s: Option<f64>,
    ) -> PyResult<Self> {
        let idle = idle_s.map(Duration::try_from_secs_f64).transpose();
        let config = SandboxConfig {
            memory_mib,
            max_output_chars,
            files_mib,
            deterministic,
            seed,
            idle: idle.map_err(|error| PyValueError::new_err(format!("idle_s: {error}")))?,
            ..SandboxConfig::default()
        };
        py.detach(|| mathforge_sandbox::Sandbox::open(&prepared_dir, config)).map(Self).map_err(raised)
    }

    #[pyo3(signature = (seed=None))]
    fn session(&self, seed: Option<u64>) -> Session {
        Session::of(self.0.session_with(seed))
    }

    fn restore(&self, py: Python<'_>, state: &SavedState) -> PyResult<Session> {
        py.detach(|| self.0.restore(&state.0)).map(Session::of).map_err(raised)
    }

    fn load(&self, py: Python<'_>, path: PathBuf) -> PyResult<SavedState> {
        py.detach(|| self.0.load(&path)).map(SavedState).map_err(raised)
    }
}

/// A live session; cells of one session run one after the other, whichever threads ask.
#[pyclass(frozen, module = "mathforge._native")]
struct Session(Mutex<Option<Arc<mathforge_sandbox::Session>>>);

impl Session {
    fn of(session: mathforge_sandbox::Session) -> Self {
        Self(Mutex::new(Some(Arc::new(session))))
    }

    /// Does `work` with the session, the GIL released; closing meanwhile only lets go of it.
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mathforge_sandbox::Session) -> Result<R, Error> + Send,
    ) -> PyResult<R> {
        let session = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        py.detach(|| session.ok_or(Error::Closed).and_then(|session| work(&session))).map_err(raised)
    }
}

/// How long a Ctrl-C may go unnoticed while a cell is waited for.
const UNHEARD: Duration = Duration::from_millis(50);

/// Stops one cell, before or while it runs.
#[pyclass(frozen, module = "mathforge._native")]
#[derive(Default)]
struct Stop(mathforge_sandbox::Stop);

#[pymethods]
impl Stop {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// As at its time limit: the session goes on.
    fn interrupt(&self) {
        self.0.interrupt();
    }

    /// At once: its session is not wanted any more.
    fn kill(&self) {
        self.0.kill();
    }
}

#[pymethods]
impl Session {
    #[pyo3(signature = (code, timeout_s=10.0, stop=None))]
    fn run(&self, py: Python<'_>, code: &str, timeout_s: f64, stop: Option<Py<Stop>>) -> PyResult<Outcome> {
        let timeout = Duration::try_from_secs_f64(timeout_s).map_err(|_| {
            PyValueError::new_err(format!("timeout_s must be a number of seconds, not {timeout_s}"))
        })?;
        let stop = stop.map_or_else(mathforge_sandbox::Stop::default, |stop| stop.get().0.clone());
        let look = |cell: RunningCell| (cell.wait_for(UNHEARD), cell);
        let (mut done, mut cell) = self.with(py, |session| session.start(code, timeout, &stop).map(look))?;
        while done.is_none() {
            if let Err(error) = py.check_signals() {
                stop.interrupt();
                // A moment, and then the session is free again. What the cell came to is for nobody any more.
                drop(py.detach(move || cell.wait()));
                return Err(error);
            }
            (done, cell) = py.detach(move || look(cell));
        }
        done.unwrap_or(Err(Error::Closed)).map(Outcome::from).map_err(raised)
    }

    #[pyo3(signature = (seed=None))]
    fn fork(&self, py: Python<'_>, seed: Option<u64>) -> PyResult<Self> {
        self.with(py, |session| {
            let fork = session.fork()?;
            seed.map_or(Ok(()), |seed| fork.reseed(seed))?;
            Ok(Self::of(fork))
        })
    }

    fn snapshot(&self, py: Python<'_>) -> PyResult<SavedState> {
        self.with(py, mathforge_sandbox::Session::snapshot).map(SavedState)
    }

    /// SHA-256 over memory and globals.
    fn state_hash(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, mathforge_sandbox::Session::state_hash)
    }

    fn close(&self, py: Python<'_>) {
        let session = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(session));
    }
}

/// A session's state at one moment.
#[pyclass(frozen, module = "mathforge._native")]
struct SavedState(mathforge_sandbox::SavedState);

#[pymethods]
impl SavedState {
    /// Bytes of memory that differ from the image.
    #[getter]
    fn memory_bytes(&self) -> usize {
        self.0.bytes()
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.save(&path)).map_err(raised)
    }
}

/// What came back from a cell.
#[pyclass(frozen, get_all, module = "mathforge._native")]
struct Outcome {
    status: &'static str,
    stdout: String,
    stderr: String,
    wall_s: f64,
    cpu_s: f64,
    truncated: bool,
    rolled_back: bool,
    state_lost: bool,
    dirty_pages: usize,
}

impl From<mathforge_sandbox::Outcome> for Outcome {
    fn from(outcome: mathforge_sandbox::Outcome) -> Self {
        Self {
            status: outcome.status.name(),
            stdout: outcome.stdout,
            stderr: outcome.stderr,
            wall_s: outcome.wall_s,
            cpu_s: outcome.cpu_s,
            truncated: outcome.truncated,
            rolled_back: outcome.rolled_back,
            state_lost: outcome.state_lost,
            dirty_pages: outcome.dirty_pages,
        }
    }
}

/// Builds an image in `out` from `staging`; `progress` is called with a stage's name and a fraction.
#[pyfunction]
fn build_sandbox_image(
    py: Python<'_>,
    staging: PathBuf,
    out: PathBuf,
    preload: Vec<String>,
    code_cache: PathBuf,
    progress: Py<PyAny>,
) -> PyResult<()> {
    let mut failure = None;
    let built = py.detach(|| {
        build_image(&staging, &out, &preload, Some(&code_cache), &mut |stage, done| {
            if failure.is_none() {
                failure = Python::attach(|py| progress.call1(py, (stage, done)).err());
            }
        })
    });
    match failure {
        // An exception of the callback, Ctrl-C among them, is what the caller wants to see.
        Some(error) => Err(error),
        None => built.map_err(raised),
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Sandbox>()?;
    module.add_class::<Session>()?;
    module.add_class::<SavedState>()?;
    module.add_class::<Outcome>()?;
    module.add_class::<Stop>()?;
    module.add_function(wrap_pyfunction!(build_sandbox_image, module)?)
}
