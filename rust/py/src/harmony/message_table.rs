//! Messages as columns.

use std::sync::Arc;

use arrow_array::builder::StringViewBuilder;
use arrow_array::{ArrayRef, BooleanArray, ListArray, RecordBatch, StructArray, UInt64Array};
use arrow_buffer::{Buffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field};
use mathforge_core::harmony::diagnostic::severity;
use mathforge_core::harmony::found::{Found, Note};
use mathforge_core::harmony::input::{Units, Window};
use mathforge_core::harmony::machine::Machine;
use mathforge_core::harmony::message::End;
use mathforge_core::harmony::parser::{find_in_ids, find_in_text};

use crate::columns::{LocatedText, batch};

/// Views count bytes with 32 bits; a content further into its buffer is seen through a buffer of its own.
const FURTHEST_VIEW: usize = i32::MAX as usize;

/// Collects the messages of consecutive rows.
pub struct MessageTable {
    rows: Vec<u64>,
    indexes: Vec<u64>,
    words: Words,
    constrained: Vec<bool>,
    complete: Vec<bool>,
    /// Start and end of the message, then of its content.
    bounds: [Vec<u64>; 4],
    contents: Option<Contents>,
    notes: Notes,
}

/// The columns of names: few distinct ones, mostly short.
struct Words {
    role: StringViewBuilder,
    author: StringViewBuilder,
    channel: StringViewBuilder,
    recipient: StringViewBuilder,
    content_type: StringViewBuilder,
    tool: StringViewBuilder,
    end: StringViewBuilder,
}

/// The column of contents: views of the input where a content is a part of it.
struct Contents {
    texts: StringViewBuilder,
    /// The buffer that was added last, and its number.
    buffer: Option<(*const u8, u32)>,
    scratch: Vec<u8>,
}

#[derive(Default)]
struct Notes {
    lengths: Vec<usize>,
    all: Vec<Note>,
}

fn names() -> StringViewBuilder {
    StringViewBuilder::new().with_deduplicate_strings()
}

impl MessageTable {
    /// An empty table, with or without the column of contents.
    pub fn new(with_contents: bool) -> Self {
        let words = Words {
            role: names(),
            author: names(),
            channel: names(),
            recipient: names(),
            content_type: names(),
            tool: names(),
            end: names(),
        };
        let contents = || Contents { texts: StringViewBuilder::new(), buffer: None, scratch: Vec::new() };
        Self {
            rows: Vec::new(),
            indexes: Vec::new(),
            words,
            constrained: Vec::new(),
            complete: Vec::new(),
            bounds: Default::default(),
            contents: with_contents.then(contents),
            notes: Notes::default(),
        }
    }

    /// Adds the messages of a row of ids; says how many there are.
    pub fn push_ids(&mut self, row: usize, ids: &[u32], machine: &mut Machine) -> usize {
        let window = Window::whole(Units::Ids(ids));
        let all = find_in_ids(ids, machine);
        for (index, found) in all.iter().enumerate() {
            if let Some(contents) = &mut self.contents {
                contents.push_bytes(&window, found);
            }
            self.push(row, index, &window, found);
        }
        all.len()
    }

    /// Adds the messages of a row of text; says how many there are.
    pub fn push_text(&mut self, row: usize, located: LocatedText<'_>, machine: &mut Machine) -> usize {
        let window = Window::whole(Units::Text(located.text.as_bytes()));
        let all = find_in_text(located.text.as_bytes(), machine);
        for (index, found) in all.iter().enumerate() {
            if let Some(contents) = &mut self.contents {
                contents.push_text(located, &window, found);
            }
            self.push(row, index, &window, found);
        }
        all.len()
    }

    fn push(&mut self, row: usize, index: usize, window: &Window<'_>, found: &Found) {
        let (tool, odd) = window.call(found);
        let heading = &*found.heading;
        self.rows.push(row as u64);
        self.indexes.push(index as u64);
        self.words.role.append_value(heading.role.word());
        self.words.author.append_value(&heading.author);
        self.words.channel.append_option(heading.channel.as_deref());
        self.words.recipient.append_option(heading.recipient.as_deref());
        self.words.content_type.append_option(heading.content_type.as_deref());
        self.words.tool.append_option(tool);
        self.words.end.append_option(found.end_token.map(End::word));
        self.constrained.push(heading.constrained);
        self.complete.push(found.complete);
        let content = found.pieces().next().unwrap_or_default().start..found.content.end;
        for (column, bound) in
            self.bounds.iter_mut().zip([found.start, found.end, content.start, content.end])
        {
            column.push(bound as u64);
        }
        self.notes.lengths.push(found.notes.len() + odd.len());
        self.notes.all.extend(&found.notes);
        self.notes.all.extend(odd);
    }

    /// The columns.
    pub fn finish(self) -> Result<RecordBatch, ArrowError> {
        let Self { rows, indexes, mut words, constrained, complete, bounds, contents, notes } = self;
        let numbers = |values: Vec<u64>| Arc::new(UInt64Array::from(values)) as ArrayRef;
        let flags = |values: Vec<bool>| Arc::new(BooleanArray::from(values)) as ArrayRef;
        let names = |column: &mut StringViewBuilder| Arc::new(column.finish()) as ArrayRef;
        let [start, stop, content_start, content_stop] = bounds;
        let mut columns = vec![
            ("row", numbers(rows)),
            ("message", numbers(indexes)),
            ("role", names(&mut words.role)),
            ("author", names(&mut words.author)),
            ("channel", names(&mut words.channel)),
            ("recipient", names(&mut words.recipient)),
            ("content_type", names(&mut words.content_type)),
            ("constrained", flags(constrained)),
            ("tool", names(&mut words.tool)),
            ("end", names(&mut words.end)),
            ("complete", flags(complete)),
            ("start", numbers(start)),
            ("stop", numbers(stop)),
            ("content_start", numbers(content_start)),
            ("content_stop", numbers(content_stop)),
        ];
        if let Some(mut contents) = contents {
            columns.push(("content", Arc::new(contents.texts.finish())));
        }
        columns.push(("diagnostics", Arc::new(notes.finish())));
        batch(columns)
    }
}

impl Contents {
    fn push_bytes(&mut self, window: &Window<'_>, found: &Found) {
        self.scratch.clear();
        self.scratch.extend_from_slice(&found.prefix);
        for piece in found.pieces() {
            window.append_bytes(piece, &mut self.scratch);
        }
        self.texts.append_value(String::from_utf8_lossy(&self.scratch));
    }

    fn push_text(&mut self, located: LocatedText<'_>, window: &Window<'_>, found: &Found) {
        match found.whole_content().and_then(|range| located.text.get(range)) {
            Some(content) if self.view(located, content).is_some() => {}
            _ => self.push_bytes(window, found),
        }
    }

    /// Adds a view of the input, if the content can be one.
    fn view(&mut self, located: LocatedText<'_>, content: &str) -> Option<()> {
        let mut buffer = located.buffer?.clone();
        let offset_in = |buffer: &Buffer| content.as_ptr() as usize - buffer.as_ptr() as usize;
        if offset_in(&buffer) + content.len() > FURTHEST_VIEW {
            let row = located.text.as_ptr() as usize - buffer.as_ptr() as usize;
            buffer = buffer.slice_with_length(row, located.text.len());
        }
        let offset = u32::try_from(offset_in(&buffer)).ok()?;
        let length = u32::try_from(content.len()).ok()?;
        let number = match self.buffer {
            Some((start, number)) if start == buffer.as_ptr() => number,
            _ => {
                let start = buffer.as_ptr();
                let number = self.texts.append_block(buffer);
                self.buffer = Some((start, number));
                number
            }
        };
        self.texts.try_append_view(number, offset, length).ok()
    }
}

impl Notes {
    fn finish(self) -> ListArray {
        let mut codes = names();
        let mut severities = names();
        for note in &self.all {
            codes.append_value(note.code);
            severities.append_value(severity(note.code).word());
        }
        let position: UInt64Array = self.all.iter().map(|note| note.at as u64).collect::<Vec<_>>().into();
        let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, false));
        let items = StructArray::from(vec![
            (field("code", DataType::Utf8View), Arc::new(codes.finish()) as ArrayRef),
            (field("severity", DataType::Utf8View), Arc::new(severities.finish()) as ArrayRef),
            (field("position", DataType::UInt64), Arc::new(position) as ArrayRef),
        ]);
        let item = Arc::new(Field::new_list_field(arrow_array::Array::data_type(&items).clone(), true));
        ListArray::new(item, OffsetBuffer::from_lengths(self.lengths), Arc::new(items), None)
    }
}
