//! Bindings of what a sandbox image is made from.

use mathforge_sandbox::MANIFEST;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// The pinned input files, as TOML.
#[pyfunction]
fn sandbox_manifest() -> &'static str {
    MANIFEST
}

/// Differs between builds and processors whose images are not interchangeable.
#[pyfunction]
fn sandbox_engine_key(py: Python<'_>) -> PyResult<String> {
    py.detach(mathforge_sandbox::engine_key).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sandbox_manifest, module)?)?;
    module.add_function(wrap_pyfunction!(sandbox_engine_key, module)?)
}
