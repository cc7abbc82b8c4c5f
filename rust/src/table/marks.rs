//! Where the quotes and line ends of a block of text are: one pass of vector code over the bytes writes bits, and reading
//! rows afterwards is a matter of finding the next bit.

use fearless_simd::{Level, Simd, SimdBase, SimdMask, dispatch, u8x64};

const WIDTH: usize = 64;
/// Every other bit, beginning with the second.
const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;

/// Bits for the bytes of a block, from its first on.
#[derive(Debug)]
pub struct Marks {
    level: Level,
    /// Quotes that no backslash escapes.
    quotes: Vec<u64>,
    /// Control characters, line ends among them.
    controls: Vec<u64>,
    /// Bytes marked; all that were given, but a last piece of less than [`WIDTH`] is looked at again when more come.
    done: usize,
    carry: Carry,
    /// No byte from here on is other than ASCII.
    ascii_from: usize,
    /// No `\ud`, as halves of surrogate pairs are written, ends here or later.
    paired_from: usize,
}

/// What a piece has to know of the one before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Carry {
    /// 1 if the first byte is escaped.
    escaped: u64,
    /// 1 if an escaped `u` stands before the first byte.
    unicode: u64,
}

/// What a pass found, besides bits.
#[derive(Default)]
struct Found {
    wide: bool,
    surrogates: bool,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            level: Level::new(),
            quotes: Vec::new(),
            controls: Vec::new(),
            done: 0,
            carry: Carry::default(),
            ascii_from: 0,
            paired_from: 0,
        }
    }
}

impl Marks {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.quotes.clear();
        self.controls.clear();
        (self.done, self.carry, self.ascii_from, self.paired_from) = (0, Carry::default(), 0, 0);
    }

    /// Marks what has been added to `block`, whose first bytes are those of the last call.
    pub fn extend(&mut self, block: &[u8]) {
        let whole = self.done / WIDTH;
        self.quotes.truncate(whole);
        self.controls.truncate(whole);
        let (pieces, rest) = block[whole * WIDTH..].as_chunks::<WIDTH>();
        let level = self.level;
        let mut found = dispatch!(level, simd => self.mark(simd, pieces));
        if !rest.is_empty() {
            let mut last = [b' '; WIDTH];
            last[..rest.len()].copy_from_slice(rest);
            let carry = self.carry;
            let more = dispatch!(level, simd => self.mark(simd, &[last]));
            self.carry = carry;
            found.wide |= more.wide;
            found.surrogates |= more.surrogates;
        }
        self.done = block.len();
        if found.wide {
            self.ascii_from = self.done;
        }
        if found.surrogates {
            self.paired_from = self.done;
        }
    }

    /// Forgets the first bytes, whole pieces of 64; returns how many, at most `most`.
    pub fn drop_front(&mut self, most: usize) -> usize {
        let pieces = most.min(self.done) / WIDTH;
        self.quotes.drain(..pieces);
        self.controls.drain(..pieces);
        let bytes = pieces * WIDTH;
        self.done -= bytes;
        self.ascii_from = self.ascii_from.saturating_sub(bytes);
        self.paired_from = self.paired_from.saturating_sub(bytes);
        bytes
    }

    /// The first control character from `from` on; `from` is not behind the end.
    #[inline]
    pub fn control(&self, from: usize) -> Option<usize> {
        next(&self.controls, from)
    }

    #[inline]
    fn quote(&self, from: usize) -> Option<usize> {
        next(&self.quotes, from)
    }

    #[inline]
    fn is_ascii(&self, from: usize) -> bool {
        from >= self.ascii_from
    }

    #[inline]
    fn is_paired(&self, from: usize) -> bool {
        from >= self.paired_from
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "vector code has to be part of the function that dispatches")]
    fn mark<S: Simd>(&mut self, simd: S, pieces: &[[u8; WIDTH]]) -> Found {
        let of = |byte| u8x64::splat(simd, byte);
        let (quote, backslash, space, u, case, d) =
            (of(b'"'), of(b'\\'), of(b' '), of(b'u'), of(b' '), of(b'd'));
        let (mut carry, mut wide, mut surrogates) = (self.carry, of(0), 0);
        let quotes = self.quotes.len();
        self.quotes.resize(quotes + pieces.len(), 0);
        self.controls.resize(quotes + pieces.len(), 0);
        let marked = self.quotes[quotes..].iter_mut().zip(&mut self.controls[quotes..]);
        for (piece, (quotes, controls)) in pieces.iter().zip(marked) {
            let bytes = u8x64::from_slice(simd, piece);
            wide |= bytes;
            let escaped = carry.escape(bytes.simd_eq(backslash).to_bitmask());
            *quotes = bytes.simd_eq(quote).to_bitmask() & !escaped;
            *controls = bytes.simd_lt(space).to_bitmask();
            let unicode = bytes.simd_eq(u).to_bitmask() & escaped;
            surrogates |= (unicode << 1 | carry.unicode) & (bytes | case).simd_eq(d).to_bitmask();
            carry.unicode = unicode >> (WIDTH - 1);
        }
        self.carry = carry;
        Found { wide: wide.simd_ge(of(0x80)).to_bitmask() != 0, surrogates: surrogates != 0 }
    }
}

impl Carry {
    /// The bytes that backslashes escape: those behind a run of an odd number of them.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of a loop of vector code")]
    fn escape(&mut self, backslashes: u64) -> u64 {
        // A run's first backslash escapes, its second is escaped, and so on. Taking the run from the odd bits and its own bits
        // moved by one leaves, with the odd bits turned, every other bit from its first on, and the bit behind an odd run.
        let runs = backslashes & !self.escaped;
        let every_other = ((runs << 1 | ODD).wrapping_sub(runs)) ^ ODD;
        let escaped = every_other ^ (backslashes | self.escaped);
        self.escaped = (every_other & backslashes) >> (WIDTH - 1);
        escaped
    }
}

/// A line and its marks.
#[derive(Debug, Clone, Copy)]
pub struct Marked<'a, 'm> {
    /// The line.
    pub bytes: &'a [u8],
    /// Whether it may have control characters.
    pub controls: bool,
    marks: &'m Marks,
    start: usize,
}

impl<'a, 'm> Marked<'a, 'm> {
    /// A line that starts at `start` of the block that was marked.
    pub fn new(bytes: &'a [u8], controls: bool, marks: &'m Marks, start: usize) -> Self {
        Self { bytes, controls, marks, start }
    }

    /// The line without its first bytes.
    #[must_use]
    pub fn after(self, count: usize) -> Self {
        Self { bytes: &self.bytes[count..], start: self.start + count, ..self }
    }

    /// The first quote from `from` on that no backslash escapes.
    #[inline]
    pub fn quote(self, from: usize) -> Option<usize> {
        let at = self.marks.quote(self.start + from)? - self.start;
        (at < self.bytes.len()).then_some(at)
    }

    /// Whether the line is known to be ASCII.
    #[inline]
    pub fn is_ascii(self) -> bool {
        self.marks.is_ascii(self.start)
    }

    /// Whether it is known to have no half of a surrogate pair.
    #[inline]
    pub fn is_paired(self) -> bool {
        self.marks.is_paired(self.start)
    }
}

#[inline]
fn next(words: &[u64], from: usize) -> Option<usize> {
    let mut at = from / WIDTH;
    let mut bits = words.get(at)? & u64::MAX << (from % WIDTH);
    while bits == 0 {
        at += 1;
        // In long strings: eight at a time.
        while words.get(at..).and_then(<[u64]>::first_chunk::<8>).is_some_and(|words| *words == [0; 8]) {
            at += 8;
        }
        bits = *words.get(at)?;
    }
    Some(at * WIDTH + bits.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One byte after another.
    fn slowly(text: &[u8]) -> (Vec<usize>, Vec<usize>, bool, bool) {
        let (mut quotes, mut controls, mut surrogate) = (Vec::new(), Vec::new(), false);
        let mut backslashes = 0;
        for (at, byte) in text.iter().enumerate() {
            if *byte == b'"' && backslashes % 2 == 0 {
                quotes.push(at);
            }
            if *byte < b' ' {
                controls.push(at);
            }
            if *byte == b'u' && backslashes % 2 == 1 {
                surrogate |= matches!(text.get(at + 1), Some(b'd' | b'D'));
            }
            backslashes = if *byte == b'\\' { backslashes + 1 } else { 0 };
        }
        (quotes, controls, text.is_ascii(), !surrogate)
    }

    fn all(text: &[u8], found: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
        std::iter::successors(found(0), |at| found(at + 1)).take_while(|at| *at < text.len()).collect()
    }

    proptest! {
        #[test]
        fn as_byte_after_byte(
            text in prop::collection::vec(prop::sample::select(b"\\\\\\\\\"\"uudDa \n\t\xc3".to_vec()), 0..400),
            cuts in prop::collection::vec(0usize..400, 0..4)
        ) {
            let expected = slowly(&text);
            let mut marks = Marks::default();
            let mut ends: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            ends.sort_unstable();
            for end in ends.into_iter().chain([text.len()]) {
                marks.extend(&text[..end]);
            }
            prop_assert_eq!(all(&text, |from| marks.quote(from)), expected.0);
            prop_assert_eq!(all(&text, |from| marks.control(from)), expected.1);
            prop_assert_eq!((marks.is_ascii(0), marks.is_paired(0)), (expected.2, expected.3));
        }

        #[test]
        fn without_its_front(text in prop::collection::vec(prop::sample::select(b"\\\"a\n".to_vec()), 0..400), most in 0usize..400) {
            let expected = slowly(&text);
            let mut marks = Marks::default();
            marks.extend(&text);
            let gone = marks.drop_front(most);
            prop_assert!(gone <= most && gone <= text.len());
            marks.extend(&text[gone..]);
            let left = |all: &[usize]| all.iter().filter(|at| **at >= gone).map(|at| at - gone).collect::<Vec<_>>();
            prop_assert_eq!(all(&text[gone..], |from| marks.quote(from)), left(&expected.0));
            prop_assert_eq!(all(&text[gone..], |from| marks.control(from)), left(&expected.1));
        }
    }
}
