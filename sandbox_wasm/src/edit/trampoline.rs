//! The call trampoline that Pyodide embeds in its JavaScript.

use wasmparser::{ExternalKind, Payload};

use super::{Error, parser};

/// What the trampoline module exports.
const EXPORT: &str = "trampoline_call";
/// The header of every version 1 module, in the hexadecimal of the JavaScript source.
const HEX_HEADER: &str = "\"0061736d01000000";

/// The module that calls a C function with the number of arguments it really takes.
///
/// CPython calls C functions of any arity through one pointer type, which WebAssembly refuses; the trampoline asks
/// for the callee's type (`ref.test`) and calls it accordingly. It is stored as a string of hexadecimal digits in
/// `pyodide.asm.mjs`.
///
/// # Errors
/// When the source holds no such module.
pub fn trampoline_module(javascript: &str) -> Result<Vec<u8>, Error> {
    javascript
        .match_indices(HEX_HEADER)
        .filter_map(|(start, _)| javascript[start + 1..].split('"').next())
        .filter_map(decode_hex)
        .find(|wasm| exports_trampoline(wasm))
        .ok_or_else(|| Error::Missing(format!("`{EXPORT}`: it is not in the given JavaScript")))
}

fn decode_hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    digits.as_bytes().chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

fn exports_trampoline(wasm: &[u8]) -> bool {
    parser().parse_all(wasm).any(|payload| match payload {
        Ok(Payload::ExportSection(exports)) => exports
            .into_iter()
            .flatten()
            .any(|export| export.kind == ExternalKind::Func && export.name == EXPORT),
        _ => false,
    })
}
