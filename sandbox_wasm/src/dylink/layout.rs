//! Order of the libraries, and the addresses and table slots that each gets.

use std::collections::HashMap;

use super::parse::Parsed;
use super::{Error, SideModule};

/// All libraries' data together may take this much; a wheel that claims more is broken or hostile.
const MAX_MEMORY: u64 = 512 << 20;
/// The same for table slots.
const MAX_SLOTS: u64 = 1 << 17;
/// Largest alignment that makes sense: a page of WebAssembly memory.
const MAX_ALIGN_LOG2: u32 = 16;

/// A library with its place.
pub struct Placed<'a> {
    pub path: &'a str,
    pub parsed: Parsed<'a>,
    /// Positions of the libraries in which it looks for symbols, nearest first.
    pub scope: Vec<usize>,
    pub memory_base: u32,
    pub table_base: u32,
}

/// Reads all libraries and brings each behind the ones it needs.
pub fn ordered(sides: &[SideModule]) -> Result<Vec<Placed<'_>>, Error> {
    let mut open = Vec::new();
    for side in sides {
        open.push(Some(Parsed::of(&side.wasm).map_err(super::unreadable(&side.path))?));
    }
    let needs: Vec<Vec<usize>> = sides
        .iter()
        .zip(&open)
        .map(|(side, parsed)| match parsed {
            Some(parsed) => parsed.dylink.needed.iter().map(|name| find(name, side, parsed, sides)).collect(),
            None => Ok(Vec::new()),
        })
        .collect::<Result<_, _>>()?;
    let mut order = Vec::new();
    for start in 0..sides.len() {
        visit(start, &needs, &mut vec![false; sides.len()], &mut order);
    }
    let position: HashMap<usize, usize> =
        order.iter().enumerate().map(|(position, side)| (*side, position)).collect();
    let mut placed = Vec::new();
    for side in &order {
        let mut scope = Vec::new();
        closure(*side, &needs, &mut scope);
        if let Some(parsed) = open[*side].take() {
            placed.push(Placed {
                path: &sides[*side].path,
                parsed,
                scope: scope.iter().filter_map(|needed| position.get(needed).copied()).collect(),
                memory_base: 0,
                table_base: 0,
            });
        }
    }
    Ok(placed)
}

/// Gives out addresses from `memory` and slots from `slot` on; returns the first free ones behind.
pub fn place(libraries: &mut [Placed<'_>], memory: u32, slot: u32) -> Result<(u32, u32), Error> {
    let (mut memory_end, mut slot_end) = (u64::from(memory), u64::from(slot));
    for library in libraries {
        let dylink = &library.parsed.dylink;
        if dylink.memory_align > MAX_ALIGN_LOG2 || dylink.table_align > MAX_ALIGN_LOG2 {
            return Err(Error::new(library.path, "it asks for an impossible alignment"));
        }
        memory_end = memory_end.next_multiple_of(1 << dylink.memory_align.max(4));
        slot_end = slot_end.next_multiple_of(1 << dylink.table_align);
        library.memory_base = memory_end as u32;
        library.table_base = slot_end as u32;
        memory_end += u64::from(dylink.memory_size);
        slot_end += u64::from(dylink.table_size);
        if memory_end - u64::from(memory) > MAX_MEMORY || slot_end - u64::from(slot) > MAX_SLOTS {
            return Err(Error::new(
                library.path,
                "it asks for more memory or table slots than any library needs",
            ));
        }
    }
    Ok((memory_end.next_multiple_of(16) as u32, slot_end as u32))
}

/// Emscripten's search: a path as it is, else the run path, else a library of that name wherever it is.
fn find(name: &str, side: &SideModule, parsed: &Parsed<'_>, sides: &[SideModule]) -> Result<usize, Error> {
    let (folder, _) = side.path.rsplit_once('/').unwrap_or_default();
    let at = |path: &str| sides.iter().position(|other| other.path == path);
    let searched = parsed.dylink.search.iter().find_map(|search| {
        let path = format!("{}/{name}", search.replace("$ORIGIN", folder));
        at(&simplified(&path))
    });
    let file = name.rsplit('/').next().unwrap_or(name);
    let anywhere = || sides.iter().position(|other| other.path.rsplit('/').next() == Some(file));
    searched.or_else(|| at(name)).or_else(anywhere).ok_or_else(|| {
        Error::new(&side.path, format!("it needs the library `{name}`, which no package of the image has"))
    })
}

/// Resolves `.` and `..`.
fn simplified(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn visit(side: usize, needs: &[Vec<usize>], above: &mut [bool], order: &mut Vec<usize>) {
    // Libraries may need each other in a circle; then one of them has to be first.
    if above[side] || order.contains(&side) {
        return;
    }
    above[side] = true;
    for needed in &needs[side] {
        visit(*needed, needs, above, order);
    }
    above[side] = false;
    order.push(side);
}

/// What a library needs, directly or not, nearest first.
fn closure(side: usize, needs: &[Vec<usize>], found: &mut Vec<usize>) {
    for needed in &needs[side] {
        if !found.contains(needed) {
            found.push(*needed);
            closure(*needed, needs, found);
        }
    }
}
