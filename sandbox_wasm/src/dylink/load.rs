//! The dynamic linker's calls: everything is linked already, so opening a library is finding it.

use std::sync::Arc;

use wasmtime::{Caller, Linker};

use super::{Error, LinkMap};
use crate::errno::Errno;
use crate::host::{Guest, Host, with_guest};
use crate::instance::Interpreter;
use crate::memory::Ptr;

/// Offsets in the C library's record of an open library (musl's `struct dso` as Emscripten has it).
const ALLOCATED: u32 = 8;
const MEMORY_BASE: u32 = 12;
const MEMORY_SIZE: u32 = 16;
const TABLE_BASE: u32 = 20;
const TABLE_SIZE: u32 = 24;
const PATH: u32 = 36;

/// Takes the libraries' memory out of the heap; to be called before anything else has allocated.
pub fn reserve(interpreter: &mut Interpreter, map: &LinkMap) -> wasmtime::Result<()> {
    let base: Ptr = interpreter.call("sbrk", map.memory_size)?;
    if base == map.memory_base {
        return Ok(());
    }
    Err(wasmtime::Error::msg(format!("the heap starts at {base}, not at {}", map.memory_base)))
}

/// Runs every library's relocations and constructors. Their effects are in memory and globals, so sessions of an
/// image inherit them.
pub fn construct(interpreter: &mut Interpreter, map: &LinkMap) -> Result<(), Error> {
    for library in &map.libraries {
        for step in &library.steps {
            let failed = |error| Error::new(&library.path, format!("its initialisation failed: {error:#}"));
            interpreter.call::<_, ()>(step, ()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Defines the host's part of `dlopen` and `dlsym`.
pub fn define(linker: &mut Linker<Host>, map: &Arc<LinkMap>) -> wasmtime::Result<()> {
    let libraries = Arc::clone(map);
    linker.func_wrap(
        "env",
        "_dlopen_js",
        move |mut caller: Caller<'_, Host>, handle: Ptr| match with_guest(&mut caller, |guest| {
            open(guest, &libraries, handle)
        }) {
            Ok(()) => Ok(1),
            Err(_) => refuse(&mut caller, handle, "it is not a library of this sandbox image").map(|()| 0),
        },
    )?;
    let libraries = Arc::clone(map);
    linker.func_wrap(
        "env",
        "_dlsym_js",
        move |mut caller: Caller<'_, Host>, handle: Ptr, symbol: Ptr, _: Ptr| -> wasmtime::Result<u32> {
            match with_guest(&mut caller, |guest| find(guest, &libraries, handle, symbol)) {
                Ok(found) => Ok(found),
                Err(_) => refuse(&mut caller, handle, "it has no such symbol").map(|()| 0),
            }
        },
    )?;
    Ok(())
}

fn path_of(guest: &Guest<'_>, handle: Ptr) -> Result<String, Errno> {
    let path = guest.bytes.text(handle.wrapping_add(PATH))?;
    Ok(guest.host.vfs.normalise(None, &path))
}

fn open(guest: &mut Guest<'_>, map: &LinkMap, handle: Ptr) -> Result<(), Errno> {
    let path = path_of(guest, handle)?;
    let library = map.library(&path).ok_or(Errno::NOENT)?;
    guest.bytes.put(handle.wrapping_add(ALLOCATED), &[1])?;
    for (offset, value) in [
        (MEMORY_BASE, library.memory_base),
        (MEMORY_SIZE, library.memory_size),
        (TABLE_BASE, library.table_base),
        (TABLE_SIZE, library.table_size),
    ] {
        guest.bytes.put_u32(handle.wrapping_add(offset), value)?;
    }
    Ok(())
}

fn find(guest: &mut Guest<'_>, map: &LinkMap, handle: Ptr, symbol: Ptr) -> Result<u32, Errno> {
    // The record is the guest's, who may have changed it; all it can get is a slot that it could call anyway.
    let path = path_of(guest, handle)?;
    let symbol = guest.bytes.text(symbol)?;
    map.library(&path).and_then(|library| library.symbols.get(&symbol)).copied().ok_or(Errno::NOENT)
}

/// Leaves a message for `dlerror`.
fn refuse(caller: &mut Caller<'_, Host>, handle: Ptr, reason: &str) -> wasmtime::Result<()> {
    let path = with_guest(caller, |guest| path_of(guest, handle)).unwrap_or_default();
    let Some(exports) = caller.data().exports.clone() else { return Ok(()) };
    let Some(set) = caller.get_export("__dl_seterr").and_then(wasmtime::Extern::into_func) else {
        return Ok(());
    };
    let text = format!("cannot load `{path}`: {reason}");
    // A list of one argument, the format that prints it, and the argument.
    let at = exports.malloc.call(&mut *caller, text.len() as u32 + 9)?;
    if at == 0 {
        return Ok(());
    }
    let mut message = at.wrapping_add(8).to_le_bytes().to_vec();
    message.extend_from_slice(b"%s\0\0");
    message.extend_from_slice(text.as_bytes());
    message.push(0);
    exports.memory.write(&mut *caller, at as usize, &message)?;
    set.typed::<(u32, u32), ()>(&*caller)?.call(&mut *caller, (at.wrapping_add(4), at))?;
    exports.free.call(&mut *caller, at)
}
