//! A module taken apart for linking.

use std::collections::{HashMap, HashSet};

use wasmparser::{
    CompositeInnerType, Data, Dylink0Subsection, Element, ExternalKind, FuncType, FunctionBody, Global,
    KnownCustom, Payload, TypeRef, Validator, WasmFeatures,
};

use crate::edit;

/// What `dylink.0` says.
#[derive(Default)]
pub struct Dylink<'a> {
    pub memory_size: u32,
    /// Power of two.
    pub memory_align: u32,
    pub table_size: u32,
    /// Power of two.
    pub table_align: u32,
    pub needed: Vec<&'a str>,
    pub search: Vec<&'a str>,
    /// Names that may stay undefined.
    pub weak: HashSet<&'a str>,
}

/// The sections that linking looks at.
#[derive(Default)]
pub struct Parsed<'a> {
    pub dylink: Dylink<'a>,
    pub types: Vec<FuncType>,
    pub imports: Vec<wasmparser::Import<'a>>,
    /// Positions in `imports` by index space.
    pub imported_functions: Vec<usize>,
    pub imported_globals: Vec<usize>,
    pub imported_tags: Vec<usize>,
    /// Type of every function that the module defines.
    pub functions: Vec<u32>,
    pub globals: Vec<Global<'a>>,
    pub exports: HashMap<&'a str, (ExternalKind, u32)>,
    pub start: Option<u32>,
    pub elements: Vec<Element<'a>>,
    pub data: Vec<Data<'a>>,
    pub bodies: Vec<FunctionBody<'a>>,
    pub tables: Vec<wasmparser::TableType>,
    pub memories: Vec<wasmparser::MemoryType>,
}

/// Only what the engine is configured for, so that a module that gets through here compiles.
fn features() -> WasmFeatures {
    WasmFeatures::WASM3
}

impl<'a> Parsed<'a> {
    /// Reads and validates a module.
    pub fn of(wasm: &'a [u8]) -> Result<Self, edit::Error> {
        Validator::new_with_features(features()).validate_all(wasm)?;
        let mut parsed = Self::default();
        for payload in edit::parser().parse_all(wasm) {
            parsed.payload(payload?)?;
        }
        Ok(parsed)
    }

    fn payload(&mut self, payload: Payload<'a>) -> Result<(), edit::Error> {
        match payload {
            Payload::CustomSection(section) => {
                if let KnownCustom::Dylink0(subsections) = section.as_known() {
                    for subsection in subsections {
                        self.dylink.add(subsection?);
                    }
                }
            }
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group?.types() {
                        let CompositeInnerType::Func(function) = &ty.composite_type.inner else {
                            return Err(unsupported("types other than functions"));
                        };
                        self.types.push(function.clone());
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    self.import(import?);
                }
            }
            Payload::FunctionSection(section) => self.functions = collect(section)?,
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table?.ty);
                }
            }
            Payload::MemorySection(section) => self.memories = collect(section)?,
            Payload::GlobalSection(section) => self.globals = collect(section)?,
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.exports.insert(export.name, (export.kind, export.index));
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => self.elements = collect(section)?,
            Payload::DataSection(section) => self.data = collect(section)?,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: wasmparser::Import<'a>) {
        let at = self.imports.len();
        match import.ty {
            TypeRef::Func(_) => self.imported_functions.push(at),
            TypeRef::Global(_) => self.imported_globals.push(at),
            TypeRef::Tag(_) => self.imported_tags.push(at),
            _ => {}
        }
        self.imports.push(import);
    }

    /// Index of an exported item.
    pub fn export(&self, name: &str, kind: ExternalKind) -> Option<u32> {
        self.exports.get(name).filter(|(found, _)| *found == kind).map(|(_, index)| *index)
    }

    /// Names of all exported functions and their indices.
    pub fn exported_functions(&self) -> impl Iterator<Item = (&'a str, u32)> {
        let functions = self.exports.iter().filter(|(_, (kind, _))| *kind == ExternalKind::Func);
        functions.map(|(name, (_, index))| (*name, *index))
    }

    /// Signature of a function by its index, imports first.
    pub fn signature(&self, function: u32) -> Option<&FuncType> {
        let index = function as usize;
        let ty = match self.imported_functions.get(index) {
            Some(import) => match self.imports.get(*import)?.ty {
                TypeRef::Func(ty) => ty,
                _ => return None,
            },
            None => *self.functions.get(index - self.imported_functions.len())?,
        };
        self.types.get(ty as usize)
    }
}

impl<'a> Dylink<'a> {
    fn add(&mut self, subsection: Dylink0Subsection<'a>) {
        const BINDING_WEAK: u32 = 1;
        const BINDING_MASK: u32 = 3;
        match subsection {
            Dylink0Subsection::MemInfo(info) => {
                self.memory_size = info.memory_size;
                self.memory_align = info.memory_alignment;
                self.table_size = info.table_size;
                self.table_align = info.table_alignment;
            }
            Dylink0Subsection::Needed(names) => self.needed.extend(names),
            Dylink0Subsection::RuntimePath(folders) => self.search.extend(folders),
            Dylink0Subsection::ImportInfo(imports) => {
                let weak = imports.iter().filter(|info| info.flags.bits() & BINDING_MASK == BINDING_WEAK);
                self.weak.extend(weak.map(|info| info.field));
            }
            _ => {}
        }
    }
}

fn collect<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
) -> Result<Vec<T>, edit::Error> {
    Ok(section.into_iter().collect::<Result<_, _>>()?)
}

pub fn unsupported(what: &str) -> edit::Error {
    edit::Error::Unsupported(format!("it has {what}"))
}
