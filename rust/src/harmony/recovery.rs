//! Where a header without `<|message|>` ends and its content begins.
//!
//! The header is taken to end behind the channel word, or behind the recipient and its content type where there is a
//! recipient. Without `<|channel|>` or `to=` everything but the author is content: a model that refuses, say, writes
//! plain prose where its header should be.

use super::header::{HeaderText, is_author, is_blank, is_channel, is_content_type, known_channel_prefix};
use super::token::Special;

/// A piece of the part after the first special token.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// A mark.
    Special(Special),
    /// A word of the header.
    Word(String),
}

/// Splits into the text before the first special token, the header's rest, and the content.
pub fn split(header: &HeaderText, author_is_implied: bool) -> (String, Vec<Item>, Vec<u8>) {
    let valid = length_of_text(header);
    let text = String::from_utf8_lossy(&header.bytes[..valid]);
    let first_mark = header.marks.first().map_or(valid, |(offset, _)| (*offset).min(valid));
    let mut cursor = Cursor { text: &text, at: 0 };
    if header.marks.is_empty() {
        cursor.role_part(author_is_implied);
        return (text[..cursor.at].to_owned(), Vec::new(), trimmed(&header.bytes[cursor.at..]).to_vec());
    }
    cursor.at = first_mark;
    let mut items = Vec::new();
    let mut consumed = 0;
    for &(offset, special) in &header.marks {
        cursor.skip_blank();
        if offset > cursor.at || offset > valid {
            break;
        }
        items.push(Item::Special(special));
        consumed += 1;
        match special {
            Special::Channel => cursor.channel(&mut items),
            _ => cursor.content_type(&mut items, false),
        }
        if cursor.recipient(&mut items) {
            cursor.content_type(&mut items, true);
        }
    }
    let content = header.written_from(cursor.at, consumed);
    (text[..first_mark].to_owned(), items, trimmed(&content).to_vec())
}

/// A cut header can end within a character, and a mark can stand within one; from there on it is no text, and belongs to
/// the content.
fn length_of_text(header: &HeaderText) -> usize {
    let mut valid = match std::str::from_utf8(&header.bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&header.bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    for &(offset, _) in &header.marks {
        if offset < valid.len() && !valid.is_char_boundary(offset) {
            valid = &valid[..valid.floor_char_boundary(offset)];
        }
    }
    valid.len()
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii_start()
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_blank).len();
    }

    /// The next word in full, without moving.
    fn word(&self) -> &'t str {
        let rest = self.rest().trim_start_matches(is_blank);
        rest.split(is_blank).next().unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> &'t str {
        self.skip_blank();
        let taken = &self.rest()[..length];
        self.at += length;
        taken
    }

    /// Author, recipient and content type, as far as they are there.
    fn role_part(&mut self, author_is_implied: bool) {
        let word = self.word();
        if is_author(word)
            || (author_is_implied && is_channel(word) && self.text.trim_matches(is_blank) == word)
        {
            self.take(word.len());
        }
        let mut ignored = Vec::new();
        if self.recipient(&mut ignored) {
            self.content_type(&mut ignored, true);
        }
    }

    fn channel(&mut self, items: &mut Vec<Item>) {
        if let Some(channel) = known_channel_prefix(self.rest().trim_start_matches(is_blank)) {
            self.take(channel.len());
            items.push(Item::Word(channel.to_owned()));
        }
    }

    fn recipient(&mut self, items: &mut Vec<Item>) -> bool {
        let Some(rest) = self.rest().trim_start_matches(is_blank).strip_prefix("to=") else { return false };
        let in_name = |character: char| character.is_alphanumeric() || "_.-:".contains(character);
        let length = rest.find(|character| !in_name(character)).unwrap_or(rest.len());
        if length == 0 {
            return false;
        }
        items.push(Item::Word(self.take("to=".len() + length).to_owned()));
        true
    }

    fn content_type(&mut self, items: &mut Vec<Item>, known_only: bool) {
        let rest = self.rest().trim_start_matches(is_blank);
        let length = rest.find(|character: char| !character.is_alphanumeric()).unwrap_or(rest.len());
        if length > 0 && (!known_only || is_content_type(&rest[..length])) {
            items.push(Item::Word(self.take(length).to_owned()));
        }
    }
}
