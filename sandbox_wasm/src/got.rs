//! The main module's imported globals, made its own.
//!
//! They are the addresses of functions that JavaScript would provide (`GOT.func`: graphics and console calls), all
//! null here. As imports they would have to be created in every store before instantiation; as definitions they cost
//! nothing and one pre-linked instance serves every session. Imported globals come first in the index space, so
//! putting the definitions in front of the others keeps every index.

use wasm_encoder::reencode::{Reencode as _, RoundtripReencoder};
use wasm_encoder::{ConstExpr, Encode, GlobalSection, ImportSection, SectionId};
use wasmparser::{Payload, TypeRef, ValType};

use crate::edit::{Error, Section, join, malformed, parser, split};

/// The module with every imported i32 global defined as zero instead.
pub fn define_imported_globals(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let (mut imports, mut globals) = (ImportSection::new(), GlobalSection::new());
    for payload in parser().parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    match import.ty {
                        TypeRef::Global(ty) if ty.content_type == ValType::I32 => {
                            let ty = RoundtripReencoder.global_type(ty).map_err(malformed)?;
                            globals.global(ty, &ConstExpr::i32_const(0));
                        }
                        ty => {
                            let ty = RoundtripReencoder.entity_type(ty).map_err(malformed)?;
                            imports.import(import.module, import.name, ty);
                        }
                    }
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global?;
                    let ty = RoundtripReencoder.global_type(global.ty).map_err(malformed)?;
                    let initial = RoundtripReencoder.const_expr(global.init_expr).map_err(malformed)?;
                    globals.global(ty, &initial);
                }
            }
            _ => {}
        }
    }
    let (imports, globals) = (contents(&imports), contents(&globals));
    let mut sections: Vec<Section<'_>> = split(wasm)?;
    for section in &mut sections {
        if section.is(SectionId::Import) {
            section.contents = &imports;
        } else if section.is(SectionId::Global) {
            section.contents = &globals;
        }
    }
    Ok(join(sections))
}

/// A section without its size prefix, which `join` writes again.
fn contents(section: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    section.encode(&mut bytes);
    let prefix = bytes.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    bytes.split_off(prefix)
}
