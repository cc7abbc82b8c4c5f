//! The path to a verdict, step by step, for people who ask why.

use super::{Policy, Prepared, Verdict};
use crate::answer::limits::Budget;

/// One step of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which part of the comparison speaks: `normalize`, `read`, `compare`, `separate`, `certify`, ...
    pub stage: &'static str,
    /// What it did, in a few words.
    pub detail: String,
}

/// A verdict and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The same verdict as without an explanation.
    pub verdict: Verdict,
    /// In the order in which they were taken.
    pub steps: Vec<Step>,
}

/// Compares two answers and tells the steps.
pub fn explain(gold: &str, answer: &str, policy: Policy) -> Explanation {
    let (gold, answer) = (Prepared::under(gold, policy), Prepared::under(answer, policy));
    let mut budget = Budget::tracing();
    for (side, prepared) in [("gold", &gold), ("answer", &answer)] {
        budget.note("normalize", || format!("{side}: {}", prepared.text()));
        budget.note("read", || format!("{side}: {}", prepared.kind()));
    }
    let verdict = gold.compare_within(&answer, policy, &mut budget);
    budget.note("verdict", || format!("{} ({})", verdict.kind.as_str(), verdict.reason.as_str()));
    Explanation { verdict, steps: budget.into_steps() }
}
