//! Bindings of the sandbox: one class per noun of `mathforge_sandbox`, the GIL released while anything runs.
#![allow(clippy::needless_pass_by_value)] // arguments arrive owned from Python

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mathforge_sandbox::{Error, SandboxConfig, build_image};
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
    #[pyo3(signature = (prepared_dir, memory_mib=1024, max_output_chars=32_768))]
    fn new(
        py: Python<'_>,
        prepared_dir: PathBuf,
        memory_mib: usize,
        max_output_chars: usize,
    ) -> PyResult<Self> {
        let config =
            SandboxConfig { memory_mib, max_output_bytes: max_output_chars, ..SandboxConfig::default() };
        py.detach(|| mathforge_sandbox::Sandbox::open(&prepared_dir, config)).map(Self).map_err(raised)
    }

    #[pyo3(signature = (seed=None))]
    fn session(&self, py: Python<'_>, seed: Option<u64>) -> PyResult<Session> {
        let session = py.detach(|| self.0.session_with(seed)).map_err(raised)?;
        Ok(Session(Mutex::new(Some(session))))
    }
}

/// A live session; cells of one session run one after the other, whichever threads ask.
#[pyclass(frozen, module = "mathforge._native")]
struct Session(Mutex<Option<mathforge_sandbox::Session>>);

impl Session {
    fn lock(&self) -> MutexGuard<'_, Option<mathforge_sandbox::Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Session {
    #[pyo3(signature = (code, timeout_s=10.0))]
    fn run(&self, py: Python<'_>, code: &str, timeout_s: f64) -> PyResult<Outcome> {
        let timeout = Duration::try_from_secs_f64(timeout_s).map_err(|_| {
            PyValueError::new_err(format!("timeout_s must be a number of seconds, not {timeout_s}"))
        })?;
        let outcome = py.detach(|| match self.lock().as_mut() {
            Some(session) => session.run(code, timeout),
            None => Err(Error::Closed),
        });
        outcome.map(Outcome::from).map_err(raised)
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.lock().take()));
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
    state_lost: bool,
}

impl From<mathforge_sandbox::Outcome> for Outcome {
    fn from(outcome: mathforge_sandbox::Outcome) -> Self {
        let mathforge_sandbox::Outcome { status, stdout, stderr, wall_s, cpu_s, truncated, state_lost } =
            outcome;
        Self { status: status.name(), stdout, stderr, wall_s, cpu_s, truncated, state_lost }
    }
}

/// Builds an image in `out` from `staging`; `progress` is called with a stage's name and a fraction.
#[pyfunction]
fn build_sandbox_image(
    py: Python<'_>,
    staging: PathBuf,
    out: PathBuf,
    preload: Vec<String>,
    progress: Py<PyAny>,
) -> PyResult<()> {
    let mut failure = None;
    let built = py.detach(|| {
        build_image(&staging, &out, &preload, &mut |stage, done| {
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
    module.add_class::<Outcome>()?;
    module.add_function(wrap_pyfunction!(build_sandbox_image, module)?)
}
