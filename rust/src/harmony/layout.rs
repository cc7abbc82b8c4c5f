//! Where the parts of a header stand. Libraries differ, and the model has seen more than one order.

use super::message::{Message, Role};

/// A way to write headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// openai-harmony 0.0.8: `assistant to=python<|channel|>analysis code`.
    #[default]
    OpenAi008,
    /// oss-harmony 0.0.11: `assistant to=python<|channel|>analysis <|constrain|>code`, and on commentary the channel
    /// first: `assistant<|channel|>commentary to=functions.f <|constrain|>json`.
    Oss0011,
    /// The chat template of the model's repository: `assistant to=functions.f<|channel|>commentary json`.
    Hf,
    /// NeMo-Skills: `assistant<|channel|>analysis to=python code`, answered by `python code to=assistant`.
    Nemo,
    /// Parsed messages exactly as they came, damage included; others as [`Layout::OpenAi008`].
    AsParsed,
}

/// A part of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'m> {
    /// ` to=NAME`
    Recipient(&'m str),
    /// `<|channel|>NAME`
    Channel(&'m str),
    /// ` TYPE`, or ` <|constrain|>TYPE`.
    ContentType { name: &'m str, constrained: bool },
}

impl Layout {
    /// Every layout.
    pub const ALL: [Self; 5] = [Self::OpenAi008, Self::Oss0011, Self::Hf, Self::Nemo, Self::AsParsed];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi008 => "openai-0.0.8",
            Self::Oss0011 => "oss-0.0.11",
            Self::Hf => "hf",
            Self::Nemo => "nemo",
            Self::AsParsed => "as-parsed",
        }
    }

    /// The layout of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.name() == name)
    }

    /// What follows the author, in order.
    pub(super) fn parts(self, message: &Message) -> impl Iterator<Item = Part<'_>> {
        let recipient = message.written_recipient().map(Part::Recipient);
        let channel = message.channel.as_deref().map(Part::Channel);
        let constrained = match self {
            Self::Oss0011 => true,
            Self::Hf => false,
            Self::OpenAi008 | Self::Nemo | Self::AsParsed => message.constrained,
        };
        let content_type =
            message.content_type.as_deref().map(|name| Part::ContentType { name, constrained });
        let is_tool = message.role == Role::Tool;
        let channel_first = match self {
            Self::Oss0011 => message.channel.as_deref() == Some("commentary"),
            Self::Nemo => !is_tool,
            Self::OpenAi008 | Self::Hf | Self::AsParsed => false,
        };
        let ordered = if self == Self::Nemo && is_tool {
            let code = Part::ContentType { name: "code", constrained: false };
            [content_type.or(Some(code)), recipient, channel]
        } else if channel_first {
            [channel, recipient, content_type]
        } else {
            [recipient, channel, content_type]
        };
        ordered.into_iter().flatten()
    }
}
