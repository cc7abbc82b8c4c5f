//! What one comparison may cost. Every bound counts bytes, tokens or arithmetic work, never time, so a verdict does
//! not depend on the machine or its load.

use super::compare::Step;

/// Longer answers are compared as text only.
pub const MAX_INPUT_BYTES: usize = 170_000;
/// Tokens of one answer.
pub const MAX_TOKENS: usize = 100_000;
/// Nesting left after redundant brackets are removed.
pub const MAX_DEPTH: usize = 64;
/// Times that a token is read on average, where notations are tried in turn.
pub const READS_PER_TOKEN: usize = 16;
/// Operators of one answer that nest without brackets, such as all but the first in `a/b/c/d`.
pub const MAX_LINKS: usize = 200;
/// Digits of one number literal that enters arithmetic. Longer integers are still compared, as digits.
pub const MAX_DIGITS: usize = 5_000;
/// Bits of any number that arithmetic makes.
pub const MAX_BITS: usize = 20_000;
/// Terms of one polynomial.
pub const MAX_TERMS: usize = 512;
/// Bytes of the canonical name of an opaque term such as `sin(...)`.
pub const MAX_NAME_BYTES: usize = 2_000;
/// Items of a list whose order does not matter.
pub const MAX_UNORDERED_ITEMS: usize = 200;
/// Cells of one matrix.
pub const MAX_CELLS: usize = 10_000;
/// Items of a list that is sorted by the names of its values.
pub const MAX_SORTED_ITEMS: usize = 2_000;
/// Ends of the intervals of one set.
pub const MAX_ENDS: usize = 100;
/// Rows of a determinant that is expanded.
pub const MAX_DETERMINANT: usize = 5;
/// Power of a variable that an expression is put in for.
pub const MAX_SUBSTITUTED_POWER: i32 = 12;
/// Terms of one expression graph.
pub const MAX_GRAPH_TERMS: usize = 4_000;
/// Terms of one sum in an expression graph.
pub const MAX_SUM_TERMS: usize = 400;
/// Bits of a rational in an expression graph.
pub const MAX_NUMBER_BITS: usize = 100_000;
/// Bits of the precision at which algebraic numbers are told from zero.
pub const MAX_SEPARATION_BITS: usize = 20_000;
/// Work of one comparison, in units of roughly a nanosecond on a 2020s core.
pub const MAX_WORK: u64 = 10_000_000;
/// Work of reading one answer into exact values, in the same units.
pub const MAX_READING_WORK: u64 = 1_000_000;

/// Why no value came out of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Division by zero, `0^0`, arithmetic on infinities.
    Undefined,
    /// A bound of this module was reached.
    Limit,
    /// Readable, but outside what is decided natively.
    Beyond,
}

/// Work left for one evaluation, and what is told about it where somebody asked.
#[derive(Debug)]
pub struct Budget {
    left: u64,
    steps: Option<Vec<Step>>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MAX_WORK, steps: None }
    }
}

impl Budget {
    /// A budget for reading one answer.
    pub fn reading() -> Self {
        Self { left: MAX_READING_WORK, steps: None }
    }

    /// A budget that keeps the steps it is told.
    pub fn tracing() -> Self {
        Self { steps: Some(Vec::new()), ..Self::default() }
    }

    /// Takes `work` units or stops the evaluation.
    pub fn spend(&mut self, work: u64) -> Result<(), Stop> {
        self.left = self.left.checked_sub(work).ok_or(Stop::Limit)?;
        Ok(())
    }

    /// Stops before work that would not fit.
    pub fn expects(&self, work: u64) -> Result<(), Stop> {
        if work > self.left { Err(Stop::Limit) } else { Ok(()) }
    }

    /// Remembers a step; costs nothing where nobody asked.
    pub fn note(&mut self, stage: &'static str, detail: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.steps {
            steps.push(Step { stage, detail: detail() });
        }
    }

    /// What was noted.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps.unwrap_or_default()
    }
}
