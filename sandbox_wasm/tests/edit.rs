//! Edits of small modules, checked by running the result.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use mathforge_sandbox::edit::{
    export_globals, hidden_mutable_globals, placeholder, template, trampoline_module,
};
use wasmtime::{Engine, Instance, Module, Store, Val};

const COUNTER: &str = r#"(module
    (import "t" "imported" (global $imported (mut i32)))
    (import "t" "fixed" (global i64))
    (memory (export "memory") 1 16)
    (table (export "table") 2 funcref)
    (elem (i32.const 1) $bump)
    (global $pointer (export "pointer") (mut i32) (i32.const 100))
    (global $constant i32 (i32.const 7))
    (global $hidden (mut i32) (i32.const 200))
    (global $float (mut f64) (f64.const 1.5))
    (global $end (mut i32) (i32.const -1))
    (data (i32.const 16) "hello")
    (func $bump (export "bump") (result i32)
      (i32.store (i32.const 70000) (i32.const 42))
      (global.set $hidden (i32.add (global.get $hidden) (i32.const 1)))
      (global.set $pointer (i32.sub (global.get $pointer) (i32.const 16)))
      (i32.add (global.get $hidden) (i32.load (i32.const 70000)))))"#;

fn instantiate(store: &mut Store<()>, wasm: &[u8]) -> Instance {
    let module = Module::new(store.engine(), wasm).unwrap();
    instantiate_module(store, &module)
}

fn instantiate_module(store: &mut Store<()>, module: &Module) -> Instance {
    let var = wasmtime::GlobalType::new(wasmtime::ValType::I32, wasmtime::Mutability::Var);
    let constant = wasmtime::GlobalType::new(wasmtime::ValType::I64, wasmtime::Mutability::Const);
    let imports = [
        wasmtime::Global::new(&mut *store, var, Val::I32(0)).unwrap().into(),
        wasmtime::Global::new(&mut *store, constant, Val::I64(0)).unwrap().into(),
    ];
    Instance::new(store, module, &imports).unwrap()
}

#[test]
fn hidden_globals_are_found_and_exported() {
    let wasm = wat::parse_str(COUNTER).unwrap();
    let hidden = hidden_mutable_globals(&wasm).unwrap();
    assert_eq!(hidden, [4, 5, 6]);
    let exported = export_globals(&wasm, &[(4, "hidden"), (6, "end")]).unwrap();
    assert_eq!(hidden_mutable_globals(&exported).unwrap(), [5]);
    let mut store = Store::new(&Engine::default(), ());
    let instance = instantiate(&mut store, &exported);
    assert_eq!(instance.get_global(&mut store, "hidden").unwrap().get(&mut store).i32(), Some(200));
    assert_eq!(instance.get_global(&mut store, "end").unwrap().get(&mut store).i32(), Some(-1));
    assert_eq!(instance.get_global(&mut store, "pointer").unwrap().get(&mut store).i32(), Some(100));
    assert!(export_globals(&wasm, &[(4, "memory")]).is_err());
}

#[test]
fn a_module_without_exports_gets_a_section_for_them() {
    for text in [
        "(module (tag) (global (mut i32) (i32.const 3)) (func $f) (start $f) (memory 1) (data \"x\") (func (data.drop 0)))",
        "(module (global (mut i32) (i32.const 3)))",
    ] {
        let exported = export_globals(&wat::parse_str(text).unwrap(), &[(0, "g")]).unwrap();
        wasmparser::Validator::new().validate_all(&exported).unwrap();
    }
}

/// The template of `wasm`, compiled, with `image` in its place.
fn with_image(engine: &Engine, wasm: &[u8], image: &[u8]) -> Vec<u8> {
    let template = template(wasm, image.len()).unwrap();
    assert_eq!(template.memory.len(), image.len());
    let mut compiled = engine.precompile_module(&template.wasm).unwrap();
    let place = placeholder(&compiled, image.len()).unwrap();
    compiled[place].copy_from_slice(image);
    compiled
}

#[test]
fn an_image_continues_where_the_snapshot_was_taken() {
    let wasm = wat::parse_str(COUNTER).unwrap();
    let wasm = export_globals(&wasm, &[(4, "hidden")]).unwrap();
    let mut store = Store::new(&Engine::default(), ());
    let first = instantiate(&mut store, &wasm);
    let memory = first.get_memory(&mut store, "memory").unwrap();
    memory.grow(&mut store, 2).unwrap();
    let bump = first.get_typed_func::<(), i32>(&mut store, "bump").unwrap();
    assert_eq!(bump.call(&mut store, ()).unwrap(), 243);
    memory.write(&mut store, 3 * 65_536 - 1, &[9]).unwrap();
    memory.write(&mut store, 16, b"HELLO").unwrap();
    let snapshot = memory.data(&store).to_vec();

    let compiled = with_image(store.engine(), &wasm, &snapshot);
    // SAFETY: compiled by this engine a moment ago; only data was changed.
    #[allow(unsafe_code)]
    let module = unsafe { Module::deserialize(store.engine(), compiled) }.unwrap();
    let second = instantiate_module(&mut store, &module);
    let copy = second.get_memory(&mut store, "memory").unwrap();
    assert!(copy.data(&store) == snapshot);
    let bump = second.get_typed_func::<(), i32>(&mut store, "bump").unwrap();
    assert_eq!(bump.call(&mut store, ()).unwrap(), 243);
    // Tables are filled by the module's own element segments.
    let table = second.get_table(&mut store, "table").unwrap();
    assert!(table.get(&mut store, 1).unwrap().unwrap_func().is_some());
}

#[test]
fn a_template_starts_with_the_data_of_its_module() {
    let wasm = wat::parse_str(COUNTER).unwrap();
    let template = template(&wasm, 100_000).unwrap();
    assert_eq!(template.memory.len(), 2 * 65_536);
    assert_eq!(&template.memory[15..22], b"\0hello\0");
    wasmparser::Validator::new().validate_all(&template.wasm).unwrap();
}

#[test]
fn a_template_is_refused_where_it_would_be_wrong() {
    let refused =
        |text: &str, bytes| template(&wat::parse_str(text).unwrap(), bytes).err().unwrap().to_string();
    assert!(refused("(module)", 1).contains("memory"));
    assert!(refused("(module (memory 1 16))", 17 * 65_536).contains("17 pages"));
    assert!(refused("(module (memory 1) (data \"x\") (func (data.drop 0)))", 1).contains("passive"));
    assert!(refused("(module (memory 1) (data (i32.const 65535) \"xy\"))", 1).contains("outside"));
    let moving = "(module (import \"t\" \"g\" (global i32)) (memory 1) (data (global.get 0) \"x\"))";
    assert!(refused(moving, 1).contains("no fixed place"));
    assert!(placeholder(b"nothing here", 4).is_err());
}

#[test]
fn the_trampoline_is_found_among_other_strings() {
    let module = wat::parse_str("(module (func (export \"trampoline_call\")))").unwrap();
    let other = wat::parse_str("(module)").unwrap();
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap();
    let hex =
        |bytes: &[u8]| bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>();
    let javascript = format!("f(\"{}\");g(\"{}zz\");h(\"{}\")", hex(&other), hex(&other), hex(&module));
    assert_eq!(trampoline_module(&javascript).unwrap(), module);
    assert!(trampoline_module(&javascript[..40]).is_err());
}
