//! The parser that reads chunk by chunk.

use mathforge_core::harmony::event::Event as CoreEvent;
use mathforge_core::harmony::parser::{MixedInput, Options, Parser};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::input::Input;
use super::message::Message;

/// One thing that happened in a stream.
///
/// `kind` is `"message_start"` (`message` has the header fields), `"delta"` (`text` is new content) or `"message_end"`
/// (`message` is complete). Stray tokens after a message are counted to it by a second `"message_end"` of the same
/// `message_index`, which replaces the first.
#[pyclass(frozen, module = "mathforge.harmony")]
pub struct Event {
    #[pyo3(get)]
    kind: &'static str,
    #[pyo3(get)]
    message_index: usize,
    #[pyo3(get)]
    message: Option<Message>,
    #[pyo3(get)]
    text: String,
}

#[pymethods]
impl Event {
    fn __repr__(&self) -> String {
        format!("Event({:?}, message_index={}, text={:?})", self.kind, self.message_index, self.text)
    }
}

/// Reads one completion or conversation chunk by chunk; any chunking gives the messages that `parse` gives.
///
/// `push` takes ids or text (one kind per parser) and returns the events since the last call; `finish` ends the input.
/// Memory is bounded by the open message, work per token is constant.
#[pyclass(module = "mathforge.harmony")]
pub struct StreamParser(Parser);

impl From<CoreEvent> for Event {
    fn from(event: CoreEvent) -> Self {
        let (kind, message_index, message, text) = match event {
            CoreEvent::Start { index, message } => {
                ("message_start", index, Some(Message::from(*message)), String::new())
            }
            CoreEvent::Delta { index, text } => ("delta", index, None, text),
            CoreEvent::End { index, message } | CoreEvent::Trailing { index, message } => {
                ("message_end", index, Some(Message::from(*message)), String::new())
            }
        };
        Self { kind, message_index, message, text }
    }
}

#[pymethods]
impl StreamParser {
    #[new]
    #[pyo3(signature = (role="assistant", *, tools=Vec::new()))]
    fn new(role: &str, tools: Vec<String>) -> PyResult<Self> {
        Ok(Self(Parser::new(Options { role: super::role(role)?, tools })))
    }

    fn push(&mut self, ids_or_text: Input) -> PyResult<Vec<Event>> {
        let events = match ids_or_text {
            Input::Ids(ids) => self.0.push_ids(&ids),
            Input::Text(text) => self.0.push_text(&text),
        };
        let events = events.map_err(|error: MixedInput| PyValueError::new_err(error.to_string()))?;
        Ok(events.into_iter().map(Event::from).collect())
    }

    /// The state as bytes, to go on later, elsewhere, or more than once; it is no larger than the open message.
    fn snapshot<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.snapshot())
    }

    /// The parser of which a snapshot was taken. Damaged bytes are a `ValueError`.
    #[staticmethod]
    fn restore(snapshot: &[u8]) -> PyResult<Self> {
        let restored = Parser::restore(snapshot);
        restored.map(Self).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn finish(&mut self) -> Vec<Event> {
        self.0.finish().into_iter().map(Event::from).collect()
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Event>()?;
    module.add_class::<StreamParser>()
}
