//! The ordinary tokens of `o200k_harmony`, embedded and unpacked on first use.
//!
//! Structure parsing needs none of this; only the text of tokens does, and only encoding needs the hash table.

use std::sync::OnceLock;

use super::token::FIRST_SPECIAL;

/// Written by `scripts/build_vocabulary.py`, which describes the layout.
static PACKED: &[u8] = include_bytes!("o200k_harmony.bin.zst");
const UNPACKED_BYTES: usize = 1_604_131;
const TOKEN_COUNT: usize = FIRST_SPECIAL as usize;
const TOKEN_BYTES: usize = 1_397_670;

/// Bytes of every ordinary token.
pub struct Vocabulary {
    unpacked: Vec<u8>,
    starts: Vec<u32>,
}

/// The one vocabulary of the process; unpacking takes some milliseconds, once.
pub fn vocabulary() -> &'static Vocabulary {
    static LOADED: OnceLock<Vocabulary> = OnceLock::new();
    LOADED.get_or_init(Vocabulary::unpack)
}

/// Bytes of an entry of [`short_tokens`].
pub const WIDTH: usize = 16;

/// Every ordinary token in as many bytes, which copy faster than a length that varies: its own bytes, then zeros, and
/// at last its length. For a token of `WIDTH` bytes or more the length is `WIDTH`, and the bytes are absent.
pub fn short_tokens() -> &'static [[u8; WIDTH]] {
    static LOADED: OnceLock<Vec<[u8; WIDTH]>> = OnceLock::new();
    LOADED.get_or_init(|| {
        let entry = |(_, bytes): (u32, &[u8])| {
            let mut entry = [0; WIDTH];
            match entry.get_mut(..bytes.len()) {
                Some(room) if bytes.len() < WIDTH => {
                    room.copy_from_slice(bytes);
                    entry[WIDTH - 1] = bytes.len() as u8;
                }
                _ => entry[WIDTH - 1] = WIDTH as u8,
            }
            entry
        };
        vocabulary().iter().map(entry).collect()
    })
}

impl Vocabulary {
    fn unpack() -> Self {
        let mut unpacked = vec![0; UNPACKED_BYTES];
        let written = ruzstd::decoding::FrameDecoder::new().decode_all(PACKED, &mut unpacked);
        // Bytes of our own binary: a test pins their hash, so this can only fail in a damaged installation.
        assert!(
            matches!(written, Ok(UNPACKED_BYTES)),
            "the embedded vocabulary is damaged: reinstall mathforge"
        );
        let mut starts = Vec::with_capacity(TOKEN_COUNT + 1);
        let mut start = TOKEN_COUNT as u32;
        starts.push(start);
        for &length in &unpacked[..TOKEN_COUNT] {
            start += u32::from(length);
            starts.push(start);
        }
        Self { unpacked, starts }
    }

    /// Bytes of an ordinary token; `None` for special and unknown ids.
    #[inline]
    pub fn bytes(&self, id: u32) -> Option<&[u8]> {
        let start = *self.starts.get(id as usize)?;
        let end = *self.starts.get(id as usize + 1)?;
        self.unpacked.get(start as usize..end as usize)
    }

    /// Length in bytes of every ordinary token.
    pub fn lengths(&self) -> &[u8] {
        &self.unpacked[..TOKEN_COUNT]
    }

    /// Every ordinary token with its id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.starts
            .windows(2)
            .zip(0..)
            .map(|(bounds, id)| (id, &self.unpacked[bounds[0] as usize..bounds[1] as usize]))
    }

    /// The packed runs of character classes; see `pretokenize`.
    pub(super) fn class_runs(&self) -> &[u8] {
        &self.unpacked[TOKEN_COUNT + TOKEN_BYTES..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_table_is_the_pinned_one() {
        let digest: [u8; 32] = Sha256::digest(&vocabulary().unpacked).into();
        let pinned = "456f8f13d0f0827c11c3c3f900ff3b2ee9c1134cc7f28c9ddc1849bb315335b8";
        for (at, byte) in digest.iter().enumerate() {
            assert_eq!(format!("{byte:02x}"), pinned[2 * at..2 * at + 2]);
        }
    }

    #[test]
    fn known_tokens() {
        let table = vocabulary();
        assert_eq!(table.bytes(173_781), Some(b"assistant".as_slice()));
        assert_eq!(table.bytes(316), Some(b" to".as_slice()));
        assert_eq!(table.bytes(FIRST_SPECIAL), None);
        assert_eq!(table.bytes(u32::MAX), None);
        assert_eq!(table.iter().count(), TOKEN_COUNT);
        assert_eq!(table.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(), TOKEN_BYTES);
    }
}
