//! A module whose initial state is a snapshot of a running instance.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ConstExpr, DataSection, Encode, GlobalSection, MemorySection, SectionId};
use wasmparser::{DataKind, ExternalKind, Payload, TypeRef};

use super::{Error, Section, contents_of, join, malformed, parser, split};

/// Zero pages are left out of the image in this unit, the kernel's page size: an untouched page stays shared zeroes.
const PAGE_BYTES: usize = 4096;
const WASM_PAGE_BYTES: usize = 65_536;

/// The module `main` with its memory and globals starting as they were in the snapshot.
///
/// The data section becomes the snapshot's non-zero 4 KiB pages, the memory's minimum its size, and the initial
/// values of the named exported mutable i32 globals the given ones. The engine can then map the memory copy-on-write,
/// so that an instance costs the pages it writes.
///
/// # Errors
/// When the snapshot is not a whole number of 64 KiB pages, a name is not an exported i32 mutable global of the module,
/// or the module has passive data segments (code could still refer to those by index).
pub fn image_module(main: &[u8], snapshot: &[u8], globals: &[(&str, i32)]) -> Result<Vec<u8>, Error> {
    if !snapshot.len().is_multiple_of(WASM_PAGE_BYTES) {
        return Err(Error::Unsupported(format!(
            "a snapshot of {} bytes is no whole number of pages",
            snapshot.len()
        )));
    }
    let segments = page_runs(snapshot);
    let count = segments.len() as u32;
    let mut data = DataSection::new();
    for (address, bytes) in segments {
        data.active(0, &ConstExpr::i32_const(address as u32 as i32), bytes.iter().copied());
    }
    let parts = parse(main, globals)?;
    let memory = contents_of(&memory_of(&parts.memory, snapshot.len())?)?;
    let (globals, data) = (contents_of(&parts.globals)?, contents_of(&data)?);
    let mut data_count = Vec::new();
    count.encode(&mut data_count);

    let mut sections: Vec<Section<'_>> = split(main)?;
    for section in &mut sections {
        section.contents = match section.id {
            id if id == SectionId::Memory as u8 => &memory,
            id if id == SectionId::Global as u8 => &globals,
            id if id == SectionId::Data as u8 => &data,
            id if id == SectionId::DataCount as u8 => &data_count,
            _ => continue,
        };
    }
    if !sections.iter().any(|section| section.is(SectionId::Data)) {
        sections.push(Section { id: SectionId::Data as u8, contents: &data });
    }
    Ok(join(sections))
}

/// Address and bytes of every maximal run of non-zero pages.
fn page_runs(snapshot: &[u8]) -> Vec<(usize, &[u8])> {
    let is_zero = |page: usize| {
        let start = page * PAGE_BYTES;
        snapshot[start..start + PAGE_BYTES].iter().all(|byte| *byte == 0)
    };
    let pages = snapshot.len() / PAGE_BYTES;
    let mut runs = Vec::new();
    let mut page = 0;
    while page < pages {
        if is_zero(page) {
            page += 1;
            continue;
        }
        let start = page;
        while page < pages && !is_zero(page) {
            page += 1;
        }
        runs.push((start * PAGE_BYTES, &snapshot[start * PAGE_BYTES..page * PAGE_BYTES]));
    }
    runs
}

struct Parts {
    memory: Vec<wasmparser::MemoryType>,
    globals: GlobalSection,
}

fn parse(main: &[u8], values: &[(&str, i32)]) -> Result<Parts, Error> {
    let mut imported_globals = 0_u32;
    let mut exported: Vec<(String, u32)> = Vec::new();
    let mut memory = Vec::new();
    let mut defined = Vec::new();
    for payload in parser().parse_all(main) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported_globals += u32::from(matches!(import?.ty, TypeRef::Global(_)));
                }
            }
            Payload::MemorySection(section) => memory = section.into_iter().collect::<Result<_, _>>()?,
            Payload::GlobalSection(section) => defined = section.into_iter().collect::<Result<_, _>>()?,
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Global {
                        exported.push((export.name.to_owned(), export.index));
                    }
                }
            }
            Payload::DataSection(section) => {
                for segment in section {
                    if !matches!(segment?.kind, DataKind::Active { memory_index: 0, .. }) {
                        return Err(Error::Unsupported("it has passive data segments".into()));
                    }
                }
            }
            _ => {}
        }
    }
    let mut replaced = vec![None; defined.len()];
    for (name, value) in values {
        let index = exported
            .iter()
            .find(|(exported, _)| exported == name)
            .and_then(|(_, index)| index.checked_sub(imported_globals))
            .filter(|index| {
                let ty = defined[*index as usize].ty;
                ty.mutable && ty.content_type == wasmparser::ValType::I32
            })
            .ok_or_else(|| Error::Missing(format!("exported mutable i32 global `{name}`")))?;
        replaced[index as usize] = Some(*value);
    }
    let mut globals = GlobalSection::new();
    for (global, value) in defined.into_iter().zip(replaced) {
        let ty = RoundtripReencoder.global_type(global.ty).map_err(malformed)?;
        let initial = match value {
            Some(value) => ConstExpr::i32_const(value),
            None => RoundtripReencoder.const_expr(global.init_expr).map_err(malformed)?,
        };
        globals.global(ty, &initial);
    }
    Ok(Parts { memory, globals })
}

fn memory_of(memories: &[wasmparser::MemoryType], snapshot_bytes: usize) -> Result<MemorySection, Error> {
    let Some((main, others)) = memories.split_first() else {
        return Err(Error::Missing("memory of its own".into()));
    };
    let mut ty = RoundtripReencoder.memory_type(*main).map_err(malformed)?;
    ty.minimum = (snapshot_bytes / WASM_PAGE_BYTES) as u64;
    if ty.maximum.is_some_and(|maximum| maximum < ty.minimum) {
        return Err(Error::Unsupported(format!(
            "its memory may not grow to the snapshot's {} pages",
            ty.minimum
        )));
    }
    let mut section = MemorySection::new();
    section.memory(ty);
    for other in others {
        section.memory(RoundtripReencoder.memory_type(*other).map_err(malformed)?);
    }
    Ok(section)
}
