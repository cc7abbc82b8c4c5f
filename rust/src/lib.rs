//! The pure core of mathforge: no Python, no network, no files it was not handed.
//!
//! | module | holds |
//! |---|---|
//! | [`harmony`] | the token table, and messages to ids and back |
//! | [`stream`] | code calls found in a stream while it arrives |
//! | [`answer`] | extraction, normalisation and comparison of final answers |
//! | [`metrics`] | pass@k, majority@k and classes of equal answers |
//! | [`snapshot`] | states of streams as bytes |
//! | [`blocks`] | the rows of a column, shared out over threads |
#![forbid(unsafe_code)]

pub mod answer;
pub mod blocks;
pub mod harmony;
pub mod metrics;
pub mod snapshot;
pub mod stream;
pub mod table;
