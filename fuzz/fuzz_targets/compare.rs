//! Comparison of two arbitrary answers: no panic, symmetric, never "different" from itself, and within 50 ms of CPU time.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::answer::{VerdictKind, compare};

#[path = "../cpu_time.rs"]
mod cpu_time;

fuzz_target!(|pair: (&str, &str)| {
    let (gold, answer) = pair;
    cpu_time::within_limit(|| {
        std::hint::black_box(compare(gold, answer));
    });
    assert_eq!(compare(gold, answer).kind, compare(answer, gold).kind);
    assert_ne!(compare(gold, gold).kind, VerdictKind::Different);
});
