//! Columns in and out of Python, through the Arrow `PyCapsule` interface.
//!
//! In: name [`Texts`] (or [`IdLists`]) as the type of a function's argument. It takes whatever has `__arrow_c_array__`
//! or `__arrow_c_stream__` (a polars Series, a pyarrow Array or `ChunkedArray`, ...) without a copy, and lists. Its
//! `rows()` borrow from the input, null is `None`, and they may be read without the GIL:
//!
//! ```ignore
//! #[pyfunction]
//! fn lengths(py: Python<'_>, column: Texts) -> PyResult<Table> {
//!     let lengths: UInt64Array = py.detach(|| column.rows().iter().map(|row| row.map(|text| text.len() as u64)).collect());
//!     Table::new(vec![("length", Arc::new(lengths))])
//! }
//! ```
//!
//! Out: a [`Table`] or a [`Column`], which polars, pyarrow and every other Arrow library read without a copy.

use pyo3::prelude::*;

mod read;
mod write;

pub use read::{IdLists, LocatedText, Rows, Texts, arrow_chunks};
pub use write::{Column, Table, batch};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Column>()?;
    module.add_class::<Table>()
}
