//! Linking small side modules, checked by running the result; and refusing those that no honest wheel holds.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use mathforge_sandbox::dylink::{LinkMap, SideModule, link};
use wasmtime::{Engine, Instance, Module, Store};

const MAIN: &str = r#"(module
    (import "env" "host_add" (func $host_add (param i32) (result i32)))
    (memory (export "memory") 1 100)
    (table (export "__indirect_function_table") 4 funcref)
    (tag (export "__cpp_exception") (param i32))
    (global (export "__stack_pointer") (mut i32) (i32.const 60000))
    (global (export "__heap_base") i32 (i32.const 65000))
    (global (export "answer_at") i32 (i32.const 1024))
    (func $double (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (func (export "call") (param i32 i32) (result i32)
      (call_indirect (param i32) (result i32) (local.get 1) (local.get 0)))
    (func (export "via_host") (param i32) (result i32) (call $host_add (local.get 0)))
    (elem (i32.const 1) $double)
    (data (i32.const 1024) "\2a\00\00\00"))"#;

const TRAMPOLINE: &str = r#"(module
    (import "e" "memory" (memory 0))
    (import "e" "__indirect_function_table" (table 0 funcref))
    (func (export "trampoline_call") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1000))))"#;

const BASE: &str = r#"
    (import "env" "memory" (memory 0))
    (import "env" "__indirect_function_table" (table 0 funcref))
    (import "env" "__memory_base" (global $memory_base i32))
    (import "env" "__table_base" (global $table_base i32))"#;

/// A library with a constant, a counter that its constructor sets, and a function that nobody uses.
const LIBRARY: &str = r#"
    (@dylink.0 (mem-info (memory 12 2) (table 1 0)))
    BASE
    (global (export "constant_at") i32 (i32.const 4))
    (global $started (mut i32) (i32.const 0))
    (func $triple (export "triple") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
    (func (export "unused") (result f32) (f32.const 1))
    (func (export "started") (result i32) (global.get $started))
    (func $start (global.set $started (i32.const 7)))
    (func (export "__wasm_call_ctors")
      (i32.store offset=8 (global.get $memory_base) (i32.add (global.get $started) (i32.const 1))))
    (func (export "counter") (result i32) (i32.load offset=8 (global.get $memory_base)))
    (start $start)
    (elem (global.get $table_base) $triple)
    (data (i32.add (global.get $memory_base) (i32.const 4)) "\05\00\00\00")"#;

/// An extension module that uses all that there is.
const EXTENSION: &str = r#"
    (@dylink.0 (mem-info (memory 8 4) (table 0 0)) (needed "libbase.so") (runtime-path "$ORIGIN/../libs")
      (import-info "env" "absent" binding-weak) (import-info "GOT.func" "absent" binding-weak))
    BASE
    (import "env" "triple" (func $triple (param i32) (result i32)))
    (import "env" "counter" (func $counter (result i32)))
    (import "env" "double" (func $double (param i32) (result i32)))
    (import "env" "host_add" (func $host_add (param i32) (result i32)))
    (import "env" "own" (func $own (result i32)))
    (import "env" "absent" (func $absent))
    (import "GOT.func" "triple" (global $triple_slot (mut i32)))
    (import "GOT.func" "double" (global $double_slot (mut i32)))
    (import "GOT.func" "own" (global $own_slot (mut i32)))
    (import "GOT.func" "absent" (global $absent_slot (mut i32)))
    (import "GOT.mem" "constant_at" (global $constant_at (mut i32)))
    (import "GOT.mem" "answer_at" (global $answer_at (mut i32)))
    (import "env" "__stack_pointer" (global $stack (mut i32)))
    (import "env" "__cpp_exception" (tag $exception (param i32)))
    (func (export "own") (result i32) (i32.const 11))
    (func (export "__wasm_apply_data_relocs") (i32.store (global.get $memory_base) (global.get $double_slot)))
    (func $throws (throw $exception (i32.const 9)))
    (func (export "PyInit_extension") (param i32) (result i32)
      (global.set $stack (i32.sub (global.get $stack) (i32.const 16)))
      (if (i32.eq (local.get 0) (i32.const 0)) (then (return (call $triple (i32.const 5)))))
      (if (i32.eq (local.get 0) (i32.const 1)) (then (return (call $double (i32.const 5)))))
      (if (i32.eq (local.get 0) (i32.const 2)) (then (return (call $host_add (i32.const 5)))))
      (if (i32.eq (local.get 0) (i32.const 3)) (then (return (call $own))))
      (if (i32.eq (local.get 0) (i32.const 4)) (then (return (global.get $triple_slot))))
      (if (i32.eq (local.get 0) (i32.const 5)) (then (return (i32.load (global.get $memory_base)))))
      (if (i32.eq (local.get 0) (i32.const 6)) (then (return (i32.load (global.get $constant_at)))))
      (if (i32.eq (local.get 0) (i32.const 7)) (then (return (i32.load (global.get $answer_at)))))
      (if (i32.eq (local.get 0) (i32.const 8)) (then (return (call $counter))))
      (if (i32.eq (local.get 0) (i32.const 9)) (then (return (global.get $absent_slot))))
      (if (i32.eq (local.get 0) (i32.const 10)) (then (call $absent)))
      (if (i32.eq (local.get 0) (i32.const 11)) (then
        (block $caught (result i32) (try_table (catch $exception $caught) (call $throws)) (i32.const 0)) (return)))
      (call_indirect (result i32) (global.get $own_slot)))"#;

fn side(path: &str, text: &str) -> SideModule {
    let text = format!("(module {})", text.replace("BASE", BASE));
    SideModule { path: path.to_owned(), wasm: wat::parse_str(text).unwrap() }
}

fn linked(sides: Vec<SideModule>) -> Result<(Vec<u8>, LinkMap), String> {
    let (main, trampoline) = (wat::parse_str(MAIN).unwrap(), wat::parse_str(TRAMPOLINE).unwrap());
    link(&main, trampoline, sides).map_err(|error| error.to_string())
}

struct Running {
    store: Store<()>,
    instance: Instance,
    map: LinkMap,
}

impl Running {
    fn start(sides: Vec<SideModule>) -> Self {
        let (wasm, map) = linked(sides).unwrap();
        let mut config = wasmtime::Config::new();
        config.wasm_exceptions(true).wasm_function_references(true).wasm_gc(true);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, &wasm).unwrap();
        let mut store = Store::new(&engine, ());
        let host_add = wasmtime::Func::wrap(&mut store, |value: i32| value + 100);
        let instance = Instance::new(&mut store, &module, &[host_add.into()]).unwrap();
        let mut running = Self { store, instance, map };
        for step in running.map.libraries.iter().flat_map(|library| library.steps.clone()).collect::<Vec<_>>()
        {
            let function = running.instance.get_typed_func::<(), ()>(&mut running.store, &step).unwrap();
            function.call(&mut running.store, ()).unwrap();
        }
        running
    }

    /// Calls the function in a table slot.
    fn call(&mut self, slot: u32, argument: i32) -> wasmtime::Result<i32> {
        let call = self.instance.get_typed_func::<(u32, i32), i32>(&mut self.store, "call")?;
        call.call(&mut self.store, (slot, argument))
    }

    fn symbol(&self, path: &str, name: &str) -> u32 {
        self.map.library(path).unwrap().symbols[name]
    }
}

const EXTENSION_PATH: &str = "/site/pkg/extension.so";
const LIBRARY_PATH: &str = "/site/libs/libbase.so";

fn both() -> Vec<SideModule> {
    vec![side(EXTENSION_PATH, EXTENSION), side(LIBRARY_PATH, LIBRARY)]
}

#[test]
fn an_extension_finds_everything_it_imports() {
    let mut running = Running::start(both());
    let entry = running.symbol(EXTENSION_PATH, "PyInit_extension");
    let mut ask = |what: i32| running.call(entry, what);
    assert_eq!(ask(0).unwrap(), 15, "a function of a needed library");
    assert_eq!(ask(1).unwrap(), 10, "a function of the main module");
    assert_eq!(ask(2).unwrap(), 105, "a function of the host");
    assert_eq!(ask(3).unwrap(), 11, "its own function through an import");
    assert_eq!(ask(5).unwrap(), 1, "a function's slot in the main module's table, stored by a relocation");
    assert_eq!(ask(6).unwrap(), 5, "a library's datum");
    assert_eq!(ask(7).unwrap(), 42, "the main module's datum");
    assert_eq!(ask(8).unwrap(), 8, "what start function and constructor of the library left");
    assert_eq!(ask(9).unwrap(), 0, "the address of a weak symbol that is nowhere");
    assert!(ask(10).is_err(), "calling that traps");
    assert_eq!(ask(11).unwrap(), 9, "an exception of the main module's kind");
    assert_eq!(ask(12).unwrap(), 11, "its own function through a pointer");
    let slot = ask(4).unwrap();
    assert_eq!(
        slot,
        running.map.library(LIBRARY_PATH).unwrap().table_base as i32,
        "one slot for each function"
    );
    let trampoline = running.map.trampoline;
    assert_eq!(running.call(trampoline, 1).unwrap(), 1001);
}

#[test]
fn libraries_lie_behind_the_heap_start_and_behind_what_they_need() {
    let (_, map) = linked(both()).unwrap();
    let paths: Vec<_> = map.libraries.iter().map(|library| library.path.as_str()).collect();
    assert_eq!(paths, [LIBRARY_PATH, EXTENSION_PATH]);
    assert_eq!(map.memory_base, 65_008, "the heap's start, aligned");
    let [library, extension] = &map.libraries[..] else { panic!() };
    assert_eq!((library.memory_base, library.memory_size), (65_008, 12));
    assert_eq!((extension.memory_base % 16, extension.memory_size), (0, 8));
    assert!(extension.memory_base + 8 <= map.memory_base + map.memory_size);
}

#[test]
fn what_nothing_reaches_is_left_out() {
    let (with, _) = linked(both()).unwrap();
    let (without, _) = linked(vec![side(EXTENSION_PATH, "BASE (func (export \"PyInit_x\"))")]).unwrap();
    let count = |wasm: &[u8]| {
        let payloads = wasmparser::Parser::new(0).parse_all(wasm);
        payloads.filter(|payload| matches!(payload, Ok(wasmparser::Payload::CodeSectionEntry(_)))).count()
    };
    // The main module's 3, the trampoline, the extension's 4, the absent one; of the library all but `unused`, `started`.
    assert_eq!(count(&with), 3 + 1 + 4 + 1 + 4);
    assert_eq!(count(&without), 3 + 1 + 1);
}

#[test]
fn a_library_for_ctypes_offers_all_its_names() {
    let running = Running::start(vec![side("/site/z.so", LIBRARY)]);
    let library = running.map.library("/site/z.so").unwrap();
    assert_eq!(library.symbols["constant_at"], library.memory_base + 4);
    for name in ["triple", "unused", "started", "counter"] {
        assert!(library.symbols.contains_key(name), "{name}");
    }
}

#[test]
fn libraries_that_need_each_other_are_linked() {
    let one = "(@dylink.0 (needed \"two.so\")) BASE (import \"env\" \"b\" (func $b (result i32)))
        (func (export \"a\") (result i32) (i32.const 3)) (func (export \"PyInit_one\") (param i32) (result i32) (call $b))";
    let two = "(@dylink.0 (needed \"one.so\")) BASE (import \"env\" \"a\" (func $a (result i32)))
        (func (export \"b\") (result i32) (i32.add (call $a) (i32.const 1)))";
    let mut running = Running::start(vec![side("/s/one.so", one), side("/s/two.so", two)]);
    let entry = running.symbol("/s/one.so", "PyInit_one");
    assert_eq!(running.call(entry, 0).unwrap(), 4);
}

#[test]
fn hostile_and_broken_libraries_are_refused_by_name() {
    let entry = "(func (export \"PyInit_x\") (param i32) (result i32) (i32.const 0))";
    for (text, reason) in [
        ("(@dylink.0 (needed \"libmissing.so\")) BASE", "needs the library `libmissing.so`"),
        (
            "BASE (import \"env\" \"js_eval\" (func $f)) (func (export \"PyInit_x\") (call $f))",
            "`js_eval`, which only JavaScript",
        ),
        (
            "BASE (import \"env\" \"double\" (func $f)) (func (export \"PyInit_x\") (call $f))",
            "calls `double` with other arguments",
        ),
        (
            "BASE (global (export \"__em_js__draw\") i32 (i32.const 0))",
            "contains JavaScript code (`__em_js__draw`)",
        ),
        ("BASE (import \"env\" \"emscripten_asm_const_int\" (func))", "contains JavaScript code"),
        ("(@dylink.0 (mem-info (memory 4294967295 0) (table 0 0))) BASE ENTRY", "more memory or table slots"),
        ("(@dylink.0 (mem-info (memory 0 0) (table 4294967295 0))) BASE ENTRY", "more memory or table slots"),
        ("(@dylink.0 (mem-info (memory 0 31) (table 0 0))) BASE ENTRY", "impossible alignment"),
        (
            "(@dylink.0 (mem-info (memory 4 0) (table 0 0))) BASE (data (global.get 0) \"12345\")",
            "data does not fit",
        ),
        ("BASE (data (i32.const 1024) \"overwritten\")", "data does not fit"),
        ("BASE (data \"passive\") ENTRY", "passive data"),
        (
            "(@dylink.0 (mem-info (memory 0 0) (table 1 0))) BASE ENTRY (elem (global.get 1) 0 0)",
            "elements do not fit",
        ),
        ("BASE ENTRY (elem (i32.const 0) 0)", "elements do not fit"),
        ("BASE (memory 1) ENTRY", "memory or a table of its own"),
        (
            "BASE (tag (param i64)) (func (export \"PyInit_x\") (throw 0 (i64.const 1)))",
            "exceptions of a kind of its own",
        ),
        ("BASE (type (struct)) ENTRY", "types other than functions"),
        (
            "BASE (import \"GOT.mem\" \"nowhere\" (global (mut i32))) (func (export \"PyInit_x\") (drop (global.get 2)))",
            "needs `nowhere`",
        ),
        (
            "BASE (import \"GOT.mem\" \"answer_at\" (global (mut i32))) (func (export \"PyInit_x\") (global.set 2 (i32.const 0)))",
            "address as a variable",
        ),
    ] {
        let error =
            linked(vec![side("/site/evil.so", &text.replace("ENTRY", entry))]).map(|_| ()).expect_err(reason);
        assert!(error.contains("`/site/evil.so`") && error.contains(reason), "{error} should say {reason}");
    }
}

#[test]
fn bytes_that_are_no_module_are_refused_wherever_they_stop() {
    let whole = side("/site/cut.so", EXTENSION).wasm;
    for end in 0..whole.len() {
        let cut = SideModule { path: "/site/cut.so".into(), wasm: whole[..end].to_vec() };
        // A module may be cut between sections and still be one; it then lacks what it needs or does nothing.
        if let Err(error) = linked(vec![cut]) {
            assert!(error.contains("/site/cut.so"), "{error}");
        }
    }
    for position in 8..whole.len() {
        let mut wasm = whole.clone();
        wasm[position] ^= 0x55;
        // Whatever it means now, linking it must not panic.
        let _ = linked(vec![SideModule { path: "/site/flipped.so".into(), wasm }]);
    }
}
