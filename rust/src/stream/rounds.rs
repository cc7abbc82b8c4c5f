//! Which calls of a conversation wait for an answer.
//!
//! A call waits while nothing but other calls follows it. One that the model left open, or ended in another way than
//! with its closing tag, counts only when the round is over and nothing follows it at all: models head prose like code
//! and go on.

use std::ops::Range;

use super::detector::{Block, Event, Refused};
use super::driver::{Call, Span, Step};
use super::tags::{GPT_OSS, TagSet};
use super::text::TextDetector;
use crate::harmony::diagnostic as code;
use crate::harmony::event::Event as HarmonyEvent;
use crate::harmony::message::{End, Message, Role};
use crate::harmony::parser::{Options, Parser};
use crate::harmony::token::Special;

#[derive(Clone, Debug)]
enum Source {
    Harmony(Box<Parser>),
    Text(TextDetector),
}

/// Reads a conversation and keeps count; see the module.
#[derive(Clone, Debug)]
pub struct Rounds {
    source: Source,
    waiting: Vec<Call>,
    spans: Vec<Span>,
    calls: usize,
    /// A message or a block is open.
    is_open: bool,
    is_done: bool,
    channel: Option<String>,
}

impl Rounds {
    pub fn new(tags: &'static TagSet, tools: Vec<String>) -> Self {
        let source = if tags.name == GPT_OSS {
            Source::Harmony(Box::new(Parser::new(Options { tools, ..Options::default() })))
        } else {
            Source::Text(TextDetector::new(tags))
        };
        Self {
            source,
            waiting: Vec::new(),
            spans: Vec::new(),
            calls: 0,
            is_open: false,
            is_done: false,
            channel: None,
        }
    }

    pub fn push_ids(&mut self, ids: &[u32]) -> Result<(), Refused> {
        match &mut self.source {
            Source::Text(detector) => return Err(Refused::NoIds(detector.tags().name)),
            Source::Harmony(parser) => {
                let events = parser.push_ids(ids)?;
                self.read(events);
            }
        }
        Ok(())
    }

    pub fn push_text(&mut self, text: &str) -> Result<(), Refused> {
        match &mut self.source {
            Source::Text(detector) => {
                let events = detector.push(text);
                self.read_blocks(events, "");
            }
            Source::Harmony(parser) => {
                let events = parser.push_text(text)?;
                self.read(events);
            }
        }
        Ok(())
    }

    pub fn answer_ids(&mut self, ids: &[u32]) -> Result<(), Refused> {
        self.push_ids(ids)?;
        self.settle();
        Ok(())
    }

    pub fn answer_text(&mut self, text: &str) -> Result<(), Refused> {
        self.push_text(text)?;
        self.settle();
        Ok(())
    }

    /// The channel of the last message, as if nothing more came.
    pub fn channel(&self) -> Option<String> {
        let mut ended = self.clone();
        ended.end();
        ended.channel
    }

    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Where the model is, as far as it has been read.
    pub fn step(&self) -> Step {
        let is_idle = match &self.source {
            Source::Harmony(_) => !self.is_open,
            Source::Text(detector) => !self.is_open && detector.is_blank_since_block(),
        };
        if is_idle && self.waiting.last().is_some_and(|call| call.closed) {
            Step::NeedsTool(self.waiting.clone())
        } else if self.is_done && !self.is_open {
            Step::Done
        } else {
            Step::Continue
        }
    }

    /// Where it is if nothing more comes. What is open stays open here: the harness closes it in its answer.
    pub fn finished_step(&self) -> Step {
        let mut ended = self.clone();
        ended.end();
        let is_last = match &ended.source {
            Source::Harmony(_) => true,
            Source::Text(detector) => detector.is_blank_since_block(),
        };
        if is_last && !ended.waiting.is_empty() { Step::NeedsTool(ended.waiting) } else { Step::Done }
    }

    fn end(&mut self) {
        match &mut self.source {
            Source::Harmony(parser) => {
                let events = parser.finish();
                self.read(events);
            }
            Source::Text(detector) => {
                let code_end = detector.tags().code_end;
                let events = detector.finish();
                // At the end a block counts as complete without the white space of its tag.
                let is_written = events.first().is_some_and(|event| event.complete);
                let missing = if is_written { &code_end[code_end.trim_end().len()..] } else { code_end };
                self.read_blocks(events, missing);
            }
        }
    }

    /// The calls so far are answered.
    fn settle(&mut self) {
        self.waiting.clear();
        self.is_done = false;
    }

    fn read(&mut self, events: Vec<HarmonyEvent>) {
        for event in events {
            match event {
                HarmonyEvent::Start { message, .. } => {
                    self.is_open = true;
                    self.is_done = false;
                    self.channel = message.channel;
                }
                HarmonyEvent::End { message, .. } => {
                    self.is_open = false;
                    self.message(*message);
                }
                HarmonyEvent::Trailing { message, .. } => self.is_done |= message.has(code::ENDOFTEXT),
                HarmonyEvent::Delta { .. } => {}
            }
        }
    }

    fn message(&mut self, message: Message) {
        self.is_done = message.end == Some(End::Return) || message.has(code::ENDOFTEXT);
        let names_tool = message.role == Role::Assistant && message.tool.is_some();
        let is_call = names_tool || (message.role == Role::Assistant && message.end == Some(End::Call));
        let is_cut = message.has(code::TRUNCATED_HEADER);
        let block = match message.role {
            Role::Tool if is_cut => None,
            Role::Tool => Some(Block::Output),
            _ if is_call => Some(Block::Code),
            _ => None,
        };
        let Some(block) = block else {
            // Words between messages and half a header are no sign that the model goes on without its answer.
            let is_stray = message.channel.is_none() && message.has(code::MISSING_MESSAGE);
            if !is_stray && !is_cut {
                self.waiting.clear();
            }
            return;
        };
        let round = self.span(block, message.bytes.clone(), message.tokens.clone(), message.end.is_some());
        if block == Block::Output {
            return self.waiting.clear();
        }
        self.wait(Call {
            tool: message.tool,
            recipient: message.recipient,
            channel: message.channel,
            code: message.content,
            round,
            bytes: message.bytes,
            closed: message.end == Some(End::Call),
            closing: if message.end.is_none() { Special::Call.text() } else { "" },
        });
    }

    fn read_blocks(&mut self, events: Vec<Event>, closing: &'static str) {
        for event in events {
            self.is_open = !event.is_end;
            if !event.is_end {
                // Prose holds many blocks; only the last one can be a call.
                self.waiting.clear();
                continue;
            }
            let bytes = event.start..event.end;
            let round = self.span(event.block, bytes.clone(), None, event.complete);
            if event.block == Block::Code {
                self.wait(Call {
                    tool: Some("python".to_owned()),
                    code: event.text,
                    round,
                    bytes,
                    closed: event.complete,
                    closing,
                    ..Call::default()
                });
            }
        }
    }

    fn wait(&mut self, call: Call) {
        self.waiting.retain(|earlier| earlier.closed);
        self.waiting.push(call);
    }

    fn span(
        &mut self,
        block: Block,
        bytes: Range<usize>,
        tokens: Option<Range<usize>>,
        complete: bool,
    ) -> usize {
        let round = if block == Block::Code { self.calls } else { self.calls.saturating_sub(1) };
        self.calls += usize::from(block == Block::Code);
        self.spans.push(Span { block, round, bytes, tokens, complete });
        round
    }
}
