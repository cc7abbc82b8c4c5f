//! The final answer in a completion: what the assistant itself gave last, final channel first.
//!
//! Boxes are found backwards with brace matching; the other rules apply where there is no box. Everything is one pass
//! over the text, so that no input makes it slow.

use std::borrow::Cow;

mod boxes;
mod messages;
mod phrases;

use messages::{Own, own_messages};

/// Where to look besides complete boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools)]
pub struct ExtractOptions {
    /// A box that is never closed counts up to the end of its formula or line, where no box is complete.
    pub unclosed_box: bool,
    /// Boxes with nothing but commas and "and" between them are one list, instead of the last one alone.
    pub join_boxes: bool,
    /// `the answer is ...`, `Answer: ...`, `#### ...`, up to the end of the sentence or line.
    pub phrases: bool,
    /// A last line that names an option and nothing else: `(B)`, `**B.**`.
    pub letters: bool,
    /// The last number of the text, if nothing else was found.
    pub last_number: bool,
}

impl Default for ExtractOptions {
    fn default() -> Self {
        Self { unclosed_box: true, join_boxes: false, phrases: true, letters: true, last_number: false }
    }
}

impl ExtractOptions {
    /// Complete boxes only, as evaluations that ask for a box count them.
    pub const BOXES: Self =
        Self { unclosed_box: false, join_boxes: false, phrases: false, letters: false, last_number: false };
}

macro_rules! named {
    ($(#[$about:meta])* $enum:ident { $($(#[$doc:meta])* $name:ident = $code:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $enum { $($(#[$doc])* $name,)* }

        impl $enum {
            /// The stable lowercase name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

named! {
    /// How an answer was found.
    Rule {
        /// In a complete box.
        Box = "box",
        /// In several boxes side by side.
        JoinedBoxes = "joined_boxes",
        /// In a box without an end: a repair.
        UnclosedBox = "unclosed_box",
        /// Behind a phrase that announces it.
        Phrase = "phrase",
        /// As the option that the last line names.
        Letter = "letter",
        /// As the last number.
        LastNumber = "last_number",
    }
}

named! {
    /// Where an answer was found.
    Place {
        /// In the final channel, or behind the end of thinking.
        Final = "final",
        /// In plain text, or in the assistant's other prose.
        Prose = "prose",
        /// In what the assistant sent to a tool.
        Call = "call",
    }
}

/// An answer, how it was found and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction<'a> {
    /// The answer as written, trimmed.
    pub answer: Cow<'a, str>,
    /// The rule that found it.
    pub rule: Rule,
    /// What it stood in.
    pub place: Place,
}

/// The answer of a completion or a whole conversation in Harmony text, or of plain text.
///
/// Looks in the final channel, then in what else the assistant wrote as prose, then in its calls of tools; never in
/// tool output, system, developer or user messages. Within one of these a box comes before all else and the last one
/// counts. Thoughts and calls are searched for boxes only: what they announce in passing is no answer.
pub fn extract(text: &str, options: ExtractOptions) -> Option<Extraction<'_>> {
    let messages = own_messages(text);
    [Place::Final, Place::Prose, Place::Call].into_iter().find_map(|place| {
        let bodies = || messages.iter().rev().filter(move |message| message.place == place);
        let (answer, rule) = bodies()
            .find_map(|message| complete(message, options))
            .or_else(|| bodies().find_map(|message| spoken(message, options)))?;
        Some(Extraction { answer, rule, place })
    })
}

/// The answer that a short text marks as its own among other things: behind the last `####`, or in the last box where there are
/// words around. All of the text where it marks none.
pub fn conclusion(text: &str) -> &str {
    // A byte is found faster than a word, and most answers have neither.
    if text.contains('#')
        && let Some((_, answer)) = text.rsplit_once(phrases::HASHES)
    {
        let answer = answer.trim();
        return if answer.is_empty() { text } else { answer };
    }
    if text.contains('b') && text.contains("box") { boxes::conclusion(text).unwrap_or(text) } else { text }
}

type Found<'a> = (Cow<'a, str>, Rule);
type Finder = fn(&str) -> Option<&str>;

fn complete<'a>(message: &Own<'a>, options: ExtractOptions) -> Option<Found<'a>> {
    let found = boxes::last(message.body)?;
    if options.join_boxes
        && let Some(list) = boxes::joined(message.body, found)
    {
        return Some((Cow::Owned(list), Rule::JoinedBoxes));
    }
    Some((Cow::Borrowed(found.content), Rule::Box))
}

fn spoken<'a>(message: &Own<'a>, options: ExtractOptions) -> Option<Found<'a>> {
    let says = message.is_answer;
    let finders: [(bool, Finder, Rule); 4] = [
        (options.unclosed_box && message.place != Place::Call, boxes::unclosed, Rule::UnclosedBox),
        (options.phrases && says, phrases::announced, Rule::Phrase),
        (options.letters && says, phrases::option_line, Rule::Letter),
        (options.last_number && says, phrases::last_number, Rule::LastNumber),
    ];
    finders
        .into_iter()
        .filter(|(wanted, ..)| *wanted)
        .find_map(|(_, find, rule)| find(message.body).map(|answer| (Cow::Borrowed(answer), rule)))
}

#[cfg(test)]
mod tests;
