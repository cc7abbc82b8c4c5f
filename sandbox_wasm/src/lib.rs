//! CPython (the published Pyodide build) in wasmtime, without a JavaScript engine.

mod build;
mod cache;
mod checkpoint;
mod clock;
mod code;
mod descriptors;
pub mod dylink;
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
mod journal;
mod library;
mod limits;
mod live;
mod memory;
mod outcome;
mod output;
mod pages;
mod parking;
mod python;
mod random;
mod runners;
mod saved;
mod session;
mod stop;
mod syscalls;
mod vfs;

pub use build::build_image;
pub use error::{Error, Result};
pub use inputs::{MANIFEST, engine_key};
pub use outcome::{CellStatus, Outcome};
pub use session::{RunningCell, Sandbox, SandboxConfig, SavedState, Session};
pub use stop::Stop;
