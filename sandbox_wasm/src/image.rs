//! Building an image once, and opening it.
//!
//! Python is booted, the packages are compiled and the wanted ones imported; then memory, globals and the function
//! table's state become a new module whose data section is that memory. Compiled and mapped copy-on-write, an instance
//! of it is a session that costs only the pages it writes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use serde::{Deserialize, Serialize};
use wasmtime::{Engine, Module};

use crate::edit;
use crate::engine::{THREAD_STACK_BYTES, engine, load_compiled};
use crate::error::{Error, Result};
use crate::exnref;
use crate::got::define_imported_globals;
use crate::host::{Caps, Host};
use crate::instance::{Interpreter, Program, TableState};
use crate::python::{Runner, build_step, literal};
use crate::random::Random;
use crate::vfs::{SharedFile, Tree};

pub(crate) const INSTALLER: &str = include_str!("../guest/install.py");
pub(crate) const WARM_UP: &str = include_str!("../guest/warm.py");
/// Where the interpreter looks for its library: a path compiled into it. The image has a folder there, not an archive,
/// because importing byte code from a folder is faster.
const STDLIB: &str = "/lib/python314.zip";
const LIBRARY: &str = "/lib/python3.14";
const PACKAGES: &str = "/lib/python3.14/site-packages";

/// What an image holds beside its compiled code and its files.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    format: u32,
    preload: Vec<String>,
    table: TableState,
    runner: Runner,
}

/// Raised whenever the files of an image change their meaning.
pub(crate) const FORMAT: u32 = 1;

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

struct Files {
    code: PathBuf,
    trampoline: PathBuf,
    contents: PathBuf,
    index: PathBuf,
    state: PathBuf,
}

impl Files {
    fn of(dir: &Path) -> Self {
        let file = |name| dir.join(name);
        Self {
            code: file("image.cwasm"),
            trampoline: file("trampoline.cwasm"),
            contents: file("files.bin"),
            index: file("files.json"),
            state: file("state.json"),
        }
    }
}

impl Image {
    /// Opens what [`build_image`] wrote.
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
        let trampoline = load_compiled(engine, &files.trampoline)?;
        Ok(Self {
            program: Program::new(engine, &module, &trampoline)?,
            tree: Arc::new(Tree::open(&files.contents, &files.index)?),
            table: state.table,
            runner: state.runner,
        })
    }
}

/// Builds an image in `out` from `staging`, which holds `pyodide.asm.wasm`, `pyodide.asm.mjs`, `python_stdlib.zip` and
/// `site-packages/` as published.
///
/// `preload` names the modules that every session finds imported. `progress` is told the stage and how much of it is
/// done, from 0 to 1.
///
/// # Errors
/// When a file is missing or of another release, a module cannot be imported, or the disk is full.
pub fn build_image(
    staging: &Path,
    out: &Path,
    preload: &[String],
    progress: &mut dyn FnMut(&str, f64),
) -> Result<()> {
    let (reports, received) = mpsc::channel();
    // Wasm code needs a deep stack; the caller's thread keeps its own and only relays the progress.
    std::thread::scope(|scope| {
        let builder =
            std::thread::Builder::new().name("mathforge-image".into()).stack_size(THREAD_STACK_BYTES);
        let worker = builder
            .spawn_scoped(scope, move || {
                build(staging, out, preload, &|stage, done| {
                    // The receiver lives as long as this thread.
                    let _ = reports.send((stage, done));
                })
            })
            .map_err(|source| Error::File { path: "thread".into(), source })?;
        for (stage, done) in received {
            progress(stage, done);
        }
        worker.join().map_err(|_| Error::Build {
            doing: "building".into(),
            message: "the builder panicked; this is a bug of mathforge".into(),
        })?
    })
}

type Report<'a> = &'a dyn Fn(&'static str, f64);

fn build(staging: &Path, out: &Path, preload: &[String], report: Report<'_>) -> Result<()> {
    let read = |name: &str| {
        let path = staging.join(name);
        std::fs::read(&path).map_err(Error::file(&path))
    };
    let files = Files::of(out);
    std::fs::create_dir_all(out).map_err(Error::file(out))?;
    let engine = engine()?;

    report("translate", 0.0);
    let edited = |error: edit::Error| Error::Wasm(error.to_string());
    let main = prepare_module(&read("pyodide.asm.wasm")?).map_err(edited)?;
    let loader = read("pyodide.asm.mjs")?;
    let trampoline = edit::trampoline_module(&String::from_utf8_lossy(&loader)).map_err(edited)?;
    report("translate", 1.0);

    report("compile", 0.0);
    let trampoline = compile(&engine, &trampoline)?;
    save(&trampoline, &files.trampoline)?;
    let program = Program::new(&engine, &compile(&engine, &main)?, &trampoline)?;
    report("compile", 1.0);

    let stdlib = read("python_stdlib.zip")?;
    build_tree(&program, stdlib, &staging.join("site-packages"), report)?
        .save(&files.contents, &files.index)?;
    let tree = Arc::new(Tree::open(&files.contents, &files.index)?);

    report("preload", 0.0);
    let (mut interpreter, runner) = preloaded(&program, tree, preload)?;
    report("preload", 1.0);

    report("image", 0.0);
    let globals: Vec<_> = program.global_names().zip(interpreter.state_global_values()?).collect();
    let image = edit::image_module(&main, interpreter.memory()?, &globals).map_err(edited)?;
    let state =
        State { format: FORMAT, preload: preload.to_vec(), table: interpreter.table_state()?, runner };
    drop(interpreter);
    save(&compile(&engine, &image)?, &files.code)?;
    let json = serde_json::to_vec_pretty(&state).map_err(|error| Error::Wasm(error.to_string()))?;
    std::fs::write(&files.state, json).map_err(Error::file(&files.state))?;
    report("image", 1.0);
    Ok(())
}

/// The published main module as the engine needs it, every mutable global exported.
fn prepare_module(published: &[u8]) -> std::result::Result<Vec<u8>, edit::Error> {
    let translated = exnref::translate(published)?;
    let hidden = edit::hidden_mutable_globals(&translated)?;
    let names: Vec<String> = hidden.iter().map(|index| format!("mathforge_global_{index}")).collect();
    let exports: Vec<(u32, &str)> = hidden.iter().copied().zip(names.iter().map(String::as_str)).collect();
    let exported = edit::export_globals(&translated, &exports)?;
    define_imported_globals(&exported)
}

fn compile(engine: &Engine, wasm: &[u8]) -> Result<Module> {
    Module::new(engine, wasm).map_err(Error::engine("compiling the interpreter"))
}

fn save(module: &Module, path: &Path) -> Result<()> {
    let bytes = module.serialize().map_err(Error::engine("serialising compiled code"))?;
    std::fs::write(path, bytes).map_err(Error::file(path))
}

/// Room for building: byte code of every package is written to the overlay of the building session.
const BUILD_CAPS: Caps = Caps { memory: 2 << 30, files: 1 << 30, output: 1 << 16 };

/// Python's library and the packages, with their byte code.
fn build_tree(program: &Program, stdlib: Vec<u8>, packages: &Path, report: Report<'_>) -> Result<Tree> {
    report("library", 0.0);
    let mut tree = published_tree(packages)?;
    tree.add_file(STDLIB, SharedFile::Loaded(stdlib.into()));
    let mut interpreter = program.boot(host(tree))?;
    let install = format!(
        "import sys, types\n\
         install = types.ModuleType('mathforge_install')\n\
         exec(compile({}, '<mathforge install>', 'exec'), install.__dict__)\n",
        literal(INSTALLER)
    );
    let doing = "compiling the library";
    build_step(&mut interpreter, doing, &install)?;
    loop {
        let printed = build_step(&mut interpreter, doing, "install.step()")?;
        let done: f64 = printed.trim().parse().unwrap_or(1.0);
        report("library", done);
        if done >= 1.0 {
            break;
        }
    }
    let mut tree = published_tree(packages)?;
    for (path, bytes) in interpreter.host().vfs.written_files() {
        if let Some(inside) = path.strip_prefix(LIBRARY) {
            let path = if path.starts_with(PACKAGES) { path.to_owned() } else { format!("{STDLIB}{inside}") };
            tree.add_file(&path, SharedFile::Loaded(bytes.as_slice().into()));
        }
    }
    Ok(tree)
}

fn published_tree(packages: &Path) -> Result<Tree> {
    let mut tree = Tree::new();
    tree.add_dir(&format!("{LIBRARY}/lib-dynload"));
    tree.add_folder(packages, PACKAGES)?;
    Ok(tree)
}

fn host(tree: Tree) -> Host {
    Host::new(Arc::new(tree), BUILD_CAPS, Random::new(Some(0)))
}

/// A booted interpreter with the wanted modules imported and everything alive exempt from garbage collection: a
/// collection would write to every object and so copy every page of the image.
fn preloaded(program: &Program, tree: Arc<Tree>, preload: &[String]) -> Result<(Interpreter, Runner)> {
    let mut interpreter = program.boot(Host::new(tree, BUILD_CAPS, Random::new(Some(0))))?;
    let runner = Runner::install(&mut interpreter)?;
    for name in preload {
        let source = format!("import importlib; importlib.import_module({})", literal(name));
        build_step(&mut interpreter, &format!("importing {name}"), &source)?;
    }
    let warm_up = format!("exec(compile({}, '<mathforge warm>', 'exec'), {{}})", literal(WARM_UP));
    build_step(&mut interpreter, "warming up", &warm_up)?;
    build_step(
        &mut interpreter,
        "freezing the image",
        "import gc, sys, linecache\nlinecache.clearcache()\nsys.path_importer_cache.clear()\ngc.collect()\ngc.freeze()",
    )?;
    Ok((interpreter, runner))
}
