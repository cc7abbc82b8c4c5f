//! Which answers of a problem are one vote.

use super::columns::{Columns, NONE};
use crate::metrics::classes;

/// What makes two answers the same vote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rule {
    /// They are equal in value.
    #[default]
    Class,
    /// They are the same string.
    String,
}

/// Numbers of answers to classes, problem by problem.
#[derive(Debug)]
pub struct Votes<'a> {
    columns: &'a Columns,
    rule: Rule,
    /// The number that each text is in plain digits, if it is one; two of those are one vote if they are equal.
    numbers: Vec<Option<Fraction>>,
    distinct: Vec<u32>,
    classes: Vec<u32>,
}

impl<'a> Votes<'a> {
    /// For the samples of `columns`.
    pub fn new(columns: &'a Columns, rule: Rule) -> Self {
        let numbers = match rule {
            Rule::Class => columns.texts.iter().map(Fraction::read).collect(),
            Rule::String => Vec::new(),
        };
        Self { columns, rule, numbers, distinct: Vec::new(), classes: Vec::new() }
    }

    /// The class of each of a problem's answers, from 0 by first appearance; [`NONE`] for no answer. Returns their number.
    pub fn assign(&mut self, answers: &[u32], out: &mut Vec<u32>) -> u32 {
        out.clear();
        self.distinct.clear();
        for answer in answers {
            out.push(if *answer == NONE {
                NONE
            } else if let Some(at) = self.distinct.iter().position(|other| other == answer) {
                at as u32
            } else {
                self.distinct.push(*answer);
                self.distinct.len() as u32 - 1
            });
        }
        if self.rule == Rule::String {
            return self.distinct.len() as u32;
        }
        if self.distinct.iter().all(|answer| self.numbers[*answer as usize].is_some()) {
            return self.join_numbers(out);
        }
        let texts: Vec<Option<&str>> =
            self.distinct.iter().map(|answer| Some(self.columns.texts.get(*answer))).collect();
        self.classes.clear();
        // An answer of nothing but spaces or dollar signs is no vote.
        self.classes
            .extend(classes(&texts).into_iter().map(|class| class.map_or(NONE, |class| class as u32)));
        for vote in out.iter_mut().filter(|vote| **vote != NONE) {
            *vote = self.classes[*vote as usize];
        }
        self.classes.iter().filter(|class| **class != NONE).max().map_or(0, |class| class + 1)
    }

    /// Classes of answers that are all plain numbers.
    fn join_numbers(&mut self, out: &mut [u32]) -> u32 {
        self.classes.clear();
        let mut count = 0;
        for (at, answer) in self.distinct.iter().enumerate() {
            let number = self.numbers[*answer as usize];
            let same = self.distinct[..at].iter().position(|other| self.numbers[*other as usize] == number);
            self.classes.push(same.map_or(count, |same| self.classes[same]));
            count += u32::from(same.is_none());
        }
        for vote in out.iter_mut().filter(|vote| **vote != NONE) {
            *vote = self.classes[*vote as usize];
        }
        count
    }
}

/// A fraction in lowest terms, for what most answers are. What it does not read is compared in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
