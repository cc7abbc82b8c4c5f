//! What an image is made from: the pinned files, and everything in this build that decides its contents.

use std::hash::{DefaultHasher, Hash, Hasher};

use sha2::{Digest, Sha256};

use crate::build::{GROUND_TYPES, NUMPY_DEFAULTS, WARM_UP};
use crate::engine::engine;
use crate::error::Result;
use crate::image::FORMAT;
use crate::library::INSTALLER;
use crate::python::CELL_RUNNER;

/// The pinned input files, as TOML.
pub const MANIFEST: &str = include_str!("../pyodide.toml");

/// Changes whenever images of this build are not interchangeable with those of another: engine version, its settings,
/// the processor features it compiles for, and the Python code inside the image.
pub fn engine_key() -> Result<String> {
    let mut compatibility = DefaultHasher::new();
    engine()?.precompile_compatibility_hash().hash(&mut compatibility);
    let mut key = Sha256::new();
    key.update(env!("CARGO_PKG_VERSION"));
    key.update(FORMAT.to_le_bytes());
    key.update(compatibility.finish().to_le_bytes());
    let runner = CELL_RUNNER.iter().map(|(_, code)| *code);
    for guest in [INSTALLER, GROUND_TYPES, NUMPY_DEFAULTS, WARM_UP].into_iter().chain(runner) {
        key.update(guest);
    }
    Ok(key.finalize().iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}
