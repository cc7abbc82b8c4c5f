//! What a parser reports while it reads.

use std::ops::Range;

use super::message::{Diagnostic, Message, Written};

/// One thing that happened in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A header was read. The message has its header fields and no content yet.
    Start {
        /// Number of the message.
        index: usize,
        /// Its header.
        message: Box<Message>,
    },
    /// Content arrived. The deltas of a message together are its content.
    Delta {
        /// Number of the message.
        index: usize,
        /// Text, never ending within a character.
        text: String,
    },
    /// The message is over.
    End {
        /// Number of the message.
        index: usize,
        /// All of it.
        message: Box<Message>,
    },
    /// Stray tokens after the end of a message were counted to it.
    Trailing {
        /// Number of the message.
        index: usize,
        /// What changed.
        trailing: Trailing,
    },
}

/// Tokens after a message that belong to no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailing {
    /// New end of the message's ids.
    pub token_end: Option<usize>,
    /// New end of its bytes.
    pub byte_end: usize,
    /// The tokens themselves.
    pub written: Written,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
}

impl Trailing {
    /// Adds the tokens to the message that they follow.
    pub fn apply(self, message: &mut Message) {
        if let (Some(Range { end, .. }), Some(token_end)) = (&mut message.tokens, self.token_end) {
            *end = token_end;
        }
        message.bytes.end = self.byte_end;
        message.written.extend(self.written);
        message.diagnostics.extend(self.diagnostics);
    }
}

/// The messages that a sequence of events describes.
pub fn messages(events: impl IntoIterator<Item = Event>) -> Vec<Message> {
    let mut messages = Vec::new();
    for event in events {
        match event {
            Event::End { message, .. } => messages.push(*message),
            Event::Trailing { index, trailing } => {
                if let Some(message) = messages.get_mut(index) {
                    trailing.apply(message);
                }
            }
            Event::Start { .. } | Event::Delta { .. } => {}
        }
    }
    messages
}
