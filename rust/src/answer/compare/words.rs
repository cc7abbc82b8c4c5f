//! Answers in words.

use super::{Policy, Reason, Verdict};

/// Words that say nothing by themselves.
const FILLERS: [&str; 12] =
    ["a", "an", "the", "there", "is", "are", "exist", "exists", "solution", "solutions", "of", "it"];

/// Case, punctuation and fillers do not matter, nor does the order of items between commas. Two single words that differ are
/// different.
pub fn compare(left: &str, right: &str, policy: Policy) -> Verdict {
    if !policy.words_folded {
        return if left == right {
            Verdict::equal(Reason::SameText)
        } else {
            Verdict::undecided(Reason::KindDiffers)
        };
    }
    let (left_words, right_words) = (folded(left), folded(right));
    match (left_words.as_slice(), right_words.as_slice()) {
        ([], _) | (_, []) => Verdict::undecided(Reason::Unreadable),
        (left, right) if left == right => Verdict::equal(Reason::SameText),
        ([_], [_]) => Verdict::different(Reason::TextDiffers),
        _ if items(left).is_some() && items(left) == items(right) => Verdict::equal(Reason::SameItems),
        _ => Verdict::undecided(Reason::KindDiffers),
    }
}

fn folded(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let all: Vec<&str> = words.collect();
    let telling: Vec<&str> = all.iter().copied().filter(|word| !FILLERS.contains(word)).collect();
    // Articles and "solution" may be all there is.
    let kept = if telling.is_empty() { all } else { telling };
    kept.into_iter().map(str::to_owned).collect()
}

/// What stands between commas, sorted; empty for a single item.
fn items(text: &str) -> Option<Vec<Vec<String>>> {
    let mut items: Vec<Vec<String>> =
        text.split([',', ';']).map(folded).filter(|item| !item.is_empty()).collect();
    items.sort();
    (items.len() > 1).then_some(items)
}
