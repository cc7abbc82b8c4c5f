//! Drives a tool loop: what the model writes goes in, and out comes whether it goes on, wants a tool, or is done.
//!
//! One code path for streams and for whole completions: after the same input the answer is the same, however it was cut
//! into chunks. What the harness puts between rounds goes in too, so that offsets are those of the whole conversation.

use std::ops::Range;

use super::detector::{Block, Refused};
use super::repetition::{Loop, Repetition, Rule};
use super::rounds::Rounds;
use super::tags::TagSet;

/// A tool call that waits for its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Canonical name of the tool, `python` for every spelling of it; `None` when `<|call|>` named nobody.
    pub tool: Option<String>,
    /// The name as written.
    pub recipient: Option<String>,
    /// The channel of the call.
    pub channel: Option<String>,
    /// What was sent: code, or the JSON arguments of a function.
    pub code: String,
    /// Number of the call in the conversation, from 0.
    pub round: usize,
    /// The bytes that it covers.
    pub bytes: Range<usize>,
    /// Whether its own closing tag ended it.
    pub closed: bool,
    /// What the harness has to write before its answer: the rest of the closing tag, or nothing.
    pub closing: &'static str,
}

/// Where the model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It goes on.
    Continue,
    /// It waits for these calls, nearly always one, to be answered in order.
    NeedsTool(Vec<Call>),
    /// It has ended its turn.
    Done,
}

/// A block of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Call or answer.
    pub block: Block,
    /// Number of the call; an answer has that of the call before it.
    pub round: usize,
    /// Its bytes, tags included.
    pub bytes: Range<usize>,
    /// Its ids; `None` when text was read.
    pub tokens: Option<Range<usize>>,
    /// Whether its closing tag was there.
    pub complete: bool,
}

/// One conversation; see the module.
#[derive(Clone, Debug)]
pub struct Driver {
    rounds: Rounds,
    rule: Option<(Rule, Rule)>,
    watch: Option<Repetition>,
    looping: Option<Loop>,
    /// The start of a character whose other bytes have not arrived.
    tail: Vec<u8>,
}

impl Driver {
    /// A driver of one style. `tools` are names of tools beside the built-in ones, to recognise them in damaged headers.
    pub fn new(tags: &'static TagSet, tools: Vec<String>) -> Self {
        Self {
            rounds: Rounds::new(tags, tools),
            rule: Some((Rule::IDS, Rule::TEXT)),
            watch: None,
            looping: None,
            tail: Vec::new(),
        }
    }

    /// The same driver with other rules of repetition, for ids and for text; `None` looks for none.
    #[must_use]
    pub fn watching(mut self, rule: Option<(Rule, Rule)>) -> Self {
        self.rule = rule;
        self
    }

    /// Ids that the model sampled.
    pub fn feed_ids(&mut self, ids: &[u32]) -> Result<Step, Refused> {
        self.rounds.push_ids(ids)?;
        self.watch(ids.iter().copied(), |(ids, _)| ids);
        Ok(self.rounds.step())
    }

    /// Text that the model wrote.
    pub fn feed_text(&mut self, text: &str) -> Result<Step, Refused> {
        self.rounds.push_text(text)?;
        self.watch(text.bytes().map(u32::from), |(_, text)| text);
        Ok(self.rounds.step())
    }

    /// UTF-8 that the model wrote, cut anywhere; bytes that are no UTF-8 are read as U+FFFD.
    pub fn feed_bytes(&mut self, bytes: &[u8]) -> Result<Step, Refused> {
        let text = self.characters(bytes);
        self.feed_text(&text)
    }

    /// The server has ended the round, so a call without its closing tag is a call.
    pub fn finish(&mut self) -> Result<Step, Refused> {
        if !self.tail.is_empty() {
            self.tail.clear();
            self.feed_text("\u{fffd}")?;
        }
        Ok(self.rounds.finished_step())
    }

    /// Ids that the harness put behind what the model wrote: closing tag, answer, opening of the next round.
    pub fn answer_ids(&mut self, ids: &[u32]) -> Result<(), Refused> {
        self.watch = None;
        self.rounds.answer_ids(ids)
    }

    /// The same as text.
    pub fn answer_text(&mut self, text: &str) -> Result<(), Refused> {
        self.watch = None;
        self.rounds.answer_text(text)
    }

    /// The channel of the last message, a cut header included; `None` before any and outside Harmony.
    pub fn channel(&self) -> Option<String> {
        self.rounds.channel()
    }

    /// Every call and answer so far that is over.
    pub fn spans(&self) -> &[Span] {
        self.rounds.spans()
    }

    /// The first loop that the model fell into: units are ids or bytes, counted within its round.
    pub fn looping(&self) -> Option<Loop> {
        self.looping
    }

    fn watch(&mut self, units: impl Iterator<Item = u32>, which: impl Fn((Rule, Rule)) -> Rule) {
        let Some(rules) = self.rule else { return };
        if self.looping.is_none() {
            let watch = self.watch.get_or_insert_with(|| Repetition::new(which(rules)));
            watch.push(units);
            self.looping = watch.found();
        }
    }

    /// `bytes` as text, without a last character that is not complete yet.
    fn characters(&mut self, bytes: &[u8]) -> String {
        let mut joined = std::mem::take(&mut self.tail);
        joined.extend_from_slice(bytes);
        let mut text = String::with_capacity(joined.len());
        let mut chunks = joined.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            let may_go_on = chunks.peek().is_none()
                && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if may_go_on {
                self.tail = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push('\u{fffd}');
            }
        }
        text
    }
}
