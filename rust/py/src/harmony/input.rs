//! What the functions read: token ids and text.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyList, PyString};

/// Token ids from a list, any other sequence, `array('I')` or a numpy array.
pub struct Ids(pub Vec<u32>);

impl<'a, 'py> FromPyObject<'a, 'py> for Ids {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if !object.is_instance_of::<PyList>() {
            if let Ok(buffer) = PyBuffer::<u32>::get(&object) {
                return buffer.to_vec(object.py()).map(Self);
            }
            if let Ok(buffer) = PyBuffer::<i64>::get(&object) {
                let wide = buffer.to_vec(object.py())?;
                let narrow: Result<Vec<u32>, _> = wide.into_iter().map(u32::try_from).collect();
                return narrow
                    .map(Self)
                    .map_err(|_| PyValueError::new_err("token ids are between 0 and 201087"));
            }
        }
        if object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err(
                "expected token ids: a sequence of int, array('I') or a numpy array",
            ));
        }
        object.extract().map(Self)
    }
}

/// What `parse` and `push` read.
pub enum Input {
    Ids(Vec<u32>),
    Text(PyBackedStr),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Input {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Self::Text(text.to_owned().try_into()?));
        }
        object.extract::<Ids>().map(|Ids(ids)| Self::Ids(ids))
    }
}
