//! Zstandard for files that Python reads and writes whole.

use std::io::Read;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// The content of all frames.
#[pyfunction]
fn zstd_decompress<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let content = py.detach(|| -> Result<Vec<u8>, String> {
        let mut rest = data;
        let mut content = Vec::new();
        while !rest.is_empty() {
            let mut frame = StreamingDecoder::new(&mut rest).map_err(|error| error.to_string())?;
            frame.read_to_end(&mut content).map_err(|error| error.to_string())?;
        }
        Ok(content)
    });
    Ok(PyBytes::new(py, &content.map_err(PyValueError::new_err)?))
}

#[pyfunction]
fn zstd_compress<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    let packed = py.detach(|| compress_to_vec(data, CompressionLevel::Fastest));
    PyBytes::new(py, &packed)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(zstd_decompress, module)?)?;
    module.add_function(wrap_pyfunction!(zstd_compress, module)?)?;
    Ok(())
}
