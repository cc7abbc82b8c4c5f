//! Edits of WebAssembly modules that need no compiler: sections in, sections out.

mod exports;
mod sections;
mod template;
mod trampoline;

pub use exports::{export_globals, hidden_mutable_globals};
pub(crate) use sections::{Section, contents_of, join, malformed, parser, split};
pub use template::{Template, placeholder, template};
pub use trampoline::trampoline_module;

/// Why a module could not be edited.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not a readable module.
    #[error("not a readable WebAssembly module: {0}")]
    Parse(#[from] wasmparser::BinaryReaderError),
    /// The module is readable, but uses something that the edit does not cover.
    #[error("this WebAssembly module cannot be edited: {0}")]
    Unsupported(String),
    /// The module lacks something that the edit needs.
    #[error("this WebAssembly module has no {0}")]
    Missing(String),
}
