//! Final answers: found in a completion, read, and compared exactly.
//!
//! [`extract`] finds the answer, [`normalize`] removes what does not change its meaning, [`parse`] reads it into a
//! [`tree`], [`value`] gives it an exact value where it has one, and [`compare`] returns a three-way verdict. Nothing is
//! ever evaluated as code, and no bound is a time: see [`limits`].

pub mod batch;
pub mod compare;
mod counts;
pub mod extract;
pub mod identity;
mod lex;
pub mod limits;
mod names;
pub mod normalize;
pub mod parse;
mod primes;
mod rational;
mod repairs;
mod replacements;
pub mod tree;
pub mod units;
pub mod value;

pub use compare::{Explanation, Policy, Prepared, Reason, Step, Verdict, VerdictKind, compare, explain};
