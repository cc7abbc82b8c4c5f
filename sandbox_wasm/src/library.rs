//! The file tree of an image: Python's library and the packages, with their byte code.

use std::path::{Path, PathBuf};

use crate::build::Report;
use crate::cache::{Cache, key};
use crate::error::{Error, Result};
use crate::instance::Interpreter;
use crate::python::{build_step, literal};
use crate::vfs::{SharedFile, Tree};

pub(crate) const INSTALLER: &str = include_str!("../guest/install.py");
/// Where the interpreter looks for its library: a path compiled into it. The image has a folder there, not an archive,
/// because importing byte code from a folder is faster.
const STDLIB: &str = "/lib/python314.zip";
const LIBRARY: &str = "/lib/python3.14";
/// Where the packages are.
pub const PACKAGES: &str = "/lib/python3.14/site-packages";

/// Compiles the library and the packages in a fresh interpreter, unless `cache` holds the result.
pub fn build_tree(
    boot: &dyn Fn(Tree) -> Result<Interpreter>,
    stdlib: Vec<u8>,
    packages: &Path,
    cache: &Cache<'_>,
    report: Report<'_>,
) -> Result<Tree> {
    report("library", 0.0);
    let published = published_tree(packages)?;
    let name = key([INSTALLER.as_bytes(), &stdlib, &published.contents_hash()]);
    let mut tree = published_tree(packages)?;
    if let Some(written) = cache.get("library", &name).and_then(|packed| Tree::unpack(&packed)) {
        tree.absorb(written);
    } else {
        let written = written_files(boot, published, stdlib, report)?;
        cache.put("library", &name, &written.pack());
        tree.absorb(written);
    }
    report("library", 1.0);
    Ok(tree)
}

/// The files that the installer writes.
fn written_files(
    boot: &dyn Fn(Tree) -> Result<Interpreter>,
    mut tree: Tree,
    stdlib: Vec<u8>,
    report: Report<'_>,
) -> Result<Tree> {
    tree.add_file(STDLIB, SharedFile::Loaded(stdlib.into()));
    let mut interpreter = boot(tree)?;
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
        report("library", done.min(0.99));
        if done >= 1.0 {
            break;
        }
    }
    let mut written = Tree::new();
    for (path, bytes) in interpreter.host().vfs.written_files() {
        if let Some(inside) = path.strip_prefix(LIBRARY) {
            let path = if path.starts_with(PACKAGES) { path.to_owned() } else { format!("{STDLIB}{inside}") };
            written.add_file(&path, SharedFile::Loaded(bytes.as_slice().into()));
        }
    }
    Ok(written)
}

fn published_tree(packages: &Path) -> Result<Tree> {
    let mut tree = Tree::new();
    tree.add_dir(&format!("{LIBRARY}/lib-dynload"));
    tree.add_folder(packages, PACKAGES)?;
    for (inside, _) in libraries(packages, PACKAGES)? {
        // Python looks whether the file is there; its code is in the image.
        tree.add_file(&inside, SharedFile::Loaded([].into()));
    }
    Ok(tree)
}

/// Every shared library under `folder`, which the guest has at `at`: its path there and here.
pub fn libraries(folder: &Path, at: &str) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        let inside = format!("{at}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            found.extend(libraries(&path, &inside)?);
        } else if path.extension().is_some_and(|extension| extension == "so") {
            found.push((inside, path));
        }
    }
    Ok(found)
}
