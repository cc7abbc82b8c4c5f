//! Removes what does not change the meaning of an answer: wrappers, spacing, style, unicode forms.
//!
//! Rules by name, each driven by a table of [`super::replacements`], applied in order until nothing changes: `entities` (HTML),
//! `unicode`, `boxes`, `commands` (LaTeX), `residue` (words of the prompt), `edges` (trimming), and the repairs `escapes`,
//! `backslash` and `braces` of [`super::repairs`].

use super::names::is_function;
use super::repairs;
use super::replacements::{Action, ascii, character, command, subscript, superscript};
use super::units;
use std::borrow::Cow;
use std::cell::OnceCell;

/// Rounds of the rules; two are enough for text people write, the rest is for adversarial nesting.
const MAX_ROUNDS: usize = 8;

/// The answer without wrappers, spacing and spelling variants, damage repaired. Idempotent.
pub fn normalize(text: &str) -> Cow<'_, str> {
    normalize_with(text, true, &mut |_| {})
}

/// The same, telling the name of each rule that changed something; repairs only where asked for.
pub fn normalize_with<'a>(text: &'a str, repair: bool, tell: &mut dyn FnMut(&'static str)) -> Cow<'a, str> {
    let trimmed = edges(text);
    if is_plain(trimmed) {
        let bare = repairs::residue(trimmed);
        if bare == trimmed {
            return Cow::Borrowed(trimmed);
        }
    }
    let mut current = Cow::Borrowed(text);
    for _ in 0..MAX_ROUNDS {
        let Some(next) = one_round(&current, repair, tell) else { break };
        current = Cow::Owned(next);
    }
    current
}

/// None where no rule changes anything.
fn one_round(text: &str, repair: bool, tell: &mut dyn FnMut(&'static str)) -> Option<String> {
    let mut current = Cow::Borrowed(text);
    let mut kinds = Kinds::of(text);
    // A rule that needs a kind of byte is not tried on text without any.
    let mut apply = |name: &'static str, needs: u8, rule: &dyn Fn(&str) -> Option<String>| {
        if kinds.has(needs)
            && let Some(next) = rule(&current)
            && next != *current
        {
            tell(name);
            kinds = Kinds::of(&next);
            current = Cow::Owned(next);
        }
    };
    let changed = |text: Cow<'_, str>| match text {
        Cow::Borrowed(_) => None,
        Cow::Owned(text) => Some(text),
    };
    apply("entities", Kinds::AMPERSAND, &|text| changed(repairs::entities(text)));
    if repair {
        apply("escapes", Kinds::CONTROL | Kinds::BACKSLASH, &|text| changed(repairs::escapes(text)));
    }
    apply("unicode", Kinds::CONTROL | Kinds::BEYOND_ASCII, &|text| changed(unicode(text)));
    if repair {
        apply("backslash", Kinds::BRACE, &|text| changed(repairs::backslash(text)));
    }
    let part = |part: &str, text: &str| (part.len() != text.len()).then(|| part.to_owned());
    apply("boxes", Kinds::BACKSLASH, &|text| part(unboxed(text), text));
    apply("commands", Kinds::BACKSLASH | Kinds::SPACING, &|text| Some(commands(text)));
    apply("edges", Kinds::ANY, &|text| part(edges(text), text));
    apply("residue", Kinds::ANY, &|text| part(repairs::residue(text), text));
    if repair {
        apply("braces", Kinds::BRACE, &|text| changed(repairs::braces(text)));
    }
    changed(current).filter(|next| next != text)
}

/// Which kinds of bytes a text holds.
#[derive(Clone, Copy)]
struct Kinds(u8);

impl Kinds {
    const AMPERSAND: u8 = 1;
    const BACKSLASH: u8 = 2;
    const BRACE: u8 = 4;
    /// A space, or a mark that is one or nothing.
    const SPACING: u8 = 8;
    const CONTROL: u8 = 16;
    const BEYOND_ASCII: u8 = 32;
    const OTHER: u8 = 64;
    const ANY: u8 = u8::MAX;

    const TABLE: [u8; 256] = {
        let mut table = [Self::OTHER; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = match byte as u8 {
                b'&' => Self::AMPERSAND,
                b'\\' => Self::BACKSLASH,
                b'{' | b'}' => Self::BRACE,
                b' ' | b'~' | b'$' => Self::SPACING,
                0..0x20 | 0x7F => Self::CONTROL,
                0x80.. => Self::BEYOND_ASCII,
                _ => Self::OTHER,
            };
            byte += 1;
        }
        table
    };

    fn of(text: &str) -> Self {
        Self(text.bytes().fold(0, |kinds, byte| kinds | Self::TABLE[usize::from(byte)]))
    }

    fn has(self, wanted: u8) -> bool {
        self.0 & wanted != 0
    }
}

/// Text that no rule would change.
fn is_plain(text: &str) -> bool {
    let mut previous = 0;
    text.bytes().all(|byte| {
        let fine = byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b',' | b'-' | b'+' | b'/' | b'(' | b')' | b'=' | b'^' | b'[' | b']')
            || (byte == b' ' && previous != b' ');
        previous = byte;
        fine
    })
}

/// Rule `unicode`.
fn unicode(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        for (script, mark) in [(superscript as fn(char) -> Option<char>, "^{"), (subscript, "_{")] {
            if let Some(first) = script(c) {
                out.push_str(mark);
                out.push(first);
                while let Some(next) = characters.peek().and_then(|next| script(*next)) {
                    out.push(next);
                    characters.next();
                }
                out.push('}');
            }
        }
        if superscript(c).is_some() || subscript(c).is_some() {
        } else if c == '°' && matches!(characters.peek(), Some('C' | 'F')) {
            out.push_str("\\text{deg");
            out.extend(characters.next());
            out.push('}');
        } else if c.is_ascii_control() {
            out.push(' ');
        } else if let Some(replacement) = character(c) {
            out.push_str(replacement);
        } else {
            out.push(ascii(c).unwrap_or(c));
        }
    }
    Cow::Owned(out)
}

/// Rule `boxes`: a box around everything is removed with its braces, which would otherwise make a set of a list.
fn unboxed(text: &str) -> &str {
    let padding = |c: char| matches!(c, ' ' | '$' | '.');
    let braces = Braces::of(text);
    let mut current = text;
    loop {
        let inside = current.trim_matches(padding);
        let Some(group) = ["\\boxed", "\\fbox"].iter().find_map(|name| inside.strip_prefix(name)) else {
            return current;
        };
        let group = group.trim_start();
        let start = group.as_ptr() as usize - text.as_ptr() as usize;
        let whole = &text[start..];
        let Some((content, after)) = braces.group(whole) else { return current };
        if after.len() != whole.len() - group.len() {
            return current;
        }
        current = content;
    }
}

/// Rule `commands`: also drops `$` marks and runs of spaces.
fn commands(text: &str) -> String {
    let mut out = Output { text: String::with_capacity(text.len()), ends_in_command: false };
    let braces = Braces::of(text);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            rest = one_command(rest, &braces, &mut out);
            continue;
        }
        // The first of a run may need a space before it.
        let run = 1 + rest.bytes().skip(1).take_while(u8::is_ascii_alphanumeric).count();
        if c.is_ascii_alphanumeric() && run > 1 {
            out.push(c);
            out.text.push_str(&rest[1..run]);
            rest = &rest[run..];
            continue;
        }
        // `{\rm cm}`
        if c == '{'
            && rest[1..].trim_start().starts_with("\\rm")
            && let Some((words, after)) = braces.group(rest)
            && let Some(words) = words.trim_start().strip_prefix("\\rm")
            && words.starts_with([' ', '~', '\\'])
        {
            push_words("mathrm", words, &mut out);
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '$' => {}
            '~' => out.push(' '),
            c => out.push(c),
        }
    }
    out.text
}

/// Handles the command that `rest` starts with and returns what follows it.
fn one_command<'a>(rest: &'a str, braces: &Braces<'_>, out: &mut Output) -> &'a str {
    let letters = rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
    let length = 1 + if letters > 0 { letters } else { rest[1..].chars().next().map_or(0, char::len_utf8) };
    let (whole, after) = rest.split_at(length);
    let name = &whole[1..];
    let after_spaces = after.trim_start_matches(' ');
    match command(name) {
        None => {
            out.push_command(whole);
            after
        }
        // `\left.` is an invisible bracket.
        Some(Action::Drop) if matches!(name, "left" | "right") && after_spaces.starts_with('.') => {
            &after_spaces[1..]
        }
        // `\vec{r}(t)` is the function r.
        Some(Action::Drop) => match braces.group(after) {
            Some((letter, behind)) if letter.len() == 1 && behind.starts_with('(') => {
                out.push_str(letter);
                behind
            }
            _ => after,
        },
        Some(Action::DropArgument) => braces.group(after_spaces).map_or(after, |(_, after)| after),
        Some(Action::Space) => {
            out.push(' ');
            after
        }
        Some(Action::Gap) => {
            let joins = ["\\text", "\\mathrm", "(", "\\mbox", ",", ";"]
                .iter()
                .any(|next| after_spaces.starts_with(next));
            if joins || after_spaces.is_empty() || out.text.ends_with([',', ';', '&']) {
                out.push(' ');
            } else {
                out.push_str(", ");
            }
            after
        }
        Some(Action::Rename(to)) => {
            out.push_command(to);
            after
        }
        Some(Action::Words) => match braces.group(after_spaces) {
            Some((words, after)) => {
                push_words(name, words, out);
                after
            }
            None => after,
        },
    }
}

/// Words stay words; digits and symbols in `\text` are plain mathematics, and so are `\mathrm{e}` and `\mathrm{i}`.
fn push_words(name: &str, words: &str, out: &mut Output) {
    if let Some(spaced) = without_spacing_commands(words) {
        return push_words(name, &spaced, out);
    }
    let single = matches!(words.trim(), "e" | "i") && name == "mathrm";
    let function = words.trim();
    if let ("mathrm" | "text", "Re" | "Im") = (name, function) {
        out.push_command(&format!("\\{function}"));
        return;
    }
    let ambiguous = matches!(function, "min" | "max" | "re" | "im" | "sec" | "lb") && name != "operatorname";
    if !ambiguous && is_function(function) || name == "operatorname" && is_function(&function.to_lowercase())
    {
        out.push_command(&format!("\\{}", function.to_lowercase()));
        return;
    }
    if words.contains('\\') && words.contains("\\text") {
        return push_words(name, &words.replace("\\text", "").replace(['{', '}'], ""), out);
    }
    // `\text{5 hours}`
    if let Some((number, unit)) = words.trim().split_once(' ')
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && units::find(unit).is_some()
    {
        out.push_str(number);
        return push_words(name, unit, out);
    }
    // `\mathrm{m s^{-2}}`
    if words.contains('^') && units::find(words).is_some() {
        out.push_command("\\text");
        out.push_str(&format!("{{{}}}", words.trim().replace(['{', '}'], "")));
        return;
    }
    let mathematics = words.contains(['\\', '$', '^', '=']) && !words.contains("^2") && !words.contains("^3");
    if words.chars().all(|c| matches!(c, '.' | ',' | ' ')) {
        out.push(' ');
    } else if words.contains(',')
        && words
            .split([',', ' '])
            .all(|word| word.len() < 2 && word.bytes().all(|byte| byte.is_ascii_uppercase()))
    {
        // `\text{A, C}` names several options.
        out.push_str(words);
    } else if single || mathematics || !words.chars().any(char::is_alphabetic) {
        out.push('{');
        out.push_str(words);
        out.push('}');
    } else {
        out.push_command("\\text");
        out.push_str("{");
        out.push_str(words);
        out.push('}');
    }
}

/// The words with plain spaces for `~`, `\,` and the like; None if there are none of these.
fn without_spacing_commands(words: &str) -> Option<String> {
    let spacing = ["\\,", "\\;", "\\:", "\\>", "\\ ", "\\!", "\\quad", "\\cdot", "~"];
    if !words.contains(['\\', '~'])
        || !spacing.iter().any(|command| words.contains(command))
        || words.contains('$')
    {
        return None;
    }
    let plain = spacing.iter().fold(words.to_owned(), |words, command| words.replace(command, " "));
    // Mathematics keeps its products.
    (plain != words && !plain.contains('\\') && (units::find(&plain).is_some() || !words.contains("\\cdot")))
        .then_some(plain)
}

/// Which brace closes which, found once and only if asked for, so that thousands of unclosed groups cost no more than one.
struct Braces<'a> {
    text: &'a str,
    /// Bytes from an opening brace to its partner, by bytes from the opening brace to the end of the text; 0 elsewhere.
    lengths: OnceCell<Vec<usize>>,
}

impl<'a> Braces<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, lengths: OnceCell::new() }
    }

    fn lengths(text: &str) -> Vec<usize> {
        let mut lengths = vec![0; text.len() + 1];
        let mut open = Vec::new();
        let mut escaped = false;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'{' => open.push(at),
                b'}' => {
                    if let Some(start) = open.pop() {
                        lengths[text.len() - start] = at - start;
                    }
                }
                _ => {}
            }
        }
        lengths
    }

    /// The content of the group that `rest`, a tail of the text, starts with, and what follows it.
    fn group<'b>(&self, rest: &'b str) -> Option<(&'b str, &'b str)> {
        if !rest.starts_with('{') {
            return None;
        }
        let lengths = self.lengths.get_or_init(|| Self::lengths(self.text));
        let length = *lengths.get(rest.len()).filter(|length| **length > 0)?;
        Some((&rest[1..length], &rest[length + 1..]))
    }
}

/// Text under construction: never two spaces in a row, never a letter glued to a command.
struct Output {
    text: String,
    /// Whether the text ends in a command such as `\pi`, which a letter would lengthen.
    ends_in_command: bool,
}

impl Output {
    fn push(&mut self, c: char) {
        if c == ' ' && self.text.ends_with([' ', '{']) {
            return;
        }
        if c.is_ascii_alphabetic() && self.ends_in_command {
            self.text.push(' ');
        }
        self.ends_in_command = false;
        self.text.push(c);
    }

    fn push_str(&mut self, text: &str) {
        for c in text.chars() {
            self.push(c);
        }
    }

    fn push_command(&mut self, command: &str) {
        if command.starts_with('\\') {
            self.text.push_str(command);
            self.ends_in_command = command.ends_with(|c: char| c.is_ascii_alphabetic());
        } else {
            self.push_str(command);
        }
    }
}

/// Rule `edges`: spaces, closing punctuation, a lone backslash, markdown emphasis.
fn edges(text: &str) -> &str {
    let mut current = text;
    loop {
        let mut next = current.trim_matches([' ', '\t', '\r', '\n']);
        let closing = next.trim_end_matches(['.', ',', ';', ' ']);
        // `0.5.` loses a stop; `\,` and `1.` do too, `...` is left to the parser.
        if !next.ends_with("..") && !closing.ends_with('\\') {
            next = closing;
        }
        if next.ends_with('\\') && !next.ends_with("\\\\") {
            next = &next[..next.len() - 1];
        }
        for mark in ["**", "__", "`", "*"] {
            if !next.starts_with(['*', '_', '`']) {
                break;
            }
            if next.len() > 2 * mark.len()
                && let Some(inner) = next.strip_prefix(mark).and_then(|inner| inner.strip_suffix(mark))
            {
                next = inner;
            }
        }
        if next == current {
            return current;
        }
        current = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cosmetics_vanish() {
        for (text, expected) in [
            (r"$\dfrac{1}{2}$.", r"\frac{1}{2}"),
            (r"\left( 1,\!2 \right)", r"( 1,2 )"),
            (r"\text{ cm}", r"\text{cm}"),
            (r"**17**", "17"),
            (r"10\%", "10%"),
            (r"\mathrm{i}", "{i}"),
            (r"12\text{.}", "12"),
            ("2½", r"2\frac{1}{2}"),
            ("x¹⁰", "x^{10}"),
            ("２５", "25"),
            (r"\boxed{5}", "5"),
            (r"\$18.90", r"\$18.90"),
            (r"a\!b", "ab"),
            (r"\pi\!r", r"\pi r"),
            ("\u{c}rac{1}{2}", r"\frac{1}{2}"),
            (r"\left\{ 1 \right.", r"\{1"),
        ] {
            assert_eq!(normalize(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in r"(\\(left|right|text|frac|!|,|boxed|pi|%|\$)|[{}()\[\]$ .,*`a-c0-9²π−\\])*") {
            let once = normalize(&text).into_owned();
            prop_assert_eq!(normalize(&once).into_owned(), once);
        }
    }
}
