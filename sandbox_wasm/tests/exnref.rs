//! Small modules with legacy exceptions, translated and executed.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use mathforge_sandbox::exnref::translate;
use wasmtime::{Caller, Config, Engine, Linker, Module, Store};

fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_exceptions(true).wasm_gc(true).wasm_function_references(true);
    Engine::new(&config).unwrap()
}

/// Runs `run(argument)` of the translated module; the result is what it returned (None: it threw or trapped) and what
/// it logged.
fn run(functions: &str, argument: i32) -> (Option<i32>, Vec<i32>) {
    let text = format!(
        r#"(module
             (import "t" "log" (func $log (param i32)))
             (tag $a (param i32)) (tag $b (param i32 i64)) (tag $c)
             (func $throw_a (param i32) (throw $a (local.get 0)))
             {functions}
             (export "run" (func $run)))"#
    );
    let translated = translate(&wat::parse_str(&text).unwrap()).unwrap();
    wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::default())
        .validate_all(&translated)
        .unwrap();
    let engine = engine();
    let module = Module::new(&engine, translated).unwrap();
    let mut linker: Linker<Vec<i32>> = Linker::new(&engine);
    linker
        .func_wrap("t", "log", |mut caller: Caller<'_, Vec<i32>>, value: i32| caller.data_mut().push(value))
        .unwrap();
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    let returned = run.call(&mut store, argument).ok();
    (returned, store.into_data())
}

#[test]
fn catch_takes_the_payload() {
    let source = "(func $run (param i32) (result i32)
        try (result i32)
          (call $throw_a (i32.add (local.get 0) (i32.const 1))) (i32.const 0)
          catch $a (i32.mul (i32.const 10)) end)";
    assert_eq!(run(source, 6), (Some(70), vec![]));
}

#[test]
fn several_payload_values_and_catch_all() {
    let source = "(func $run (param i32) (result i32)
        try (result i32)
            (if (i32.eqz (local.get 0)) (then (throw $b (i32.const 3) (i64.const 4))))
            (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $c)))
            (i32.const 99)
          catch $a
          catch $b (i32.wrap_i64) (i32.add)
          catch_all (i32.const -1) end)";
    assert_eq!(run(source, 0).0, Some(7));
    assert_eq!(run(source, 1).0, Some(-1));
    assert_eq!(run(source, 2).0, Some(99));
}

#[test]
fn parameters_of_a_try_and_values_below_it() {
    let source = "(func $run (param i32) (result i32)
        (i32.const 1000)
        (local.get 0)
        try (param i32) (result i32)
          (call $throw_a) (i32.const 0)
          catch $a (i32.const 5) (i32.add)
          catch_all (i32.const 0) end
        (i32.add))";
    assert_eq!(run(source, 7).0, Some(1012));
}

#[test]
fn a_rethrow_keeps_payload_and_identity_at_depth() {
    let source = "(func $run (param i32) (result i32)
        try $outer (result i32)
            try $middle (result i32)
              (call $throw_a (i32.const 40)) (i32.const 0)
              catch $a
                (call $log)
                try $inner
                  (throw $c)
                  catch $c (block (if (local.get 0) (then (rethrow $middle)) (else (rethrow $inner)))) end
                (i32.const 1) end
          catch $a (i32.const 2) (i32.add)
          catch $c (i32.const 3) end)";
    assert_eq!(run(source, 1), (Some(42), vec![40]));
    assert_eq!(run(source, 0), (Some(3), vec![40]));
}

#[test]
fn a_delegate_skips_the_tries_between() {
    let source = "(func $run (param i32) (result i32)
        try $far (result i32)
            try $near (result i32)
                try (call $throw_a (i32.const 1)) delegate $far
                (i32.const 0)
              catch_all (i32.const 50) end
          catch $a (i32.const 100) (i32.add) end)";
    assert_eq!(run(source, 0).0, Some(101));
}

#[test]
fn a_delegate_leaves_the_function() {
    let source = "(func $leave (result i32)
          try $all (result i32)
              try (result i32) (call $throw_a (i32.const 8)) (i32.const 1) delegate 1
            catch_all (i32.const 2) end)
        (func $run (param i32) (result i32)
          try (result i32) (call $leave) catch $a (i32.const 20) (i32.add) end)";
    assert_eq!(run(source, 0).0, Some(28));
}

#[test]
fn a_delegate_to_a_block_goes_to_the_try_around_it() {
    let source = "(func $run (param i32) (result i32)
        try $far (result i32)
            (block $b (result i32)
              try $near (result i32)
                try (throw $c) delegate $b (i32.const 0)
                catch_all (i32.const 50) end)
          catch_all (i32.const 7) end)";
    assert_eq!(run(source, 0).0, Some(7));
}

#[test]
fn a_delegate_to_a_handler_does_not_enter_its_try_again() {
    let source = "(func $run (param i32) (result i32)
        try $far (result i32)
            try $here (result i32)
              (throw $c)
              catch_all
                try (result i32)
                  try (throw $c) delegate $here (i32.const 0)
                  catch_all (i32.const 50) end end
          catch_all (i32.const 9) end)";
    assert_eq!(run(source, 0).0, Some(9));
}

#[test]
fn a_chain_of_delegates() {
    let source = "(func $run (param i32) (result i32)
        try $far (result i32)
            try $near (result i32)
                try $link (result i32)
                    try (result i32)
                      try (call $throw_a (i32.const 6)) delegate $link (i32.const 0)
                      catch_all (i32.const 51) end
                  delegate $far
              catch_all (i32.const 50) end
          catch $a (i32.const 100) (i32.add) end)";
    assert_eq!(run(source, 0).0, Some(106));
}

#[test]
fn branches_out_of_body_and_handler() {
    let source = "(func $run (param i32) (result i32)
        (block $out (result i32)
          try $t (result i32)
              (br_if $out (i32.const 1) (i32.eqz (local.get 0)))
              (drop)
              (br_if $t (i32.const 2) (i32.eq (local.get 0) (i32.const 1)))
              (drop)
              (call $throw_a (local.get 0))
              (i32.const 3)
            catch $a
              (drop)
              (br_if $out (i32.const 4) (i32.eq (local.get 0) (i32.const 2)))
              (drop)
              (block $x (block $y (block $z
                (br_table $x $y $z (i32.sub (local.get 0) (i32.const 3)))))
                (return (i32.const 6)))
              (i32.const 5) end
          (i32.const 100) (i32.add)))";
    assert_eq!(run(source, 0).0, Some(1));
    assert_eq!(run(source, 1).0, Some(102));
    assert_eq!(run(source, 2).0, Some(4));
    assert_eq!(run(source, 3).0, Some(105));
    assert_eq!(run(source, 4).0, Some(6));
}

#[test]
fn a_try_in_a_loop_forgets_the_last_exception() {
    let source = "(func $run (param i32) (result i32) (local $sum i32)
        (loop $again
          try $t
            (call $throw_a (local.get 0))
            catch $a
              (local.set $sum (i32.add (local.get $sum)))
              try (rethrow $t) catch $a (call $log) end end
          (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get $sum))";
    assert_eq!(run(source, 4), (Some(10), vec![4, 3, 2, 1]));
}

#[test]
fn an_uncaught_exception_leaves_through_a_try_without_handlers() {
    let source = "(func $run (param i32) (result i32) try (result i32) (call $throw_a (i32.const 1)) (i32.const 0) end)";
    assert_eq!(run(source, 0).0, None);
}

#[test]
fn what_needs_no_change_is_left_alone() {
    let module = wat::parse_str(
        r#"(module (@custom "dylink.0" (before first) "\01\04\00\00\00\00") (tag) (func (throw 0)) (memory 1) (data (i32.const 0) "x"))"#,
    )
    .unwrap();
    assert_eq!(translate(&module).unwrap(), module);
    assert!(translate(b"\0asm\x01\0\0\0\x0a\x02").is_err());
    assert!(translate(b"no module").is_err());
}

#[test]
fn custom_sections_keep_their_place_and_dwarf_goes() {
    let module = wat::parse_str(
        r#"(module (@custom "dylink.0" (before first) "\01\04\00\00\00\00") (@custom ".debug_line" "x") (tag)
             (func $f try (throw 0) catch 0 end))"#,
    )
    .unwrap();
    let translated = translate(&module).unwrap();
    let names: Vec<_> = wasmparser::Parser::new(0)
        .parse_all(&translated)
        .filter_map(|payload| match payload.unwrap() {
            wasmparser::Payload::CustomSection(custom) => Some(custom.name().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["dylink.0", "name"]);
    assert_eq!(&translated[8..10], &module[8..10]);
}
