//! Ids to bytes and text.

use super::token::{VOCABULARY_SIZE, special_text};
use super::vocab::vocabulary;

/// An id at or above [`VOCABULARY_SIZE`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token id {id} at position {position} is not in the o200k_harmony vocabulary (0 to {})", VOCABULARY_SIZE - 1)]
pub struct UnknownToken {
    /// The id.
    pub id: u32,
    /// Where it stands among the ids.
    pub position: usize,
}

/// Bytes of the tokens; special tokens give their text.
pub fn decode_bytes(ids: &[u32]) -> Result<Vec<u8>, UnknownToken> {
    let table = vocabulary();
    let mut bytes = Vec::with_capacity(ids.len() * 4);
    for (position, &id) in ids.iter().enumerate() {
        if let Some(token) = table.bytes(id) {
            bytes.extend_from_slice(token);
        } else {
            let text = special_text(id).ok_or(UnknownToken { id, position })?;
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    Ok(bytes)
}

/// Text of the tokens; each maximal invalid UTF-8 sequence becomes one U+FFFD.
pub fn decode(ids: &[u32]) -> Result<String, UnknownToken> {
    decode_bytes(ids).map(lossy_text)
}

/// UTF-8 text of bytes, without a copy when they are valid.
pub fn lossy_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specials_bad_bytes_and_unknown_ids() {
        assert_eq!(decode(&[200_006, 173_781]).unwrap(), "<|start|>assistant");
        let lead = vocabulary().iter().find(|(_, bytes)| *bytes == [0xe4]).map(|(id, _)| id).unwrap();
        assert_eq!(decode(&[lead, 29]).unwrap(), "\u{fffd}>");
        assert_eq!(decode(&[29, 201_088]), Err(UnknownToken { id: 201_088, position: 1 }));
        assert_eq!(decode(&[]).unwrap(), "");
    }
}
