//! A Python interpreter in a store: linked, instantiated, and either booted or restored from an image.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use wasmtime::{
    Engine, Extern, ExternType, Global, Instance, InstancePre, Linker, Module, ModuleExport, Mutability, Ref,
    Store, TypedFunc, Val, WasmParams, WasmResults,
};

use crate::dylink::{self, LinkMap};
use crate::error::{Error, Result};
use crate::ffi::{self, Closures};
use crate::host::{Caps, Exports, Host};
use crate::limits::on_epoch;
use crate::memory::Ptr;
use crate::random::Random;
use crate::syscalls;

/// Everything that instances of one module share.
#[derive(Clone)]
pub struct Program {
    engine: Engine,
    pre: InstancePre<Host>,
    libraries: Arc<LinkMap>,
    globals: Arc<[ModuleExport]>,
    /// Length of the memory that the module brings.
    image_bytes: usize,
    pristine: Arc<OnceLock<Arc<[u8]>>>,
}

/// What a snapshot holds beside memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableState {
    /// Values of the mutable globals, in the order of [`Interpreter::state_globals`].
    pub globals: Vec<i32>,
    /// Length of the function table.
    pub len: u64,
    /// Callbacks of `ctypes`.
    pub closures: Closures,
}

/// A live interpreter.
pub struct Interpreter {
    store: Store<Host>,
    instance: Instance,
    globals: Arc<[ModuleExport]>,
}

const MISSING: &str = "this module is not the Pyodide build the sandbox was made for: it lacks";

impl Program {
    /// Links `module`, a Pyodide main module with the side modules of `libraries`, or an image of one.
    pub fn new(engine: &Engine, module: &Module, libraries: LinkMap) -> Result<Self> {
        let libraries = Arc::new(libraries);
        let mut linker = Linker::new(engine);
        syscalls::link(&mut linker)?;
        ffi::link(&mut linker)?;
        dylink::define(&mut linker, &libraries).map_err(Error::engine("linking the interpreter"))?;
        linker.define_unknown_imports_as_traps(module).map_err(Error::engine("linking the interpreter"))?;
        let pre = linker.instantiate_pre(module).map_err(Error::engine("linking the interpreter"))?;
        Ok(Self {
            engine: engine.clone(),
            pre,
            libraries,
            globals: mutable_globals(module),
            image_bytes: memory_bytes(module),
            pristine: Arc::default(),
        })
    }

    /// Memory as it is before anything runs: the image, where the module is one. Read once per process.
    ///
    /// Should it not be readable it is empty, and then every page of a session counts as changed.
    pub fn pristine(&self) -> Arc<[u8]> {
        let read = || {
            let caps = Caps { memory: usize::MAX, files: 0, output: 0 };
            let host = Host::new(Arc::default(), caps, Random::new(Some(0)));
            let mut interpreter = self.instantiate(host).ok()?;
            interpreter.memory().ok().map(Arc::from)
        };
        Arc::clone(self.pristine.get_or_init(|| read().unwrap_or_default()))
    }

    /// Length of that memory.
    pub fn image_bytes(&self) -> usize {
        self.image_bytes
    }

    /// Starts Python from nothing; `memory` is what the module's memory starts with.
    pub fn boot(&self, host: Host, memory: &[u8]) -> Result<Interpreter> {
        let mut interpreter = self.instantiate(host)?;
        let exports = interpreter.exports()?;
        let filled = exports.memory.write(&mut interpreter.store, 0, memory);
        filled.map_err(|error| Error::Wasm(error.to_string()))?;
        interpreter.start(&self.libraries)?;
        dylink::construct(&mut interpreter, &self.libraries)?;
        Ok(interpreter)
    }

    /// Continues from the image that the program's module is.
    pub fn restore(&self, host: Host, state: &TableState) -> Result<Interpreter> {
        let mut interpreter = self.restore_for(host, state)?;
        interpreter.install_closures()?;
        Ok(interpreter)
    }

    /// The same for a memory that is yet to be filled, without what needs its contents; then comes
    /// [`Interpreter::install_closures`].
    pub fn restore_for(&self, host: Host, state: &TableState) -> Result<Interpreter> {
        let mut interpreter = self.instantiate(host)?;
        interpreter.set_state_global_values(&state.globals)?;
        let table = interpreter.exports()?.table;
        let store = &mut interpreter.store;
        let missing = state.len.saturating_sub(table.size(&mut *store));
        let grown = table.grow(&mut *store, missing, Ref::Func(None));
        grown.map_err(Error::engine("restoring the function table"))?;
        store.data_mut().closures = state.closures.clone();
        Ok(interpreter)
    }

    fn instantiate(&self, host: Host) -> Result<Interpreter> {
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| &mut host.cap);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(on_epoch);
        let instance = self.pre.instantiate(&mut store).map_err(Error::engine("starting the interpreter"))?;
        let mut interpreter = Interpreter { store, instance, globals: Arc::clone(&self.globals) };
        let exports = Exports {
            memory: interpreter.export("memory", Extern::into_memory)?,
            table: interpreter.export("__indirect_function_table", Extern::into_table)?,
            stack_pointer: interpreter.export("__stack_pointer", Extern::into_global)?,
            malloc: interpreter.function("malloc")?,
            free: interpreter.function("free")?,
            signal: interpreter.address("_Py_emscripten_signal_in_memory")?,
            signal_clock: interpreter.address("_Py_emscripten_signal_clock")?,
        };
        interpreter.store.data_mut().exports = Some(exports);
        Ok(interpreter)
    }
}

impl Interpreter {
    /// The host state.
    pub fn host(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    /// Lets the next epoch tick be noticed.
    pub fn watch(&mut self) {
        self.store.set_epoch_deadline(1);
    }

    /// Calls an exported function; what ended the guest is in the error chain.
    pub fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, params: P) -> wasmtime::Result<R> {
        let function: TypedFunc<P, R> = self.instance.get_typed_func(&mut self.store, name)?;
        function.call(&mut self.store, params)
    }

    /// A copy of `bytes` in memory from `malloc`, or `None` when there is no room.
    pub fn allocate(&mut self, bytes: &[u8]) -> wasmtime::Result<Option<Ptr>> {
        let at: Ptr = self.call("malloc", bytes.len() as u32)?;
        if at == 0 {
            return Ok(None);
        }
        let exports = self.exports()?;
        exports.memory.write(&mut self.store, at as usize, bytes)?;
        Ok(Some(at))
    }

    /// Whether the guest can still allocate the little that its next cell needs.
    pub fn has_room(&mut self) -> wasmtime::Result<bool> {
        const LEAST: u32 = 64 << 10;
        let size = self.exports()?.memory.data_size(&self.store);
        if size + LEAST as usize <= self.store.data().cap.memory_bytes {
            return Ok(true);
        }
        let at: Ptr = self.call("malloc", LEAST)?;
        self.call::<_, ()>("free", at)?;
        Ok(at != 0)
    }

    /// Writes one byte string with a NUL behind it; errors when memory is full.
    pub fn allocate_text(&mut self, text: &str) -> wasmtime::Result<Ptr> {
        let bytes = [text.as_bytes(), &[0]].concat();
        self.allocate(&bytes)?.ok_or_else(|| wasmtime::Error::msg("out of memory"))
    }

    /// Runs top-level Python code; false when it raised (the traceback is on the error stream).
    pub fn run_simple(&mut self, code: &str) -> wasmtime::Result<bool> {
        let at = self.allocate_text(code)?;
        let status: i32 = self.call("PyRun_SimpleString", at)?;
        self.call::<_, ()>("free", at)?;
        Ok(status == 0)
    }

    /// Withdraws a signal that was not noticed.
    pub fn clear_signal(&mut self) {
        if let Ok(Exports { memory, signal, .. }) = self.exports() {
            // The address of one of the module's own globals.
            let _ = memory.write(&mut self.store, signal as usize, &[0; 4]);
        }
    }

    /// Linear memory.
    pub fn memory(&mut self) -> Result<&[u8]> {
        let exports = self.exports()?;
        Ok(exports.memory.data(&self.store))
    }

    /// Linear memory, to be written.
    pub fn memory_mut(&mut self) -> Result<&mut [u8]> {
        let exports = self.exports()?;
        Ok(exports.memory.data_mut(&mut self.store))
    }

    /// Makes the linear memory at least this long.
    pub fn grow_memory(&mut self, bytes: usize) -> Result<()> {
        let memory = self.exports()?.memory;
        let missing = bytes.saturating_sub(memory.data_size(&self.store)) as u64;
        let pages = missing.div_ceil(memory.page_size(&self.store));
        memory.grow(&mut self.store, pages).map_err(Error::engine("growing a session's memory"))?;
        Ok(())
    }

    /// Makes the callbacks of `ctypes` callable, whose descriptions are in memory.
    pub fn install_closures(&mut self) -> Result<()> {
        for closure in self.host().closures.live.clone() {
            let installed = ffi::install(&mut self.store, closure);
            installed.map_err(Error::engine("restoring the function table"))?;
        }
        Ok(())
    }

    /// Makes the interpreter ask for signals all the time, so that its work can be counted.
    pub fn report_work(&mut self) -> Result<()> {
        let at = self.address("Py_EMSCRIPTEN_SIGNAL_HANDLING")? as usize;
        let memory = self.exports()?.memory;
        let written = memory.write(&mut self.store, at, &1_u32.to_le_bytes());
        written.map_err(|_| Error::Wasm("a global lies outside of memory".into()))
    }

    /// Sets [`Interpreter::state_globals`].
    pub fn set_state_global_values(&mut self, values: &[i32]) -> Result<()> {
        let globals = self.state_globals();
        if globals.len() != values.len() {
            return Err(Error::Wasm("a saved state has other globals".into()));
        }
        for (global, value) in globals.iter().zip(values) {
            let set = global.set(&mut self.store, Val::I32(*value));
            set.map_err(Error::engine("setting a global"))?;
        }
        Ok(())
    }

    /// Values of [`Interpreter::state_globals`], which must all be i32.
    pub fn state_global_values(&mut self) -> Result<Vec<i32>> {
        let globals = self.state_globals();
        let values = globals.iter().map(|global| global.get(&mut self.store).i32());
        values.collect::<Option<_>>().ok_or_else(|| Error::Wasm("a mutable global is no i32".into()))
    }

    /// Every mutable global, in an order that all instances of a program share. Those of side modules are among
    /// them. Beside memory and [`TableState`] they are all the state that the guest has.
    pub fn state_globals(&mut self) -> Vec<Global> {
        let Self { store, instance, globals, .. } = self;
        let exports = globals.iter().filter_map(|export| instance.get_module_export(&mut *store, export));
        exports.filter_map(Extern::into_global).collect()
    }

    /// The part of the state that is not memory.
    pub fn table_state(&mut self) -> Result<TableState> {
        let exports = self.exports()?;
        Ok(TableState {
            globals: self.state_global_values()?,
            len: exports.table.size(&self.store),
            closures: self.store.data().closures.clone(),
        })
    }

    fn exports(&self) -> Result<Exports> {
        self.store.data().exports.clone().ok_or(Error::Closed)
    }

    fn export<T>(&mut self, name: &str, as_kind: impl FnOnce(Extern) -> Option<T>) -> Result<T> {
        let export = self.instance.get_export(&mut self.store, name);
        export.and_then(as_kind).ok_or_else(|| Error::Wasm(format!("{MISSING} {name}")))
    }

    fn function<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> Result<TypedFunc<P, R>> {
        self.instance.get_typed_func(&mut self.store, name).map_err(Error::engine("looking up exports"))
    }

    fn address(&mut self, name: &str) -> Result<Ptr> {
        let global = self.export(name, Extern::into_global)?;
        let address = global.get(&mut self.store).i32().map(|address| address as Ptr);
        address.ok_or_else(|| Error::Wasm(format!("global {name} is no address")))
    }

    /// Constructors and `main`, which initialises Python and returns.
    fn start(&mut self, libraries: &LinkMap) -> Result<()> {
        let status = self.initialise(libraries);
        let (message, _) = self.host().stderr.take();
        let doing = || "booting Python".to_owned();
        match status {
            Ok(0) => Ok(()),
            Ok(_) => Err(Error::Build { doing: doing(), message }),
            Err(error) => Err(Error::Build { doing: doing(), message: format!("{error:#}\n{message}") }),
        }
    }

    fn initialise(&mut self, libraries: &LinkMap) -> wasmtime::Result<i32> {
        dylink::reserve(self, libraries)?;
        self.place_trampoline(libraries.trampoline)?;
        self.call::<_, ()>("__wasm_call_ctors", ())?;
        self.place_trampoline(libraries.trampoline)?;
        self.call_main()
    }

    fn call_main(&mut self) -> wasmtime::Result<i32> {
        let name = self.allocate_text("python")?;
        let arguments = [name.to_le_bytes(), [0; 4]].concat();
        let arguments = self.allocate(&arguments)?.unwrap_or_default();
        self.call("__main_argc_argv", (1, arguments))
    }

    /// Tells the interpreter which slot its trampoline is in.
    fn place_trampoline(&mut self, slot: u32) -> wasmtime::Result<()> {
        let runtime = self.address("_PyRuntime")? as usize;
        let offset = self.address("_PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET")? as usize;
        let exports = self.exports()?;
        let mut word = [0; 4];
        exports.memory.read(&self.store, offset, &mut word)?;
        let at = runtime + u32::from_le_bytes(word) as usize;
        exports.memory.write(&mut self.store, at, &slot.to_le_bytes())?;
        Ok(())
    }
}

/// Length of the memory that `module` starts with.
fn memory_bytes(module: &Module) -> usize {
    match module.get_export("memory") {
        Some(ExternType::Memory(ty)) => (ty.minimum() * ty.page_size()) as usize,
        _ => 0,
    }
}

/// The mutable globals of `module`; `image::prepare_module` has exported those that the linker left private.
fn mutable_globals(module: &Module) -> Arc<[ModuleExport]> {
    let is_state = |ty: &ExternType| ty.global().is_some_and(|global| global.mutability() == Mutability::Var);
    let names = module.exports().filter(|export| is_state(&export.ty()));
    names.filter_map(|export| module.get_export_index(export.name())).collect()
}
