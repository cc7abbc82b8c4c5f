//! Repairs of damaged LaTeX, where only one reading is likely: each is named, and there are few of each.

use super::replacements::{ATE_ESCAPE, ENTITIES, REPAIRABLE, RESIDUE};
use std::borrow::Cow;

/// Braces that may be missing or too many.
const MAX_BRACES: usize = 4;
/// Longest run of letters after which a lost backslash is looked for.
const MAX_LOST: usize = 8;

/// Rule `entities`: `&lt;` is `<`.
pub fn entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') || !text.contains(';') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let end = after.bytes().take(10).position(|byte| byte == b';');
        let entity = end.and_then(|end| ENTITIES.iter().find(|(name, _)| *name == &after[..end]));
        if let (Some(end), Some((_, replacement))) = (end, entity) {
            out.push_str(replacement);
            rest = &after[end + 1..];
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Rule `escapes`: control characters that ate a backslash, and doubled backslashes before a command.
pub fn escapes(text: &str) -> Cow<'_, str> {
    let controls = text.bytes().any(|byte| byte.is_ascii_control());
    let doubled = text.as_bytes().windows(2).any(|pair| pair == br"\\")
        && !text.contains("begin")
        && !text.contains('&');
    if !controls && !doubled {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let eaten = ATE_ESCAPE.iter().find(|(control, _)| *control == c);
        if let Some((control, tails)) = eaten
            && tails.iter().any(|tail| after.starts_with(tail))
        {
            out.push('\\');
            out.push(match control {
                '\u{C}' => 'f',
                '\t' => 't',
                '\r' => 'r',
                '\u{8}' => 'b',
                _ => 'v',
            });
            rest = after;
            continue;
        }
        if doubled && c == '\\' {
            let letters = after.trim_start_matches('\\');
            let run = 1 + after.len() - letters.len();
            let name = letters.bytes().take_while(u8::is_ascii_alphabetic).count();
            let mark = letters.starts_with(['{', '}', '%', '$', '(', ')', '[', ']']);
            if run == 2 && (REPAIRABLE.contains(&&letters[..name]) || mark) || run == 4 && name > 0 {
                out.push('\\');
                rest = letters;
                continue;
            }
            out.push_str(&rest[..run]);
            rest = letters;
            continue;
        }
        out.push(c);
        rest = after;
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// Rule `backslash`: `rac{1}{2}` and `frac{1}{2}` are `\frac{1}{2}`.
pub fn backslash(text: &str) -> Cow<'_, str> {
    let ends_command = |(at, _): (usize, _)| {
        let before = &text[..at];
        // The last letter tells most words apart.
        match before.bytes().next_back() {
            Some(b'c') => before.ends_with("rac"),
            Some(b't') => before.ends_with("qrt"),
            Some(b'd') => before.ends_with("oxed"),
            _ => false,
        }
    };
    if !text.match_indices('{').any(ends_command) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 4);
    let mut letters = 0;
    for (at, c) in text.char_indices() {
        if c.is_ascii_alphabetic() {
            letters += 1;
        } else {
            if c == '{' && (3..=MAX_LOST).contains(&letters) {
                let word = &text[at - letters..at];
                let slashed = text[..at - letters].ends_with('\\');
                let whole = match word {
                    "rac" | "frac" => Some("frac"),
                    "drac" | "dfrac" => Some("dfrac"),
                    "trac" | "tfrac" => Some("tfrac"),
                    "qrt" | "sqrt" => Some("sqrt"),
                    "oxed" | "boxed" => Some("boxed"),
                    _ => None,
                };
                if let (Some(whole), false) = (whole, slashed) {
                    out.truncate(out.len() - letters);
                    out.push('\\');
                    out.push_str(whole);
                }
            }
            letters = 0;
        }
        out.push(c);
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// Rule `braces`: closes what is open at the end, and drops what closes nothing.
pub fn braces(text: &str) -> Cow<'_, str> {
    let mut open = 0usize;
    let mut stray = Vec::new();
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => open += 1,
            b'}' if open > 0 => open -= 1,
            b'}' => stray.push(at),
            _ => {}
        }
    }
    if open == 0 && stray.is_empty() || open > MAX_BRACES || stray.len() > MAX_BRACES || escaped {
        return Cow::Borrowed(text);
    }
    let mut out = text.to_owned();
    for at in stray.into_iter().rev() {
        out.remove(at);
    }
    out.push_str(&"}".repeat(open));
    Cow::Owned(out)
}

/// Rule `residue`: the words of the prompt before the answer.
pub fn residue(text: &str) -> &str {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '\\') {
        return text;
    }
    let mut rest = text;
    for _ in 0..3 {
        let before = rest;
        // `\text{The answer is } 12`
        if let Some((words, tail)) = rest.strip_prefix("\\text{").and_then(|words| words.split_once('}')) {
            let words = words.trim_end_matches([' ', ':', ',']);
            let tail = tail.trim_start_matches([' ', ':', ',']);
            if !tail.is_empty() && RESIDUE.iter().any(|phrase| words.eq_ignore_ascii_case(phrase)) {
                rest = tail;
                continue;
            }
        }
        let first = rest.bytes().next().map(|first| first.to_ascii_lowercase());
        for phrase in RESIDUE.iter().filter(|phrase| phrase.bytes().next() == first) {
            let Some(head) = rest.get(..phrase.len()).filter(|head| head.eq_ignore_ascii_case(phrase)) else {
                continue;
            };
            let tail = &rest[head.len()..];
            let trimmed = tail.trim_start_matches([' ', ':', ',', '*']);
            // A word that goes on, or that is all there is, was part of the answer.
            let ends = tail.starts_with([' ', ':', ',', '$', '\\', '*']);
            if ends && !trimmed.is_empty() {
                rest = trimmed;
                break;
            }
        }
        if rest == before {
            break;
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_does_its_own() {
        assert_eq!(entities("x&lt;3 &amp; y&nbsp;&unknown;"), "x<3 & y &unknown;");
        assert_eq!(escapes("\u{c}rac{1}{2}"), r"\frac{1}{2}");
        assert_eq!(escapes("3\times 4"), r"3\times 4");
        assert_eq!(escapes(r"\\frac{1}{2}"), r"\frac{1}{2}");
        assert_eq!(escapes(r"\begin{cases}1\\frac\end{cases}"), r"\begin{cases}1\\frac\end{cases}");
        assert_eq!(backslash("rac{1}{2}"), r"\frac{1}{2}");
        assert_eq!(backslash("2sqrt{3}"), r"2\sqrt{3}");
        assert_eq!(backslash(r"\sqrt{3}"), r"\sqrt{3}");
        assert_eq!(braces(r"\frac{1}{2"), r"\frac{1}{2}");
        assert_eq!(braces("5}"), "5");
        assert_eq!(braces("{{{{{{5"), "{{{{{{5");
        assert_eq!(residue("The final answer is: 5"), "5");
        assert_eq!(residue("answer"), "answer");
    }
}
