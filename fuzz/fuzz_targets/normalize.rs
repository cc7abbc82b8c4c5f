//! Normalisation of arbitrary text: no panic, a second time changes nothing, within 50 ms of CPU time.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::answer::normalize::normalize;
use mathforge_core::answer::parse::parse;

#[path = "../cpu_time.rs"]
mod cpu_time;

fuzz_target!(|text: &str| {
    cpu_time::within_limit(|| {
        let once = normalize(text).into_owned();
        assert_eq!(normalize(&once), once);
        if let Ok(parsed) = parse(&once) {
            assert!(parsed.tree.to_json().starts_with('['));
        }
    });
});
