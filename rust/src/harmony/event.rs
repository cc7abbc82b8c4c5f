//! What a parser reports while it reads.

use super::message::Message;

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
    /// Stray tokens after the end of the message that ended last were counted to it.
    Trailing {
        /// Number of the message.
        index: usize,
        /// All of it, in place of what was told at its end.
        message: Box<Message>,
    },
}

/// The messages that a sequence of events describes.
pub fn messages(events: impl IntoIterator<Item = Event>) -> Vec<Message> {
    let mut messages = Vec::new();
    for event in events {
        match event {
            Event::End { message, .. } => messages.push(*message),
            Event::Trailing { index, message } => {
                if let Some(told) = messages.get_mut(index) {
                    *told = *message;
                }
            }
            Event::Start { .. } | Event::Delta { .. } => {}
        }
    }
    messages
}
