//! Side modules (C, C++ and Rust extension modules and the libraries they need), linked once while an image is built.
//!
//! Emscripten links them when `dlopen` is called: one instance per module, its imports bound through a global offset
//! table. A session that starts from an image would have to repeat that, for python-flint 41 instances and 11,000
//! imports. So the main module and every side module of the file tree are made one module instead: imports become
//! direct calls, offset table entries and base addresses become constants, and functions nothing can reach are left
//! out. A session stays one instance, whatever is in it; its memory image holds the side modules' data with relocations
//! applied and constructors run, and `dlopen` is a look-up ([`LinkMap`]).
//!
//! Format: the tool conventions' `DynamicLinking.md` (`dylink.0`, `GOT.mem`, `GOT.func`, `__memory_base`).

mod assemble;
mod emit;
mod layout;
mod live;
mod load;
mod map;
mod parse;
mod resolve;

use crate::edit;

pub use assemble::link;
pub use load::{construct, define, reserve};
pub use map::{Library, LinkMap};

/// A shared library of the file tree, its exceptions translated.
pub struct SideModule {
    /// Where the guest finds it.
    pub path: String,
    /// The module.
    pub wasm: Vec<u8>,
}

/// Why a library cannot be linked.
#[derive(Debug, thiserror::Error)]
#[error("the library `{library}` cannot be used: {reason}")]
pub struct Error {
    /// Its path in the guest.
    pub library: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Error {
    fn new(library: &str, reason: impl Into<String>) -> Self {
        Self { library: library.to_owned(), reason: reason.into() }
    }
}

/// Names the library in an error of the module reader.
fn unreadable(library: &str) -> impl Fn(edit::Error) -> Error + '_ {
    move |error| Error::new(library, error.to_string())
}
