//! Whole columns: texts to ids, ids to texts, and their lengths.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use std::sync::Arc;

use arrow_array::builder::{LargeListBuilder, UInt32Builder};
use arrow_array::{LargeStringArray, UInt64Array};
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
            let mut ids = Vec::new();
            let mut ends = Vec::with_capacity(block.len());
            for text in rows[block].iter().flatten() {
                encode_into(text, special_text(escape), &mut ids);
                ends.push(ids.len());
            }
            (ids, ends)
        });
        let mut lists = LargeListBuilder::new(UInt32Builder::new());
        let mut encoded = blocks.iter().flat_map(|(ids, ends)| {
            let starts = std::iter::once(0).chain(ends.iter().copied());
            starts.zip(ends).map(|(start, &end)| &ids[start..end])
        });
        for row in &rows {
            let ids = row.and_then(|_| encoded.next());
            lists.values().append_slice(ids.unwrap_or_default());
            lists.append(row.is_some());
        }
        lists.finish()
    });
    Column::new(Arc::new(lists))
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
