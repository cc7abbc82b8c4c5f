//! Rewriting a library's code, globals and data for their place in the linked module.

use std::collections::HashMap;

use wasm_encoder::reencode::{self, Reencode, RoundtripReencoder, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, GlobalSection, Instruction, TypeSection,
};
use wasmparser::{DataKind, ElementKind, ExternalKind, FuncType, Operator};

use super::live::Live;
use super::parse::Parsed;
use super::resolve::{Function, GlobalImport, Symbols};
use super::{Error, unreadable};
use crate::edit::malformed;

/// A global as the libraries' code sees it.
#[derive(Clone, Copy)]
enum GlobalPlace {
    Index(u32),
    Constant(u32),
}

/// Types of the linked module: the main module's, and those it lacks.
pub struct Types {
    by_signature: HashMap<FuncType, u32>,
    pub added: TypeSection,
    next: u32,
}

impl Types {
    pub fn new(main: &Parsed<'_>) -> Self {
        let by_signature = main.types.iter().cloned().zip(0..).collect();
        Self { by_signature, added: TypeSection::new(), next: main.types.len() as u32 }
    }

    fn index(&mut self, ty: &FuncType) -> Result<u32, crate::edit::Error> {
        if let Some(index) = self.by_signature.get(ty) {
            return Ok(*index);
        }
        self.added.ty().func_type(&RoundtripReencoder.func_type(ty.clone()).map_err(malformed)?);
        self.by_signature.insert(ty.clone(), self.next);
        self.next += 1;
        Ok(self.next - 1)
    }

    /// The index of a function's type.
    pub fn of(&mut self, symbols: &Symbols<'_>, function: Function) -> Result<u32, Error> {
        let unknown = || Error::new("", "a function has no type");
        let signature = symbols.signature(function).ok_or_else(unknown)?;
        self.index(signature).map_err(unreadable(""))
    }
}

/// Final indices of the functions of all libraries.
pub struct Functions {
    by_function: HashMap<Function, u32>,
    /// In the order of their indices.
    pub order: Vec<Function>,
}

impl Functions {
    /// Numbers the reached functions behind the main module's.
    pub fn number(symbols: &Symbols<'_>, live: &Live<'_, '_>) -> Self {
        let mut order = Vec::new();
        for (library, placed) in symbols.libraries.iter().enumerate() {
            let kept =
                (0..placed.parsed.functions.len()).filter(|defined| live.is_reached(library, *defined));
            order.extend(kept.map(|defined| Function::Side { library, defined: defined as u32 }));
        }
        order.extend(&live.absent);
        let first = symbols.main.imported_functions.len() + symbols.main.functions.len();
        let by_function = order.iter().copied().zip(first as u32..).collect();
        Self { by_function, order }
    }

    /// The final index; none for a function that was left out.
    pub fn index(&self, function: Function) -> Option<u32> {
        match function {
            Function::Main(index) => Some(index),
            function => self.by_function.get(&function).copied(),
        }
    }
}

/// Rewrites what belongs to one library.
pub struct Relocated<'s, 'a> {
    symbols: &'s Symbols<'a>,
    live: &'s Live<'s, 'a>,
    functions: &'s Functions,
    library: usize,
    types: Vec<u32>,
    globals: Vec<GlobalPlace>,
}

impl<'s, 'a> Relocated<'s, 'a> {
    /// `added` receives the library's own mutable globals; `next_global` is the index of the next of them.
    pub fn new(
        live: &'s Live<'s, 'a>,
        symbols: &'s Symbols<'a>,
        functions: &'s Functions,
        library: usize,
        types: &mut Types,
        added: &mut GlobalSection,
        next_global: u32,
    ) -> Result<Self, Error> {
        let placed = symbols.library(library);
        let read = unreadable(placed.path);
        let indices = placed.parsed.types.iter().map(|ty| types.index(ty));
        let types = indices.collect::<Result<_, _>>().map_err(&read)?;
        let mut relocated = Self { symbols, live, functions, library, types, globals: Vec::new() };
        for position in 0..placed.parsed.imported_globals.len() {
            let place = relocated.imported(position);
            relocated.globals.push(place);
        }
        let mut next = next_global + added.len();
        for global in &placed.parsed.globals {
            let initial = symbols.constant(library, &global.init_expr);
            let place = match initial {
                Some(value) if !global.ty.mutable => GlobalPlace::Constant(value),
                _ => {
                    let ty = relocated.global_type(global.ty).map_err(malformed).map_err(&read)?;
                    let initial = match initial {
                        Some(value) => ConstExpr::i32_const(value as i32),
                        None => relocated
                            .const_expr(global.init_expr.clone())
                            .map_err(malformed)
                            .map_err(&read)?,
                    };
                    added.global(ty, &initial);
                    next += 1;
                    GlobalPlace::Index(next - 1)
                }
            };
            relocated.globals.push(place);
        }
        Ok(relocated)
    }

    /// An import that is not resolved has no reached use, so its value does not matter.
    fn imported(&self, position: usize) -> GlobalPlace {
        match self.symbols.global_import(self.library, position) {
            Ok(GlobalImport::Main(index)) => GlobalPlace::Index(index),
            Ok(GlobalImport::Constant(value)) => GlobalPlace::Constant(value),
            Ok(GlobalImport::SlotOf(name)) => {
                let function = self.symbols.function(self.library, name);
                let slot = function.and_then(|function| self.live.slots.get(function));
                GlobalPlace::Constant(slot.unwrap_or_default())
            }
            Err(_) => GlobalPlace::Constant(0),
        }
    }

    /// Adds the bodies of the library's reached functions.
    pub fn code(&mut self, code: &mut CodeSection) -> Result<(), Error> {
        let placed = self.symbols.library(self.library);
        for (defined, body) in placed.parsed.bodies.iter().enumerate() {
            if self.live.is_reached(self.library, defined) {
                self.parse_function_body(code, body.clone()).map_err(|error| failure(placed.path, error))?;
            }
        }
        Ok(())
    }

    /// Adds the library's data at its addresses.
    pub fn data(&self, data: &mut DataSection) -> Result<(), Error> {
        let placed = self.symbols.library(self.library);
        for segment in &placed.parsed.data {
            let DataKind::Active { memory_index: 0, offset_expr } = &segment.kind else {
                return Err(Error::new(placed.path, "it has passive data, as programs with threads do"));
            };
            let start = self.symbols.constant(self.library, offset_expr);
            let inside =
                start.and_then(|start| start.checked_sub(placed.memory_base)).is_some_and(|offset| {
                    u64::from(offset) + segment.data.len() as u64
                        <= u64::from(placed.parsed.dylink.memory_size)
                });
            match start {
                Some(start) if inside => {
                    data.active(0, &ConstExpr::i32_const(start as i32), segment.data.iter().copied());
                }
                _ => return Err(Error::new(placed.path, "its data does not fit the room it asks for")),
            }
        }
        Ok(())
    }

    /// Adds the library's table elements at their slots.
    pub fn elements(&mut self, elements: &mut ElementSection) -> Result<(), Error> {
        let placed = self.symbols.library(self.library);
        for element in &placed.parsed.elements {
            let ElementKind::Active { offset_expr, .. } = &element.kind else { continue };
            let items =
                self.element_items(element.items.clone()).map_err(|error| failure(placed.path, error))?;
            let start = self.symbols.constant(self.library, offset_expr).unwrap_or(placed.table_base);
            elements.active(None, &ConstExpr::i32_const(start as i32), items);
        }
        Ok(())
    }

    fn refused<T>(&self, what: &str) -> Result<T, reencode::Error<Error>> {
        let path = self.symbols.library(self.library).path;
        Err(reencode::Error::UserError(Error::new(path, format!("its code uses {what}"))))
    }
}

fn failure(path: &str, error: reencode::Error<Error>) -> Error {
    match error {
        reencode::Error::UserError(error) => error,
        error => Error::new(path, error.to_string()),
    }
}

impl Reencode for Relocated<'_, '_> {
    type Error = Error;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error<Error>> {
        let function = self.symbols.indexed(self.library, index).map_err(reencode::Error::UserError)?;
        self.functions.index(function).map_or_else(|| self.refused("a function that was left out"), Ok)
    }

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error<Error>> {
        self.types.get(index as usize).copied().map_or_else(|| self.refused("an unknown type"), Ok)
    }

    fn global_index(&mut self, index: u32) -> Result<u32, reencode::Error<Error>> {
        match self.globals.get(index as usize) {
            Some(GlobalPlace::Index(index)) => Ok(*index),
            _ => self.refused("an address as a variable"),
        }
    }

    fn tag_index(&mut self, index: u32) -> Result<u32, reencode::Error<Error>> {
        let parsed = &self.symbols.library(self.library).parsed;
        let import = parsed.imported_tags.get(index as usize).map(|at| parsed.imports[*at].name);
        let tag = import.and_then(|name| self.symbols.main.export(name, ExternalKind::Tag));
        tag.map_or_else(|| self.refused("exceptions of a kind of its own"), Ok)
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, reencode::Error<Error>> {
        if index == 0 { Ok(0) } else { self.refused("a second memory") }
    }

    fn table_index(&mut self, index: u32) -> Result<u32, reencode::Error<Error>> {
        if index == 0 { Ok(0) } else { self.refused("a second table") }
    }

    fn data_index(&mut self, _: u32) -> Result<u32, reencode::Error<Error>> {
        self.refused("passive data, as programs with threads do")
    }

    fn element_index(&mut self, _: u32) -> Result<u32, reencode::Error<Error>> {
        self.refused("passive table elements")
    }

    fn instruction<'b>(&mut self, operator: Operator<'b>) -> Result<Instruction<'b>, reencode::Error<Error>> {
        if let Operator::GlobalGet { global_index } = operator
            && let Some(GlobalPlace::Constant(value)) = self.globals.get(global_index as usize)
        {
            return Ok(Instruction::I32Const(*value as i32));
        }
        utils::instruction(self, operator)
    }
}
