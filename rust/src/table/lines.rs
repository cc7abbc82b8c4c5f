//! The lines of a byte range, one at a time, through one reused block.

use super::marks::{Marked, Marks};
use std::io::{self, Read};

/// Lines longer than this are not read: 1 GiB.
pub const MAX_LINE_BYTES: usize = 1 << 30;
/// Small enough to stay in the processor's own cache.
const BLOCK_BYTES: usize = 256 << 10;
/// What is read at once behind the end, where only the rest of a line is wanted.
const REST_BYTES: u64 = 16 << 10;

/// One line.
#[derive(Debug, Clone, Copy)]
pub enum Line<'a> {
    /// Without its `\n`, at this offset from the reader's start.
    Whole(u64, Marked<'a, 'a>),
    /// Longer than [`MAX_LINE_BYTES`].
    TooLong(u64),
}

/// Reads lines from any source of bytes; the last one needs no line end.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    block: Vec<u8>,
    marks: Marks,
    start: usize,
    end: usize,
    offset: u64,
    /// Bytes that will be wanted in any case.
    left: u64,
    ended: bool,
}

impl<R: Read> Lines<R> {
    /// The lines of `source`, of which those that start in its first `length` bytes are wanted.
    pub fn new(source: R, length: u64) -> Self {
        let (block, marks) = (vec![0; BLOCK_BYTES], Marks::default());
        Self { source, block, marks, start: 0, end: 0, offset: 0, left: length, ended: false }
    }

    /// Bytes taken so far, line ends included.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line.
    #[inline]
    pub fn line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut length = 0;
        let mut controls = false;
        loop {
            while let Some(at) = self.marks.control(self.start + length) {
                length = at - self.start;
                if self.block[at] == b'\n' {
                    return Ok(Some(self.take(length, 1, controls)));
                }
                length += 1;
                controls = true;
            }
            length = self.end - self.start;
            if length > MAX_LINE_BYTES {
                return self.skip_line().map(Some);
            }
            if self.ended {
                return Ok(if length == 0 { None } else { Some(self.take(length, 0, controls)) });
            }
            self.fill()?;
        }
    }

    #[inline]
    fn take(&mut self, length: usize, end: usize, controls: bool) -> Line<'_> {
        let (start, offset) = (self.start, self.offset);
        self.start += length + end;
        self.offset += (length + end) as u64;
        let bytes = &self.block[start..start + length];
        Line::Whole(offset, Marked::new(bytes, controls, &self.marks, start))
    }

    fn fill(&mut self) -> io::Result<()> {
        let gone = self.marks.drop_front(self.start);
        self.block.copy_within(gone..self.end, 0);
        self.start -= gone;
        self.end -= gone;
        if self.end == self.block.len() {
            self.block.resize(self.block.len() * 2, 0);
        }
        let room = (self.block.len() - self.end) as u64;
        let wanted = self.end + room.min(self.left.max(REST_BYTES)) as usize;
        while self.end < wanted && !self.ended {
            match self.source.read(&mut self.block[self.end..wanted]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(read) => {
                    self.end += read;
                    self.left = self.left.saturating_sub(read as u64);
                    self.ended = read == 0;
                }
            }
        }
        self.marks.extend(&self.block[..self.end]);
        Ok(())
    }

    fn skip_line(&mut self) -> io::Result<Line<'_>> {
        let offset = self.offset;
        loop {
            let at = memchr::memchr(b'\n', &self.block[self.start..self.end]);
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
        fn equals_split(text in "[ab\n]{0,80}", drip in 1usize..9, length in 0u64..90) {
            let mut lines = Lines::new(Drip(text.as_bytes(), drip), length);
            let mut seen = Vec::new();
            while let Some(line) = lines.line().unwrap() {
                let Line::Whole(offset, line) = line else { panic!() };
                prop_assert!(text.as_bytes()[offset as usize..].starts_with(line.bytes));
                seen.push(String::from_utf8(line.bytes.to_vec()).unwrap());
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
        let mut lines = Lines::new(text.as_bytes(), u64::MAX);
        let mut next = || match lines.line().unwrap() {
            Some(Line::Whole(offset, line)) => Some((offset, line.bytes.to_vec())),
            _ => None,
        };
        assert_eq!(next(), Some((0, long.clone().into_bytes())));
        assert_eq!(next(), Some((long.len() as u64 + 1, b"y".to_vec())));
        assert_eq!(next(), None);
    }
}
