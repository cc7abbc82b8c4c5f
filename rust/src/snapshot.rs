//! States as bytes: numbers, texts and flags one after the other, in an envelope that tells what they are.
//!
//! ```text
//! "mfss"  kind (1 byte)  version (1 byte)  fields  checksum (8 bytes)
//! ```

use std::ops::Range;

/// Why bytes are not taken for a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSnapshot {
    /// They are something else.
    #[error("these bytes are no snapshot of this kind of state")]
    Foreign,
    /// Another version of mathforge wrote them.
    #[error("the snapshot has version {0}; this mathforge reads version {VERSION}")]
    Version(u8),
    /// They are not what was written.
    #[error("the snapshot is damaged")]
    Damaged,
}

const MAGIC: [u8; 4] = *b"mfss";
/// Changes with every change of the fields.
const VERSION: u8 = 1;

/// FNV-1a; every byte and its place count.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |state, &byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Writes fields.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A snapshot of this kind.
    pub fn new(kind: u8) -> Self {
        Self([&MAGIC[..], &[kind, VERSION]].concat())
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        let sum = checksum(&self.0);
        let mut bytes = self.0;
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// A number: seven bits per byte, the lowest first.
    pub fn number(&mut self, number: usize) {
        let mut rest = number as u64;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    /// A flag.
    pub fn flag(&mut self, flag: bool) {
        self.0.push(flag.into());
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Two numbers.
    pub fn range(&mut self, range: &Range<usize>) {
        self.number(range.start);
        self.number(range.end);
    }

    /// A field that may be absent.
    pub fn option<T>(&mut self, field: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(field.is_some());
        if let Some(field) = field {
            write(self, field);
        }
    }

    /// Fields of one kind.
    pub fn list<T>(&mut self, fields: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(fields.len());
        for field in fields {
            write(self, field);
        }
    }
}

/// Reads fields in the order in which they were written; `None` when they cannot be there.
#[derive(Debug)]
pub struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// The fields of a snapshot of this kind.
    pub fn new(bytes: &'b [u8], kind: u8) -> Result<Self, BadSnapshot> {
        let rest = bytes.strip_prefix(&MAGIC).and_then(|rest| rest.strip_prefix(&[kind]));
        let (version, rest) = rest.and_then(<[u8]>::split_first).ok_or(BadSnapshot::Foreign)?;
        if *version != VERSION {
            return Err(BadSnapshot::Version(*version));
        }
        let (fields, sum) = rest.split_last_chunk().ok_or(BadSnapshot::Damaged)?;
        if checksum(&bytes[..bytes.len() - sum.len()]) != u64::from_le_bytes(*sum) {
            return Err(BadSnapshot::Damaged);
        }
        Ok(Self(fields))
    }

    /// Whether every field was read.
    pub fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// A number.
    pub fn number(&mut self) -> Option<usize> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return number.try_into().ok();
            }
        }
        None
    }

    /// A flag.
    pub fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// Bytes.
    pub fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Text.
    pub fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    /// Two numbers, in order.
    pub fn range(&mut self) -> Option<Range<usize>> {
        let range = self.number()?..self.number()?;
        (range.start <= range.end).then_some(range)
    }

    /// A field that may be absent.
    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    /// Fields of one kind.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(numbers: &[usize], text: &str) -> Vec<u8> {
        let mut writer = Writer::new(7);
        writer.list(numbers, |writer, number| writer.number(*number));
        writer.option(Some(text), |writer, text| writer.bytes(text.as_bytes()));
        writer.finish()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(numbers in prop::collection::vec(any::<usize>(), 0..9), text: String) {
            let bytes = written(&numbers, &text);
            let mut reader = Reader::new(&bytes, 7).unwrap();
            prop_assert_eq!(reader.list(Reader::number), Some(numbers));
            prop_assert_eq!(reader.option(Reader::text), Some(Some(text)));
            prop_assert!(reader.is_done());
        }

        #[test]
        fn a_changed_or_cut_snapshot_is_refused(at in any::<prop::sample::Index>(), by in 1u8.., text: String) {
            let bytes = written(&[1, 300], &text);
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] ^= by;
            prop_assert!(Reader::new(&changed, 7).is_err());
            prop_assert!(Reader::new(&bytes[..at.index(bytes.len())], 7).is_err());
        }
    }

    #[test]
    fn kinds_and_versions_are_told_apart() {
        let mut bytes = written(&[], "");
        assert_eq!(Reader::new(&bytes, 8).err(), Some(BadSnapshot::Foreign));
        bytes[5] = 9;
        assert_eq!(Reader::new(&bytes, 7).err(), Some(BadSnapshot::Version(9)));
    }
}
