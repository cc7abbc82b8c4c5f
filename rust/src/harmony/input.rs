//! The part of a stream that is not yet told to a message.

use std::ops::Range;

use super::event::Event;
use super::message::Written;

/// What was pushed since the end of the last closed message: ids or text.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub ids: Vec<u32>,
    pub text: String,
    /// How much was let go: ids, or bytes of text.
    gone: usize,
}

impl Input {
    /// Gives the messages of `events` what they cover, and lets it go.
    pub fn attach(&mut self, events: &mut [Event]) {
        let mut told = self.gone;
        for event in events {
            match event {
                Event::End { message, .. } => {
                    let tokens = message.tokens.clone();
                    let span = tokens.unwrap_or_else(|| message.bytes.clone());
                    told = span.end;
                    message.written = self.written(span);
                }
                Event::Trailing { trailing, .. } => {
                    let end = trailing.token_end.unwrap_or(trailing.byte_end);
                    trailing.written = self.written(told..end);
                    told = end;
                }
                Event::Start { .. } | Event::Delta { .. } => {}
            }
        }
        let closed = told - self.gone;
        if self.text.is_empty() {
            self.ids.drain(..closed);
        } else {
            self.text.drain(..closed);
        }
        self.gone = told;
    }

    fn written(&self, span: Range<usize>) -> Written {
        let span = span.start - self.gone..span.end - self.gone;
        if self.text.is_empty() {
            Written::Ids(self.ids[span].to_vec())
        } else {
            Written::Text(self.text[span].to_owned())
        }
    }
}
