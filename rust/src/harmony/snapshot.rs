//! The state of a stream as bytes, to go on later, elsewhere, or more than once.

use super::diagnostic;
use super::found::{Found, Note};
use super::header::{HeaderText, LONGEST_HEADER};
use super::heading::Heading;
use super::machine::{Machine, State};
use super::message::{End, Role};
use super::parser::{Options, Parser};
use super::pending::{Pending, Told};
use super::token::Special;
use crate::snapshot::{BadSnapshot, Reader, Writer};

const KIND: u8 = 1;

impl Parser {
    /// The state as bytes. It holds the input since the last message began, and nothing before it.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND);
        self.write(&mut writer);
        writer.finish()
    }

    /// The parser that a snapshot was taken of: it goes on as that one would.
    pub fn restore(bytes: &[u8]) -> Result<Self, BadSnapshot> {
        let mut reader = Reader::new(bytes, KIND)?;
        Self::read(&mut reader).filter(|_| reader.is_done()).ok_or(BadSnapshot::Damaged)
    }

    /// Writes the state as fields.
    pub(crate) fn write(&self, writer: &mut Writer) {
        let Self { machine, pending, last, ended } = self;
        write_machine(machine, writer);
        let Pending { ids, text, start, start_byte, fed, told } = pending;
        writer.list(ids, |writer, id| writer.number(*id as usize));
        writer.bytes(text);
        for number in [*start, *start_byte, *fed, told.at, told.pieces, *ended] {
            writer.number(number);
        }
        writer.bytes(&told.held);
        writer.option(last.as_ref(), write_found);
    }

    /// Reads what [`Self::write`] wrote; `None` when it cannot have.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let machine = read_machine(reader)?;
        let ids: Vec<u32> = reader.list(|reader| reader.number()?.try_into().ok())?;
        let text = reader.bytes()?.to_vec();
        let [start, start_byte, fed, at, pieces, ended] = [(); 6].map(|()| reader.number());
        let told = Told { at: at?, pieces: pieces?, held: reader.bytes()?.to_vec() };
        let pending = Pending { ids, text, start: start?, start_byte: start_byte?, fed: fed?, told };
        let last = reader.option(read_found)?;
        let parser = Self { machine, pending, last, ended: ended? };
        parser.is_sound().then_some(parser)
    }

    /// Whether every position lies in the input that is held.
    fn is_sound(&self) -> bool {
        let Self { machine, pending, last, .. } = self;
        let Some(read) = pending.fed.checked_sub(pending.start) else { return false };
        let fits = if pending.ids.is_empty() {
            read <= pending.text.len()
        } else {
            read == pending.ids.len() && pending.text.is_empty()
        };
        let is_held = |at: usize| (pending.start..=pending.fed).contains(&at);
        let found_is_held = |found: &Found| {
            let pieces: Vec<_> = found.pieces().collect();
            is_held(found.start)
                && is_held(found.end)
                && pieces.iter().all(|piece| is_held(piece.start) && is_held(piece.end))
                && pieces.is_sorted_by(|one, next| one.end <= next.start)
        };
        let state_is_held = match &machine.state {
            State::Between => true,
            State::Header { start, .. } => is_held(*start),
            State::Content { found, provisional } => {
                found_is_held(found)
                    && provisional.is_none_or(is_held)
                    && pending.told.pieces <= found.earlier.len()
            }
        };
        fits && state_is_held
            && last.as_ref().is_none_or(found_is_held)
            && machine.trailing.0 <= pending.fed
            && (last.is_none() || self.ended > 0)
    }
}

fn write_machine(machine: &Machine, writer: &mut Writer) {
    writer.bytes(machine.role.word().as_bytes());
    writer.list(&machine.tools, |writer, tool| writer.bytes(tool.as_bytes()));
    writer.bytes(machine.author.word().as_bytes());
    writer.number(machine.ended);
    writer.number(machine.trailing.0);
    write_notes(&machine.trailing.1, writer);
    writer.bytes(&machine.text.bytes);
    writer.list(&machine.text.marks, |writer, (offset, special)| {
        writer.number(*offset);
        writer.bytes(special.text().as_bytes());
    });
    match &machine.state {
        State::Between => writer.number(0),
        State::Header { start, started, notes } => {
            writer.number(1);
            writer.number(*start);
            writer.flag(*started);
            write_notes(notes, writer);
        }
        State::Content { found, provisional } => {
            writer.number(2);
            write_found(writer, found);
            writer.option(*provisional, Writer::number);
        }
    }
}

fn read_machine(reader: &mut Reader<'_>) -> Option<Machine> {
    let role = Role::from_word(&reader.text()?)?;
    let mut machine = Options { role, tools: reader.list(Reader::text)? }.machine();
    machine.author = Role::from_word(&reader.text()?)?;
    machine.ended = reader.number()?;
    machine.trailing = (reader.number()?, read_notes(reader)?);
    machine.text = read_header(reader)?;
    machine.state = match reader.number()? {
        0 => State::Between,
        1 => State::Header { start: reader.number()?, started: reader.flag()?, notes: read_notes(reader)? },
        2 => State::Content {
            found: Box::new(read_found(reader)?),
            provisional: reader.option(Reader::number)?,
        },
        _ => return None,
    };
    Some(machine)
}

fn read_header(reader: &mut Reader<'_>) -> Option<HeaderText> {
    let bytes = reader.bytes()?;
    let marks = reader.list(|reader| {
        let offset = reader.number()?;
        let text = reader.bytes()?;
        Some((offset, Special::at_start_of(text).filter(|special| special.text().len() == text.len())?))
    })?;
    let mut header = HeaderText::default();
    for (offset, special) in marks {
        let length = header.bytes.len();
        header.bytes.extend_from_slice(bytes.get(length..offset)?);
        header.mark(special);
    }
    header.bytes.extend_from_slice(&bytes[header.bytes.len()..]);
    (header.length() <= LONGEST_HEADER).then_some(header)
}

fn write_notes(notes: &[Note], writer: &mut Writer) {
    writer.list(notes, |writer, note| {
        writer.bytes(note.code.as_bytes());
        writer.number(note.at);
    });
}

fn read_code(reader: &mut Reader<'_>) -> Option<&'static str> {
    let code = reader.bytes()?;
    diagnostic::ALL.into_iter().find(|known| known.as_bytes() == code)
}

fn read_notes(reader: &mut Reader<'_>) -> Option<Vec<Note>> {
    reader.list(|reader| Some(Note { code: read_code(reader)?, at: reader.number()? }))
}

fn write_found(writer: &mut Writer, found: &Found) {
    let Heading { role, author, channel, recipient, content_type, constrained, text, notes } =
        &*found.heading;
    writer.bytes(role.word().as_bytes());
    writer.bytes(author.as_bytes());
    for name in [channel, recipient, content_type] {
        writer.option(name.as_deref(), |writer, name| writer.bytes(name.as_bytes()));
    }
    writer.flag(*constrained);
    writer.bytes(text.as_bytes());
    writer.list(notes, |writer, code| writer.bytes(code.as_bytes()));
    writer.range(&(found.start..found.end));
    writer.bytes(&found.prefix);
    writer.range(&found.content);
    writer.list(&found.earlier, Writer::range);
    writer.option(found.end_token, |writer, end| writer.bytes(end.word().as_bytes()));
    writer.flag(found.complete);
    write_notes(&found.notes, writer);
}

fn read_found(reader: &mut Reader<'_>) -> Option<Found> {
    let heading = Heading {
        role: Role::from_word(&reader.text()?)?,
        author: reader.text()?,
        channel: reader.option(Reader::text)?,
        recipient: reader.option(Reader::text)?,
        content_type: reader.option(Reader::text)?,
        constrained: reader.flag()?,
        text: reader.text()?,
        notes: reader.list(read_code)?,
    };
    let covered = reader.range()?;
    Some(Found {
        heading: heading.into(),
        start: covered.start,
        end: covered.end,
        prefix: reader.bytes()?.to_vec(),
        content: reader.range()?,
        earlier: reader.list(Reader::range)?,
        end_token: reader.option(|reader| End::from_word(&reader.text()?))?,
        complete: reader.flag()?,
        notes: read_notes(reader)?,
    })
}
