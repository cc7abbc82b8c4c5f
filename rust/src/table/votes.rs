//! Which answers of a problem are one vote.

use super::columns::{Columns, NONE};
use crate::metrics::classes;
use hashbrown::HashMap;

/// What makes two answers the same vote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rule {
    /// They are equal in value.
    #[default]
    Class,
    /// They are the same string.
    String,
}

/// For each text that is a number in plain digits, the first text that is the same number; [`NONE`] for other texts.
pub fn same_numbers(columns: &Columns) -> Vec<u32> {
    let mut first_of = HashMap::new();
    let first = |(text, number): (&str, u32)| {
        Fraction::read(text).map_or(NONE, |fraction| *first_of.entry(fraction).or_insert(number))
    };
    columns.texts.iter().zip(0..).map(first).collect()
}

/// Numbers of answers to classes, problem by problem.
#[derive(Debug)]
pub struct Votes<'a> {
    columns: &'a Columns,
    /// By [`same_numbers`]; None to vote by string.
    numbers: Option<&'a [u32]>,
    distinct: Distinct,
    classes: Vec<u32>,
}

impl<'a> Votes<'a> {
    /// For the samples of `columns`, by equal values: `numbers` is what [`same_numbers`] says of them.
    pub fn by_value(columns: &'a Columns, numbers: &'a [u32]) -> Self {
        Self { numbers: Some(numbers), ..Self::by_string(columns) }
    }

    /// For the samples of `columns`, by equal strings.
    pub fn by_string(columns: &'a Columns) -> Self {
        Self { columns, numbers: None, distinct: Distinct::default(), classes: Vec::new() }
    }

    /// The class of each of a problem's answers, from 0 by first appearance; [`NONE`] for no answer. Returns their number.
    pub fn assign(&mut self, answers: &[u32], out: &mut Vec<u32>) -> u32 {
        let Some(numbers) = self.numbers else { return self.distinct.assign(answers, |answer| answer, out) };
        let is_number = |answer: &u32| *answer == NONE || numbers[*answer as usize] != NONE;
        if answers.iter().all(is_number) {
            return self.distinct.assign(answers, |answer| numbers[answer as usize], out);
        }
        self.distinct.assign(answers, |answer| answer, out);
        let texts: Vec<Option<&str>> =
            self.distinct.known.iter().map(|answer| Some(self.columns.texts.get(*answer))).collect();
        self.classes.clear();
        // An answer of nothing but spaces or dollar signs is no vote.
        self.classes
            .extend(classes(&texts).into_iter().map(|class| class.map_or(NONE, |class| class as u32)));
        for vote in out.iter_mut().filter(|vote| **vote != NONE) {
            *vote = self.classes[*vote as usize];
        }
        self.classes.iter().filter(|class| **class != NONE).max().map_or(0, |class| class + 1)
    }
}

/// Ends of numbers that [`Distinct`] tells apart at once.
const ENDS: usize = 256;

/// The distinct numbers of a list, which are few.
#[derive(Debug)]
struct Distinct {
    known: Vec<u32>,
    /// Where a number with this end was found last; whether that is the one sought shows when it is looked up.
    last: Box<[u8; ENDS]>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self { known: Vec::new(), last: Box::new([0; ENDS]) }
    }
}

impl Distinct {
    /// Numbers what `key` says of each answer by first appearance; [`NONE`] for no answer. Returns how many there are.
    fn assign(&mut self, answers: &[u32], key: impl Fn(u32) -> u32, out: &mut Vec<u32>) -> u32 {
        let Self { known, last } = self;
        known.clear();
        out.clear();
        out.extend(answers.iter().map(|answer| {
            if *answer == NONE {
                return NONE;
            }
            let key = key(*answer);
            let last = &mut last[key as usize % ENDS];
            if known.get(usize::from(*last)) == Some(&key) {
                return u32::from(*last);
            }
            let at = known.iter().position(|other| *other == key).unwrap_or_else(|| {
                known.push(key);
                known.len() - 1
            });
            *last = u8::try_from(at).unwrap_or(*last);
            at as u32
        }));
        known.len() as u32
    }
}

/// A fraction in lowest terms, for what most answers are. What it does not read is compared in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Fraction {
    numerator: i64,
    denominator: i64,
}

impl Fraction {
    /// Digits with at most one point, `a/b` or `\frac{a}{b}`, after at most one minus sign.
    fn read(text: &str) -> Option<Self> {
        let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        if let Some((whole, decimals)) = text.split_once('.') {
            let denominator = 10i64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
            let digits = digits(whole)?.checked_mul(denominator)?.checked_add(digits(decimals)?)?;
            return Self::reduced(sign * digits, denominator);
        }
        if let Some(inner) = text.strip_prefix("\\frac{").and_then(|text| text.strip_suffix('}')) {
            let (above, below) = inner.split_once("}{")?;
            return Self::reduced(sign * digits(above)?, digits(below)?);
        }
        match text.split_once('/') {
            Some((above, below)) => Self::reduced(sign * digits(above)?, digits(below)?),
            None => Self::reduced(sign * digits(text)?, 1),
        }
    }

    fn reduced(numerator: i64, denominator: i64) -> Option<Self> {
        let (mut a, mut b) = (numerator.abs(), denominator);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        (denominator != 0).then(|| Self { numerator: numerator / a, denominator: denominator / a })
    }
}

fn digits(text: &str) -> Option<i64> {
    let plain = (1..=17).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.bytes().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_numbers_vote_as_in_full(texts in prop::collection::vec(r"-?[0-3]{1,2}(\.[05]{1,2}|/[1-4]|)|\\frac\{[0-3]\}\{[1-4]\}", 1..6)) {
            let numbers: Vec<_> = texts.iter().map(|text| Fraction::read(text).unwrap()).collect();
            let full = classes(&texts.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>());
            for i in 0..texts.len() {
                for j in 0..i {
                    prop_assert_eq!(numbers[i] == numbers[j], full[i] == full[j], "{} {}", texts[i], texts[j]);
                }
            }
        }
    }

    #[test]
    fn other_answers_are_read_in_full() {
        for text in [
            "",
            "-",
            "1/0",
            r"\frac{1}{0}",
            "1.",
            ".5",
            "1/2/3",
            "x",
            "1 000",
            "5%",
            "123456789012345678",
            "--1",
        ] {
            assert_eq!(Fraction::read(text), None, "{text}");
        }
    }
}
