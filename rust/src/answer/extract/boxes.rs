//! Boxes: the last one, those beside it, and the one that was never closed.

use memchr::{memchr2_iter, memmem, memrchr3};

/// Commands that mark an answer.
const BOXES: [&str; 2] = ["\\boxed", "\\fbox"];
/// What both of them contain, for the search that rules out most texts.
const SHARED: &[u8] = b"box";
/// Boxes that stand for an answer to come, as prompts and plans quote them.
const PLACEHOLDERS: [&str; 12] = [
    "",
    "...",
    "\\ldots",
    "\\dots",
    "\\cdots",
    "…",
    "?",
    "answer",
    "final answer",
    "your answer",
    "\\text{answer}",
    "\\boxed{}",
];
/// What may stand between boxes that are one list.
const BETWEEN: [&str; 11] = [
    "$",
    ",",
    ";",
    "and",
    "or",
    "\\text{and}",
    "\\text{ and }",
    "\\text{or}",
    "\\text{ or }",
    "\\quad",
    "\\qquad",
];
/// A longer text, or one with a blank line, is no answer that merely holds a box.
const MAX_OUTER_BYTES: usize = 1_000;
/// Boxes of one list.
const MAX_JOINED: usize = 64;
/// Words before a box that make it the end of a text.
const MIN_WORDS: usize = 6;
/// Unclosed boxes looked at, from the last one.
const MAX_UNCLOSED: usize = 8;

/// A box in a text.
#[derive(Debug, Clone, Copy)]
pub struct Boxed<'a> {
    /// Trimmed, not empty.
    pub content: &'a str,
    /// Byte range of command and content.
    start: usize,
    end: usize,
}

/// The last complete box that is not empty; `\boxed 42` counts too. Of nested boxes the outermost.
///
/// One pass from the end: closing braces wait on a stack until their opening brace is met, so that many unclosed boxes
/// cost no more than one. It goes on behind a box only while a brace is open around it.
pub fn last(text: &str) -> Option<Boxed<'_>> {
    let bytes = text.as_bytes();
    let first = memmem::find(bytes, SHARED)?;
    let mut closing = Vec::new();
    let mut found: Option<Boxed<'_>> = None;
    let mut end = bytes.len();
    while let Some(at) = memrchr3(b'\\', b'{', b'}', &bytes[..end]) {
        if at + SHARED.len() < first {
            break;
        }
        end = at;
        match (bytes[at], found) {
            (b'\\', None) => found = unbraced(text, at),
            (b'}', _) if !escaped(bytes, at) => closing.push(at),
            (b'{', _) if !escaped(bytes, at) => {
                let boxed = closing.pop().and_then(|close| braced(text, at, close));
                match (boxed, found) {
                    (Some(_), None) => found = boxed,
                    (Some(boxed), Some(inner)) if boxed.end > inner.end => {
                        let Some(outer) = around(text, boxed, inner) else { break };
                        found = Some(outer);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        if found.is_some() && closing.is_empty() {
            break;
        }
    }
    found
}

/// A box whose braces are at `open` and `close`.
fn braced(text: &str, open: usize, close: usize) -> Option<Boxed<'_>> {
    let before = text[..open].trim_end();
    let start = BOXES.iter().find_map(|command| before.strip_suffix(command))?.len();
    let content = text[open + 1..close].trim();
    (!PLACEHOLDERS.contains(&content)).then_some(Boxed { content, start, end: close + 1 })
}

/// `\boxed 42`, where `at` is the backslash.
fn unbraced(text: &str, at: usize) -> Option<Boxed<'_>> {
    let rest = BOXES.iter().find_map(|command| text[at..].strip_prefix(command))?.trim_start();
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '/');
    let unsigned = rest.strip_prefix('-').unwrap_or(rest);
    let digits = unsigned.len() - unsigned.trim_start_matches(number).len();
    let content = rest[..rest.len() - unsigned.len() + digits].trim_end_matches(['.', ',', '/', '-']);
    let start = text.len() - rest.len();
    (!content.is_empty()).then_some(Boxed { content, start: at, end: start + content.len() })
}

/// The outer of two nested boxes; with nothing else in it, it is the inner one. None where it is too long for an answer.
fn around<'a>(text: &str, outer: Boxed<'a>, inner: Boxed<'a>) -> Option<Boxed<'a>> {
    if outer.content.len() == inner.end - inner.start && outer.content == &text[inner.start..inner.end] {
        return Some(Boxed { content: inner.content, ..outer });
    }
    (outer.content.len() <= MAX_OUTER_BYTES && !outer.content.contains("\n\n")).then_some(outer)
}

/// The list of a box and those directly before it; None where it stands alone.
pub fn joined(text: &str, last_box: Boxed<'_>) -> Option<String> {
    let mut contents = vec![last_box.content];
    let mut start = last_box.start;
    while contents.len() < MAX_JOINED {
        let before = without_separators(&text[..start]);
        let Some(boxed) = last(before).filter(|boxed| boxed.end == before.len()) else { break };
        if !contents.contains(&boxed.content) {
            contents.push(boxed.content);
        }
        start = boxed.start;
    }
    contents.reverse();
    (contents.len() > 1).then(|| contents.join(", "))
}

/// The last box of a text that says more than its boxes do: several with words between them, or one at the end of prose. None
/// for a formula or a list made of boxes.
pub fn conclusion(text: &str) -> Option<&str> {
    let boxed = last(text)?;
    let mut start = boxed.start;
    let mut several = false;
    for _ in 0..MAX_JOINED {
        let before = without_separators(&text[..start]);
        match last(before) {
            Some(other) if other.end == before.len() => (start, several) = (other.start, true),
            Some(_) => return Some(boxed.content),
            None => break,
        }
    }
    let before = text[..start].trim();
    let prose = before.contains('\n') || before.split(' ').filter(|word| is_word(word)).count() >= MIN_WORDS;
    let after = several && !text[boxed.end..].trim_matches([' ', '.', '$', '\n']).is_empty();
    (prose || after).then_some(boxed.content)
}

fn is_word(word: &str) -> bool {
    let letters = word.trim_matches([',', '.', ':', ';']);
    letters.len() > 1 && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn without_separators(mut text: &str) -> &str {
    loop {
        text = text.trim_end();
        match BETWEEN.iter().find_map(|word| text.strip_suffix(word)) {
            Some(shorter) => text = shorter,
            None => return text,
        }
    }
}

/// What the last box that never closes holds, up to the end of its formula or line.
pub fn unclosed(text: &str) -> Option<&str> {
    let mut starts: Vec<_> = BOXES
        .iter()
        .flat_map(|command| {
            let after = command.len();
            memmem::find_iter(text.as_bytes(), command.as_bytes()).map(move |at| at + after)
        })
        .collect();
    starts.sort_unstable();
    starts.into_iter().rev().take(MAX_UNCLOSED).find_map(|start| {
        let content = text[start..].trim_start().strip_prefix('{').filter(|content| !closes(content))?;
        let content = content.trim_start_matches(['$', ' ']);
        let end = ["\n", "$", "\\]", "\\)"].iter().filter_map(|stop| content.find(stop)).min();
        let content = content[..end.unwrap_or(content.len())].trim().trim_end_matches('.').trim_end();
        (!PLACEHOLDERS.contains(&content)).then_some(content)
    })
}

/// Whether the brace opened before a text is closed in it.
fn closes(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut depth = 1usize;
    for at in memchr2_iter(b'{', b'}', bytes).filter(|at| !escaped(bytes, *at)) {
        depth = if bytes[at] == b'{' { depth + 1 } else { depth - 1 };
        if depth == 0 {
            return true;
        }
    }
    false
}

/// Whether an odd number of backslashes stands before `at`.
fn escaped(bytes: &[u8], at: usize) -> bool {
    bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}
