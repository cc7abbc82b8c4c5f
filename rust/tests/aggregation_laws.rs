//! Counting is associative and commutative: any split of the input, in any order, by way of files, gives equal counts.

#![allow(clippy::unwrap_used)]

use mathforge_core::table::fields::Options as Reading;
use mathforge_core::table::grades::Grades;
use mathforge_core::table::parts::{self, Facts, Parts};
use mathforge_core::table::tally::{Options, Tally};
use mathforge_core::table::{Columns, scan};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::atomic::{AtomicU64, Ordering};

/// One row of JSON, or none.
fn line() -> impl Strategy<Value = String> {
    let answer =
        prop::sample::select(vec!["\"1\"", "\"01\"", "\"1.0\"", "\"x\"", "null", "7", "\"\\ud800\""]);
    let row = (0u8..5, answer, any::<bool>(), 0u8..40, 0u8..3).prop_map(|(problem, answer, right, tokens, more)| {
        let name = match more {
            0 => format!("\"id\": \"p{problem}\", "),
            1 => format!("\"problem\": \"text {problem}\", \"expected_answer\": \"{}\", ", tokens % 3),
            _ => "\"id\": \"\\u00005\", ".to_owned(),
        };
        format!(
            "{{{name}\"predicted_answer\": {answer}, \"symbolic_correct\": {right}, \"num_generated_tokens\": {tokens}, \
             \"reward_model_score\": 0.{tokens}, \"subset_for_metrics\": \"s{}\", \"generation_start_time\": 1.{tokens}}}",
            problem % 2
        )
    });
    let unnamed = any::<bool>()
        .prop_map(|right| format!("{{\"predicted_answer\": \"3\", \"symbolic_correct\": {right}}}"));
    prop_oneof![
        8 => row,
        3 => unnamed,
        1 => Just("{\"id\": \"cut".to_owned()),
        1 => Just(String::new()),
    ]
}

/// What users see of columns: the counts, the damage with its lines, the conflicts.
fn seen(mut columns: Columns, threads: usize) -> (String, Vec<String>, Vec<String>) {
    columns.name_by_line();
    let grades = Grades::of(&columns, threads);
    let tally = Tally::of(&columns, &grades, Options { first_k: true, ..Options::default() }, threads);
    let mut damage = Vec::new();
    for (file, kind, kept, count) in columns.damage.iter() {
        let lines: Vec<u64> = count.places.iter().map(|place| columns.line(*place)).collect();
        damage.push(format!("{file} {} {kept} {} {lines:?}", kind.code(), count.rows));
    }
    let name = |problem: &u32| columns.names.get(*problem).to_owned();
    let mut conflicts: Vec<String> = columns.conflicts.0.iter().map(name).collect();
    conflicts.extend(columns.conflicts.1.iter().map(name));
    conflicts.sort();
    (tally.to_json().unwrap(), damage, conflicts)
}

fn through_bytes(columns: &Columns) -> Columns {
    let mut bytes = Vec::new();
    parts::write(&[columns], Facts::new(), &mut bytes).unwrap();
    Parts::open(Cursor::new(bytes)).unwrap().all().unwrap()
}

/// Files as byte ranges, each read on its own.
fn pieces(files: &[String], width: usize) -> Vec<Columns> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("mathforge-laws-{}-{call}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut found = Vec::new();
    for (number, text) in files.iter().enumerate() {
        let path = folder.join(format!("{number}.jsonl"));
        std::fs::write(&path, text).unwrap();
        for start in (0..text.len()).step_by(width) {
            let end = Some((start + width).min(text.len()) as u64);
            let piece = scan::Piece { file: number as u32, path: path.clone(), start: start as u64, end };
            let ranges = scan::plan(&[piece]).unwrap();
            found.push(scan::scan(&ranges, &Reading::default(), 1, &AtomicU64::new(0)).unwrap());
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    found
}

fn merged(parts: impl IntoIterator<Item = Columns>) -> Columns {
    let mut all = Columns::default();
    for part in parts {
        all.merge(part);
    }
    all
}

fn texts(files: &[Vec<String>]) -> Vec<String> {
    files
        .iter()
        .map(|lines| {
            lines.iter().fold(String::new(), |mut text, line| {
                let _ = writeln!(text, "{line}");
                text
            })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_split_and_order_of_shards_and_threads_count_the_same(
        files in prop::collection::vec(prop::collection::vec(line(), 0..12), 1..4),
        width in 20usize..400,
        order in any::<u64>(),
        grouping in any::<u64>(),
        threads in 1usize..6,
    ) {
        let files = texts(&files);
        let whole = seen(merged(pieces(&files, usize::MAX)), 1);
        // Commutative: shuffled. Associative: joined pairwise in an order of chance, each through bytes.
        let mut shards: Vec<Columns> = pieces(&files, width);
        let mut chance = order;
        let mut below = |bound: usize| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (chance >> 33) as usize % bound
        };
        for at in (1..shards.len()).rev() {
            shards.swap(at, below(at + 1));
        }
        while shards.len() > 1 {
            let one = shards.swap_remove(below(shards.len()));
            let mut other = shards.swap_remove(below(shards.len()));
            other.merge(if grouping & 1 == 1 { through_bytes(&one) } else { one });
            shards.push(other);
        }
        prop_assert_eq!(seen(shards.pop().unwrap_or_default(), threads), whole);
    }

    #[test]
    fn buckets_count_the_same(
        files in prop::collection::vec(prop::collection::vec(line(), 0..12), 1..4), buckets in 1usize..9, width in 20usize..400,
    ) {
        let files = texts(&files);
        let (whole, damage, conflicts) = seen(merged(pieces(&files, usize::MAX)), 1);
        // Each shard is divided before rows without a name can be named.
        let mut parts: Vec<Columns> = (0..=buckets).map(|_| Columns::default()).collect();
        for shard in pieces(&files, width) {
            for (part, piece) in parts.iter_mut().zip(shard.split(buckets)) {
                part.merge(piece);
            }
        }
        let mut rest = parts.pop().unwrap();
        rest.name_by_line();
        let rest = rest.split(buckets);
        let mut tally = Tally::default();
        let mut found = (Vec::new(), Vec::new());
        for (mut part, late) in parts.into_iter().chain([Columns::default()]).zip(rest) {
            part.merge(late);
            let (counts, damage, conflicts) = seen(part, 2);
            tally.merge(Tally::from_json(&counts).unwrap());
            found.0.extend(damage);
            found.1.extend(conflicts);
        }
        found.1.sort();
        prop_assert_eq!(tally.to_json().unwrap(), whole);
        prop_assert_eq!(found, (damage, conflicts));
    }

    #[test]
    fn files_may_be_numbered_later(files in prop::collection::vec(prop::collection::vec(line(), 0..8), 2..5)) {
        let files = texts(&files);
        let whole = seen(merged(pieces(&files, usize::MAX)), 1);
        let shards = files.iter().enumerate().map(|(number, text)| {
            let mut one = merged(pieces(std::slice::from_ref(text), 60));
            one.renumber(&[number as u32]).unwrap();
            one
        });
        prop_assert_eq!(seen(merged(shards), 3), whole);
    }
}

#[test]
fn a_changed_byte_is_seen_or_changes_nothing() {
    let text = "{\"id\": \"a\", \"predicted_answer\": \"1\", \"symbolic_correct\": true}\n{\"cut\n".repeat(3);
    let columns = || merged(pieces(std::slice::from_ref(&text), usize::MAX));
    let mut bytes = Vec::new();
    let facts = Facts::from([("source".to_owned(), "x".to_owned())]);
    parts::write(&[&columns(), &columns()], facts.clone(), &mut bytes).unwrap();
    let twice = || merged([columns(), columns()]);
    let mut seen_changes = 0;
    for at in 0..bytes.len() {
        bytes[at] ^= 1 << (at % 8);
        let read =
            Parts::open(Cursor::new(&bytes)).and_then(|mut parts| Ok((parts.all()?, parts.facts().clone())));
        match read {
            Err(_) => seen_changes += 1,
            Ok((read, found)) => {
                assert_eq!(found, facts);
                assert_eq!(seen(read, 1), seen(twice(), 1), "byte {at}");
            }
        }
        bytes[at] ^= 1 << (at % 8);
    }
    assert!(seen_changes > bytes.len() / 2);
    for end in (0..bytes.len()).step_by(7) {
        assert!(Parts::open(Cursor::new(&bytes[..end])).is_err(), "cut at {end}");
    }
    let mut whole = Parts::open(Cursor::new(&bytes)).unwrap();
    assert_eq!(whole.len(), 2);
    assert!(whole.part(2).is_err());
}
