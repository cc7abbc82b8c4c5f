//! Reading files side by side.

use super::columns::Columns;
use super::damage::{Kind, Place};
use super::fields::{Kinds, Options, Reader, Row};
use super::lines::{Lines, Step};
use super::marks::Marked;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// One piece of work: the rows of a file that start in a range of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Number of the file.
    pub file: u32,
    /// The file.
    pub path: PathBuf,
    /// First byte.
    pub start: u64,
    /// Rows that start here or later belong to the next range.
    pub end: u64,
}

/// What reading a file failed with.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ScanError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Large enough that opening does not count, small enough that threads end together.
const RANGE_BYTES: u64 = 8 << 20;

/// A file, or the rows that start between two of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Number of the file.
    pub file: u32,
    /// The file.
    pub path: PathBuf,
    /// First byte.
    pub start: u64,
    /// Behind the last; None for the file's end. Compressed files are read whole.
    pub end: Option<u64>,
}

/// Cuts pieces into ranges; compressed files are one range each.
pub fn plan(pieces: &[Piece]) -> Result<Vec<Range>, ScanError> {
    let mut ranges = Vec::new();
    for Piece { file, path, start, end } in pieces {
        let facts = std::fs::metadata(path).map_err(|source| ScanError { path: path.clone(), source })?;
        let (end, step) = match compression(path) {
            Compression::None => (end.unwrap_or(facts.len()), RANGE_BYTES),
            _ => (u64::MAX, u64::MAX),
        };
        let mut start = *start;
        while start < end {
            let next = start.saturating_add(step).min(end);
            ranges.push(Range { file: *file, path: path.clone(), start, end: next });
            start = next;
        }
    }
    Ok(ranges)
}

/// Reads rows from memory, as file 0.
pub fn scan_bytes(bytes: &[u8], options: &Options, progress: &AtomicU64) -> Columns {
    let range = Range { file: 0, path: PathBuf::new(), start: 0, end: u64::MAX };
    let mut columns = Columns::default();
    // Memory does not fail to be read.
    let _ = scan_lines(bytes, &range, options, &mut columns, progress);
    columns
}

/// Reads ranges on `threads` threads.
pub fn scan(
    ranges: &[Range],
    options: &Options,
    threads: usize,
    progress: &AtomicU64,
) -> Result<Columns, ScanError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut columns = Columns::default();
        while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
            scan_range(range, options, &mut columns, progress)?;
        }
        Ok(columns)
    };
    let workers = threads.clamp(1, ranges.len().max(1));
    let parts: Vec<Result<Columns, ScanError>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        parts.extend(others.into_iter().filter_map(|worker| worker.join().ok()));
        parts
    });
    let mut all = Columns::default();
    for part in parts {
        all.merge(part?);
    }
    Ok(all)
}

fn scan_range(
    range: &Range,
    options: &Options,
    columns: &mut Columns,
    progress: &AtomicU64,
) -> Result<(), ScanError> {
    let failed = |source| ScanError { path: range.path.clone(), source };
    let mut file = File::open(&range.path).map_err(failed)?;
    match compression(&range.path) {
        Compression::None => {
            file.seek(SeekFrom::Start(range.start.saturating_sub(1))).map_err(failed)?;
            scan_lines(file, range, options, columns, progress)
        }
        Compression::Gzip => scan_lines(MultiGzDecoder::new(file), range, options, columns, progress),
        Compression::Zstd => {
            let source = zstd::Decoder::new(file).map_err(failed)?;
            scan_lines(source, range, options, columns, progress)
        }
    }
    .map_err(failed)
}

enum Compression {
    None,
    Gzip,
    Zstd,
}

fn compression(path: &Path) -> Compression {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Compression::Gzip,
        Some("zst") => Compression::Zstd,
        _ => Compression::None,
    }
}

/// Reads the rows that start in a range. Of a range that does not begin the file, `source` starts one byte early: that
/// byte tells whether a row starts at the range's own first byte.
fn scan_lines(
    source: impl Read,
    range: &Range,
    options: &Options,
    columns: &mut Columns,
    progress: &AtomicU64,
) -> io::Result<()> {
    let mut reader = Reader::new(options);
    let base = range.start.saturating_sub(1);
    let mut lines = Lines::new(source, range.end - base);
    if range.start > 0 {
        lines.advance()?;
    }
    let mut place = Place { file: range.file, range: range.start, line: 0 };
    let mut told = 0;
    while base + lines.offset() < range.end {
        let offset = base + lines.offset();
        match lines.advance()? {
            Step::End => break,
            Step::TooLong => columns.damage.add(Kind::TooLong, false, place),
            Step::Line => row(&mut reader, columns, lines.line(), offset, place),
        }
        place.line += 1;
        if lines.offset() - told >= 1 << 20 {
            progress.fetch_add(lines.offset() - told, Ordering::Relaxed);
            told = lines.offset();
        }
    }
    progress.fetch_add(lines.offset() - told, Ordering::Relaxed);
    columns.ranges.insert((range.file, range.start), place.line);
    Ok(())
}

fn row(reader: &mut Reader<'_>, columns: &mut Columns, line: Marked<'_, '_>, offset: u64, place: Place) {
    let mark = offset == 0 && line.bytes.starts_with(b"\xEF\xBB\xBF");
    let line = if mark { line.after(3) } else { line };
    if line.bytes.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
        return;
    }
    let mut row = Row::default();
    let (kept, kinds) = reader.read_into(line, &mut row);
    if kept {
        columns.add(&row, offset, place);
    }
    if kinds != Kinds::default() {
        for kind in kinds.iter() {
            columns.damage.add(kind, kept, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    fn rows(columns: &Columns) -> Vec<(u64, String, String)> {
        let mut rows: Vec<_> = columns
            .samples
            .iter()
            .map(|sample| {
                let name = columns.names.get(sample.problem).to_owned();
                (sample.place, name, columns.texts.get(sample.answer).to_owned())
            })
            .collect();
        rows.sort();
        rows
    }

    proptest! {
        #[test]
        fn ranges_and_their_order_do_not_matter(
            lines in prop::collection::vec((0usize..5, 0usize..4), 0..30), width in 1u64..200, named in any::<bool>(), turned in any::<bool>()
        ) {
            let mut text = String::new();
            for (at, (problem, answer)) in lines.iter().enumerate() {
                let id = if named { format!("\"id\": \"p{problem}\", ") } else { String::new() };
                match at % 7 {
                    5 => text.push_str("{\"cut\": "),
                    6 => {}
                    _ => write!(text, "{{{id}\"predicted_answer\": \"{answer}\", \"symbolic_correct\": true}}").unwrap(),
                }
                text.push('\n');
            }
            let options = Options::default();
            let progress = AtomicU64::new(0);
            let size = text.len() as u64;
            let read = |width: u64, turned: bool| {
                let mut starts: Vec<u64> = (0..size).step_by(width as usize).collect();
                if turned {
                    starts.reverse();
                }
                let mut all = Columns::default();
                for start in starts {
                    let range = Range { file: 3, path: PathBuf::new(), start, end: (start + width).min(size) };
                    let mut part = Columns::default();
                    scan_lines(&text.as_bytes()[start.saturating_sub(1) as usize..], &range, &options, &mut part, &progress).unwrap();
                    all.merge(part);
                }
                let places: Vec<_> = all.damage.iter().flat_map(|(_, kind, kept, count)| count.places.iter().map(move |place| (kind, kept, *place))).collect();
                let mut damage: Vec<_> = places.into_iter().map(|(kind, kept, place)| (kind, kept, all.line(place))).collect();
                damage.sort();
                all.name_by_line();
                (rows(&all), damage)
            };
            let whole = read(size.max(1), false);
            prop_assert_eq!(whole.0.len() + whole.1.len(), lines.iter().enumerate().filter(|(at, _)| at % 7 != 6).count());
            prop_assert_eq!(read(width, turned), whole);
        }
    }
}
