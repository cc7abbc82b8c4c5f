//! Columns and tables, to Python.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_schema::{DataType, Field, FieldRef, SchemaRef};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use pyo3_arrow::ffi::{ArrayIterator, to_array_pycapsules, to_schema_pycapsule, to_stream_pycapsule};

fn refused(error: &arrow_schema::ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// A column that polars, pyarrow and every library with the Arrow `PyCapsule` interface reads without a copy.
///
/// For example `polars.Series(column)` or `pyarrow.chunked_array(column)`.
#[pyclass(frozen, module = "mathforge.columns")]
pub struct Column {
    field: FieldRef,
    chunks: Vec<ArrayRef>,
}

impl Column {
    /// A column without a table around it.
    pub fn new(array: ArrayRef) -> Self {
        Self { field: Arc::new(Field::new("", array.data_type().clone(), true)), chunks: vec![array] }
    }

    /// A column of arrays of this type.
    pub fn of_chunks(data_type: DataType, chunks: Vec<ArrayRef>) -> Self {
        Self { field: Arc::new(Field::new("", data_type, true)), chunks }
    }

    fn data_type(&self) -> &DataType {
        self.field.data_type()
    }
}

#[pymethods]
impl Column {
    fn __len__(&self) -> usize {
        self.chunks.iter().map(Array::len).sum()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, &*self.field)?)
    }

    /// One array; the chunks, where there are several, are copied into it.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let chunks: Vec<&dyn Array> = self.chunks.iter().map(AsRef::as_ref).collect();
        let whole = match chunks[..] {
            [] => arrow_array::new_empty_array(self.data_type()),
            [_] => self.chunks[0].clone(),
            _ => arrow_select::concat::concat(&chunks).map_err(|error| refused(&error))?,
        };
        Ok(to_array_pycapsules(py, self.field.clone(), &whole, requested_schema)?)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let chunks: Vec<_> = self.chunks.iter().cloned().map(Ok).collect();
        let stream = ArrayIterator::new(chunks, self.field.clone());
        Ok(to_stream_pycapsule(py, Box::new(stream), requested_schema)?)
    }

    fn __repr__(&self) -> String {
        format!("<Column of {} {}>", self.__len__(), self.data_type())
    }
}

/// Columns of one length, which polars, pyarrow and every library with the Arrow `PyCapsule` interface read without a
/// copy: `polars.DataFrame(table)`, `pyarrow.table(table)`.
///
/// `table["name"]` is one `Column`, `column_names` lists them, `len(table)` is the number of rows.
#[pyclass(frozen, module = "mathforge.columns")]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    /// A table of named columns.
    pub fn new(columns: Vec<(&str, ArrayRef)>) -> PyResult<Self> {
        let batch = batch(columns).map_err(|error| refused(&error))?;
        Ok(Self { schema: batch.schema(), batches: vec![batch] })
    }

    /// A table of rows that were made in blocks; there is at least one block, and all have the same columns.
    pub fn of_batches(batches: Vec<RecordBatch>) -> PyResult<Self> {
        let first = batches.first().ok_or_else(|| PyValueError::new_err("a table without columns"))?;
        Ok(Self { schema: first.schema(), batches })
    }

    fn as_column(&self) -> Column {
        let chunks = self.batches.iter().map(|batch| Arc::new(StructArray::from(batch.clone())) as ArrayRef);
        Column::of_chunks(DataType::Struct(self.schema.fields().clone()), chunks.collect())
    }
}

/// One block of a table.
pub fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, arrow_schema::ArrowError> {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
}

#[pymethods]
impl Table {
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn __getitem__(&self, name: &str) -> PyResult<Column> {
        let index = self.schema.index_of(name).map_err(|_| PyKeyError::new_err(name.to_owned()))?;
        let field = Arc::new(self.schema.field(index).clone());
        Ok(Column { field, chunks: self.batches.iter().map(|batch| batch.column(index).clone()).collect() })
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema.as_ref())?)
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
        format!("<Table of {} rows: {}>", self.__len__(), self.column_names().join(", "))
    }
}
