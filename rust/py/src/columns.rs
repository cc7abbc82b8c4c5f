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

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{
    Array, ArrayRef, GenericListArray, LargeStringArray, OffsetSizeTrait, RecordBatch, StructArray,
};
use arrow_cast::CastOptions;
use arrow_schema::{DataType, Field, FieldRef};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyString, PyTuple};
use pyo3_arrow::ffi::{ArrayIterator, to_array_pycapsules, to_schema_pycapsule, to_stream_pycapsule};
use pyo3_arrow::input::AnyArray;

/// The chunks of whatever speaks Arrow; `None` when the object does not.
pub fn arrow_chunks(object: &Bound<'_, PyAny>) -> PyResult<Option<Vec<ArrayRef>>> {
    if !object.hasattr("__arrow_c_array__")? && !object.hasattr("__arrow_c_stream__")? {
        return Ok(None);
    }
    let chunked = object.extract::<AnyArray>()?.into_chunked_array()?;
    Ok(Some(chunked.into_inner().0))
}

fn cast(array: &ArrayRef, to: &DataType) -> PyResult<ArrayRef> {
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    arrow_cast::cast_with_options(array, to, &strictly)
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

fn is_sequence_of_rows(object: &Bound<'_, PyAny>) -> bool {
    !object.is_instance_of::<PyString>()
        && !object.is_instance_of::<PyBytes>()
        && !object.is_instance_of::<PyDict>()
}

/// A column of text: string, `large_string` or `string_view`, a dictionary of them, or a list of str and None.
pub struct Texts(Vec<ArrayRef>);

impl Texts {
    /// Text arrays as they are, dictionaries and columns of nulls as plain ones; anything else is refused.
    pub fn from_chunks(chunks: Vec<ArrayRef>) -> PyResult<Self> {
        let plain = |chunk: ArrayRef| match chunk.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(chunk),
            DataType::Null => cast(&chunk, &DataType::Utf8),
            DataType::Dictionary(_, values) if values.is_string() => cast(&chunk, &DataType::LargeUtf8),
            other => Err(PyTypeError::new_err(format!("expected a column of text, not of {other}"))),
        };
        chunks.into_iter().map(plain).collect::<PyResult<_>>().map(Self)
    }

    /// Its rows.
    pub fn rows(&self) -> Vec<Option<&str>> {
        let mut rows = Vec::with_capacity(self.0.iter().map(Array::len).sum());
        for chunk in &self.0 {
            match chunk.data_type() {
                DataType::Utf8 => rows.extend(chunk.as_string::<i32>()),
                DataType::LargeUtf8 => rows.extend(chunk.as_string::<i64>()),
                _ => rows.extend(chunk.as_string_view()),
            }
        }
        rows
    }
}

impl<'py> FromPyObject<'_, 'py> for Texts {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Some(chunks) = arrow_chunks(&object)? {
            return Self::from_chunks(chunks);
        }
        if !is_sequence_of_rows(&object) {
            return Err(PyTypeError::new_err("expected a column of text: an Arrow array or a list of str"));
        }
        let texts: Vec<Option<PyBackedStr>> = object.extract()?;
        Ok(Self(vec![Arc::new(texts.into_iter().collect::<LargeStringArray>())]))
    }
}

/// A column of token ids: list or `large_list` of an integer type, or a list of lists and None.
pub struct IdLists(Vec<ArrayRef>);

impl IdLists {
    /// Lists of unsigned 32-bit integers as they are, those of other integers converted; anything else is refused.
    pub fn from_chunks(chunks: Vec<ArrayRef>) -> PyResult<Self> {
        let item = || Arc::new(Field::new_list_field(DataType::UInt32, true));
        let plain = |chunk: ArrayRef| {
            let wanted = match chunk.data_type() {
                DataType::List(field) if field.data_type().is_integer() => DataType::List(item()),
                DataType::LargeList(field) if field.data_type().is_integer() => DataType::LargeList(item()),
                DataType::Null => DataType::List(item()),
                other => {
                    return Err(PyTypeError::new_err(format!(
                        "expected a column of token ids, not of {other}"
                    )));
                }
            };
            let ids = if *chunk.data_type() == wanted { chunk } else { cast(&chunk, &wanted)? };
            let nulls = match ids.data_type() {
                DataType::List(_) => ids.as_list::<i32>().values().null_count(),
                _ => ids.as_list::<i64>().values().null_count(),
            };
            (nulls == 0).then_some(ids).ok_or_else(|| PyValueError::new_err("token ids are never null"))
        };
        chunks.into_iter().map(plain).collect::<PyResult<_>>().map(Self)
    }

    /// Its rows.
    pub fn rows(&self) -> Vec<Option<&[u32]>> {
        let mut rows = Vec::with_capacity(self.0.iter().map(Array::len).sum());
        for chunk in &self.0 {
            match chunk.data_type() {
                DataType::List(_) => push_lists(chunk.as_list::<i32>(), &mut rows),
                _ => push_lists(chunk.as_list::<i64>(), &mut rows),
            }
        }
        rows
    }
}

fn push_lists<'a, O: OffsetSizeTrait>(lists: &'a GenericListArray<O>, rows: &mut Vec<Option<&'a [u32]>>) {
    let ids: &[u32] = lists.values().as_primitive::<UInt32Type>().values();
    rows.extend(
        lists.offsets().windows(2).enumerate().map(|(row, bounds)| {
            lists.is_valid(row).then(|| &ids[bounds[0].as_usize()..bounds[1].as_usize()])
        }),
    );
}

impl<'py> FromPyObject<'_, 'py> for IdLists {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Some(chunks) = arrow_chunks(&object)? {
            return Self::from_chunks(chunks);
        }
        if !is_sequence_of_rows(&object) {
            return Err(PyTypeError::new_err(
                "expected a column of token ids: an Arrow array or a list of lists",
            ));
        }
        let rows: Vec<Option<crate::harmony::input::Ids>> = object.extract()?;
        let mut lists =
            arrow_array::builder::LargeListBuilder::new(arrow_array::builder::UInt32Builder::new());
        for row in rows {
            if let Some(ids) = &row {
                lists.values().append_slice(&ids.0);
            }
            lists.append(row.is_some());
        }
        Ok(Self(vec![Arc::new(lists.finish())]))
    }
}

/// A column that polars, pyarrow and every library with the Arrow `PyCapsule` interface reads without a copy.
///
/// For example `polars.Series(column)` or `pyarrow.array(column)`.
#[pyclass(frozen, module = "mathforge.columns")]
pub struct Column {
    field: FieldRef,
    array: ArrayRef,
}

impl Column {
    /// A column without a table around it.
    pub fn new(array: ArrayRef) -> Self {
        Self { field: Arc::new(Field::new("", array.data_type().clone(), true)), array }
    }
}

#[pymethods]
impl Column {
    fn __len__(&self) -> usize {
        self.array.len()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, &*self.field)?)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        Ok(to_array_pycapsules(py, self.field.clone(), &self.array, requested_schema)?)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let one = ArrayIterator::new(vec![Ok(self.array.clone())], self.field.clone());
        Ok(to_stream_pycapsule(py, Box::new(one), requested_schema)?)
    }

    fn __repr__(&self) -> String {
        format!("<Column of {} {}>", self.array.len(), self.array.data_type())
    }
}

/// Columns of one length, which polars, pyarrow and every library with the Arrow `PyCapsule` interface read without a
/// copy: `polars.DataFrame(table)`, `pyarrow.table(table)`.
///
/// `table["name"]` is one `Column`, `column_names` lists them, `len(table)` is the number of rows.
#[pyclass(frozen, module = "mathforge.columns")]
pub struct Table(RecordBatch);

impl Table {
    /// A table of named columns.
    pub fn new(columns: Vec<(&str, ArrayRef)>) -> PyResult<Self> {
        let nullable = columns.into_iter().map(|(name, array)| (name, array, true));
        RecordBatch::try_from_iter_with_nullable(nullable)
            .map(Self)
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn as_column(&self) -> Column {
        Column::new(Arc::new(StructArray::from(self.0.clone())))
    }
}

#[pymethods]
impl Table {
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.0.schema_ref().fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __getitem__(&self, name: &str) -> PyResult<Column> {
        let index = self.0.schema_ref().index_of(name).map_err(|_| PyKeyError::new_err(name.to_owned()))?;
        let field = Arc::new(self.0.schema_ref().field(index).clone());
        Ok(Column { field, array: self.0.column(index).clone() })
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.0.schema_ref().as_ref())?)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        self.as_column().__arrow_c_array__(py, requested_schema)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        self.as_column().__arrow_c_stream__(py, requested_schema)
    }

    /// The same columns as a `polars.DataFrame`.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("polars")?.getattr("DataFrame")?.call1((slf,))
    }

    fn __repr__(&self) -> String {
        format!("<Table of {} rows: {}>", self.0.num_rows(), self.column_names().join(", "))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Column>()?;
    module.add_class::<Table>()
}
