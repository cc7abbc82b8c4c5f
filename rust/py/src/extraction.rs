//! Bindings of the answer module: extraction.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use std::sync::Arc;

use arrow_array::LargeStringArray;
use mathforge_core::answer::extract;
use mathforge_core::blocks::in_blocks;
use pyo3::prelude::*;

use crate::answer::{Text, TextColumn};
use crate::columns::Column;

/// Where to look for an answer besides complete boxes.
///
/// `unclosed_box`: a box that never closes counts up to the end of its formula or line, where no box is complete.
/// `join_boxes`: boxes with nothing but commas and "and" between them are one list. `phrases`: `the answer is ...`,
/// `Answer: ...`, `#### ...`. `letters`: a last line that names an option and nothing else. `last_number`: the last
/// number of the text, if nothing else was found.
#[pyclass(frozen, eq, hash, get_all, module = "mathforge.grading", from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct ExtractOptions {
    unclosed_box: bool,
    join_boxes: bool,
    phrases: bool,
    letters: bool,
    last_number: bool,
}

#[pymethods]
impl ExtractOptions {
    #[new]
    #[pyo3(signature = (*, unclosed_box = true, join_boxes = false, phrases = true, letters = true, last_number = false))]
    #[expect(clippy::fn_params_excessive_bools, reason = "named in Python")]
    fn new(unclosed_box: bool, join_boxes: bool, phrases: bool, letters: bool, last_number: bool) -> Self {
        Self { unclosed_box, join_boxes, phrases, letters, last_number }
    }

    /// Complete boxes only, as evaluations that ask for a box count them.
    #[staticmethod]
    fn boxes() -> Self {
        Self::new(false, false, false, false, false)
    }

    fn __repr__(&self) -> String {
        let name = |on: bool| if on { "True" } else { "False" };
        format!(
            "ExtractOptions(unclosed_box={}, join_boxes={}, phrases={}, letters={}, last_number={})",
            name(self.unclosed_box),
            name(self.join_boxes),
            name(self.phrases),
            name(self.letters),
            name(self.last_number)
        )
    }
}

fn core_options(options: Option<ExtractOptions>) -> extract::ExtractOptions {
    let Some(given) = options else { return extract::ExtractOptions::default() };
    extract::ExtractOptions {
        unclosed_box: given.unclosed_box,
        join_boxes: given.join_boxes,
        phrases: given.phrases,
        letters: given.letters,
        last_number: given.last_number,
    }
}

/// An answer, the rule that found it and where it stood.
///
/// `rule` is `box`, `joined_boxes`, `unclosed_box`, `phrase`, `letter` or `last_number`; `place` is `final`, `prose` or
/// `call`.
#[pyclass(frozen, eq, module = "mathforge.grading")]
#[derive(Clone, PartialEq, Eq)]
pub struct Extraction {
    #[pyo3(get)]
    answer: String,
    rule: extract::Rule,
    place: extract::Place,
}

#[pymethods]
impl Extraction {
    #[getter]
    fn rule(&self) -> &'static str {
        self.rule.as_str()
    }

    #[getter]
    fn place(&self) -> &'static str {
        self.place.as_str()
    }

    fn __repr__(&self) -> String {
        format!("Extraction({:?}, rule={:?}, place={:?})", self.answer, self.rule(), self.place())
    }
}

#[pyfunction]
#[pyo3(signature = (text, options = None))]
fn extract_answer(text: Text, options: Option<ExtractOptions>) -> Option<String> {
    extract::extract(&text, core_options(options)).map(|found| found.answer.into_owned())
}

#[pyfunction]
#[pyo3(signature = (text, options = None))]
fn find_answer(text: Text, options: Option<ExtractOptions>) -> Option<Extraction> {
    extract::extract(&text, core_options(options)).map(|found| Extraction {
        answer: found.answer.into_owned(),
        rule: found.rule,
        place: found.place,
    })
}

#[pyfunction]
#[pyo3(signature = (texts, options = None, *, threads = 0))]
fn extract_batch(
    py: Python<'_>,
    texts: TextColumn,
    options: Option<ExtractOptions>,
    threads: usize,
) -> PyResult<Bound<'_, PyAny>> {
    let options = core_options(options);
    let answers = py.detach(|| {
        let rows = texts.rows();
        let answer = |row: usize| Some(extract::extract(rows[row]?, options)?.answer.into_owned());
        in_blocks(rows.len(), threads, |block| block.map(answer).collect::<Vec<_>>()).concat()
    });
    if texts.is_arrow() {
        let column: LargeStringArray = answers.into_iter().collect();
        return Ok(Bound::new(py, Column::new(Arc::new(column)))?.into_any());
    }
    answers.into_pyobject(py)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ExtractOptions>()?;
    module.add_class::<Extraction>()?;
    module.add_function(wrap_pyfunction!(extract_answer, module)?)?;
    module.add_function(wrap_pyfunction!(find_answer, module)?)?;
    module.add_function(wrap_pyfunction!(extract_batch, module)?)?;
    Ok(())
}
