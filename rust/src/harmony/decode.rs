//! Ids to bytes and text.

use super::token::{VOCABULARY_SIZE, special_text};
use super::vocab::{WIDTH, short_tokens, vocabulary};

/// An id at or above [`VOCABULARY_SIZE`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token id {id} at position {position} is not in the o200k_harmony vocabulary (0 to {})", VOCABULARY_SIZE - 1)]
pub struct UnknownToken {
    /// The id.
    pub id: u32,
    /// Where it stands among the ids.
    pub position: usize,
}

/// Ids decoded between two looks at the room that is left.
const BLOCK: usize = 64;

/// Appends the bytes of `ids`; `unknown` are those of an id that is no token; without them its position is the error.
fn append(ids: &[u32], bytes: &mut Vec<u8>, unknown: Option<&[u8]>) -> Result<(), usize> {
    let short = short_tokens();
    let mut end = bytes.len();
    bytes.reserve(ids.len() * 4 + ids.len().min(BLOCK) * WIDTH);
    for (block, first) in ids.chunks(BLOCK).zip((0_usize..).step_by(BLOCK)) {
        // Room for short tokens only, and never cleared twice: what is behind `end` is cut off at last.
        let room = block.len() * WIDTH;
        let wanted = end + room;
        if bytes.len() < wanted {
            bytes.resize(wanted, 0);
        }
        for (&id, position) in block.iter().zip(first..) {
            let token = short.get(id as usize);
            if let Some(token) = token.filter(|token| usize::from(token[WIDTH - 1]) < WIDTH)
                && let Some(room) = bytes.get_mut(end..end + WIDTH)
            {
                // Always as many bytes, and as many of them as the token has count.
                room.copy_from_slice(token);
                end += usize::from(token[WIDTH - 1]);
                continue;
            }
            let special = special_text(id);
            let rare = vocabulary().bytes(id).or(special.as_deref().map(str::as_bytes));
            let rare = rare.or(unknown).ok_or(position)?;
            let wanted = end + rare.len() + room;
            if bytes.len() < wanted {
                bytes.resize(wanted, 0);
            }
            bytes[end..end + rare.len()].copy_from_slice(rare);
            end += rare.len();
        }
    }
    bytes.truncate(end);
    Ok(())
}

/// Appends the bytes of `ids`; an id that is no token gives U+FFFD.
pub fn append_lossy(ids: &[u32], bytes: &mut Vec<u8>) {
    let replaced = append(ids, bytes, Some("\u{fffd}".as_bytes()));
    debug_assert!(replaced.is_ok(), "nothing is refused");
}

/// How many bytes [`append_lossy`] appends.
pub fn byte_length(ids: &[u32]) -> usize {
    let lengths = vocabulary().lengths();
    let length =
        |id: &u32| lengths.get(*id as usize).map_or_else(|| special_length(*id), |&length| length.into());
    ids.iter().map(length).sum()
}

fn special_length(id: u32) -> usize {
    special_text(id).map_or('\u{fffd}'.len_utf8(), |text| text.len())
}

/// Bytes of the tokens; special tokens give their text.
pub fn decode_bytes(ids: &[u32]) -> Result<Vec<u8>, UnknownToken> {
    let mut bytes = Vec::new();
    append(ids, &mut bytes, None).map_err(|position| UnknownToken { id: ids[position], position })?;
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
    use proptest::prelude::*;

    #[test]
    fn specials_bad_bytes_and_unknown_ids() {
        assert_eq!(decode(&[200_006, 173_781]).unwrap(), "<|start|>assistant");
        let lead = vocabulary().iter().find(|(_, bytes)| *bytes == [0xe4]).map(|(id, _)| id).unwrap();
        assert_eq!(decode(&[lead, 29]).unwrap(), "\u{fffd}>");
        assert_eq!(decode(&[29, 201_088]), Err(UnknownToken { id: 201_088, position: 1 }));
        assert_eq!(decode(&[]).unwrap(), "");
    }

    proptest! {
        #[test]
        fn every_way_gives_the_bytes_of_each_id(ids in prop::collection::vec(prop_oneof![0..VOCABULARY_SIZE + 9, any::<u32>()], 0..300)) {
            let one_by_one: Vec<u8> = ids.iter().flat_map(|&id| {
                let special = special_text(id).map(|text| text.as_bytes().to_vec());
                let ordinary = vocabulary().bytes(id).map(<[u8]>::to_vec);
                ordinary.or(special).unwrap_or_else(|| "\u{fffd}".into())
            }).collect();
            let mut bytes = b"before".to_vec();
            append_lossy(&ids, &mut bytes);
            prop_assert_eq!(&bytes[6..], &one_by_one);
            prop_assert_eq!(byte_length(&ids), one_by_one.len());
            if let Ok(exact) = decode_bytes(&ids) {
                prop_assert_eq!(exact, one_by_one);
            }
        }
    }
}
