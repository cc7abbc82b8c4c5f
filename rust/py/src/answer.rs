//! Bindings of the answer module.
// pyo3 hands arguments over as owned values.
#![allow(clippy::needless_pass_by_value)]

use mathforge_core::answer::compare::{Policy, Prepared};
use mathforge_core::answer::{VerdictKind, compare, extract, normalize, parse};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use std::borrow::Cow;

/// Whether two answers say the same, and by which rule.
#[pyclass(frozen, eq, hash, module = "mathforge._native")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Verdict {
    kind: VerdictKind,
    reason: Cow<'static, str>,
}

impl From<mathforge_core::answer::Verdict> for Verdict {
    fn from(verdict: mathforge_core::answer::Verdict) -> Self {
        Self { kind: verdict.kind, reason: Cow::Borrowed(verdict.reason.as_str()) }
    }
}

#[pymethods]
impl Verdict {
    #[new]
    fn new(verdict: &str, reason: String) -> PyResult<Self> {
        let kinds = [VerdictKind::Equal, VerdictKind::Different, VerdictKind::Undecided];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == verdict).ok_or_else(|| {
            PyValueError::new_err(format!("verdict must be equal, different or undecided, got {verdict:?}"))
        })?;
        Ok(Self { kind, reason: Cow::Owned(reason) })
    }

    #[getter]
    fn verdict(&self) -> &'static str {
        self.kind.as_str()
    }

    #[getter]
    fn reason(&self) -> &str {
        &self.reason
    }

    fn __repr__(&self) -> String {
        format!("Verdict({:?}, {:?})", self.kind.as_str(), self.reason)
    }

    fn __getnewargs__(&self) -> (&'static str, &str) {
        (self.kind.as_str(), &self.reason)
    }
}

#[pyfunction]
#[pyo3(signature = (text, *, phrases = false))]
fn extract_answer(text: &str, phrases: bool) -> Option<&str> {
    extract::extract(text, extract::Options { phrases })
}

#[pyfunction]
fn normalize_answer(text: &str) -> Cow<'_, str> {
    normalize::normalize(text)
}

#[pyfunction]
fn compare_answers(py: Python<'_>, gold: &str, answer: &str) -> Verdict {
    py.detach(|| compare(gold, answer)).into()
}

#[pyfunction]
fn compare_batch(
    py: Python<'_>,
    golds: Vec<PyBackedStr>,
    answers: Vec<PyBackedStr>,
) -> PyResult<Vec<Verdict>> {
    if golds.len() != answers.len() {
        let (golds, answers) = (golds.len(), answers.len());
        return Err(PyValueError::new_err(format!("got {golds} golds but {answers} answers")));
    }
    Ok(py.detach(|| {
        let compared = |(gold, answer): (&PyBackedStr, &PyBackedStr)| {
            Prepared::new(gold).compare(&Prepared::new(answer), Policy::default()).into()
        };
        golds.iter().zip(&answers).map(compared).collect()
    }))
}

#[pyfunction]
fn answer_tree(py: Python<'_>, text: &str) -> Option<String> {
    py.detach(|| parse::parse(&normalize::normalize(text)).ok().map(|parsed| parsed.tree.to_json()))
}

#[pyfunction]
fn answer_classes(py: Python<'_>, answers: Vec<Option<PyBackedStr>>) -> Vec<Option<usize>> {
    py.detach(|| {
        let answers: Vec<_> = answers.iter().map(|answer| answer.as_ref().map(|answer| &**answer)).collect();
        mathforge_core::metrics::classes(&answers)
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Verdict>()?;
    module.add_function(wrap_pyfunction!(extract_answer, module)?)?;
    module.add_function(wrap_pyfunction!(normalize_answer, module)?)?;
    module.add_function(wrap_pyfunction!(compare_answers, module)?)?;
    module.add_function(wrap_pyfunction!(compare_batch, module)?)?;
    module.add_function(wrap_pyfunction!(answer_tree, module)?)?;
    module.add_function(wrap_pyfunction!(answer_classes, module)?)?;
    Ok(())
}
