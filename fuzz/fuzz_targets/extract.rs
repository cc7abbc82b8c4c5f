//! Extraction of the final answer from arbitrary text: no panic, the answer is a slice of the text, within 50 ms of CPU time.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::answer::extract;

#[path = "../cpu_time.rs"]
mod cpu_time;

fuzz_target!(|text: &str| {
    cpu_time::within_limit(|| {
        if let Some(answer) = extract::extract(text, extract::ExtractOptions::default()) {
            assert!(text.contains(answer.answer.as_ref()));
        }
    });
});
