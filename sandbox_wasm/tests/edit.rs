//! Edits of small modules, checked by running the result.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use mathforge_sandbox::edit::{export_globals, hidden_mutable_globals, image_module, trampoline_module};
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
    let var = wasmtime::GlobalType::new(wasmtime::ValType::I32, wasmtime::Mutability::Var);
    let constant = wasmtime::GlobalType::new(wasmtime::ValType::I64, wasmtime::Mutability::Const);
    let imports = [
        wasmtime::Global::new(&mut *store, var, Val::I32(0)).unwrap().into(),
        wasmtime::Global::new(&mut *store, constant, Val::I64(0)).unwrap().into(),
    ];
    Instance::new(store, &module, &imports).unwrap()
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

#[test]
fn an_image_continues_where_the_snapshot_was_taken() {
    let wasm = export_globals(&wat::parse_str(COUNTER).unwrap(), &[(4, "hidden")]).unwrap();
    let mut store = Store::new(&Engine::default(), ());
    let first = instantiate(&mut store, &wasm);
    let memory = first.get_memory(&mut store, "memory").unwrap();
    memory.grow(&mut store, 2).unwrap();
    let bump = first.get_typed_func::<(), i32>(&mut store, "bump").unwrap();
    assert_eq!(bump.call(&mut store, ()).unwrap(), 243);
    memory.write(&mut store, 3 * 65_536 - 1, &[9]).unwrap();
    memory.write(&mut store, 16, b"HELLO").unwrap();
    let snapshot = memory.data(&store).to_vec();

    let image = image_module(&wasm, &snapshot, &[("hidden", 201), ("pointer", 84)]).unwrap();
    let second = instantiate(&mut store, &image);
    let copy = second.get_memory(&mut store, "memory").unwrap();
    assert!(copy.data(&store) == snapshot);
    assert_eq!(second.get_global(&mut store, "pointer").unwrap().get(&mut store).i32(), Some(84));
    let bump = second.get_typed_func::<(), i32>(&mut store, "bump").unwrap();
    assert_eq!(bump.call(&mut store, ()).unwrap(), 244);
    // Tables are filled by the module's own element segments.
    let table = second.get_table(&mut store, "table").unwrap();
    assert!(table.get(&mut store, 1).unwrap().unwrap_func().is_some());
    // Only the pages that hold something are stored.
    assert!(image.len() < wasm.len() + 3 * 4096 + 64, "{}", image.len());
}

#[test]
fn an_image_is_refused_where_it_would_be_wrong() {
    let wasm = wat::parse_str(COUNTER).unwrap();
    let page = vec![0; 65_536];
    assert!(image_module(&wasm, &page, &[]).is_ok());
    assert!(image_module(&wasm, &page[1..], &[]).is_err());
    assert!(image_module(&wasm, &vec![0; 17 * 65_536], &[]).is_err(), "larger than the memory may be");
    for unknown in ["hidden", "memory", "nothing"] {
        assert!(image_module(&wasm, &page, &[(unknown, 1)]).is_err());
    }
    let passive = wat::parse_str("(module (memory 1) (data \"x\") (func (data.drop 0)))").unwrap();
    assert!(image_module(&passive, &page, &[]).is_err());
    let none = wat::parse_str("(module)").unwrap();
    assert!(image_module(&none, &page, &[]).is_err());
}

#[test]
fn the_data_count_follows_the_segments() {
    let wasm = wat::parse_str("(module (memory 1) (data (i32.const 0) \"x\") (func (data.drop 0)))").unwrap();
    let mut snapshot = vec![0; 2 * 65_536];
    snapshot[0] = 1;
    snapshot[5 * 4096] = 1;
    let image = image_module(&wasm, &snapshot, &[]).unwrap();
    wasmparser::Validator::new().validate_all(&image).unwrap();
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
