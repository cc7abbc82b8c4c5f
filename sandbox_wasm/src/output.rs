//! Captured output with a cap in characters: the head and the tail are kept, the middle is counted and dropped.

/// One stream of a cell.
#[derive(Debug)]
pub struct Capture {
    head: String,
    head_room: usize,
    tail: String,
    tail_chars: usize,
    dropped: usize,
    /// The start of a character whose rest has not been written yet.
    partial: Vec<u8>,
    cap_chars: usize,
}

impl Capture {
    /// Keeps at most `cap_chars` characters, half from the start and half from the end.
    pub fn new(cap_chars: usize) -> Self {
        Self {
            head: String::new(),
            head_room: cap_chars / 2,
            tail: String::new(),
            tail_chars: 0,
            dropped: 0,
            partial: Vec::new(),
            cap_chars,
        }
    }

    /// Takes what the guest wrote. What is not UTF-8 counts as replacement characters.
    pub fn write(&mut self, bytes: &[u8]) {
        let joined;
        let bytes = if self.partial.is_empty() {
            bytes
        } else {
            joined = [&std::mem::take(&mut self.partial), bytes].concat();
            &joined
        };
        let mut rest = bytes.len();
        for chunk in bytes.utf8_chunks() {
            self.push(chunk.valid());
            let invalid = chunk.invalid();
            rest -= chunk.valid().len() + invalid.len();
            if invalid.is_empty() {
                continue;
            }
            let incomplete = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if rest == 0 && incomplete {
                self.partial = invalid.to_vec();
            } else {
                self.push("\u{FFFD}");
            }
        }
    }

    /// The text so far and whether anything is missing; the capture is empty afterwards.
    pub fn take(&mut self) -> (String, bool) {
        if !std::mem::take(&mut self.partial).is_empty() {
            self.push("\u{FFFD}");
        }
        self.shorten();
        let Self { head, tail, dropped, .. } = std::mem::replace(self, Self::new(self.cap_chars));
        match dropped {
            0 => (head + &tail, false),
            dropped => (format!("{head}\n... [{dropped} characters of output removed] ...\n{tail}"), true),
        }
    }

    fn push(&mut self, text: &str) {
        let (to_head, used) = prefix(text, self.head_room);
        self.head.push_str(to_head);
        self.head_room -= used;
        let rest = &text[to_head.len()..];
        self.tail.push_str(rest);
        self.tail_chars += rest.chars().count();
        // At twice the cap, so that each character is moved once or twice however small the writes are.
        if self.tail_chars > 2 * self.cap_chars {
            self.shorten();
        }
    }

    /// Drops the start of a tail that is longer than its share.
    fn shorten(&mut self) {
        let excess = self.tail_chars.saturating_sub(self.cap_chars - self.cap_chars / 2);
        let (start, _) = prefix(&self.tail, excess);
        let start = start.len();
        self.tail.drain(..start);
        self.tail_chars -= excess;
        self.dropped += excess;
    }
}

/// The first `chars` characters of a text, and how many there are if it is shorter.
fn prefix(text: &str, chars: usize) -> (&str, usize) {
    match text.char_indices().nth(chars) {
        Some((end, _)) => (&text[..end], chars),
        None => (text, text.chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_is_untouched() {
        let mut capture = Capture::new(10);
        capture.write(b"01234");
        capture.write("5678é".as_bytes().get(..5).unwrap());
        capture.write("5678é".as_bytes().get(5..).unwrap());
        assert_eq!(capture.take(), ("012345678é".to_owned(), false));
    }

    #[test]
    fn the_cap_counts_characters() {
        let mut capture = Capture::new(4);
        capture.write("é😀é😀".as_bytes());
        assert_eq!(capture.take(), ("é😀é😀".to_owned(), false));
        capture.write("é😀xyzé😀".as_bytes());
        assert_eq!(capture.take(), ("é😀\n... [3 characters of output removed] ...\né😀".to_owned(), true));
    }

    #[test]
    fn bytes_that_are_not_text_are_replaced_and_bounded() {
        let mut capture = Capture::new(4);
        capture.write(b"a\xFFb");
        capture.write("é".as_bytes().get(..1).unwrap());
        assert_eq!(capture.take(), ("a\u{FFFD}b\u{FFFD}".to_owned(), false));
        (0..1000).for_each(|_| capture.write(&[0x80; 1000]));
        assert!(capture.tail.len() < 4000 && capture.take().1);
    }

    #[test]
    fn a_flood_keeps_head_and_tail_at_every_chunk_size() {
        let text: Vec<u8> = (0..1000u32).flat_map(|n| format!("{n}é\n").into_bytes()).collect();
        let mut whole = Capture::new(40);
        whole.write(&text);
        let whole = whole.take();
        assert!(whole.1 && whole.0.starts_with("0é\n1é\n") && whole.0.ends_with("999é\n"));
        for chunk in [1, 7, 19, 20, 21, 39, 41] {
            let mut capture = Capture::new(40);
            text.chunks(chunk).for_each(|part| capture.write(part));
            assert_eq!(capture.take(), whole);
            assert_eq!(capture.take(), (String::new(), false));
        }
    }
}
