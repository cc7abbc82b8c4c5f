//! Messages and their diagnostics.

use std::sync::Arc;

use mathforge_core::harmony::calls;
use mathforge_core::harmony::message::{End, Message as CoreMessage, Role, Severity};
use pyo3::prelude::*;

use super::{one_of, role};

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
pub struct Message(pub(super) Arc<CoreMessage>);

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

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Diagnostic>()?;
    module.add_class::<Message>()
}
