//! What a run of several samples per problem scores: pass@k, majority@k, and the classes votes are counted in.

pub mod bootstrap;
pub mod classes;
pub mod majority;
pub mod noise;
pub mod paired;
pub mod pass;
pub mod subsets;

pub use classes::{classes, classes_of_groups, classes_under};
pub use majority::{majority_at_k, majority_curve};
pub use noise::{Noise, Outcomes};
pub use paired::Paired;
pub use pass::pass_at_k;
pub use subsets::{g_pass_at_k, mg_pass_at_k, pass_hat_k};

/// Arguments that no metric is defined for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
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
    /// A share outside (0, 1].
    #[error("tau must be above 0 and at most 1, got {tau}")]
    BadShare {
        /// The share.
        tau: f64,
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
