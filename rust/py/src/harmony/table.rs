//! Columns of completions to columns of messages, and to what is in them.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{LargeListBuilder, StringBuilder};
use arrow_array::{Array, ArrayRef, LargeStringArray};
use mathforge_core::blocks::in_blocks;
use mathforge_core::harmony::decode::lossy_text;
use mathforge_core::harmony::found::Found;
use mathforge_core::harmony::input::{Units, Window};
use mathforge_core::harmony::machine::Machine;
use mathforge_core::harmony::parser::{Options, find_in_ids, find_in_text};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::input::Input;
use super::message_table::MessageTable;
use crate::columns::{Column, LocatedText, Rows, Table};

#[pyfunction(name = "harmony_parse_batch")]
#[pyo3(signature = (column, *, role="assistant", tools=Vec::new(), content=true, threads=0))]
fn parse_batch(
    py: Python<'_>,
    column: Rows,
    role: &str,
    tools: Vec<String>,
    content: bool,
    threads: usize,
) -> PyResult<Table> {
    let machine = Options { role: super::role(role)?, tools }.machine();
    let batches: Result<Vec<_>, _> = py.detach(|| match &column {
        Rows::Ids(column) => {
            let rows = column.rows();
            let blocks = in_blocks(rows.len(), threads, |block| {
                let (mut machine, mut table) = (machine.clone(), MessageTable::new(content));
                for (row, ids) in present(&rows, block) {
                    table.push_ids(row, ids, find_in_ids(ids, &mut machine));
                }
                table.finish()
            });
            blocks.into_iter().collect()
        }
        Rows::Texts(column) => {
            let rows = column.located_rows();
            let blocks = in_blocks(rows.len(), threads, |block| {
                let (mut machine, mut table) = (machine.clone(), MessageTable::new(content));
                for (row, located) in present(&rows, block) {
                    table.push_text(row, located, find_in_text(located.text.as_bytes(), &mut machine));
                }
                table.finish()
            });
            blocks.into_iter().collect()
        }
    });
    Table::of_batches(batches.map_err(|error| PyValueError::new_err(error.to_string()))?)
}

/// The rows of a block that are not null.
fn present<T: Copy>(rows: &[Option<T>], block: Range<usize>) -> impl Iterator<Item = (usize, T)> {
    rows[block.clone()].iter().zip(block).filter_map(|(row, number)| Some((number, (*row)?)))
}

#[pyfunction(name = "harmony_spans")]
#[pyo3(signature = (ids_or_text, *, role="assistant", tools=Vec::new()))]
fn spans(py: Python<'_>, ids_or_text: Input, role: &str, tools: Vec<String>) -> PyResult<Table> {
    let mut machine = Options { role: super::role(role)?, tools }.machine();
    let batch = py.detach(|| {
        let mut table = MessageTable::new(false);
        match &ids_or_text {
            Input::Ids(ids) => table.push_ids(0, ids, find_in_ids(ids, &mut machine)),
            Input::Text(text) => {
                let found = find_in_text(text.as_bytes(), &mut machine);
                table.push_text(0, LocatedText { text, buffer: None }, found);
            }
        }
        table.finish()
    });
    Table::of_batches(vec![batch.map_err(|error| PyValueError::new_err(error.to_string()))?])
}

/// What `pick` makes of the messages of every row.
fn of_every_row<T: Send>(
    column: &Rows,
    threads: usize,
    pick: impl Fn(Window<'_>, &[Found]) -> T + Sync,
) -> Vec<Option<T>> {
    let machine = Options::default().machine();
    let blocks = match column {
        Rows::Ids(column) => {
            let rows = column.rows();
            of_rows(&rows, threads, &machine, |ids, machine| {
                pick(Window::whole(Units::Ids(ids)), &find_in_ids(ids, machine))
            })
        }
        Rows::Texts(column) => {
            let rows = column.rows();
            of_rows(&rows, threads, &machine, |text, machine| {
                let text = text.as_bytes();
                pick(Window::whole(Units::Text(text)), &find_in_text(text, machine))
            })
        }
    };
    blocks.into_iter().flatten().collect()
}

fn of_rows<R: Copy + Sync, T: Send>(
    rows: &[Option<R>],
    threads: usize,
    machine: &Machine,
    pick: impl Fn(R, &mut Machine) -> T + Sync,
) -> Vec<Vec<Option<T>>> {
    in_blocks(rows.len(), threads, |block| {
        let mut machine = machine.clone();
        rows[block].iter().map(|row| row.map(|row| pick(row, &mut machine))).collect()
    })
}

fn text_of(window: Window<'_>, found: &Found) -> String {
    lossy_text(window.content(found))
}

#[pyfunction(name = "harmony_final_text")]
#[pyo3(signature = (column, *, threads=0))]
fn final_text(py: Python<'_>, column: Rows, threads: usize) -> Column {
    let texts = py.detach(|| {
        let is_final = |found: &&Found| found.heading.channel.as_deref() == Some("final");
        let last_final =
            |window: Window<'_>, found: &[Found]| found.iter().rev().find(is_final).map(|found| text_of(window, found));
        of_every_row(&column, threads, last_final)
    });
    Column::new(Arc::new(texts.into_iter().map(Option::flatten).collect::<LargeStringArray>()))
}

#[pyfunction(name = "harmony_python_calls")]
#[pyo3(signature = (column, *, threads=0))]
fn python_calls(py: Python<'_>, column: Rows, threads: usize) -> Column {
    let calls = py.detach(|| {
        let codes = |window: Window<'_>, found: &[Found]| -> Vec<String> {
            let is_call = |found: &&Found| window.call(found).0.as_deref() == Some("python");
            found.iter().filter(is_call).map(|found| text_of(window, found)).collect()
        };
        let mut lists = LargeListBuilder::new(StringBuilder::new());
        for row in of_every_row(&column, threads, codes) {
            let is_there = row.is_some();
            row.into_iter().flatten().for_each(|code| lists.values().append_value(code));
            lists.append(is_there);
        }
        Arc::new(lists.finish()) as ArrayRef
    });
    Column::of_chunks(calls.data_type().clone(), vec![calls])
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parse_batch, module)?)?;
    module.add_function(wrap_pyfunction!(spans, module)?)?;
    module.add_function(wrap_pyfunction!(final_text, module)?)?;
    module.add_function(wrap_pyfunction!(python_calls, module)?)
}
