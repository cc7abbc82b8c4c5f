//! Columns of completions to columns of messages, and to what is in them.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use std::sync::Arc;

use arrow_array::builder::{LargeListBuilder, StringBuilder};
use arrow_array::{Array, ArrayRef, LargeListArray, LargeStringArray, RecordBatch, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, Field};
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

/// Messages of consecutive rows.
struct Block {
    messages: RecordBatch,
    /// Number of messages of each row; `None` for null.
    counts: Vec<Option<usize>>,
}

fn blocks_of(column: &Rows, machine: &Machine, content: bool, threads: usize) -> PyResult<Vec<Block>> {
    let blocks = match column {
        Rows::Ids(column) => tables(&column.rows(), threads, content, machine, MessageTable::push_ids),
        Rows::Texts(column) => {
            tables(&column.located_rows(), threads, content, machine, MessageTable::push_text)
        }
    };
    blocks.into_iter().collect::<Result<_, _>>().map_err(|error| PyValueError::new_err(error.to_string()))
}

fn tables<R: Copy + Sync>(
    rows: &[Option<R>],
    threads: usize,
    content: bool,
    machine: &Machine,
    push: impl Fn(&mut MessageTable, usize, R, &mut Machine) -> usize + Sync,
) -> Vec<Result<Block, ArrowError>> {
    in_blocks(rows.len(), threads, |block| {
        let (mut machine, mut table) = (machine.clone(), MessageTable::new(content));
        let counts = rows[block.clone()].iter().zip(block);
        let counts = counts.map(|(row, number)| Some(push(&mut table, number, (*row)?, &mut machine)));
        let counts = counts.collect();
        Ok(Block { messages: table.finish()?, counts })
    })
}

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
    let blocks = py.detach(|| blocks_of(&column, &machine, content, threads))?;
    Table::of_batches(blocks.into_iter().map(|block| block.messages).collect())
}

#[pyfunction(name = "harmony_message_lists")]
#[pyo3(signature = (column, *, role="assistant", tools=Vec::new(), content=true, threads=0))]
fn message_lists(
    py: Python<'_>,
    column: Rows,
    role: &str,
    tools: Vec<String>,
    content: bool,
    threads: usize,
) -> PyResult<Column> {
    let machine = Options { role: super::role(role)?, tools }.machine();
    let blocks = py.detach(|| blocks_of(&column, &machine, content, threads))?;
    let list = |mut block: Block| {
        block.messages.remove_column(0);
        let messages = StructArray::from(block.messages);
        let item = Arc::new(Field::new_list_field(messages.data_type().clone(), true));
        let lengths = OffsetBuffer::from_lengths(block.counts.iter().map(|count| count.unwrap_or(0)));
        let nulls: NullBuffer = block.counts.iter().map(Option::is_some).collect();
        Arc::new(LargeListArray::new(item, lengths, Arc::new(messages), Some(nulls))) as ArrayRef
    };
    let lists: Vec<ArrayRef> = blocks.into_iter().map(list).collect();
    Ok(Column::of_chunks(lists[0].data_type().clone(), lists))
}

#[pyfunction(name = "harmony_spans")]
#[pyo3(signature = (ids_or_text, *, role="assistant", tools=Vec::new()))]
fn spans(py: Python<'_>, ids_or_text: Input, role: &str, tools: Vec<String>) -> PyResult<Table> {
    let mut machine = Options { role: super::role(role)?, tools }.machine();
    let batch = py.detach(|| {
        let mut table = MessageTable::new(false);
        match &ids_or_text {
            Input::Ids(ids) => table.push_ids(0, ids, &mut machine),
            Input::Text(text) => table.push_text(0, LocatedText { text, buffer: None }, &mut machine),
        };
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
        let last_final = |window: Window<'_>, found: &[Found]| {
            found.iter().rev().find(is_final).map(|found| text_of(window, found))
        };
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
    module.add_function(wrap_pyfunction!(message_lists, module)?)?;
    module.add_function(wrap_pyfunction!(spans, module)?)?;
    module.add_function(wrap_pyfunction!(final_text, module)?)?;
    module.add_function(wrap_pyfunction!(python_calls, module)?)
}
