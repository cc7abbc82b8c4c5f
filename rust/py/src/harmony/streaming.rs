//! The parser that reads chunk by chunk.

use mathforge_core::harmony::event::Event as CoreEvent;
use mathforge_core::harmony::parser::{MixedInput, Options, Parser};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

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
pub struct StreamParser {
    parser: Parser,
    last: Option<Message>,
}

impl StreamParser {
    fn convert(&mut self, events: Vec<CoreEvent>) -> Vec<Event> {
        events.into_iter().filter_map(|event| self.event(event)).collect()
    }

    fn event(&mut self, event: CoreEvent) -> Option<Event> {
        let (kind, message_index, message, text) = match event {
            CoreEvent::Start { index, message } => {
                ("message_start", index, Some(Message::from(*message)), String::new())
            }
            CoreEvent::Delta { index, text } => ("delta", index, None, text),
            CoreEvent::End { index, message } => {
                let message = Message::from(*message);
                self.last = Some(message.clone());
                ("message_end", index, Some(message), String::new())
            }
            CoreEvent::Trailing { index, trailing } => {
                let mut message = (*self.last.take()?.0).clone();
                trailing.apply(&mut message);
                let message = Message::from(message);
                self.last = Some(message.clone());
                ("message_end", index, Some(message), String::new())
            }
        };
        Some(Event { kind, message_index, message, text })
    }
}

#[pymethods]
impl StreamParser {
    #[new]
    #[pyo3(signature = (role="assistant", *, tools=Vec::new()))]
    fn new(role: &str, tools: Vec<String>) -> PyResult<Self> {
        Ok(Self { parser: Parser::new(Options { role: super::role(role)?, tools }), last: None })
    }

    fn push(&mut self, ids_or_text: Input) -> PyResult<Vec<Event>> {
        let events = match ids_or_text {
            Input::Ids(ids) => self.parser.push_ids(&ids),
            Input::Text(text) => self.parser.push_text(&text),
        };
        let events = events.map_err(|error: MixedInput| PyValueError::new_err(error.to_string()))?;
        Ok(self.convert(events))
    }

    fn finish(&mut self) -> Vec<Event> {
        let events = self.parser.finish();
        self.convert(events)
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Event>()?;
    module.add_class::<StreamParser>()
}
