//! The linked module, from its parts.

use wasm_encoder::reencode::{Reencode as _, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, Encode, ExportKind, ExportSection,
    Function as Body, FunctionSection, GlobalSection, Instruction, MemorySection, SectionId, TableSection,
    TypeSection,
};
use wasmparser::ExternalKind;

use super::emit::{Functions, Relocated, Types};
use super::layout::{Placed, ordered, place};
use super::live::Live;
use super::map::{Library, LinkMap};
use super::parse::Parsed;
use super::resolve::{Function, Symbols, initial_value};
use super::{Error, SideModule, unreadable};
use crate::edit::{self, contents_of, join, malformed, split};

const MAIN: &str = "the interpreter";
/// What the distribution's trampoline module exports.
const TRAMPOLINE: &str = "trampoline_call";
const WASM_PAGE_BYTES: u32 = 65_536;
/// Exports of a side module that bring it to life, in the order of the dynamic linker.
const STEPS: [&str; 2] = ["__wasm_apply_data_relocs", "__wasm_call_ctors"];
/// What Python looks up in an extension module.
const ENTRY: &str = "PyInit_";

/// Makes one module of the main module, the call trampoline, and all libraries.
///
/// # Errors
/// When a library is not valid WebAssembly, needs something that nobody provides (JavaScript, another library), or
/// claims room or features that no honest library does. The error names it.
pub fn link(
    main: &[u8],
    trampoline: Vec<u8>,
    mut sides: Vec<SideModule>,
) -> Result<(Vec<u8>, LinkMap), Error> {
    sides.sort_by(|one, other| one.path.cmp(&other.path));
    sides.push(SideModule { path: TRAMPOLINE.to_owned(), wasm: trampoline });
    let parsed = Parsed::of(main).map_err(unreadable(MAIN))?;
    let start = Start::of(&parsed)?;
    let mut libraries = ordered(&sides)?;
    let (memory_end, first_slot) = place(&mut libraries, start.memory, start.slot)?;
    let symbols = Symbols::new(parsed, libraries);
    for position in 0..symbols.libraries.len() {
        refuse_foreign(&symbols, position)?;
    }

    let mut live = Live::new(&symbols, first_slot)?;
    let mut map =
        LinkMap { memory_base: start.memory, memory_size: memory_end - start.memory, ..LinkMap::default() };
    let mut exports = Vec::new();
    for position in 0..symbols.libraries.len() {
        let library = roots(&symbols, position, &mut live, &mut exports)?;
        match library.symbols.get(TRAMPOLINE) {
            Some(slot) if library.path == TRAMPOLINE => map.trampoline = *slot,
            _ => map.libraries.push(library),
        }
    }
    live.spread()?;
    let added = Added::build(&symbols, &live, &exports, first_slot)?;
    let wasm = added.into_module(main, &symbols, live.slots.end(), memory_end).map_err(unreadable(MAIN))?;
    Ok((wasm, map))
}

/// Where the main module ends.
struct Start {
    memory: u32,
    slot: u32,
}

impl Start {
    fn of(main: &Parsed<'_>) -> Result<Self, Error> {
        let lacking = |what: &str| Error::new(MAIN, format!("it lacks {what}"));
        let heap = main.export("__heap_base", ExternalKind::Global);
        let heap = heap
            .and_then(|index| initial_value(main, index))
            .ok_or_else(|| lacking("a fixed __heap_base"))?;
        let table = main.tables.first().ok_or_else(|| lacking("a table"))?;
        if main.export("__indirect_function_table", ExternalKind::Table) != Some(0)
            || main.export("memory", ExternalKind::Memory) != Some(0)
        {
            return Err(lacking("memory or table of its own"));
        }
        Ok(Self { memory: heap.next_multiple_of(16), slot: table.initial as u32 })
    }
}

/// Refuses JavaScript, which travels in exported strings (`EM_JS`, `EM_ASM`), and programs that are no side modules.
fn refuse_foreign(symbols: &Symbols<'_>, position: usize) -> Result<(), Error> {
    let Placed { path, parsed, .. } = symbols.library(position);
    if !parsed.memories.is_empty() || !parsed.tables.is_empty() {
        return Err(Error::new(path, "it has memory or a table of its own, as a program does"));
    }
    let is_code = |name: &&str| {
        ["__em_js__", "__em_asm__", "emscripten_asm_const"].iter().any(|mark| name.starts_with(mark))
    };
    let imported = parsed.imports.iter().map(|import| import.name);
    match parsed.exports.keys().copied().chain(imported).find(is_code) {
        Some(name) => Err(Error::new(path, format!("it contains JavaScript code (`{name}`)"))),
        None => Ok(()),
    }
}

/// Keeps what the outside calls: initialisation, and what `dlsym` finds.
fn roots(
    symbols: &Symbols<'_>,
    position: usize,
    live: &mut Live<'_, '_>,
    exports: &mut Vec<(String, Function)>,
) -> Result<Library, Error> {
    let placed = symbols.library(position);
    let parsed = &placed.parsed;
    let called = STEPS.iter().filter_map(|name| parsed.export(name, ExternalKind::Func));
    let mut steps = Vec::new();
    for index in parsed.start.into_iter().chain(called) {
        let name = format!("mathforge_step_{position}_{}", steps.len());
        let function = symbols.indexed(position, index)?;
        live.reach(function);
        exports.push((name.clone(), function));
        steps.push(name);
    }
    // A library that is neither an extension module nor needed by one is opened through `ctypes`, by any name.
    let is_entry = |name: &str| name.starts_with(ENTRY) || name == TRAMPOLINE;
    let is_needed = symbols.libraries.iter().any(|other| other.scope.contains(&position));
    let all = !is_needed && !parsed.exported_functions().any(|(name, _)| is_entry(name));
    let mut library = Library {
        path: placed.path.to_owned(),
        memory_base: placed.memory_base,
        memory_size: parsed.dylink.memory_size,
        table_base: placed.table_base,
        table_size: parsed.dylink.table_size,
        steps,
        symbols: std::collections::BTreeMap::new(),
    };
    let mut functions: Vec<_> =
        parsed.exported_functions().filter(|(name, _)| all || is_entry(name)).collect();
    functions.sort_unstable();
    for (name, index) in functions {
        let function = symbols.indexed(position, index)?;
        library.symbols.insert(name.to_owned(), live.reach_by_pointer(function));
    }
    if all {
        let data =
            parsed.exports.keys().filter_map(|name| Some((*name, symbols.exported_address(position, name)?)));
        library.symbols.extend(data.map(|(name, address)| (name.to_owned(), address)));
    }
    Ok(library)
}

/// What the libraries add to each section.
struct Added {
    types: TypeSection,
    functions: FunctionSection,
    globals: GlobalSection,
    exports: ExportSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
}

impl Added {
    fn build(
        symbols: &Symbols<'_>,
        live: &Live<'_, '_>,
        exported: &[(String, Function)],
        first_slot: u32,
    ) -> Result<Self, Error> {
        let left_out = || Error::new(MAIN, "a function in use was left out");
        let numbered = Functions::number(symbols, live);
        let mut types = Types::new(&symbols.main);
        let mut functions = FunctionSection::new();
        for function in &numbered.order {
            functions.function(types.of(symbols, *function)?);
        }
        let (mut globals, mut code, mut data) =
            (GlobalSection::new(), CodeSection::new(), DataSection::new());
        let mut elements = ElementSection::new();
        let next_global = (symbols.main.imported_globals.len() + symbols.main.globals.len()) as u32;
        for library in 0..symbols.libraries.len() {
            let mut relocated =
                Relocated::new(live, symbols, &numbered, library, &mut types, &mut globals, next_global)?;
            relocated.code(&mut code)?;
            relocated.data(&mut data)?;
            relocated.elements(&mut elements)?;
        }
        for _ in &live.absent {
            let mut body = Body::new([]);
            body.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
            code.function(&body);
        }
        let slots = live.slots.appended.iter().map(|function| numbered.index(*function).ok_or_else(left_out));
        let slots: Vec<u32> = slots.collect::<Result<_, _>>()?;
        if !slots.is_empty() {
            elements.active(
                None,
                &ConstExpr::i32_const(first_slot as i32),
                Elements::Functions(slots.into()),
            );
        }
        let mut exports = ExportSection::new();
        for (name, function) in exported {
            exports.export(name, ExportKind::Func, numbered.index(*function).ok_or_else(left_out)?);
        }
        Ok(Self { types: types.added, functions, globals, exports, elements, code, data })
    }

    /// The main module with the additions behind its own items, so that all its indices stay what they are.
    fn into_module(
        self,
        main: &[u8],
        symbols: &Symbols<'_>,
        slots: u32,
        memory_end: u32,
    ) -> Result<Vec<u8>, edit::Error> {
        let data_count = symbols.main.data.len() as u32 + self.data.len();
        let mut count = Vec::new();
        data_count.encode(&mut count);
        let whole = [
            (SectionId::Table, contents_of(&tables(&symbols.main, slots)?)?),
            (SectionId::Memory, contents_of(&memories(&symbols.main, memory_end)?)?),
            (SectionId::DataCount, count),
        ];
        let behind = [
            (SectionId::Type, contents_of(&self.types)?),
            (SectionId::Function, contents_of(&self.functions)?),
            (SectionId::Global, contents_of(&self.globals)?),
            (SectionId::Export, contents_of(&self.exports)?),
            (SectionId::Element, contents_of(&self.elements)?),
            (SectionId::Code, contents_of(&self.code)?),
            (SectionId::Data, contents_of(&self.data)?),
        ];
        let mut sections = split(main)?;
        let mut extended = Vec::new();
        for (id, added) in &behind {
            let old = sections.iter().find(|section| section.is(*id));
            let old = old.ok_or_else(|| edit::Error::Missing(format!("section {id:?}")))?;
            extended.push((*id, concatenated(old.contents, added)?));
        }
        for section in &mut sections {
            if let Some((_, contents)) = whole.iter().chain(&extended).find(|(id, _)| section.is(*id)) {
                section.contents = contents;
            }
        }
        Ok(join(sections))
    }
}

/// Two sections of the same kind, both a count and so many items, as one.
fn concatenated(first: &[u8], second: &[u8]) -> Result<Vec<u8>, edit::Error> {
    let parts = |contents: &[u8]| {
        let mut reader = wasmparser::BinaryReader::new(contents, 0);
        let count = reader.read_var_u32()?;
        Ok::<_, edit::Error>((count, reader.original_position()))
    };
    let ((first_count, first_start), (second_count, second_start)) = (parts(first)?, parts(second)?);
    let mut joined = Vec::with_capacity(first.len() + second.len());
    (first_count + second_count).encode(&mut joined);
    joined.extend_from_slice(&first[first_start..]);
    joined.extend_from_slice(&second[second_start..]);
    Ok(joined)
}

fn tables(main: &Parsed<'_>, slots: u32) -> Result<TableSection, edit::Error> {
    let mut section = TableSection::new();
    for (index, table) in main.tables.iter().enumerate() {
        let mut ty = RoundtripReencoder.table_type(*table).map_err(malformed)?;
        if index == 0 {
            ty.minimum = u64::from(slots);
        }
        section.table(ty);
    }
    Ok(section)
}

fn memories(main: &Parsed<'_>, end: u32) -> Result<MemorySection, edit::Error> {
    let mut section = MemorySection::new();
    for (index, memory) in main.memories.iter().enumerate() {
        let mut ty = RoundtripReencoder.memory_type(*memory).map_err(malformed)?;
        if index == 0 {
            ty.minimum = ty.minimum.max(u64::from(end.div_ceil(WASM_PAGE_BYTES)));
        }
        section.memory(ty);
    }
    Ok(section)
}
