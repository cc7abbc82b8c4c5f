//! Bindings of the stream module.

use mathforge_core::stream::detector::{Block, Detector as CoreDetector, Event as CoreEvent};
use mathforge_core::stream::tags::{TAG_SETS, TagSet};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::harmony::input::Input;

/// A block of code or of output began or ended.
///
/// `kind` is `"code_start"`, `"code"`, `"output_start"` or `"output"`; the last of each pair comes at the end of the
/// block and has its `text`. `round` counts code blocks from 0; an output has the round of the code before it.
/// `byte_start` and `byte_end` say where the block lies in the stream, tags included. `complete` tells whether its
/// closing tag was there.
#[pyclass(frozen, name = "StreamEvent", module = "mathforge.stream")]
pub struct StreamEvent(CoreEvent);

#[pymethods]
impl StreamEvent {
    #[getter]
    fn kind(&self) -> &'static str {
        match (self.0.block, self.0.is_end) {
            (Block::Code, false) => "code_start",
            (Block::Code, true) => "code",
            (Block::Output, false) => "output_start",
            (Block::Output, true) => "output",
        }
    }

    #[getter]
    fn round(&self) -> usize {
        self.0.round
    }

    #[getter]
    fn byte_start(&self) -> usize {
        self.0.start
    }

    #[getter]
    fn byte_end(&self) -> usize {
        self.0.end
    }

    #[getter]
    fn text(&self) -> &str {
        &self.0.text
    }

    #[getter]
    fn complete(&self) -> bool {
        self.0.complete
    }

    fn __repr__(&self) -> String {
        format!(
            "Event({:?}, round={}, text={:?}, complete={})",
            self.kind(),
            self.0.round,
            self.0.text,
            self.0.complete
        )
    }
}

/// The style of a name.
pub fn tag_set(name: &str) -> PyResult<&'static TagSet> {
    let known = TAG_SETS.map(|tags| tags.name).join(", ");
    TagSet::from_name(name)
        .ok_or_else(|| PyValueError::new_err(format!("tags is one of {known}, not {name:?}")))
}

/// Finds code calls and tool outputs in a stream; any chunking gives the same events.
///
/// `tags` names the style of marking them (see `TAGS`). gpt-oss is read by the Harmony parser, from text or ids, and
/// every way of writing the call is found; the other styles are read from text.
#[pyclass(module = "mathforge.stream")]
pub struct Detector(CoreDetector);

#[pymethods]
impl Detector {
    #[new]
    #[pyo3(signature = (tags="gpt-oss"))]
    fn new(tags: &str) -> PyResult<Self> {
        tag_set(tags).map(|tags| Self(CoreDetector::new(tags)))
    }

    fn push(&mut self, chunk: Input) -> PyResult<Vec<StreamEvent>> {
        let events = match chunk {
            Input::Ids(ids) => self.0.push_ids(&ids),
            Input::Text(text) => self.0.push_text(&text),
        };
        let events = events.map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(events.into_iter().map(StreamEvent).collect())
    }

    /// The state as bytes, to go on later, elsewhere, or more than once.
    fn snapshot<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.snapshot())
    }

    /// The detector of which a snapshot was taken. Damaged bytes are a `ValueError`.
    #[staticmethod]
    fn restore(snapshot: &[u8]) -> PyResult<Self> {
        let restored = CoreDetector::restore(snapshot);
        restored.map(Self).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn finish(&mut self) -> Vec<StreamEvent> {
        self.0.finish().into_iter().map(StreamEvent).collect()
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("STREAM_TAGS", TAG_SETS.map(|tags| tags.name).to_vec())?;
    module.add_class::<StreamEvent>()?;
    module.add_class::<Detector>()
}
