//! Building an image.
//!
//! The interpreter and all libraries are linked and compiled, Python is booted, the packages are compiled to byte code
//! and the wanted ones imported; then memory, globals and the function table's state are the image.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use wasmtime::Engine;

use crate::cache::Cache;
use crate::code::Code;
use crate::dylink::{self, LinkMap, SideModule};
use crate::edit;
use crate::engine::{THREAD_STACK_BYTES, engine};
use crate::error::{Error, Result};
use crate::exnref;
use crate::got::define_imported_globals;
use crate::host::{Caps, Host};
use crate::image::{FORMAT, Files, Image, State};
use crate::instance::{Interpreter, Program};
use crate::library::{PACKAGES, build_tree, libraries};
use crate::python::{Runner, build_step, literal};
use crate::random::Random;
use crate::vfs::Tree;

pub(crate) const NUMPY_DEFAULTS: &str = include_str!("../guest/numpy_defaults.py");
pub(crate) const WARM_UP: &str = include_str!("../guest/warm.py");
/// sympy computes with FLINT's integers and fractions, as it does by itself where it finds python-flint: from 6 % slower (a
/// determinant of small integers) to 9 times faster (polynomials over the rationals), with the same outputs.
pub(crate) const GROUND_TYPES: &str = "import os\nos.environ['SYMPY_GROUND_TYPES'] = 'flint'";
/// Memory that an image is expected to need, for Python itself and for each module that is imported in it; one that needs
/// more is compiled again for its own size.
const IMAGE_BYTES: usize = 16 << 20;

/// Builds an image in `out` from `staging`, which holds `pyodide.asm.wasm`, `pyodide.asm.mjs`, `python_stdlib.zip` and
/// `site-packages/` as published.
///
/// `preload` names the modules that every session finds imported. `cache` is a folder for compiled code, so that a build
/// with the same libraries need not compile them again. `progress` is told the stage and how much of it is done, from
/// 0 to 1.
///
/// # Errors
/// When a file is missing or of another release, a library cannot be linked, a module cannot be imported, or the disk
/// is full.
pub fn build_image(
    staging: &Path,
    out: &Path,
    preload: &[String],
    cache: Option<&Path>,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<()> {
    let (reports, received) = mpsc::channel();
    // Wasm code needs a deep stack; the caller's thread keeps its own and only relays the progress.
    std::thread::scope(|scope| {
        let builder =
            std::thread::Builder::new().name("mathforge-image".into()).stack_size(THREAD_STACK_BYTES);
        let worker = builder
            .spawn_scoped(scope, move || {
                build(staging, out, preload, &Cache(cache), &|stage, done| {
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

/// Told a stage and how much of it is done.
pub(crate) type Report<'a> = &'a dyn Fn(&'static str, f64);

fn build(
    staging: &Path,
    out: &Path,
    preload: &[String],
    cache: &Cache<'_>,
    report: Report<'_>,
) -> Result<()> {
    let files = Files::of(out);
    std::fs::create_dir_all(out).map_err(Error::file(out))?;
    let engine = engine()?;
    let (wasm, libraries) = linked(staging, report)?;
    let compiled = |bytes| {
        report("compile", 0.0);
        let code = Code::of(&engine, &wasm, bytes, cache)?;
        let program = Program::new(&engine, &code.module, libraries.clone())?;
        report("compile", 1.0);
        Ok::<_, Error>((code, program))
    };
    let (mut code, mut program) = compiled(IMAGE_BYTES * (1 + preload.len()))?;

    let stdlib = read(staging, "python_stdlib.zip")?;
    let boot = |tree: Tree| program.boot(host(Arc::new(tree)), &code.memory);
    build_tree(&boot, stdlib, &staging.join("site-packages"), cache, report)?
        .save(&files.contents, &files.index)?;
    let tree = Arc::new(Tree::open(&files.contents, &files.index)?);

    report("preload", 0.0);
    let (mut interpreter, mut runner) = preloaded(&program, &code, Arc::clone(&tree), preload)?;
    let needed = interpreter.memory()?.len();
    if needed > code.memory.len() {
        (code, program) = compiled(needed)?;
        (interpreter, runner) = preloaded(&program, &code, tree, preload)?;
    }
    report("preload", 1.0);

    report("image", 0.0);
    code.save(interpreter.memory()?, &files.code)?;
    let table = interpreter.table_state()?;
    let state = State { format: FORMAT, preload: preload.to_vec(), libraries, table, runner };
    let json = serde_json::to_vec_pretty(&state).map_err(|error| Error::Wasm(error.to_string()))?;
    std::fs::write(&files.state, json).map_err(Error::file(&files.state))?;
    verify(&engine, out, interpreter.memory()?)?;
    report("image", 1.0);
    Ok(())
}

/// The main module, all libraries and the call trampoline as one module, and where everything is in it.
fn linked(staging: &Path, report: Report<'_>) -> Result<(Vec<u8>, LinkMap)> {
    report("translate", 0.0);
    let edited = |error: edit::Error| Error::Wasm(error.to_string());
    let loader = read(staging, "pyodide.asm.mjs")?;
    let trampoline = edit::trampoline_module(&String::from_utf8_lossy(&loader)).map_err(edited)?;
    let main = exnref::translate(&read(staging, "pyodide.asm.wasm")?).map_err(edited)?;
    let main = define_imported_globals(&main).map_err(edited)?;
    report("translate", 0.2);
    let sides = libraries(&staging.join("site-packages"), PACKAGES)?;
    let sides = sides.into_iter().map(side_module).collect::<Result<_>>()?;
    let (main, libraries) = dylink::link(&main, trampoline, sides)?;
    let main = export_state(&main).map_err(edited)?;
    report("translate", 1.0);
    Ok((main, libraries))
}

fn read(staging: &Path, name: &str) -> Result<Vec<u8>> {
    let path = staging.join(name);
    std::fs::read(&path).map_err(Error::file(&path))
}

/// The module with every mutable global exported, so that an image can hold their values.
fn export_state(wasm: &[u8]) -> std::result::Result<Vec<u8>, edit::Error> {
    let hidden = edit::hidden_mutable_globals(wasm)?;
    let names: Vec<String> = hidden.iter().map(|index| format!("mathforge_global_{index}")).collect();
    let exports: Vec<(u32, &str)> = hidden.iter().copied().zip(names.iter().map(String::as_str)).collect();
    edit::export_globals(wasm, &exports)
}

fn side_module((path, file): (String, PathBuf)) -> Result<SideModule> {
    let published = std::fs::read(&file).map_err(Error::file(&file))?;
    match exnref::translate(&published) {
        Ok(wasm) => Ok(SideModule { path, wasm }),
        Err(error) => Err(dylink::Error { library: path, reason: error.to_string() }.into()),
    }
}

/// Room for building: byte code of every package is written to the overlay of the building session.
const BUILD_CAPS: Caps = Caps { memory: 2 << 30, files: 1 << 30, output: 1 << 16 };

fn host(tree: Arc<Tree>) -> Host {
    Host::new(tree, BUILD_CAPS, Random::new(Some(0)))
}

/// A booted interpreter with the wanted modules imported and everything alive exempt from garbage collection: a
/// collection would write to every object and so copy every page of the image.
fn preloaded(
    program: &Program,
    code: &Code,
    tree: Arc<Tree>,
    preload: &[String],
) -> Result<(Interpreter, Runner)> {
    let mut interpreter = program.boot(host(tree), &code.memory)?;
    let runner = Runner::install(&mut interpreter)?;
    build_step(&mut interpreter, "choosing number types", GROUND_TYPES)?;
    for name in preload {
        let source = format!("import importlib; importlib.import_module({})", literal(name));
        build_step(&mut interpreter, &format!("importing {name}"), &source)?;
    }
    for (name, source) in [("numpy", NUMPY_DEFAULTS), ("warm", WARM_UP)] {
        let source = format!("exec(compile({}, '<mathforge {name}>', 'exec'), {{}})", literal(source));
        build_step(&mut interpreter, "warming up", &source)?;
    }
    build_step(
        &mut interpreter,
        "freezing the image",
        "import gc, os, sys, linecache\ndel os.environ['SYMPY_GROUND_TYPES']\nlinecache.clearcache()\nsys.path_importer_cache.clear()\ngc.collect()\ngc.freeze()",
    )?;
    Ok((interpreter, runner))
}

/// Opens the image as a session does: its memory was put into a file that something else laid out.
fn verify(engine: &Engine, out: &Path, memory: &[u8]) -> Result<()> {
    let image = Image::open(engine, out)?;
    let mut interpreter = image.program.restore(host(image.tree), &image.table)?;
    if interpreter.memory()? == memory {
        return Ok(());
    }
    Err(Error::Image {
        path: out.to_owned(),
        message: "it does not start with the memory it was given".into(),
    })
}
