//! The path to a verdict, step by step, for people who ask why.

use super::{Policy, Prepared, Verdict};
use crate::answer::extract::conclusion;
use crate::answer::limits::{Budget, MAX_INPUT_BYTES};
use crate::answer::normalize::normalize_with;

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
pub fn explain(gold_text: &str, answer_text: &str, policy: Policy) -> Explanation {
    let (gold, answer) = (Prepared::under(gold_text, policy), Prepared::under(answer_text, policy));
    let mut budget = Budget::tracing();
    for (side, text, prepared) in [("gold", gold_text, &gold), ("answer", answer_text, &answer)] {
        let mut rules = Vec::new();
        if text.len() <= MAX_INPUT_BYTES {
            normalize_with(conclusion(text), policy.repair, &mut |rule| rules.push(rule));
        }
        rules.dedup();
        let by = if rules.is_empty() { String::new() } else { format!(" (by {})", rules.join(", ")) };
        budget.note("normalize", || format!("{side}: {}{by}", prepared.text()));
        budget.note("read", || format!("{side}: {}", prepared.kind()));
    }
    let verdict = gold.compare_within(&answer, policy, &mut budget);
    budget.note("verdict", || format!("{} ({})", verdict.kind.as_str(), verdict.reason.as_str()));
    Explanation { verdict, steps: budget.into_steps() }
}
