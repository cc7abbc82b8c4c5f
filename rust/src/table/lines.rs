//! The lines of a byte range, one at a time, through one reused block.

use super::marks::{Marked, Marks};
use std::io::{self, Read};
use std::ops::Range;

/// Lines longer than this are not read: 1 GiB.
pub const MAX_LINE_BYTES: usize = 1 << 30;
/// Small enough to stay in the processor's own cache.
const BLOCK_BYTES: usize = 256 << 10;
/// What is read at once behind the end, where only the rest of a line is wanted.
const REST_BYTES: u64 = 16 << 10;

/// What [`Lines::advance`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A line, which [`Lines::line`] gives.
    Line,
    /// One longer than [`MAX_LINE_BYTES`].
    TooLong,
    /// Nothing more.
    End,
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
    /// The last line's place in the block, and whether it may have control characters.
    line: Range<usize>,
    controls: bool,
    /// Bytes that will be wanted in any case.
    left: u64,
    ended: bool,
}

impl<R: Read> Lines<R> {
    /// The lines of `source`, of which those that start in its first `length` bytes are wanted.
    pub fn new(source: R, length: u64) -> Self {
        let (block, marks) = (vec![0; BLOCK_BYTES], Marks::default());
        Self {
            source,
            block,
            marks,
            start: 0,
            end: 0,
            offset: 0,
            line: 0..0,
            controls: false,
            left: length,
            ended: false,
        }
    }

    /// Bytes taken so far, line ends included.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The line that was last come to, without its `\n`.
    #[inline]
    pub fn line(&self) -> Marked<'_, '_> {
        Marked::new(&self.block[self.line.clone()], self.controls, &self.marks, self.line.start)
    }

    /// Goes to the next line.
    #[inline]
    pub fn advance(&mut self) -> io::Result<Step> {
        let mut length = 0;
        self.controls = false;
        loop {
            while let Some(at) = self.marks.control(self.start + length) {
                length = at - self.start;
                if self.block[at] == b'\n' {
                    self.pass(length, 1);
                    return Ok(Step::Line);
                }
                length += 1;
                self.controls = true;
            }
            length = self.end - self.start;
            if length > MAX_LINE_BYTES {
                self.skip_line()?;
                return Ok(Step::TooLong);
            }
            if self.ended {
                self.pass(length, 0);
                return Ok(if length == 0 { Step::End } else { Step::Line });
            }
            self.fill()?;
        }
    }

    #[inline]
    fn pass(&mut self, length: usize, end: usize) {
        self.line = self.start..self.start + length;
        self.start += length + end;
        self.offset += (length + end) as u64;
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

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let at = memchr::memchr(b'\n', &self.block[self.start..self.end]);
            let passed = at.map_or(self.end - self.start, |at| at + 1);
            self.start += passed;
            self.offset += passed as u64;
            if at.is_some() || self.ended {
                return Ok(());
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
            let mut offset = 0;
            while lines.advance().unwrap() == Step::Line {
                let line = lines.line().bytes;
                prop_assert!(text.as_bytes()[offset..].starts_with(line));
                seen.push(String::from_utf8(line.to_vec()).unwrap());
                offset = lines.offset() as usize;
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
        let mut next = || (lines.advance().unwrap() == Step::Line).then(|| lines.line().bytes.to_vec());
        assert_eq!(next(), Some(long.clone().into_bytes()));
        assert_eq!(next(), Some(b"y".to_vec()));
        assert_eq!(next(), None);
    }
}
