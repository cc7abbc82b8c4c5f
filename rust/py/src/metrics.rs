//! Bindings of the metrics module.
// pyo3 hands arguments over as owned values.
#![allow(clippy::needless_pass_by_value)]

use mathforge_core::metrics::{self, MetricError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

fn raised(error: MetricError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

#[pyfunction]
fn pass_at_k(n: u64, c: u64, k: u64) -> PyResult<f64> {
    metrics::pass_at_k(n, c, k).map_err(raised)
}

#[pyfunction]
fn majority_at_k(py: Python<'_>, counts: Vec<u64>, correct: Vec<f64>, n: u64, k: u64) -> PyResult<f64> {
    py.detach(|| metrics::majority_at_k(&counts, &correct, n, k)).map_err(raised)
}

#[pyfunction]
fn majority_curve(py: Python<'_>, counts: Vec<u64>, correct: Vec<f64>, n: u64) -> PyResult<Vec<f64>> {
    py.detach(|| metrics::majority_curve(&counts, &correct, n)).map_err(raised)
}

#[pyfunction]
fn pass_hat_k(n: u64, c: u64, k: u64) -> PyResult<f64> {
    metrics::pass_hat_k(n, c, k).map_err(raised)
}

#[pyfunction]
fn g_pass_at_k(n: u64, c: u64, k: u64, tau: f64) -> PyResult<f64> {
    metrics::g_pass_at_k(n, c, k, tau).map_err(raised)
}

#[pyfunction]
fn mg_pass_at_k(n: u64, c: u64, k: u64) -> PyResult<f64> {
    metrics::mg_pass_at_k(n, c, k).map_err(raised)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(pass_at_k, module)?)?;
    module.add_function(wrap_pyfunction!(pass_hat_k, module)?)?;
    module.add_function(wrap_pyfunction!(g_pass_at_k, module)?)?;
    module.add_function(wrap_pyfunction!(mg_pass_at_k, module)?)?;
    module.add_function(wrap_pyfunction!(majority_at_k, module)?)?;
    module.add_function(wrap_pyfunction!(majority_curve, module)?)?;
    Ok(())
}
