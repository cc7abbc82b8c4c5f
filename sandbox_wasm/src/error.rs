//! What can go wrong while an image is built or a session runs.

use std::path::{Path, PathBuf};

/// An error of the sandbox host. Errors of the Python code that runs inside are outcomes, not errors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the prepared folder or of the staging folder cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The compiler or the engine refused something.
    #[error("{doing}: {message}")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// The engine's message, with the chain of causes.
        message: String,
    },
    /// A wasm file is not of the shape the published Pyodide build has.
    #[error("unexpected WebAssembly: {0}")]
    Wasm(String),
    /// Python inside the sandbox failed while the image was being built.
    #[error("building the image failed while {doing}: {message}")]
    Build {
        /// The step.
        doing: String,
        /// Output and traceback of the guest.
        message: String,
    },
    /// A package brings a compiled library that cannot be used.
    #[error(transparent)]
    Library(#[from] crate::dylink::Error),
    /// The prepared folder belongs to another version or is damaged.
    #[error("{path} is not a usable image: {message}", path = path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A saved session cannot be continued.
    #[error("{path} cannot be restored: {message}", path = path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// A state in memory is of another image.
    #[error("the state was saved from a session of another image")]
    OtherImage,
    /// A cell did not do the same again that it had done before.
    #[error("a cell of the session came to something else when it was run again")]
    Diverged,
    /// The session was closed, or its state cannot be reached any more.
    #[error("the session is closed")]
    Closed,
}

/// Result of the host's own functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Wraps an error of the engine; `doing` completes "failed while ...".
    pub(crate) fn engine(doing: &'static str) -> impl FnOnce(wasmtime::Error) -> Self {
        move |error| Self::Engine { doing, message: format!("{error:#}") }
    }

    /// Wraps an error of the file system.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }
}
