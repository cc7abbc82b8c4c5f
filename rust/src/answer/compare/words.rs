//! Answers in words.

use super::{Policy, Reason, Verdict};
use crate::answer::names::count_in_words;

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
            Verdict::different(Reason::TextDiffers)
        };
    }
    if let (Some(left), Some(right)) = (date(left), date(right)) {
        return if left == right {
            Verdict::equal(Reason::SameText)
        } else if left.2.is_some() == right.2.is_some() {
            Verdict::different(Reason::TextDiffers)
        } else {
            Verdict::undecided(Reason::KindDiffers)
        };
    }
    let (left_words, right_words) = (folded(left), folded(right));
    match (left_words.as_slice(), right_words.as_slice()) {
        ([], _) | (_, []) => Verdict::undecided(Reason::Unreadable),
        (left, right) if left == right => Verdict::equal(Reason::SameText),
        ([_], [_]) => Verdict::different(Reason::TextDiffers),
        (left, right) if only_numbers_differ(left, right) || exclude_each_other(left, right) => {
            Verdict::different(Reason::TextDiffers)
        }
        _ => listed(&items(left), &items(right)),
    }
}

/// Lists of words: the same items, or lists of single words that are not the same.
fn listed(left: &[Vec<String>], right: &[Vec<String>]) -> Verdict {
    let names = |items: &[Vec<String>]| items.iter().all(|item| item.len() == 1);
    if left.len() < 2 && right.len() < 2 {
        Verdict::undecided(Reason::KindDiffers)
    } else if left == right {
        Verdict::equal(Reason::SameItems)
    } else if names(left) && names(right) {
        Verdict::different(Reason::ItemDiffers)
    } else {
        Verdict::undecided(Reason::KindDiffers)
    }
}

/// `Room 5` and `Room 6`.
fn only_numbers_differ(left: &[String], right: &[String]) -> bool {
    let number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| left == right || number(left) && number(right))
}

/// Words of which only one can be said of a thing.
const EXCLUSIVE: &[&[&str]] = &[
    &["odd", "even"],
    &["positive", "negative", "zero", "nonnegative", "nonpositive"],
    &["prime", "composite"],
    &["rational", "irrational"],
    &["real", "imaginary"],
    &["integer", "irrational"],
    &["increasing", "decreasing", "constant"],
    &["increases", "decreases"],
    &["increase", "decrease"],
    &["converges", "diverges"],
    &["convergent", "divergent"],
    &["absolutely", "conditionally"],
    &["continuous", "discontinuous"],
    &["linear", "quadratic", "cubic", "exponential", "logarithmic"],
    &["maximum", "minimum"],
    &["max", "min"],
    &["left", "right"],
    &["up", "down", "upward", "downward"],
    &["above", "below"],
    &["inside", "outside"],
    &["north", "south", "east", "west"],
    &["clockwise", "counterclockwise", "anticlockwise"],
    &["first", "second", "third", "fourth", "fifth", "sixth"],
    &["always", "sometimes", "never"],
    &["true", "false"],
    &["yes", "no"],
    &["all", "no", "none"],
    &["more", "less", "fewer"],
    &["greater", "less", "equal"],
    &["larger", "smaller"],
    &["bigger", "smaller"],
    &["red", "blue", "green", "yellow", "black", "white", "orange", "purple"],
    &["acute", "right", "obtuse"],
    &["equilateral", "isosceles", "scalene"],
    &["circle", "ellipse", "parabola", "hyperbola", "line", "point"],
    &["triangle", "square", "rectangle", "rhombus", "pentagon", "hexagon", "octagon"],
    &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    &["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
    &["dependent", "independent"],
    &["injective", "surjective", "bijective"],
    &["reflexive", "symmetric", "transitive"],
    &["horizontal", "vertical"],
    &["finite", "infinite"],
    &["unique", "infinitely"],
    &["wins", "loses"],
    &["even", "neither"],
    &["odd", "neither"],
];

/// The same words but for one, where the two cannot both hold, or but for a "not".
fn exclude_each_other(left: &[String], right: &[String]) -> bool {
    let without_not = |words: &[String]| -> Vec<String> {
        words.iter().filter(|word| !matches!(word.as_str(), "not" | "never")).cloned().collect()
    };
    if left.len() != right.len() {
        return left.len().abs_diff(right.len()) == 1 && without_not(left) == without_not(right);
    }
    let mut apart = left.iter().zip(right).filter(|(left, right)| left != right);
    match (apart.next(), apart.next()) {
        (Some((left, right)), None) => {
            EXCLUSIVE.iter().any(|group| group.contains(&left.as_str()) && group.contains(&right.as_str()))
        }
        _ => false,
    }
}

/// Words beside [`count_in_words`] that may stand for a number, or for a truth value that is written as one.
const NUMERIC: &[&str] = &[
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "million",
    "billion",
    "trillion",
    "dozen",
    "half",
    "third",
    "quarter",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "first",
    "second",
    "once",
    "twice",
    "thrice",
    "single",
    "double",
    "triple",
    "pair",
    "couple",
    "unity",
    "unit",
    "nil",
    "nothing",
    "none",
    "no",
    "yes",
    "true",
    "false",
    "impossible",
    "certain",
    "always",
    "never",
    "only",
    "both",
    "same",
    "equal",
    "halves",
    "thirds",
    "quarters",
    "fifths",
    "sixths",
    "sevenths",
    "eighths",
    "ninths",
    "tenths",
    "minus",
    "plus",
    "percent",
    "score",
    "number",
    "infinity",
    "infinite",
    "even",
    "odd",
    "prime",
];

/// Whether words may mean a number; a letter, digits and what is not plain language may.
pub fn may_be_a_number(text: &str) -> bool {
    let words = folded(text);
    words.iter().all(|word| word.len() < 2)
        || !text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_uppercase() || " ,.'".contains(c))
        || text.split(' ').any(|word| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase()))
        || words.iter().any(|word| count_in_words(word).is_some() || NUMERIC.contains(&word.as_str()))
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Month, day and year of `March 14`, `14 March 2024`, `April 1st, 2024`.
fn date(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let (mut month, mut day, mut year) = (None, None, None);
    for word in folded(text) {
        let named = |name: &&str| **name == *word || word.len() == 3 && name.starts_with(&word);
        let digits =
            ["st", "nd", "rd", "th"].iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(&word);
        if let Some(at) = MONTHS.iter().position(named) {
            (month.is_none()).then(|| month = Some(at))?;
        } else if let Ok(number) = digits.parse::<u32>() {
            let place = if (1..=31).contains(&number) && day.is_none() { &mut day } else { &mut year };
            (place.is_none()).then(|| *place = Some(number))?;
        } else {
            return None;
        }
    }
    Some((month?, day?, year))
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

/// What stands between commas and "and", sorted.
fn items(text: &str) -> Vec<Vec<String>> {
    let lower = text.to_lowercase().replace(" and ", ",").replace(" or ", ",");
    let mut items: Vec<Vec<String>> =
        lower.split([',', ';']).map(folded).filter(|item| !item.is_empty()).collect();
    items.sort();
    items
}

/// "infinitely many solutions": no number, and more than none.
pub fn counts_without_end(text: &str) -> bool {
    matches!(folded(text).as_slice(), [infinitely, many, ..] if infinitely == "infinitely" && many == "many")
}
