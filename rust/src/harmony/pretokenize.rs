//! Splits text into the pieces that byte pair encoding works on.
//!
//! A hand-written matcher of the o200k pattern, alternative by alternative:
//!
//! ```text
//! 1  [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! 2  [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! 3  \p{N}{1,3}
//! 4   ?[^\s\p{L}\p{N}]+[\r\n/]*
//! 5  \s*[\r\n]+
//! 6  \s+(?!\S)
//! 7  \s+
//! ```

use std::sync::OnceLock;

use super::vocab::vocabulary;

/// What the pattern distinguishes; numbered as in `scripts/build_vocabulary.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Newline,
    Space,
    Upper,
    Lower,
    OtherLetter,
    Mark,
    Number,
    Other,
}

impl Class {
    const ALL: [Self; 8] = [
        Self::Newline,
        Self::Space,
        Self::Upper,
        Self::Lower,
        Self::OtherLetter,
        Self::Mark,
        Self::Number,
        Self::Other,
    ];

    const fn within(self, set: u8) -> bool {
        set >> self as u8 & 1 == 1
    }
}

/// Sets of classes, one bit each.
const NUMBER: u8 = 1 << Class::Number as u8;
const NEWLINE: u8 = 1 << Class::Newline as u8;
const SPACE: u8 = NEWLINE | 1 << Class::Space as u8;
const LETTER: u8 = 1 << Class::Upper as u8 | 1 << Class::Lower as u8 | 1 << Class::OtherLetter as u8;
const EITHER_CASE: u8 = 1 << Class::OtherLetter as u8 | 1 << Class::Mark as u8;
const HEAD: u8 = EITHER_CASE | 1 << Class::Upper as u8;
const TAIL: u8 = EITHER_CASE | 1 << Class::Lower as u8;
const PREFIX: u8 = !(NEWLINE | LETTER | NUMBER);
const SYMBOL: u8 = !(SPACE | LETTER | NUMBER);

/// Class of every code point, in blocks of 256 of which equal ones are stored once.
struct Classes {
    block_of: Vec<u16>,
    blocks: Vec<[Class; 256]>,
}

const CODE_POINTS: usize = 0x11_0000;

fn classes() -> &'static Classes {
    static LOADED: OnceLock<Classes> = OnceLock::new();
    LOADED.get_or_init(|| Classes::unpack(vocabulary().class_runs()))
}

impl Classes {
    fn unpack(runs: &[u8]) -> Self {
        let mut flat = Vec::with_capacity(CODE_POINTS);
        let mut bytes = runs.iter();
        while let Some(&class) = bytes.next() {
            let mut length = 0;
            for (byte, shift) in bytes.by_ref().zip((0..).step_by(7)) {
                length |= usize::from(byte & 127) << shift;
                if byte & 128 == 0 {
                    break;
                }
            }
            flat.resize(flat.len() + length, Class::ALL[usize::from(class & 7)]);
        }
        let mut table = Self { block_of: Vec::with_capacity(CODE_POINTS / 256), blocks: Vec::new() };
        for block in flat.as_chunks::<256>().0 {
            let index = table.blocks.iter().position(|known| known == block).unwrap_or_else(|| {
                table.blocks.push(*block);
                table.blocks.len() - 1
            });
            table.block_of.push(index as u16);
        }
        table
    }

    #[inline]
    fn of(&self, code_point: u32) -> Class {
        let block = self.block_of[(code_point >> 8) as usize];
        self.blocks[usize::from(block)][(code_point & 255) as usize]
    }
}

/// Iterator over the pieces of a text; together they are the text.
pub struct Pieces<'t> {
    text: &'t str,
    classes: &'static Classes,
    ascii: &'static [Class; 256],
    at: usize,
}

/// The pieces of `text` that are encoded one by one.
pub fn pieces(text: &str) -> Pieces<'_> {
    let classes = classes();
    Pieces { text, classes, ascii: &classes.blocks[usize::from(classes.block_of[0])], at: 0 }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let start = self.at;
        let (class, after) = self.class_at(start)?;
        self.at = match class {
            Class::Number => self.number(after),
            Class::Upper | Class::Lower | Class::OtherLetter => self.word(start, after, false)?,
            Class::Newline => self.white_space(start),
            Class::Space | Class::Mark | Class::Other => self
                .word(start, after, class != Class::Mark)
                .or_else(|| self.symbols(start, class, after))
                .unwrap_or_else(|| self.white_space(start)),
        };
        self.text.as_bytes().get(start..self.at)
    }
}

impl Pieces<'_> {
    /// Class of the character at `at`, and where the next one begins.
    #[inline]
    fn class_at(&self, at: usize) -> Option<(Class, usize)> {
        let first = *self.text.as_bytes().get(at)?;
        if first < 128 {
            return Some((self.ascii[usize::from(first)], at + 1));
        }
        let character = self.text.get(at..)?.chars().next()?;
        Some((self.classes.of(u32::from(character)), at + character.len_utf8()))
    }

    /// End of the run of characters within `set` that begins at `at`.
    #[inline]
    fn run(&self, mut at: usize, set: u8) -> usize {
        while let Some((class, after)) = self.class_at(at)
            && class.within(set)
        {
            at = after;
        }
        at
    }

    /// Alternatives 1 and 2. A mark is both a possible prefix and a possible letter, so both readings are tried.
    fn word(&self, start: usize, after_first: usize, prefix_only: bool) -> Option<usize> {
        let (first, _) = self.class_at(start)?;
        let prefixed = first.within(PREFIX);
        let end = (prefixed.then(|| self.lower_word(after_first)).flatten())
            .or_else(|| if prefix_only { None } else { self.lower_word(start) })
            .or_else(|| prefixed.then(|| self.upper_word(after_first)).flatten())
            .or_else(|| if prefix_only { None } else { self.upper_word(start) })?;
        Some(end + self.contraction(end))
    }

    /// `HEAD* TAIL+`, with the backtracking of `HEAD*` when no lower-case letter follows it.
    fn lower_word(&self, start: usize) -> Option<usize> {
        let mut at = start;
        let mut end_of_last_tail = None;
        while let Some((class, after)) = self.class_at(at) {
            if class.within(HEAD) {
                at = after;
                if class.within(TAIL) {
                    end_of_last_tail = Some(after);
                }
            } else if class == Class::Lower {
                return Some(self.run(after, TAIL));
            } else {
                break;
            }
        }
        end_of_last_tail
    }

    /// `HEAD+ TAIL*`
    fn upper_word(&self, start: usize) -> Option<usize> {
        let head_end = self.run(start, HEAD);
        (head_end > start).then(|| self.run(head_end, TAIL))
    }

    /// Length of the contraction at `at`, or 0. Case folding makes U+017F (long s) an s.
    fn contraction(&self, at: usize) -> usize {
        let Some([b'\'', rest @ ..]) = self.text.as_bytes().get(at..) else { return 0 };
        let lower = |i: usize| rest.get(i).map(u8::to_ascii_lowercase);
        match (lower(0), lower(1)) {
            (Some(b's' | b't' | b'm' | b'd'), _) => 2,
            (Some(b'r' | b'v'), Some(b'e')) | (Some(b'l'), Some(b'l')) => 3,
            _ if rest.starts_with("\u{17f}".as_bytes()) => 3,
            _ => 0,
        }
    }

    /// Alternative 3; the first digit ends at `after_first`.
    fn number(&self, after_first: usize) -> usize {
        let mut end = after_first;
        for _ in 0..2 {
            match self.class_at(end) {
                Some((Class::Number, after)) => end = after,
                _ => break,
            }
        }
        end
    }

    /// Alternative 4.
    fn symbols(&self, start: usize, first: Class, after_first: usize) -> Option<usize> {
        let begin = if self.text.as_bytes()[start] == b' ' { after_first } else { start };
        if begin == start && !first.within(SYMBOL) {
            return None;
        }
        let end = self.run(begin, SYMBOL);
        if end == begin {
            return None;
        }
        let trailing =
            self.text.as_bytes()[end..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | b'/'));
        Some(end + trailing.count())
    }

    /// Alternatives 5, 6 and 7.
    fn white_space(&self, start: usize) -> usize {
        let mut end = start;
        let mut start_of_last = start;
        let mut end_of_last_newline = None;
        while let Some((class, after)) = self.class_at(end)
            && class.within(SPACE)
        {
            start_of_last = end;
            end = after;
            if class == Class::Newline {
                end_of_last_newline = Some(after);
            }
        }
        match end_of_last_newline {
            Some(newline_end) => newline_end,
            None if end == self.text.len() || start_of_last == start => end,
            None => start_of_last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        pieces(text).map(|piece| std::str::from_utf8(piece).unwrap()).collect()
    }

    #[test]
    fn words_numbers_and_symbols() {
        assert_eq!(
            split("Hello world's  x=12345;\n\n  y"),
            ["Hello", " world's", " ", " x", "=", "123", "45", ";\n\n", " ", " y"]
        );
        assert_eq!(split("camelCase HTTPServer"), ["camel", "Case", " HTTPServer"]);
        assert_eq!(split("a  \n b   "), ["a", "  \n", " b", "   "]);
        assert_eq!(split("https://x/\n/"), ["https", "://", "x", "/\n/"]);
    }

    #[test]
    fn marks_end_a_run_of_capitals() {
        assert_eq!(split("\u{301}A"), ["\u{301}", "A"]);
        assert_eq!(split("A\u{301}B"), ["A\u{301}", "B"]);
        assert_eq!(split("it'\u{17f} X'LL"), ["it'\u{17f}", " X'LL"]);
    }
}
