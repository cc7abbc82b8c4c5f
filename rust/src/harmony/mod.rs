//! The Harmony format of gpt-oss: tokens, messages, ids and text, both ways.

pub mod bpe;
pub mod calls;
pub mod decode;
pub mod diagnostic;
pub mod encode;
pub mod event;
pub mod feed;
pub mod found;
pub mod header;
pub mod heading;
pub mod history;
pub mod input;
pub mod layout;
pub mod machine;
pub mod message;
pub mod parser;
mod pending;
pub mod pretokenize;
pub mod prompt;
pub mod recovery;
pub mod render;
mod snapshot;
pub mod token;
pub mod typescript;
pub mod unmarked;
pub mod vocab;
