//! Whole columns: texts to ids, ids to texts, and their lengths.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use std::sync::Arc;

use arrow_array::{LargeListArray, LargeStringArray, UInt32Array, UInt64Array};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field};
use mathforge_core::blocks::in_blocks;
use mathforge_core::harmony::decode::decode;
use mathforge_core::harmony::encode::encode_into;
use pyo3::prelude::*;

use super::tokens::{special_text, unknown_token};
use crate::columns::{Column, IdLists, Texts};

#[pyfunction(name = "harmony_count_tokens")]
#[pyo3(signature = (texts, *, escape=false, threads=0))]
fn count_tokens(py: Python<'_>, texts: Texts, escape: bool, threads: usize) -> Column {
    let counts: UInt64Array = py.detach(|| {
        let rows = texts.rows();
        let blocks = in_blocks(rows.len(), threads, |block| {
            let mut ids = Vec::new();
            let mut count = |text: &str| {
                ids.clear();
                encode_into(text, special_text(escape), &mut ids);
                ids.len() as u64
            };
            rows[block].iter().map(|row| row.map(&mut count)).collect::<Vec<_>>()
        });
        blocks.into_iter().flatten().collect()
    });
    Column::new(Arc::new(counts))
}

#[pyfunction(name = "harmony_encode_batch")]
#[pyo3(signature = (texts, *, escape=false, threads=0))]
fn encode_batch(py: Python<'_>, texts: Texts, escape: bool, threads: usize) -> Column {
    let lists = py.detach(|| {
        let rows = texts.rows();
        let blocks = in_blocks(rows.len(), threads, |block| {
            // About four bytes are one token; growing would fault the same pages in again and again.
            let bytes: usize = rows[block.clone()].iter().flatten().map(|text| text.len()).sum();
            let mut ids = Vec::with_capacity(bytes / 3);
            let mut lengths = Vec::with_capacity(block.len());
            for row in &rows[block] {
                let before = ids.len();
                if let Some(text) = row {
                    encode_into(text, special_text(escape), &mut ids);
                }
                lengths.push(ids.len() - before);
            }
            (ids, lengths)
        });
        let lengths =
            OffsetBuffer::from_lengths(blocks.iter().flat_map(|(_, lengths)| lengths.iter().copied()));
        let present = rows.iter().map(Option::is_some).collect::<NullBuffer>();
        let ids = UInt32Array::new(joined(blocks.into_iter().map(|(ids, _)| ids).collect()).into(), None);
        let item = Arc::new(Field::new_list_field(DataType::UInt32, true));
        LargeListArray::new(
            item,
            lengths,
            Arc::new(ids),
            Some(present).filter(|nulls| nulls.null_count() > 0),
        )
    });
    Column::new(Arc::new(lists))
}

/// All blocks behind each other; a single one stays where it is.
fn joined(mut blocks: Vec<Vec<u32>>) -> Vec<u32> {
    if blocks.len() == 1 {
        return blocks.pop().unwrap_or_default();
    }
    blocks.concat()
}

#[pyfunction(name = "harmony_decode_batch")]
#[pyo3(signature = (ids, *, threads=0))]
fn decode_batch(py: Python<'_>, ids: IdLists, threads: usize) -> PyResult<Column> {
    let decoded = py.detach(|| {
        let rows = ids.rows();
        let blocks = in_blocks(rows.len(), threads, |block| {
            block
                .map(|row| rows[row].map(decode).transpose().map_err(|error| (row, error)))
                .collect::<Result<Vec<_>, _>>()
        });
        blocks.into_iter().collect::<Result<Vec<_>, _>>()
    });
    let blocks = decoded.map_err(|(row, error)| unknown_token(&format!("row {row}: {error}")))?;
    let texts: LargeStringArray = blocks.into_iter().flatten().collect();
    Ok(Column::new(Arc::new(texts)))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(count_tokens, module)?)?;
    module.add_function(wrap_pyfunction!(encode_batch, module)?)?;
    module.add_function(wrap_pyfunction!(decode_batch, module)?)
}
