//! The lines of a byte range, one at a time, through one reused block.

use memchr::memchr;
use std::io::{self, Read};

/// Lines longer than this are not read: 1 GiB.
pub const MAX_LINE_BYTES: usize = 1 << 30;
/// Small enough to stay in the processor's own cache.
const BLOCK_BYTES: usize = 256 << 10;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Without its `\n`, at this offset from the reader's start.
    Whole(u64, &'a [u8]),
    /// Longer than [`MAX_LINE_BYTES`].
    TooLong(u64),
}

/// Reads lines from any source of bytes; the last one needs no line end.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    block: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
}

impl<R: Read> Lines<R> {
    /// The lines of `source`.
    pub fn new(source: R) -> Self {
        Self { source, block: vec![0; BLOCK_BYTES], start: 0, end: 0, offset: 0, ended: false }
    }

    /// Bytes taken so far, line ends included.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line.
    pub fn line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr(b'\n', &self.block[self.start + searched..self.end]) {
                return Ok(Some(self.take(searched + at, 1)));
            }
            searched = self.end - self.start;
            if searched > MAX_LINE_BYTES {
                return self.skip_line().map(Some);
            }
            if self.ended {
                return Ok(if searched == 0 { None } else { Some(self.take(searched, 0)) });
            }
            self.fill()?;
        }
    }

    fn take(&mut self, length: usize, end: usize) -> Line<'_> {
        let (start, offset) = (self.start, self.offset);
        self.start += length + end;
        self.offset += (length + end) as u64;
        Line::Whole(offset, &self.block[start..start + length])
    }

    fn fill(&mut self) -> io::Result<()> {
        self.block.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.block.len() {
            self.block.resize(self.block.len() * 2, 0);
        }
        let read = loop {
            match self.source.read(&mut self.block[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.end += read;
        self.ended = read == 0;
        Ok(())
    }

    fn skip_line(&mut self) -> io::Result<Line<'_>> {
        let offset = self.offset;
        loop {
            let at = memchr(b'\n', &self.block[self.start..self.end]);
            let passed = at.map_or(self.end - self.start, |at| at + 1);
            self.start += passed;
            self.offset += passed as u64;
            if at.is_some() || self.ended {
                return Ok(Line::TooLong(offset));
            }
            self.fill()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives a few bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    proptest! {
        #[test]
        fn equals_split(text in "[ab\n]{0,80}", drip in 1usize..9) {
            let mut lines = Lines::new(Drip(text.as_bytes(), drip));
            let mut seen = Vec::new();
            while let Some(line) = lines.line().unwrap() {
                let Line::Whole(offset, line) = line else { panic!() };
                prop_assert!(text.as_bytes()[offset as usize..].starts_with(line));
                seen.push(String::from_utf8(line.to_vec()).unwrap());
            }
            let mut expected: Vec<_> = text.split('\n').map(str::to_owned).collect();
            if expected.last().is_some_and(String::is_empty) {
                expected.pop();
            }
            prop_assert_eq!(seen, expected);
            prop_assert_eq!(lines.offset(), text.len() as u64);
        }
    }

    #[test]
    fn a_line_longer_than_a_block() {
        let long = "x".repeat(3 * BLOCK_BYTES);
        let text = format!("{long}\ny");
        let mut lines = Lines::new(text.as_bytes());
        assert_eq!(lines.line().unwrap(), Some(Line::Whole(0, long.as_bytes())));
        assert_eq!(lines.line().unwrap(), Some(Line::Whole(long.len() as u64 + 1, b"y".as_slice())));
        assert_eq!(lines.line().unwrap(), None);
    }
}
