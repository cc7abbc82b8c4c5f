//! Tags searched for in bytes: a small automaton whose state is what is open.

use memchr::memmem;

use super::detector::{Block, Event};
use super::tags::TagSet;
use crate::harmony::decode::lossy_text;
use crate::snapshot::{Reader, Writer};

/// Reads chunks of text; keeps only the open block, or the end of the text that may begin a tag.
#[derive(Clone, Debug)]
pub struct TextDetector {
    tags: &'static TagSet,
    open: Option<(Block, usize)>,
    unread: Vec<u8>,
    /// How much of `unread` holds no end tag for sure.
    searched: usize,
    /// Byte offset of `unread` in the stream.
    offset: usize,
    rounds: usize,
    /// What was let go since the last block is white space.
    is_blank: bool,
}

impl TextDetector {
    pub fn new(tags: &'static TagSet) -> Self {
        Self { tags, open: None, unread: Vec::new(), searched: 0, offset: 0, rounds: 0, is_blank: true }
    }

    /// Writes the state as fields.
    pub fn write(&self, writer: &mut Writer) {
        let Self { tags, open, unread, searched, offset, rounds, is_blank } = self;
        writer.bytes(tags.name.as_bytes());
        writer.option(*open, |writer, (block, start)| {
            writer.flag(block == Block::Code);
            writer.number(start);
        });
        writer.bytes(unread);
        for number in [*searched, *offset, *rounds] {
            writer.number(number);
        }
        writer.flag(*is_blank);
    }

    /// Reads what [`Self::write`] wrote; `None` when it cannot have.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let detector = Self {
            tags: TagSet::from_name(&reader.text()?)?,
            open: reader.option(|reader| {
                let block = if reader.flag()? { Block::Code } else { Block::Output };
                Some((block, reader.number()?))
            })?,
            unread: reader.bytes()?.to_vec(),
            searched: reader.number()?,
            offset: reader.number()?,
            rounds: reader.number()?,
            is_blank: reader.flag()?,
        };
        (detector.searched <= detector.unread.len()).then_some(detector)
    }

    pub fn tags(&self) -> &'static TagSet {
        self.tags
    }

    pub fn push(&mut self, chunk: &str) -> Vec<Event> {
        self.unread.extend_from_slice(chunk.as_bytes());
        let mut events = Vec::new();
        while let Some(event) = self.step() {
            events.push(event);
        }
        events
    }

    pub fn finish(&mut self) -> Vec<Event> {
        let Some((block, start)) = self.open.take() else { return Vec::new() };
        self.is_blank = true;
        let mut bytes = std::mem::take(&mut self.unread);
        let end = self.offset + bytes.len();
        // At the end of the stream the newline of an end tag may be missing.
        let tag = self.end_tag(block).trim_end().as_bytes();
        let complete = bytes.ends_with(tag);
        if complete {
            bytes.truncate(bytes.len() - tag.len());
        }
        vec![Event {
            block,
            is_end: true,
            round: self.round(),
            start,
            end,
            text: lossy_text(bytes),
            complete,
        }]
    }

    /// Whether nothing but white space follows the last block.
    pub fn is_blank_since_block(&self) -> bool {
        self.open.is_none() && self.is_blank && self.unread.trim_ascii().is_empty()
    }

    fn end_tag(&self, block: Block) -> &'static str {
        match block {
            Block::Code => self.tags.code_end,
            Block::Output => self.tags.output_end,
        }
    }

    fn round(&self) -> usize {
        self.rounds.saturating_sub(1)
    }

    fn step(&mut self) -> Option<Event> {
        match self.open {
            None => self.begin(),
            Some((block, start)) => self.end(block, start),
        }
    }

    fn begin(&mut self) -> Option<Event> {
        let candidates = [(Block::Code, self.tags.code_begin), (Block::Output, self.tags.output_begin)];
        let found = candidates
            .into_iter()
            .filter_map(|(block, tag)| Some((memmem::find(&self.unread, tag.as_bytes())?, block, tag)))
            .min_by_key(|(at, ..)| *at);
        let Some((at, block, tag)) = found else {
            let longest = candidates.map(|(_, tag)| tag.len()).into_iter().max().unwrap_or(1);
            let length = self.unread.len().saturating_sub(longest - 1);
            self.is_blank &= self.unread[..length].trim_ascii().is_empty();
            self.drop_read(length);
            return None;
        };
        let start = self.offset + at;
        self.drop_read(at + tag.len());
        self.open = Some((block, start));
        self.rounds += usize::from(block == Block::Code);
        let end = self.offset;
        Some(Event {
            block,
            is_end: false,
            round: self.round(),
            start,
            end,
            text: String::new(),
            complete: false,
        })
    }

    fn end(&mut self, block: Block, start: usize) -> Option<Event> {
        let tag = self.end_tag(block);
        let Some(at) = memmem::find(&self.unread[self.searched..], tag.as_bytes()) else {
            self.searched = self.unread.len().saturating_sub(tag.len() - 1);
            return None;
        };
        let length = self.searched + at;
        let text = lossy_text(self.unread[..length].to_vec());
        self.drop_read(length + tag.len());
        self.open = None;
        self.is_blank = true;
        Some(Event {
            block,
            is_end: true,
            round: self.round(),
            start,
            end: self.offset,
            text,
            complete: true,
        })
    }

    fn drop_read(&mut self, length: usize) {
        self.unread.drain(..length);
        self.offset += length;
        self.searched = 0;
    }
}
