//! Rates of the Harmony core, without Python: the best of many runs, as JSON lines. `make bench` runs it.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::hint::black_box;
use std::io::Read;
use std::time::{Duration, Instant};

use mathforge_core::harmony::decode::decode_bytes;
use mathforge_core::harmony::encode::{SpecialText, encode};
use mathforge_core::harmony::parser::{
    Options, Parser, Step, find_in_ids, find_in_text, parse_ids, parse_text,
};

/// The best of the runs that fit into half a second: on a busy machine the others measure its other work.
fn best_seconds(mut work: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut best = Duration::MAX;
    while begin.elapsed() < Duration::from_millis(500) {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    best.as_secs_f64()
}

fn push_one_by_one(ids: &[u32]) -> usize {
    let mut parser = Parser::new(Options::default());
    let mut length = 0;
    for id in ids {
        let read = parser.read_ids(&[*id], |step| {
            if let Step::Delta { text, .. } = step {
                length += text.len();
            }
        });
        black_box(read.is_ok());
    }
    length
}

fn main() -> std::io::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let ids = encode(&text, SpecialText::Token);
    let mut machine = Options::default().machine();
    let (source, mut copy) = (vec![1_u8; 64 << 20], vec![0_u8; 64 << 20]);
    let tell = |what: &str, seconds: f64| println!("{{\"what\": \"{what}\", \"seconds\": {seconds:e}}}");
    tell("memcpy 64 MiB", best_seconds(|| black_box(&mut copy).copy_from_slice(black_box(&source))));
    tell("ids to spans", best_seconds(|| drop(black_box(find_in_ids(black_box(&ids), &mut machine)))));
    tell("text to spans", best_seconds(|| drop(black_box(find_in_text(text.as_bytes(), &mut machine)))));
    tell("ids to text", best_seconds(|| drop(black_box(decode_bytes(black_box(&ids))))));
    tell("ids to messages", best_seconds(|| drop(black_box(parse_ids(&ids, Options::default())))));
    tell("text to messages", best_seconds(|| drop(black_box(parse_text(&text, Options::default())))));
    tell("push", best_seconds(|| _ = black_box(push_one_by_one(&ids))));
    tell("encode", best_seconds(|| drop(black_box(encode(&text, SpecialText::Token)))));
    Ok(())
}
