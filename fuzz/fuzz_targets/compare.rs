//! Comparison of two arbitrary answers: no panic, symmetric, and never "different" from itself.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::answer::{VerdictKind, compare};

fuzz_target!(|pair: (&str, &str)| {
    let (gold, answer) = pair;
    assert_eq!(compare(gold, answer).kind, compare(answer, gold).kind);
    assert_ne!(compare(gold, gold).kind, VerdictKind::Different);
});
