//! Messages of ids or text: all at once, or chunk by chunk.

use super::event::Event;
use super::feed;
use super::found::{Found, Seen};
use super::input::{Units, Window};
use super::machine::Machine;
use super::message::{Message, Role};
use super::pending::Pending;

/// How an input is read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Author of a completion's first message, whose `<|start|>assistant` stands at the end of the prompt.
    pub role: Role,
    /// Names of tools beside `python`, `browser` and `container`, to recognise them in damaged headers.
    pub tools: Vec<String>,
}

impl Options {
    /// A machine that reads in this way.
    pub fn machine(self) -> Machine {
        Machine::new(self.role, self.tools)
    }
}

/// Ids were pushed after text, or text after ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one parser reads either token ids or text, not both")]
pub struct MixedInput;

/// Messages of ids, as positions.
pub fn find_in_ids(ids: &[u32], machine: &mut Machine) -> Vec<Found> {
    machine.restart();
    feed::ids(machine, ids, 0);
    machine.finish(ids.len());
    all_found(machine.take_seen())
}

/// Messages of text, as positions.
pub fn find_in_text(text: &[u8], machine: &mut Machine) -> Vec<Found> {
    machine.restart();
    feed::text(machine, text, 0, true);
    machine.finish(text.len());
    all_found(machine.take_seen())
}

fn all_found(seen: Vec<Seen>) -> Vec<Found> {
    let mut all: Vec<Found> = Vec::with_capacity(seen.len() / 2);
    for seen in seen {
        match seen {
            Seen::Start(_) => {}
            Seen::End(found) => all.push(found),
            Seen::Trailing { end, notes } => {
                if let Some(last) = all.last_mut() {
                    last.extend(end, notes);
                }
            }
        }
    }
    all
}

/// Messages of ids.
pub fn parse_ids(ids: &[u32], options: Options) -> Vec<Message> {
    messages(&find_in_ids(ids, &mut options.machine()), Window::whole(Units::Ids(ids)))
}

/// Messages of text. Whoever wrote part of the text can imitate special tokens in it; ids are safe from that.
pub fn parse_text(text: &str, options: Options) -> Vec<Message> {
    let found = find_in_text(text.as_bytes(), &mut options.machine());
    messages(&found, Window::whole(Units::Text(text.as_bytes())))
}

fn messages(found: &[Found], mut window: Window<'_>) -> Vec<Message> {
    found.iter().map(|found| window.message(found)).collect()
}

/// Reads one completion or conversation, chunk by chunk.
///
/// It holds what is not over: the open message and, until the next one begins, the last.
#[derive(Clone, Debug)]
pub struct Parser {
    pub(super) machine: Machine,
    pub(super) pending: Pending,
    /// The message that ended last, as long as stray tokens may be counted to it.
    pub(super) last: Option<Found>,
    /// Number of messages that ended.
    pub(super) ended: usize,
}

impl Parser {
    /// A parser at the start of an input.
    pub fn new(options: Options) -> Self {
        Self { machine: options.machine(), pending: Pending::default(), last: None, ended: 0 }
    }

    /// Reads ids; says what happened.
    pub fn push_ids(&mut self, ids: &[u32]) -> Result<Vec<Event>, MixedInput> {
        let mut events = Vec::new();
        self.read_ids(ids, |step| events.push(step.into()))?;
        Ok(events)
    }

    /// Reads text; says what happened.
    pub fn push_text(&mut self, text: &str) -> Result<Vec<Event>, MixedInput> {
        let mut events = Vec::new();
        self.read_text(text, |step| events.push(step.into()))?;
        Ok(events)
    }

    /// Reads ids, and tells `on` what happened. It allocates nothing within a message.
    pub fn read_ids(&mut self, ids: &[u32], mut on: impl FnMut(Step<'_>)) -> Result<(), MixedInput> {
        if ids.is_empty() {
            return Ok(());
        }
        let at = self.pending.push_ids(ids)?;
        feed::ids(&mut self.machine, ids, at);
        self.pending.fed = at + ids.len();
        self.tell(&mut on);
        Ok(())
    }

    /// Reads text, and tells `on` what happened.
    pub fn read_text(&mut self, text: &str, mut on: impl FnMut(Step<'_>)) -> Result<(), MixedInput> {
        if text.is_empty() {
            return Ok(());
        }
        self.pending.push_text(text)?;
        self.feed_text(false);
        self.tell(&mut on);
        Ok(())
    }

    /// Ends the input: an open message is reported as cut off.
    pub fn finish(&mut self) -> Vec<Event> {
        self.feed_text(true);
        self.machine.finish(self.pending.fed);
        let mut events = Vec::new();
        self.tell(&mut |step: Step<'_>| events.push(step.into()));
        events
    }

    fn feed_text(&mut self, is_last: bool) {
        let at = self.pending.fed;
        self.pending.fed += feed::text(&mut self.machine, self.pending.unfed_text(), at, is_last);
    }

    fn tell(&mut self, on: &mut impl FnMut(Step<'_>)) {
        if self.machine.has_seen() {
            for seen in self.machine.take_seen() {
                self.tell_seen(seen, on);
            }
        }
        if let Some((found, settled)) = self.machine.open_message(self.pending.fed) {
            let index = self.ended;
            self.pending.tell(found, settled, false, |text| on(Step::Delta { index, text }));
        }
    }

    fn tell_seen(&mut self, seen: Seen, on: &mut impl FnMut(Step<'_>)) {
        match seen {
            Seen::Start(found) => {
                self.pending.begin(&found);
                self.last = None;
                let message = Box::new(self.pending.window().heading(&found));
                on(Step::Event(Event::Start { index: self.ended, message }));
            }
            Seen::End(found) => {
                let index = self.ended;
                self.ended += 1;
                self.pending.tell(&found, found.content.end, true, |text| on(Step::Delta { index, text }));
                let message = Box::new(self.pending.window().message(&found));
                self.last = Some(found);
                on(Step::Event(Event::End { index, message }));
            }
            Seen::Trailing { end, notes } => {
                let Some(last) = &mut self.last else { return };
                last.extend(end, notes);
                let message = Box::new(self.pending.window().message(last));
                on(Step::Event(Event::Trailing { index: self.ended - 1, message }));
            }
        }
    }
}

/// What [`Parser::read_ids`] tells: an event, or a delta whose text need not be kept.
#[derive(Debug)]
pub enum Step<'s> {
    /// New content.
    Delta {
        /// Number of the message.
        index: usize,
        /// Never ends within a character.
        text: &'s str,
    },
    /// Anything else.
    Event(Event),
}

impl From<Step<'_>> for Event {
    fn from(step: Step<'_>) -> Self {
        match step {
            Step::Delta { index, text } => Self::Delta { index, text: text.to_owned() },
            Step::Event(event) => event,
        }
    }
}
