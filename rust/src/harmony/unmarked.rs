//! Output whose special tokens were taken off: `analysis...assistantfinal...`.
//!
//! Servers that decode with `skip_special_tokens` leave the words of the headers glued to the contents. The words are
//! ordinary text, so this is a guess, made only when it is asked for and no marker is left; every message carries the
//! diagnostic `unmarked`.

use super::diagnostic::{self as code, severity};
use super::header::{LONGEST_HEADER, known_channel_prefix};
use super::message::{Diagnostic, Message, Role, Written};
use super::{calls, machine::Place};

/// A header found in the text.
struct Header<'t> {
    start: usize,
    end: usize,
    author: &'t str,
    recipient: Option<&'t str>,
    channel: Option<&'static str>,
    content_type: Option<&'static str>,
}

/// The messages of such an output; `None` when it holds a marker, or does not begin with the words of a header.
pub fn parse_unmarked(text: &str) -> Option<Vec<Message>> {
    if text.contains("<|") {
        return None;
    }
    let headers = headers(text);
    if headers.first()?.start != 0 {
        return None;
    }
    let ends = headers.iter().skip(1).map(|header| header.start).chain([text.len()]);
    Some(headers.iter().zip(ends).map(|(header, end)| message(text, header, end)).collect())
}

fn headers(text: &str) -> Vec<Header<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    if let Some(first) = header_at(text, 0, true) {
        at = first.end;
        found.push(first);
    }
    while let Some(offset) = text[at..].find(['a', 'p', 'f', 'b']) {
        at += offset;
        if let Some(next) = header_at(text, at, false) {
            at = next.end;
            found.push(next);
        } else {
            at += 1;
        }
    }
    found
}

fn header_at(text: &str, start: usize, is_first: bool) -> Option<Header<'_>> {
    let rest = &text[start..];
    if rest.starts_with("assistant") {
        return parts(text, start, "assistant", start + "assistant".len());
    }
    if is_first {
        return parts(text, start, "assistant", start);
    }
    // A tool is known by whom it answers.
    let namespace = ["python", "functions.", "browser."].into_iter().find(|name| rest.starts_with(name))?;
    let length = rest.bytes().take(LONGEST_HEADER).position(|byte| byte == b' ')?;
    let name = &rest[..length];
    let is_tool = namespace != "python" || name == namespace;
    let after = rest[name.len()..].strip_prefix(" code").unwrap_or(&rest[name.len()..]);
    let answered = after.strip_prefix(" to=assistant").filter(|_| is_tool)?;
    let channel = known_channel_prefix(answered);
    let end = text.len() - answered.len() + channel.map_or(0, str::len);
    let recipient = Some("assistant");
    Some(Header { start, end, author: name, recipient, channel, content_type: None })
}

/// ` to=NAME`, channel and content type in the orders in which they are written.
fn parts<'t>(text: &'t str, start: usize, author: &'t str, mut end: usize) -> Option<Header<'t>> {
    let mut recipient = recipient_at(text, &mut end);
    let channel = known_channel_prefix(&text[end..]).or_else(|| {
        // The channel is glued to a name that stands before it.
        let name = recipient?;
        let channel =
            ["analysis", "commentary", "final"].into_iter().find(|channel| name.ends_with(channel))?;
        recipient = Some(&name[..name.len() - channel.len()]).filter(|name| !name.is_empty());
        end -= channel.len();
        Some(channel)
    })?;
    end += channel.len();
    if recipient.is_none() {
        recipient = recipient_at(text, &mut end);
    }
    let rest = &text[end..];
    let content_type = ["code", "json"].into_iter().find(|word| {
        recipient.is_some() && rest.strip_prefix(' ').is_some_and(|rest| rest.starts_with(word))
    });
    end += content_type.map_or(0, |word| word.len() + 1);
    Some(Header { start, end, author, recipient, channel: Some(channel), content_type })
}

fn recipient_at<'t>(text: &'t str, end: &mut usize) -> Option<&'t str> {
    let rest = text[*end..].strip_prefix(" to=")?;
    let in_name = |character: char| character.is_alphanumeric() || "_.-".contains(character);
    let length = rest.find(|character| !in_name(character)).unwrap_or(rest.len());
    *end += " to=".len() + length;
    (length > 0).then(|| &rest[..length])
}

fn message(text: &str, header: &Header<'_>, end: usize) -> Message {
    let mut message = Message {
        role: Role::of_author(header.author),
        author: header.author.to_owned(),
        channel: header.channel.map(str::to_owned),
        recipient: header.recipient.map(str::to_owned),
        content_type: header.content_type.map(str::to_owned),
        content: text[header.end..end].to_owned(),
        header: text[header.start..header.end].to_owned(),
        complete: true,
        bytes: header.start..end,
        written: Written::Text(text[header.start..end].to_owned()),
        ..Message::default()
    };
    let place = Place { token: None, byte: header.start };
    message.diagnostics.push(Diagnostic {
        code: code::UNMARKED,
        token_offset: None,
        byte_offset: header.start,
        severity: severity(code::UNMARKED),
    });
    calls::mark(&mut message, place);
    // Without markers no call can end as calls do.
    message.diagnostics.retain(|found| found.code != code::CALL_END);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn short(text: &str) -> Vec<(String, Option<String>, Option<String>, String)> {
        let messages = parse_unmarked(text).unwrap();
        messages.into_iter().map(|m| (m.author, m.channel, m.recipient, m.content)).collect()
    }

    fn row(
        author: &str,
        channel: &str,
        recipient: &str,
        content: &str,
    ) -> (String, Option<String>, Option<String>, String) {
        let some = |word: &str| Some(word.to_owned()).filter(|word| !word.is_empty());
        (author.to_owned(), some(channel), some(recipient), content.to_owned())
    }

    #[test]
    fn a_tool_loop_without_markers() {
        assert_eq!(
            short(
                "analysisLet us see.assistantanalysis to=python codeprint(1)python to=assistantanalysis1\nassistantfinalIt is 1."
            ),
            [
                row("assistant", "analysis", "", "Let us see."),
                row("assistant", "analysis", "python", "print(1)"),
                row("python", "analysis", "assistant", "1\n"),
                row("assistant", "final", "", "It is 1."),
            ]
        );
        assert_eq!(
            short("analysishmassistantcommentary to=functions.f json{\"a\": 1}")[1],
            row("assistant", "commentary", "functions.f", "{\"a\": 1}")
        );
        assert_eq!(
            short("assistant to=pythonanalysis codex = 1"),
            [row("assistant", "analysis", "python", "x = 1")]
        );
    }

    #[test]
    fn prose_and_marked_output_are_left_alone() {
        for text in ["", "The answer is 5.", "An assistantfinal word", "<|channel|>finalx", "analysis<|end|>"]
        {
            assert_eq!(parse_unmarked(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn spans_partition_the_text(pieces in prop::collection::vec(prop::sample::select(vec![
            "assistant", "analysis", "final", "commentary", " to=", "python", " code", "functions.f", "é", "x", " ",
        ]), 0..12)) {
            let text = pieces.concat();
            if let Some(messages) = parse_unmarked(&text) {
                let mut at = 0;
                for message in &messages {
                    prop_assert_eq!(message.bytes.start, at);
                    prop_assert_eq!(format!("{}{}", message.header, message.content), text[message.bytes.clone()].to_owned());
                    at = message.bytes.end;
                }
                prop_assert_eq!(at, text.len());
            }
        }
    }
}
