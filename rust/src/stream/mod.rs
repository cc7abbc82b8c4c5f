//! Code calls and tool outputs found in a stream while it arrives, in every style of marking them.

pub mod detector;
pub mod driver;
pub mod repetition;
mod rounds;
pub mod tags;
mod text;
