//! Positions back to what stands there: contents, and messages as they were written.

use std::ops::Range;

use super::calls;
use super::decode::{append_lossy, byte_length, lossy_text};
use super::diagnostic::severity;
use super::found::{Found, Note};
use super::machine::Place;
use super::message::{Diagnostic, End, Message, Role, Written};

/// What positions count.
#[derive(Clone, Copy, Debug)]
pub enum Units<'i> {
    /// Ids.
    Ids(&'i [u32]),
    /// Bytes of text.
    Text(&'i [u8]),
}

/// A part of an input.
#[derive(Clone, Copy, Debug)]
pub struct Window<'i> {
    /// The ids or the text.
    pub units: Units<'i>,
    /// Position of the first of them.
    pub start: usize,
    /// A position from which on bytes are counted, and the byte offset that it has.
    pub counted: (usize, usize),
}

impl<'i> Window<'i> {
    /// A whole input.
    pub fn whole(units: Units<'i>) -> Self {
        Self { units, start: 0, counted: (0, 0) }
    }

    fn indexes(&self, positions: Range<usize>) -> Range<usize> {
        positions.start.saturating_sub(self.start)..positions.end.saturating_sub(self.start)
    }

    /// Appends the bytes that stand at `positions`.
    pub fn append_bytes(&self, positions: Range<usize>, bytes: &mut Vec<u8>) {
        let at = self.indexes(positions);
        match self.units {
            Units::Ids(ids) => append_lossy(ids.get(at).unwrap_or_default(), bytes),
            Units::Text(text) => bytes.extend_from_slice(text.get(at).unwrap_or_default()),
        }
    }

    /// Byte offset of a position.
    pub fn byte_at(&self, position: usize) -> usize {
        let Units::Ids(ids) = self.units else { return position };
        let (at, byte) = self.counted;
        let length = |positions| byte_length(ids.get(self.indexes(positions)).unwrap_or_default());
        if position >= at { byte + length(at..position) } else { byte.saturating_sub(length(position..at)) }
    }

    /// Counts bytes from `position` on from now on.
    pub fn count_from(&mut self, position: usize) {
        self.counted = (position, self.byte_at(position));
    }

    fn place(&self, position: usize) -> Place {
        let token = matches!(self.units, Units::Ids(_)).then_some(position);
        Place { token, byte: self.byte_at(position) }
    }

    fn written(&self, positions: Range<usize>) -> Written {
        let at = self.indexes(positions);
        match self.units {
            Units::Ids(ids) => Written::Ids(ids.get(at).unwrap_or_default().to_vec()),
            Units::Text(text) => {
                Written::Text(String::from_utf8_lossy(text.get(at).unwrap_or_default()).into_owned())
            }
        }
    }

    /// Bytes of the content of a message.
    pub fn content(&self, found: &Found) -> Vec<u8> {
        let mut bytes = found.prefix.clone();
        for piece in found.pieces() {
            self.append_bytes(piece, &mut bytes);
        }
        bytes
    }

    /// The message that was found; bytes are counted from its end from now on.
    pub fn message(&mut self, found: &Found) -> Message {
        self.count_from(found.start);
        let start = self.place(found.start);
        let mut message = self.heading(found);
        let content = self.content(found);
        self.counted = match found.whole_content() {
            // The content need not be measured once more.
            Some(whole) => {
                let header = self.byte_at(whole.start);
                (whole.end, header + content.len())
            }
            None => (found.content.end, self.byte_at(found.content.end)),
        };
        let ending = self.place(found.content.end);
        self.count_from(found.end);
        let end = self.place(found.end);
        message.content = lossy_text(content);
        message.tokens = start.token.zip(end.token).map(|(start, end)| start..end);
        message.bytes = start.byte..end.byte;
        message.written = self.written(found.start..found.end);
        message.end = found.end_token;
        message.complete = found.complete;
        calls::mark(&mut message, ending);
        message
    }

    /// The tool that a message calls, and what is odd about the call, as in [`Self::message`].
    pub fn call(&self, found: &Found) -> (Option<String>, Vec<Note>) {
        let heading = &*found.heading;
        let may_call = heading.recipient.is_some() || found.end_token == Some(End::Call);
        if heading.role != Role::Assistant || !may_call {
            return (None, Vec::new());
        }
        // What was sent matters for functions alone.
        let is_python =
            heading.recipient.as_deref().is_none_or(|name| calls::canonical_tool(name) == Some("python"));
        let content = if is_python { Vec::new() } else { self.content(found) };
        let mut message = Message {
            content: lossy_text(content),
            end: found.end_token,
            complete: found.complete,
            ..self.heading(found)
        };
        let known = message.diagnostics.len();
        calls::mark(&mut message, Place::default());
        let note = |odd: Diagnostic| Note { code: odd.code, at: found.content.end };
        (message.tool, message.diagnostics.drain(known..).map(note).collect())
    }

    /// The message so far: what its header says.
    pub fn heading(&self, found: &Found) -> Message {
        let heading = &*found.heading;
        let diagnostic = |note: &Note| {
            let place = self.place(note.at);
            let (token_offset, byte_offset) = (place.token, place.byte);
            Diagnostic { code: note.code, token_offset, byte_offset, severity: severity(note.code) }
        };
        Message {
            role: heading.role,
            author: heading.author.clone(),
            channel: heading.channel.clone(),
            recipient: heading.recipient.clone(),
            content_type: heading.content_type.clone(),
            constrained: heading.constrained,
            header: heading.text.clone(),
            diagnostics: found.notes.iter().map(diagnostic).collect(),
            ..Message::default()
        }
    }
}
