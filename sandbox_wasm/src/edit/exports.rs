//! Exports for globals that the linker left private.

use std::collections::HashSet;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ExportKind, ExportSection, SectionId};
use wasmparser::{ExternalKind, Payload};

use super::{Error, Section, contents_of, join, malformed, parser, split};

/// Indices of the mutable globals that the module defines and does not export.
///
/// They are state that a snapshot would miss: Emscripten keeps the bounds of its stack in such globals.
pub fn hidden_mutable_globals(wasm: &[u8]) -> Result<Vec<u32>, Error> {
    let mut imported = 0_u32;
    let mut mutable = Vec::new();
    let mut exported = HashSet::new();
    for payload in parser().parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, wasmparser::TypeRef::Global(_)));
                }
            }
            Payload::GlobalSection(globals) => {
                for (index, global) in (imported..).zip(globals) {
                    if global?.ty.mutable {
                        mutable.push(index);
                    }
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Global {
                        exported.insert(export.index);
                    }
                }
            }
            _ => {}
        }
    }
    mutable.retain(|index| !exported.contains(index));
    Ok(mutable)
}

/// The module with these globals exported under these names; everything else stays as it is.
///
/// # Errors
/// When the bytes are no module, or a name is already exported.
pub fn export_globals(wasm: &[u8], globals: &[(u32, &str)]) -> Result<Vec<u8>, Error> {
    let mut exports = ExportSection::new();
    for payload in parser().parse_all(wasm) {
        if let Payload::ExportSection(section) = payload? {
            for export in section.clone() {
                let name = export?.name;
                if globals.iter().any(|(_, wanted)| *wanted == name) {
                    return Err(Error::Unsupported(format!("it already exports `{name}`")));
                }
            }
            RoundtripReencoder.parse_export_section(&mut exports, section).map_err(malformed)?;
        }
    }
    for (index, name) in globals {
        exports.export(name, ExportKind::Global, *index);
    }
    let contents = contents_of(&exports)?;
    Ok(join(with_section(split(wasm)?, SectionId::Export, &contents)))
}

/// Replaces the section with this id, or inserts it where the module order wants it.
fn with_section<'a>(mut sections: Vec<Section<'a>>, id: SectionId, contents: &'a [u8]) -> Vec<Section<'a>> {
    let new = Section { id: id as u8, contents };
    if let Some(old) = sections.iter_mut().find(|section| section.is(id)) {
        *old = new;
        return sections;
    }
    // Of the sections that may follow the exports, ids are in file order except the data count (12), which
    // also comes after them; so the first non-custom section with a larger id, other than tags (13), is next.
    let tag = SectionId::Tag as u8;
    let place = sections.iter().position(|section| section.id > new.id && section.id != tag);
    sections.insert(place.unwrap_or(sections.len()), new);
    sections
}
