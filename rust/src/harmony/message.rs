//! One Harmony message, as it was seen and as it was understood.

use std::ops::Range;

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Rules of the highest authority: identity, effort, built-in tools.
    System,
    /// Instructions and functions of the application.
    Developer,
    /// The person.
    User,
    /// The model.
    #[default]
    Assistant,
    /// A tool; its name is the author.
    Tool,
}

impl Role {
    /// The role of a header's author: a role word, `role:name`, or else the name of a tool.
    pub fn of_author(author: &str) -> Self {
        let word = author.split_once(':').map_or(author, |(word, _)| word);
        Self::from_word(word).unwrap_or(Self::Tool)
    }

    /// The role that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::System, Self::Developer, Self::User, Self::Assistant, Self::Tool]
            .into_iter()
            .find(|role| role.word() == word)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// The token that ended a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// `<|end|>`
    End,
    /// `<|call|>`
    Call,
    /// `<|return|>`
    Return,
}

impl End {
    /// Its word, without the marks.
    pub fn word(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Call => "call",
            Self::Return => "return",
        }
    }

    /// The inverse of [`End::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::End, Self::Call, Self::Return].into_iter().find(|end| end.word() == word)
    }
}

/// How much a [`Diagnostic`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Unusual, and understood without doubt.
    Info,
    /// Repaired by a rule that could be wrong.
    Warning,
}

impl Severity {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
        }
    }
}

/// One departure from the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What happened; stable, see [`super::diagnostic`].
    pub code: &'static str,
    /// Index of the id at which it was noticed; `None` for text.
    pub token_offset: Option<usize>,
    /// Byte offset in the text, or in the bytes of the ids.
    pub byte_offset: usize,
    /// How much it matters.
    pub severity: Severity,
}

/// A message as it stood in the input, stray tokens after it included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Written {
    /// It was not parsed, or is not over.
    #[default]
    Nowhere,
    /// Its ids.
    Ids(Vec<u32>),
    /// Its text.
    Text(String),
}

/// One message. What the model wrote stands in the plain fields; what was inferred stands in `tool`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The author as written: a role word, `role:name`, or the name of a tool.
    pub author: String,
    /// `analysis`, `commentary`, `final`, or whatever was written.
    pub channel: Option<String>,
    /// The name after `to=`.
    pub recipient: Option<String>,
    /// `code`, `json`, ...
    pub content_type: Option<String>,
    /// Whether `<|constrain|>` stood before the content type.
    pub constrained: bool,
    /// The text between header and end.
    pub content: String,
    /// The header as written, special tokens as their text, without `<|start|>` and `<|message|>`.
    pub header: String,
    /// The ending token; `None` when there was none.
    pub end: Option<End>,
    /// False when the input ended within the message.
    pub complete: bool,
    /// The ids it covers; `None` for text. The messages of an input cover each of its ids exactly once.
    pub tokens: Option<Range<usize>>,
    /// The bytes it covers, in the text or in the bytes of the ids.
    pub bytes: Range<usize>,
    /// What was repaired.
    pub diagnostics: Vec<Diagnostic>,
    /// The tool that it calls, under its canonical name; `None` when it is no call.
    pub tool: Option<String>,
    /// The input that it covers.
    pub written: Written,
}

impl Message {
    /// A message to be rendered.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            author: role.word().to_owned(),
            content: content.into(),
            complete: true,
            ..Self::default()
        }
    }

    /// The same message in a channel.
    #[must_use]
    pub fn in_channel(mut self, channel: &str) -> Self {
        self.channel = Some(channel.to_owned());
        self
    }

    /// The same message to a recipient.
    #[must_use]
    pub fn to(mut self, recipient: &str) -> Self {
        self.recipient = Some(recipient.to_owned());
        self
    }

    /// The recipient, unless it is `all`: that is the default and never written.
    pub fn written_recipient(&self) -> Option<&str> {
        self.recipient.as_deref().filter(|recipient| *recipient != "all")
    }

    /// Whether a diagnostic of this code was recorded.
    pub fn has(&self, code: &str) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code == code)
    }
}
