//! Answers without a box: announced in words, an option's letter on the last line, the last number.

use memchr::memmem;

/// Words between the announcement and the answer that are not part of it, lowercase.
const FILLERS: [&str; 11] = [
    "therefore",
    "thus",
    "hence",
    "then",
    "simply",
    "clearly",
    "indeed",
    "given by",
    "equal to",
    "option",
    "choice",
];
/// What begins an explanation behind the answer.
const REASONS: [&str; 5] = [" because ", " since ", ", since ", ", because ", ", which "];
/// Words after which `is` or a colon announces the answer, lowercase.
const ANNOUNCING: [&str; 5] = ["answer", "answers", "correct option", "correct choice", "best choice"];
/// The mark that closes a solution of GSM8K.
pub const HASHES: &str = "####";

/// What follows the last `the answer is`, `Answer:` or `####`, up to the end of its sentence or line.
pub fn announced(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let mut starts: Vec<_> = ANNOUNCING
        .iter()
        .flat_map(|word| memmem::find_iter(lower.as_bytes(), word.as_bytes()).map(|at| at + word.len()))
        .filter_map(|after| Some((after + announcement(&lower[after..])?, true)))
        .chain(memmem::find_iter(lower.as_bytes(), HASHES.as_bytes()).map(|at| (at + HASHES.len(), false)))
        .collect();
    starts.sort_unstable();
    starts.into_iter().rev().find_map(|(start, is_sentence)| {
        let said = without_fillers(&text[start..], &lower[start..]);
        let said = formula(said).unwrap_or_else(|| line(said, is_sentence));
        (!said.is_empty()).then_some(said)
    })
}

/// Length of the ` is`, `:` or `=` that makes the word before it an announcement, with emphasis around it.
fn announcement(lower: &str) -> Option<usize> {
    let emphasis = ['*', '_', ' ', '\u{a0}'];
    let after = lower.trim_start_matches(emphasis);
    let rest = ["is", "are", ":", "="].iter().find_map(|word| after.strip_prefix(word))?;
    let goes_on = after.starts_with(char::is_alphabetic) && rest.starts_with(char::is_alphanumeric);
    let rest = rest.trim_start_matches(emphasis);
    (!goes_on)
        .then(|| lower.len() - rest.strip_prefix(':').unwrap_or(rest).trim_start_matches(emphasis).len())
}

fn without_fillers<'a>(text: &'a str, lower: &str) -> &'a str {
    let skip =
        |rest: &str| rest.len() - rest.trim_start_matches([' ', ':', ',', '*', '_', '\n', '\r', '\t']).len();
    let mut at = skip(lower);
    while let Some(filler) = FILLERS.iter().find(|filler| lower[at..].starts_with(**filler)) {
        at += filler.len();
        at += skip(&lower[at..]);
    }
    &text[at..]
}

/// A displayed formula at the start of a text, which may fill several lines.
fn formula(text: &str) -> Option<&str> {
    let (inside, close) = [("\\[", "\\]"), ("$$", "$$"), ("\\(", "\\)")]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(open).map(|inside| (inside, close)))?;
    let content = inside[..inside.find(close)?].trim();
    Some(content.trim_end_matches('.').trim_end())
}

/// The rest of the sentence or line, without what ends it.
fn line(text: &str, is_sentence: bool) -> &str {
    let line = text.lines().next().unwrap_or("");
    let mut sentence = line;
    if is_sentence {
        let ends = REASONS.iter().chain(&[". "]).filter_map(|stop| line.find(stop));
        sentence = &line[..ends.min().unwrap_or(line.len())];
    }
    sentence.trim_end_matches(['.', ',', ';', '*', '_', ' ', '\t']).trim()
}

/// The option that the last line names and nothing else: `(B)`, `**B.**`, `\text{(B)}`.
pub fn option_line(text: &str) -> Option<&str> {
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let wrapping = ['*', '_', '$', '(', ')', '[', ']', '{', '}', '.', ':', ' '];
    let inner = line.trim_matches(wrapping);
    let inner = ["\\text", "\\textbf", "\\mathrm", "\\mathbf"]
        .iter()
        .find_map(|command| inner.strip_prefix(command).filter(|rest| rest.starts_with('{')))
        .map_or(inner, |rest| rest.trim_matches(wrapping));
    matches!(inner.as_bytes(), [b'A'..=b'J']).then_some(inner)
}

/// The last number: `-3`, `1,234.5`, `7/9`, `35%`.
pub fn last_number(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let end = bytes.iter().rposition(u8::is_ascii_digit)? + 1;
    let inside = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'/');
    let mut start = end - bytes[..end].iter().rev().take_while(|byte| inside(byte)).count();
    while !bytes[start].is_ascii_digit() {
        let point = bytes[start] == b'.' && bytes[start + 1].is_ascii_digit();
        if point {
            break;
        }
        start += 1;
    }
    if !is_grouped(&text[start..end]) {
        start = text[..end].rfind(',').map_or(start, |comma| comma + 1);
    }
    // A hyphen behind a letter or digit joins; elsewhere it is a sign.
    if start > 0 && bytes[start - 1] == b'-' && !(start > 1 && bytes[start - 2].is_ascii_alphanumeric()) {
        start -= 1;
    }
    let end =
        end + usize::from(bytes[end..].starts_with(b"%")) + 2 * usize::from(bytes[end..].starts_with(b"\\%"));
    Some(&text[start..end])
}

/// Whether every comma stands between groups of three digits, as in `1,234,567`.
fn is_grouped(number: &str) -> bool {
    let integer = number.split('.').next().unwrap_or(number);
    let mut groups = integer.split(',');
    let first = groups.next().unwrap_or("");
    !number[integer.len()..].contains(',')
        && (1..=3).contains(&first.len())
        && groups.all(|group| group.len() == 3)
        || !number.contains(',')
}
