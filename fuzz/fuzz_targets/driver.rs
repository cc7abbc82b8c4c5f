//! The driver of a tool loop: arbitrary rounds in every style, cut anywhere, lead where the whole leads; ids included.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::stream::driver::{Driver, Step};
use mathforge_core::stream::tags::{TAG_SETS, TagSet};

/// Feeds rounds of bytes, each cut at most once; a round that asks for a tool is answered.
fn drive(tags: &'static TagSet, rounds: &[Vec<u8>], cut: Option<u16>) -> (Vec<Step>, Driver) {
    let mut driver = Driver::new(tags, vec!["functions.f".to_owned()]);
    let mut steps = Vec::new();
    for round in rounds {
        let at = cut.map_or(round.len(), |cut| cut as usize % (round.len() + 1));
        for chunk in [&round[..at], &round[at..]] {
            ok(driver.feed_bytes(chunk));
        }
        let step = ok(driver.finish());
        assert_ne!(step, Step::Continue);
        if let Step::NeedsTool(calls) = &step {
            assert!(!calls.is_empty());
            let closing = calls[calls.len() - 1].closing;
            ok(driver.answer_text(&format!("{closing}{}1{}", tags.output_begin, tags.output_end)));
        }
        steps.push(step);
    }
    (steps, driver)
}

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fuzz_target!(|input: (u8, Vec<(Vec<u8>, Vec<u8>)>, u16, Vec<u32>)| {
    let (style, rounds, cut, ids) = input;
    let tags = &TAG_SETS[style as usize % TAG_SETS.len()];
    let known = [
        tags.code_begin, tags.code_end, tags.output_begin, tags.output_end, "<|start|>", "<|channel|>", "<|message|>",
        "<|end|>", "<|return|>", "assistant", "analysis", " to=python", " to=functions.f", "{}", "\n", "```",
    ];
    let rounds: Vec<Vec<u8>> = rounds
        .into_iter()
        .map(|(pieces, rest)| {
            let mut bytes: Vec<u8> =
                pieces.iter().flat_map(|&piece| known[piece as usize % known.len()].bytes()).collect();
            bytes.extend(rest);
            bytes
        })
        .collect();
    let (whole, one) = drive(tags, &rounds, None);
    let (in_pieces, other) = drive(tags, &rounds, Some(cut));
    assert_eq!(whole, in_pieces);
    assert_eq!(one.spans(), other.spans());
    assert_eq!(one.looping(), other.looping());
    if tags.name == "gpt-oss" {
        let mut driver = Driver::new(tags, Vec::new());
        let near = |id: &u32| if id % 2 == 0 { 199_998 + (id >> 1) % 20 } else { *id };
        for id in ids.iter().map(near) {
            ok(driver.feed_ids(&[id]));
        }
        let last = ok(driver.finish());
        let mut at_once = Driver::new(tags, Vec::new());
        ok(at_once.feed_ids(&ids.iter().map(near).collect::<Vec<_>>()));
        assert_eq!(ok(at_once.finish()), last);
        assert_eq!(at_once.spans(), driver.spans());
    }
});
