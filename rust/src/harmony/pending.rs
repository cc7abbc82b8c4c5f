//! What a stream holds: the input that is not yet done with, and how much of its content was told.

use super::decode::byte_length;
use super::found::Found;
use super::input::{Units, Window};
use super::parser::MixedInput;
use super::vocab::vocabulary;

/// The input from the last message on that may still change.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    pub ids: Vec<u32>,
    pub text: Vec<u8>,
    /// Position of the first of them.
    pub start: usize,
    /// Byte offset of the first of them.
    pub start_byte: usize,
    /// Position up to which the machine has read.
    pub fed: usize,
    pub told: Told,
}

/// How much of the content of the open message was told as deltas.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Position up to which it was told.
    pub at: usize,
    /// Number of its pieces that are over.
    pub pieces: usize,
    /// What was not told: the beginning of a character, or what stood in the header.
    pub held: Vec<u8>,
}

impl Pending {
    /// Takes ids in; says at which position the first stands.
    pub fn push_ids(&mut self, ids: &[u32]) -> Result<usize, MixedInput> {
        if !self.text.is_empty() {
            return Err(MixedInput);
        }
        self.ids.extend_from_slice(ids);
        Ok(self.fed)
    }

    /// Takes text in.
    pub fn push_text(&mut self, text: &str) -> Result<(), MixedInput> {
        if !self.ids.is_empty() {
            return Err(MixedInput);
        }
        self.text.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// The text that the machine has not read.
    pub fn unfed_text(&self) -> &[u8] {
        self.text.get(self.fed - self.start..).unwrap_or_default()
    }

    /// The input that is held.
    pub fn window(&self) -> Window<'_> {
        let units = if self.ids.is_empty() { Units::Text(&self.text) } else { Units::Ids(&self.ids) };
        Window { units, start: self.start, counted: (self.start, self.start_byte) }
    }

    /// A message begins: what stands before it is let go.
    pub fn begin(&mut self, found: &Found) {
        let over = found.start - self.start;
        if self.ids.is_empty() {
            self.start_byte += over;
            self.text.drain(..over);
        } else {
            self.start_byte += byte_length(&self.ids[..over]);
            self.ids.drain(..over);
        }
        self.start = found.start;
        self.told = Told { at: found.content.start, pieces: 0, held: found.prefix.clone() };
    }

    /// Tells the content up to the position `until` that was not told; unless the message is over, without a last
    /// character that is not complete.
    pub fn tell(&mut self, found: &Found, until: usize, is_over: bool, on: impl FnOnce(&str)) {
        let from = self.told.at.max(found.content.start);
        if until == from + 1
            && self.told.held.is_empty()
            && self.told.pieces == found.earlier.len()
            && let Some(text) = self.text_of_id(from)
        {
            on(text);
            self.told.at = until;
            return;
        }
        let mut held = std::mem::take(&mut self.told.held);
        let from = self.told.at;
        for piece in &found.earlier[self.told.pieces..] {
            self.window().append_bytes(piece.start.max(from)..piece.end, &mut held);
        }
        let from = found.content.start.max(from);
        let until = until.max(from);
        self.window().append_bytes(from..until, &mut held);
        self.told.pieces = found.earlier.len();
        self.told.at = until;
        let ready = if is_over { held.len() } else { whole_characters(&held) };
        if ready > 0 {
            on(&String::from_utf8_lossy(&held[..ready]));
            held.drain(..ready);
        }
        self.told.held = held;
    }

    /// The text of an ordinary id that is whole characters.
    fn text_of_id(&self, position: usize) -> Option<&str> {
        let id = self.ids.get(position - self.start)?;
        std::str::from_utf8(vocabulary().bytes(*id)?).ok()
    }
}

/// Length of `bytes` without a last character that is not complete yet.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    if bytes[tail..].is_ascii() {
        return bytes.len();
    }
    let incomplete = (tail..bytes.len()).find(|&at| {
        std::str::from_utf8(&bytes[at..])
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    });
    incomplete.unwrap_or(bytes.len())
}
