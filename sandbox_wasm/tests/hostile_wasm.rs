//! Law: the exception translation and the section editor answer damaged modules with an error or with a module, never
//! with a panic; and what they make of a valid module is valid.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use mathforge_sandbox::edit::{export_globals, hidden_mutable_globals, trampoline_module};
use mathforge_sandbox::exnref::translate;
use proptest::prelude::*;
use proptest::sample::Index;
use wasmparser::{Validator, WasmFeatures};

const MODULES: [&str; 3] = [
    r#"(module
        (import "env" "f" (func $f (param i32) (result i32)))
        (import "env" "g" (global (mut i32)))
        (tag $value (param i32)) (tag $empty)
        (memory (export "memory") 1 16) (table (export "table") 4 funcref) (elem (i32.const 1) $f)
        (global $sp (export "sp") (mut i32) (i32.const 100)) (global $hidden (mut i32) (i32.const 7))
        (data (i32.const 16) "hello")
        (func (export "run") (param i32) (result i32) (local i64 f64)
          try (result i32)
            local.get 0
            if
              i32.const 1
              throw $value
            end
            try
              throw $empty
            catch $empty
              rethrow 0
            catch_all
              i32.const 3
              call $f
              drop
            end
            i32.const 4
          catch $value
            i32.const 1
            i32.add
          catch_all
            i32.const 5
          end))"#,
    r"(module (tag $t (param i64 f32)) (func (param i32)
          try
            try
              local.get 0
              br_table 0 1 2 0
            delegate 0
            i64.const 1
            f32.const 2
            throw $t
          catch $t
            drop
            drop
          end))",
    "(module (memory 1) (global (mut i32) (i32.const 3)) (func loop br 0 end))",
];

/// One damage: at a place, do something with a byte.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Truncate(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = prop_oneof![
        any::<u8>(),
        Just(0xff),
        Just(0x80),
        Just(0x0b),
        Just(0x06),
        Just(0x07),
        Just(0x18),
        Just(0x19)
    ];
    prop_oneof![
        6 => (any::<Index>(), byte).prop_map(|(at, byte)| Damage::Set(at, byte)),
        2 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..12)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        2 => (any::<Index>(), 1..8_usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        1 => (any::<Index>(), 1..30_usize, 1..200_usize).prop_map(|(at, len, times)| Damage::Repeat(at, len, times)),
        1 => any::<Index>().prop_map(Damage::Truncate),
    ]
}

fn damaged(mut wasm: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        if wasm.is_empty() {
            break;
        }
        match damage {
            Damage::Set(at, byte) => {
                let at = at.index(wasm.len());
                wasm[at] = *byte;
            }
            Damage::Insert(at, bytes) => {
                let at = at.index(wasm.len());
                wasm.splice(at..at, bytes.iter().copied());
            }
            Damage::Remove(at, count) => {
                let at = at.index(wasm.len());
                wasm.drain(at..(at + count).min(wasm.len()));
            }
            Damage::Repeat(at, len, times) => {
                let at = at.index(wasm.len());
                let piece = wasm[at..(at + len).min(wasm.len())].repeat(*times);
                wasm.splice(at..at, piece);
            }
            Damage::Truncate(at) => wasm.truncate(at.index(wasm.len())),
        }
    }
    wasm
}

fn is_valid(wasm: &[u8]) -> bool {
    Validator::new_with_features(WasmFeatures::all()).validate_all(wasm).is_ok()
}

/// Whatever comes back must not be worse than what went in.
fn edit(wasm: &[u8]) {
    let valid = is_valid(wasm);
    if let Ok(translated) = translate(wasm) {
        assert!(!valid || is_valid(&translated));
    } else {
        assert!(!valid);
    }
    if let Ok(hidden) = hidden_mutable_globals(wasm) {
        let names: Vec<_> = hidden.iter().map(|global| format!("hidden {global}")).collect();
        let globals: Vec<_> = hidden.iter().copied().zip(names.iter().map(String::as_str)).collect();
        if let Ok(exported) = export_globals(wasm, &globals) {
            assert!(!valid || is_valid(&exported));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_modules_do_no_harm(which in 0..MODULES.len(), damages in prop::collection::vec(damage(), 0..6)) {
        edit(&damaged(wat::parse_str(MODULES[which]).unwrap(), &damages));
    }

    #[test]
    fn bytes_that_are_no_module_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        edit(&bytes);
        module.extend(bytes);
        edit(&module);
    }

    #[test]
    fn text_that_holds_no_trampoline_is_an_error(text in "[ -~]{0,200}", hex in "[0-9a-f]{0,64}") {
        assert!(trampoline_module(&text).is_err());
        let _ = trampoline_module(&format!("{text}0061736d01000000{hex}{text}"));
    }
}
