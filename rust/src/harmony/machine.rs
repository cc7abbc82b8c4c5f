//! The state machine under the parser: structural tokens and header text in, positions of messages out.
//!
//! It is the same for ids and for text: a position is the index of an id, or a byte of the text. Contents are never
//! looked at, so whoever feeds it may skip from one structural token to the next. Headers are capped at
//! [`LONGEST_HEADER`] bytes, and no input is an error.
//!
//! ```text
//!             START                    MESSAGE, or the cap
//! Between ------------> Header ------------------------------> Content
//!    ^   (any other        | END CALL RETURN                      | END CALL RETURN
//!    |    but an end:      | (content without a header)           | START (the end is missing)
//!    |    START missing)   v                                      v CHANNEL .. MESSAGE (end and START are missing)
//!    +--------------------------------------------------------------
//! ```

use std::sync::Arc;

use super::diagnostic as code;
use super::found::{Found, Note, Seen, push_note};
use super::header::{HeaderText, LONGEST_HEADER};
use super::heading::{Heading, Headings};
use super::message::{End, Role};
use super::token::Special;

/// A place in the input, as messages tell it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Index of the id; `None` for text.
    pub token: Option<usize>,
    /// Byte offset.
    pub byte: usize,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    /// After an ending token.
    Between,
    /// In a header, whose text is [`Machine::text`].
    Header {
        start: usize,
        /// `<|start|>` was there. If not, the author is implied.
        started: bool,
        notes: Vec<Note>,
    },
    /// In the content of `found`.
    Content {
        found: Box<Found>,
        /// Where `<|channel|>` stood: what followed, in [`Machine::text`], is the header of a next message if
        /// `<|message|>` comes.
        provisional: Option<usize>,
    },
}

/// The machine; see the module.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) state: State,
    /// The header, or provisional header, that is being read.
    pub(super) text: HeaderText,
    pub(super) role: Role,
    /// Who speaks where no author is written.
    pub(super) author: Role,
    pub(super) tools: Vec<String>,
    /// Number of messages that ended.
    pub(super) ended: usize,
    /// Where the last of them ends, and what stray tokens after it were.
    pub(super) trailing: (usize, Vec<Note>),
    headings: Headings,
    seen: Vec<Seen>,
}

impl Machine {
    /// A machine at the start of a completion: inside a header whose author is `role`.
    pub fn new(role: Role, tools: Vec<String>) -> Self {
        Self {
            state: State::Header { start: 0, started: false, notes: Vec::new() },
            text: HeaderText::default(),
            role,
            author: role,
            tools,
            ended: 0,
            trailing: (0, Vec::new()),
            headings: Headings::default(),
            seen: Vec::new(),
        }
    }

    /// Begins anew with another input; the headings that are known stay.
    pub fn restart(&mut self) {
        self.state = State::Header { start: 0, started: false, notes: Vec::new() };
        self.text.clear();
        self.author = self.role;
        self.ended = 0;
        self.trailing = (0, Vec::new());
    }

    /// Whether ordinary text is content, which need not be fed.
    #[inline]
    pub fn is_in_content(&self) -> bool {
        matches!(self.state, State::Content { provisional: None, .. })
    }

    /// The open message, and the position up to which its content is settled when the input is read up to `at`.
    pub(super) fn open_message(&self, at: usize) -> Option<(&Found, usize)> {
        match &self.state {
            State::Content { found, provisional } => Some((found, provisional.unwrap_or(at))),
            _ => None,
        }
    }

    /// Whether anything was seen since it was last taken.
    #[inline]
    pub fn has_seen(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Takes what was seen since the last call.
    pub fn take_seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    /// Ordinary bytes that stand at `at..after`.
    pub fn text(&mut self, bytes: &[u8], at: usize, after: usize) {
        if bytes.is_empty() {
            return;
        }
        match &self.state {
            State::Content { provisional: None, .. } => return,
            State::Between => self.begin_header(at, false),
            State::Header { .. } | State::Content { .. } => {}
        }
        let room = LONGEST_HEADER.saturating_sub(self.text.length());
        if bytes.len() <= room {
            self.text.bytes.extend_from_slice(bytes);
            return;
        }
        let (fits, rest) = bytes.split_at(room);
        self.text.bytes.extend_from_slice(fits);
        if after - at == bytes.len() {
            // Every byte has a position.
            self.overflow(at + room, at + room, &[]);
        } else {
            self.overflow(at, after, rest);
        }
    }

    /// A structural token that stands at `at..after`.
    #[inline]
    pub fn special(&mut self, special: Special, at: usize, after: usize) {
        match &self.state {
            State::Between => self.special_between(special, at, after),
            State::Header { .. } => self.special_in_header(special, at, after),
            State::Content { .. } => self.special_in_content(special, at, after),
        }
    }

    /// An id that is no token.
    pub fn unknown_token(&mut self, at: usize, after: usize) {
        self.text("\u{fffd}".as_bytes(), at, after);
        match &mut self.state {
            State::Between => self.note_trailing(code::UNKNOWN_TOKEN, at),
            State::Header { notes, .. } => push_note(notes, code::UNKNOWN_TOKEN, at),
            State::Content { found, .. } => found.note(code::UNKNOWN_TOKEN, at),
        }
    }

    /// The input is over at `at`.
    pub fn finish(&mut self, at: usize) {
        if let State::Content { provisional: Some(_), .. } = self.state {
            self.rejoin();
        }
        if let State::Header { start, notes, .. } = &self.state {
            let is_untouched = self.text.is_empty() && *start == at && notes.is_empty();
            if is_untouched || self.skip_leftover() {
                self.state = State::Between;
            } else {
                self.close_header(code::TRUNCATED_HEADER, at);
            }
        }
        if let State::Content { found, .. } = &mut self.state {
            if !found.has(code::TRUNCATED_HEADER) {
                found.note(code::TRUNCATED_CONTENT, at);
            }
            self.close(None, false, at, at);
        }
        self.report_trailing(at);
    }

    fn begin_header(&mut self, start: usize, started: bool) {
        self.text.clear();
        self.state = State::Header { start, started, notes: Vec::new() };
    }

    fn special_between(&mut self, special: Special, at: usize, after: usize) {
        match special {
            Special::End | Special::Call | Special::Return => self.note_trailing(code::STRAY_END, at),
            Special::EndOfText => self.note_trailing(code::ENDOFTEXT, at),
            Special::Start => self.begin_header(at, true),
            Special::Channel | Special::Message | Special::Constrain => {
                self.begin_header(at, false);
                self.special_in_header(special, at, after);
            }
        }
    }

    fn special_in_header(&mut self, special: Special, at: usize, after: usize) {
        let State::Header { start, started, notes } = &mut self.state else { return };
        match special {
            Special::Channel | Special::Message | Special::Constrain
                if !*started && self.text.is_free_text() =>
            {
                // What the model wrote without a header is a message of its own; the header begins here.
                self.close_header(code::STRAY_TEXT, at);
                self.close(None, true, at, at);
                self.begin_header(at, false);
                self.special_in_header(special, at, after);
            }
            Special::Message => self.open(at, after),
            Special::Channel | Special::Constrain => {
                if special == Special::Channel && !*started && self.text.is_lone_channel() {
                    // After a call the model may write a channel word too many before it begins anew.
                    push_note(notes, code::STRAY_TEXT, *start);
                    self.text.clear();
                }
                if self.text.length() + special.text().len() > LONGEST_HEADER {
                    self.overflow(at, at, &[]);
                    return self.special_in_content(special, at, after);
                }
                self.text.mark(special);
            }
            Special::Start if self.text.is_empty() => {
                if *started {
                    push_note(notes, code::DUPLICATE_START, at);
                }
                *started = true;
            }
            Special::Start => {
                if !self.skip_leftover() {
                    self.close_header(code::MISSING_MESSAGE, at);
                    self.close(None, true, at, at);
                }
                self.begin_header(at, true);
            }
            Special::End | Special::Call | Special::Return | Special::EndOfText => {
                if self.skip_leftover() {
                    self.state = State::Between;
                    return self.special_between(special, at, after);
                }
                self.close_header(code::MISSING_MESSAGE, at);
                self.special_in_content(special, at, after);
            }
        }
    }

    fn special_in_content(&mut self, special: Special, at: usize, after: usize) {
        let State::Content { provisional, .. } = &self.state else { return };
        if provisional.is_some() {
            match special {
                Special::Message => return self.commit(at, after),
                Special::Constrain if self.text.length() + special.text().len() <= LONGEST_HEADER => {
                    return self.text.mark(special);
                }
                _ => self.rejoin(),
            }
        }
        let State::Content { found, provisional } = &mut self.state else { return };
        match special {
            Special::End => self.close(Some(End::End), true, at, after),
            Special::Call => self.close(Some(End::Call), true, at, after),
            Special::Return => self.close(Some(End::Return), true, at, after),
            Special::EndOfText => {
                found.note(code::ENDOFTEXT, at);
                self.close(None, true, at, after);
            }
            Special::Start => {
                found.note(code::MISSING_END, at);
                self.close(None, true, at, at);
                self.begin_header(at, true);
            }
            Special::Channel => {
                *provisional = Some(at);
                self.text.clear();
                self.text.mark(special);
            }
            Special::Message => {
                found.note(code::STRAY_MESSAGE, at);
                found.earlier.push(found.content.start..at);
                found.content = after..after;
            }
            Special::Constrain => found.note(code::STRAY_CONSTRAIN, at),
        }
    }

    /// The provisional header within the content is one: end the message before it.
    fn commit(&mut self, at: usize, after: usize) {
        let State::Content { found, provisional } = &mut self.state else { return };
        let Some(start) = provisional.take() else { return };
        found.note(code::MISSING_END, start);
        self.close(None, true, start, start);
        self.state = State::Header { start, started: false, notes: Vec::new() };
        self.open(at, after);
    }

    /// The provisional header within the content is none: it is content.
    fn rejoin(&mut self) {
        let State::Content { found, provisional } = &mut self.state else { return };
        let Some(start) = provisional.take() else { return };
        found.note(code::STRAY_CHANNEL, start);
    }

    /// The header is too long to be one; `rest` and what stands from `content` on is content.
    fn overflow(&mut self, at: usize, content: usize, rest: &[u8]) {
        match &self.state {
            State::Header { .. } => self.recover(code::MISSING_MESSAGE, at, content, rest),
            State::Content { .. } => self.rejoin(),
            State::Between => {}
        }
    }

    /// Drops a header that holds only a lone header word, to be counted to the message before it.
    fn skip_leftover(&mut self) -> bool {
        let State::Header { start, started, .. } = self.state else { return false };
        let skipped = !started && self.ended > 0 && self.text.is_leftover();
        if skipped && !self.text.is_empty() {
            self.note_trailing(code::STRAY_TEXT, start);
        }
        skipped
    }

    fn open(&mut self, at: usize, content: usize) {
        let State::Header { started, .. } = self.state else { return };
        let heading = self.headings.read(&self.text, (!started).then_some(self.author), &self.tools);
        self.begin_content(heading, at, content, Vec::new(), None);
    }

    /// Turns a header that lacks `<|message|>` into a message whose content is the header's rest.
    fn close_header(&mut self, code: &'static str, at: usize) {
        self.recover(code, at, at, &[]);
    }

    fn recover(&mut self, code: &'static str, at: usize, content: usize, rest: &[u8]) {
        let State::Header { started, .. } = self.state else { return };
        let author = (!started).then_some(self.author);
        let (heading, mut prefix) = Heading::recover(&self.text, author, &self.tools);
        prefix.extend_from_slice(rest);
        self.begin_content(heading, at, content, prefix, Some(code));
    }

    fn begin_content(
        &mut self,
        heading: Arc<Heading>,
        at: usize,
        content: usize,
        prefix: Vec<u8>,
        missing: Option<&'static str>,
    ) {
        let State::Header { start, started, notes } = std::mem::replace(&mut self.state, State::Between)
        else {
            return;
        };
        self.report_trailing(start);
        let mut found = Found { prefix, ..Found::open(heading, start, content, notes) };
        let after_others = self.ended > 0;
        if after_others {
            // Later headers without `<|start|>` are the model's, whoever spoke first.
            self.author = Role::Assistant;
            if !started {
                found.note(code::MISSING_START, start);
            }
        }
        for index in 0..found.heading.notes.len() {
            let code = found.heading.notes[index];
            if !(after_others && code == code::REPEATED_AUTHOR) {
                found.note(code, at);
            }
        }
        if let Some(code) = missing {
            found.note(code, at);
        }
        self.seen.push(Seen::Start(found.clone()));
        self.state = State::Content { found: Box::new(found), provisional: None };
    }

    /// Ends the open message, whose content ends at `at`, at `after`.
    fn close(&mut self, end: Option<End>, complete: bool, at: usize, after: usize) {
        let State::Content { found, .. } = std::mem::replace(&mut self.state, State::Between) else { return };
        let mut found = *found;
        found.content.end = at.max(found.content.start);
        found.end = after;
        found.end_token = end;
        found.complete = complete;
        self.seen.push(Seen::End(found));
        self.ended += 1;
        self.author = Role::Assistant;
        self.trailing = (after, Vec::new());
    }

    /// Reports stray tokens between the last message and `at`.
    fn report_trailing(&mut self, at: usize) {
        let (end, notes) = &mut self.trailing;
        if self.ended == 0 || *end == at {
            return;
        }
        *end = at;
        let notes = std::mem::take(notes);
        self.seen.push(Seen::Trailing { end: at, notes });
    }

    /// Repeated padding is one finding.
    fn note_trailing(&mut self, code: &'static str, at: usize) {
        let (_, notes) = &mut self.trailing;
        if code != code::ENDOFTEXT || notes.iter().all(|known| known.code != code) {
            push_note(notes, code, at);
        }
    }
}
