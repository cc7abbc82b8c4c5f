//! Files of damaged rows: every row is kept or set aside, and counted; what the rows before it looked like changes nothing;
//! which rows are JSON is what `serde_json` says. The fuzz target `rows` holds the same laws on any bytes.

#![allow(clippy::unwrap_used)]

use mathforge_core::table::damage::Kind;
use mathforge_core::table::fields::{Options, Reader};
use mathforge_core::table::scan::scan_bytes;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

const STRUCTURE: [Kind; 4] = [Kind::CutRow, Kind::NotAnObject, Kind::TextAfterRow, Kind::InvalidJson];
const PIECES: [&[u8]; 34] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b" ",
    b"\n",
    b"\r",
    b"\0",
    b"\x02",
    b"\xff",
    b"\xc3\xa9",
    b"\\u00e9",
    b"\\ud83d",
    b"\\ude00",
    b"\\n",
    b"\"id\": ",
    b"\"id\":7",
    b"\"predicted_answer\": ",
    b"\"symbolic_correct\": ",
    b"\"generation\": \"\\\\boxed{3}\"",
    b"\"x\": ",
    b"true",
    b"null",
    b"NaN",
    b"-1.5e3",
    b"01",
    b"\"12345678\\\\\"",
    b"{\"id\": \"a\", \"predicted_answer\": \"1\", \"symbolic_correct\": true}\n",
    b"{\"id\": \"b\", \"predicted_answer\": \"2\", \"symbolic_correct\": false, \"x\": [1, {\"y\": \"]\"}]}\n",
    b"\"symbolic_correct\": true, \"predicted_answer\": \"a\\\"b\"}\n",
];

fn is_object(line: &[u8]) -> bool {
    let first = line.iter().find(|byte| !b" \t\r".contains(byte));
    first == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

fn hold(bytes: &[u8], strict: bool) -> Result<(), TestCaseError> {
    let options = Options { strict, ..Options::default() };
    let mut used = Reader::new(&options);
    let (mut kept, mut damage) = (0, BTreeMap::new());
    for line in bytes.split(|byte| *byte == b'\n') {
        if line.iter().all(|byte| b" \t\r".contains(byte)) {
            continue;
        }
        let (row, kinds) = used.read(line);
        let (first_row, first_kinds) = Reader::new(&options).read(line);
        prop_assert_eq!((&row, kinds), (&first_row, first_kinds), "what a reader saw before shows");
        prop_assert!(row.is_some() || !kinds.is_empty(), "set aside without a reason");
        kept += usize::from(row.is_some());
        for kind in kinds.iter() {
            *damage.entry((kind, row.is_some())).or_insert(0) += 1;
        }
        let object = is_object(line);
        if object && std::str::from_utf8(line).is_ok() {
            prop_assert!(
                !kinds.iter().any(|kind| STRUCTURE.contains(&kind)),
                "JSON called damaged: {:?}",
                kinds
            );
        }
        prop_assert!(object || !strict || row.is_none() || !kinds.is_empty(), "damage called JSON");
    }
    let columns = scan_bytes(bytes, &options, &AtomicU64::new(0));
    prop_assert_eq!(columns.samples.len(), kept);
    let counted: BTreeMap<_, _> =
        columns.damage.iter().map(|(_, kind, kept, count)| ((kind, kept), count.rows)).collect();
    prop_assert_eq!(counted, damage);
    Ok(())
}

#[test]
fn a_key_twice_in_a_row_that_is_cut_shows_in_the_next() {
    let twice =
        b"{\"id\": \"a\", \"x\": 1, \"x\": 2, \"predicted_answer\": \"1\", \"symbolic_correct\": true}\n";
    for end in 0..twice.len() {
        for strict in [false, true] {
            hold(&[&twice[..end], b"\n", twice, twice].concat(), strict).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn rows_of_any_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..40), strict in any::<bool>()) {
        hold(&pieces.concat(), strict)?;
    }

    #[test]
    fn whole_rows_with_a_changed_byte(at in any::<prop::sample::Index>(), byte in any::<u8>(), strict in any::<bool>()) {
        let mut bytes = PIECES[31..33].concat().repeat(3);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        hold(&bytes, strict)?;
    }
}
