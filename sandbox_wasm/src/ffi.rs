//! libffi for `ctypes`: calls of C functions through a description in memory, and C callbacks into Python.
//!
//! A callback is a slot of the function table that holds a host function. Everything it needs (`cif`, `fun`,
//! `user_data`) is an address in linear memory, so callbacks are recreated from a list when an image is restored.

use std::cell::Cell;

use serde::{Deserialize, Serialize};
use wasmtime::{AsContextMut, Caller, Func, FuncType, Linker, Ref, Val, ValType};

use crate::errno::Errno;
use crate::error::{Error, Result};
use crate::host::{Exports, Guest, Host, with_guest};
use crate::memory::Ptr;

/// A callback that C code can call through the table.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Closure {
    /// Index in the function table.
    pub slot: u32,
    cif: Ptr,
    fun: u32,
    user_data: Ptr,
}

/// The live callbacks of a session.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Closures {
    /// Slots in use.
    pub live: Vec<Closure>,
    /// Slots that callbacks have given back.
    pub free: Vec<u32>,
}

/// How the C calling convention of wasm passes a value.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Void,
    /// At most 32 bits: size in bytes, sign.
    Word(u32, bool),
    I64,
    F32,
    F64,
    /// Two 64-bit halves; returned through memory.
    LongDouble,
    /// By address; returned through memory.
    Struct(u32),
}

type Guarded<T> = std::result::Result<T, Errno>;

/// Foreign calls inside of foreign calls. WebAssembly frames check the stack they use, but a callback whose C function
/// is a callback again needs none: without a limit of its own it would overrun the host's stack and end the process.
const MAX_DEPTH: usize = 1000;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// One level of foreign calls on this thread, for as long as it lives.
struct Level;

impl Level {
    fn enter() -> wasmtime::Result<Self> {
        let depth = DEPTH.get();
        if depth >= MAX_DEPTH {
            return Err(wasmtime::Trap::StackOverflow.into());
        }
        DEPTH.set(depth + 1);
        Ok(Self)
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

impl Shape {
    /// Reads an `ffi_type`: size, alignment (u16), kind (u16), elements. A struct of one element is that element.
    fn read(guest: &Guest<'_>, mut at: Ptr) -> Guarded<Self> {
        for _nesting in 0..16 {
            let size = guest.bytes.u32(at)?;
            return Ok(match u16::from_le_bytes(guest.bytes.array(at.wrapping_add(6))?) {
                0 => Self::Void,
                2 => Self::F32,
                3 => Self::F64,
                4 => Self::LongDouble,
                5 => Self::Word(1, false),
                6 => Self::Word(1, true),
                7 => Self::Word(2, false),
                8 => Self::Word(2, true),
                1 | 9 | 10 | 14 => Self::Word(4, false),
                11 | 12 => Self::I64,
                13 => {
                    let elements = guest.bytes.u32(at.wrapping_add(8))?;
                    let first = guest.bytes.u32(elements)?;
                    if first == 0 {
                        Self::Void
                    } else if guest.bytes.u32(elements.wrapping_add(4))? == 0 {
                        at = first;
                        continue;
                    } else {
                        Self::Struct(size)
                    }
                }
                _ => return Err(Errno::NOSYS),
            });
        }
        Err(Errno::NOSYS)
    }

    fn returned_through_memory(self) -> bool {
        matches!(self, Self::LongDouble | Self::Struct(_))
    }

    fn push_types(self, types: &mut Vec<ValType>) {
        match self {
            Self::Void => {}
            Self::Word(..) | Self::Struct(_) => types.push(ValType::I32),
            Self::I64 => types.push(ValType::I64),
            Self::F32 => types.push(ValType::F32),
            Self::F64 => types.push(ValType::F64),
            Self::LongDouble => types.extend([ValType::I64, ValType::I64]),
        }
    }

    fn load(self, guest: &Guest<'_>, at: Ptr, values: &mut Vec<Val>) -> Guarded<()> {
        let bytes = &guest.bytes;
        values.push(match self {
            Self::Void => return Ok(()),
            Self::Word(1, false) => Val::I32(i32::from(bytes.array::<1>(at)?[0])),
            Self::Word(1, true) => Val::I32(i32::from(bytes.array::<1>(at)?[0] as i8)),
            Self::Word(2, false) => Val::I32(i32::from(u16::from_le_bytes(bytes.array(at)?))),
            Self::Word(2, true) => Val::I32(i32::from(i16::from_le_bytes(bytes.array(at)?))),
            Self::Word(..) => Val::I32(bytes.u32(at)? as i32),
            // Of a long double this is the lower half.
            Self::I64 | Self::LongDouble => Val::I64(i64::from_le_bytes(bytes.array(at)?)),
            Self::F32 => Val::F32(bytes.u32(at)?),
            Self::F64 => Val::F64(u64::from_le_bytes(bytes.array(at)?)),
            Self::Struct(_) => Val::I32(at as i32),
        });
        if matches!(self, Self::LongDouble) {
            values.push(Val::I64(i64::from_le_bytes(bytes.array(at.wrapping_add(8))?)));
        }
        Ok(())
    }

    fn zero(self) -> Option<Val> {
        Some(match self {
            Self::Word(..) => Val::I32(0),
            Self::I64 => Val::I64(0),
            Self::F32 => Val::F32(0),
            Self::F64 => Val::F64(0),
            Self::Void | Self::LongDouble | Self::Struct(_) => return None,
        })
    }
}

fn store(guest: &mut Guest<'_>, at: Ptr, value: Val) -> Guarded<()> {
    match value {
        Val::I32(value) => guest.bytes.put(at, &value.to_le_bytes()),
        Val::I64(value) => guest.bytes.put(at, &value.to_le_bytes()),
        Val::F32(bits) => guest.bytes.put_u32(at, bits),
        Val::F64(bits) => guest.bytes.put_u64(at, bits),
        _ => Err(Errno::INVAL),
    }
}

/// A function's signature as `ffi_prep_cif` left it.
struct Signature {
    arguments: Vec<Shape>,
    fixed: usize,
    result: Shape,
}

impl Signature {
    fn read(guest: &Guest<'_>, cif: Ptr) -> Guarded<Self> {
        let field = |offset: u32| guest.bytes.u32(cif.wrapping_add(offset));
        let (count, types) = (field(4)?, field(8)?);
        if count > 1000 {
            return Err(Errno::INVAL);
        }
        let arguments = (0..count)
            .map(|index| Shape::read(guest, guest.bytes.u32(types.wrapping_add(4 * index))?))
            .collect::<Guarded<_>>()?;
        let fixed = (field(24)?.min(count)) as usize;
        Ok(Self { arguments, fixed, result: Shape::read(guest, field(12)?)? })
    }

    fn function_type(&self, engine: &wasmtime::Engine) -> FuncType {
        let (mut params, mut results) = (Vec::new(), Vec::new());
        if self.result.returned_through_memory() {
            params.push(ValType::I32);
        } else {
            self.result.push_types(&mut results);
        }
        self.arguments.iter().for_each(|shape| shape.push_types(&mut params));
        FuncType::new(engine, params, results)
    }
}

fn refused(errno: Errno) -> wasmtime::Error {
    wasmtime::Error::msg(format!("foreign function call refused (error {})", errno.0))
}

fn exports(caller: &Caller<'_, Host>) -> wasmtime::Result<Exports> {
    caller.data().exports.clone().ok_or_else(|| refused(Errno::NOSYS))
}

fn table_function(caller: &mut Caller<'_, Host>, exports: &Exports, slot: u32) -> wasmtime::Result<Func> {
    match exports.table.get(&mut *caller, u64::from(slot)) {
        Some(Ref::Func(Some(function))) => Ok(function),
        _ => Err(refused(Errno::FAULT)),
    }
}

/// Calls the function `fun` with the arguments that `arguments` points at and stores its result at `result`.
fn call(
    mut caller: Caller<'_, Host>,
    cif: Ptr,
    fun: u32,
    result: Ptr,
    arguments: Ptr,
) -> wasmtime::Result<()> {
    let _level = Level::enter()?;
    let exports = exports(&caller)?;
    let before = exports.stack_pointer.get(&mut caller);
    let mut top = before.i32().unwrap_or_default() as u32;
    let (signature, values) = with_guest(&mut caller, |guest| {
        let signature = Signature::read(guest, cif)?;
        let mut values = Vec::new();
        if signature.result.returned_through_memory() {
            values.push(Val::I32(result as i32));
        }
        let mut variadic = Vec::new();
        for (index, shape) in signature.arguments.iter().enumerate() {
            let mut at = guest.bytes.u32(arguments.wrapping_add(4 * index as u32))?;
            if let Shape::Struct(size) = *shape {
                // The callee owns its copy.
                let copy = guest.bytes.get(at, size as usize)?.to_vec();
                top = top.checked_sub(size).ok_or(Errno::NOMEM)? & !15;
                guest.bytes.put(top, &copy)?;
                at = top;
            }
            let values = if index < signature.fixed { &mut values } else { &mut variadic };
            shape.load(guest, at, values)?;
        }
        if signature.fixed < signature.arguments.len() {
            top = top.checked_sub(16 * variadic.len() as u32).ok_or(Errno::NOMEM)? & !15;
            let mut at = top;
            for value in variadic {
                let size = if matches!(value, Val::I32(_) | Val::F32(_)) { 4 } else { 8 };
                at = at.checked_next_multiple_of(size).ok_or(Errno::NOMEM)?;
                store(guest, at, value)?;
                at = at.wrapping_add(size);
            }
            values.push(Val::I32(top as i32));
        }
        Ok((signature, values))
    })
    .map_err(refused)?;
    let function = table_function(&mut caller, &exports, fun)?;
    let mut results: Vec<Val> = signature.result.zero().into_iter().collect();
    exports.stack_pointer.set(&mut caller, Val::I32((top & !15) as i32))?;
    function.call(&mut caller, &values, &mut results)?;
    exports.stack_pointer.set(&mut caller, before)?;
    if let Some(value) = results.pop() {
        with_guest(&mut caller, |guest| match (signature.result, value) {
            (Shape::Word(size @ (1 | 2), _), Val::I32(value)) => {
                guest.bytes.put(result, &value.to_le_bytes()[..size as usize])
            }
            _ => store(guest, result, value),
        })
        .map_err(refused)?;
    }
    Ok(())
}

/// The host function behind a callback: spills the arguments to the shadow stack and calls `fun`, which libffi's user
/// gave, with their addresses.
fn enter(
    caller: &mut Caller<'_, Host>,
    closure: Closure,
    shapes: &[Shape],
    result: Shape,
    params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let _level = Level::enter()?;
    let exports = exports(caller)?;
    let before = exports.stack_pointer.get(&mut *caller);
    let mut params = params.iter().copied();
    let mut top = before.i32().unwrap_or_default() as u32;
    let mut reserve = |size: u32| {
        top = top.checked_sub(size).ok_or(Errno::NOMEM)? & !7;
        Ok::<_, Errno>(top)
    };
    let (into, addresses) = with_guest(caller, |guest| {
        let into = match params.next_if_memory(result) {
            Some(address) => address,
            None => reserve(16)?,
        };
        let addresses = reserve(4 * shapes.len() as u32 + 4)?;
        for (index, shape) in shapes.iter().enumerate() {
            let first = params.next().ok_or(Errno::INVAL)?;
            let at = match shape {
                Shape::Struct(_) => first.i32().unwrap_or_default() as u32,
                Shape::LongDouble => {
                    let at = reserve(16)?;
                    store(guest, at, first)?;
                    store(guest, at.wrapping_add(8), params.next().ok_or(Errno::INVAL)?)?;
                    at
                }
                _ => {
                    let at = reserve(8)?;
                    store(guest, at, first)?;
                    at
                }
            };
            guest.bytes.put_u32(addresses.wrapping_add(4 * index as u32), at)?;
        }
        Ok((into, addresses))
    })
    .map_err(refused)?;
    let function = table_function(caller, &exports, closure.fun)?;
    let arguments = [closure.cif, into, addresses, closure.user_data].map(|word| Val::I32(word as i32));
    exports.stack_pointer.set(&mut *caller, Val::I32((top & !15) as i32))?;
    function.call(&mut *caller, &arguments, &mut [])?;
    exports.stack_pointer.set(&mut *caller, before)?;
    if let Some(slot) = results.first_mut() {
        let mut values = Vec::new();
        // The callee widens small results to a machine word.
        let shape = if matches!(result, Shape::Word(..)) { Shape::Word(4, false) } else { result };
        with_guest(caller, |guest| shape.load(guest, into, &mut values)).map_err(refused)?;
        *slot = values.pop().unwrap_or(*slot);
    }
    Ok(())
}

/// The hidden first parameter of a function whose result is returned through memory.
trait HiddenResult {
    fn next_if_memory(&mut self, result: Shape) -> Option<u32>;
}

impl<I: Iterator<Item = Val>> HiddenResult for I {
    fn next_if_memory(&mut self, result: Shape) -> Option<u32> {
        if result.returned_through_memory() { self.next()?.i32().map(|address| address as u32) } else { None }
    }
}

/// Puts the host function of `closure` into its slot.
pub fn install(mut store: impl AsContextMut<Data = Host>, closure: Closure) -> wasmtime::Result<()> {
    let mut store = store.as_context_mut();
    let exports = store.data().exports.clone().ok_or_else(|| refused(Errno::NOSYS))?;
    let (bytes, host) = exports.memory.data_and_store_mut(&mut store);
    let signature = Signature::read(&Guest::new(bytes, host), closure.cif).map_err(refused)?;
    let ty = signature.function_type(store.engine());
    let function = Func::new(&mut store, ty, move |mut caller, params, results| {
        enter(&mut caller, closure, &signature.arguments, signature.result, params, results)
    });
    exports.table.set(&mut store, u64::from(closure.slot), Ref::Func(Some(function)))
}

/// Defines the imports of libffi and the C library's way to call a signal handler.
pub fn link(linker: &mut Linker<Host>) -> Result<()> {
    link_closures(linker).map_err(Error::engine("linking foreign functions"))
}

fn link_closures(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "ffi_call_js", call)?;
    linker.func_wrap(
        "env",
        "ffi_closure_alloc_js",
        |mut caller: Caller<'_, Host>, size: u32, code: Ptr| -> wasmtime::Result<u32> {
            let exports = exports(&caller)?;
            let at = exports.malloc.call(&mut caller, size)?;
            if at == 0 {
                return Ok(0);
            }
            let slot = match caller.data_mut().closures.free.pop() {
                Some(slot) => slot,
                None => exports.table.grow(&mut caller, 1, Ref::Func(None))? as u32,
            };
            with_guest(&mut caller, |guest| {
                guest.bytes.put_u32(code, slot)?;
                guest.bytes.put_u32(at, slot)
            })
            .map_err(refused)?;
            Ok(at)
        },
    )?;
    linker.func_wrap(
        "env",
        "ffi_closure_free_js",
        |mut caller: Caller<'_, Host>, at: Ptr| -> wasmtime::Result<()> {
            let exports = exports(&caller)?;
            let slot = with_guest(&mut caller, |guest| guest.bytes.u32(at)).map_err(refused)?;
            let closures = &mut caller.data_mut().closures;
            closures.live.retain(|closure| closure.slot != slot);
            if !closures.free.contains(&slot) {
                closures.free.push(slot);
            }
            exports.table.set(&mut caller, u64::from(slot), Ref::Func(None))?;
            exports.free.call(&mut caller, at)
        },
    )?;
    linker.func_wrap(
        "env",
        "ffi_prep_closure_loc_js",
        |mut caller: Caller<'_, Host>,
         _at: Ptr,
         cif: Ptr,
         fun: u32,
         user_data: Ptr,
         slot: u32|
         -> wasmtime::Result<i32> {
            let closure = Closure { slot, cif, fun, user_data };
            install(&mut caller, closure)?;
            let live = &mut caller.data_mut().closures.live;
            live.retain(|other| other.slot != slot);
            live.push(closure);
            Ok(0)
        },
    )?;
    linker.func_wrap(
        "env",
        "__call_sighandler",
        |mut caller: Caller<'_, Host>, handler: u32, signal: i32| -> wasmtime::Result<()> {
            let _level = Level::enter()?;
            let exports = exports(&caller)?;
            table_function(&mut caller, &exports, handler)?.call(&mut caller, &[Val::I32(signal)], &mut [])
        },
    )?;
    Ok(())
}
