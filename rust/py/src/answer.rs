//! Bindings of the answer module: comparison.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{ArrayRef, DictionaryArray, UInt32Array};
use arrow_schema::DataType;
use mathforge_core::answer::batch::compare_pairs;
use mathforge_core::answer::compare::{LogBase, Policy as CorePolicy, Prepared, explain};
use mathforge_core::answer::{Reason, Verdict as CoreVerdict, VerdictKind, normalize, parse};
use mathforge_core::metrics::{classes_of_groups, classes_under};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::columns::{Column, Table, Texts, arrow_chunks};

/// Text as Python has it. Lone surrogates, which JSON files may hold, become replacement characters.
pub enum Text {
    AsIs(PyBackedStr),
    Repaired(String),
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::AsIs(text) => text,
            Self::Repaired(text) => text,
        }
    }
}

impl FromPyObject<'_, '_> for Text {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let text = object.cast::<PyString>()?;
        Ok(PyBackedStr::try_from(text.to_owned())
            .map_or_else(|_| Self::Repaired(text.to_string_lossy().into_owned()), Self::AsIs))
    }
}

/// A column of text: Arrow, read in place, or a list.
pub enum TextColumn {
    Arrow(Texts),
    List(Vec<Option<Text>>),
}

impl TextColumn {
    /// Its rows.
    pub fn rows(&self) -> Vec<Option<&str>> {
        match self {
            Self::Arrow(texts) => texts.rows(),
            Self::List(texts) => texts.iter().map(Option::as_deref).collect(),
        }
    }

    /// Whether results are given as Arrow too.
    pub fn is_arrow(&self) -> bool {
        matches!(self, Self::Arrow(_))
    }
}

impl<'py> FromPyObject<'_, 'py> for TextColumn {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
            return object.extract().map(Self::List);
        }
        object.extract().map(Self::Arrow)
    }
}

/// Whether two answers say the same, and by which rule.
#[pyclass(frozen, eq, hash, module = "mathforge._native")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Verdict {
    kind: VerdictKind,
    reason: Cow<'static, str>,
}

impl From<CoreVerdict> for Verdict {
    fn from(verdict: CoreVerdict) -> Self {
        Self { kind: verdict.kind, reason: Cow::Borrowed(verdict.reason.as_str()) }
    }
}

const KINDS: [VerdictKind; 3] = [VerdictKind::Equal, VerdictKind::Different, VerdictKind::Undecided];

/// The one Python object of each verdict that the core gives: batches hold millions of them.
fn shared(py: Python<'_>, verdict: CoreVerdict) -> PyResult<Py<Verdict>> {
    static ALL: PyOnceLock<Vec<Py<Verdict>>> = PyOnceLock::new();
    let all = ALL.get_or_try_init(py, || {
        let verdicts = Reason::ALL
            .iter()
            .flat_map(|reason| KINDS.map(|kind| Verdict::from(CoreVerdict { kind, reason: *reason })));
        verdicts.map(|verdict| Py::new(py, verdict)).collect::<PyResult<Vec<_>>>()
    })?;
    Ok(all[verdict.reason as usize * KINDS.len() + verdict.kind as usize].clone_ref(py))
}

#[pymethods]
impl Verdict {
    #[new]
    fn new(verdict: &str, reason: String) -> PyResult<Self> {
        let kind = KINDS.into_iter().find(|kind| kind.as_str() == verdict).ok_or_else(|| {
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

/// The conventions of a comparison as the core has them; `mathforge.grading.Options` describes each.
#[pyclass(frozen, eq, hash, module = "mathforge._native")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy(CorePolicy);

/// Every field that is on or off, for reading and for setting by name.
macro_rules! flags {
    ($($field:ident),* $(,)?) => {
        fn set_flag(policy: &mut CorePolicy, name: &str, on: bool) -> bool {
            match name {
                $(stringify!($field) => policy.$field = on,)*
                _ => return false,
            }
            true
        }

        fn flags(policy: &CorePolicy) -> Vec<(&'static str, bool)> {
            vec![$((stringify!($field), policy.$field)),*]
        }
    };
}

flags!(
    percent_bare,
    base_bare,
    base_by_value,
    decimal_comma,
    thousands,
    unit_bare,
    unit_conversion,
    degrees_as_radians,
    brackets_matter,
    tuple_bare,
    list_ordered,
    set_repeats,
    reversed_brackets,
    interval_as_inequality,
    name_bare,
    common_domain,
    imaginary_i,
    option_letters,
    no_solution_words,
    words_folded,
    ratio_as_fraction,
    half_day_bare,
    repair,
);

const NEVER_ROUNDED: usize = usize::MAX;

#[pymethods]
impl Policy {
    #[new]
    #[pyo3(signature = (**fields))]
    fn new(fields: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut policy = CorePolicy::default();
        for (name, value) in fields.into_iter().flatten() {
            let name: String = name.extract()?;
            match name.as_str() {
                "rounded_from" => {
                    policy.rounded_from = value.extract::<Option<usize>>()?.unwrap_or(NEVER_ROUNDED);
                }
                "log_base" => policy.log_base = log_base(&value.extract::<String>()?)?,
                flag if set_flag(&mut policy, flag, value.extract()?) => {}
                _ => return Err(PyTypeError::new_err(format!("no such policy: {name:?}"))),
            }
        }
        Ok(Self(policy))
    }

    /// Every field by name.
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        let from = self.0.rounded_from;
        all.set_item("rounded_from", (from != NEVER_ROUNDED).then_some(from))?;
        all.set_item(
            "log_base",
            match self.0.log_base {
                LogBase::Natural => "natural",
                LogBase::Ten => "ten",
            },
        )?;
        for (name, on) in flags(&self.0) {
            all.set_item(name, on)?;
        }
        Ok(all)
    }
}

fn log_base(name: &str) -> PyResult<LogBase> {
    match name {
        "natural" => Ok(LogBase::Natural),
        "ten" => Ok(LogBase::Ten),
        _ => Err(PyValueError::new_err(format!("log_base must be natural or ten, got {name:?}"))),
    }
}

/// What `options=` takes: an object whose attribute `policy` is a [`Policy`].
pub struct Conventions(pub CorePolicy);

impl FromPyObject<'_, '_> for Conventions {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let policy = object
            .getattr(pyo3::intern!(object.py(), "policy"))
            .map_err(|_| PyTypeError::new_err("options must be a mathforge.grading.Options"))?;
        Ok(Self(policy.cast::<Policy>()?.get().0))
    }
}

fn policy_of(options: Option<Conventions>) -> CorePolicy {
    options.map_or_else(CorePolicy::default, |options| options.0)
}

#[pyfunction]
fn normalize_answer(text: Text) -> String {
    normalize::normalize(&text).into_owned()
}

#[pyfunction]
#[pyo3(signature = (gold, answer, options = None))]
fn compare_answers(
    py: Python<'_>,
    gold: Text,
    answer: Text,
    options: Option<Conventions>,
) -> PyResult<Py<Verdict>> {
    let policy = policy_of(options);
    let verdict =
        py.detach(|| Prepared::under(&gold, policy).compare(&Prepared::under(&answer, policy), policy));
    shared(py, verdict)
}

/// Stage and detail of each step.
type Steps = Vec<(&'static str, String)>;

#[pyfunction]
#[pyo3(signature = (gold, answer, options = None))]
fn explain_answers(
    py: Python<'_>,
    gold: Text,
    answer: Text,
    options: Option<Conventions>,
) -> PyResult<(Py<Verdict>, Steps)> {
    let policy = policy_of(options);
    let explanation = py.detach(|| explain(&gold, &answer, policy));
    let steps = explanation.steps.into_iter().map(|step| (step.stage, step.detail)).collect();
    Ok((shared(py, explanation.verdict)?, steps))
}

#[pyfunction]
#[pyo3(signature = (golds, answers, options = None, *, threads = 0))]
fn compare_batch(
    py: Python<'_>,
    golds: TextColumn,
    answers: TextColumn,
    options: Option<Conventions>,
    threads: usize,
) -> PyResult<Bound<'_, PyAny>> {
    let policy = policy_of(options);
    let verdicts = py.detach(|| {
        let (golds, answers) = (golds.rows(), answers.rows());
        if golds.len() != answers.len() {
            return Err(format!("got {} golds but {} answers", golds.len(), answers.len()));
        }
        Ok(compare_pairs(&golds, &answers, policy, threads))
    });
    let verdicts = verdicts.map_err(PyValueError::new_err)?;
    if golds.is_arrow() || answers.is_arrow() {
        return Ok(Bound::new(py, table(&verdicts)?)?.into_any());
    }
    let list: Vec<_> = verdicts.into_iter().map(|verdict| shared(py, verdict)).collect::<PyResult<_>>()?;
    list.into_pyobject(py)
}

/// Columns `verdict` and `reason`, each distinct word stored once.
fn table(verdicts: &[CoreVerdict]) -> PyResult<Table> {
    let words = |word: fn(&CoreVerdict) -> &'static str| -> ArrayRef {
        Arc::new(verdicts.iter().map(word).collect::<DictionaryArray<Int8Type>>())
    };
    Table::new(vec![
        ("verdict", words(|verdict| verdict.kind.as_str())),
        ("reason", words(|verdict| verdict.reason.as_str())),
    ])
}

#[pyfunction]
#[pyo3(signature = (text, options = None))]
fn answer_tree(py: Python<'_>, text: Text, options: Option<Conventions>) -> Option<String> {
    let policy = policy_of(options);
    py.detach(|| {
        parse::parse_under(&normalize::normalize(&text), policy).ok().map(|parsed| parsed.tree.to_json())
    })
}

#[pyfunction]
#[pyo3(signature = (answers, options = None))]
fn answer_classes(py: Python<'_>, answers: TextColumn, options: Option<Conventions>) -> Vec<Option<usize>> {
    let policy = policy_of(options);
    py.detach(|| classes_under(&answers.rows(), policy))
}

/// Names of groups: a column of text, or anything whose text tells groups apart, such as integers.
pub struct Groups(TextColumn);

impl<'py> FromPyObject<'_, 'py> for Groups {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Some(chunks) = arrow_chunks(&object)? {
            let as_text = |chunk: &ArrayRef| {
                arrow_cast::cast(chunk, &DataType::LargeUtf8)
                    .map_err(|error| PyTypeError::new_err(error.to_string()))
            };
            let chunks = chunks.iter().map(as_text).collect::<PyResult<_>>()?;
            return Ok(Self(TextColumn::Arrow(Texts::from_chunks(chunks)?)));
        }
        let as_text = |group: PyResult<Bound<'py, PyAny>>| {
            let group = group?;
            if group.is_none() { Ok(None) } else { group.str()?.extract().map(Some) }
        };
        object.try_iter()?.map(as_text).collect::<PyResult<_>>().map(TextColumn::List).map(Self)
    }
}

#[pyfunction]
#[pyo3(signature = (group_ids, answers, options = None, *, threads = 0))]
fn classes_batch(
    py: Python<'_>,
    group_ids: Groups,
    answers: TextColumn,
    options: Option<Conventions>,
    threads: usize,
) -> PyResult<Bound<'_, PyAny>> {
    let policy = policy_of(options);
    let classes = py.detach(|| {
        let (groups, answers) = (group_ids.0.rows(), answers.rows());
        if groups.len() != answers.len() {
            return Err(format!("got {} group ids but {} answers", groups.len(), answers.len()));
        }
        Ok(classes_of_groups(&groups, &answers, policy, threads))
    });
    let classes = classes.map_err(PyValueError::new_err)?;
    if answers.is_arrow() {
        let column: UInt32Array =
            classes.into_iter().map(|class| class.map(|number| number as u32)).collect();
        return Ok(Bound::new(py, Column::new(Arc::new(column)))?.into_any());
    }
    classes.into_pyobject(py)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Verdict>()?;
    module.add_class::<Policy>()?;
    module.add_function(wrap_pyfunction!(normalize_answer, module)?)?;
    module.add_function(wrap_pyfunction!(compare_answers, module)?)?;
    module.add_function(wrap_pyfunction!(explain_answers, module)?)?;
    module.add_function(wrap_pyfunction!(compare_batch, module)?)?;
    module.add_function(wrap_pyfunction!(answer_tree, module)?)?;
    module.add_function(wrap_pyfunction!(answer_classes, module)?)?;
    module.add_function(wrap_pyfunction!(classes_batch, module)?)?;
    Ok(())
}
