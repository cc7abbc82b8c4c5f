//! The header of a message: author, channel, recipient, content type.
//!
//! ```text
//! header = author [" to=" recipient] [CHANNEL channel [" to=" recipient]] [" "] [[CONSTRAIN] content-type]
//! ```
//!
//! The recipient may stand in either place, and what the model writes departs from the grammar in every other way
//! too; each departure has a repair and a diagnostic.

use super::diagnostic as code;
use super::recovery;
use super::token::Special;

/// Headers longer than this many bytes are cut: the rest is content.
pub const LONGEST_HEADER: usize = 256;

/// A header while it is read: its ordinary text, and where special tokens stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderText {
    /// The bytes of ordinary tokens.
    pub bytes: Vec<u8>,
    /// `<|channel|>` and `<|constrain|>`, with their offset in `bytes`.
    pub marks: Vec<(usize, Special)>,
    marks_length: usize,
}

impl HeaderText {
    /// Nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.marks.is_empty()
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.marks_length = 0;
    }

    /// Length as written.
    pub fn length(&self) -> usize {
        self.bytes.len() + self.marks_length
    }

    /// Adds a special token.
    pub fn mark(&mut self, special: Special) {
        self.marks.push((self.bytes.len(), special));
        self.marks_length += special.text().len();
    }

    /// What was written from the byte `from` and the mark `mark` on.
    pub fn written_from(&self, from: usize, mark: usize) -> Vec<u8> {
        let mut written = Vec::with_capacity(self.length());
        let mut at = from;
        for &(offset, special) in &self.marks[mark..] {
            written.extend_from_slice(&self.bytes[at..offset.max(at)]);
            written.extend_from_slice(special.text().as_bytes());
            at = offset.max(at);
        }
        written.extend_from_slice(&self.bytes[at..]);
        written
    }

    /// Whether there is no mark, and text that cannot be a header: words that the model wrote between messages.
    pub fn is_free_text(&self) -> bool {
        self.marks.is_empty() && !words(&String::from_utf8_lossy(&self.bytes)).all(is_header_word)
    }

    /// Whether there is no mark, and nothing but one channel word.
    pub fn is_lone_channel(&self) -> bool {
        self.marks.is_empty() && is_channel(String::from_utf8_lossy(&self.bytes).trim_matches(is_blank))
    }

    /// Whether there is no mark, and nothing but white space or one word that belongs into headers.
    pub fn is_leftover(&self) -> bool {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut found = words(&text);
        let alone = found.next().is_none_or(|word| word == "assistant" || is_channel(word));
        self.marks.is_empty() && alone && found.next().is_none()
    }
}

/// What a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// `None` when there was no author.
    pub author: Option<String>,
    /// The channel; of a glued word only the known part.
    pub channel: Option<String>,
    /// The name after `to=`.
    pub recipient: Option<String>,
    /// The content type.
    pub content_type: Option<String>,
    /// Whether `<|constrain|>` stood before it.
    pub constrained: bool,
    /// What turned out to be content (only for headers without `<|message|>`).
    pub content: Vec<u8>,
    /// Codes of the departures.
    pub notes: Vec<&'static str>,
}

const CHANNELS: [&str; 3] = ["analysis", "commentary", "final"];
const CONTENT_TYPES: [&str; 3] = ["code", "json", "text"];
const AUTHORS: [&str; 4] = ["assistant", "system", "developer", "user"];
const BUILT_IN_NAMESPACES: [&str; 4] = ["python", "browser", "container", "functions"];

pub(super) fn is_channel(word: &str) -> bool {
    CHANNELS.contains(&word)
}

pub(super) fn is_content_type(word: &str) -> bool {
    CONTENT_TYPES.contains(&word)
}

pub(super) fn is_author(word: &str) -> bool {
    AUTHORS.contains(&word)
}

pub(super) fn known_channel_prefix(text: &str) -> Option<&'static str> {
    CHANNELS.into_iter().find(|channel| text.starts_with(channel))
}

fn is_tool(word: &str, tools: &[String]) -> bool {
    let namespace = word.split_once('.').map_or(word, |(namespace, _)| namespace);
    tools.iter().any(|tool| tool == word) || BUILT_IN_NAMESPACES.contains(&namespace)
}

fn is_header_word(word: &str) -> bool {
    is_author(word)
        || is_channel(word)
        || is_content_type(word)
        || word.starts_with("to=")
        || is_tool(word, &[])
}

/// Unicode white space, and the invisible characters that models put beside it.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_blank).filter(|word| !word.is_empty())
}

/// A name ends where something that looks like a special token begins.
fn name(word: &str) -> &str {
    word.split("<|").next().unwrap_or(word)
}

/// Reads a header that `<|message|>` ended.
///
/// `author` is the author when it is not part of the header: at the start of a completion, and where `<|start|>` is
/// missing. `tools` are names of tools beside the built-in ones.
pub fn read(header: &HeaderText, author: Option<&str>, tools: &[String]) -> Fields {
    let mut reader = Reader::new(author, tools);
    let mut at = 0;
    for &(offset, special) in &header.marks {
        reader.text(&header.bytes[at..offset]);
        reader.special(special);
        at = offset;
    }
    reader.text(&header.bytes[at..]);
    reader.finish()
}

/// Reads a header that something else ended: an ending token, the cap, or the end of the input.
pub fn recover(header: &HeaderText, author: Option<&str>, tools: &[String]) -> Fields {
    let (role_part, channel_part, content) = recovery::split(header, author.is_some());
    let mut reader = Reader::new(author, tools);
    reader.text(role_part.as_bytes());
    for item in channel_part {
        match item {
            recovery::Item::Special(special) => reader.special(special),
            recovery::Item::Word(word) => reader.text(word.as_bytes()),
        }
    }
    Fields { content, ..reader.finish() }
}

/// What the next word is.
#[derive(PartialEq, Eq)]
enum Expect {
    Author,
    Channel,
    SecondChannel,
    ContentType,
    Recipient,
    Any,
}

struct Reader<'t> {
    fields: Fields,
    expect: Expect,
    implied_author: Option<&'t str>,
    tools: &'t [String],
    in_channel_part: bool,
    recipients: Vec<(bool, String)>,
}

impl<'t> Reader<'t> {
    fn new(implied_author: Option<&'t str>, tools: &'t [String]) -> Self {
        Self {
            fields: Fields::default(),
            expect: Expect::Author,
            implied_author,
            tools,
            in_channel_part: false,
            recipients: Vec::new(),
        }
    }

    fn note(&mut self, code: &'static str) {
        self.fields.notes.push(code);
    }

    /// What was announced and did not come.
    fn note_empty(&mut self) {
        match self.expect {
            Expect::ContentType => self.note(code::EMPTY_CONTENT_TYPE),
            Expect::Recipient => self.note(code::EMPTY_RECIPIENT),
            _ => {}
        }
    }

    fn special(&mut self, special: Special) {
        self.note_empty();
        if special == Special::Constrain {
            self.expect = Expect::ContentType;
            return;
        }
        self.in_channel_part = true;
        self.expect = if self.fields.channel.is_none() {
            Expect::Channel
        } else {
            self.note(code::DUPLICATE_CHANNEL);
            Expect::SecondChannel
        };
    }

    fn text(&mut self, bytes: &[u8]) {
        for word in words(&String::from_utf8_lossy(bytes)) {
            self.word(word);
        }
    }

    fn word(&mut self, word: &str) {
        if let Some(recipient) = word.strip_prefix("to=") {
            if self.expect == Expect::Channel {
                self.note(code::EMPTY_CHANNEL);
            }
            self.expect = Expect::Any;
            if recipient.is_empty() {
                self.expect = Expect::Recipient;
            } else {
                self.recipient(recipient);
            }
            return;
        }
        match std::mem::replace(&mut self.expect, Expect::Any) {
            Expect::Author => self.author(word),
            Expect::Channel => self.channel(word),
            Expect::SecondChannel if known_channel_prefix(word).is_some() => {}
            Expect::ContentType => {
                self.fields.content_type = Some(name(word).to_owned());
                self.fields.constrained = true;
            }
            Expect::Recipient => self.recipient(word),
            Expect::SecondChannel | Expect::Any => self.later_word(word),
        }
    }

    fn author(&mut self, word: &str) {
        match self.implied_author {
            None => self.fields.author = Some(name(word).to_owned()),
            Some(author) if author == word => self.note(code::REPEATED_AUTHOR),
            Some(_) if is_author(word) => {
                self.note(code::OTHER_AUTHOR);
                self.fields.author = Some(word.to_owned());
            }
            Some(_) => self.later_word(word),
        }
    }

    fn channel(&mut self, word: &str) {
        let word = name(word);
        let known = known_channel_prefix(word);
        self.fields.channel = Some(known.unwrap_or(word).to_owned()).filter(|channel| !channel.is_empty());
        match known.map(|channel| &word[channel.len()..]) {
            None => self.note(code::UNKNOWN_CHANNEL),
            Some("") => {}
            Some(glued) => {
                self.note(code::CHANNEL_GARBAGE);
                if glued.starts_with("to=") || is_content_type(glued) {
                    self.word(glued);
                }
            }
        }
    }

    fn recipient(&mut self, word: &str) {
        let whole = name(word);
        let glued = (CONTENT_TYPES.into_iter())
            .filter_map(|content_type| Some((whole.strip_suffix(content_type)?, content_type)))
            .find(|(tool, _)| !self.tools.iter().any(|known| known == whole) && self.is_named_tool(tool));
        let recipient = glued.map_or(whole, |(tool, content_type)| {
            self.fields.content_type.get_or_insert_with(|| content_type.to_owned());
            self.note(code::GLUED_RECIPIENT);
            tool
        });
        if !recipient.is_empty() {
            self.recipients.push((self.in_channel_part, recipient.to_owned()));
        }
    }

    fn is_named_tool(&self, word: &str) -> bool {
        word == "python" || word == "functions.python" || self.tools.iter().any(|tool| tool == word)
    }

    /// A word that is neither author, channel nor marked recipient.
    fn later_word(&mut self, word: &str) {
        if self.fields.content_type.is_none() && is_content_type(word) {
            self.fields.content_type = Some(word.to_owned());
        } else if !self.in_channel_part && self.fields.channel.is_none() && is_channel(word) {
            self.note(code::BARE_CHANNEL);
            self.fields.channel = Some(word.to_owned());
        } else if self.recipients.is_empty() && is_tool(word, self.tools) {
            self.note(code::BARE_RECIPIENT);
            self.recipient(word);
        } else if self.fields.content_type.is_none() && !self.recipients.is_empty() {
            self.fields.content_type = Some(name(word).to_owned());
        } else {
            self.note(code::UNKNOWN_HEADER_WORD);
        }
    }

    fn finish(mut self) -> Fields {
        self.note_empty();
        if self.in_channel_part
            && self.fields.channel.is_none()
            && !self.fields.notes.contains(&code::EMPTY_CHANNEL)
        {
            self.note(code::EMPTY_CHANNEL);
        }
        let chosen = self.recipients.iter().rev().find(|(after_channel, _)| *after_channel);
        self.fields.recipient = chosen.or(self.recipients.last()).map(|(_, recipient)| recipient.clone());
        if self.recipients.windows(2).any(|pair| pair[0].1 != pair[1].1) {
            self.note(code::CONFLICTING_RECIPIENTS);
        } else if self.recipients.len() > 1 {
            self.note(code::DUPLICATE_RECIPIENT);
        }
        if self.fields.author.is_none() {
            if self.implied_author.is_none() {
                self.note(code::MISSING_AUTHOR);
            }
            self.fields.author = self.implied_author.map(str::to_owned);
        }
        self.fields
    }
}
