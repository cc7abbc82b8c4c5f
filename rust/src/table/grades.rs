//! Grades for samples whose rows carry none: each distinct pair of expected answer and answer is compared once.

use super::columns::{Columns, Flags, NONE};
use crate::answer::VerdictKind;
use crate::answer::batch::compare_pairs;
use crate::answer::compare::Policy;
use hashbrown::{HashMap, HashSet};

/// How an answer compares with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// Equal.
    Right,
    /// Different.
    Wrong,
    /// Neither could be proved; counts as not right.
    Undecided,
}

/// Grades by the numbers of expected answer and answer.
#[derive(Debug, Clone, Default)]
pub struct Grades(HashMap<(u32, u32), Grade>);

impl Grades {
    /// Compares all pairs of samples without `symbolic_correct` natively, on `threads` threads (0: one per core).
    pub fn of(columns: &Columns, threads: usize) -> Self {
        if !columns.samples.want_grades() {
            return Self::default();
        }
        let pairs: HashSet<(u32, u32)> = columns
            .samples
            .iter()
            .filter(|sample| !sample.flags.has(Flags::HAS_SYMBOLIC) && sample.answer != NONE)
            .map(|sample| (columns.problems[sample.problem as usize].gold.text, sample.answer))
            .filter(|(gold, _)| *gold != NONE)
            .collect();
        let text = |number: u32| Some(columns.texts.get(number));
        let (golds, answers): (Vec<_>, Vec<_>) =
            pairs.iter().map(|(gold, answer)| (text(*gold), text(*answer))).unzip();
        let verdicts = compare_pairs(&golds, &answers, Policy::default(), threads);
        let grades = verdicts.into_iter().map(|verdict| match verdict.kind {
            VerdictKind::Equal => Grade::Right,
            VerdictKind::Different => Grade::Wrong,
            VerdictKind::Undecided => Grade::Undecided,
        });
        Self(pairs.into_iter().zip(grades).collect())
    }

    /// The pairs left open, sorted by their texts.
    pub fn open<'a>(&self, columns: &'a Columns) -> Vec<(&'a str, &'a str)> {
        let mut open: Vec<_> = self
            .0
            .iter()
            .filter(|(_, grade)| **grade == Grade::Undecided)
            .map(|((gold, answer), _)| (columns.texts.get(*gold), columns.texts.get(*answer)))
            .collect();
        open.sort_unstable();
        open
    }

    /// Takes over what somebody else found out about open pairs: expected answer, answer, whether they are equal.
    pub fn decide(&mut self, columns: &Columns, decided: &[(String, String, bool)]) {
        let decided: HashMap<(&str, &str), bool> =
            decided.iter().map(|(gold, answer, equal)| ((gold.as_str(), answer.as_str()), *equal)).collect();
        for ((gold, answer), grade) in &mut self.0 {
            if *grade == Grade::Undecided
                && let Some(equal) = decided.get(&(columns.texts.get(*gold), columns.texts.get(*answer)))
            {
                *grade = if *equal { Grade::Right } else { Grade::Wrong };
            }
        }
    }

    /// The grade of an answer that is there.
    pub fn get(&self, gold: u32, answer: u32) -> Option<Grade> {
        self.0.get(&(gold, answer)).copied()
    }
}
