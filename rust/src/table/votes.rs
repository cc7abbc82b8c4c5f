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
    /// Whether each text is an integer in its shortest form: two of those are equal only if they are the same text.
    integers: Vec<bool>,
    distinct: Vec<u32>,
    classes: Vec<u32>,
}

impl<'a> Votes<'a> {
    /// For the samples of `columns`.
    pub fn new(columns: &'a Columns, rule: Rule) -> Self {
        let integers = match rule {
            Rule::Class => columns.texts.iter().map(is_short_integer).collect(),
            Rule::String => Vec::new(),
        };
        Self { columns, rule, integers, distinct: Vec::new(), classes: Vec::new() }
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
        if self.rule == Rule::String || self.distinct.iter().all(|answer| self.integers[*answer as usize]) {
            return self.distinct.len() as u32;
        }
        let texts: Vec<Option<&str>> =
            self.distinct.iter().map(|answer| Some(self.columns.texts.get(*answer))).collect();
        self.classes.clear();
        // An answer of nothing but spaces or dollar signs is no vote.
        self.classes.extend(classes(&texts).into_iter().map(|class| class.map_or(NONE, |class| class as u32)));
        for vote in out.iter_mut().filter(|vote| **vote != NONE) {
            *vote = self.classes[*vote as usize];
        }
        self.classes.iter().filter(|class| **class != NONE).max().map_or(0, |class| class + 1)
    }
}

fn is_short_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}
