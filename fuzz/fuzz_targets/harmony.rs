//! Harmony: arbitrary ids and text parse without a panic, a stream cut anywhere gives what the whole gives, the messages
//! cover the input, and `as-parsed` gives it back.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::harmony::encode::{SpecialText, encode};
use mathforge_core::harmony::event::messages;
use mathforge_core::harmony::history::Drop;
use mathforge_core::harmony::layout::Layout;
use mathforge_core::harmony::message::Message;
use mathforge_core::harmony::parser::{Options, Parser, parse_ids, parse_text};
use mathforge_core::harmony::render::{Purpose, render};

fuzz_target!(|input: (Vec<u32>, &str, u8, u8)| {
    let (mut ids, text, first, second) = input;
    // Half of the ids are drawn from the neighbourhood of the structural tokens.
    for id in &mut ids {
        if *id % 2 == 0 {
            *id = 199_998 + (*id >> 1) % 20;
        }
    }
    ids.extend(encode(text, SpecialText::Token));
    let parsed = parse_ids(&ids, Options::default());
    check_spans(&parsed, ids.len());
    assert_eq!(render(&parsed, Layout::AsParsed, Drop::Nothing, Purpose::Conversation), ids);

    let mut cuts = [first, second].map(|cut| cut as usize % (ids.len() + 1));
    cuts.sort_unstable();
    let mut parser = Parser::new(Options::default());
    let mut events = Vec::new();
    for chunk in [&ids[..cuts[0]], &ids[cuts[0]..cuts[1]], &ids[cuts[1]..]] {
        events.extend(parser.push_ids(chunk).unwrap_or_else(|error| panic!("{error}")));
    }
    events.extend(parser.finish());
    assert_eq!(messages(events), parsed);

    let cut = text.char_indices().map(|(at, _)| at).nth(first as usize).unwrap_or(text.len());
    let mut parser = Parser::new(Options::default());
    let mut events = Vec::new();
    for chunk in [&text[..cut], &text[cut..]] {
        events.extend(parser.push_text(chunk).unwrap_or_else(|error| panic!("{error}")));
    }
    events.extend(parser.finish());
    assert_eq!(messages(events), parse_text(text, Options::default()));
});

fn check_spans(parsed: &[Message], length: usize) {
    let mut end = 0;
    for message in parsed {
        let tokens = message.tokens.clone().unwrap_or_default();
        assert_eq!(tokens.start, end);
        end = tokens.end;
    }
    assert_eq!(end, length);
}
