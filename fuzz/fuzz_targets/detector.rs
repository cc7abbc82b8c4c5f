//! Blocks of code: arbitrary text in every style, cut anywhere, gives the blocks of the whole; so do arbitrary ids.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::harmony::encode::{SpecialText, encode};
use mathforge_core::stream::detector::{Detector, Event};
use mathforge_core::stream::tags::{TAG_SETS, TagSet};

fn read(tags: &'static TagSet, chunks: [&str; 2]) -> Vec<Event> {
    let mut detector = Detector::new(tags);
    let mut events = Vec::new();
    for chunk in chunks {
        match detector.push_text(chunk) {
            Ok(found) => events.extend(found),
            Err(error) => panic!("{error}"),
        }
    }
    events.extend(detector.finish());
    events
}

fuzz_target!(|input: (u8, Vec<u8>, &str, u16)| {
    let (style, pieces, rest, cut) = input;
    let tags = &TAG_SETS[style as usize % TAG_SETS.len()];
    let known = [tags.code_begin, tags.code_end, tags.output_begin, tags.output_end, "<|start|>", "<|message|>", "\n", "x"];
    let mut text: String = pieces.iter().map(|&piece| known[piece as usize % known.len()]).collect();
    text.push_str(rest);
    let mut cut = cut as usize % (text.len() + 1);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    let events = read(tags, [&text, ""]);
    assert_eq!(read(tags, [&text[..cut], &text[cut..]]), events);
    let mut last = 0;
    for event in events.iter().filter(|event| event.is_end) {
        assert!(last <= event.start && event.start <= event.end && event.end <= text.len());
        last = event.end;
    }
    if tags.name == "gpt-oss" {
        let ids = encode(&text, SpecialText::Token);
        let mut detector = Detector::new(tags);
        let mut by_id = Vec::new();
        for id in ids {
            match detector.push_ids(&[id]) {
                Ok(found) => by_id.extend(found),
                Err(error) => panic!("{error}"),
            }
        }
        by_id.extend(detector.finish());
        assert_eq!(by_id, events);
    }
});
