//! Whether two answers say the same: equal, different, or undecided, with a stable reason.
//!
//! Symmetric by construction: every rule treats its two sides alike. "Equal" and "different" are proofs (within the stated
//! policy for rounding, percent signs and units); what is neither proved is undecided.

use super::extract::conclusion;
use super::lex::lex;
use super::limits::{Budget, MAX_INPUT_BYTES, Stop};
use super::normalize::normalize_with;
use super::parse::parse_under;
use super::value::{Value, shape};
use std::borrow::Cow;
use std::cell::OnceCell;

mod conventions;
mod explain;
mod families;
mod forms;
mod groups;
mod items;
mod leaves;
mod letters;
mod names;
mod pieces;
mod policy;
mod verdict;
mod words;

pub use explain::{Explanation, Step, explain};
use letters::OptionLetter;
pub use policy::{LogBase, Policy};
pub use verdict::{Reason, Verdict, VerdictKind};

/// Compares two answers; the order does not matter.
pub fn compare(gold: &str, answer: &str) -> Verdict {
    Prepared::new(gold).compare(&Prepared::new(answer), Policy::default())
}

/// One answer, normalised, and read at most once.
#[derive(Debug)]
pub struct Prepared<'a> {
    text: Cow<'a, str>,
    letter: Option<OptionLetter>,
    policy: Policy,
    reading: OnceCell<Reading>,
}

#[derive(Debug)]
struct Reading {
    value: Result<Value, Stop>,
    as_list: Option<Value>,
}

impl<'a> Prepared<'a> {
    /// Normalises; reads later, if needed, under the default policy.
    pub fn new(text: &'a str) -> Self {
        Self::under(text, Policy::default())
    }

    /// Normalises; reads later, if needed, by the conventions of a policy.
    pub fn under(text: &'a str, policy: Policy) -> Self {
        let text = if text.len() > MAX_INPUT_BYTES {
            Cow::Borrowed(text)
        } else {
            normalize_with(conclusion(text), policy.repair, &mut |_| {})
        };
        let text = if policy.decimal_comma { conventions::decimal_points(text) } else { text };
        let letter = if policy.option_letters { letters::option_letter(&text) } else { None };
        Self { text, letter, policy, reading: OnceCell::new() }
    }

    /// The normalised text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the answer was read as, in a word or two.
    pub fn kind(&self) -> &'static str {
        if integer(&self.text).is_some() {
            return "integer";
        }
        match &self.reading().value {
            Ok(value) => value.kind(),
            Err(Stop::Limit) => "too large",
            Err(_) => "unreadable",
        }
    }

    /// Compares under a policy.
    pub fn compare(&self, other: &Self, policy: Policy) -> Verdict {
        self.compare_within(other, policy, &mut Budget::default())
    }

    fn compare_within(&self, other: &Self, policy: Policy, budget: &mut Budget) -> Verdict {
        if let (Some(left), Some(right)) = (integer(&self.text), integer(&other.text)) {
            return if left == right {
                Verdict::equal(Reason::SameInteger)
            } else {
                Verdict::different(Reason::IntegerDiffers)
            };
        }
        match (self.text.is_empty(), other.text.is_empty()) {
            (true, true) => return Verdict::undecided(Reason::NoAnswer),
            (false, false) => {}
            _ => return Verdict::different(Reason::NoAnswer),
        }
        if let Some(verdict) = letters::compare(self.letter, other.letter) {
            return verdict;
        }
        if self.text == other.text {
            return match self.reading().value {
                Err(Stop::Undefined) => Verdict::undecided(Reason::UndefinedValue),
                Ok(ref value) if leaves::is_undefined(value) => Verdict::undecided(Reason::UndefinedValue),
                _ => Verdict::equal(Reason::SameText),
            };
        }
        self.compare_readings(other, policy, budget)
    }

    fn compare_readings(&self, other: &Self, policy: Policy, budget: &mut Budget) -> Verdict {
        // What is looked at first, and so what a budget still allows, must not depend on which of the two is expected.
        if self.text > other.text {
            return other.compare_readings(self, policy, budget);
        }
        let (left, right) = (self.reading(), other.reading());
        let (left_value, right_value) = match (&left.value, &right.value) {
            (Ok(left), Ok(right)) => (left, right),
            (Err(Stop::Beyond), Err(Stop::Beyond)) if same_tokens(&self.text, &other.text) => {
                return Verdict::equal(Reason::SameText);
            }
            (Err(stop), _) | (_, Err(stop)) => return Verdict::undecided(Reason::from(*stop)),
        };
        if !policy.no_solution_words
            && (conventions::is_none_in_words(&self.text, left_value)
                || conventions::is_none_in_words(&other.text, right_value))
        {
            return Verdict::undecided(Reason::KindDiffers);
        }
        let verdict = conventions::compare(left_value, right_value, policy, budget);
        let second = match (&left.as_list, &right.as_list) {
            // `98,118,122` is a number only as long as the other side is not a list.
            (Some(list), None) if items::is_many(right_value) => {
                conventions::compare(list, right_value, policy, budget)
            }
            (None, Some(list)) if items::is_many(left_value) => {
                conventions::compare(left_value, list, policy, budget)
            }
            _ => return verdict,
        };
        if verdict.kind == VerdictKind::Equal { verdict } else { second }
    }

    fn reading(&self) -> &Reading {
        self.reading.get_or_init(|| {
            if self.text.len() > MAX_INPUT_BYTES {
                return Reading { value: Err(Stop::Limit), as_list: None };
            }
            let budget = &mut Budget::reading();
            match parse_under(&self.text, self.policy) {
                Err(stop) => Reading { value: Err(stop), as_list: None },
                Ok(parsed) => Reading {
                    value: Ok(shape(parsed.tree, budget)),
                    as_list: parsed.as_list.map(|tree| shape(tree, budget)),
                },
            }
        })
    }
}

/// Whether two texts differ in spaces only, and not in where a word or a number ends.
fn same_tokens(left: &str, right: &str) -> bool {
    let (Ok(left), Ok(right)) = (lex(left, false, false), lex(right, false, false)) else { return false };
    left.lexemes.len() == right.lexemes.len()
        && left.lexemes.iter().zip(&right.lexemes).all(|(left, right)| left.token == right.token)
}

/// Sign and digits of a plain integer, without leading zeros. Zero has no sign.
fn integer(text: &str) -> Option<(bool, &str)> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    Some((text.starts_with('-') && !significant.is_empty(), significant))
}
