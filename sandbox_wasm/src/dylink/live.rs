//! Which functions of the libraries can be reached, and which of them need a table slot.

use std::collections::HashMap;

use wasmparser::{ElementItems, ElementKind, Operator};

use super::Error;
use super::parse::Parsed;
use super::resolve::{Function, GlobalImport, Symbols};

/// Table slots by function. Pointers to one function must be equal wherever they are taken, so there is one each.
pub struct Slots {
    by_function: HashMap<Function, u32>,
    /// Functions that got a new slot, in order.
    pub appended: Vec<Function>,
    first: u32,
}

impl Slots {
    fn slot(&mut self, function: Function) -> u32 {
        let next = self.first + self.appended.len() as u32;
        *self.by_function.entry(function).or_insert_with(|| {
            self.appended.push(function);
            next
        })
    }

    /// The slot of a function that has one.
    pub fn get(&self, function: Function) -> Option<u32> {
        self.by_function.get(&function).copied()
    }

    /// First slot behind those given out.
    pub fn end(&self) -> u32 {
        self.first + self.appended.len() as u32
    }
}

/// The reachable part of all libraries.
pub struct Live<'s, 'a> {
    symbols: &'s Symbols<'a>,
    /// Per library and function that it defines.
    reached: Vec<Vec<bool>>,
    open: Vec<(usize, u32)>,
    /// Weak imports in use that nobody defines.
    pub absent: Vec<Function>,
    pub slots: Slots,
}

impl<'s, 'a> Live<'s, 'a> {
    /// Nothing but the functions in the tables, new slots starting at `first_slot`.
    pub fn new(symbols: &'s Symbols<'a>, first_slot: u32) -> Result<Self, Error> {
        let reached =
            symbols.libraries.iter().map(|library| vec![false; library.parsed.functions.len()]).collect();
        let slots = Slots { by_function: HashMap::new(), appended: Vec::new(), first: first_slot };
        let mut live = Self { symbols, reached, open: Vec::new(), absent: Vec::new(), slots };
        live.note_main_table(&symbols.main);
        for library in 0..symbols.libraries.len() {
            live.note_table(library)?;
        }
        Ok(live)
    }

    fn note_main_table(&mut self, main: &Parsed<'_>) {
        for element in &main.elements {
            let ElementKind::Active { table_index: None | Some(0), offset_expr } = &element.kind else {
                continue;
            };
            let Some(Ok(Operator::I32Const { value })) =
                offset_expr.get_operators_reader().into_iter().next()
            else {
                continue;
            };
            if let ElementItems::Functions(functions) = &element.items {
                for (slot, function) in (value as u32..).zip(functions.clone()) {
                    if let Ok(function) = function {
                        self.slots.by_function.entry(Function::Main(function)).or_insert(slot);
                    }
                }
            }
        }
    }

    fn note_table(&mut self, library: usize) -> Result<(), Error> {
        let placed = self.symbols.library(library);
        let refused = || Error::new(placed.path, "its table elements are of a kind that is not supported");
        for element in &placed.parsed.elements {
            let ElementKind::Active { offset_expr, .. } = &element.kind else { return Err(refused()) };
            let ElementItems::Functions(functions) = &element.items else { return Err(refused()) };
            let start = self.symbols.constant(library, offset_expr).ok_or_else(refused)?;
            let (first, room) = (placed.table_base, placed.parsed.dylink.table_size);
            if start < first || start - first > room || functions.count() > room - (start - first) {
                return Err(Error::new(placed.path, "its table elements do not fit the room it asks for"));
            }
            for (slot, index) in (start..).zip(functions.clone()) {
                let function = self.symbols.indexed(library, index.map_err(|_| refused())?)?;
                self.slots.by_function.entry(function).or_insert(slot);
                self.reach(function);
            }
        }
        Ok(())
    }

    /// Keeps a function and, with [`Live::spread`], all that it uses.
    pub fn reach(&mut self, function: Function) {
        match function {
            Function::Main(_) => {}
            Function::Absent { .. } => {
                if !self.absent.contains(&function) {
                    self.absent.push(function);
                }
            }
            Function::Side { library, defined } => {
                let reached = &mut self.reached[library][defined as usize];
                if !*reached {
                    *reached = true;
                    self.open.push((library, defined));
                }
            }
        }
    }

    /// Keeps a function and gives it a table slot.
    pub fn reach_by_pointer(&mut self, function: Function) -> u32 {
        self.reach(function);
        self.slots.slot(function)
    }

    /// Keeps what the functions kept so far use.
    pub fn spread(&mut self) -> Result<(), Error> {
        while let Some((library, defined)) = self.open.pop() {
            let placed = self.symbols.library(library);
            let unreadable = |error: wasmparser::Error| Error::new(placed.path, error.to_string());
            let Some(body) = placed.parsed.bodies.get(defined as usize) else { continue };
            for operator in body.get_operators_reader().map_err(unreadable)? {
                self.operator(library, &operator.map_err(unreadable)?)?;
            }
        }
        Ok(())
    }

    fn operator(&mut self, library: usize, operator: &Operator<'_>) -> Result<(), Error> {
        match operator {
            Operator::Call { function_index }
            | Operator::ReturnCall { function_index }
            | Operator::RefFunc { function_index } => {
                let function = self.symbols.indexed(library, *function_index)?;
                self.reach(function);
            }
            Operator::GlobalGet { global_index } => {
                let imported = self.symbols.library(library).parsed.imported_globals.len();
                if (*global_index as usize) < imported
                    && let GlobalImport::SlotOf(name) =
                        self.symbols.global_import(library, *global_index as usize)?
                    && let Some(function) = self.symbols.function(library, name)
                {
                    self.reach_by_pointer(function);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a function that the library defines is kept.
    pub fn is_reached(&self, library: usize, defined: usize) -> bool {
        self.reached[library][defined]
    }
}
