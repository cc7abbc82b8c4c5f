//! Text to ids, and ids to text.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use mathforge_core::harmony::decode::{decode as core_decode, decode_bytes as core_decode_bytes};
use mathforge_core::harmony::encode::{SpecialText, encode as core_encode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::input::Ids;

pub(super) fn unknown_token(error: &impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

pub(super) fn special_text(escape: bool) -> SpecialText {
    if escape { SpecialText::Literal } else { SpecialText::Token }
}

#[pyfunction(name = "harmony_encode")]
#[pyo3(signature = (text, escape=false))]
fn encode(py: Python<'_>, text: &str, escape: bool) -> Vec<u32> {
    py.detach(|| core_encode(text, special_text(escape)))
}

#[pyfunction(name = "harmony_decode")]
fn decode(py: Python<'_>, ids: Ids) -> PyResult<String> {
    py.detach(|| core_decode(&ids.0)).map_err(|error| unknown_token(&error))
}

#[pyfunction(name = "harmony_decode_bytes")]
fn decode_bytes(py: Python<'_>, ids: Ids) -> PyResult<Bound<'_, PyBytes>> {
    let bytes = py.detach(|| core_decode_bytes(&ids.0)).map_err(|error| unknown_token(&error))?;
    Ok(PyBytes::new(py, &bytes))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(encode, module)?)?;
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    module.add_function(wrap_pyfunction!(decode_bytes, module)?)
}
