//! What a header says, read once for every distinct header.

use std::sync::Arc;

use super::decode::lossy_text;
use super::header::{self, Fields, HeaderText};
use super::message::Role;

/// A header that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heading {
    /// The role of the author.
    pub role: Role,
    /// The author as written, or implied.
    pub author: String,
    /// See [`super::message::Message::channel`].
    pub channel: Option<String>,
    /// The name after `to=`.
    pub recipient: Option<String>,
    /// The content type.
    pub content_type: Option<String>,
    /// Whether `<|constrain|>` stood before it.
    pub constrained: bool,
    /// The header as written.
    pub text: String,
    /// Codes of its departures from the grammar.
    pub notes: Vec<&'static str>,
}

impl Heading {
    fn new(fields: Fields, text: &HeaderText) -> Self {
        let author = fields.author.unwrap_or_else(|| "assistant".to_owned());
        Self {
            role: Role::of_author(&author),
            author,
            channel: fields.channel,
            recipient: fields.recipient,
            content_type: fields.content_type,
            constrained: fields.constrained,
            text: lossy_text(text.written_from(0, 0)),
            notes: fields.notes,
        }
    }

    /// The heading of a header that lacks `<|message|>`, and what of it is content.
    pub(super) fn recover(text: &HeaderText, author: Option<Role>, tools: &[String]) -> (Arc<Self>, Vec<u8>) {
        let mut fields = header::recover(text, author.map(Role::word), tools);
        let content = std::mem::take(&mut fields.content);
        (Arc::new(Self::new(fields, text)), content)
    }
}

/// Headings remembered: a conversation has a handful of distinct ones.
const MOST_KNOWN: usize = 16;

/// The headings read last. Reading is a pure function of the header, and most headers are repetitions.
#[derive(Clone, Debug, Default)]
pub(super) struct Headings {
    known: Vec<(HeaderText, Option<Role>, Arc<Heading>)>,
    next: usize,
}

impl Headings {
    /// The heading of a header that `<|message|>` ended; `author` is the author when the header has none.
    pub fn read(&mut self, text: &HeaderText, author: Option<Role>, tools: &[String]) -> Arc<Heading> {
        let is_same =
            |(known, implied, _): &&(HeaderText, Option<Role>, _)| known == text && *implied == author;
        if let Some((.., heading)) = self.known.iter().find(is_same) {
            return heading.clone();
        }
        let heading = Arc::new(Heading::new(header::read(text, author.map(Role::word), tools), text));
        let entry = (text.clone(), author, heading.clone());
        if self.known.len() < MOST_KNOWN {
            self.known.push(entry);
        } else {
            self.known[self.next] = entry;
            self.next = (self.next + 1) % MOST_KNOWN;
        }
        heading
    }
}
