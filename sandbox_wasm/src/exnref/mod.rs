//! Translation of legacy exception handling (`try`, `catch`, `delegate`, `rethrow`) into the standard one
//! (`try_table`, `throw_ref`), which is what engines outside of browsers implement.
//!
//! Specifications: the exception-handling proposal's `legacy/Exceptions.md`, and WebAssembly 3.0.

mod emit;
mod scan;
mod types;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{CodeSection, Encode, SectionId, TypeSection, ValType};
use wasmparser::{FunctionBody, Payload};

use crate::edit::{Error, Section, contents_of, join, malformed, parser, split};
use emit::Emitter;
use scan::Plan;
use types::Types;

/// Rewrites every function that uses legacy exceptions; all others, and all other sections, stay as they are.
///
/// A module without legacy exceptions comes back byte for byte. Sections that describe code by byte offset (DWARF,
/// branch hints) would no longer fit and are dropped. Main and side modules (`dylink.0`) are both accepted.
///
/// # Errors
/// When the bytes are no module, or a function mixes legacy with standard exceptions.
pub fn translate(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let mut types = Types::of(wasm)?;
    let mut code = CodeSection::new();
    let mut defined = 0;
    let mut changed = false;
    for payload in parser().parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload? {
            let plan = Plan::scan(body.get_operators_reader()?)?;
            if plan.tries.is_empty() {
                code.raw(&wasm[body.range()]);
            } else {
                code.raw(&translate_function(wasm, &body, &plan, &mut types, defined)?);
                changed = true;
            }
            defined += 1;
        }
    }
    if !changed {
        return Ok(wasm.to_vec());
    }
    let (type_section, code) = (contents_of(&type_section(wasm, types)?)?, contents_of(&code)?);
    let sections =
        split(wasm)?.into_iter().filter(|section| !describes_code(section)).map(|section| match section.id {
            id if id == SectionId::Type as u8 => Section { id, contents: &type_section },
            id if id == SectionId::Code as u8 => Section { id, contents: &code },
            _ => section,
        });
    Ok(join(sections))
}

/// The function's body: local declarations and instructions.
fn translate_function(
    wasm: &[u8],
    body: &FunctionBody<'_>,
    plan: &Plan,
    types: &mut Types,
    defined: usize,
) -> Result<Vec<u8>, Error> {
    let mut groups = Vec::new();
    let mut locals = types.parameters_of_function(defined)?;
    for group in body.get_locals_reader()? {
        let (count, ty) = group?;
        groups.push((count, RoundtripReencoder.val_type(ty).map_err(malformed)?));
        locals += count;
    }
    let emitted = Emitter::new(wasm, plan, types, locals).run(body.get_operators_reader()?)?;
    if emitted.exception_locals > 0 {
        groups.push((emitted.exception_locals, ValType::EXNREF));
    }
    let mut bytes = Vec::with_capacity(emitted.code.len() + 8);
    groups.len().encode(&mut bytes);
    for (count, ty) in groups {
        count.encode(&mut bytes);
        ty.encode(&mut bytes);
    }
    bytes.extend_from_slice(&emitted.code);
    Ok(bytes)
}

fn type_section(wasm: &[u8], types: Types) -> Result<TypeSection, Error> {
    let mut section = TypeSection::new();
    for payload in parser().parse_all(wasm) {
        if let Payload::TypeSection(original) = payload? {
            RoundtripReencoder.parse_type_section(&mut section, original).map_err(malformed)?;
            break;
        }
    }
    for (params, results) in types.into_added() {
        section.ty().function(params, results);
    }
    Ok(section)
}

fn describes_code(section: &Section<'_>) -> bool {
    section
        .custom_name()
        .is_some_and(|name| name.starts_with(".debug_") || name.starts_with("metadata.code."))
}
