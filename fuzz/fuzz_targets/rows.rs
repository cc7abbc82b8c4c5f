//! Arbitrary bytes as a file of rows: no panic; every row is kept or set aside, and one that is set aside or damaged is
//! counted; what the rows before it looked like changes nothing; agreement with `serde_json` on which rows are JSON.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mathforge_core::table::damage::Kind;
use mathforge_core::table::fields::{Options, Reader};
use mathforge_core::table::scan::scan_bytes;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

const STRUCTURE: [Kind; 4] = [Kind::CutRow, Kind::NotAnObject, Kind::TextAfterRow, Kind::InvalidJson];

/// Whether it is one JSON object, by a parser that keeps nothing.
fn is_object(line: &[u8]) -> bool {
    let first = line.iter().find(|byte| !b" \t\r".contains(byte));
    first == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

fuzz_target!(|bytes: &[u8]| {
    for strict in [false, true] {
        let options = Options { strict, undecided_reasons: vec!["open".to_owned()], ..Options::default() };
        let mut used = Reader::new(&options);
        let (mut kept, mut damage) = (0, BTreeMap::new());
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        for line in text.split(|byte| *byte == b'\n') {
            if line.iter().all(|byte| b" \t\r".contains(byte)) {
                continue;
            }
            let (row, kinds) = used.read(line);
            let (first_row, first_kinds) = Reader::new(&options).read(line);
            assert_eq!((&row, kinds), (&first_row, first_kinds), "what a reader saw before shows");
            assert!(row.is_some() || !kinds.is_empty(), "set aside without a reason");
            kept += usize::from(row.is_some());
            for kind in kinds.iter() {
                *damage.entry((kind, row.is_some())).or_insert(0) += 1;
            }
            let object = is_object(line);
            if object && std::str::from_utf8(line).is_ok() {
                assert!(!kinds.iter().any(|kind| STRUCTURE.contains(&kind)), "JSON called damaged: {kinds:?}");
            }
            if strict && row.is_some() && kinds.is_empty() {
                assert!(object, "damage called JSON");
            }
        }
        let columns = scan_bytes(bytes, &options, &AtomicU64::new(0));
        assert_eq!(columns.samples.len(), kept);
        let counted: BTreeMap<_, _> =
            columns.damage.iter().map(|(_, kind, kept, count)| ((kind, kept), count.rows)).collect();
        assert_eq!(counted, damage);
    }
});
