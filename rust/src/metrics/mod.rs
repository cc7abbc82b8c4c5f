//! What a run of several samples per problem scores: pass@k, majority@k, and the classes votes are counted in.

pub mod classes;
pub mod majority;
pub mod pass;

pub use classes::{classes, classes_of_groups, classes_under};
pub use majority::{majority_at_k, majority_curve};
pub use pass::pass_at_k;

/// Arguments that no metric is defined for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// More samples asked for than there are, or none.
    #[error("k must be between 1 and n = {n}, got {k}")]
    BadK {
        /// Samples.
        n: u64,
        /// Asked for.
        k: u64,
    },
    /// More correct samples than samples.
    #[error("c must be between 0 and n = {n}, got {c}")]
    BadCorrect {
        /// Samples.
        n: u64,
        /// Correct ones.
        c: u64,
    },
    /// Votes and scores do not fit each other or n.
    #[error("{counts} vote counts with sum {votes} do not fit {scores} scores and n = {n}")]
    BadVotes {
        /// Number of classes.
        counts: usize,
        /// Their sum.
        votes: u64,
        /// Number of scores.
        scores: usize,
        /// Samples.
        n: u64,
    },
}
