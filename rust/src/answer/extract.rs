//! The final answer in a completion: what the assistant itself put in its last `\boxed`, final channel first.

use memchr::memmem;

/// Commands that mark an answer.
const BOXES: [&str; 2] = ["\\boxed", "\\fbox"];
/// Boxes that stand for an answer to come, as prompts and plans quote them.
const PLACEHOLDERS: [&str; 5] = ["...", "\\ldots", "\\dots", "\\cdots", "…"];
/// Phrases before an answer, used only where asked for; the last one found wins.
const PHRASES: [&str; 4] = ["####", "answer is:", "answer is", "answer:"];

/// Where to look when there is no box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Also accept `the answer is ...`, `answer: ...` and `#### ...`, up to the end of the line.
    pub phrases: bool,
}

/// The answer of a completion or a whole conversation in Harmony text, or of plain text.
///
/// Looks in the final channel, then in what else the assistant wrote as prose, then in its calls of tools; never in
/// tool output, system, developer or user messages. Among several boxes the last complete, non-empty one counts.
pub fn extract(text: &str, options: Options) -> Option<&str> {
    let messages = own_messages(text);
    let tiers = [Tier::Final, Tier::Prose, Tier::Call];
    let search = |find: fn(&str) -> Option<&str>| {
        tiers.iter().find_map(|tier| {
            messages
                .iter()
                .rev()
                .filter(|message| message.tier == *tier)
                .find_map(|message| find(message.body))
        })
    };
    search(last_box).or_else(|| if options.phrases { search(after_phrase) } else { None })
}

/// Content of the last complete, non-empty `\boxed{...}` or `\fbox{...}`, trimmed; `\boxed 42` counts too.
///
/// One pass from the end: closing braces wait on a stack until their opening brace is met, so that many unclosed boxes
/// cost no more than one.
pub fn last_box(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut closing = Vec::new();
    // Brace opened nearest after the current position, with the place of its partner.
    let mut opened: Option<(usize, usize)> = None;
    let mut end = bytes.len();
    while let Some(at) = memchr::memrchr3(b'\\', b'{', b'}', &bytes[..end]) {
        end = at;
        match bytes[at] {
            b'}' if !escaped(bytes, at) => closing.push(at),
            b'{' if !escaped(bytes, at) => opened = closing.pop().map(|close| (at, close)).or(opened),
            b'\\' => {
                if let Some(content) = content_of_box(text, at, opened) {
                    return Some(content);
                }
            }
            _ => {}
        }
    }
    None
}

fn content_of_box(text: &str, at: usize, opened: Option<(usize, usize)>) -> Option<&str> {
    let command = BOXES.iter().find(|command| text[at..].starts_with(**command))?;
    let after = at + command.len();
    let rest = text[after..].trim_start();
    let start = text.len() - rest.len();
    let content = if rest.starts_with('{') {
        let (open, close) = opened?;
        if open != start {
            return None;
        }
        text[open + 1..close].trim()
    } else {
        let digits =
            rest.bytes().skip(usize::from(rest.starts_with('-'))).take_while(u8::is_ascii_digit).count();
        if digits == 0 { "" } else { &rest[..digits + usize::from(rest.starts_with('-'))] }
    };
    (!content.is_empty() && !PLACEHOLDERS.contains(&content)).then_some(content)
}

/// Whether an odd number of backslashes stands before `at`.
fn escaped(bytes: &[u8], at: usize) -> bool {
    bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

fn after_phrase(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let (at, phrase) = PHRASES
        .iter()
        .filter_map(|phrase| {
            memmem::rfind(lower.as_bytes(), phrase.as_bytes()).map(|at| (at + phrase.len(), phrase))
        })
        .max_by_key(|(end, phrase)| (*end, phrase.len()))
        .map(|(end, phrase)| (end, *phrase))?;
    let line = text[at..].trim_start_matches([' ', ':', '*']).lines().next()?;
    let line = if phrase == "####" { line } else { line.split(". ").next().unwrap_or(line) };
    let answer = line.trim().trim_end_matches(['.', '*']).trim();
    (!answer.is_empty()).then_some(answer)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    Final,
    Prose,
    Call,
}

struct Own<'a> {
    body: &'a str,
    tier: Tier,
}

const MARKS: [&str; 7] =
    ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>", "<|constrain|>"];

/// What the assistant wrote, in order. Text without marks is one prose message.
///
/// A completion starts inside the assistant's header, or inside a body when the prompt had opened it.
fn own_messages(text: &str) -> Vec<Own<'_>> {
    let mut found = Vec::new();
    let mut header = "";
    let mut header_start = 0;
    let mut body_start = None;
    for (at, mark) in marks(text) {
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
    tier(header, mark).map(|tier| Own { body: &text[start..at], tier })
}

fn marks(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    memmem::find_iter(text.as_bytes(), b"<|")
        .filter_map(|at| MARKS.iter().find(|mark| text[at..].starts_with(**mark)).map(|mark| (at, *mark)))
}

/// None for what others wrote. Prose sent to a tool by a wrong header, then ended like prose, is prose.
fn tier(header: &str, end: &str) -> Option<Tier> {
    let role = header.split(['<', ' ']).next().unwrap_or("");
    if !matches!(role, "" | "assistant") {
        return None;
    }
    let channel = header.split("<|channel|>").nth(1).unwrap_or("").trim_start();
    let calls = header.contains(" to=") || header.starts_with("to=");
    Some(if channel.starts_with("final") {
        Tier::Final
    } else if calls && end == "<|call|>" {
        Tier::Call
    } else {
        Tier::Prose
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(text: &str) -> Option<&str> {
        extract(text, Options::default())
    }

    #[test]
    fn the_last_complete_non_empty_box_counts() {
        for (text, answer) in [
            (r"so \boxed{6}, no: \boxed{7}.", Some("7")),
            (r"\boxed{\frac{1}{2}} and \boxed{3", Some(r"\frac{1}{2}")),
            (r"\boxed{5} put it in \boxed{}", Some("5")),
            (r"\boxed{5} as \boxed{...}", Some("5")),
            (r"\fbox{ 8 }", Some("8")),
            (r"\boxed {9} }", Some("9")),
            (r"\boxed{\{1,2\}} {", Some(r"\{1,2\}")),
            (r"\boxed 42.", Some("42")),
            (r"\boxed{-3}$", Some("-3")),
            (r"\boxed{\boxed{7}}", Some("7")),
            ("no box", None),
            (r"\boxed{", None),
            (r"\boxed", None),
            ("", None),
        ] {
            assert_eq!(boxed(text), answer, "{text}");
        }
    }

    #[test]
    fn the_final_channel_comes_first_and_tools_never_count() {
        let text = concat!(
            "<|channel|>analysis<|message|>maybe \\boxed{1}<|end|><|start|>assistant<|channel|>final<|message|>\\boxed{2}<|end|>",
            "<|start|>assistant<|channel|>analysis<|message|>\\boxed{3}<|return|>"
        );
        assert_eq!(boxed(text), Some("2"));
        let text = concat!(
            "<|channel|>analysis<|message|>\\boxed{1}<|end|><|start|>assistant<|channel|>analysis to=python code<|message|>",
            "print('\\boxed{4}')<|call|><|start|>python to=assistant<|channel|>analysis<|message|>\\boxed{5}<|end|>",
            "<|start|>user<|message|>use \\boxed{6}<|end|><|start|>assistant<|channel|>final<|message|>unsure"
        );
        assert_eq!(boxed(text), Some("1"));
        assert_eq!(boxed("\\boxed{8}<|return|>"), Some("8"));
        assert_eq!(boxed("<|start|>user<|message|>\\boxed{6}<|end|><|start|>assistant"), None);
        assert_eq!(boxed("<|start|>python<|message|>\\boxed{6}"), None);
        let text = "<|channel|>analysis<|message|>\\boxed{1}<|end|><|start|>assistant<|channel|>final \\boxed{2}<|return|>";
        assert_eq!(boxed(text), Some("2"));
        assert_eq!(boxed("so<|end|><|start|>python \\boxed{6}<|end|>"), None);
    }

    #[test]
    fn phrases_are_opt_in() {
        let ask = |text| extract(text, Options { phrases: true });
        assert_eq!(boxed("The answer is 7."), None);
        assert_eq!(ask("The answer is 7."), Some("7"));
        assert_eq!(ask("work\n#### 1,234"), Some("1,234"));
        assert_eq!(ask("Final Answer: **12**"), Some("12"));
        assert_eq!(ask("the answer is 5 \\boxed{6}"), Some("6"));
    }

    #[test]
    fn many_unclosed_boxes_cost_one_pass() {
        let text = "\\boxed{".repeat(200_000);
        assert_eq!(boxed(&text), None);
        let nested = format!("{}7{}", "\\boxed{".repeat(20_000), "}".repeat(20_000));
        assert_eq!(boxed(&nested), Some("7"));
    }
}
