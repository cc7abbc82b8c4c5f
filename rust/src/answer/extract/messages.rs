//! What the assistant itself wrote, by message, in Harmony text or in plain text with marked tool output.

use super::Place;
use memchr::{memchr_iter, memmem};

/// Part of a text that the assistant wrote.
#[derive(Debug)]
pub struct Own<'a> {
    pub body: &'a str,
    pub place: Place,
    /// Speaks to the user: final, or prose of a text without channels.
    pub is_answer: bool,
}

const MARKS: [&str; 7] =
    ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>", "<|constrain|>"];
const THINKING: &str = "<think>";
const END_OF_THINKING: &str = "</think>";
/// How other models' harnesses mark tool output within the text.
const OUTPUTS: [(&str, &str); 3] = [
    ("<tool_response>", "</tool_response>"),
    ("<llm-code-output>", "</llm-code-output>"),
    ("<|start_header_id|>ipython", "<|eot_id|>"),
];
const FENCE: (&str, &str) = ("```output", "```");

/// In order. A completion starts inside the assistant's header, or inside a body when the prompt had opened it.
pub fn own_messages(text: &str) -> Vec<Own<'_>> {
    let tags: Vec<_> = tags(text).collect();
    if !tags.iter().any(|(_, tag)| matches!(tag, Tag::Mark(_))) {
        return plain_messages(text, &tags);
    }
    let mut found = Vec::new();
    let mut header = "";
    let mut header_start = 0;
    let mut body_start = None;
    for (at, tag) in tags {
        let Tag::Mark(mark) = tag else { continue };
        let after = at + mark.len();
        match mark {
            "<|message|>" if body_start.is_none() => {
                header = &text[header_start..at];
                body_start = Some(after);
            }
            "<|start|>" | "<|end|>" | "<|call|>" | "<|return|>" => {
                found.extend(own(text, header_start, body_start.take(), header, at, mark));
                header = "";
                header_start = after;
            }
            _ => {}
        }
    }
    found.extend(own(text, header_start, body_start, header, text.len(), ""));
    found
}

/// The message that ends at `at`, if it is the assistant's own. One that never left its header is taken whole: the
/// mark between header and body is the one that models forget.
fn own<'a>(
    text: &'a str,
    header_start: usize,
    body_start: Option<usize>,
    header: &str,
    at: usize,
    mark: &str,
) -> Option<Own<'a>> {
    let start = body_start.unwrap_or(header_start);
    let header = if body_start.is_some() || header_start == 0 { header } else { &text[header_start..at] };
    let body = &text[start..at];
    place(header, mark).map(|place| Own {
        body,
        place,
        // A text that only ends with a mark never named a channel.
        is_answer: place == Place::Final || (place == Place::Prose && header.is_empty() && start == 0),
    })
}

#[derive(Debug, Clone, Copy)]
enum Tag {
    Mark(&'static str),
    Output(usize),
    EndOfThinking,
}

fn tags(text: &str) -> impl Iterator<Item = (usize, Tag)> {
    let bytes = text.as_bytes();
    // Most `<` are relations.
    let may_be_tag = move |at: &usize| matches!(bytes.get(at + 1), Some(b'|' | b't' | b'l' | b'/'));
    memchr_iter(b'<', bytes).filter(may_be_tag).filter_map(|at| {
        let rest = &text[at..];
        let mark = || MARKS.iter().find(|mark| rest.starts_with(**mark)).map(|mark| Tag::Mark(mark));
        let output = || OUTPUTS.iter().position(|(begin, _)| rest.starts_with(begin)).map(Tag::Output);
        let thinking = || rest.starts_with(END_OF_THINKING).then_some(Tag::EndOfThinking);
        mark().or_else(output).or_else(thinking).map(|tag| (at, tag))
    })
}

/// None for what others wrote. Prose sent to a tool by a wrong header, then ended like prose, is prose.
fn place(header: &str, end: &str) -> Option<Place> {
    let role = header.split(['<', ' ']).next().unwrap_or("");
    if !matches!(role, "" | "assistant") {
        return None;
    }
    let channel = header.split("<|channel|>").nth(1).unwrap_or("").trim_start();
    let calls = header.contains(" to=") || header.starts_with("to=");
    Some(if channel.starts_with("final") {
        Place::Final
    } else if calls && end == "<|call|>" {
        Place::Call
    } else {
        Place::Prose
    })
}

/// A text without Harmony marks: what lies between tool outputs; thoughts end at `</think>`.
fn plain_messages<'a>(text: &'a str, tags: &[(usize, Tag)]) -> Vec<Own<'a>> {
    let thought =
        |(at, tag): &(usize, Tag)| matches!(tag, Tag::EndOfThinking).then_some(at + END_OF_THINKING.len());
    let unended = || text.trim_start().starts_with(THINKING).then_some(text.len());
    let answer_start = tags.iter().rev().find_map(thought).or_else(unended);
    let mut found = Vec::new();
    let mut start = 0;
    for (at, (begin, end)) in outputs(text, tags) {
        if at >= start {
            found.extend(prose(text, start, at, answer_start));
            let body = at + begin.len();
            let close = memmem::find(&text.as_bytes()[body..], end.as_bytes());
            // One that never ends was cut off with the text.
            start = close.map_or(text.len(), |to| body + to + end.len());
        }
    }
    found.extend(prose(text, start, text.len(), answer_start));
    found
}

/// Where tool outputs may begin, in order.
fn outputs(text: &str, tags: &[(usize, Tag)]) -> Vec<(usize, (&'static str, &'static str))> {
    let tagged = tags.iter().filter_map(|(at, tag)| match tag {
        Tag::Output(which) => Some((*at, OUTPUTS[*which])),
        _ => None,
    });
    let fenced = memmem::find_iter(text.as_bytes(), FENCE.0.as_bytes()).map(|at| (at, FENCE));
    let mut all: Vec<_> = tagged.chain(fenced).collect();
    all.sort_unstable_by_key(|(at, _)| *at);
    all
}

fn prose(text: &str, start: usize, end: usize, answer_start: Option<usize>) -> impl Iterator<Item = Own<'_>> {
    let split = answer_start.unwrap_or(start).clamp(start, end);
    let place = if answer_start.is_some() { Place::Final } else { Place::Prose };
    let thoughts = Own { body: &text[start..split], place: Place::Prose, is_answer: false };
    let answer = Own { body: &text[split..end], place, is_answer: true };
    [thoughts, answer].into_iter().filter(|own| !own.body.is_empty())
}
