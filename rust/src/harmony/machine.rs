//! The state machine under the parser: ordinary bytes and structural tokens in, events out.
//!
//! It is the same for ids and for text. Every token is looked at once, headers are capped at
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

use super::calls;
use super::decode::lossy_text;
use super::diagnostic::{self as code, severity};
use super::event::{Event, Trailing};
use super::header::{self, Fields, HeaderText, LONGEST_HEADER};
use super::message::{Diagnostic, End, Message, Role};
use super::token::Special;

/// Diagnostics kept per message.
const MOST_DIAGNOSTICS: usize = 32;

/// A place in the input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Index of the id; `None` for text.
    pub token: Option<usize>,
    /// Byte offset.
    pub byte: usize,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a parser has one, and changes it per message")]
enum State {
    /// After an ending token.
    Between,
    Header(Header),
    Content(Content),
}

#[derive(Debug)]
struct Header {
    start: Place,
    /// `<|start|>` was there. If not, the author is implied.
    started: bool,
    text: HeaderText,
    notes: Vec<Diagnostic>,
}

#[derive(Debug)]
struct Content {
    start: Place,
    message: Message,
    bytes: Vec<u8>,
    /// How many of them were reported as deltas.
    reported: usize,
    /// `<|channel|>` and what followed it: the header of a next message if `<|message|>` comes.
    provisional: Option<(Place, HeaderText)>,
}

/// The machine; see the module.
#[derive(Debug)]
pub struct Machine {
    state: State,
    author: String,
    tools: Vec<String>,
    report_deltas: bool,
    index: usize,
    trailing: Trailing,
    events: Vec<Event>,
}

impl Machine {
    /// A machine at the start of a completion: inside a header whose author is `role`.
    pub fn new(role: Role, tools: Vec<String>, report_deltas: bool) -> Self {
        Self {
            state: State::Header(Header::new(Place::default(), false)),
            author: role.word().to_owned(),
            tools,
            report_deltas,
            index: 0,
            trailing: Trailing::default(),
            events: Vec::new(),
        }
    }

    /// The input is ids: places have token indexes, from 0 on.
    pub fn start_of_ids(&mut self) {
        if let State::Header(header) = &mut self.state {
            header.start.token = Some(0);
        }
    }

    /// The content that ordinary tokens may be appended to without a further look.
    #[inline]
    pub fn open_content(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.state {
            State::Content(Content { provisional: None, bytes, .. }) => Some(bytes),
            _ => None,
        }
    }

    /// Takes what happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.report_delta(false);
        std::mem::take(&mut self.events)
    }

    /// Ordinary bytes at `place`.
    pub fn text(&mut self, mut bytes: &[u8], place: Place) {
        if bytes.is_empty() {
            return;
        }
        if matches!(self.state, State::Between) {
            self.state = State::Header(Header::new(place, false));
        }
        let buffer = match &mut self.state {
            State::Between => return,
            State::Header(header) => &mut header.text,
            State::Content(Content { provisional: Some((_, text)), .. }) => text,
            State::Content(content) => {
                content.bytes.extend_from_slice(bytes);
                return;
            }
        };
        let room = LONGEST_HEADER.saturating_sub(buffer.length());
        if bytes.len() <= room {
            buffer.bytes.extend_from_slice(bytes);
            return;
        }
        buffer.bytes.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        self.overflow(Place { byte: place.byte + room, ..place });
        if let State::Content(content) = &mut self.state {
            content.bytes.extend_from_slice(bytes);
        }
    }

    /// A structural token that covers `place..after`.
    pub fn special(&mut self, special: Special, place: Place, after: Place) {
        match &self.state {
            State::Between => self.special_between(special, place, after),
            State::Header(_) => self.special_in_header(special, place, after),
            State::Content(_) => self.special_in_content(special, place, after),
        }
    }

    /// An id that is no token.
    pub fn unknown_token(&mut self, place: Place) {
        self.text("\u{fffd}".as_bytes(), place);
        self.note(code::UNKNOWN_TOKEN, place);
    }

    /// The input is over at `place`.
    pub fn finish(&mut self, place: Place) {
        if let State::Content(Content { provisional: Some(_), .. }) = self.state {
            self.rejoin(code::STRAY_CHANNEL);
        }
        if let State::Header(header) = &self.state {
            if header.is_untouched(place) || self.skip_leftover() {
                self.state = State::Between;
            } else {
                self.close_header(code::TRUNCATED_HEADER, place);
            }
        }
        if matches!(self.state, State::Content(_)) {
            if let State::Content(content) = &mut self.state
                && !content.message.has(code::TRUNCATED_HEADER)
            {
                content.note(code::TRUNCATED_CONTENT, place);
            }
            self.close(None, false, place);
        }
        self.report_trailing(place);
    }

    fn special_between(&mut self, special: Special, place: Place, after: Place) {
        match special {
            Special::End | Special::Call | Special::Return => self.trailing.note(code::STRAY_END, place),
            Special::EndOfText => self.trailing.note(code::ENDOFTEXT, place),
            Special::Start => self.state = State::Header(Header::new(place, true)),
            Special::Channel | Special::Message | Special::Constrain => {
                self.state = State::Header(Header::new(place, false));
                self.special_in_header(special, place, after);
            }
        }
    }

    fn special_in_header(&mut self, special: Special, place: Place, after: Place) {
        let State::Header(header) = &mut self.state else { return };
        let free_text = !header.started && header.text.is_free_text();
        match special {
            Special::Channel | Special::Message | Special::Constrain if free_text => {
                // What the model wrote without a header is a message of its own; the header begins here.
                self.close_header(code::STRAY_TEXT, place);
                self.close(None, true, place);
                self.state = State::Header(Header::new(place, false));
                self.special_in_header(special, place, after);
            }
            Special::Message => self.open_message(place),
            Special::Channel | Special::Constrain => {
                if special == Special::Channel && !header.started && header.text.is_lone_channel() {
                    // After a call the model may write a channel word too many before it begins anew.
                    header.note(code::STRAY_TEXT, header.start);
                    header.text = HeaderText::default();
                }
                if header.text.length() + special.text().len() > LONGEST_HEADER {
                    self.overflow(place);
                    return self.special_in_content(special, place, after);
                }
                header.text.mark(special);
            }
            Special::Start if header.text.is_empty() => {
                if header.started {
                    header.note(code::DUPLICATE_START, place);
                }
                header.started = true;
            }
            Special::Start => {
                if !self.skip_leftover() {
                    self.close_header(code::MISSING_MESSAGE, place);
                    self.close(None, true, place);
                }
                self.state = State::Header(Header::new(place, true));
            }
            Special::End | Special::Call | Special::Return | Special::EndOfText => {
                if self.skip_leftover() {
                    self.state = State::Between;
                    return self.special_between(special, place, after);
                }
                self.close_header(code::MISSING_MESSAGE, place);
                self.special_in_content(special, place, after);
            }
        }
    }

    fn special_in_content(&mut self, special: Special, place: Place, after: Place) {
        let State::Content(content) = &mut self.state else { return };
        match (&mut content.provisional, special) {
            (Some(_), Special::Message) => return self.commit(place),
            (Some((_, text)), Special::Constrain)
                if text.length() + special.text().len() <= LONGEST_HEADER =>
            {
                return text.mark(special);
            }
            (Some(_), _) => self.rejoin(code::STRAY_CHANNEL),
            (None, _) => {}
        }
        let State::Content(content) = &mut self.state else { return };
        match special {
            Special::End => self.close(Some(End::End), true, after),
            Special::Call => self.close(Some(End::Call), true, after),
            Special::Return => self.close(Some(End::Return), true, after),
            Special::EndOfText => {
                content.note(code::ENDOFTEXT, place);
                self.close(None, true, after);
            }
            Special::Start => {
                content.note(code::MISSING_END, place);
                self.close(None, true, place);
                self.state = State::Header(Header::new(place, true));
            }
            Special::Channel => {
                let mut text = HeaderText::default();
                text.mark(special);
                content.provisional = Some((place, text));
            }
            Special::Message => content.note(code::STRAY_MESSAGE, place),
            Special::Constrain => {
                content.note(code::STRAY_CONSTRAIN, place);
                content.bytes.extend_from_slice(special.text().as_bytes());
            }
        }
    }

    /// The provisional header within the content is one: end the message before it.
    fn commit(&mut self, place: Place) {
        let State::Content(content) = &mut self.state else { return };
        let Some((start, text)) = content.provisional.take() else { return };
        content.note(code::MISSING_END, start);
        self.close(None, true, start);
        let mut header = Header::new(start, false);
        header.text = text;
        self.state = State::Header(header);
        self.open_message(place);
    }

    /// The provisional header within the content is none: it is content.
    fn rejoin(&mut self, code: &'static str) {
        let State::Content(content) = &mut self.state else { return };
        let Some((start, text)) = content.provisional.take() else { return };
        content.note(code, start);
        content.bytes.extend_from_slice(&text.written_from(0, 0));
    }

    /// The header is too long to be one.
    fn overflow(&mut self, place: Place) {
        match &self.state {
            State::Header(_) => self.close_header(code::MISSING_MESSAGE, place),
            State::Content(_) => self.rejoin(code::STRAY_CHANNEL),
            State::Between => {}
        }
    }

    /// Drops a header that holds only a lone header word, to be counted to the message before it.
    fn skip_leftover(&mut self) -> bool {
        let State::Header(header) = &mut self.state else { return false };
        let skipped = !header.started && self.index > 0 && header.text.is_leftover();
        if skipped && !header.text.is_empty() {
            let start = header.start;
            self.trailing.note(code::STRAY_TEXT, start);
        }
        skipped
    }

    fn open_message(&mut self, place: Place) {
        self.open(place, None);
    }

    /// Turns a header that lacks `<|message|>` into a message whose content is the header's rest.
    fn close_header(&mut self, code: &'static str, place: Place) {
        self.open(place, Some(code));
    }

    fn open(&mut self, place: Place, missing: Option<&'static str>) {
        let State::Header(header) = std::mem::replace(&mut self.state, State::Between) else { return };
        self.report_trailing(header.start);
        let author = (!header.started).then_some(self.author.as_str());
        let fields = match missing {
            None => header::read(&header.text, author, &self.tools),
            Some(_) => header::recover(&header.text, author, &self.tools),
        };
        if self.index > 0 {
            // Later headers without `<|start|>` are the model's, whoever spoke first.
            "assistant".clone_into(&mut self.author);
        }
        let mut content = Content::new(header, fields, place, self.index > 0);
        if let Some(code) = missing {
            content.note(code, place);
        }
        let message = Box::new(content.message.clone());
        self.events.push(Event::Start { index: self.index, message });
        self.state = State::Content(content);
    }

    /// Ends the open message at `place`.
    fn close(&mut self, end: Option<End>, complete: bool, place: Place) {
        self.report_delta(true);
        let State::Content(content) = std::mem::replace(&mut self.state, State::Between) else { return };
        let Content { start, mut message, bytes, .. } = content;
        message.content = lossy_text(bytes);
        message.end = end;
        message.complete = complete;
        message.tokens = start.token.zip(place.token).map(|(start, end)| start..end);
        message.bytes = start.byte..place.byte;
        calls::mark(&mut message, place);
        self.events.push(Event::End { index: self.index, message: Box::new(message) });
        self.index += 1;
        "assistant".clone_into(&mut self.author);
        self.trailing = Trailing { token_end: place.token, byte_end: place.byte, ..Trailing::default() };
    }

    fn report_delta(&mut self, last: bool) {
        let State::Content(content) = &mut self.state else { return };
        let unreported = &content.bytes[content.reported..];
        let ready = if last { unreported.len() } else { whole_characters(unreported) };
        if ready == 0 {
            return;
        }
        if self.report_deltas {
            let text = String::from_utf8_lossy(&unreported[..ready]).into_owned();
            self.events.push(Event::Delta { index: self.index, text });
        }
        content.reported += ready;
    }

    /// Reports stray tokens between the last message and `place`.
    fn report_trailing(&mut self, place: Place) {
        if self.index == 0 || self.trailing.byte_end == place.byte && self.trailing.token_end == place.token {
            return;
        }
        let mut trailing = std::mem::take(&mut self.trailing);
        trailing.token_end = place.token;
        trailing.byte_end = place.byte;
        self.trailing.token_end = place.token;
        self.trailing.byte_end = place.byte;
        self.events.push(Event::Trailing { index: self.index - 1, trailing });
    }

    fn note(&mut self, code: &'static str, place: Place) {
        match &mut self.state {
            State::Between => self.trailing.note(code, place),
            State::Header(header) => header.note(code, place),
            State::Content(content) => content.note(code, place),
        }
    }
}

/// Length of `bytes` without a last character that is not complete yet.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    let incomplete = (tail..bytes.len()).find(|&at| {
        std::str::from_utf8(&bytes[at..])
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    });
    incomplete.unwrap_or(bytes.len())
}

fn push_note(notes: &mut Vec<Diagnostic>, code: &'static str, place: Place) {
    let code = match notes.len() {
        0..MOST_DIAGNOSTICS => code,
        MOST_DIAGNOSTICS => code::MORE_DIAGNOSTICS,
        _ => return,
    };
    notes.push(Diagnostic {
        code,
        token_offset: place.token,
        byte_offset: place.byte,
        severity: severity(code),
    });
}

impl Trailing {
    /// Repeated padding is one finding.
    fn note(&mut self, code: &'static str, place: Place) {
        if code != code::ENDOFTEXT || self.diagnostics.iter().all(|known| known.code != code) {
            push_note(&mut self.diagnostics, code, place);
        }
    }
}

impl Header {
    fn new(start: Place, started: bool) -> Self {
        Self { start, started, text: HeaderText::default(), notes: Vec::new() }
    }

    /// Nothing of it was in the input.
    fn is_untouched(&self, place: Place) -> bool {
        self.text.is_empty() && self.start.byte == place.byte && self.notes.is_empty()
    }

    fn note(&mut self, code: &'static str, place: Place) {
        push_note(&mut self.notes, code, place);
    }
}

impl Content {
    fn new(header: Header, fields: Fields, place: Place, after_others: bool) -> Self {
        let author = fields.author.unwrap_or_else(|| "assistant".to_owned());
        let message = Message {
            role: Role::of_author(&author),
            author,
            channel: fields.channel,
            recipient: fields.recipient,
            content_type: fields.content_type,
            constrained: fields.constrained,
            header: lossy_text(header.text.written_from(0, 0)),
            diagnostics: header.notes,
            ..Message::default()
        };
        let mut content =
            Self { start: header.start, message, bytes: fields.content, reported: 0, provisional: None };
        if after_others && !header.started {
            content.note(code::MISSING_START, header.start);
        }
        let repeated = |code: &&str| after_others && *code == code::REPEATED_AUTHOR;
        for code in fields.notes.into_iter().filter(|code| !repeated(code)) {
            content.note(code, place);
        }
        content
    }

    fn note(&mut self, code: &'static str, place: Place) {
        push_note(&mut self.message.diagnostics, code, place);
    }
}
