//! Normalisation of arbitrary text: no panic, and a second time changes nothing.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::answer::normalize::normalize;
use mathforge_core::answer::parse::parse;

fuzz_target!(|text: &str| {
    let once = normalize(text).into_owned();
    assert_eq!(normalize(&once), once);
    if let Ok(parsed) = parse(&once) {
        assert!(parsed.tree.to_json().starts_with('['));
    }
});
