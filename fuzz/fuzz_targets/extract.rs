//! Extraction of the final answer from arbitrary text: no panic, and the answer is a slice of the text.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::answer::extract;

fuzz_target!(|text: &str| {
    if let Some(answer) = extract::extract(text, extract::ExtractOptions::default()) {
        assert!(text.contains(answer.answer.as_ref()));
    }
});
