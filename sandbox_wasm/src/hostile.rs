//! Every host function called with hostile arguments: addresses, lengths, paths, structures, and any order of calls.
//!
//! A call may answer anything or end the guest. It must not panic, not run for long, and not let the guest have more
//! than its caps. A failure names its seed; `MATHFORGE_HOSTILE_SEEDS` sets how many are tried.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{Engine, Extern, Func, Instance, Linker, Module, Ref, Store, Val, ValType};

use crate::engine::engine;
use crate::host::{Caps, Exports, Host};
use crate::random::Random;
use crate::stop::Stop;
use crate::vfs::Tree;
use crate::{ffi, syscalls};

const CAPS: Caps = Caps { memory: 8 << 20, files: 1 << 20, output: 1000 };
const CALLS: usize = 300;
const STACK_BYTES: usize = 64 << 20;
const MEMORY_BYTES: u32 = 4 * 65_536;

/// The least that a module needs to be a guest. Its table holds functions of several types, and room.
const GUEST: &str = r#"(module
    (memory (export "memory") 4 1024)
    (table (export "table") 64 100000 funcref)
    (global (export "sp") (mut i32) (i32.const 131072))
    (global $heap (mut i32) (i32.const 4096))
    (func $malloc (export "malloc") (param i32) (result i32)
        (if (i32.gt_u (local.get 0) (i32.const 65536)) (then (return (i32.const 0))))
        (global.set $heap (i32.and (i32.add (global.get $heap) (local.get 0)) (i32.const 0xffff)))
        (global.get $heap))
    (func $free (export "free") (param i32))
    (func $four (param i32 i32 i32 i32))
    (func $three (param i32 i32 i32) (result i32) (local.get 0))
    (func $wide (param i64 f32 f64) (result f64) (local.get 2))
    (func $trap unreachable)
    (elem (i32.const 1) $malloc $free $four $three $wide $trap))"#;

const PATHS: [&str; 16] = [
    "",
    "/",
    ".",
    "..",
    "a",
    "/tmp",
    "/tmp/a",
    "a/b/c",
    "/dev/null",
    "/dev/random",
    "/dev/stdout",
    "../../x",
    "//",
    "/home/user/a",
    "/dev",
    "é\u{10ffff}",
];

/// A small random stream; the tests are repeated by its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// A word that means something somewhere: an address, a length, a descriptor, a flag, a slot, an edge.
    fn word(&mut self) -> u32 {
        const EDGES: [u32; 16] = [
            0,
            1,
            u32::MAX,
            u32::MAX - 7,
            i32::MAX as u32,
            i32::MIN as u32,
            MEMORY_BYTES,
            MEMORY_BYTES - 1,
            MEMORY_BYTES - 8,
            0o100,
            0o1102,
            0o2101,
            0o200_000,
            (-100_i32) as u32,
            65_536,
            4096,
        ];
        match self.below(6) {
            0 => EDGES[self.below(EDGES.len())],
            1 => self.below(16) as u32,
            2 => self.below(70) as u32,
            3 => (self.below(MEMORY_BYTES as usize) & !7) as u32,
            // Most structures are here, see `Victim::scribble`.
            4 => 4096 + 8 * self.below(512) as u32,
            _ => self.roll() as u32,
        }
    }

    fn value(&mut self, ty: &ValType) -> Val {
        match ty {
            ValType::I32 => Val::I32(self.word() as i32),
            ValType::I64 if self.below(2) == 0 => Val::I64(self.roll() as i64),
            ValType::I64 => Val::I64(i64::from(self.word() as i32)),
            ValType::F32 => Val::F32(self.roll() as u32),
            ValType::F64 => Val::F64(self.roll()),
            _ => Val::ExternRef(None),
        }
    }
}

struct Victim {
    store: Store<Host>,
    functions: Vec<(String, Func)>,
}

impl Victim {
    fn new(engine: &Engine, module: &Module) -> Self {
        let mut store = Store::new(engine, Host::new(Arc::new(Tree::new()), CAPS, Random::new(Some(0))));
        store.limiter(|host| &mut host.cap);
        store.set_epoch_deadline(1 << 40);
        let mut linker = Linker::new(engine);
        syscalls::link(&mut linker).unwrap();
        ffi::link(&mut linker).unwrap();
        let instance = Instance::new(&mut store, module, &[]).unwrap();
        let exports = Exports {
            memory: instance.get_memory(&mut store, "memory").unwrap(),
            table: instance.get_table(&mut store, "table").unwrap(),
            stack_pointer: instance.get_global(&mut store, "sp").unwrap(),
            malloc: instance.get_typed_func(&mut store, "malloc").unwrap(),
            free: instance.get_typed_func(&mut store, "free").unwrap(),
            signal: 16,
            signal_clock: 20,
        };
        store.data_mut().exports = Some(exports);
        let functions: Vec<_> = linker
            .iter(&mut store)
            .filter_map(|(module, name, item)| match item {
                Extern::Func(function) => Some((format!("{module}.{name}"), function)),
                _ => None,
            })
            .collect();
        assert!(functions.len() > 100, "{}", functions.len());
        Self { store, functions }
    }

    /// Fills memory with words that mean something, and with paths. Host functions go into the table, where calls
    /// through libffi find them.
    fn scribble(&mut self, dice: &mut Dice) {
        let exports = self.store.data().exports.clone().unwrap();
        let bytes = exports.memory.data_mut(&mut self.store);
        for at in (64..16_384).step_by(4) {
            bytes[at..at + 4].copy_from_slice(&dice.word().to_le_bytes());
        }
        // Descriptions of types and of calls, as libffi lays them out: size, alignment and kind, elements.
        for index in 0..64usize {
            let at = 4096 + 16 * index;
            let kind = dice.below(16) as u32;
            bytes[at..at + 4].copy_from_slice(&dice.word().to_le_bytes());
            bytes[at + 4..at + 8].copy_from_slice(&(kind << 16 | 4).to_le_bytes());
            bytes[at + 8..at + 12].copy_from_slice(&(4096 + 8 * dice.below(400) as u32).to_le_bytes());
        }
        for index in 0..16usize {
            let at = 6144 + 32 * index;
            for (offset, word) in [
                (4, dice.below(6) as u32),
                (8, 4096 + 8 * dice.below(400) as u32),
                (12, 4096 + 16 * dice.below(64) as u32),
                (24, dice.below(6) as u32),
            ] {
                bytes[at + offset..at + offset + 4].copy_from_slice(&word.to_le_bytes());
            }
        }
        for index in 0..32usize {
            let at = 7168 + 32 * index;
            let path = PATHS[dice.below(PATHS.len())].as_bytes();
            bytes[at..at + path.len()].copy_from_slice(path);
            bytes[at + path.len()] = 0;
        }
        let function = self.functions[dice.below(self.functions.len())].1;
        let slot = dice.below(64) as u64;
        exports.table.set(&mut self.store, slot, Ref::Func(Some(function))).unwrap();
    }

    fn call(&mut self, dice: &mut Dice) -> String {
        let (name, function) = self.functions[dice.below(self.functions.len())].clone();
        let ty = function.ty(&self.store);
        let arguments: Vec<Val> = ty.params().map(|ty| dice.value(&ty)).collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        // As a cell does: at its end it is interrupted, a little later killed.
        let host = self.store.data_mut();
        host.limit.start(&host.clock, Duration::from_millis(5), Duration::from_millis(5), &Stop::default());
        let outcome = function.call(&mut self.store, &arguments, &mut results);
        format!("{name}{arguments:?} -> {:?}", outcome.map(|()| results))
    }

    fn check(&mut self) {
        let host = self.store.data_mut();
        let written: usize = host.vfs.written_files().map(|(path, data)| path.len() + data.len()).sum();
        assert!(written <= CAPS.files, "{written} bytes of files");
        assert!(host.stdout.take().0.len() <= 4 * CAPS.output);
        assert!(host.stderr.take().0.len() <= 4 * CAPS.output);
        let exports = host.exports.clone().unwrap();
        assert!(exports.memory.data_size(&self.store) <= CAPS.memory);
    }
}

fn seeds() -> u64 {
    std::env::var("MATHFORGE_HOSTILE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(50)
}

/// On a stack of the size that is left to host functions in a session, and more.
fn on_a_deep_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap();
    assert!(thread.join().is_ok());
}

#[test]
fn hostile_calls_end_in_an_answer() {
    on_a_deep_stack(|| {
        let engine = engine().unwrap();
        let module = Module::new(&engine, wat::parse_str(GUEST).unwrap()).unwrap();
        for seed in 0..seeds() {
            let mut dice = Dice(seed);
            let mut victim = Victim::new(&engine, &module);
            for _ in 0..CALLS {
                victim.scribble(&mut dice);
                let start = Instant::now();
                let call = victim.call(&mut dice);
                assert!(start.elapsed() < Duration::from_secs(10), "seed {seed}: {call} is slow");
                victim.check();
            }
        }
    });
}

/// A callback whose C function is the callback itself recurses on the host's stack only, where no WebAssembly frame
/// checks for its end.
#[test]
fn a_callback_that_is_its_own_function_is_stopped() {
    on_a_deep_stack(|| {
        let engine = engine().unwrap();
        let module = Module::new(&engine, wat::parse_str(GUEST).unwrap()).unwrap();
        let mut victim = Victim::new(&engine, &module);
        let exports = victim.store.data().exports.clone().unwrap();
        // Room on the shadow stack for as many levels as a session has, so that it is not what ends this.
        exports.memory.grow(&mut victim.store, 120).unwrap();
        exports.stack_pointer.set(&mut victim.store, Val::I32(7 << 20)).unwrap();
        let (int, void, cif, types, slot) = (1024u32, 1040u32, 1056u32, 1088u32, 20u32);
        let bytes = exports.memory.data_mut(&mut victim.store);
        let mut put =
            |at: u32, word: u32| bytes[at as usize..at as usize + 4].copy_from_slice(&word.to_le_bytes());
        put(int, 4);
        put(int + 4, 10 << 16 | 4); // a signed 32-bit integer
        put(void + 4, 0);
        for (offset, word) in [(4, 4), (8, types), (12, void), (24, 4)] {
            put(cif + offset, word);
        }
        (0..4).for_each(|index| put(types + 4 * index, int));
        let named = |name: &str| victim.functions.iter().find(|(known, _)| known == name).unwrap().1;
        let (prepare, call) = (named("env.ffi_prep_closure_loc_js"), named("env.ffi_call_js"));
        let words = |words: &[u32]| words.iter().map(|&word| Val::I32(word as i32)).collect::<Vec<_>>();
        prepare.call(&mut victim.store, &words(&[0, cif, slot, 0, slot]), &mut [Val::I32(0)]).unwrap();
        let ended = call.call(&mut victim.store, &words(&[cif, slot, 2048, types]), &mut []);
        assert!(ended.is_err());
    });
}
