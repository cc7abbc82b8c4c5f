//! Harmony: arbitrary ids and text parse without a panic, and a stream cut anywhere gives what the whole gives.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::harmony::encode::{SpecialText, encode};
use mathforge_core::harmony::event::messages;
use mathforge_core::harmony::parser::{Options, Parser, parse_ids, parse_text};

fuzz_target!(|input: (Vec<u32>, &str, u8)| {
    let (mut ids, text, cut) = input;
    // Half of the ids are drawn from the neighbourhood of the structural tokens.
    for id in &mut ids {
        if *id % 2 == 0 {
            *id = 199_998 + (*id >> 1) % 20;
        }
    }
    ids.extend(encode(text, SpecialText::Token));
    let mut parser = Parser::new(Options::default());
    let at = if ids.is_empty() { 0 } else { cut as usize % ids.len() };
    let mut events = Vec::new();
    for chunk in [&ids[..at], &ids[at..]] {
        match parser.push_ids(chunk) {
            Ok(seen) => events.extend(seen),
            Err(error) => panic!("{error}"),
        }
    }
    events.extend(parser.finish());
    assert_eq!(messages(events), parse_ids(&ids, Options::default()));
    parse_text(text, Options::default());
});
