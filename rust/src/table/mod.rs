//! Samples by the million: rows of many files in, a histogram out that every statistic is computed from.
//!
//! [`scan`] reads rows without building documents ([`marks`], [`lines`], [`json`], [`fields`]), [`columns`] keeps 24 bytes of each,
//! [`tally`] groups them by problem and counts. Columns and tallies merge in any order with equal results: chunks,
//! files, machines.

pub mod columns;
mod counts;
pub mod curves;
pub mod damage;
pub mod fields;
pub mod grades;
pub mod groups;
pub mod intern;
pub mod ipc;
pub mod json;
mod layout;
pub mod lines;
pub mod marks;
pub mod parts;
pub mod rewards;
pub mod samples;
pub mod scan;
mod split;
pub mod tally;
pub mod votes;
pub mod words;

pub use columns::Columns;
pub use tally::Tally;
