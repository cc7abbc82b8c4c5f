//! CPython (the published Pyodide build) in wasmtime, without a JavaScript engine.

mod clock;
mod descriptors;
pub mod edit;
mod engine;
mod errno;
mod error;
pub mod exnref;
mod ffi;
mod got;
mod host;
#[cfg(test)]
mod hostile;
mod image;
mod inputs;
mod instance;
mod limits;
mod memory;
mod output;
mod python;
mod random;
mod session;
mod syscalls;
mod vfs;

pub use error::{Error, Result};
pub use image::build_image;
pub use inputs::{MANIFEST, engine_key};
pub use session::{CellStatus, Outcome, Sandbox, SandboxConfig, Session};
