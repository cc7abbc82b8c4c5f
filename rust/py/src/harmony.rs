//! Bindings of the harmony module.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use std::sync::Arc;

use mathforge_core::harmony::decode::{
    UnknownToken, decode as core_decode, decode_bytes as core_decode_bytes,
};
use mathforge_core::harmony::encode::{SpecialText, encode as core_encode};
use mathforge_core::harmony::event::Event as CoreEvent;
use mathforge_core::harmony::history::Drop;
use mathforge_core::harmony::layout::Layout;
use mathforge_core::harmony::message::{End, Message as CoreMessage, Role, Severity};
use mathforge_core::harmony::parser::{MixedInput, Options, Parser, parse_ids, parse_text};
use mathforge_core::harmony::prompt::{self, Effort, System};
use mathforge_core::harmony::render::{Purpose, render as core_render};
use mathforge_core::harmony::{calls, token};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

/// Token ids from a list, any other sequence, `array('I')` or a numpy array.
pub struct Ids(pub Vec<u32>);

impl<'a, 'py> FromPyObject<'a, 'py> for Ids {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if !object.is_instance_of::<PyList>() {
            if let Ok(buffer) = PyBuffer::<u32>::get(&object) {
                return buffer.to_vec(object.py()).map(Self);
            }
            if let Ok(buffer) = PyBuffer::<i64>::get(&object) {
                let wide = buffer.to_vec(object.py())?;
                let narrow: Result<Vec<u32>, _> = wide.into_iter().map(u32::try_from).collect();
                return narrow
                    .map(Self)
                    .map_err(|_| PyValueError::new_err("token ids are between 0 and 201087"));
            }
        }
        if object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err(
                "expected token ids: a sequence of int, array('I') or a numpy array",
            ));
        }
        object.extract().map(Self)
    }
}

/// What `parse` and `push` read.
pub enum Input {
    Ids(Vec<u32>),
    Text(String),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Input {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Self::Text(text.to_cow()?.into_owned()));
        }
        object.extract::<Ids>().map(|Ids(ids)| Self::Ids(ids))
    }
}

fn unknown_token(error: &UnknownToken) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn one_of(what: &str, given: &str, known: &[&str]) -> PyErr {
    PyValueError::new_err(format!("{what} is one of {}, not {given:?}", known.join(", ")))
}

fn role(word: &str) -> PyResult<Role> {
    let known = ["system", "developer", "user", "assistant", "tool"];
    Role::from_word(word).ok_or_else(|| one_of("role", word, &known))
}

/// One departure from the format that the parser repaired.
///
/// `code` is stable (see `docs/harmony-differences.md`), `severity` is "info" or "warning"; offsets are where it was
/// noticed: an index into the ids (None for text) and a byte offset.
#[pyclass(frozen, eq, module = "mathforge.harmony")]
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostic {
    #[pyo3(get)]
    code: &'static str,
    #[pyo3(get)]
    token_offset: Option<usize>,
    #[pyo3(get)]
    byte_offset: usize,
    severity: Severity,
}

#[pymethods]
impl Diagnostic {
    #[getter]
    fn severity(&self) -> &'static str {
        self.severity.word()
    }

    fn __repr__(&self) -> String {
        let at = self.token_offset.map_or_else(|| "None".to_owned(), |offset| offset.to_string());
        format!("Diagnostic({:?}, token_offset={at}, byte_offset={})", self.code, self.byte_offset)
    }
}

/// One Harmony message.
///
/// `role` is system, developer, user, assistant or tool; `author` the role word or the name of the tool; `channel`,
/// `recipient` and `content_type` are what the header says, or None; `constrained` tells whether `<|constrain|>` stood
/// before the content type. `content` is the text; `header` the header as written. `end` is "end", "call", "return" or
/// None when there was no ending token; `complete` is False when the input ended within the message. `token_start` and
/// `token_end` are the ids it covers (None for text and for messages that were not parsed), `byte_start` and `byte_end`
/// the bytes: the messages of an input cover all of it, without overlap. `diagnostics` lists what was repaired, and
/// `tool` is the canonical name of the tool that is called ("python" for every spelling of it), None when no tool is.
#[pyclass(frozen, eq, module = "mathforge.harmony", from_py_object)]
#[derive(Clone, PartialEq, Eq)]
pub struct Message(Arc<CoreMessage>);

impl From<CoreMessage> for Message {
    fn from(message: CoreMessage) -> Self {
        Self(Arc::new(message))
    }
}

#[pymethods]
impl Message {
    #[new]
    #[pyo3(signature = (role, content, *, author=None, channel=None, recipient=None, content_type=None, end=None))]
    fn new(
        role: &str,
        content: String,
        author: Option<String>,
        channel: Option<String>,
        recipient: Option<String>,
        content_type: Option<String>,
        end: Option<&str>,
    ) -> PyResult<Self> {
        let role = self::role(role)?;
        let end = end
            .map(|word| End::from_word(word).ok_or_else(|| one_of("end", word, &["end", "call", "return"])))
            .transpose()?;
        let constrained = content_type.as_deref().is_some_and(|written| written.starts_with("<|constrain|>"));
        let content_type = content_type.map(|written| match written.strip_prefix("<|constrain|>") {
            Some(word) => word.trim().to_owned(),
            None => written,
        });
        let tool = recipient.as_deref().filter(|_| role == Role::Assistant).and_then(calls::canonical_tool);
        Ok(Self::from(CoreMessage {
            author: author.unwrap_or_else(|| role.word().to_owned()),
            tool: tool.map(str::to_owned),
            channel,
            recipient,
            content_type,
            constrained,
            end,
            ..CoreMessage::new(role, content)
        }))
    }

    #[getter]
    fn role(&self) -> &'static str {
        self.0.role.word()
    }

    #[getter]
    fn author(&self) -> &str {
        &self.0.author
    }

    #[getter]
    fn channel(&self) -> Option<&str> {
        self.0.channel.as_deref()
    }

    #[getter]
    fn recipient(&self) -> Option<&str> {
        self.0.recipient.as_deref()
    }

    #[getter]
    fn content_type(&self) -> Option<&str> {
        self.0.content_type.as_deref()
    }

    #[getter]
    fn constrained(&self) -> bool {
        self.0.constrained
    }

    #[getter]
    fn content(&self) -> &str {
        &self.0.content
    }

    #[getter]
    fn header(&self) -> &str {
        &self.0.header
    }

    #[getter]
    fn end(&self) -> Option<&'static str> {
        self.0.end.map(End::word)
    }

    #[getter]
    fn complete(&self) -> bool {
        self.0.complete
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
    fn byte_start(&self) -> usize {
        self.0.bytes.start
    }

    #[getter]
    fn byte_end(&self) -> usize {
        self.0.bytes.end
    }

    #[getter]
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let convert = |diagnostic: &mathforge_core::harmony::message::Diagnostic| Diagnostic {
            code: diagnostic.code,
            token_offset: diagnostic.token_offset,
            byte_offset: diagnostic.byte_offset,
            severity: diagnostic.severity,
        };
        self.0.diagnostics.iter().map(convert).collect()
    }

    #[getter]
    fn tool(&self) -> Option<&str> {
        self.0.tool.as_deref()
    }

    fn __repr__(&self) -> String {
        let message = &self.0;
        let mut text = format!("Message({:?}", message.role.word());
        if message.author != message.role.word() {
            text = format!("{text}, author={:?}", message.author);
        }
        let optional = [
            ("channel", &message.channel),
            ("recipient", &message.recipient),
            ("content_type", &message.content_type),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                text = format!("{text}, {name}={value:?}");
            }
        }
        let start: String = message.content.chars().take(60).collect();
        let more = if start.len() < message.content.len() { "..." } else { "" };
        let end = message.end.map_or_else(|| "None".to_owned(), |end| format!("{:?}", end.word()));
        text + &format!(", content={:?}, end={end})", start + more)
    }
}

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
        Ok(Self { parser: Parser::new(Options { role: self::role(role)?, tools }), last: None })
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

#[pyfunction(name = "harmony_encode")]
#[pyo3(signature = (text, escape=false))]
fn encode(py: Python<'_>, text: &str, escape: bool) -> Vec<u32> {
    let special = if escape { SpecialText::Literal } else { SpecialText::Token };
    py.detach(|| core_encode(text, special))
}

#[pyfunction(name = "harmony_decode")]
fn decode(py: Python<'_>, ids: Ids) -> PyResult<String> {
    py.detach(|| core_decode(&ids.0)).map_err(|error| unknown_token(&error))
}

#[pyfunction(name = "harmony_decode_bytes")]
fn decode_bytes(py: Python<'_>, ids: Ids) -> PyResult<Bound<'_, PyBytes>> {
    let bytes = py.detach(|| core_decode_bytes(&ids.0)).map_err(|error| unknown_token(&error))?;
    Ok(PyBytes::new(py, &bytes))
}

#[pyfunction(name = "harmony_parse")]
#[pyo3(signature = (ids_or_text, *, role="assistant", tools=Vec::new()))]
fn parse(py: Python<'_>, ids_or_text: Input, role: &str, tools: Vec<String>) -> PyResult<Vec<Message>> {
    let options = Options { role: self::role(role)?, tools };
    let messages = py.detach(|| match ids_or_text {
        Input::Ids(ids) => parse_ids(&ids, options),
        Input::Text(text) => parse_text(&text, options),
    });
    Ok(messages.into_iter().map(Message::from).collect())
}

#[pyfunction(name = "harmony_render")]
#[pyo3(signature = (messages, *, layout="openai-0.0.8", drop="none", for_completion=true, for_training=false))]
fn render(
    py: Python<'_>,
    messages: Vec<Message>,
    layout: &str,
    drop: &str,
    for_completion: bool,
    for_training: bool,
) -> PyResult<Vec<u32>> {
    let layout =
        Layout::from_name(layout).ok_or_else(|| one_of("layout", layout, &Layout::ALL.map(Layout::name)))?;
    let drop = Drop::from_name(drop).ok_or_else(|| one_of("drop", drop, &Drop::ALL.map(Drop::name)))?;
    let purpose = match (for_training, for_completion) {
        (true, _) => Purpose::Training,
        (false, true) => Purpose::Completion,
        (false, false) => Purpose::Conversation,
    };
    let messages: Vec<CoreMessage> =
        messages.into_iter().map(|message| Arc::unwrap_or_clone(message.0)).collect();
    Ok(py.detach(|| core_render(&messages, layout, drop, purpose)))
}

/// The description of the python tool: ours, another, or no tool.
#[derive(FromPyObject)]
enum PythonTool {
    Offered(bool),
    Described(String),
}

#[pyfunction(name = "harmony_system")]
#[pyo3(signature = (
    effort="medium", *, python=PythonTool::Offered(false), current_date=None,
    knowledge_cutoff=Some(prompt::KNOWLEDGE_CUTOFF.to_owned()), identity=Some(prompt::IDENTITY.to_owned()), functions=false
))]
fn system(
    effort: &str,
    python: PythonTool,
    current_date: Option<String>,
    knowledge_cutoff: Option<String>,
    identity: Option<String>,
    functions: bool,
) -> PyResult<Message> {
    let effort =
        Effort::from_word(effort).ok_or_else(|| one_of("effort", effort, &["low", "medium", "high"]))?;
    let python = match python {
        PythonTool::Offered(offered) => offered.then(|| prompt::PYTHON_TOOL.to_owned()),
        PythonTool::Described(text) => Some(text),
    };
    Ok(System { effort, identity, knowledge_cutoff, current_date, python, functions }.message().into())
}

#[pyfunction(name = "harmony_developer")]
fn developer(instructions: &str) -> Message {
    prompt::developer(instructions).into()
}

#[pyfunction(name = "harmony_user")]
fn user(text: &str) -> Message {
    prompt::user(text).into()
}

#[pyfunction(name = "harmony_tool_result")]
#[pyo3(signature = (text, *, tool="python", channel="analysis"))]
fn tool_result(text: &str, tool: &str, channel: &str) -> Message {
    prompt::tool_result(text, tool, channel).into()
}

#[pyfunction(name = "harmony_python_call")]
fn python_call(messages: Vec<Message>) -> Option<String> {
    let last = messages.last()?;
    calls::python_call(std::slice::from_ref(&*last.0)).map(str::to_owned)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("HARMONY_PYTHON_TOOL", prompt::PYTHON_TOOL)?;
    module.add("HARMONY_VOCABULARY_SIZE", token::VOCABULARY_SIZE)?;
    module.add_class::<Diagnostic>()?;
    module.add_class::<Message>()?;
    module.add_class::<Event>()?;
    module.add_class::<StreamParser>()?;
    module.add_function(wrap_pyfunction!(encode, module)?)?;
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    module.add_function(wrap_pyfunction!(decode_bytes, module)?)?;
    module.add_function(wrap_pyfunction!(parse, module)?)?;
    module.add_function(wrap_pyfunction!(render, module)?)?;
    module.add_function(wrap_pyfunction!(system, module)?)?;
    module.add_function(wrap_pyfunction!(developer, module)?)?;
    module.add_function(wrap_pyfunction!(user, module)?)?;
    module.add_function(wrap_pyfunction!(tool_result, module)?)?;
    module.add_function(wrap_pyfunction!(python_call, module)?)
}
