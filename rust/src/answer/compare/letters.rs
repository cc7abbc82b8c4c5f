//! Multiple choice: `B`, `(B)`, `B.`, `\text{(B)} 12`, `b`.

use super::{Reason, Verdict};

/// The option an answer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionLetter {
    /// Upper case.
    letter: char,
    /// The answer is this capital letter alone, so the question asked for a letter.
    asks: bool,
}

/// Reads `A` to `J`, alone in either case, or as a capital before `)`, `.` or `:` and more text. Small `e` and `i`
/// are numbers, unless in brackets of their own.
pub fn option_letter(normalized: &str) -> Option<OptionLetter> {
    let mut opening = normalized;
    for _ in 0..2 {
        opening = opening.strip_prefix("\\text").unwrap_or(opening).trim_start_matches(['{', '(', '[', ' ']);
        for word in ["Option ", "Choice ", "option ", "choice ", "Answer "] {
            opening = opening.strip_prefix(word).unwrap_or(opening);
        }
    }
    let first = opening.chars().next().filter(|letter| matches!(letter, 'A'..='J' | 'a'..='j'))?;
    let (before, after) = (&normalized[..normalized.len() - opening.len()], &opening[1..]);
    if matches!(first, 'e' | 'i') && !(before.ends_with('(') && after.starts_with(')')) {
        return None;
    }
    let rest = after.trim_start_matches(['}', ')', ']', '.', ':', ' ']);
    if rest.is_empty() {
        return Some(OptionLetter { letter: first.to_ascii_uppercase(), asks: first.is_ascii_uppercase() });
    }
    // `A line` and `B x` name nothing; `B) 12` does.
    let marked = after.starts_with([')', '.', ':', '}']) && first.is_ascii_uppercase();
    marked.then_some(OptionLetter { letter: first, asks: false })
}

/// Decides if one of the two asks for a letter and the other names one.
pub fn compare(left: Option<OptionLetter>, right: Option<OptionLetter>) -> Option<Verdict> {
    let (left, right) = (left?, right?);
    if !left.asks && !right.asks {
        return None;
    }
    Some(if left.letter == right.letter {
        Verdict::equal(Reason::SameLetter)
    } else {
        Verdict::different(Reason::LetterDiffers)
    })
}
