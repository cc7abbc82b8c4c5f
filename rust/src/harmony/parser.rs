//! Feeds ids or text to the machine, in any chunks.

use memchr::memmem;

use super::event::{Event, messages};
use super::input::Input;
use super::machine::{Machine, Place};
use super::message::{Message, Role, Written};
use super::token::{FIRST_SPECIAL, Special, special_text};
use super::vocab::vocabulary;

/// How an input is read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Author of a completion's first message, whose `<|start|>assistant` stands at the end of the prompt.
    pub role: Role,
    /// Names of tools beside `python`, `browser` and `container`, to recognise them in damaged headers.
    pub tools: Vec<String>,
}

/// Ids were pushed after text, or text after ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one parser reads either token ids or text, not both")]
pub struct MixedInput;

/// Reads one completion or conversation, chunk by chunk.
#[derive(Debug)]
pub struct Parser {
    machine: Machine,
    place: Place,
    /// The end of the text so far, when it may be the beginning of a special token.
    held: Vec<u8>,
    is_empty: bool,
    input: Input,
}

/// Messages of ids.
pub fn parse_ids(ids: &[u32], options: Options) -> Vec<Message> {
    let mut parser = Parser::with_deltas(options, false);
    parser.feed_ids(ids);
    parser.end();
    let mut messages = messages(parser.machine.take_events());
    for message in &mut messages {
        if let Some(tokens) = message.tokens.clone() {
            message.written = Written::Ids(ids[tokens].to_vec());
        }
    }
    messages
}

/// Messages of text. Whoever wrote part of the text can imitate special tokens in it; ids are safe from that.
pub fn parse_text(text: &str, options: Options) -> Vec<Message> {
    let mut parser = Parser::with_deltas(options, false);
    parser.feed_text(text.as_bytes());
    parser.end();
    let mut messages = messages(parser.machine.take_events());
    for message in &mut messages {
        message.written = Written::Text(text[message.bytes.clone()].to_owned());
    }
    messages
}

impl Parser {
    /// A parser at the start of an input.
    pub fn new(options: Options) -> Self {
        Self::with_deltas(options, true)
    }

    fn with_deltas(options: Options, deltas: bool) -> Self {
        Self {
            machine: Machine::new(options.role, options.tools, deltas),
            place: Place::default(),
            held: Vec::new(),
            is_empty: true,
            input: Input::default(),
        }
    }

    /// Reads ids; says what happened.
    pub fn push_ids(&mut self, ids: &[u32]) -> Result<Vec<Event>, MixedInput> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        if !self.is_empty && self.place.token.is_none() {
            return Err(MixedInput);
        }
        self.input.ids.extend_from_slice(ids);
        self.feed_ids(ids);
        Ok(self.take_events())
    }

    /// Reads text; says what happened.
    pub fn push_text(&mut self, text: &str) -> Result<Vec<Event>, MixedInput> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if self.place.token.is_some() {
            return Err(MixedInput);
        }
        self.input.text.push_str(text);
        self.feed_text(text.as_bytes());
        Ok(self.take_events())
    }

    /// Ends the input: an open message is reported as cut off.
    pub fn finish(&mut self) -> Vec<Event> {
        self.end();
        self.take_events()
    }

    fn take_events(&mut self) -> Vec<Event> {
        let mut events = self.machine.take_events();
        self.input.attach(&mut events);
        events
    }

    fn end(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.ordinary(&held);
        self.machine.finish(self.place);
    }

    fn feed_ids(&mut self, ids: &[u32]) {
        if self.is_empty {
            self.machine.start_of_ids();
        }
        self.is_empty = false;
        let table = vocabulary();
        let mut index = self.place.token.unwrap_or(0);
        let mut rest = ids;
        while let [id, after @ ..] = rest {
            self.place.token = Some(index);
            if let Some(bytes) = table.bytes(*id) {
                if let Some(content) = self.machine.open_content() {
                    let taken = append_ordinary(rest, content, &mut self.place.byte);
                    index += taken;
                    rest = &rest[taken..];
                    continue;
                }
                self.machine.text(bytes, self.place);
                self.place.byte += bytes.len();
            } else {
                self.special_id(*id, index);
            }
            index += 1;
            rest = after;
        }
        self.place.token = Some(index);
    }

    fn special_id(&mut self, id: u32, index: usize) {
        let place = self.place;
        if let Some(special) = Special::from_id(id) {
            let after = Place { token: Some(index + 1), byte: place.byte + special.text().len() };
            self.machine.special(special, place, after);
            self.place.byte = after.byte;
        } else if let Some(text) = special_text(id) {
            self.machine.text(text.as_bytes(), place);
            self.place.byte += text.len();
        } else {
            self.machine.unknown_token(place);
            self.place.byte += '\u{fffd}'.len_utf8();
        }
    }

    fn feed_text(&mut self, chunk: &[u8]) {
        self.is_empty = false;
        if self.held.is_empty() {
            return self.scan(chunk);
        }
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(chunk);
        self.scan(&joined);
    }

    fn scan(&mut self, bytes: &[u8]) {
        let mut done = 0;
        for at in memmem::find_iter(bytes, b"<|") {
            let Some(special) = Special::at_start_of(&bytes[at..]) else { continue };
            self.ordinary(&bytes[done..at]);
            let after = Place { token: None, byte: self.place.byte + special.text().len() };
            self.machine.special(special, self.place, after);
            self.place = after;
            done = at + special.text().len();
        }
        let rest = &bytes[done..];
        let held = beginning_of_special(rest);
        self.ordinary(&rest[..rest.len() - held]);
        self.held = rest[rest.len() - held..].to_vec();
    }

    fn ordinary(&mut self, bytes: &[u8]) {
        self.machine.text(bytes, self.place);
        self.place.byte += bytes.len();
    }
}

/// Appends the bytes of the ordinary tokens at the start of `ids`; says how many there were.
fn append_ordinary(ids: &[u32], content: &mut Vec<u8>, byte: &mut usize) -> usize {
    let table = vocabulary();
    let before = content.len();
    let count = ids.iter().position(|&id| id >= FIRST_SPECIAL).unwrap_or(ids.len());
    for &id in &ids[..count] {
        content.extend_from_slice(table.bytes(id).unwrap_or_default());
    }
    *byte += content.len() - before;
    count
}

/// Length of the end of `bytes` that may be the beginning of a special token.
fn beginning_of_special(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(Special::LONGEST_TEXT - 1);
    let may_begin =
        |tail: &[u8]| Special::ALL.iter().any(|special| special.text().as_bytes().starts_with(tail));
    (from..bytes.len())
        .find(|&at| bytes[at] == b'<' && may_begin(&bytes[at..]))
        .map_or(0, |at| bytes.len() - at)
}
