//! A message as positions in the input: what the machine finds, before any text is made of it.

use std::ops::Range;
use std::sync::Arc;

use super::diagnostic as code;
use super::heading::Heading;
use super::message::End;

/// Diagnostics kept per message.
const MOST_NOTES: usize = 32;

/// A departure from the format, and the position at which it was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// One of [`super::diagnostic::ALL`].
    pub code: &'static str,
    /// Index of the id, or byte of the text.
    pub at: usize,
}

/// Adds a note, up to the most that are kept.
pub(super) fn push_note(notes: &mut Vec<Note>, code: &'static str, at: usize) {
    match notes.len() {
        0..MOST_NOTES => notes.push(Note { code, at }),
        MOST_NOTES => notes.push(Note { code: code::MORE_DIAGNOSTICS, at }),
        _ => {}
    }
}

/// One message. Positions count ids, or bytes of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What its header says.
    pub heading: Arc<Heading>,
    /// Where it begins.
    pub start: usize,
    /// Where it ends: the next one begins here.
    pub end: usize,
    /// Content that stood in the header: bytes, because what is left of a header need not be whole ids.
    pub prefix: Vec<u8>,
    /// The content, or the last piece of it.
    pub content: Range<usize>,
    /// The pieces before it, when something within the content was skipped.
    pub earlier: Vec<Range<usize>>,
    /// The token that ended it.
    pub end_token: Option<End>,
    /// False when the input ended within it.
    pub complete: bool,
    /// What was repaired.
    pub notes: Vec<Note>,
}

impl Found {
    /// A message whose content is about to begin.
    pub(super) fn open(heading: Arc<Heading>, start: usize, content: usize, notes: Vec<Note>) -> Self {
        Self {
            heading,
            start,
            end: content,
            prefix: Vec::new(),
            content: content..content,
            earlier: Vec::new(),
            end_token: None,
            complete: false,
            notes,
        }
    }

    /// Adds a note.
    pub(super) fn note(&mut self, code: &'static str, at: usize) {
        push_note(&mut self.notes, code, at);
    }

    /// Whether a note of this code was added.
    pub fn has(&self, code: &str) -> bool {
        self.notes.iter().any(|note| note.code == code)
    }

    /// The content as one range of the input, if it is one.
    pub fn whole_content(&self) -> Option<Range<usize>> {
        (self.prefix.is_empty() && self.earlier.is_empty()).then(|| self.content.clone())
    }

    /// Every piece of the content that lies in the input.
    pub fn pieces(&self) -> impl Iterator<Item = Range<usize>> {
        self.earlier.iter().chain([&self.content]).cloned()
    }

    /// Adds stray tokens that follow it.
    pub fn extend(&mut self, end: usize, notes: Vec<Note>) {
        self.end = end;
        self.notes.extend(notes);
    }
}

/// What the machine reports.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A header was read.
    Start(Found),
    /// A message is over.
    End(Found),
    /// Stray tokens after the message that ended last.
    Trailing {
        /// Where they end.
        end: usize,
        /// What was found.
        notes: Vec<Note>,
    },
}
