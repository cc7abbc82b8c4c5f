//! A module compiled once for every memory image that it will be given.
//!
//! Its data section is one segment of the image's size that holds nothing but two marks. The engine lays that out in the
//! compiled file as it will be mapped, so the image can be put there later without compiling again.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ConstExpr, DataSection, Encode, MemorySection, SectionId};
use wasmparser::{ConstExpr as Offset, DataKind, Operator, Payload};

use super::{Error, Section, contents_of, join, malformed, parser, split};

const WASM_PAGE_BYTES: usize = 65_536;
/// The engine trims zeros at both ends, so both ends are marked.
const FRONT: &[u8; 32] = b"mathforge memory image from here";
const BACK: &[u8; 32] = b"the image of memory is over here";

/// A module without its data, and the data.
pub struct Template {
    /// The module; its memory starts with `memory.len()` bytes.
    pub wasm: Vec<u8>,
    /// What its memory has to be filled with before anything else.
    pub memory: Vec<u8>,
}

/// Takes the data out of `wasm` and makes room for an image of at least `bytes` bytes.
///
/// # Errors
/// When the module has no memory of its own, has data whose place is not fixed, or may not have that much memory.
pub fn template(wasm: &[u8], bytes: usize) -> Result<Template, Error> {
    let (mut memories, mut segments) = (Vec::new(), Vec::new());
    for payload in parser().parse_all(wasm) {
        match payload? {
            Payload::MemorySection(section) => memories = section.into_iter().collect::<Result<_, _>>()?,
            Payload::DataSection(section) => segments = section.into_iter().collect::<Result<_, _>>()?,
            _ => {}
        }
    }
    let first = memories.first().ok_or_else(|| Error::Missing("memory of its own".into()))?;
    let pages = (bytes.div_ceil(WASM_PAGE_BYTES) as u64).max(first.initial);
    if first.maximum.is_some_and(|maximum| maximum < pages) {
        return Err(Error::Unsupported(format!("its memory may not have {pages} pages")));
    }
    let mut memory = vec![0; pages as usize * WASM_PAGE_BYTES];
    for segment in segments {
        let DataKind::Active { memory_index: 0, offset_expr } = &segment.kind else {
            return Err(Error::Unsupported("it has passive data segments".into()));
        };
        let start =
            fixed(offset_expr).ok_or_else(|| Error::Unsupported("its data has no fixed place".into()))?;
        let place = memory.get_mut(start..start.saturating_add(segment.data.len()));
        place
            .ok_or_else(|| Error::Unsupported("its data is outside of its memory".into()))?
            .copy_from_slice(segment.data);
    }
    let mut section = MemorySection::new();
    for (index, memory) in memories.iter().enumerate() {
        let mut ty = RoundtripReencoder.memory_type(*memory).map_err(malformed)?;
        if index == 0 {
            ty.minimum = pages;
        }
        section.memory(ty);
    }
    Ok(Template { wasm: with_placeholder(wasm, &section, memory.len())?, memory })
}

fn with_placeholder(wasm: &[u8], memories: &MemorySection, bytes: usize) -> Result<Vec<u8>, Error> {
    let mut placeholder = vec![0; bytes];
    placeholder[..FRONT.len()].copy_from_slice(FRONT);
    placeholder[bytes - BACK.len()..].copy_from_slice(BACK);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), placeholder);
    let (memories, data) = (contents_of(memories)?, contents_of(&data)?);
    let mut count = Vec::new();
    1_u32.encode(&mut count);
    let mut sections = split(wasm)?;
    for section in &mut sections {
        section.contents = match section.id {
            id if id == SectionId::Memory as u8 => &memories,
            id if id == SectionId::Data as u8 => &data,
            id if id == SectionId::DataCount as u8 => &count,
            _ => continue,
        };
    }
    if !sections.iter().any(|section| section.is(SectionId::Data)) {
        sections.push(Section { id: SectionId::Data as u8, contents: &data });
    }
    Ok(join(sections))
}

/// Where in the compiled template an image of `bytes` bytes goes.
///
/// # Errors
/// When the compiled code does not hold the placeholder as one piece, exactly once.
pub fn placeholder(compiled: &[u8], bytes: usize) -> Result<std::ops::Range<usize>, Error> {
    let mut found = compiled
        .windows(FRONT.len())
        .enumerate()
        .filter(|(_, window)| window[0] == FRONT[0] && *window == FRONT)
        .map(|(start, _)| start..start + bytes);
    match (found.next(), found.next()) {
        (Some(range), None) if compiled.get(range.clone()).is_some_and(|image| image.ends_with(BACK)) => {
            Ok(range)
        }
        _ => Err(Error::Unsupported("its compiled form has no room for a memory image".into())),
    }
}

fn fixed(offset: &Offset<'_>) -> Option<usize> {
    match offset.get_operators_reader().into_iter().next()?.ok()? {
        Operator::I32Const { value } => Some(value as u32 as usize),
        _ => None,
    }
}
