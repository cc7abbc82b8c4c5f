//! An image on disk, and opening it.
//!
//! It is the compiled code of the interpreter and of all libraries, with the memory that Python had after the packages
//! were imported as the module's data. Mapped copy-on-write, an instance of it is a session that costs only the pages
//! it writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::Engine;

use crate::dylink::LinkMap;
use crate::engine::load_compiled;
use crate::error::{Error, Result};
use crate::instance::{Program, TableState};
use crate::python::Runner;
use crate::vfs::Tree;

/// What an image holds beside its compiled code and its files.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    /// [`FORMAT`] of the build that wrote it.
    pub format: u32,
    /// Modules that every session finds imported.
    pub preload: Vec<String>,
    /// Where the libraries are.
    pub libraries: LinkMap,
    /// See [`TableState`].
    pub table: TableState,
    /// The cell runner inside.
    pub runner: Runner,
}

/// Raised whenever the files of an image change their meaning.
pub(crate) const FORMAT: u32 = 2;

/// An opened image.
pub struct Image {
    /// The linked module.
    pub program: Program,
    /// The file tree.
    pub tree: Arc<Tree>,
    /// See [`TableState`].
    pub table: TableState,
    /// The cell runner inside.
    pub runner: Runner,
}

/// The files of an image.
pub struct Files {
    /// Compiled code and memory.
    pub code: PathBuf,
    /// Contents of the file tree.
    pub contents: PathBuf,
    /// Index of the file tree.
    pub index: PathBuf,
    /// [`State`], as JSON.
    pub state: PathBuf,
}

impl Files {
    /// Where they are in an image's folder.
    pub fn of(dir: &Path) -> Self {
        let file = |name| dir.join(name);
        Self {
            code: file("image.cwasm"),
            contents: file("files.bin"),
            index: file("files.json"),
            state: file("state.json"),
        }
    }
}

impl Image {
    /// Opens what [`crate::build_image`] wrote.
    pub fn open(engine: &Engine, dir: &Path) -> Result<Self> {
        let files = Files::of(dir);
        let json = std::fs::read(&files.state).map_err(Error::file(&files.state))?;
        let state: State = serde_json::from_slice(&json)
            .map_err(|error| Error::Image { path: files.state.clone(), message: error.to_string() })?;
        if state.format != FORMAT {
            let message = format!("it has format {}, this version needs {FORMAT}", state.format);
            return Err(Error::Image { path: files.state, message });
        }
        let module = load_compiled(engine, &files.code)?;
        Ok(Self {
            program: Program::new(engine, &module, state.libraries)?,
            tree: Arc::new(Tree::open(&files.contents, &files.index)?),
            table: state.table,
            runner: state.runner,
        })
    }
}
