//! Bindings of the driver and of the watch for repetition.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use mathforge_core::stream::detector::{Block, Refused};
use mathforge_core::stream::driver::{
    Call as CoreCall, Driver as CoreDriver, Span as CoreSpan, Step as CoreStep,
};
use mathforge_core::stream::repetition::{Loop, Repetition as Watch, Rule};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::harmony::input::Ids;
use crate::stream::tag_set;

/// What a driver reads: ids, text, or UTF-8 cut anywhere.
enum Chunk<'py> {
    Ids(Vec<u32>),
    Text(Bound<'py, PyString>),
    Bytes(Bound<'py, PyBytes>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Chunk<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Self::Text(text.to_owned()));
        }
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.to_owned()));
        }
        object.extract::<Ids>().map(|Ids(ids)| Self::Ids(ids))
    }
}

fn refused(error: Refused) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// A tool call that waits for its answer.
///
/// `tool` is its canonical name ("python" for every spelling of it), None when `<|call|>` named nobody; `recipient` and
/// `channel` are as written. `code` is what was sent: code, or the JSON arguments of a function. `round` counts calls
/// from 0; `byte_start` and `byte_end` say where it lies in the conversation. `closed` tells whether its own closing tag
/// ended it, and `closing` is what the harness has to write before its answer: the rest of that tag, or nothing.
#[pyclass(frozen, eq, module = "mathforge.stream")]
#[derive(Clone, PartialEq, Eq)]
pub struct Call(CoreCall);

#[pymethods]
impl Call {
    #[getter]
    fn tool(&self) -> Option<&str> {
        self.0.tool.as_deref()
    }

    #[getter]
    fn recipient(&self) -> Option<&str> {
        self.0.recipient.as_deref()
    }

    #[getter]
    fn channel(&self) -> Option<&str> {
        self.0.channel.as_deref()
    }

    #[getter]
    fn code(&self) -> &str {
        &self.0.code
    }

    #[getter]
    fn round(&self) -> usize {
        self.0.round
    }

    #[getter]
    fn byte_start(&self) -> usize {
        self.0.bytes.start
    }

    #[getter]
    fn byte_end(&self) -> usize {
        self.0.bytes.end
    }

    #[getter]
    fn closed(&self) -> bool {
        self.0.closed
    }

    #[getter]
    fn closing(&self) -> &str {
        self.0.closing
    }

    fn __repr__(&self) -> String {
        let tool = self.0.tool.as_ref().map_or_else(|| "None".to_owned(), |tool| format!("{tool:?}"));
        format!("Call(tool={tool}, code={:?}, round={})", self.0.code, self.0.round)
    }
}

/// Where the model is: `kind` is `"continue"`, `"needs_tool"` or `"done"`.
///
/// `calls` are those that wait, in the order in which to answer them: nearly always one. `code` is that of the first,
/// None when none waits.
#[pyclass(frozen, eq, module = "mathforge.stream")]
#[derive(PartialEq, Eq)]
pub struct Step {
    #[pyo3(get)]
    kind: &'static str,
    #[pyo3(get)]
    calls: Vec<Call>,
}

#[pymethods]
impl Step {
    #[getter]
    fn code(&self) -> Option<&str> {
        self.calls.first().map(|call| &*call.0.code)
    }

    fn __repr__(&self) -> String {
        format!("Step({:?}, calls={})", self.kind, self.calls.len())
    }
}

impl From<CoreStep> for Step {
    fn from(step: CoreStep) -> Self {
        let (kind, calls) = match step {
            CoreStep::Continue => ("continue", Vec::new()),
            CoreStep::NeedsTool(calls) => ("needs_tool", calls),
            CoreStep::Done => ("done", Vec::new()),
        };
        Self { kind, calls: calls.into_iter().map(Call).collect() }
    }
}

/// A call or an answer in the conversation that a driver read.
///
/// `kind` is `"code"` or `"output"`; an output has the `round` of the call before it. Bytes and ids include the tags;
/// `token_start` and `token_end` are None when text was read. `complete` tells whether its closing tag was there.
#[pyclass(frozen, eq, module = "mathforge.stream")]
#[derive(PartialEq, Eq)]
pub struct Span(CoreSpan);

#[pymethods]
impl Span {
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0.block {
            Block::Code => "code",
            Block::Output => "output",
        }
    }

    #[getter]
    fn round(&self) -> usize {
        self.0.round
    }

    #[getter]
    fn byte_start(&self) -> usize {
        self.0.bytes.start
    }

    #[getter]
    fn byte_end(&self) -> usize {
        self.0.bytes.end
    }

    #[getter]
    fn token_start(&self) -> Option<usize> {
        self.0.tokens.as_ref().map(|tokens| tokens.start)
    }

    #[getter]
    fn token_end(&self) -> Option<usize> {
        self.0.tokens.as_ref().map(|tokens| tokens.end)
    }

    #[getter]
    fn complete(&self) -> bool {
        self.0.complete
    }

    fn __repr__(&self) -> String {
        format!("Span({:?}, round={}, bytes={:?})", self.kind(), self.0.round, self.0.bytes)
    }
}

/// A loop that a model fell into: from unit `start` on, a block of `period` units again and again; `length` units when
/// it was noticed. Units are ids, or bytes of text.
#[pyclass(frozen, eq, module = "mathforge.stream")]
#[derive(PartialEq, Eq)]
pub struct Repetition(Loop);

#[pymethods]
impl Repetition {
    #[getter]
    fn start(&self) -> usize {
        self.0.start
    }

    #[getter]
    fn period(&self) -> usize {
        self.0.period
    }

    #[getter]
    fn length(&self) -> usize {
        self.0.length
    }

    fn __repr__(&self) -> String {
        format!("Repetition(start={}, period={}, length={})", self.0.start, self.0.period, self.0.length)
    }
}

/// Drives a tool loop: feed what the model writes, and learn whether it goes on, wants a tool, or is done.
///
/// `feed` takes ids, text or bytes in any chunks (one kind per driver) and tells where the model is; `finish` says that
/// the server has ended the round, so that a call whose closing tag it kept back is a call; `answer` takes what the
/// harness puts in between. Then the next round is fed. Whole completions go the same way: `feed` once, `finish`.
///
/// `tags` names the style (see `TAGS`; ids are read for gpt-oss, other styles from text); `tools` are names of tools
/// beside the built-in ones, to recognise them in damaged headers. `channel` is that of the last message, None outside
/// Harmony. `spans` are the calls and answers so far. `repetition` is the first loop within one round, None while there
/// is none; `watch=False` looks for none.
#[pyclass(module = "mathforge.stream")]
#[derive(Clone)]
pub struct Driver(CoreDriver);

#[pymethods]
impl Driver {
    #[new]
    #[pyo3(signature = (tags="gpt-oss", *, tools=Vec::new(), watch=true))]
    fn new(tags: &str, tools: Vec<String>, watch: bool) -> PyResult<Self> {
        let driver = CoreDriver::new(tag_set(tags)?, tools);
        Ok(Self(if watch { driver } else { driver.watching(None) }))
    }

    fn feed(&mut self, chunk: Chunk<'_>) -> PyResult<Step> {
        let step = match chunk {
            Chunk::Ids(ids) => self.0.feed_ids(&ids),
            Chunk::Text(text) => self.0.feed_text(&text.to_cow()?),
            Chunk::Bytes(bytes) => self.0.feed_bytes(bytes.as_bytes()),
        };
        step.map(Step::from).map_err(refused)
    }

    fn finish(&mut self) -> PyResult<Step> {
        self.0.finish().map(Step::from).map_err(refused)
    }

    fn answer(&mut self, chunk: Chunk<'_>) -> PyResult<()> {
        match chunk {
            Chunk::Ids(ids) => self.0.answer_ids(&ids),
            Chunk::Text(text) => self.0.answer_text(&text.to_cow()?),
            Chunk::Bytes(_) => return Err(PyTypeError::new_err("an answer is token ids or text")),
        }
        .map_err(refused)
    }

    /// A driver in the same state, for another continuation.
    fn copy(&self) -> Self {
        self.clone()
    }

    #[getter]
    fn channel(&self) -> Option<String> {
        self.0.channel()
    }

    #[getter]
    fn spans(&self) -> Vec<Span> {
        self.0.spans().iter().cloned().map(Span).collect()
    }

    #[getter]
    fn repetition(&self) -> Option<Repetition> {
        self.0.looping().map(Repetition)
    }
}

#[pyfunction(name = "stream_find_repetition")]
#[pyo3(signature = (ids_or_text, *, longest_period=None, least_repeats=None, least_length=None))]
fn find_repetition(
    py: Python<'_>,
    ids_or_text: Chunk<'_>,
    longest_period: Option<usize>,
    least_repeats: Option<usize>,
    least_length: Option<usize>,
) -> PyResult<Option<Repetition>> {
    let (units, known): (Vec<u32>, Rule) = match ids_or_text {
        Chunk::Ids(ids) => (ids, Rule::IDS),
        Chunk::Text(text) => (text.to_cow()?.bytes().map(u32::from).collect(), Rule::TEXT),
        Chunk::Bytes(bytes) => (bytes.as_bytes().iter().copied().map(u32::from).collect(), Rule::TEXT),
    };
    let rule = Rule {
        longest_period: longest_period.unwrap_or(known.longest_period).clamp(1, 1 << 24),
        least_repeats: least_repeats.unwrap_or(known.least_repeats).max(2),
        least_length: least_length.unwrap_or(known.least_length),
    };
    Ok(py.detach(|| {
        let mut watch = Watch::new(rule);
        watch.push(units);
        watch.found().map(Repetition)
    }))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Call>()?;
    module.add_class::<Step>()?;
    module.add_class::<Span>()?;
    module.add_class::<Repetition>()?;
    module.add_class::<Driver>()?;
    module.add_function(wrap_pyfunction!(find_repetition, module)?)
}
