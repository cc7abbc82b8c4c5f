//! Columns of text and of token ids, from Python.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, GenericListArray, LargeStringArray, OffsetSizeTrait};
use arrow_buffer::Buffer;
use arrow_cast::CastOptions;
use arrow_data::ByteView;
use arrow_schema::{DataType, Field};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyDict, PyString};
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

/// Bytes as text; what is not UTF-8 becomes U+FFFD, and then the column is copied.
fn text_of_bytes(chunk: &ArrayRef) -> PyResult<ArrayRef> {
    let as_text = match chunk.data_type() {
        DataType::Binary => DataType::Utf8,
        DataType::BinaryView => DataType::Utf8View,
        _ => DataType::LargeUtf8,
    };
    if let Ok(text) = cast(chunk, &as_text) {
        return Ok(text);
    }
    let bytes = cast(chunk, &DataType::LargeBinary)?;
    let lossy = |row: Option<&[u8]>| row.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Ok(Arc::new(bytes.as_binary::<i64>().iter().map(lossy).collect::<LargeStringArray>()))
}

/// A text, and the buffer of its column in which it lies.
#[derive(Clone, Copy)]
pub struct LocatedText<'a> {
    pub text: &'a str,
    /// `None` for a text so short that it lies nowhere else.
    pub buffer: Option<&'a Buffer>,
}

/// A column of text: string, `large_string`, `string_view` or a binary type, a dictionary of text, or a list of str and
/// None.
pub struct Texts(Vec<ArrayRef>);

impl Texts {
    /// Text arrays as they are, dictionaries and columns of nulls as plain ones; anything else is refused.
    pub fn from_chunks(chunks: Vec<ArrayRef>) -> PyResult<Self> {
        let plain = |chunk: ArrayRef| match chunk.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(chunk),
            DataType::Null => cast(&chunk, &DataType::Utf8),
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => text_of_bytes(&chunk),
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

    /// Its rows, with where they lie.
    pub fn located_rows(&self) -> Vec<Option<LocatedText<'_>>> {
        let buffers = self.0.iter().flat_map(|chunk| {
            (0..chunk.len()).map(|row| match chunk.data_type() {
                DataType::Utf8 => Some(chunk.as_string::<i32>().values()),
                DataType::LargeUtf8 => Some(chunk.as_string::<i64>().values()),
                _ => {
                    let view = ByteView::from(chunk.as_string_view().views()[row]);
                    let is_inline = view.length <= arrow_data::MAX_INLINE_VIEW_LEN;
                    let buffers = chunk.as_string_view().data_buffers();
                    if is_inline { None } else { buffers.get(view.buffer_index as usize) }
                }
            })
        });
        let located = |(text, buffer): (Option<_>, _)| text.map(|text| LocatedText { text, buffer });
        self.rows().into_iter().zip(buffers).map(located).collect()
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

/// A column of either kind.
pub enum Rows {
    Texts(Texts),
    Ids(IdLists),
}

impl<'py> FromPyObject<'_, 'py> for Rows {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Some(chunks) = arrow_chunks(&object)? {
            let holds_lists = |chunk: &ArrayRef| chunk.data_type().is_list();
            return if chunks.first().is_some_and(holds_lists) {
                IdLists::from_chunks(chunks).map(Self::Ids)
            } else {
                Texts::from_chunks(chunks).map(Self::Texts)
            };
        }
        if !is_sequence_of_rows(&object) {
            return Err(PyTypeError::new_err(
                "expected a column of text or of token ids: an Arrow array, or a list of str or of lists",
            ));
        }
        let first =
            object.try_iter()?.find(|row| row.as_ref().map_or(true, |row| !row.is_none())).transpose()?;
        if first.is_none_or(|row| row.is_instance_of::<PyString>()) {
            object.extract().map(Self::Texts)
        } else {
            object.extract().map(Self::Ids)
        }
    }
}
