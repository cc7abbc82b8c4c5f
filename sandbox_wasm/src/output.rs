//! Captured output with a cap: the head and the tail are kept, the middle is counted and dropped.

use std::collections::VecDeque;

/// One stream of a cell.
#[derive(Debug)]
pub struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: usize,
    cap_bytes: usize,
}

impl Capture {
    /// Keeps at most `cap_bytes`, half from the start and half from the end.
    pub fn new(cap_bytes: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), dropped: 0, cap_bytes }
    }

    /// Takes what the guest wrote.
    pub fn write(&mut self, bytes: &[u8]) {
        let to_head = bytes.len().min((self.cap_bytes / 2).saturating_sub(self.head.len()));
        self.head.extend_from_slice(&bytes[..to_head]);
        let rest = &bytes[to_head..];
        let tail_cap = self.cap_bytes - self.cap_bytes / 2;
        let skipped = rest.len().saturating_sub(tail_cap);
        let rest = &rest[skipped..];
        let overflow = (self.tail.len() + rest.len()).saturating_sub(tail_cap);
        self.tail.drain(..overflow);
        self.tail.extend(rest);
        self.dropped += skipped + overflow;
    }

    /// The text so far and whether anything is missing; the capture is empty afterwards.
    pub fn take(&mut self) -> (String, bool) {
        let head = std::mem::take(&mut self.head);
        let tail: Vec<u8> = std::mem::take(&mut self.tail).into();
        match std::mem::take(&mut self.dropped) {
            0 => {
                let whole = [head, tail].concat();
                (String::from_utf8_lossy(&whole).into_owned(), false)
            }
            dropped => {
                let (head, tail) = (trim_end(&head), trim_start(&tail));
                let text = format!(
                    "{}\n... [{dropped} bytes of output removed] ...\n{}",
                    String::from_utf8_lossy(head),
                    String::from_utf8_lossy(tail)
                );
                (text, true)
            }
        }
    }
}

/// Drops the character that the cut left incomplete at the end.
fn trim_end(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}

/// Drops the continuation bytes of a character whose start was cut off.
fn trim_start(bytes: &[u8]) -> &[u8] {
    let skip = bytes.iter().take(3).take_while(|&&byte| byte & 0xC0 == 0x80).count();
    &bytes[skip..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_is_untouched() {
        let mut capture = Capture::new(10);
        capture.write(b"01234");
        capture.write("5678é".as_bytes().get(..4).unwrap());
        assert_eq!(capture.take(), ("012345678".to_owned(), false));
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
