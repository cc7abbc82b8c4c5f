//! Which definition a name means.

use std::collections::HashMap;

use wasmparser::{ConstExpr, ExternalKind, FuncType, Operator, TypeRef};

use super::Error;
use super::layout::Placed;
use super::parse::Parsed;

/// A function of the linked module, before it has its final index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Of the main module, by its index there; host functions are among them.
    Main(u32),
    /// Of a library, by its position among the functions that the library defines.
    Side { library: usize, defined: u32 },
    /// A weak import that nobody defines: traps when called.
    Absent { library: usize, import: usize },
}

/// What an imported global of a library stands for.
#[derive(Clone, Copy, Debug)]
pub enum GlobalImport<'a> {
    /// The main module's global of this index.
    Main(u32),
    /// A number known now.
    Constant(u32),
    /// The table slot of a function.
    SlotOf(&'a str),
}

/// All names in sight.
pub struct Symbols<'a> {
    pub main: Parsed<'a>,
    pub libraries: Vec<Placed<'a>>,
    host_functions: HashMap<&'a str, u32>,
    /// Per library: the definitions of the functions it imports.
    imports: Vec<Vec<Option<Function>>>,
}

/// An export that is an import of another library's export, and so on, cannot be honest for longer than this.
const MAX_FORWARDS: usize = 16;

impl<'a> Symbols<'a> {
    /// Looks up every import.
    pub fn new(main: Parsed<'a>, libraries: Vec<Placed<'a>>) -> Self {
        let host_functions =
            main.imported_functions.iter().map(|at| main.imports[*at].name).zip(0..).collect();
        let mut symbols = Self { main, libraries, host_functions, imports: Vec::new() };
        let names = |placed: &Placed<'a>| {
            let imports = placed.parsed.imported_functions.iter();
            imports.map(|at| placed.parsed.imports[*at].name).collect::<Vec<_>>()
        };
        let all: Vec<_> = symbols.libraries.iter().map(names).collect();
        let resolved = all
            .into_iter()
            .enumerate()
            .map(|(library, names)| names.into_iter().map(|name| symbols.function(library, name)).collect());
        symbols.imports = resolved.collect();
        symbols
    }

    /// The library at a position.
    pub fn library(&self, position: usize) -> &Placed<'a> {
        &self.libraries[position]
    }

    /// Where `library` looks for a name once the main module does not have it: what it needs, itself, all others.
    fn places(&self, library: usize) -> impl Iterator<Item = usize> {
        let near = self.library(library).scope.iter().copied().chain([library]);
        near.chain(0..self.libraries.len())
    }

    /// The function that `name` means in `library`.
    pub fn function(&self, library: usize, name: &str) -> Option<Function> {
        self.function_through(library, name, MAX_FORWARDS)
    }

    fn function_through(&self, library: usize, name: &str, forwards: usize) -> Option<Function> {
        let host = || self.host_functions.get(name).copied();
        let main = self.main.export(name, ExternalKind::Func).or_else(host);
        if let Some(index) = main {
            return Some(Function::Main(index));
        }
        self.places(library).find_map(|place| {
            let index = self.library(place).parsed.export(name, ExternalKind::Func)?;
            self.indexed_through(place, index, forwards.checked_sub(1)?)
        })
    }

    /// The function with an index of `library`'s own index space, unless it is an import without a definition.
    fn indexed_through(&self, library: usize, index: u32, forwards: usize) -> Option<Function> {
        let parsed = &self.library(library).parsed;
        match parsed.imported_functions.get(index as usize) {
            None => Some(Function::Side { library, defined: index - parsed.imported_functions.len() as u32 }),
            Some(import) => self.function_through(library, parsed.imports[*import].name, forwards),
        }
    }

    /// The function with an index of `library`'s own index space.
    pub fn indexed(&self, library: usize, index: u32) -> Result<Function, Error> {
        let Placed { path, parsed, .. } = self.library(library);
        let Some(import) = parsed.imported_functions.get(index as usize).copied() else {
            let defined = index - parsed.imported_functions.len() as u32;
            return Ok(Function::Side { library, defined });
        };
        if let Some(function) = self.imports[library][index as usize] {
            return self.same_signature(library, index, function);
        }
        let name = parsed.imports[import].name;
        if parsed.dylink.weak.contains(name) {
            return Ok(Function::Absent { library, import });
        }
        Err(Error::new(path, format!("it needs the function `{name}`, which only JavaScript could provide")))
    }

    /// A call through an import must agree with its definition on the signature.
    fn same_signature(&self, library: usize, index: u32, function: Function) -> Result<Function, Error> {
        let Placed { path, parsed, .. } = self.library(library);
        if parsed.signature(index) == self.signature(function) {
            return Ok(function);
        }
        let name = parsed.imported_functions.get(index as usize).map_or("?", |at| parsed.imports[*at].name);
        Err(Error::new(path, format!("it calls `{name}` with other arguments than that takes")))
    }

    /// Parameters and results.
    pub fn signature(&self, function: Function) -> Option<&FuncType> {
        match function {
            Function::Main(index) => self.main.signature(index),
            Function::Side { library, defined } => {
                let parsed = &self.library(library).parsed;
                parsed.signature(defined + parsed.imported_functions.len() as u32)
            }
            Function::Absent { library, import } => {
                let parsed = &self.library(library).parsed;
                match parsed.imports.get(import)?.ty {
                    TypeRef::Func(ty) => parsed.types.get(ty as usize),
                    _ => None,
                }
            }
        }
    }

    /// The address that `name` means in `library`.
    fn address(&self, library: usize, name: &str) -> Option<u32> {
        if let Some(index) = self.main.export(name, ExternalKind::Global) {
            return initial_value(&self.main, index);
        }
        self.places(library).find_map(|place| self.exported_address(place, name))
    }

    /// The address of a datum that the library exports.
    pub fn exported_address(&self, library: usize, name: &str) -> Option<u32> {
        let placed = self.library(library);
        let index = placed.parsed.export(name, ExternalKind::Global)?;
        initial_value(&placed.parsed, index).map(|offset| placed.memory_base.wrapping_add(offset))
    }

    /// What the `position`th imported global of a library is.
    pub fn global_import(&self, library: usize, position: usize) -> Result<GlobalImport<'a>, Error> {
        let Placed { path, parsed, memory_base, table_base, .. } = self.library(library);
        let import = parsed.imports[parsed.imported_globals[position]];
        let undefined = || {
            if parsed.dylink.weak.contains(import.name) {
                return Ok(GlobalImport::Constant(0));
            }
            Err(Error::new(path, format!("it needs `{}`, which no library has", import.name)))
        };
        match (import.module, import.name) {
            ("env", "__memory_base") => Ok(GlobalImport::Constant(*memory_base)),
            ("env", "__table_base") => Ok(GlobalImport::Constant(*table_base)),
            ("GOT.mem", name) => {
                self.address(library, name).map_or_else(undefined, |at| Ok(GlobalImport::Constant(at)))
            }
            ("GOT.func", name) => match self.function(library, name) {
                Some(_) => Ok(GlobalImport::SlotOf(name)),
                None => undefined(),
            },
            (_, name) => match self.main.export(name, ExternalKind::Global) {
                Some(index) => Ok(GlobalImport::Main(index)),
                None => undefined(),
            },
        }
    }

    /// Value of a constant expression of a library: a base address, a number, or a sum of them.
    pub fn constant(&self, library: usize, expression: &ConstExpr<'_>) -> Option<u32> {
        evaluate(expression, |global| match self.global_import(library, global as usize) {
            Ok(GlobalImport::Constant(value)) => Some(value),
            _ => None,
        })
    }
}

/// Initial value of a global that the module defines.
pub fn initial_value(parsed: &Parsed<'_>, index: u32) -> Option<u32> {
    let defined = (index as usize).checked_sub(parsed.imported_globals.len())?;
    evaluate(&parsed.globals.get(defined)?.init_expr, |_| None)
}

fn evaluate(expression: &ConstExpr<'_>, global: impl Fn(u32) -> Option<u32>) -> Option<u32> {
    let mut stack: Vec<u32> = Vec::new();
    for operator in expression.get_operators_reader() {
        match operator.ok()? {
            Operator::I32Const { value } => stack.push(value as u32),
            Operator::GlobalGet { global_index } => stack.push(global(global_index)?),
            Operator::I32Add => {
                let sum = stack.pop()?.wrapping_add(stack.pop()?);
                stack.push(sum);
            }
            Operator::I32Sub => {
                let taken = stack.pop()?;
                let difference = stack.pop()?.wrapping_sub(taken);
                stack.push(difference);
            }
            Operator::End => {}
            _ => return None,
        }
    }
    stack.pop()
}
