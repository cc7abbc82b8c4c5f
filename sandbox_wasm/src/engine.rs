//! The one wasmtime configuration: compiled images are only valid for exactly this engine.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::{Collector, Config, Engine, Module, WasmBacktraceDetails};

use crate::error::{Error, Result};

/// Virtual stack for wasm frames. Comparing or freeing deeply nested Python lists recurses in C without touching the
/// shadow stack that CPython watches, so the machine stack has to be the larger of the two.
pub const WASM_STACK_BYTES: usize = 256 << 20;

/// Stack of a session's thread: the wasm frames plus room for the host functions below them.
pub const THREAD_STACK_BYTES: usize = WASM_STACK_BYTES + (16 << 20);

/// Length of one epoch. Limits are noticed this much late at most.
pub const TICK: Duration = Duration::from_millis(5);

/// Builds an engine.
pub fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_exceptions(true)
        .wasm_gc(true)
        .wasm_function_references(true)
        .wasm_tail_call(true)
        .wasm_multi_memory(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        // Not used without async calls, but the engine insists that it is not the smaller one.
        .async_stack_size(THREAD_STACK_BYTES)
        .memory_init_cow(true)
        // Exceptions are objects of the GC heap: without a collector that frees, every Python exception that crosses
        // a C `setjmp` would leak.
        .collector(Collector::DeferredReferenceCounting)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    Engine::new(&config).map_err(Error::engine("starting the WebAssembly engine"))
}

/// Loads a module that [`wasmtime::Module::serialize`] wrote, mapped straight from the file.
pub fn load_compiled(engine: &Engine, path: &Path) -> Result<Module> {
    // SAFETY: the file was written by `image::build_image` into the user's own cache and is machine code by nature,
    // like a shared library: whoever can change it can already run code as this user. wasmtime checks its version and
    // configuration stamp; no untrusted party can write it.
    #[allow(unsafe_code)]
    let module = unsafe { Module::deserialize_file(engine, path) };
    module.map_err(|error| Error::Image { path: path.to_owned(), message: format!("{error:#}") })
}

/// Advances the engine's epoch while at least one cell runs, and sleeps otherwise.
pub struct Ticker {
    shared: Arc<Running>,
}

#[derive(Default)]
struct Running {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cells: usize,
    /// Whether the thread waits for a cell. While cells follow each other closely it never does, and no call of the
    /// kernel is made to wake it.
    waits: bool,
    stop: bool,
}

/// Keeps the ticker going; one per running cell.
pub struct Ticking(Arc<Running>);

impl Ticker {
    /// Starts the thread.
    pub fn start(engine: &Engine) -> Result<Self> {
        let shared = Arc::new(Running::default());
        let (running, engine) = (Arc::clone(&shared), engine.weak());
        std::thread::Builder::new()
            .name("mathforge-epoch".into())
            .spawn(move || {
                let mut state = running.lock();
                loop {
                    if state.stop {
                        return;
                    }
                    if state.cells == 0 {
                        state.waits = true;
                        state = running.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                        state.waits = false;
                        continue;
                    }
                    drop(state);
                    std::thread::sleep(TICK);
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                    state = running.lock();
                }
            })
            .map_err(|source| Error::File { path: "thread".into(), source })?;
        Ok(Self { shared })
    }

    /// Call when a cell starts; drop the result when it has ended.
    pub fn cell(&self) -> Ticking {
        let mut state = self.shared.lock();
        state.cells += 1;
        let waits = state.waits;
        drop(state);
        if waits {
            self.shared.changed.notify_one();
        }
        Ticking(Arc::clone(&self.shared))
    }
}

impl Running {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.lock().cells -= 1;
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
    }
}
