//! Finds blocks of code and of output, whatever marks them.

use super::tags::{GPT_OSS, TagSet};
use super::text::TextDetector;
use crate::harmony::calls::canonical_tool;
use crate::harmony::event::Event as HarmonyEvent;
use crate::harmony::message::{Message, Role};
use crate::harmony::parser::{MixedInput, Options, Parser};
use crate::snapshot::{BadSnapshot, Reader, Writer};

const SNAPSHOT_KIND: u8 = 2;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Code that the model wrote to be run.
    Code,
    /// What the tool answered.
    Output,
}

/// A block began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Code or output.
    pub block: Block,
    /// Whether it ended.
    pub is_end: bool,
    /// Number of the code block, from 0; an output has that of the code before it.
    pub round: usize,
    /// Byte offset in the stream where its opening tag begins.
    pub start: usize,
    /// Byte offset behind what was read of it: the opening tag, or all of it.
    pub end: usize,
    /// The code or the output, at its end.
    pub text: String,
    /// Whether its closing tag was there.
    pub complete: bool,
}

/// Why a chunk was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// See [`MixedInput`].
    #[error(transparent)]
    Mixed(#[from] MixedInput),
    /// Ids are known for gpt-oss only.
    #[error("tags {0:?} are read from text; token ids are read with tags \"gpt-oss\" only")]
    NoIds(&'static str),
}

/// Reads one completion or conversation, chunk by chunk.
#[derive(Clone, Debug)]
pub struct Detector {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Harmony { parser: Box<Parser>, rounds: usize },
    Text(TextDetector),
}

impl Detector {
    /// A detector of one style.
    pub fn new(tags: &'static TagSet) -> Self {
        let source = if tags.name == GPT_OSS {
            Source::Harmony { parser: Box::new(Parser::new(Options::default())), rounds: 0 }
        } else {
            Source::Text(TextDetector::new(tags))
        };
        Self { source }
    }

    /// Reads text.
    pub fn push_text(&mut self, chunk: &str) -> Result<Vec<Event>, Refused> {
        match &mut self.source {
            Source::Text(detector) => Ok(detector.push(chunk)),
            Source::Harmony { parser, rounds } => Ok(blocks(parser.push_text(chunk)?, rounds)),
        }
    }

    /// Reads ids.
    pub fn push_ids(&mut self, ids: &[u32]) -> Result<Vec<Event>, Refused> {
        match &mut self.source {
            Source::Text(detector) => Err(Refused::NoIds(detector.tags().name)),
            Source::Harmony { parser, rounds } => Ok(blocks(parser.push_ids(ids)?, rounds)),
        }
    }

    /// The state as bytes, to go on later, elsewhere, or more than once.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut writer = Writer::new(SNAPSHOT_KIND);
        match &self.source {
            Source::Harmony { parser, rounds } => {
                writer.flag(true);
                parser.write(&mut writer);
                writer.number(*rounds);
            }
            Source::Text(detector) => {
                writer.flag(false);
                detector.write(&mut writer);
            }
        }
        writer.finish()
    }

    /// The detector that a snapshot was taken of: it goes on as that one would.
    pub fn restore(bytes: &[u8]) -> Result<Self, BadSnapshot> {
        let mut reader = Reader::new(bytes, SNAPSHOT_KIND)?;
        let restored = Self::read(&mut reader);
        restored.filter(|_| reader.is_done()).ok_or(BadSnapshot::Damaged)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let source = if reader.flag()? {
            Source::Harmony { parser: Box::new(Parser::read(reader)?), rounds: reader.number()? }
        } else {
            Source::Text(TextDetector::read(reader)?)
        };
        Some(Self { source })
    }

    /// Ends the stream: an open block is reported as it is.
    pub fn finish(&mut self) -> Vec<Event> {
        match &mut self.source {
            Source::Text(detector) => detector.finish(),
            Source::Harmony { parser, rounds } => blocks(parser.finish(), rounds),
        }
    }
}

fn blocks(events: Vec<HarmonyEvent>, rounds: &mut usize) -> Vec<Event> {
    events
        .into_iter()
        .filter_map(|event| match event {
            HarmonyEvent::Start { message, .. } => block(*message, false, rounds),
            HarmonyEvent::End { message, .. } => block(*message, true, rounds),
            HarmonyEvent::Delta { .. } | HarmonyEvent::Trailing { .. } => None,
        })
        .collect()
}

fn block(message: Message, is_end: bool, rounds: &mut usize) -> Option<Event> {
    let names_python = |name: &str| canonical_tool(name) == Some("python");
    let called = if is_end { message.tool.as_deref() } else { message.recipient.as_deref() };
    let block = match message.role {
        Role::Assistant if called.is_some_and(names_python) => Block::Code,
        Role::Tool if names_python(&message.author) => Block::Output,
        _ => return None,
    };
    let round = if block == Block::Code { *rounds } else { rounds.saturating_sub(1) };
    *rounds += usize::from(is_end && block == Block::Code);
    Some(Event {
        block,
        is_end,
        round,
        start: message.bytes.start,
        end: message.bytes.end,
        text: message.content,
        complete: is_end && message.end.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::tags::TAG_SETS;
    use proptest::prelude::*;

    fn whole(tags: &'static TagSet, chunks: &[&str]) -> Vec<Event> {
        let mut detector = Detector::new(tags);
        let mut events: Vec<Event> =
            chunks.iter().flat_map(|chunk| detector.push_text(chunk).unwrap()).collect();
        events.extend(detector.finish());
        events
    }

    fn conversation(tags: &TagSet) -> String {
        let TagSet { code_begin, code_end, output_begin, output_end, .. } = tags;
        format!(
            "think{code_begin}x = 1{code_end}{output_begin}1{output_end}so{code_begin}y{code_end}{output_begin}2{output_end}"
        )
    }

    #[test]
    fn every_style_finds_code_and_output_of_each_round() {
        for tags in &TAG_SETS {
            let events = whole(tags, &[&conversation(tags)]);
            let ended: Vec<_> = events
                .iter()
                .filter(|event| event.is_end)
                .map(|event| (event.block, event.round, &*event.text))
                .collect();
            let expected = [
                (Block::Code, 0, "x = 1"),
                (Block::Output, 0, "1"),
                (Block::Code, 1, "y"),
                (Block::Output, 1, "2"),
            ];
            assert_eq!(ended, expected, "{}", tags.name);
            assert!(events.iter().filter(|event| event.is_end).all(|event| event.complete), "{}", tags.name);
        }
    }

    #[test]
    fn a_cut_block_is_reported_as_cut() {
        let tags = TagSet::from_name("qwen").unwrap();
        let cut = whole(tags, &["```python\nprint("]);
        assert_eq!((cut[1].text.as_str(), cut[1].complete), ("print(", false));
        let without_newline = whole(tags, &["```python\nprint(1)\n```"]);
        assert_eq!((without_newline[1].text.as_str(), without_newline[1].complete), ("print(1)\n", true));
    }

    #[test]
    fn text_tags_refuse_ids() {
        let mut detector = Detector::new(TagSet::from_name("qwen").unwrap());
        assert_eq!(detector.push_ids(&[1]), Err(Refused::NoIds("qwen")));
    }

    proptest! {
        #[test]
        fn any_chunking_finds_the_same_blocks(style in 0..TAG_SETS.len(), cuts in prop::collection::vec(0usize..400, 0..9)) {
            let tags = &TAG_SETS[style];
            let text = conversation(tags);
            let mut bounds: Vec<usize> = cuts.into_iter().map(|cut| cut % text.len()).collect();
            bounds.extend([0, text.len()]);
            bounds.sort_unstable();
            let chunks: Vec<&str> = bounds.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(whole(tags, &chunks), whole(tags, &[&text]));
        }

        #[test]
        fn a_restored_detector_goes_on_as_the_other(style in 0..TAG_SETS.len(), cut in any::<prop::sample::Index>()) {
            let tags = &TAG_SETS[style];
            let text = conversation(tags);
            let (before, after) = text.split_at(cut.index(text.len() + 1));
            let mut detector = Detector::new(tags);
            detector.push_text(before).unwrap();
            let snapshot = detector.snapshot();
            let mut restored = Detector::restore(&snapshot).unwrap();
            prop_assert_eq!(restored.push_text(after), detector.push_text(after));
            prop_assert_eq!(restored.finish(), detector.finish());
            prop_assert!(Detector::restore(&snapshot[..snapshot.len() - 1]).is_err());
            prop_assert!(Parser::restore(&snapshot).is_err());
        }
    }
}
