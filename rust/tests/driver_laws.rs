//! Laws of the driver: chunks do not matter, every style, and every way in which a call is written or cut.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use mathforge_core::harmony::encode::{SpecialText, encode};
use mathforge_core::stream::detector::Block;
use mathforge_core::stream::driver::{Call, Driver, Step};
use mathforge_core::stream::tags::{TAG_SETS, TagSet};
use proptest::prelude::*;

fn driver(tags: &str) -> Driver {
    Driver::new(TagSet::from_name(tags).unwrap(), Vec::new())
}

fn codes(step: &Step) -> Vec<&str> {
    match step {
        Step::NeedsTool(calls) => calls.iter().map(|call| &*call.code).collect(),
        Step::Continue | Step::Done => Vec::new(),
    }
}

fn whole(tags: &str, text: &str) -> Step {
    let mut driver = driver(tags);
    driver.feed_text(text).unwrap();
    driver.finish().unwrap()
}

fn only_call(step: Step) -> Call {
    match step {
        Step::NeedsTool(mut calls) if calls.len() == 1 => calls.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_rounds_of_every_style() {
    for tags in &TAG_SETS {
        let mut driver = driver(tags.name);
        assert_eq!(driver.feed_text("Let me see. ").unwrap(), Step::Continue, "{}", tags.name);
        for (round, code) in ["x = 1", "x + 1"].into_iter().enumerate() {
            let sampled = format!("{}{code}{}", tags.code_begin, tags.code_end);
            let call = only_call(driver.feed_text(&sampled).unwrap());
            assert_eq!((&*call.code, call.round, call.closing), (code, round, ""), "{}", tags.name);
            assert_eq!(only_call(driver.finish().unwrap()), call);
            driver.answer_text(&format!("{}2{}", tags.output_begin, tags.output_end)).unwrap();
        }
        driver.feed_text(" The answer is 2.").unwrap();
        assert_eq!(driver.finish().unwrap(), Step::Done, "{}", tags.name);
        let blocks: Vec<_> =
            driver.spans().iter().map(|span| (span.block, span.round, span.complete)).collect();
        let expected = [(Block::Code, 0), (Block::Output, 0), (Block::Code, 1), (Block::Output, 1)];
        assert_eq!(blocks, expected.map(|(block, round)| (block, round, true)), "{}", tags.name);
    }
}

#[test]
fn a_stripped_stop_is_a_call_when_the_round_is_over() {
    for tags in &TAG_SETS {
        let mut driver = driver(tags.name);
        assert_eq!(driver.feed_text(&format!("So{}1 + 1", tags.code_begin)).unwrap(), Step::Continue);
        let call = only_call(driver.finish().unwrap());
        assert_eq!(
            (&*call.code, call.closed, call.closing),
            ("1 + 1", false, tags.code_end),
            "{}",
            tags.name
        );
        driver.answer_text(&format!("{}{}2{}", call.closing, tags.output_begin, tags.output_end)).unwrap();
        assert_eq!(driver.finish().unwrap(), Step::Done, "{}", tags.name);
        assert_eq!(driver.spans().len(), 2, "{}", tags.name);
    }
    let call = only_call(whole("qwen", "```python\n1 + 1\n```"));
    assert_eq!((&*call.code, call.closing), ("1 + 1\n", "\n"));
}

#[test]
fn code_that_the_model_talks_on_after_is_no_call() {
    for tags in TAG_SETS.iter().filter(|tags| tags.name != "gpt-oss") {
        let text = format!("So{}1 + 1{}which gives 2.", tags.code_begin, tags.code_end);
        assert_eq!(whole(tags.name, &text), Step::Done, "{}", tags.name);
        let faked =
            format!("So{}1 + 1{}{}2{}", tags.code_begin, tags.code_end, tags.output_begin, tags.output_end);
        assert_eq!(whole(tags.name, &faked), Step::Done, "{}", tags.name);
    }
}

const CALL: &str = "<|channel|>analysis to=python code<|message|>";

#[test]
fn calls_of_gpt_oss() {
    let two = format!("{CALL}1<|call|><|start|>assistant{CALL}2<|call|>");
    assert_eq!(codes(&whole("gpt-oss", &two)), ["1", "2"]);
    let prose_first = format!("{CALL}I will now compute.<|end|><|start|>assistant{CALL}2<|call|>");
    assert_eq!(codes(&whole("gpt-oss", &prose_first)), ["2"]);
    let moved_on = format!("{CALL}1<|call|><|start|>assistant<|channel|>final<|message|>5<|return|>");
    assert_eq!(whole("gpt-oss", &moved_on), Step::Done);
    let ended = only_call(whole("gpt-oss", &format!("{CALL}1<|end|>")));
    assert_eq!((ended.closed, ended.closing), (false, ""));
    let nobody = only_call(whole("gpt-oss", "<|channel|>analysis<|message|>hm<|call|>"));
    assert_eq!(nobody.tool, None);
    let function = only_call(whole("gpt-oss", " to=functions.f<|channel|>commentary json<|message|>{}"));
    assert_eq!((function.tool.as_deref(), function.closing), (Some("functions.f"), "<|call|>"));
    assert_eq!(whole("gpt-oss", "<|channel|>analysis to=python co"), Step::Done);
    // Half a header that reads like a tool's is no answer to the call before it.
    let half = format!("{CALL}1<|call|><|start|>assistantanalysis<|channel|>");
    assert_eq!(codes(&whole("gpt-oss", &half)), ["1"]);
}

#[test]
fn the_turn_ends_at_return() {
    let mut driver = driver("gpt-oss");
    let ids = encode("<|channel|>final<|message|>5<|return|>", SpecialText::Token);
    let (last, before) = ids.split_last().unwrap();
    assert_eq!(driver.feed_ids(before).unwrap(), Step::Continue);
    assert_eq!(driver.channel().as_deref(), Some("final"));
    assert_eq!(driver.feed_ids(&[*last]).unwrap(), Step::Done);
}

#[test]
fn a_loop_is_told_and_output_is_no_part_of_it() {
    let mut driver = driver("gpt-oss");
    driver.feed_text("<|channel|>analysis<|message|>").unwrap();
    for _ in 0..999 {
        driver.feed_text("wait, ").unwrap();
    }
    let found = driver.looping().unwrap();
    assert_eq!(found.period, 6);
    let mut quiet = self::driver("gpt-oss");
    quiet.feed_text(&format!("{CALL}1<|call|>")).unwrap();
    quiet.answer_text(&"<|start|>python<|message|>0<|end|>".repeat(999)).unwrap();
    assert_eq!(quiet.looping(), None);
}

/// Conversations out of the pieces that matter, well-formed or not.
fn pieces(tags: &'static TagSet) -> impl Strategy<Value = String> {
    let known = [
        tags.code_begin,
        tags.code_end,
        tags.output_begin,
        tags.output_end,
        "<|channel|>",
        "<|message|>",
        "<|start|>",
        "<|end|>",
        "<|return|>",
        "analysis",
        " to=python",
        "assistant",
        "\n",
        "```",
        "é🧮",
        " x = 1",
    ];
    prop::collection::vec(prop::sample::select(known.to_vec()), 0..14).prop_map(|chosen| chosen.concat())
}

proptest! {
    #[test]
    fn chunks_do_not_matter(
        (style, text) in (0..TAG_SETS.len()).prop_flat_map(|style| (Just(style), pieces(&TAG_SETS[style]))),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let tags = TAG_SETS[style].name;
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        bounds.extend([0, text.len()]);
        bounds.sort_unstable();
        let mut at_once = driver(tags);
        let step = at_once.feed_text(&text).unwrap();
        let mut cut = driver(tags);
        let mut last = Step::Continue;
        for pair in bounds.windows(2) {
            last = cut.feed_bytes(&text.as_bytes()[pair[0]..pair[1]]).unwrap();
        }
        prop_assert_eq!(&last, &step);
        prop_assert_eq!(cut.spans(), at_once.spans());
        prop_assert_eq!(cut.channel(), at_once.channel());
        let (one, other) = (cut.finish().unwrap(), at_once.finish().unwrap());
        prop_assert_eq!(&one, &other);
        // What waits during the stream still waits when it is over.
        if matches!(step, Step::NeedsTool(_)) {
            prop_assert_eq!(codes(&one), codes(&step));
        }
        prop_assert_ne!(one, Step::Continue);
    }

    #[test]
    fn bytes_that_are_no_text_are_read_alike_however_they_are_cut(
        bytes in prop::collection::vec(prop::sample::select(b"a\xd7\xf5\x80\xe4\xb8\xad\xf0\x9f".to_vec()), 0..30),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        bounds.extend([0, bytes.len()]);
        bounds.sort_unstable();
        let mut cut = driver("gpt-oss");
        cut.feed_text(CALL).unwrap();
        for pair in bounds.windows(2) {
            cut.feed_bytes(&bytes[pair[0]..pair[1]]).unwrap();
        }
        let call = only_call(cut.finish().unwrap());
        prop_assert_eq!(call.code, String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn ids_are_driven_like_text(text in pieces(&TAG_SETS[0])) {
        let ids = encode(&text, SpecialText::Token);
        let mut by_id = driver("gpt-oss");
        let mut last = Step::Continue;
        for id in ids {
            last = by_id.feed_ids(&[id]).unwrap();
        }
        let mut by_text = driver("gpt-oss");
        prop_assert_eq!(last, by_text.feed_text(&text).unwrap());
        prop_assert_eq!(by_id.finish().unwrap(), by_text.finish().unwrap());
        let places = |driver: &Driver| -> Vec<_> {
            driver.spans().iter().map(|span| (span.block, span.bytes.clone(), span.complete)).collect()
        };
        prop_assert_eq!(places(&by_id), places(&by_text));
    }
}
